r"""Refit readout: solve a readout anew for the spikes that the integers really give.

The membrane of a readout at the end of a sample is linear in its weights and its bias
(`spikec.passes.linear_readout`). Whatever rounding and ticks did to the neurons before it, the weights that
fit best to what they do now follow in closed form,

.. math:: B = (F^T F + \lambda s I)^{-1} F^T Y, \qquad s = tr(F^T F) / n,

with centred features :math:`F` and targets :math:`Y`: one for the right class and zero elsewhere, or without
labels the float network's readout. They are put on the chip's grid with regard to each other
(`spikec.passes.readout_fit`). The penalty :math:`\lambda` and how wide the grid is are chosen by the squared
error of the readout in integers on samples that were held out. The refit is taken only if on these it comes
clearly nearer to the float network's readout than the readout before: right answers do not tell, for a
network that was trained on these samples may remember them whatever rounding did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.backend import Backend
from spikec.calibration import Calibration
from spikec.errors import EventsError
from spikec.events import Events
from spikec.passes.judgement import centred, unexplained
from spikec.passes.linear_readout import LinearReadout, linear_readout
from spikec.passes.moments import Moments, moments
from spikec.passes.readout_fit import fits, placed, solutions, varying
from spikec.passes.replay import CLEARLY, Replay, held_out, on_clock, replay
from spikec.program import LogEntry, Program
from spikec.targets.target import Formats

PENALTIES = tuple(10.0 ** np.arange(2.0, -5.5, -0.5))
"""Penalties to choose from, in units of the mean eigenvalue s; of equally good ones the largest is taken."""

SPANS = tuple(0.5 ** np.arange(0.0, 3.0, 0.5))
"""Part of the widest range of weights that the grid is as wide as: wider ones are clipped, others finer."""

CHUNK = 256
"""Samples whose features are held at a time."""


@dataclass(frozen=True)
class Judgement:
    """How a program does on samples that take no part in its fit.

    Attributes:
        unexplained: What part of the float network's readout its own does not explain.
        right: Share of right answers: of the labels, or else of the float network's.
    """

    unexplained: float
    right: float


@dataclass(frozen=True, eq=False)
class RefitReadout:
    """Solve the readout of a program in integers for labels or for the float network's answers.

    Attributes:
        calibration: Samples and the float network's run on them.
        backend: What runs the program in integers.
        label_free: Whether labels are not used even if they are known.
    """

    calibration: Calibration
    backend: Backend
    label_free: bool = False

    name: ClassVar[str] = "refit-readout"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`.

        Raises:
            EventsError: There are fewer samples than the readout has neurons, or no neuron that it reads does
                anything different from sample to sample.
        """
        found = on_clock(program, self.calibration)
        before = replay(program, found, self.backend)
        readout = linear_readout(program, before)
        formats = program.target.formats
        if isinstance(readout, str) or formats is None:
            return program.logged(LogEntry(self.name, True, f"readout kept: {readout}", {"taken": False}))
        targets, whose = self._targets(readout)
        decides = held_out(len(targets))
        fitting, deciding = (
            moments(_pieces(readout, before.spikes, targets, chosen), readout.n_features, targets.shape[1])
            for chosen in (~decides, decides)
        )
        constant = _constant_features(readout, fitting)
        penalty, span = best_choice(readout, fitting, deciding, formats)
        (fit,) = fits(readout, fitting, penalty, (span,), formats)
        trial = placed(program, readout, fit, formats)
        after = None if trial is None else replay(trial[0], found, self.backend)
        old, new = self._judged(before, decides), self._judged(after, decides)
        final = None
        if new.unexplained < CLEARLY * old.unexplained:
            (whole,) = fits(readout, fitting + deciding, penalty, (span,), formats)
            final = placed(program, readout, whole, formats)
        figures: dict[str, object] = {
            "taken": final is not None,
            "samples": len(targets),
            "held_out": int(decides.sum()),
            "targets": whose,
            "right_before": old.right,
            "right_after": new.right,
            "unexplained_before": old.unexplained,
            "unexplained_after": new.unexplained,
            "penalty": penalty,
            "span": span,
            "constant_features": constant,
        }
        won = (
            f"{100 * old.unexplained:.3g} -> {100 * new.unexplained:.3g} % of the float network's readout "
            f"unexplained, {100 * old.right:.4g} -> {100 * new.right:.4g} % of held-out samples right"
        )
        if final is None:
            summary = f"readout kept: refitting it gives {won}"
            return program.logged(LogEntry(self.name, True, summary, figures))
        refitted, scale = final
        scales = {**program.scales, readout.population.name: np.full(readout.population.n, scale)}
        return refitted.logged(LogEntry(self.name, False, f"readout refitted: {won}", figures), scales=scales)

    def _judged(self, run: Replay | None, decides: BoolArray) -> Judgement:
        """How a run does on the samples that decide; a run that cannot be does worst."""
        if run is None or run.scores is None or run.predictions is None:
            return Judgement(1.0, 0.0)
        found = self.calibration
        answers = found.predictions if found.labels is None else found.labels
        assert found.scores is not None
        assert answers is not None
        right = float(np.mean(run.predictions[decides] == answers[decides]))
        return Judgement(unexplained(found.scores[decides], run.scores[decides]), right)

    def _targets(self, readout: LinearReadout) -> tuple[FloatArray, str]:
        """Targets ``(n_samples, n)``, and whose they are."""
        found, n = self.calibration, readout.population.n
        if found.n_samples < max(n, 4):
            raise EventsError(
                f"{found.n_samples} samples are too few to refit the {n} columns of readout "
                f"{readout.population.name}; give {max(n, 4)} or more"
            )
        if found.labels is not None and not self.label_free:
            return centred(np.eye(n)[found.labels]), "labels"
        assert found.scores is not None
        scores = centred(found.scores)
        return scores / max(float(scores.std()), 1e-300), "the float network's scores"


def best_choice(
    readout: LinearReadout, fitting: Moments, deciding: Moments, formats: Formats
) -> tuple[float, float]:
    """The penalty and the span with the least error on samples that decide.

    Real weights say about which penalty; rounded ones may want a neighbour of it.
    """
    real = [deciding.squared_error(centred(w), centred(bias)) for w, bias in solutions(fitting, PENALTIES)]
    least = int(np.argmin(real))
    errors = {
        (penalty, span): fit.squared_error(deciding)
        for penalty in PENALTIES[max(least - 1, 0) : least + 2]
        for span, fit in zip(SPANS, fits(readout, fitting, penalty, SPANS, formats), strict=True)
    }
    return min(errors, key=lambda choice: errors[choice])


def _constant_features(readout: LinearReadout, sums: Moments) -> int:
    """How many features say nothing; refused if all of them do."""
    some = varying(sums)
    if not some.any():
        raise EventsError(
            f"all {readout.n_features} neurons that readout {readout.population.name} reads do the same in "
            f"all {sums.n} samples, and constant features say nothing of classes; give other samples"
        )
    return int(np.count_nonzero(~some))


def _pieces(
    readout: LinearReadout, spikes: dict[str, Events], targets: FloatArray, chosen: BoolArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Features and targets of the chosen samples, some at a time."""
    for first in range(0, len(targets), CHUNK):
        last = min(first + CHUNK, len(targets))
        kept = chosen[first:last]
        yield readout.features(spikes, first, last)[kept], targets[first:last][kept]

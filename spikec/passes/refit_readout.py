r"""Refit readout: solve a readout anew for the spikes that the integers really give.

The membrane of a readout at the end of a sample is linear in its weights and its bias
(`spikec.passes.linear_readout`). Whatever rounding and ticks did to the neurons before it, the weights that
fit best to what they do now follow in closed form,

.. math:: B = (F^T F + \lambda s I)^{-1} F^T Y, \qquad s = tr(F^T F) / n,

with centred features :math:`F` and targets :math:`Y`: one for the right class and zero elsewhere, or without
labels the float network's readout. They are put on the chip's grid with regard to each other
(`spikec.passes.grid_fit`). The penalty :math:`\lambda` is chosen by the squared error of the readout in
integers on samples that were held out. The refit is taken only if on these it comes clearly nearer to the
float network's readout than the readout before: right answers do not tell, for a network that was trained on
these samples may remember them whatever rounding did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.backend import Backend
from spikec.calibration import Calibration
from spikec.errors import EventsError
from spikec.events import Events
from spikec.ir.fixed_point import FixedFormat
from spikec.passes.grid_fit import Grid, rounded_in_turn, settled
from spikec.passes.linear_readout import LinearReadout, linear_readout
from spikec.passes.moments import Moments, moments
from spikec.passes.replay import CLEARLY, Replay, held_out, replay
from spikec.program import LogEntry, Program
from spikec.targets.target import Formats

PENALTIES = tuple(10.0 ** np.arange(2.0, -5.0, -1.0))
"""Penalties to choose from, in units of the mean eigenvalue s; of equally good ones the largest is taken."""

SPANS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12)
"""Part of the largest weight that the largest mantissa stands for: larger ones are clipped, others finer."""

CONSTANT = 1e-9
"""A feature is constant if what deviates from its mean is no more than this part of its squares."""

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
        before = replay(program, self.calibration, self.backend)
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
        fits = {p: solve(readout, fitting, p, formats) for p in PENALTIES}
        penalty = min(PENALTIES, key=lambda p: deciding.squared_error(*fits[p].in_targets_units()))
        trial = placed(program, readout, fitting, penalty, formats)
        after = None if trial is None else replay(trial[0], self.calibration, self.backend)
        old, new = self._judged(before, decides), self._judged(after, decides)
        final = None
        if new.unexplained < CLEARLY * old.unexplained:
            final = placed(program, readout, fitting + deciding, penalty, formats)
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
            return np.eye(n)[found.labels], "labels"
        assert found.scores is not None
        centred = _centred(found.scores)
        return centred / max(float(centred.std()), 1e-300), "the float network's scores"


@dataclass(frozen=True, eq=False)
class Fit:
    """A readout on a grid.

    Attributes:
        formats: Of each projection.
        values: Weights in units of the weight bit, ``(n_features, n)``.
        intercept: Membrane without any spike, ``(n,)``.
        scale: Integer membrane units that stand for one unit of the targets.
    """

    formats: tuple[FixedFormat, ...]
    values: FloatArray
    intercept: FloatArray
    scale: float

    def in_targets_units(self) -> tuple[FloatArray, FloatArray]:
        """Weights and intercept whose sum is meant to be the targets."""
        return self.values / self.scale, self.intercept / self.scale

    def smaller(self, powers: int) -> Fit:
        """The same mantissas with exponents, and so a scale, that are so many powers of two lower."""
        forms = tuple(replace(f, exponent=f.exponent - powers) for f in self.formats)
        part = 0.5**powers
        return Fit(forms, self.values * part, self.intercept * part, self.scale * part)


def solve(readout: LinearReadout, sums: Moments, penalty: float, formats: Formats) -> Fit:
    """The readout on a grid that fits best.

    Args:
        readout: As it is; the bits and signs of its formats stay.
        sums: Of features and targets.
        penalty: In units of s.
        formats: The chip's.
    """
    squares, products = sums.centred()
    varying = _varying(sums)
    s = float(np.trace(squares)) / len(squares)
    a = squares[np.ix_(varying, varying)] + penalty * s * np.eye(int(varying.sum()))
    best = np.linalg.solve(a, products[varying])
    whole = np.zeros_like(products)
    whole[varying] = best
    spread = np.diag(a)[:, None]

    def rounding_error(span: float) -> float:
        scale, forms = _scaled(readout, whole, span, formats)
        miss = _grid(readout, forms, varying).all_nearest(scale * best) / scale - best
        return float(np.sum(spread * miss**2))

    scale, forms = _scaled(readout, whole, min(SPANS, key=rounding_error), formats)
    grid = _grid(readout, forms, varying)
    turned = rounded_in_turn(np.linalg.cholesky(a).T, scale * best, grid)
    whole[varying] = settled(a, scale * best, grid, turned)
    return Fit(forms, whole, (scale * sums.y - sums.f @ whole) / sums.n, scale)


def placed(
    program: Program, readout: LinearReadout, sums: Moments, penalty: float, formats: Formats
) -> tuple[Program, float] | None:
    """The program with the readout solved anew, as large as nothing can wrap; None if it fits at no scale.

    Returns:
        The program, and the integer membrane units of one unit of the targets.
    """
    whole = solve(readout, sums, penalty, formats)
    lowest = int(formats.weight_exponent_min.value)
    for lower in range(min(f.exponent for f in whole.formats) - lowest + 1):
        fit = whole.smaller(lower)
        bias = fit.intercept / readout.bias_gain
        exponent = int(np.ceil(np.log2(max(float(np.abs(bias).max()) / formats.bias_max.value, 1.0)) - 1e-12))
        if exponent > formats.bias_exponent_max.value:
            continue
        mantissa = np.rint(bias / 2.0**exponent).astype(np.int64)
        changed = readout.with_values(fit.formats, fit.values, mantissa, exponent)
        there = changed.placed(program)
        if changed.holds(there):
            return there, fit.scale
    return None


def _scaled(
    readout: LinearReadout, best: FloatArray, span: float, formats: Formats
) -> tuple[float, tuple[FixedFormat, ...]]:
    """A scale at which the largest mantissa stands for a part of the largest weight, and formats for it."""
    given = readout.formats()
    low, high = int(formats.weight_exponent_min.value), int(formats.weight_exponent_max.value)
    reaches, start = [], 0
    for q, form in zip(readout.projections, given, strict=True):
        rows = best[start : start + q.connectivity.n_pre]
        start += len(rows)
        up = float(rows.max(initial=0.0)) / form.maximum if form.maximum else 0.0
        down = float(rows.min(initial=0.0)) / form.minimum if form.minimum else 0.0
        reaches.append(span * max(up, down))
    widest = int(np.argmax([q.connectivity.n_synapses * (r > 0) for q, r in
                            zip(readout.projections, reaches, strict=True)]))  # fmt: skip
    exponent = max(given[widest].exponent, 0)
    scale = 2.0**exponent / max(reaches[widest], 1e-300)
    needed = [int(np.ceil(np.log2(max(scale * r, 2.0**-40)) - 1e-9)) for r in reaches]
    return scale, tuple(
        replace(form, exponent=min(max(k, low), high)) for form, k in zip(given, needed, strict=True)
    )


def _grid(readout: LinearReadout, forms: tuple[FixedFormat, ...], varying: BoolArray) -> Grid:
    """What the weights of varying features may be, in units of the weight bit."""
    rows = [
        np.repeat([[f.step * 2.0**f.exponent, f.minimum * 2.0**f.exponent, f.maximum * 2.0**f.exponent]],
                  q.connectivity.n_pre, axis=0)
        for q, f in zip(readout.projections, forms, strict=True)
    ]  # fmt: skip
    return Grid(*np.concatenate(rows)[varying].T)


def _varying(sums: Moments) -> BoolArray:
    """Which features differ between samples, by more than rounding, ``(n_features,)``."""
    varying: BoolArray = np.diag(sums.centred()[0]) > CONSTANT * np.diag(sums.ff)
    return varying


def _constant_features(readout: LinearReadout, sums: Moments) -> int:
    """How many features say nothing; refused if all of them do."""
    varying = _varying(sums)
    if not varying.any():
        raise EventsError(
            f"all {readout.n_features} neurons that readout {readout.population.name} reads do the same in "
            f"all {sums.n} samples, and constant features say nothing of classes; give other samples"
        )
    return int(np.count_nonzero(~varying))


def unexplained(meant: FloatArray, scores: FloatArray) -> float:
    """What part of the squares of some scores other ones do not explain, at whatever scale.

    What all classes of a sample have in common counts for neither, for it changes no answer.

    Args:
        meant: ``(n_samples, n)``.
        scores: ``(n_samples, n)``.
    """
    a, b = _centred(meant), _centred(scores)
    size = float(np.sum(a**2)) * float(np.sum(b**2))
    return 1.0 - max(float(np.sum(a * b)), 0.0) ** 2 / size if size else 1.0


def _centred(scores: FloatArray) -> FloatArray:
    centred: FloatArray = scores - scores.mean(axis=1, keepdims=True)
    return centred


def _pieces(
    readout: LinearReadout, spikes: dict[str, Events], targets: FloatArray, chosen: BoolArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Features and targets of the chosen samples, some at a time."""
    for first in range(0, len(targets), CHUNK):
        last = min(first + CHUNK, len(targets))
        kept = chosen[first:last]
        yield readout.features(spikes, first, last)[kept], targets[first:last][kept]

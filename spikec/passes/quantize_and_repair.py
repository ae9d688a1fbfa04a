"""Quantise and repair: the way of rounding and the repair that are the best together.

Which way of rounding comes nearest to the float network says little of which does once neurons are shifted:
of one network of `yinyang-ttfs-delays` with 4 bits and 134 ticks, the best before repair gave 84.0 % of right
answers after it, another 90.5. So ways of rounding, each with shifted neurons and without, are judged by what
comes out in the end: of those with no fewer of the float network's answers on held-out samples than weights
alone have, the one is kept that has most on all samples. Weights alone are one of them. Others than the usual
are tried only where they may win something.

Where the answer is a membrane that is linear in its weights, the readout is solved anew for whatever hidden
neurons do (`spikec.passes.refit_readout`), which judges itself; there the weights' own choice stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikec.arrays import BoolArray
from spikec.backend import Backend
from spikec.passes.base import Pass, run_pipeline
from spikec.passes.correct_bias import CorrectBias
from spikec.passes.judgement import clearly_more, same_answers
from spikec.passes.linear_readout import linear_readout
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.refit_layers import RefitLayers
from spikec.passes.refit_readout import RefitReadout
from spikec.passes.replay import held_out, on_clock, replay
from spikec.passes.weight_fit import Rounding
from spikec.program import LogEntry, Program
from spikec.targets.rules import check_all

Ways = Mapping[Rounding, Callable[[], Program]]

ENOUGH = 0.99
"""Share of the float network's answers with which nothing else is tried: little is left to be won."""


@dataclass(frozen=True, eq=False)
class QuantizeAndRepair:
    """Put weights into integers, and make good what that did, decided by data, without training.

    Attributes:
        weights: How weights become integers, with a calibration.
        backend: What runs programs in integers.
        label_free: Whether labels are not used even if they are known.
    """

    weights: QuantizeWeights
    backend: Backend
    label_free: bool = False

    name: ClassVar[str] = "quantize-and-repair"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        ways = self.weights.ways(program)
        done = self.repaired(program, ways, *self.weights.chosen(ways))
        return self.weights.with_certificate(program, done)

    def repaired(self, real: Program, ways: Ways, rounding: Rounding, program: Program) -> Program:
        """The best repair of a program in integers, or of one that another way of rounding makes.

        Args:
            real: The program before its weights became integers.
            ways: What puts them into integers, by the way of rounding.
            rounding: The way that the weights pass chose.
            program: What it made.
        """
        found = self.weights.calibration
        assert found is not None
        run = replay(program, on_clock(program, found), self.backend)
        shifted = self._mended(real, program, True)
        if found.predictions is None or not isinstance(linear_readout(program, run), str):
            return shifted
        alone = same_answers(run, found)
        made, same = dict[str, Program](), dict[str, BoolArray]()
        decides = held_out(found.n_samples)
        for name, p in self._tried(real, ways, rounding, program, shifted):
            made[name] = p
            same[name] = same_answers(replay(p, on_clock(p, found), self.backend), found)
            if same[name].mean() >= ENOUGH or not clearly_more(np.ones_like(decides), same[name]):
                break
        made["weights alone"], same["weights alone"] = program, alone
        kept = _best({name: len(check_all(p)) for name, p in made.items()}, same, decides)
        shares = {name: float(s.mean()) for name, s in same.items()}
        told = ", ".join(f"{name} {100 * share:.4g}" for name, share in shares.items())
        figures = {"kept": kept} | {f"{name}.same_answers": share for name, share in shares.items()}
        summary = f"{kept} kept; same answers, in percent: {told}"
        return made[kept].logged(LogEntry(self.name, True, summary, figures))

    def _tried(
        self, real: Program, ways: Ways, rounding: Rounding, program: Program, shifted: Program
    ) -> Iterator[tuple[str, Program]]:
        """Repaired programs by what was done to them, the usual ones first."""
        yield f"{rounding.value}, shifted", shifted
        yield rounding.value, self._mended(real, program, False)
        for other in ways:
            if other is not rounding:
                yield f"{other.value}, shifted", self._mended(real, ways[other](), True)
                yield other.value, self._mended(real, ways[other](), False)

    def _mended(self, real: Program, program: Program, shifts: bool) -> Program:
        found = self.weights.calibration
        assert found is not None
        passes: tuple[Pass, ...] = (
            *((CorrectBias(found, self.backend),) if shifts else ()),
            RefitLayers(real, found, self.backend),
            RefitReadout(found, self.backend, self.label_free),
        )
        return run_pipeline(program, passes)


def _best(broken: Mapping[str, int], same: Mapping[str, BoolArray], decides: BoolArray) -> str:
    """The program to keep: one that breaks the fewest limits, and has most of the float network's answers.

    Args:
        broken: How many limits each program breaks; the last is what the others have to come up to.
        same: Which samples each answers as the float network does, ``(n_samples,)``.
        decides: Samples of which none may have fewer such answers than the last.
    """
    fewest = min(broken.values())
    good = [name for name, n in broken.items() if n == fewest]
    least = int(np.sum(same[list(broken)[-1]] & decides))
    kept = [name for name in good if int(np.sum(same[name] & decides)) >= least] or good
    return max(kept, key=lambda name: int(same[name].sum()))

"""Correct biases: shift each neuron until on average it spikes as in the float network.

Rounded weights move the mean of what a neuron adds up, and with it all its spikes. A constant of its own
makes up for the mean: a bias, which chips store for every neuron, where thresholds are one for a population
(Loihi 2) or a few for a core (Loihi 1); for `Theta`, whose constants are its program's, the phase in which it
begins. No labels are needed.

The more a neuron is shifted, the earlier and the more often it spikes, so bisection finds the shift at which
means agree; of all shifts tried each neuron takes the one whose single spikes miss least. Populations go in
the order in which spikes flow, each behind those that are corrected already. A population's shifts are
taken only if its spikes come clearly nearer to the float network's on samples that were held out, too, and
not tried where they miss by no more than a tick's rounding, or as much to one side as to the other. Where
several neurons tell parts of a tick, they are taken if spikes come nearer at all, for a tick's rounding is
most of the error. Spikes that come nearer on average may still change answers: if clearly fewer are the float
network's, all stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.backend import Backend
from spikec.calibration import Calibration
from spikec.ir.bounds import once_spiking
from spikec.ir.fixed_neurons import CubaFixed, ThetaFixed
from spikec.ir.network import Population
from spikec.passes.judgement import clearly_more, same_answers
from spikec.passes.pairs import pair_of
from spikec.passes.replay import CLEARLY, TICK, Replay, held_out, leads, on_clock, replay
from spikec.program import LogEntry, Program
from spikec.targets.rules import check_all
from spikec.targets.target import Formats
from spikec.units import several

LARGEST = 0.5
"""The largest shift, as a part of a threshold, or of a quarter turn of `Theta`."""

LEAST = 0.02
"""Part of squared errors that their neurons' means must be, or shifts are not tried: they move means."""

STEPS = 8
"""Bisections: the last is 1/128 of the largest shift."""


@dataclass(frozen=True, eq=False)
class CorrectBias:
    """Shift neurons of a program in integers until their spikes are the float network's on average.

    Attributes:
        calibration: Samples and the float network's run on them.
        backend: What runs the program in integers.
    """

    calibration: Calibration
    backend: Backend

    name: ClassVar[str] = "correct-bias"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        start, formats = program, program.target.formats
        found = on_clock(program, self.calibration)
        first = run = replay(program, found, self.backend)
        figures: dict[str, object] = {}
        taken = list[str]()
        for name in (name for component in program.network.components() for name in component):
            p = program.network.population(name)
            if formats is None or not self._can_shift(program, p):
                continue
            changed, trial, before, after = self._corrected(program, p, formats, run, found)
            figures[f"{name}.error_before"] = before
            figures[f"{name}.error_after"] = after
            if after < CLEARLY * before or (name in _tell_parts(program) and after < before):
                program, run = changed, trial
                taken.append(name)
        was, now = (same_answers(r, found) for r in (first, run))
        figures |= {"same_answers_before": float(was.mean()), "same_answers_after": float(now.mean())}
        if clearly_more(was, now):
            summary = (
                f"no population shifted: spikes of {', '.join(taken)} would come nearer to the float "
                f"network's, but {100 * was.mean():.4g} -> {100 * now.mean():.4g} % of answers be the same"
            )
            return start.logged(LogEntry(self.name, True, summary, figures))
        summary = f"{several(len(taken), 'population')} shifted to spike as in the float network on average"
        if taken:
            spans = (
                f"{figures[f'{n}.error_before']:.3g} -> {figures[f'{n}.error_after']:.3g}" for n in taken
            )
            summary += f": error of {', '.join(taken)} on held-out samples {', '.join(spans)}"
        return program.logged(LogEntry(self.name, not taken, summary, figures))

    def _can_shift(self, program: Program, p: Population) -> bool:
        """Whether each neuron has one of the float network to follow, and something to be shifted by."""
        name = program.stands_for(p.name)
        given = self.calibration.spikes.get(name)
        if given is None or not given.n_events or given.n_neurons != program.network.population(name).n:
            return False
        return isinstance(p.neuron, CubaFixed | ThetaFixed)

    def _corrected(
        self, program: Program, p: Population, formats: Formats, first: Replay, found: Calibration
    ) -> tuple[Program, Replay, float, float]:
        """The program with one population shifted, its run, and its error before and after, held out."""
        decides = held_out(self.calibration.n_samples)
        fits = ~decides if self.calibration.n_samples > 1 else decides
        often = bool(self.calibration.spikes[program.stands_for(p.name)].counts().max() > 1)
        wanted = self._wanted(program, p.name, first.n_ticks, often)
        got = _done(first, p.name, often)
        miss = got - wanted
        error = _rms(miss, decides)
        if p.name not in _tell_parts(program) and _hopeless(miss[fits], wanted[fits], often):
            return program, first, error, error
        best, least = np.zeros(p.n), _squares(miss, fits)
        shift, width = np.zeros(p.n), 1.0
        for _ in range(STEPS):
            width /= 2
            late = got[fits].mean(axis=0) < wanted[fits].mean(axis=0)
            shift = np.where(late, shift + width, shift - width)
            run = replay(_shifted(program, p, shift, first.n_ticks, formats), found, self.backend)
            got = _done(run, p.name, often)
            squares = _squares(got - wanted, fits)
            better = squares < least
            best, least = np.where(better, shift, best), np.minimum(least, squares)
        changed = _shifted(program, p, best, first.n_ticks, formats)
        final = replay(changed, found, self.backend)
        after = _rms(_done(final, p.name, often) - wanted, decides)
        return changed, final, error, after if _still_fits(program, changed) else np.inf

    def _wanted(self, program: Program, name: str, n_ticks: int, often: bool) -> FloatArray:
        """What the float network's neurons do, on the program's clock, ``(n_samples, n)``."""
        first = program.stands_for(name)
        if often:
            return self.calibration.spikes[first].counts().astype(np.float64)
        ticks = self.calibration.first_times(first) / program.network.dt + program.late.get(first, 0.0)
        if name == first:
            return leads(ticks, n_ticks)
        others = program.network.population(name).n // ticks.shape[1]
        behind = np.repeat(np.arange(1, others + 1) / (others + 1), ticks.shape[1])
        return leads(np.tile(ticks, others) + behind, n_ticks)


def _hopeless(miss: FloatArray, wanted: FloatArray, often: bool) -> bool:
    """Whether shifts will not bring a population clearly nearer: ticks round, or neurons err to either side.

    Args:
        miss: Errors, ``(n_samples, n)``.
        wanted: What they are errors of.
        often: Whether that is counted, and not in ticks.
    """
    squares = float(np.mean(miss**2))
    rounding = 0.0 if often else TICK**2 * float(np.mean(wanted > 0))
    return CLEARLY**2 * squares <= rounding or float(np.mean(miss.mean(axis=0) ** 2)) < LEAST * squares


def _tell_parts(program: Program) -> set[str]:
    """Populations of which several neurons tell parts of a tick."""
    return {*program.copies, *program.copies.values()}


def _done(run: Replay, name: str, often: bool) -> FloatArray:
    """How often neurons spiked, or how many ticks before the end they did first, ``(n_samples, n)``."""
    spikes = run.spikes[name]
    return spikes.counts().astype(np.float64) if often else leads(spikes.first_times(), run.n_ticks)


def _shifted(program: Program, p: Population, shift: FloatArray, n_ticks: int, formats: Formats) -> Program:
    """The program with a population's neurons shifted by parts of the largest shift, -1 to 1, ``(n,)``."""
    if isinstance(p.neuron, ThetaFixed):
        neuron: ThetaFixed | CubaFixed = turned(p.neuron, LARGEST * shift * np.pi / 2)
    else:
        assert isinstance(p.neuron, CubaFixed)
        neuron = biased(p.neuron, LARGEST * shift, n_ticks, formats)
    changed = program.network.with_populations({p.name: replace(p, neuron=neuron)})
    return replace(program, network=changed)


def biased(k: CubaFixed, shift: FloatArray, n_ticks: int, formats: Formats) -> CubaFixed:
    """Neurons whose biases lift membranes by parts of their thresholds until the end of a sample.

    Args:
        k: The neurons.
        shift: Parts of the threshold, ``(n,)``.
        n_ticks: Length of a sample.
        formats: The chip's.
    """
    left = 1 - np.asarray(k.dv) / 4096
    whole = np.where(left < 1, (1 - left**n_ticks) / np.maximum(1 - left, 1e-9), float(n_ticks))
    old = np.ldexp(np.asarray(k.bias_mant, np.float64), np.asarray(k.bias_exp))
    bias = old + shift * 64 * np.asarray(k.vth) / whole
    largest, top = formats.bias_max.value, int(formats.bias_exponent_max.value)
    needed = np.ceil(np.log2(max(float(np.abs(bias).max(initial=0.0)) / largest, 2.0**-40)))
    exponent = min(max(int(needed), 0), top)
    mantissa = np.clip(np.rint(bias / 2.0**exponent), -largest, largest).astype(np.int64)
    return replace(k, bias_mant=mantissa, bias_exp=exponent)


def turned(k: ThetaFixed, angle: FloatArray) -> ThetaFixed:
    """Neurons that begin so much further on their way to the next spike, radians, ``(n,)``."""
    stretch = np.sqrt(np.asarray(k.sin_a) / np.asarray(k.sin_b))
    a, b = np.asarray(k.a_init, np.float64), np.asarray(k.b_init, np.float64)
    turned_a = np.cos(angle) * a + stretch * np.sin(angle) * b
    turned_b = np.cos(angle) * b - np.sin(angle) / stretch * a
    a_init, b_init = pair_of(turned_a, np.maximum(turned_b, 0.0))
    return replace(k, a_init=a_init, b_init=b_init)


def _squares(miss: FloatArray, chosen: BoolArray) -> FloatArray:
    """Mean squares of each neuron over the chosen samples, ``(n,)``."""
    squares: FloatArray = np.mean(miss[chosen] ** 2, axis=0)
    return squares


def _rms(miss: FloatArray, chosen: BoolArray) -> float:
    return float(np.sqrt(np.mean(miss[chosen] ** 2))) if chosen.any() else 0.0


def _still_fits(before: Program, after: Program) -> bool:
    """Whether a change broke neither a limit of the target nor a promise to spike once."""
    if len(check_all(after)) > len(check_all(before)):
        return False
    if before.n_ticks is None:
        return True
    proven = (once_spiking(p.network, p.n_ticks) for p in (before, after))
    kept, now = (set(before.once) & set(names) for names in proven)
    return kept <= now

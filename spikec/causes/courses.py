r"""The membrane of one neuron in ticks, taken apart: what every arrival, bias, reset and rounding did to it.

A tick is

.. math:: u \leftarrow \alpha u + c + g x + e_u, \qquad v \leftarrow V_l + \beta (v - V_l) + u + b + e_v,

where the two e are what rounding, wraps, clamps and resets do beside the line. So the membrane of tick T is a
sum, and what something of tick k is worth in it follows backwards from :math:`\lambda_v(T) = 1`:

.. math:: \lambda_u(k) = \lambda_v(k) + \alpha\, \lambda_u(k + 1), \qquad
          \lambda_v(k) = \beta\, \lambda_v(k + 1),

with :math:`\lambda_v = 0` before a reset to a value. An arrival of weight w is worth
:math:`w g \lambda_u(k)`. Of a chip's integers all this is computed in fractions, so that the sum is the
membrane to its last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from math import floor

import numpy as np

from spikec.causes.arrivals import Arrival, Number, Time, by_time
from spikec.ir.conventions import Comparison, Convention, Reset, ResetTime
from spikec.ir.discrete import tick_of
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.neurons import Neuron
from spikec.reference.fixed_neurons import M

NEAR = 1e-9
"""Part of a threshold within which the run says whether a float membrane crossed it, not we."""

Extras = dict[str, dict[int, Number]]
"""What comes beside the line: for each name, an amount for some ticks."""


@dataclass(eq=False)
class TickCourse:
    """One neuron in one sample.

    Attributes:
        alpha: What is left of the current after a tick.
        beta: What is left of the membrane's distance from rest.
        gain: What a weight of one adds to the current.
        bias: What the membrane gains in every tick.
        drive: What the current gains in every tick.
        rest: Where the membrane rests and starts.
        threshold: What it must exceed to spike.
        before: The membrane of every tick as it is compared with the threshold.
        cuts: For each tick the value that the membrane began with instead of its own, or None.
        into_u: What else the current got.
        into_v: What else the membrane got.
    """

    alpha: Number
    beta: Number
    gain: Number
    bias: Number
    drive: Number
    rest: Number
    threshold: Number
    before: list[Number] = field(default_factory=list)
    cuts: list[Number | None] = field(default_factory=list)
    into_u: Extras = field(default_factory=dict)
    into_v: Extras = field(default_factory=dict)

    def membrane(self, time: Time) -> Number:
        """The membrane in a tick, before it is reset."""
        return self.before[int(time)]

    def trace(self) -> tuple[list[Time], list[Number]]:
        """The membrane of every tick, before it is reset."""
        return list(range(len(self.before))), list(self.before)

    def inside(self, time: Time) -> Time:
        """The tick that is meant, or the nearest that ran."""
        return min(max(int(time), 0), len(self.before) - 1)

    def worth(self, time: Time) -> Callable[[Time], Number]:
        """What an arrival of weight one in a tick is worth in the membrane of tick `time`."""
        end = int(time)
        of_u, _ = self._gains(end)
        scaled = [self.gain * x for x in of_u]
        return lambda k: scaled[max(int(k), 0)] if k <= end else 0 * self.gain

    def terms(self, time: Time) -> dict[str, Number]:
        """What everything but arrivals is worth in the membrane of tick `time`."""
        end = int(time)
        of_u, of_v = self._gains(end)
        found = {"rest": self.rest, "bias": self.bias * sum(of_v) + self.drive * sum(of_u)}
        resets = [k for k in range(end + 1) if self.cuts[k] is not None]
        reset = self.cuts[resets[-1]] if resets else None
        if reset is not None:
            found["reset"] = self.beta * (reset - self.rest) * of_v[resets[-1]]
        for extras, gains in ((self.into_u, of_u), (self.into_v, of_v)):
            for name, amounts in extras.items():
                worth = sum(amount * gains[k] for k, amount in amounts.items() if k <= end)
                found[name] = found.get(name, 0) + worth
        return {name: worth for name, worth in found.items() if worth}

    def _gains(self, end: int) -> tuple[list[Number], list[Number]]:
        """What one unit more of the current, and of the membrane, in each tick is worth in the last."""
        one = self.alpha * 0 + 1
        of_u, of_v = [one] * (end + 1), [one] * (end + 1)
        for k in range(end - 1, -1, -1):
            of_v[k] = 0 * one if self.cuts[k + 1] is not None else self.beta * of_v[k + 1]
            of_u[k] = of_v[k] + self.alpha * of_u[k + 1]
        return of_u, of_v


def fixed_course(k: CubaFixed, neuron: int, arrivals: Sequence[Arrival], n_ticks: int) -> TickCourse:
    """A chip's neuron, by the formulas of `CubaFixed`; weights are mantissas times their powers of two.

    Args:
        k: The population's neurons.
        neuron: Which of them.
        arrivals: What reaches it.
        n_ticks: Length of the sample.
    """
    du, dv, vth, mantissa, exponent, inclusive = (
        _one(x, neuron) for x in (k.du, k.dv, k.vth, k.bias_mant, k.bias_exp, k.inclusive)
    )
    bias = mantissa << exponent if exponent >= 0 else mantissa >> -exponent
    course = TickCourse(
        alpha=Fraction(4096 - (du + 1), 4096),
        beta=Fraction(4096 - dv, 4096),
        gain=Fraction(64),
        bias=Fraction(bias),
        drive=Fraction(0),
        rest=Fraction(0),
        threshold=Fraction((vth << 6) - inclusive),
    )
    reaching = dict(by_time(list(arrivals)))
    u = v = 0
    spiked = False
    for tick in range(n_ticks):
        exact, stored = delivered(reaching.get(tick, []))
        left = _decay(u, du + 1)
        new = _wrap(_int32(left + (stored << 6)))
        _note(course.into_u, "cut off by the current's decay", tick, left - course.alpha * u)
        _note(course.into_u, "cut off by exponents", tick, 64 * (stored - exact))
        _note(course.into_u, "currents that wrapped", tick, new - left - (stored << 6))
        left = _decay(v, dv)
        free = left + new + bias
        _note(course.into_v, "cut off by the membrane's decay", tick, left - course.beta * v)
        u, v = new, min(max(_int32(free), 1 - M), M - 1)
        _note(course.into_v, "membranes that stopped", tick, v - free)
        course.cuts.append(Fraction(0) if spiked else None)
        course.before.append(Fraction(v))
        spiked = v > course.threshold
        v = 0 if spiked else v
    return course


def float_course(
    neuron: Neuron,
    which: int,
    dt: float,
    habits: Convention,
    arrivals: Sequence[Arrival],
    spikes: Sequence[Time],
    n_ticks: int,
) -> TickCourse:
    """A neuron in float ticks, as `spikec.reference.ticks` updates it.

    Args:
        neuron: The population's neurons.
        which: Which of them.
        dt: Length of a tick, seconds.
        habits: The simulator's.
        arrivals: What reaches it.
        spikes: When it spiked, ticks: they decide where a membrane is too near to its threshold to tell.
        n_ticks: Length of the sample.
    """
    k = tick_of(neuron, dt, habits)
    course = TickCourse(
        alpha=_real(k.alpha, which),
        beta=_real(k.beta, which),
        gain=_real(k.gain, which),
        bias=_real(k.bias, which),
        drive=_real(k.current_bias, which),
        rest=_real(k.v_leak, which),
        threshold=_real(k.threshold, which),
    )
    crossed = {int(t) - habits.spike_delay for t in spikes}
    reaching = dict(by_time(list(arrivals)))
    reset, u, v, last = _real(k.v_reset, which), 0.0, float(course.rest), 0
    for tick in range(n_ticks):
        taken = last * float(course.threshold) if last else 0.0
        cut: Number | None = None
        if last and habits.reset is Reset.VALUE:
            v = cut = reset
        elif last and habits.reset_time is ResetTime.NOW:
            v -= taken
            _note(course.into_v, "reset", tick, -taken * float(course.beta))
        u = float(course.alpha * u + course.drive + course.gain * _summed(reaching.get(tick, [])))
        v = float(course.rest + course.beta * (v - course.rest) + u + course.bias)
        if last and habits.reset is Reset.SUBTRACT and habits.reset_time is ResetTime.NEXT:
            v -= taken
            _note(course.into_v, "reset", tick, -taken)
        lowest = _lowest(habits, course.threshold)
        if v < lowest:
            _note(course.into_v, "lowest membrane", tick, lowest - v)
            v = lowest
        course.cuts.append(cut)
        course.before.append(v)
        last = _crossings(v, course.threshold, habits, tick in crossed)
    return course


def _crossings(v: float, threshold: Number, habits: Convention, spiked: bool) -> int:
    """How often a membrane spikes where it is."""
    at = float(threshold)
    crosses = v >= at if habits.comparison is Comparison.REACH else v > at
    if abs(v - at) <= NEAR * max(abs(at), abs(v)):
        crosses = spiked
    if not crosses or not habits.multi_spike or at <= 0:
        return int(crosses)
    held = v / at
    return max(1, int(np.floor(held) if habits.comparison is Comparison.REACH else np.ceil(held) - 1))


def _lowest(habits: Convention, threshold: Number) -> float:
    if habits.clamp is None or not np.isfinite(float(threshold)):
        return -np.inf
    return habits.clamp * float(threshold)


def _summed(arrivals: Sequence[Arrival]) -> float:
    """Weights that arrive together, added up as engines do: each projection by itself."""
    parts = groupby(arrivals, key=lambda a: a.part)
    return float(sum(sum((float(a.weight) for a in group), start=0.0) for _, group in parts))


def delivered(arrivals: Sequence[Arrival]) -> tuple[Fraction, int]:
    """The weights that arrive together, and what projections make of them in integers.

    The exponent shifts the sum of one projection's synapses of one delay, toward minus infinity.
    """
    sums: dict[tuple[str, Time], Fraction] = {}
    for a in arrivals:
        sums[a.part, a.left] = sums.get((a.part, a.left), Fraction(0)) + Fraction(a.weight)
    return sum(sums.values(), start=Fraction(0)), sum(floor(x) for x in sums.values())


def _note(extras: Extras, name: str, tick: int, amount: Number) -> None:
    if amount:
        held = extras.setdefault(name, {})
        held[tick] = held.get(tick, 0) + amount


def _decay(x: int, d: int) -> int:
    size = (abs(x) * (4096 - d)) >> 12
    return size if x >= 0 else -size


def _int32(x: int) -> int:
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def _wrap(u: int) -> int:
    if u > M:
        return u - 2 * M
    return u + 2 * M if u <= -M else u


def _one(values: object, neuron: int) -> int:
    found = np.asarray(values)
    return int(found[neuron] if found.ndim else found)


def _real(values: object, neuron: int) -> float:
    found = np.asarray(values, np.float64)
    return float(found[neuron] if found.ndim else found)

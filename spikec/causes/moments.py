r"""The membrane of one neuron in continuous time, taken apart: what every arrival, bias and reset did to it.

With the rates a of the membrane and c of the current, :math:`E(t, r) = (1 - e^{-rt})/r`, the last reset to a
value at r, and :math:`s' = max(s, r)`, an arrival of weight one at s is worth at time T

.. math:: e^{-c (s' - s)}\, e^{-a D}\, E(D, c - a), \quad D = T - s',
          \qquad \text{or } e^{-a (T - s)} \text{ after } r

where it moves the current, or the membrane itself. See `spikec.reference.linear`, which has the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.causes.arrivals import Arrival, Number, Time
from spikec.ir.network import Population, Reset
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, Ramp

POINTS = 400
"""Times at which a membrane is looked at for a picture."""

LINEAR = (Ramp, If, Lif, IfExp, CubaLif, LiReadout)
"""Neurons whose membrane is a sum of what reaches them."""


@dataclass(frozen=True, eq=False)
class MomentCourse:
    """One neuron in one sample.

    Attributes:
        a: Rate of the membrane, a second; 0 without leak.
        c: Rate of the current.
        jumps: Whether arrivals move the membrane itself.
        bias: Slope of the membrane.
        settled: What a constant input makes of the current in the long run.
        rest: Where the membrane rests and starts.
        reset: Where a spike sets it; None where it takes the threshold off.
        threshold: What it must exceed to spike.
        spikes: When it spiked, seconds.
        times: When something arrives, seconds, ``(n,)``.
        weights: What does, ``(n,)``.
        until: End of the sample, seconds.
    """

    a: float
    c: float
    jumps: bool
    bias: float
    settled: float
    rest: float
    reset: float | None
    threshold: float
    spikes: FloatArray
    times: FloatArray
    weights: FloatArray
    until: float

    def membrane(self, time: Time) -> float:
        """The membrane after what arrives at a time, before the spike it may cause."""
        worth = self._worth(self.times, float(time))
        return float(np.sum(worth * self.weights) + sum(float(x) for x in self.terms(time).values()))

    def trace(self) -> tuple[list[Time], list[Number]]:
        """The membrane at times from the beginning to the end."""
        at: list[Time] = np.linspace(0, self.until, POINTS).tolist()
        return at, [self.membrane(t) for t in at]

    def inside(self, time: Time) -> Time:
        """The time that is meant, or the nearest that ran."""
        return min(max(float(time), 0.0), self.until)

    def worth(self, time: Time) -> Callable[[Time], float]:
        """What an arrival of weight one at a time is worth in the membrane at `time`."""
        return lambda s: float(self._worth(np.array([float(s)]), float(time))[0])

    def terms(self, time: Time) -> dict[str, Number]:
        """What everything but arrivals is worth in the membrane at `time`."""
        end = float(time)
        begin = self._begin(end)
        of_start = float(self._of_current(np.zeros(1), begin, end)[0])
        found: dict[str, Number] = {
            "rest": self.rest,
            "bias": (self.bias + self.settled) * float(_e(np.array(end - begin), self.a))
            - self.settled * of_start,
        }
        if self.reset is None:
            left = np.exp(-self.a * (end - self.spikes[self.spikes < end]))
            found["reset"] = -self.threshold * float(np.sum(left)) if left.size else 0.0
        elif np.any(self.spikes < end):
            found["reset"] = (self.reset - self.rest) * float(np.exp(-self.a * (end - begin)))
        return {name: worth for name, worth in found.items() if worth}

    def _begin(self, end: float) -> float:
        """Since when the membrane remembers."""
        before = self.spikes[self.spikes < end]
        return float(before[-1]) if self.reset is not None and before.size else 0.0

    def _worth(self, s: FloatArray, end: float) -> FloatArray:
        begin = self._begin(end)
        if not self.jumps:
            return self._of_current(s, begin, end)
        lasts = (s <= end) & ((s > begin) | (begin == 0.0))
        return np.where(lasts, np.exp(-self.a * np.maximum(end - s, 0.0)), 0.0)

    def _of_current(self, s: FloatArray, begin: float, end: float) -> FloatArray:
        arrives = s <= end
        s = np.where(arrives, s, end)
        since = np.maximum(s, begin)
        span = np.maximum(end - since, 0.0)
        slow = min(self.a, self.c)
        found: FloatArray = (
            np.exp(-self.c * (since - s)) * np.exp(-slow * span) * _e(span, abs(self.c - self.a))
        )
        return np.where(arrives, found, 0.0)


def moment_course(
    p: Population, which: int, reset: Reset, arrivals: Sequence[Arrival], spikes: Sequence[Time], until: float
) -> MomentCourse:
    """Take one linear neuron's sample apart.

    Args:
        p: Its population, of neurons in `LINEAR`.
        which: Its number.
        reset: What a spike does.
        arrivals: What reaches it.
        spikes: When it spiked, seconds.
        until: End of the sample, seconds.
    """
    k = p.neuron
    assert isinstance(k, LINEAR)
    tau_syn, drive = _one(getattr(k, "tau_syn", np.inf), which), _one(getattr(k, "current_bias", 0.0), which)
    return MomentCourse(
        a=1 / _one(getattr(k, "tau_mem", getattr(k, "tau", np.inf)), which),
        c=1 / tau_syn,
        jumps=isinstance(k, If | Lif),
        bias=_one(k.bias, which),
        settled=drive * tau_syn if drive else 0.0,
        rest=_one(getattr(k, "v_leak", 0.0), which),
        reset=None if reset is Reset.SUBTRACT else _one(getattr(k, "v_reset", 0.0), which),
        threshold=_one(getattr(k, "threshold", np.inf), which),
        spikes=np.array(spikes, np.float64),
        times=np.array([a.time for a in arrivals], np.float64),
        weights=np.array([float(a.weight) for a in arrivals], np.float64),
        until=until,
    )


def _e(t: FloatArray, r: float) -> FloatArray:
    r""":math:`E(t, r)`."""
    return np.asarray(t if r == 0 else -np.expm1(-r * t) / r)


def _one(values: object, which: int) -> float:
    found = np.asarray(values, np.float64)
    return float(found[which] if found.ndim else found)

r"""The phase of one `Theta` neuron in one sample, taken apart: what arrivals, time and rounding made of it.

Between spikes the phase rises like time, from 0 after a spike to 1 at the next, a period later, and an
arrival of weight w moves it by

.. math:: J(\varphi, w) = \Phi(\Phi^{-1}(\varphi) + w) - \varphi, \qquad
          \Phi^{-1}(\varphi) = r \tan(\pi (\varphi - 1/2)) + 1/2 .

So the phase at the end is the sum of where it began, of time, of all jumps, and of what integers round. What
arrives in one tick is taken in the order of the synapses; together the jumps are that of the sum.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spikec.causes.arrivals import Arrival, Time, by_time
from spikec.causes.courses import delivered
from spikec.ir.fixed_neurons import ThetaFixed, pair
from spikec.ir.neurons import Theta, parameters
from spikec.reference.fixed_neurons import fixed_neurons

POINTS = 400
"""Times at which a phase is looked at for a picture."""

NEAR = 1e-9
"""Part of a period that is rounding."""


Key = tuple[str, str, int, int, str, Time]
"""An arrival: `Arrival.key`, the program's projection, and when."""


@dataclass(eq=False)
class PhaseCourse:
    """One neuron in one sample; phases as shares of a period.

    Attributes:
        radius: Of the neuron, in the user's units.
        rate: How much the phase rises in a second, or in a tick.
        start: Where it began.
        until: End of the sample, seconds or ticks.
        times: When the phase is known, ascending.
        phases: The phase then, spikes before not taken off.
        spikes: How many came before each of these times.
        met: For each arrival the phase that it met, by `Arrival.key` and the program's projection.
        jumps: For each arrival what it moved the phase by, likewise.
    """

    radius: float
    rate: float
    start: float
    until: float
    times: list[Time] = field(default_factory=list)
    phases: list[float] = field(default_factory=list)
    spikes: list[int] = field(default_factory=list)
    met: dict[Key, float] = field(default_factory=dict)
    jumps: dict[Key, float] = field(default_factory=dict)

    def at(self, time: Time) -> float:
        """The phase at a time, at most 1 where it spikes then."""
        k = max(bisect_right(self.times, time) - 1, 0)
        risen = 0.0 if isinstance(time, int) else self.rate * (time - self.times[k])
        whole = self.phases[k] + risen
        spikes = self.spikes[k] if isinstance(time, int) else max(int(np.ceil(whole - NEAR)) - 1, 0)
        return whole - spikes

    def terms(self, time: Time) -> dict[str, float]:
        """What all but arrivals makes of the phase at a time; together with their jumps they are `at`."""
        n_ticks = time + 1 if isinstance(time, int) else time
        found = {"start": self.start, "time": self.rate * n_ticks}
        jumped = sum(jump for (*_, when), jump in self.jumps.items() if when <= time)
        whole = self.at(time)
        spiked = round(found["start"] + found["time"] + jumped - whole)
        found["spikes before"] = -float(spiked)
        found["rounding of the pair"] = whole - jumped - sum(found.values())
        return {name: value for name, value in found.items() if abs(value) > 1e-12}

    def trace(self) -> tuple[list[Time], list[float]]:
        """Times from the beginning to the end, and the phases then."""
        if self.times and isinstance(self.times[-1], int):
            return list(self.times), [self.at(t) for t in self.times]
        times: list[Time] = np.linspace(0.0, self.until, POINTS).tolist()
        return times, [self.at(t) for t in times]

    def jump(self, phase: float, weight: float) -> float:
        """What an arrival of a weight in the user's units moves a phase by."""
        return jump(self.radius, phase, weight)

    def inside(self, time: Time) -> Time:
        """The time that is meant, or the nearest that ran."""
        last = int(self.until) - 1 if isinstance(time, int) else self.until
        return min(max(time, 0), last)

    def note(self, arrival: Arrival, phase: float, weight: float) -> float:
        """Remember an arrival's jump, and give the phase after it."""
        self.met[_key(arrival)] = phase
        self.jumps[_key(arrival)] = moved = jump(self.radius, phase, weight)
        return phase + moved

    def of(self, arrival: Arrival) -> tuple[float, float]:
        """The phase that an arrival met, and what it moved it by."""
        return self.met[_key(arrival)], self.jumps[_key(arrival)]


def jump(radius: float, phase: float, weight: float) -> float:
    """What an arrival moves a phase by; see the module."""
    v = radius * np.tan(np.pi * (phase - 0.5)) + weight
    return float(np.arctan(v / radius) / np.pi + 0.5 - phase)


def theta_course(k: Theta, which: int, arrivals: Sequence[Arrival], until: float) -> PhaseCourse:
    """Take one neuron's sample in continuous time apart.

    Args:
        k: Its population's neurons.
        which: Its number.
        arrivals: What reaches it.
        until: End of the sample, seconds.
    """
    period, radius, start = (_one(x, which) for x in (k.period, k.radius, k.phase))
    course = PhaseCourse(radius, 1 / period, start / period, until, [0.0], [start / period], [0])
    whole, last = start / period, 0.0
    for time, group in by_time(list(arrivals)):
        whole, last = whole + course.rate * (time - last), float(time)
        for arrival in group:
            n = max(int(np.ceil(whole - NEAR)) - 1, 0)
            whole = n + course.note(arrival, whole - n, float(arrival.weight))
        course.times.append(last)
        course.phases.append(whole)
        course.spikes.append(0)
    return course


def theta_fixed_course(
    k: ThetaFixed, which: int, gain: float, arrivals: Sequence[Arrival], n_ticks: int
) -> PhaseCourse:
    """Take one neuron of a chip apart.

    Args:
        k: Its population's neurons.
        which: Its number.
        gain: The user's units of a weight bit.
        arrivals: What reaches it.
        n_ticks: Length of the sample.
    """
    own = {name: int(v[which] if v.ndim else v) for name, v in parameters(k).items()}
    stretch = float(np.sqrt(own["sin_a"] / own["sin_b"]))
    turn = float(np.arctan2(np.sqrt(own["sin_a"] * own["sin_b"]), own["cos"])) / np.pi
    neurons = fixed_neurons(ThetaFixed(**own), 1, 1)
    phase = _phase(own["a_init"], own["b_init"], stretch)
    course = PhaseCourse(gain * stretch * 2.0 ** own["shift"], turn, phase, n_ticks)
    reaching, spiked = dict(by_time(list(arrivals))), 0
    for tick in range(n_ticks):
        group = reaching.get(tick, [])
        met = phase
        for arrival in group:
            met = course.note(arrival, met, gain * float(arrival.weight))
        _, stored = delivered(group)
        spikes = bool(neurons.update(np.array([[stored]]))[0, 0])
        a, b = pair(neurons.membrane[0, 0])
        phase = _phase(int(a), int(b), stretch)
        course.times.append(tick)
        course.phases.append(spiked + phase + spikes)
        course.spikes.append(spiked)
        spiked += spikes
    return course


def _phase(a: int, b: int, stretch: float) -> float:
    return float(np.arctan2(b, -a / stretch) / np.pi)


def _key(a: Arrival) -> Key:
    return (*a.key, a.part, a.time)


def _one(values: object, which: int) -> float:
    found = np.asarray(values, np.float64)
    return float(found[which] if found.ndim else found)

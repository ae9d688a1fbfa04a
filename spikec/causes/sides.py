"""One side of a difference: a neuron's arrivals and its membrane, in units that both sides share.

Membranes are told in the units of the user's network, through `Program.scales`; weights as what one arrival
moves the membrane (or its current) by in a tick, so that a real weight and a mantissa can be subtracted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from spikec.causes.arrivals import (
    Arrival,
    Number,
    Place,
    Time,
    added,
    arrivals_at,
    fan_in_of,
    place_of,
    times_of,
)
from spikec.causes.courses import fixed_course, float_course
from spikec.causes.first import Side
from spikec.causes.moments import LINEAR, moment_course
from spikec.causes.phases import PhaseCourse, theta_course, theta_fixed_course
from spikec.ir.discrete import tick_of
from spikec.ir.fixed_neurons import PAIRS, CubaFixed, ThetaFixed
from spikec.ir.network import LOIHI, Continuous, Population, Ticks
from spikec.ir.neurons import If, Lif, QifExp, Theta

WEIGHT_BIT = 64
"""Membrane units of a chip's weight bit: a program without scales keeps weight bits."""


class Course(Protocol):
    """A membrane that is a sum."""

    @property
    def threshold(self) -> Number:
        """What the membrane must exceed."""

    def membrane(self, time: Time) -> Number:
        """The membrane at a time, before it is reset."""

    def trace(self) -> tuple[list[Time], list[Number]]:
        """Times, and the membrane then."""

    def inside(self, time: Time) -> Time:
        """The nearest time that ran."""

    def worth(self, time: Time) -> Callable[[Time], Number]:
        """What an arrival of weight one is worth in the membrane at a time."""

    def terms(self, time: Time) -> dict[str, Number]:
        """What all else is worth."""


@dataclass(frozen=True, eq=False)
class NeuronSide:
    """One neuron of one run.

    Attributes:
        side: The run.
        place: Where its program keeps the neuron.
        arrivals: All that reached it, but for what is constant.
        constant: What neurons that always spike sent it: a bias of its current, on a chip.
        course: Its membrane; None where that is no sum of what arrived (`Theta`, `QifExp`).
        scale: Own membrane units that make one of the user's.
        gain: User's units, in a tick, that a stored weight of one makes.
        phases: Of `Theta`, its phase; None of others, and in float ticks.
    """

    side: Side
    place: Place
    arrivals: list[Arrival]
    constant: list[Arrival]
    course: Course | None
    scale: Number
    gain: Number
    phases: PhaseCourse | None = None

    @property
    def jumps(self) -> bool:
        """Whether arrivals move the membrane itself, and not a current."""
        return isinstance(self.population.neuron, If | Lif)

    @property
    def population(self) -> Population:
        """Where the neuron is."""
        return self.side.program.network.population(self.place.population)

    @property
    def is_fixed(self) -> bool:
        """Whether it is in a chip's integers."""
        return isinstance(self.population.neuron, (CubaFixed, *PAIRS))

    def weight(self, arrival: Arrival) -> Number:
        """A weight in the shared units."""
        return self.gain * arrival.weight

    def worth(self, time: Time) -> Callable[[Time], Number]:
        """What an arrival of a shared weight of one is worth at a time, in the user's units."""
        if self.course is None:
            return lambda s: 1 if s <= time else 0
        own, unit = self.course.worth(time), self.scale * self.gain
        return lambda s: own(s) / unit

    def terms(self, time: Time) -> dict[str, Number]:
        """What all but arrivals is worth at a time, in the user's units."""
        if self.phases is not None:
            return dict(self.phases.terms(time))
        if self.course is None:
            return {}
        found = {name: worth / self.scale for name, worth in self.course.terms(time).items()}
        worth = self.worth(time)
        for a in self.constant:
            found["bias"] = found.get("bias", 0) + self.weight(a) * worth(a.time)
        return found

    def membrane(self, time: Time) -> Number | None:
        """The membrane at a time, in the user's units, or the phase."""
        if self.phases is not None:
            return self.phases.at(time)
        return None if self.course is None else self.course.membrane(time) / self.scale

    def threshold(self) -> Number | None:
        """What it must exceed; a phase of 1 is a spike."""
        if self.phases is not None:
            return 1.0
        return None if self.course is None else self.course.threshold / self.scale

    def trace(self, population: str) -> tuple[list[float], list[float]]:
        """Seconds, and the membrane in the user's units, or the phase."""
        if self.phases is not None:
            at, phases = self.phases.trace()
            return [self.side.seconds(population, t) for t in at], phases
        if self.course is None:
            return [], []
        times, values = self.course.trace()
        return [self.side.seconds(population, t) for t in times], [float(v / self.scale) for v in values]

    def synapses(self) -> set[tuple[str, str, int]]:
        """Projections, populations and neurons from which synapses lead to the neuron."""
        return fan_in_of(self.side.program, self.place)


def neuron_side(side: Side, other: Side, population: str, neuron: int) -> NeuronSide:
    """Take one neuron of one run apart.

    Args:
        side: The run.
        other: The one that it is held against.
        population: The neuron's population, by the user's name.
        neuron: Its number there.
    """
    program = side.program
    place = place_of(program, population, neuron)
    arrivals = arrivals_at(program, side.spikes, place)
    p = program.network.population(place.population)
    scale = _scale(side, p, place)
    course = _course(side, p, place, arrivals, times_of(side.spikes[population], neuron))
    constant = [a for a in arrivals if added(program, a.population)]
    changing = [a for a in arrivals if not added(program, a.population)]
    gain = _gain(side, other, p, place, scale)
    phases = _phases(side, p, place, changing, float(gain))
    return NeuronSide(side, place, changing, constant, course, scale, gain, phases)


def _phases(
    side: Side, p: Population, place: Place, arrivals: list[Arrival], gain: float
) -> PhaseCourse | None:
    if isinstance(p.neuron, ThetaFixed):
        return theta_fixed_course(p.neuron, place.neuron, gain, arrivals, int(side.until))
    if isinstance(p.neuron, Theta) and isinstance(side.program.network.clock, Continuous):
        return theta_course(p.neuron, place.neuron, arrivals, side.until)
    return None


def _course(
    side: Side, p: Population, place: Place, arrivals: list[Arrival], spikes: list[Time]
) -> Course | None:
    network, k = side.program.network, p.neuron
    if isinstance(k, CubaFixed):
        return fixed_course(k, place.neuron, arrivals, int(side.until))
    if isinstance(network.clock, Continuous):
        if not isinstance(k, LINEAR):
            return None
        return moment_course(p, place.neuron, network.reset, arrivals, spikes, side.until)
    if p.is_source or isinstance(k, (Theta, QifExp, *PAIRS)):
        return None
    clock = network.clock
    return float_course(k, place.neuron, clock.dt, clock.convention, arrivals, spikes, int(side.until))


def _scale(side: Side, p: Population, place: Place) -> Number:
    if not isinstance(p.neuron, CubaFixed):
        return 1
    given = np.asarray(side.program.scales.get(p.name, WEIGHT_BIT), np.float64)
    return Fraction(float(given[place.neuron] if given.ndim else given))


def _gain(side: Side, other: Side, p: Population, place: Place, scale: Number) -> Number:
    """What a stored weight of one makes of the membrane, or of its current, in a tick."""
    clock = side.program.network.clock
    if isinstance(p.neuron, CubaFixed):
        return WEIGHT_BIT / scale
    if isinstance(p.neuron, PAIRS):
        return _unit_of_pairs(side, p.name)
    if p.is_source or isinstance(p.neuron, Theta | QifExp):
        return 1
    if isinstance(clock, Ticks):
        gain = np.asarray(tick_of(p.neuron, clock.dt, clock.convention).gain)
    elif other.dt is not None:
        gain = np.asarray(tick_of(p.neuron, other.dt, LOIHI).gain)
    else:
        return 1
    return float(gain[place.neuron] if gain.ndim else gain)


def _unit_of_pairs(side: Side, name: str) -> float:
    """Of a compiled `Theta` or `QifExp`, the user's units that make a weight bit, as its log knows them."""
    for entry in reversed(side.program.log):
        if f"{name}.scale" in entry.figures:
            return 1 / float(str(entry.figures[f"{name}.scale"]))
    return 1.0

"""Every spike that reaches one neuron in one sample, under the names and numbers of the user's network.

A compiler splits populations into shards, puts relays into long delays and cuts projections in parts. An
arrival is told as the user knows it: the projection that the part came from, and the neuron whose spike it
was, relays or not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.errors import NetworkError, UsageError
from spikec.events import Events
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Continuous, Projection
from spikec.program import Program

Number = Fraction | float
"""Exact where a chip's integers are meant; a float where the network computes in them."""

Time = int | float
"""A tick, or seconds."""


@dataclass(frozen=True)
class Place:
    """One neuron, where a program keeps it.

    Attributes:
        population: Its population in the program, a shard for instance.
        neuron: Its number there.
    """

    population: str
    neuron: int


@dataclass(frozen=True)
class Arrival:
    """A spike that reaches a neuron through one synapse.

    Attributes:
        projection: The projection, as the user's network names it.
        population: Where the spike came from, before all relays.
        neuron: Which neuron there.
        rank: How many spikes of that neuron have come this way before in the sample.
        weight: As stored; of integers the mantissa times its power of two.
        left: When the spike left the neuron that is joined to this one: a tick, or seconds.
        time: When it arrives.
        part: The projection in the program.
    """

    projection: str
    population: str
    neuron: int
    rank: int
    weight: Number
    left: Time
    time: Time
    part: str

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What an arrival has in common with the one that it is held against."""
        return self.projection, self.population, self.neuron, self.rank


def place_of(program: Program, population: str, neuron: int) -> Place:
    """Where a program keeps a neuron of the user's network.

    Raises:
        NetworkError: It has no such neuron.
    """
    for shard in program.shards.get(population, ()):
        at = np.flatnonzero(shard.neurons == neuron)
        if at.size:
            return Place(shard.population, int(at[0]))
    if not 0 <= neuron < program.network.population(population).n:
        raise NetworkError(f"population {population} has no neuron {neuron}")
    return Place(population, neuron)


def arrivals_at(program: Program, spikes: Mapping[str, Events], place: Place) -> list[Arrival]:
    """What reaches one neuron, in the order of the program's projections, then of the spikes.

    Args:
        program: What ran.
        spikes: Its spikes in one sample, by the user's names.
        place: The neuron.

    Raises:
        UsageError: The spikes are not those of this program.
    """
    found: list[Arrival] = []
    ranks: dict[tuple[str, str, int], int] = {}
    for q in program.network.incoming(place.population):
        pre, weights, delays = _fan_in(q, place.neuron)
        at = {int(i): k for k, i in enumerate(pre)}
        e = spikes_of(program, spikes, q.pre)
        name = user_name(program, q)
        for left, neuron in zip(e.times.tolist(), e.neurons.tolist(), strict=True):
            k = at.get(neuron)
            if k is None:
                continue
            origin = _origin(program, Place(q.pre, neuron))
            chain = (q.name, origin.population, origin.neuron)
            rank = ranks[chain] = ranks.get(chain, -1) + 1
            time = _arrives(program, q, left, delays[k].item())
            found.append(
                Arrival(name, origin.population, origin.neuron, rank, weights[k], left, time, q.name)
            )
    return found


def fan_in_of(program: Program, place: Place) -> set[tuple[str, str, int]]:
    """The projections, populations and neurons from which synapses lead to a neuron, by the user's names."""
    found = set()
    for q in program.network.incoming(place.population):
        for neuron in _fan_in(q, place.neuron)[0].tolist():
            origin = _origin(program, Place(q.pre, neuron))
            found.add((user_name(program, q), origin.population, origin.neuron))
    return found


def spikes_of(program: Program, spikes: Mapping[str, Events], name: str) -> Events:
    """The spikes of a population of the program; a shard's are those of its neurons in the whole.

    Raises:
        UsageError: There are none of this name.
    """
    if name in spikes:
        return spikes[name]
    for whole, shards in program.shards.items():
        for shard in shards:
            if shard.population == name and whole in spikes:
                return _part(spikes[whole], shard.neurons)
    raise UsageError(f"the run has no spikes of {name}; give the result of this very program")


def user_name(program: Program, q: Projection) -> str:
    """The name of the projection that one of the program is a shard's part of, or its own."""
    shards = {s.population for parts in program.shards.values() for s in parts}
    if q.pre in shards or q.post in shards:
        return re.sub(r"\.\d+\.\d+$", "", q.name)
    return q.name


def common_name(name: str, others: Collection[str]) -> str:
    """What a projection is called in another program: its own name, or that of what it is a part of."""
    if name in others:
        return name
    return max((o for o in others if name.startswith(f"{o}.")), key=len, default=name)


def added(program: Program, name: str) -> bool:
    """Whether the compiler added a population: a relay, or a neuron that always spikes."""
    shards = {s.population for parts in program.shards.values() for s in parts}
    return bool(program.late) and name not in program.late and name not in shards


def _origin(program: Program, place: Place) -> Place:
    """The neuron of the user's network whose spikes a relay passes on; of any other, itself."""
    if added(program, place.population):
        incoming = program.network.incoming(place.population)
        sources = [(q.pre, i) for q in incoming for i in _fan_in(q, place.neuron)[0].tolist()]
        if len(sources) == 1:
            return _origin(program, Place(*sources[0]))
    for whole, shards in program.shards.items():
        for shard in shards:
            if shard.population == place.population:
                return Place(whole, int(shard.neurons[place.neuron]))
    return place


def _fan_in(q: Projection, neuron: int) -> tuple[IntArray, list[Number], AnyArray]:
    """Presynaptic neurons, weights and delays of the synapses that end at a neuron."""
    pre, post = q.connectivity.synapses()
    chosen = np.flatnonzero(post == neuron)
    stored = q.connectivity.stored()[chosen].tolist()
    weights = q.connectivity.weights
    if isinstance(weights, Fixed):
        unit = Fraction(2) ** weights.format.exponent
        stored = [m * unit for m in stored]
    return pre[chosen], stored, q.delays.per_synapse(q.connectivity)[chosen]


def _arrives(program: Program, q: Projection, left: Time, delay: Time) -> Time:
    clock = program.network.clock
    if isinstance(clock, Continuous):
        return left + delay
    ticks = delay if isinstance(delay, int) else int(np.rint(delay / clock.dt))
    return left + ticks + clock.convention.hop(program.network.leads_back(q))


def _part(e: Events, neurons: IntArray) -> Events:
    """The spikes of some neurons, renumbered."""
    number = np.full(e.n_neurons, -1, np.int32)
    number[neurons] = np.arange(neurons.size)
    kept = e.keep(number[e.neurons] >= 0)
    return Events(kept.times, number[kept.neurons], kept.sample_starts, neurons.size, kept.multiple)


def times_of(events: Events, neuron: int) -> list[Time]:
    """When one neuron spikes in the only sample that there is."""
    found: list[Time] = events.times[events.neurons == neuron].tolist()
    return found


def by_time(arrivals: list[Arrival]) -> Iterator[tuple[Time, list[Arrival]]]:
    """Arrivals that come together, in order of time."""
    groups: dict[Time, list[Arrival]] = {}
    for a in arrivals:
        groups.setdefault(a.time, []).append(a)
    yield from sorted(groups.items())

"""Many fixed networks as one: their disjoint union, in few populations and few projections.

A backend that pays for every population and projection in every tick (Lava: one process each) runs a hundred
small networks for the price of one. All inputs become one source, all neurons of a type one population; its
projections to one population are merged if that cannot change a spike: they must have the same sign and
exponent, and

* no pair of neurons may be connected twice, for a `Sparse` holds a pair once;
* if the exponent is negative, no neuron may be reached by two of them: each projection cuts its own sum off
  toward minus infinity, and the sum of cut-off parts is not the cut-off sum.

Within one network that can put projections of one format into two or more layers; networks never meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikec.arrays import AnyArray, IntArray, per_neuron
from spikec.errors import NetworkError
from spikec.events import Events, from_rows
from spikec.ir.connectivity import DelayKind, Delays, sparse
from spikec.ir.fixed_neurons import FIXED, FixedNeuron
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import Dialect, Network, Population, Projection
from spikec.ir.neurons import Neuron, Source, parameters

SOURCE = "inputs"
"""The source of a union; its other populations are called as the type of their neurons, `CubaFixed`."""


@dataclass(frozen=True)
class Place:
    """Where a part's population lies in the union.

    Attributes:
        population: The union's population.
        first: The first neuron there.
    """

    population: str
    first: int


@dataclass(frozen=True, eq=False)
class Union:
    """Networks side by side in one.

    Attributes:
        network: The union, in the fixed dialect.
        parts: The networks it was made of.
        places: For each part the place of each of its populations.
    """

    network: Network
    parts: tuple[Network, ...]
    places: tuple[Mapping[str, Place], ...]

    def join(self, inputs: Sequence[Mapping[str, Events]]) -> dict[str, Events]:
        """The inputs of all parts as the input of the union.

        Args:
            inputs: For each part the spikes of its inputs; the same number of samples in all.
        """
        sizes = {e.n_samples for given in inputs for e in given.values()}
        if len(sizes) > 1:
            raise NetworkError(
                f"the parts have different numbers of samples: {sorted(sizes)}; give all the same"
            )
        rows = [
            (e.sample_of_event(), e.times, e.neurons.astype(np.int64) + places[population].first)
            for given, places in zip(inputs, self.places, strict=True)
            for population, e in given.items()
        ]
        samples, times, neurons = (np.concatenate(column) for column in zip(*rows, strict=True))
        n = self.network.population(SOURCE).n
        n_samples = max(sizes, default=0)
        counted = any(e.multiple for given in inputs for e in given.values())
        joined = from_rows(samples, times, neurons, n_samples=n_samples, n_neurons=n, multiple=counted)
        return {SOURCE: joined}

    def split(self, spikes: Mapping[str, Events]) -> list[dict[str, Events]]:
        """The spikes of the union's populations as those of the parts' populations."""
        return [
            {p.name: _slice(spikes[place.population], place.first, p.n) for p, place in part}
            for part in self._placed()
        ]

    def split_traces(self, traces: Mapping[str, AnyArray]) -> list[dict[str, AnyArray]]:
        """Traces of the union's populations as those of the parts' populations.

        Args:
            traces: By key, ``"CubaFixed.v"`` or ``"CubaFixed.v.last"``; neurons along the last axis.
        """
        keys = [(*key.partition("."), trace) for key, trace in traces.items()]
        return [
            {
                f"{p.name}.{what}": trace[..., place.first : place.first + p.n]
                for p, place in part
                for population, _, what, trace in keys
                if population == place.population
            }
            for part in self._placed()
        ]

    def _placed(self) -> list[list[tuple[Population, Place]]]:
        return [
            [(p, places[p.name]) for p in part.populations]
            for part, places in zip(self.parts, self.places, strict=True)
        ]


def union(networks: Sequence[Network]) -> Union:
    """Put networks side by side into one; the same network may come several times.

    Args:
        networks: In the fixed dialect, each with an input and a neuron at least.

    Raises:
        NetworkError: A network is in another dialect or has another tick than the others, or there are no
            inputs or no neurons at all.
    """
    for k, network in enumerate(networks):
        if network.dialect is not Dialect.FIXED:
            raise NetworkError(
                f"network {k} is {network.dialect.value}, but a union needs fixed ones; compile it"
            )
    if len({network.dt for network in networks}) > 1:
        raise NetworkError("the networks of a union have different ticks; compile all with one dt")
    places, sizes = _places(networks)
    n_sources = sizes.get(SOURCE, 0)
    n_neurons = sum(sizes.values()) - n_sources
    if not n_sources or not n_neurons:
        raise NetworkError(f"a union of {n_sources} inputs and {n_neurons} neurons cannot run; it needs both")
    layers: dict[_Layer, list[tuple[Projection, Mapping[str, Place]]]] = {}
    for network, place in zip(networks, places, strict=True):
        for layer, q in _layers(network):
            layers.setdefault(layer, []).append((q, place))
    neurons = tuple(
        Population(kind.__name__, _neurons(networks, kind), (sizes[kind.__name__],))
        for kind in FIXED
        if kind.__name__ in sizes
    )
    sources = [p.neuron for network in networks for p in network.populations if p.is_source]
    at_once = max(k.most_at_once for k in sources if isinstance(k, Source))
    whole = Network(
        populations=(Population(SOURCE, Source(most_at_once=at_once), (n_sources,)), *neurons),
        projections=tuple(_merged(layer, members, sizes) for layer, members in sorted(layers.items())),
        inputs=(SOURCE,),
        outputs=tuple(p.name for p in neurons),
        clock=networks[0].clock,
    )
    return Union(whole, tuple(networks), places)


@dataclass(frozen=True, order=True)
class _Layer:
    """Projections that may be merged: what they share, and how many of their network came before."""

    pre: str
    post: str
    sign: str
    exponent: int
    delayed: bool
    number: int

    @property
    def name(self) -> str:
        """The merged projection's name."""
        delayed = " delayed" if self.delayed else ""
        return f"{self.pre}-{self.post} {self.sign} 2^{self.exponent}{delayed} {self.number}"


def _group(neuron: Neuron) -> str:
    """The union's population that neurons of a type go to."""
    return SOURCE if isinstance(neuron, Source) else type(neuron).__name__


def _places(networks: Sequence[Network]) -> tuple[tuple[dict[str, Place], ...], dict[str, int]]:
    """The place of each population of each network, and the sizes of the union's populations."""
    sizes: dict[str, int] = {}
    places = []
    for network in networks:
        place = {}
        for p in network.populations:
            group = _group(p.neuron)
            place[p.name] = Place(group, sizes.get(group, 0))
            sizes[group] = place[p.name].first + p.n
        places.append(place)
    return tuple(places), sizes


def _neurons(networks: Sequence[Network], kind: type[FixedNeuron]) -> FixedNeuron:
    """All neurons of a type, one after another."""
    groups = [p for network in networks for p in network.populations if isinstance(p.neuron, kind)]
    values = {
        name: np.concatenate([per_neuron(parameters(p.neuron)[name], p.n, np.int64) for p in groups])
        for name in parameters(groups[0].neuron)
    }
    return kind(**values)


def _layers(network: Network) -> Iterator[tuple[_Layer, Projection]]:
    """Assign each projection of a network to the first layer in which it disturbs no other."""
    taken: dict[_Layer, list[tuple[Projection, IntArray]]] = {}
    for q in network.projections:
        form = _format(q)
        pre, post = (_group(network.population(name).neuron) for name in (q.pre, q.post))
        claimed = _claimed(network, q, form.exponent)
        number = 0
        while True:
            layer = _Layer(pre, post, form.sign.value, form.exponent, q.delays.longest > 0, number)
            others = taken.setdefault(layer, [])
            if not any(_disturbs(q, claimed, *other) for other in others):
                break
            number += 1
        others.append((q, claimed))
        yield layer, q


def _claimed(network: Network, q: Projection, exponent: int) -> IntArray:
    """What a projection must have for itself: postsynaptic neurons, or pairs, as numbers."""
    pre, post = q.connectivity.synapses()
    if exponent < 0:
        return np.unique(post)
    return pre * network.population(q.post).n + post


def _disturbs(q: Projection, claimed: IntArray, other: Projection, others_claim: IntArray) -> bool:
    if q.post != other.post:
        return False
    if _format(q).exponent >= 0 and q.pre != other.pre:
        return False
    return bool(np.isin(claimed, others_claim).any())


def _merged(
    layer: _Layer, members: Sequence[tuple[Projection, Mapping[str, Place]]], sizes: Mapping[str, int]
) -> Projection:
    pres, posts, weights, delays = [], [], [], []
    for q, place in members:
        pre, post = q.connectivity.synapses()
        pres.append(pre + place[q.pre].first)
        posts.append(post + place[q.post].first)
        weights.append(q.connectivity.stored())
        delays.append(q.delays.per_synapse(q.connectivity))
    pre, post = np.concatenate(pres), np.concatenate(posts)
    form = FixedFormat(max(_format(q).bits for q, _ in members), Sign(layer.sign), layer.exponent)
    connectivity = sparse(
        sizes[layer.pre], sizes[layer.post], pre, post, Fixed(np.concatenate(weights), form)
    )
    in_order = np.concatenate(delays)[np.lexsort((post, pre))]
    kept = Delays(in_order, DelayKind.SYNAPTIC) if layer.delayed else Delays(np.zeros((), np.int64))
    return Projection(layer.name, layer.pre, layer.post, connectivity, kept)


def _format(q: Projection) -> FixedFormat:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights.format


def _slice(e: Events, first: int, n: int) -> Events:
    kept = (e.neurons >= first) & (e.neurons < first + n)
    return from_rows(
        e.sample_of_event()[kept],
        e.times[kept],
        e.neurons[kept] - first,
        n_samples=e.n_samples,
        n_neurons=n,
        multiple=e.multiple,
    )

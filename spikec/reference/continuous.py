"""The continuous dialect: exact spike times, component after component, event after event.

Between two events every neuron follows a closed form: those of `spikec.reference.linear`, or `Theta` and
`QifExp` in `spikec.reference.quadratic`.

Events at one moment act together, before any spike of that moment; neurons that feed each other and spike at
one moment do so before what any of these spikes causes.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import explosion
from spikec.events import Events, from_rows
from spikec.ir.network import Continuous, Network, Population, Projection, Reset
from spikec.ir.neurons import QifExp, Theta
from spikec.reference.linear import LinearNeurons
from spikec.reference.quadratic import QifNeurons, ThetaNeurons

MAX_SPIKES = 1 << 22
"""Spikes of one component in one sample; more is an explosion."""


def run_continuous(
    network: Network, inputs: Mapping[str, Events], n_samples: int, until: float
) -> tuple[dict[str, Events], dict[str, FloatArray], dict[str, FloatArray]]:
    """Run a continuous network from rest.

    Args:
        network: In the continuous dialect.
        inputs: For each source its spikes, seconds.
        n_samples: Samples.
        until: End of every sample, seconds; spikes at this very moment count.

    Returns:
        For each population its spikes; for each but sources its membrane at the end, ``(n_samples, n)``; for
        each readout the maximum of its membrane from the beginning to the end, ``(n_samples, n)``.
    """
    spikes = {name: _until(e, until) for name, e in inputs.items()}
    membranes: dict[str, FloatArray] = {}
    peaks: dict[str, FloatArray] = {}
    for component in network.components():
        if component[0] in inputs:
            continue
        groups = [network.population(name) for name in component]
        rows: dict[str, list[tuple[int, float, int]]] = {name: [] for name in component}
        ends = {p.name: np.zeros((n_samples, p.n)) for p in groups}
        tops = {p.name: np.zeros((n_samples, p.n)) for p in groups if not p.neuron.spikes}
        fans = [_Fan(q) for q in network.projections if q.post in component]
        subtracts = isinstance(network.clock, Continuous) and network.clock.reset is Reset.SUBTRACT
        for sample in range(n_samples):
            arrivals = _arrivals(fans, spikes, sample, component)
            neurons = {p.name: _neurons(p, subtracts) for p in groups}
            made = _run_component(neurons, fans, arrivals, until, {})
            for place, (name, time, neuron) in enumerate(made):
                if place >= MAX_SPIKES:
                    raise explosion(component, sample, MAX_SPIKES, time)
                rows[name].append((sample, time, neuron))
            for p in groups:
                neurons[p.name].advance(np.arange(p.n), until)
                ends[p.name][sample] = neurons[p.name].v
            for name, top in tops.items():
                readout = neurons[name]
                assert isinstance(readout, LinearNeurons)
                top[sample] = readout.peak
        for p in groups:
            columns = np.array(rows[p.name], np.float64).reshape(-1, 3).T
            spikes[p.name] = from_rows(columns[0], columns[1], columns[2], n_samples=n_samples, n_neurons=p.n)
        membranes.update(ends)
        peaks.update(tops)
    return spikes, membranes, peaks


def watch_continuous(
    network: Network, spikes: Mapping[str, Events], names: Collection[str], times: Sequence[float]
) -> dict[str, FloatArray]:
    """Look at membranes in the course of a run whose spikes are known, whatever engine found them.

    Only the components of the wanted populations run again, on the spikes that reach them from outside.

    Args:
        network: In the continuous dialect.
        spikes: For each population its spikes, seconds.
        names: Populations that are no sources.
        times: When to look, seconds, rising.

    Returns:
        For each name its membranes ``(n_samples, n_times, n)``: after what arrives at that very moment, and
        before the spikes it causes.
    """
    n_samples = next(iter(spikes.values())).n_samples
    found = {name: np.zeros((n_samples, len(times), network.population(name).n)) for name in names}
    subtracts = isinstance(network.clock, Continuous) and network.clock.reset is Reset.SUBTRACT
    nobody, nothing = np.zeros(0, np.int64), np.zeros(0)
    looks = [_Arrival(t, np.inf, "", nobody, nothing) for t in times]
    for component in network.components():
        watched = [name for name in component if name in found]
        if not watched:
            continue
        fans = [_Fan(q) for q in network.projections if q.post in component]
        for sample in range(n_samples):
            neurons = {name: _neurons(network.population(name), subtracts) for name in component}
            coming = [*_arrivals(fans, spikes, sample, component), *looks]
            heapq.heapify(coming)
            seen: dict[str, list[FloatArray]] = {name: [] for name in watched}
            deque(_run_component(neurons, fans, coming, times[-1], seen), maxlen=0)
            for name in watched:
                found[name][sample] = seen[name]
    return found


def _until(events: Events, until: float) -> Events:
    """The events up to a time."""
    kept = events.times <= until
    return from_rows(
        events.sample_of_event()[kept],
        events.times[kept],
        events.neurons[kept],
        n_samples=events.n_samples,
        n_neurons=events.n_neurons,
    )


@dataclass(frozen=True, order=True)
class _Arrival:
    """A bundle of weights that reaches some neurons of a population at one time.

    One without `post` reaches nobody: the membranes are looked at after all that arrives then.
    """

    time: float
    order: float
    post: str
    neurons: IntArray
    weights: FloatArray


_ORDER = count()


class _Fan:
    """The fan-out of one projection: where a presynaptic spike goes, and when."""

    def __init__(self, q: Projection) -> None:
        self.pre, self.post = q.pre, q.post
        pre, self.posts = q.connectivity.synapses()
        self.weights = np.asarray(q.connectivity.stored(), np.float64)
        self.delays = np.asarray(q.delays.per_synapse(q.connectivity), np.float64)
        order = np.argsort(pre, kind="stable")
        bounds = np.searchsorted(pre[order], np.arange(q.connectivity.n_pre + 1))
        self.bundles = [
            [b[self.delays[b] == d] for d in np.unique(self.delays[b])]
            for b in (order[bounds[j] : bounds[j + 1]] for j in range(q.connectivity.n_pre))
        ]

    def arrivals(self, time: float, neuron: int) -> Iterator[_Arrival]:
        """What a spike of presynaptic `neuron` at `time` causes."""
        for b in self.bundles[neuron]:
            yield _Arrival(
                time + float(self.delays[b[0]]), next(_ORDER), self.post, self.posts[b], self.weights[b]
            )


def _arrivals(
    fans: list[_Fan], spikes: Mapping[str, Events], sample: int, component: tuple[str, ...]
) -> list[_Arrival]:
    heap: list[_Arrival] = []
    for fan in fans:
        if fan.pre in component:
            continue
        events = spikes[fan.pre].select(sample, sample + 1)
        for time, neuron in zip(events.times.tolist(), events.neurons.tolist(), strict=True):
            heap.extend(fan.arrivals(time, neuron))
    heapq.heapify(heap)
    return heap


def _run_component(
    neurons: Mapping[str, _AnyNeurons],
    fans: list[_Fan],
    heap: list[_Arrival],
    until: float,
    seen: Mapping[str, list[FloatArray]],
) -> Iterator[tuple[str, float, int]]:
    """Run one sample of one component from its neurons at rest; yield its spikes in order.

    At every look the membranes of the populations in `seen` are appended there.
    """
    feeds_itself = any(fan.pre in neurons for fan in fans)
    while True:
        stop = min(heap[0].time, until) if heap else until
        last = stop == until
        crossings = {name: g.crossings(np.arange(g.n), stop, last) for name, g in neurons.items()}
        while True:
            first = min(float(c.min()) for c in crossings.values())
            if np.isinf(first) or first > stop or (first == stop and not last):
                break
            # Without feedback neurons do not wait for each other: all may spike before the next arrival.
            together = first if feeds_itself else stop
            spiking = {name: np.flatnonzero(c <= together) for name, c in crossings.items()}
            for name, j in spiking.items():
                for neuron, time in neurons[name].fire(j, crossings[name][j]):
                    yield name, time, neuron
                    for fan in fans if feeds_itself else ():
                        if fan.pre == name:
                            for arrival in fan.arrivals(time, neuron):
                                heapq.heappush(heap, arrival)
            if heap and heap[0].time < stop:
                stop, last = heap[0].time, False
            for name, j in spiking.items():
                crossings[name][j] = neurons[name].crossings(j, stop, last)
        if stop >= until and not (heap and heap[0].time <= until):
            break
        for g in neurons.values():
            g.advance(np.arange(g.n), stop)
        while heap and heap[0].time == stop:
            arrival = heapq.heappop(heap)
            if arrival.post:
                neurons[arrival.post].receive(arrival)
                continue
            for name, frames in seen.items():
                frames.append(neurons[name].v.copy())


def _neurons(population: Population, subtracts: bool) -> _AnyNeurons:
    if isinstance(population.neuron, Theta):
        return ThetaNeurons(population)
    if isinstance(population.neuron, QifExp):
        return QifNeurons(population)
    return LinearNeurons(population, subtracts)


_AnyNeurons = LinearNeurons | ThetaNeurons | QifNeurons

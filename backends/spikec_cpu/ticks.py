"""Runs a lowered network of the fixed dialect: batches of samples, one batch a thread at a time.

Kernels are serial and release the GIL; ordinary threads run them. numba's own parallel loops would take
longer to compile, could not hand back lists whose length nobody knows before, and forbid a later fork.

Memory: a batch holds 16 bytes a sample, population and tick, a bit a sample, tick and neuron of its largest
layer, 4 to 8 bytes a spike of its samples, and 4 bytes a neuron and slot of its ring of delays; the answer
holds 12 bytes a spike and 8 bytes a recorded membrane. Nothing is cut off: lists of spikes grow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numba
import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.counting import Touched
from spikec.events import Events, from_raster, no_events
from spikec.inputs import check_inputs, check_ticks
from spikec.ir.network import Network
from spikec.records import check_record
from spikec.result import Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec_cpu.batches import SpikeLists, Traces, cuts, in_threads, together
from spikec_cpu.kernels.components import run_component, run_layer
from spikec_cpu.kernels.spikes import put_in_order, spikes_of, take_inputs, take_raster, tally
from spikec_cpu.lower import Lowered
from spikec_cpu.lower_neurons import QIF, THETA


class TicksExecutable:
    """A network of the fixed dialect, made ready for the CPU.

    Args:
        network: In the fixed dialect.
        threads: How many threads run batches.
        lowered: The network as kernels walk it.
    """

    def __init__(self, network: Network, threads: int, lowered: Lowered) -> None:
        self.network = network
        self.threads = threads
        self.lowered = lowered
        _compile(self.lowered, network)

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """See `spikec.backend.Executable.run`.

        Raises:
            EventsError: The inputs do not fit the network.
            NetworkError: What is to be recorded does not exist.
            UsageError: The run has no tick.
        """
        began = perf_counter()
        n_samples, n_ticks = check_inputs(self.network, inputs), int(until)
        check_record(self.network, record)
        check_ticks(n_ticks)
        clipped = {name: _clipped(inputs[name], n_ticks) for name in self.network.inputs}
        traces = Traces.of(self.network, record, n_samples, n_ticks, np.int64)
        tables = self.lowered.tables
        words = int(tables.populations["width"].max()) // 64
        limits = cuts(n_samples, n_ticks, len(self.network.populations) + words // 2, self.threads)
        batches = in_threads(partial(_run_batch, self.lowered, clipped, traces, []), limits, self.threads)
        spikes = together(self.network, clipped, [b.spikes for b in batches])
        last_v = np.concatenate([b.last_v for b in batches])[:, self.lowered.places]
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.threads,
            "numba": numba.__version__,
        }
        counters = self._counters(np.sum([b.counted for b in batches], axis=0), n_samples, n_ticks)
        return RunResult(spikes, traces.answer(record, last_v), counters, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _counters(self, counted: IntArray, n_samples: int, n_ticks: int) -> Counters:
        """All counts, from how often each neuron spiked, by place of its population and its own number."""
        tables = self.lowered.tables
        spikes = [counted[p["first"] : p["first"] + p["n"]] for p in tables.populations]
        populations = {
            p.name: PopulationCounts(int(s.sum()), 0 if p.is_source else p.n * n_ticks * n_samples)
            for p, s in zip(self.network.populations, spikes, strict=True)
        }
        by_name = {
            name: _count_projection(one, spikes[block["pre"]])
            for name, one, block in zip(
                self.lowered.projections, self.lowered.touched, tables.blocks, strict=True
            )
        }
        projections = {q.name: by_name[q.name] for q in self.network.projections}
        return Counters(n_samples, n_ticks, populations, projections)


@dataclass(frozen=True, eq=False)
class _Batch:
    """What a batch of samples gave.

    Attributes:
        spikes: Of its samples.
        counted: How often each neuron spiked, ``(n_places,)``.
        last_v: Membranes at the end, ``(n_samples, n_places)``.
    """

    spikes: SpikeLists
    counted: IntArray
    last_v: AnyArray


class _Room:
    """Memory that one batch after another works in, for what is new must first be fetched page by page."""

    def __init__(self) -> None:
        self.arena = np.empty(1024, np.int32)
        self._bounds, self._bits = np.empty(0, np.int64), np.empty(0, np.uint64)

    def bounds(self, n_samples: int, n_populations: int, n_ticks: int) -> IntArray:
        """See `run_component`; every one of them is written."""
        shape = (n_samples, n_populations, n_ticks, 2)
        if self._bounds.size < math.prod(shape):
            self._bounds = np.empty(math.prod(shape), np.int64)
        return self._bounds[: math.prod(shape)].reshape(shape)

    def bits(self, n: int) -> AnyArray:
        """See `run_layer`."""
        if self._bits.size < n:
            self._bits = np.empty(n, np.uint64)
        return self._bits


def _run_batch(
    lowered: Lowered,
    inputs: Mapping[str, Events],
    traces: Traces,
    rooms: list[_Room],
    first: int,
    last: int,
) -> _Batch:
    """Run the samples from `first` to `last` (exclusive).

    Args:
        lowered: The network.
        inputs: Spikes of all samples by source, in the order of the network's inputs.
        traces: Where membranes go.
        rooms: What earlier batches left; one is taken, and given back.
        first: The first sample.
        last: The one after the last.
    """
    tables, neurons, populations = lowered.tables, lowered.neurons, lowered.tables.populations
    n_samples, n_ticks = last - first, traces.n_ticks
    room = rooms.pop() if rooms else _Room()
    bounds = room.bounds(n_samples, populations.size, n_ticks)
    bits = room.bits(n_samples * n_ticks * int(populations["width"].max()) // 64)
    counted = np.zeros(tables.order.size, np.int64)
    last_v = np.zeros((n_samples, tables.order.size), np.int32)
    arena, used = room.arena, 0
    for source, e in zip(lowered.sources, inputs.values(), strict=True):
        begin = used
        if e.bits is not None:
            words = e.bits.words[first:last]
            arena, used = take_raster(words, e.bits.per_tick, source, arena, used, bounds)
        else:
            starts = e.sample_starts[first : last + 1]
            arena, used = take_inputs(e.times, e.neurons, starts, source, arena, used, bounds)
        tally(arena[begin:used], counted[populations["first"][source] :])
    keep_pairs = np.isin(populations["kind"], (THETA, QIF))
    pairs = np.zeros((3, int(populations["n"].max()))) if keep_pairs.any() else None
    starts_of_traces = traces.starts_at(first)
    spikes = {}
    for members, is_layer in zip(lowered.components, lowered.layers, strict=True):
        if is_layer:
            m = int(members[0])
            start = int(starts_of_traces[m])
            arena, used = run_layer(
                tables, neurons, m, arena, used, bounds, traces.buffer, start, last_v, bits
            )
        else:
            arena, used = run_component(
                tables, neurons, members, arena, used, bounds, traces.buffer, starts_of_traces, last_v, pairs
            )
    for m in (int(m) for members in lowered.components for m in members):
        ticks, who, sizes = spikes_of(arena, bounds, m)
        at = int(populations["first"][m])
        if lowered.reordered[m]:
            put_in_order(who, ticks, sizes, tables.order[at:], int(populations["n"][m]))
        tally(who, counted[at:])
        spikes[m] = ticks, who, sizes
    room.arena = arena
    rooms.append(room)
    return _Batch(spikes, counted, last_v)


def _compile(lowered: Lowered, network: Network) -> None:
    """Compile the kernels that a network needs, or load them from the disk."""
    traces = Traces.of(network, (), 0, 0, np.int64)
    for made in (no_events, lambda samples, n: from_raster(np.zeros((samples, 0, n), np.bool_))):
        _run_batch(
            lowered, {name: made(0, network.population(name).n) for name in network.inputs}, traces, [], 0, 0
        )


def _clipped(e: Events, n_ticks: int) -> Events:
    """The spikes of the first ticks."""
    if e.bits is not None and e.bits.n_ticks <= n_ticks:
        return e
    return e.keep(e.times < n_ticks)


def _count_projection(one: Touched, spikes: IntArray) -> ProjectionCounts:
    """The counts of a projection whose presynaptic neurons spiked so often; see `spikec.counting`."""
    columns = (one.events, one.zeros, one.events + one.zeros > 0, one.delayed)
    return ProjectionCounts(*(int(spikes @ column) for column in columns))

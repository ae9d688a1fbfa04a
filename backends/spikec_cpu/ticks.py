"""Runs a lowered network of the fixed dialect: batches of samples, one batch a thread at a time.

Kernels are serial and release the GIL; ordinary threads run them. numba's own parallel loops would take
longer to compile, could not hand back lists whose length nobody knows before, and forbid a later fork.

Rasters are scanned, spikes listed and counted in batches, so all of it runs on all threads.

Memory: a batch holds 16 bytes a sample, population and tick, 4 to 8 bytes a spike of its samples, and 4 bytes
a neuron and slot of its ring of delays; the answer holds a bit a sample, tick and neuron of layers and of
inputs that were rasters, 12 bytes a spike of all others, and 8 bytes a recorded membrane. A thread keeps the
memory of its batches for the next run. Nothing is cut off: lists of spikes grow.
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
from spikec.bits import Bits, Raster
from spikec.counting import Touched
from spikec.events import Events, from_kept, no_events
from spikec.inputs import check_inputs, check_ticks
from spikec.ir.network import Network
from spikec.records import check_record, split_key
from spikec.result import Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec_cpu.batches import SpikeLists, Traces, cuts, in_threads, together
from spikec_cpu.kernels.bits import align, lists_of, take_bits, take_raster
from spikec_cpu.kernels.components import run_component
from spikec_cpu.kernels.spikes import put_in_order, spikes_of, take_inputs, tally
from spikec_cpu.kernels.tiles import run_layer
from spikec_cpu.lower import Lowered
from spikec_cpu.lower_neurons import QIF, THETA
from spikec_cpu.lower_parts import TILE, padded


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
        self._rooms: list[_Room] = []
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
        task = _Task(
            clipped,
            Traces.of(self.network, record, n_samples, n_ticks, np.int64),
            any(split_key(key)[1] == ".v.last" for key in record),
            _words(self.lowered, clipped, n_samples, n_ticks),
        )
        limits = cuts(n_samples, n_ticks, len(self.network.populations), self.threads)
        batches = in_threads(partial(_run_batch, self.lowered, task, self._rooms), limits, self.threads)
        spikes = together(self.network, self._known(task), [b.spikes for b in batches])
        last_v = np.concatenate([b.last_v for b in batches])[:, self.lowered.places]
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.threads,
            "numba": numba.__version__,
        }
        counters = self._counters(np.sum([b.counted for b in batches], axis=0), n_samples, n_ticks)
        return RunResult(spikes, task.traces.answer(record, last_v), counters, meta)

    def close(self) -> None:
        """Let go of what batches worked in."""
        self._rooms.clear()

    def _known(self, task: _Task) -> dict[str, Events]:
        """The spikes of inputs and layers, most of them as bits."""
        known = dict(task.inputs)
        for m, words in task.words.items():
            p = self.network.populations[m]
            n_ticks = words.shape[1] // -(-p.n // TILE)
            known[p.name] = from_kept(_Listed(words, padded(p.n, TILE), n_ticks), p.n)
        return known

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


class _Listed(Bits):
    """Bits whose ticks begin with a word each, listed by a kernel."""

    def lists(self) -> tuple[AnyArray, AnyArray, AnyArray]:
        """See `Bits.lists`."""
        ticks, neurons, sizes = lists_of(self.words, self.n_ticks)
        return ticks, neurons, np.concatenate([[0], np.cumsum(sizes)])


@dataclass(frozen=True, eq=False)
class _Task:
    """What a run is to do.

    Attributes:
        inputs: Spikes by source, in the order of the network's inputs.
        traces: Where membranes go.
        keeps_last: Whether membranes at the end are wanted.
        words: Of layers and of inputs that are rasters, by place in the network, room for their bits,
            ``(n_samples, n_ticks * ceil(n / 64))``.
    """

    inputs: Mapping[str, Events]
    traces: Traces
    keeps_last: bool
    words: Mapping[int, AnyArray]


@dataclass(frozen=True, eq=False)
class _Batch:
    """What a batch of samples gave.

    Attributes:
        spikes: Of populations that are no layers.
        counted: How often each neuron spiked, ``(n_places,)``.
        last_v: Membranes at the end, ``(n_samples, n_places)``; of no sample if they are not wanted.
    """

    spikes: SpikeLists
    counted: IntArray
    last_v: AnyArray


class _Room:
    """Memory that one batch after another works in, for what is new must first be fetched page by page."""

    def __init__(self) -> None:
        self.arena = np.empty(1024, np.int32)
        self._bounds = np.empty(0, np.int64)

    def bounds(self, n_samples: int, n_populations: int, n_ticks: int) -> IntArray:
        """See `run_component`; every one of them that is read is written before."""
        shape = (n_samples, n_populations, n_ticks, 2)
        if self._bounds.size < math.prod(shape):
            self._bounds = np.empty(math.prod(shape), np.int64)
        return self._bounds[: math.prod(shape)].reshape(shape)


def _words(
    lowered: Lowered, inputs: Mapping[str, Events], n_samples: int, n_ticks: int
) -> dict[int, AnyArray]:
    """See `_Task`."""
    widths = {layer.p[0]: n_ticks for layer in lowered.layers if layer is not None}
    for source, e in zip(lowered.sources, inputs.values(), strict=True):
        if isinstance(e.kept, Raster):
            widths[source] = e.kept.flags.shape[1]
    n_words = lowered.tables.populations["width"] // TILE
    return {m: np.empty((n_samples, ticks * int(n_words[m])), np.uint64) for m, ticks in widths.items()}


def _run_batch(lowered: Lowered, task: _Task, rooms: list[_Room], first: int, last: int) -> _Batch:
    """Run the samples from `first` to `last` (exclusive).

    Args:
        lowered: The network.
        task: What is to be done.
        rooms: What earlier batches left; one is taken, and given back.
        first: The first sample.
        last: The one after the last.
    """
    tables, neurons, populations = lowered.tables, lowered.neurons, lowered.tables.populations
    room = rooms.pop() if rooms else _Room()
    bounds = room.bounds(last - first, populations.size, task.traces.n_ticks)
    counted = np.zeros(tables.order.size, np.int64)
    last_v = np.zeros((last - first if task.keeps_last else 0, tables.order.size), np.int32)
    arena, used = _take_sources(lowered, task, first, last, room.arena, bounds, counted)
    trace, starts = task.traces.buffer, task.traces.starts_at(first)
    of_layer = (neurons.cuba, neurons.u_init, neurons.v_init)
    spikes = {}
    for members, layer in zip(lowered.components, lowered.layers, strict=True):
        if layer is not None:
            m, _, place, *_ = layer.p
            words, own, start = task.words[m][first:last], counted[place:], int(starts[m])
            arena, used = run_layer(
                tables.words,
                layer.routes,
                of_layer,
                layer.p,
                arena,
                used,
                bounds,
                words,
                own,
                trace,
                start,
                last_v,
            )
            continue
        pairs = _pairs(populations)
        arena, used = run_component(
            tables, neurons, members, arena, used, bounds, trace, starts, last_v, pairs
        )
        for m in members.tolist():
            spikes[m] = _lists(lowered, m, arena, bounds)
            tally(spikes[m][1], counted[populations["first"][m] :])
    room.arena = arena
    rooms.append(room)
    return _Batch(spikes, counted, last_v)


def _pairs(populations: AnyArray) -> AnyArray | None:
    """Room for the neurons that keep pairs, see `run_component`."""
    keep_pairs = np.isin(populations["kind"], (THETA, QIF))
    return np.zeros((3, int(populations["n"].max()))) if keep_pairs.any() else None


def _take_sources(
    lowered: Lowered,
    task: _Task,
    first: int,
    last: int,
    arena: AnyArray,
    bounds: IntArray,
    counted: IntArray,
) -> tuple[AnyArray, int]:
    """List the inputs of a batch in the arena, and count them; how many are in it."""
    used = 0
    for m, e in zip(lowered.sources, task.inputs.values(), strict=True):
        own = counted[lowered.tables.populations["first"][m] :]
        if isinstance(e.kept, Raster):
            words = task.words[m][first:last]
            arena, used = take_raster(e.kept.flags[first:last], words, m, arena, used, bounds, own)
        elif isinstance(e.kept, Bits):
            words = _aligned(e.kept, first, last)
            arena, used = take_bits(words, e.kept.n_ticks, m, arena, used, bounds, own)
        else:
            begin, starts = used, e.sample_starts[first : last + 1]
            arena, used = take_inputs(e.times, e.neurons, starts, m, arena, used, bounds)
            tally(arena[begin:used], own)
    return arena, used


def _aligned(bits: Bits, first: int, last: int) -> AnyArray:
    """The words of some samples, ticks beginning with a word."""
    if bits.per_tick % 64 == 0:
        return bits.words[first:last]
    words = np.empty((last - first, bits.n_ticks * (-(-bits.per_tick // 64))), np.uint64)
    align(bits.words[first:last], bits.per_tick, words, bits.n_ticks)
    words.setflags(write=False)
    return words


def _lists(
    lowered: Lowered, m: int, arena: AnyArray, bounds: IntArray
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """The spikes of a population that is no layer, in the network's order."""
    ticks, who, sizes = spikes_of(arena, bounds, m)
    if lowered.reordered[m]:
        p = lowered.tables.populations[m]
        put_in_order(who, ticks, sizes, lowered.tables.order[p["first"] :], int(p["n"]))
    return ticks, who, sizes


def _compile(lowered: Lowered, network: Network) -> None:
    """Compile the kernels that a network needs, or load them from the disk.

    Those that read rasters are compiled with the first of them.
    """
    traces = Traces.of(network, (), 0, 0, np.int64)
    nothing = {name: no_events(0, network.population(name).n) for name in network.inputs}
    _run_batch(lowered, _Task(nothing, traces, False, _words(lowered, nothing, 0, 0)), [], 0, 0)
    lists_of(np.zeros((0, 0), np.uint64), 0)


def _clipped(e: Events, n_ticks: int) -> Events:
    """The spikes of the first ticks; a raster as the run's own, which stays one whoever else reads it."""
    own = e.select(0, e.n_samples) if isinstance(e.kept, Raster) else e
    return own if own.length <= n_ticks else own.keep(own.times < n_ticks)


def _count_projection(one: Touched, spikes: IntArray) -> ProjectionCounts:
    """The counts of a projection whose presynaptic neurons spiked so often; see `spikec.counting`."""
    columns = (one.events, one.zeros, one.events + one.zeros > 0, one.delayed)
    return ProjectionCounts(*(int(spikes @ column) for column in columns))

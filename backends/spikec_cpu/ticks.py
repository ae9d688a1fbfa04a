"""Runs a lowered network of the fixed dialect: batches of samples, one batch a thread at a time.

Kernels are serial and release the GIL; ordinary threads run them. numba's own parallel loops would take
longer to compile, could not hand back lists whose length nobody knows before, and forbid a later fork.

Memory: a batch holds 16 bytes a sample, population and tick, 4 to 8 bytes a spike of its samples, and 4 bytes
a neuron and slot of its ring of delays; the answer holds 12 bytes a spike and 8 bytes a recorded membrane.
Nothing is cut off: lists of spikes grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numba
import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.errors import UsageError
from spikec.events import Events, no_events
from spikec.ir.network import Network
from spikec.program import check_inputs, check_record, split_key
from spikec.result import Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec_cpu.kernels.components import run_component
from spikec_cpu.kernels.spikes import spikes_of, take_inputs
from spikec_cpu.lower import Lowered, lower

LARGEST_BATCH = 64
"""Samples; enough that starting a batch costs little beside running it."""

BATCHES_PER_THREAD = 4
"""If there are samples enough: a thread that finishes early takes another batch."""

BOUNDS_BYTES = 32 << 20
"""A batch takes fewer samples if its table of bounds would exceed this size."""


class TicksExecutable:
    """A network of the fixed dialect, made ready for the CPU.

    Args:
        network: In the fixed dialect.
        threads: How many threads run batches.
    """

    def __init__(self, network: Network, threads: int) -> None:
        self.network = network
        self.threads = threads
        self.lowered = lower(network)
        nothing = {name: no_events(0, network.population(name).n) for name in network.inputs}
        _run_batch(self.lowered, nothing, _Traces.of(network, (), 0, 0), 0, 0)  # compiles

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
        if n_ticks < 1:
            raise UsageError(f"a run of {n_ticks} ticks was asked for; give 1 or more")
        clipped = {name: inputs[name].keep(inputs[name].times < n_ticks) for name in self.network.inputs}
        traces = _Traces.of(self.network, record, n_samples, n_ticks)
        limits = self._batches(n_samples, n_ticks)
        with ThreadPoolExecutor(self.threads) as pool:
            run = partial(_run_batch, self.lowered, clipped, traces)
            batches = list(pool.map(run, limits[:-1], limits[1:]))
        spikes = self._spikes(clipped, batches)
        last_v = np.concatenate([b.last_v for b in batches])
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.threads,
            "numba": numba.__version__,
        }
        counters = self._counters(spikes, batches, n_samples, n_ticks)
        return RunResult(spikes, traces.answer(record, last_v), counters, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _batches(self, n_samples: int, n_ticks: int) -> list[int]:
        """The samples at which batches begin, and the end of the last."""
        bounds = 16 * max(n_ticks, 1) * len(self.network.populations)
        most = max(1, min(LARGEST_BATCH, BOUNDS_BYTES // bounds))
        n = max(-(-n_samples // most), min(n_samples, self.threads * BATCHES_PER_THREAD), 1)
        return [n_samples * k // n for k in range(n + 1)]

    def _spikes(self, inputs: Mapping[str, Events], batches: Sequence[_Batch]) -> dict[str, Events]:
        spikes = {}
        for place, p in enumerate(self.network.populations):
            if p.is_source:
                spikes[p.name] = inputs[p.name]
                continue
            ticks, neurons, sizes = (
                np.concatenate(column) for column in zip(*(b.spikes[place] for b in batches), strict=True)
            )
            starts = np.concatenate([[0], np.cumsum(sizes)])
            for array in (ticks, neurons, starts):
                array.setflags(write=False)  # so that it need not be copied
            spikes[p.name] = Events(ticks, neurons, starts, p.n)
        return spikes

    def _counters(
        self, spikes: Mapping[str, Events], batches: Sequence[_Batch], n_samples: int, n_ticks: int
    ) -> Counters:
        updates = np.sum([b.updates for b in batches], axis=0)
        counts = np.sum([b.counts for b in batches], axis=0)
        populations = {
            p.name: PopulationCounts(spikes[p.name].n_events, int(u))
            for p, u in zip(self.network.populations, updates, strict=True)
        }
        by_name = {
            name: ProjectionCounts(*row.tolist())
            for name, row in zip(self.lowered.projections, counts, strict=True)
        }
        projections = {q.name: by_name[q.name] for q in self.network.projections}
        return Counters(n_samples, n_ticks, populations, projections)


@dataclass(frozen=True, eq=False)
class _Traces:
    """Room for the membranes that are wanted in every tick, one population's after another's.

    Attributes:
        buffer: int64, flat.
        starts: Where each population's ``(n_samples, n_ticks, n)`` begins, -1 if it is not wanted.
        sizes: Neurons of each population.
        names: Place of each population.
        n_samples: Samples.
        n_ticks: Ticks.
    """

    buffer: IntArray
    starts: IntArray
    sizes: IntArray
    names: Mapping[str, int]
    n_samples: int
    n_ticks: int

    @staticmethod
    def of(network: Network, record: Sequence[str], n_samples: int, n_ticks: int) -> _Traces:
        """Make room."""
        names = {p.name: i for i, p in enumerate(network.populations)}
        sizes = np.array([p.n for p in network.populations], np.int64)
        starts = np.full(sizes.size, -1, np.int64)
        used = 0
        for key in record:
            name, what = split_key(key)
            if what == ".v" and starts[names[name]] < 0:
                starts[names[name]] = used
                used += n_samples * n_ticks * int(sizes[names[name]])
        return _Traces(np.zeros(used, np.int64), starts, sizes, names, n_samples, n_ticks)

    def starts_at(self, sample: int) -> IntArray:
        """Where the part of each population begins that belongs to a sample and those after it."""
        return np.where(self.starts < 0, -1, self.starts + sample * self.n_ticks * self.sizes)

    def answer(self, record: Sequence[str], last_v: AnyArray) -> dict[str, AnyArray]:
        """What was recorded, by key."""
        firsts = np.cumsum(self.sizes) - self.sizes
        found: dict[str, AnyArray] = {}
        for key in record:
            name, what = split_key(key)
            place = self.names[name]
            n, first, start = int(self.sizes[place]), int(firsts[place]), int(self.starts[place])
            if what == ".v.last":
                found[key] = last_v[:, first : first + n].astype(np.int64)
            else:
                shape = (self.n_samples, self.n_ticks, n)
                found[key] = self.buffer[start : start + self.n_samples * self.n_ticks * n].reshape(shape)
        return found


@dataclass(frozen=True, eq=False)
class _Batch:
    """What a batch of samples gave.

    Attributes:
        spikes: For each population (but for sources) ticks, neurons, and spikes in each sample.
        counts: See `count_rows`, ``(n_blocks, 4)``.
        updates: Neuron updates, ``(n_populations,)``.
        last_v: Membranes at the end, ``(n_samples, n_neurons)``.
    """

    spikes: Mapping[int, tuple[AnyArray, AnyArray, AnyArray]]
    counts: IntArray
    updates: IntArray
    last_v: AnyArray


def _run_batch(
    lowered: Lowered, inputs: Mapping[str, Events], traces: _Traces, first: int, last: int
) -> _Batch:
    """Run the samples from `first` to `last` (exclusive).

    Args:
        lowered: The network.
        inputs: Spikes of all samples by source, in the order of the network's inputs.
        traces: Where membranes go.
        first: The first sample.
        last: The one after the last.
    """
    tables, neurons = lowered.tables, lowered.neurons
    n_populations = tables.populations.size
    bounds = np.zeros((last - first, n_populations, traces.n_ticks, 2), np.int64)
    counts = np.zeros((tables.blocks.size, 4), np.int64)
    updates = np.zeros(n_populations, np.int64)
    last_v = np.zeros((last - first, neurons.v_init.size), np.int32)
    arena, used = np.zeros(1024, np.int32), 0
    for source, e in zip(lowered.sources, inputs.values(), strict=True):
        starts = e.sample_starts[first : last + 1]
        arena, used = take_inputs(e.times, e.neurons, starts, source, arena, used, bounds)
    for members in lowered.components:
        arena, used = run_component(
            tables,
            neurons,
            members,
            arena,
            used,
            bounds,
            counts,
            updates,
            traces.buffer,
            traces.starts_at(first),
            last_v,
        )
    places = [int(place) for members in lowered.components for place in members]
    spikes = {place: spikes_of(arena, bounds, place) for place in places}
    return _Batch(spikes, counts, updates, last_v)

"""Runs a lowered network of the fixed dialect: batches of samples, one batch a thread at a time.

Kernels are serial and release the GIL; ordinary threads run them. numba's own parallel loops would take
longer to compile, could not hand back lists whose length nobody knows before, and forbid a later fork.

Memory: a batch holds 16 bytes a sample, population and tick, 4 to 8 bytes a spike of its samples, and 4 bytes
a neuron and slot of its ring of delays; the answer holds 12 bytes a spike and 8 bytes a recorded membrane.
Nothing is cut off: lists of spikes grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numba
import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.events import Events, no_events
from spikec.ir.network import Network
from spikec.program import check_inputs, check_record, check_ticks
from spikec.result import Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec_cpu.batches import SpikeLists, Traces, cuts, in_threads, together
from spikec_cpu.kernels.components import run_component
from spikec_cpu.kernels.spikes import spikes_of, take_inputs
from spikec_cpu.lower import Lowered, lower


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
        _run_batch(self.lowered, nothing, Traces.of(network, (), 0, 0, np.int64), 0, 0)  # compiles

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
        clipped = {name: inputs[name].keep(inputs[name].times < n_ticks) for name in self.network.inputs}
        traces = Traces.of(self.network, record, n_samples, n_ticks, np.int64)
        limits = cuts(n_samples, n_ticks, len(self.network.populations), self.threads)
        batches = in_threads(partial(_run_batch, self.lowered, clipped, traces), limits, self.threads)
        spikes = together(self.network, clipped, [b.spikes for b in batches])
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
class _Batch:
    """What a batch of samples gave.

    Attributes:
        spikes: Of its samples.
        counts: See `count_rows`, ``(n_blocks, 4)``.
        updates: Neuron updates, ``(n_populations,)``.
        last_v: Membranes at the end, ``(n_samples, n_neurons)``.
    """

    spikes: SpikeLists
    counts: IntArray
    updates: IntArray
    last_v: AnyArray


def _run_batch(
    lowered: Lowered, inputs: Mapping[str, Events], traces: Traces, first: int, last: int
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

"""Runs a lowered network in float ticks: batches of samples, one batch a thread at a time.

Spikes and membranes are those of `spikec.reference.ticks` in every bit, for sums are made in its order: in
float64, or in float32 with everything rounded to that. As in `ticks`, kernels are serial and release the GIL.

Memory: a batch holds 16 bytes a sample, population and tick, 4 to 8 bytes a spike of its samples, and a
number for every neuron and slot of the rings of delays; the answer holds 12 bytes a spike and a number a
recorded membrane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numba
import numpy as np

from spikec.arrays import AnyArray
from spikec.counting import count
from spikec.errors import storm, unbounded_membrane
from spikec.events import Events, no_events
from spikec.inputs import check_inputs, check_ticks
from spikec.ir.discrete import MOST_SPIKES
from spikec.ir.network import Network
from spikec.records import check_record
from spikec.result import RunResult
from spikec_cpu.batches import SpikeLists, Traces, cuts, in_threads, together
from spikec_cpu.kernels.float_component import State, run_float_component
from spikec_cpu.kernels.float_neurons import STORM, UNBOUNDED
from spikec_cpu.kernels.spikes import spikes_of, take_inputs
from spikec_cpu.lower_float import LoweredFloat, lower_float


class FloatTicksExecutable:
    """A network in float ticks, made ready for the CPU.

    Args:
        network: In float ticks, of neurons that `spikec.ir.discrete.tick_of` knows.
        threads: How many threads run batches.
        precision: Bits of a real number, 64 or 32.
    """

    def __init__(self, network: Network, threads: int, precision: int) -> None:
        self.network, self.threads, self.precision = network, threads, precision
        self.lowered = lower_float(network, self._real)
        nothing = {name: no_events(0, network.population(name).n) for name in network.inputs}
        self._run_batch(nothing, Traces.of(network, (), 0, 0, self._real), 0, 0)  # compiles

    @property
    def _real(self) -> np.dtype[np.generic]:
        return np.dtype(f"f{self.precision // 8}")

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """See `spikec.backend.Executable.run`.

        Raises:
            EventsError: The inputs do not fit the network.
            NetworkError: What is to be recorded does not exist, or a membrane is no finite number any more.
            UsageError: The run has no tick, or a neuron spikes too often in a tick.
        """
        began = perf_counter()
        n_samples, n_ticks = check_inputs(self.network, inputs), int(until)
        check_record(self.network, record)
        check_ticks(n_ticks)
        clipped = {name: inputs[name].keep(inputs[name].times < n_ticks) for name in self.network.inputs}
        traces = Traces.of(self.network, record, n_samples, n_ticks, self._real)
        limits = cuts(n_samples, n_ticks, len(self.network.populations), self.threads)
        batches = in_threads(partial(self._run_batch, clipped, traces), limits, self.threads)
        several = self.lowered.habits.several
        spikes = together(self.network, clipped, [b.spikes for b in batches], several)
        last_v = np.concatenate([b.last_v for b in batches])
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.threads,
            "numba": numba.__version__,
            "precision": self.precision,
        }
        counters = count(self.network, spikes, n_samples, n_ticks)
        return RunResult(spikes, traces.answer(record, last_v), counters, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _run_batch(self, inputs: Mapping[str, Events], traces: Traces, first: int, last: int) -> _Batch:
        """Run the samples from `first` to `last` (exclusive).

        Args:
            inputs: Spikes of all samples by source, in the order of the network's inputs.
            traces: Where membranes go.
            first: The first sample.
            last: The one after the last.
        """
        lowered = self.lowered
        bounds = np.zeros((last - first, lowered.tables.populations.size, traces.n_ticks, 2), np.int64)
        last_v = np.zeros((last - first, lowered.coefficients.shape[1]), self._real)
        arena, used = np.zeros(1024, np.int32), 0
        for source, e in zip(lowered.sources, inputs.values(), strict=True):
            starts = e.sample_starts[first : last + 1]
            arena, used = take_inputs(e.times, e.neurons, starts, source, arena, used, bounds)
        state, failed = _room(lowered), np.zeros(3)
        for members in lowered.components:
            arena, used = run_float_component(
                lowered.tables,
                lowered.coefficients,
                lowered.habits,
                members,
                state,
                arena,
                used,
                bounds,
                traces.buffer,
                traces.starts_at(first),
                last_v,
                failed,
            )
            self._check(failed)
        places = [int(place) for members in lowered.components for place in members]
        return _Batch({place: spikes_of(arena, bounds, place) for place in places}, last_v)

    def _check(self, failed: AnyArray) -> None:
        """Say why a run could not go on."""
        population = self.network.populations[int(failed[1])].name
        if failed[0] == UNBOUNDED:
            raise unbounded_membrane(population)
        if failed[0] == STORM:
            raise storm(population, float(failed[2]), MOST_SPIKES)


@dataclass(frozen=True, eq=False)
class _Batch:
    """What a batch of samples gave.

    Attributes:
        spikes: Of its samples.
        last_v: Membranes at the end, ``(n_samples, n_neurons)``.
    """

    spikes: SpikeLists
    last_v: AnyArray


def _room(lowered: LoweredFloat) -> State:
    """Room for a batch to compute in."""
    populations, real = lowered.tables.populations, lowered.coefficients.dtype
    n, widest = lowered.coefficients.shape[1], populations["n"].max(initial=0)
    return State(
        u=np.zeros(n, real),
        v=np.zeros(n, real),
        last=np.zeros(n, real),
        leaving=np.zeros(n, np.int32),
        silenced=np.zeros(n, np.uint8),
        crossed=np.zeros(populations.size, np.int64),
        leaves=np.zeros(populations.size, np.int64),
        ring=np.zeros(lowered.ring, real),
        x=np.zeros(widest, real),
        who=np.zeros(widest, np.int32),
        often=np.zeros(widest, real),
    )

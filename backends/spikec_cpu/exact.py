"""Runs a lowered continuous network: exact spike times, batches of samples on threads.

Within a batch one component runs after another through all samples, so its weights stay in the cache. What a
kernel cannot know before, the number of spikes, it lets grow; a sample of one component that has more than
`max_spikes` is an explosion and an error.

Memory: 16 bytes a spike, 8 a neuron and sample, and within a component 16 for each arrival of one sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numba
import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import UsageError, explosion
from spikec.events import Events, unchecked
from spikec.inputs import check_inputs
from spikec.ir.network import Network
from spikec.records import check_record, split_key
from spikec.result import RunResult
from spikec_cpu.batches import in_threads
from spikec_cpu.kernels.layers import run_lists
from spikec_cpu.kernels.peaks import run_peaks
from spikec_cpu.kernels.recurrent import run_recurrent
from spikec_cpu.kernels.slices import run_rows
from spikec_cpu.lower_cells import THRESHOLD, Cells
from spikec_cpu.lower_exact import Component, Lists, Rows, Spikes, lower_exact, lower_readout

LARGEST_BATCH = 64
"""Samples; enough that starting a batch costs little beside running it."""

BATCHES_PER_THREAD = 4
"""If there are samples enough: a thread that finishes early takes another batch."""

SLACK = 1e-12
"""Share of a threshold by which a membrane may miss it at the end of a sample and still be looked at."""


class ExactExecutable:
    """A continuous network, made ready for the CPU.

    Args:
        network: In the continuous dialect.
        threads: How many threads run batches.
        max_spikes: Spikes that one component may have in one sample.
    """

    def __init__(self, network: Network, threads: int, max_spikes: int) -> None:
        self.network = network
        self.threads = threads
        self.max_spikes = max_spikes
        self.components = lower_exact(network)
        silent = {name: nothing(network.population(name).n) for name in network.inputs}
        _Batch(network, silent, 0, 0.0, frozenset()).run(self.components, max_spikes)

    def run(
        self,
        inputs: Mapping[str, Events],
        until: float,
        record: Sequence[str] = (),
        numbers: IntArray | None = None,
    ) -> RunResult:
        """See `spikec.backend.Executable.run`.

        Args:
            inputs: As there, as the next two.
            until: Seconds.
            record: Of a membrane `.v.last` or `.v.max`.
            numbers: What errors call the samples, ``(n_samples,)``; None for 0, 1, ...

        Raises:
            EventsError: The inputs do not fit the network.
            NetworkError: What is to be recorded does not exist, or the activity explodes.
            UsageError: A membrane is wanted in every tick, or the end is no time.
        """
        began = perf_counter()
        n_samples = check_inputs(self.network, inputs)
        check_record(self.network, record)
        kept = [split_key(key) for key in record]
        for name, what in kept:
            if what == ".v":
                raise UsageError(
                    f"a continuous network has no ticks to record '{name}.v' at; record {name}.v.last"
                )
        lasts = frozenset(name for name, what in kept if what == ".v.last")
        tops = {name: lower_readout(self.network, name) for name, what in kept if what == ".v.max"}
        if not 0 <= until < np.inf:
            raise UsageError(f"a run of {until} seconds is impossible; give 0 or more")
        clipped = {name: inputs[name].until(until) for name in self.network.inputs}
        n = max(-(-n_samples // LARGEST_BATCH), min(n_samples, self.threads * BATCHES_PER_THREAD), 1)
        limits = [n_samples * k // n for k in range(n + 1)]
        called = np.arange(n_samples) if numbers is None else numbers
        run_batch = partial(self._run_batch, clipped, called, until, lasts, tops)
        batches = in_threads(run_batch, limits, self.threads)
        spikes, traces = dict(clipped), {}
        for place, p in enumerate(self.network.populations):
            if not p.is_source:
                spikes[p.name] = _together([b.events[place] for b in batches], p.n)
                if p.name in lasts:
                    traces[f"{p.name}.v.last"] = np.concatenate([b.ends[place] for b in batches])
        for name in tops:
            traces[f"{name}.v.max"] = np.concatenate([b.peaks[name] for b in batches])
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.threads,
            "numba": numba.__version__,
        }
        ordered = {p.name: spikes[p.name] for p in self.network.populations}
        return RunResult(ordered, {key: traces[key] for key in record}, None, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _run_batch(
        self,
        inputs: Mapping[str, Events],
        numbers: IntArray,
        until: float,
        lasts: frozenset[str],
        tops: Mapping[str, tuple[Cells, Lists]],
        first: int,
        last: int,
    ) -> _Batch:
        given = {k: e.select(first, last) for k, e in inputs.items()}
        batch = _Batch(self.network, given, last - first, until, lasts)
        try:
            batch.run(self.components, self.max_spikes)
        except _Explosion as found:
            names = [self.network.populations[k].name for k in found.populations]
            sample = int(numbers[first + found.sample])
            raise explosion(names, sample, self.max_spikes, found.time) from None
        for name, (cells, lists) in tops.items():
            batch.find_peaks(name, cells, lists)
        return batch


@dataclass
class _Explosion(Exception):
    """A component's sample has too many spikes."""

    populations: tuple[int, ...]
    sample: int
    time: float


class _Batch:
    """Some samples on their way through the components.

    Args:
        network: What runs.
        inputs: Spikes of its sources.
        n_samples: How many, for a network may have no source.
        until: End of a sample, seconds.
        lasts: Populations whose membranes at the end are wanted.

    Attributes:
        events: For each population its spikes: times, neurons, spikes in each sample.
        ends: For each population, where they are wanted, its membranes at the end, ``(n_samples, n)``.
        peaks: For each readout that was asked for the maxima of its membranes, ``(n_samples, n)``.
    """

    def __init__(
        self,
        network: Network,
        inputs: Mapping[str, Events],
        n_samples: int,
        until: float,
        lasts: frozenset[str],
    ) -> None:
        self.until = until
        self.lasts = {place for place, p in enumerate(network.populations) if p.name in lasts}
        self.n_samples = n_samples
        self.events: dict[int, tuple[AnyArray, AnyArray, IntArray]] = {}
        self.ends: dict[int, FloatArray] = {}
        self.peaks: dict[str, FloatArray] = {}
        self.spikes = Spikes(np.zeros(0), np.zeros(0, np.int32))
        self.bounds = np.zeros((len(network.populations), self.n_samples, 2), np.int64)
        for place, p in enumerate(network.populations):
            if p.is_source:
                e = inputs[p.name]
                self._add(place, e.times, e.neurons, np.diff(e.sample_starts))

    def run(self, components: Sequence[Component], max_spikes: int) -> None:
        """Run all components in order."""
        for component in components:
            wanted = not self.lasts.isdisjoint(component.populations)
            ends = np.zeros((self.n_samples, component.cells.n if wanted else 0))
            failed = np.zeros(3)
            times, cells, sizes = self._run(component, ends, max_spikes + 1, failed)
            if failed[0]:
                raise _Explosion(component.populations, int(failed[1]), float(failed[2]))
            sample = np.repeat(np.arange(self.n_samples), sizes)
            for place, low, high in zip(
                component.populations, component.firsts[:-1], component.firsts[1:], strict=True
            ):
                self.ends[place] = ends[:, low:high]
                if isinstance(component.synapses, Rows | Lists):
                    self._add(place, times, cells.astype(np.int32), sizes)
                    continue
                mine = np.flatnonzero((cells >= low) & (cells < high))
                mine = mine[np.lexsort((cells[mine], times[mine], sample[mine]))]
                counts = np.bincount(sample[mine], minlength=self.n_samples)
                self._add(place, times[mine], (cells[mine] - low).astype(np.int32), counts)

    def find_peaks(self, name: str, cells: Cells, lists: Lists) -> None:
        """Find the maxima of one readout's membranes, once all spikes are there."""
        self.peaks[name] = np.zeros((self.n_samples, cells.n))
        run_peaks(cells, lists, self.spikes, self.bounds, float(self.until), self.peaks[name])

    def _run(
        self, component: Component, ends: FloatArray, most: int, failed: FloatArray
    ) -> tuple[AnyArray, AnyArray, IntArray]:
        cells, synapses = component.cells, component.synapses
        given = (self.spikes, self.bounds, float(self.until))
        if isinstance(synapses, Rows):
            limits = cells.values[THRESHOLD]
            slack = SLACK * (1.0 + float(np.abs(limits[np.isfinite(limits)]).max(initial=0.0)))
            return run_rows(cells, synapses, *given, slack, most, ends, failed)
        if isinstance(synapses, Lists):
            return run_lists(cells, synapses, *given, most, ends, failed)
        return run_recurrent(cells, synapses, *given, most, ends, failed)

    def _add(self, place: int, times: AnyArray, neurons: AnyArray, sizes: IntArray) -> None:
        """Let later components find the spikes of a population."""
        ends = self.spikes.times.size + np.cumsum(sizes)
        self.bounds[place, :, 0], self.bounds[place, :, 1] = ends - sizes, ends
        self.spikes = Spikes(
            np.concatenate([self.spikes.times, times]), np.concatenate([self.spikes.neurons, neurons])
        )
        self.events[place] = (times, neurons, sizes)


def _together(parts: Sequence[tuple[AnyArray, AnyArray, IntArray]], n: int) -> Events:
    times, neurons, sizes = (np.concatenate(column) for column in zip(*parts, strict=True))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return unchecked(times, neurons, starts, n)


def nothing(n_neurons: int) -> Events:
    """No samples, in seconds."""
    return Events(np.zeros(0), np.zeros(0, np.int32), np.zeros(1, np.int64), n_neurons)

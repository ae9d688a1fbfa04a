"""What the engines of ticks share: samples in batches, and answers put together again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, IntArray
from spikec.events import Events, unchecked
from spikec.ir.network import Network
from spikec.records import split_key

LARGEST_BATCH = 64
"""Samples; enough that starting a batch costs little beside running it."""

BATCHES_PER_THREAD = 4
"""If there are samples enough: a thread that finishes early takes another batch."""

BOUNDS_BYTES = 32 << 20
"""A batch takes fewer samples if its table of bounds would exceed this size."""

Batch = TypeVar("Batch")

SpikeLists = Mapping[int, tuple[AnyArray, AnyArray, AnyArray]]
"""For populations, by place, ticks, neurons, and spikes in each sample of a batch."""


def cuts(n_samples: int, n_ticks: int, n_populations: int, threads: int) -> list[int]:
    """The samples at which batches begin, and the end of the last."""
    bounds = 16 * max(n_ticks, 1) * n_populations
    most = max(1, min(LARGEST_BATCH, BOUNDS_BYTES // bounds))
    n = max(-(-n_samples // most), min(n_samples, threads * BATCHES_PER_THREAD), 1)
    return [n_samples * k // n for k in range(n + 1)]


def in_threads(run: Callable[[int, int], Batch], limits: Sequence[int], threads: int) -> list[Batch]:
    """Run all batches, each from one limit to the next; who interrupts need not wait for those that run."""
    pool = ThreadPoolExecutor(threads)
    try:
        batches = list(pool.map(run, limits[:-1], limits[1:]))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return batches


def together(
    network: Network, known: Mapping[str, Events], batches: Sequence[SpikeLists], multiple: bool = False
) -> dict[str, Events]:
    """The spikes of all populations, from batches of samples.

    Args:
        network: What ran.
        known: Spikes of its sources, and of others that are whole already.
        batches: Those of all others.
        multiple: Whether a neuron may have spiked several times in a tick.
    """
    spikes = {}
    for place, p in enumerate(network.populations):
        if p.name in known:
            spikes[p.name] = known[p.name]
            continue
        ticks, neurons, sizes = (
            np.concatenate(column) for column in zip(*(b[place] for b in batches), strict=True)
        )
        starts = np.concatenate([[0], np.cumsum(sizes)])
        e = unchecked(ticks, neurons, starts, p.n, multiple)
        spikes[p.name] = replace(e, multiple=bool(e.repeats().any())) if multiple else e
    return spikes


@dataclass(frozen=True, eq=False)
class Traces:
    """Room for the membranes that are wanted in every tick, one population's after another's.

    Attributes:
        buffer: Flat.
        starts: Where each population's ``(n_samples, n_ticks, n)`` begins, -1 if it is not wanted.
        sizes: Neurons of each population.
        names: Place of each population.
        n_samples: Samples.
        n_ticks: Ticks.
    """

    buffer: AnyArray
    starts: IntArray
    sizes: IntArray
    names: Mapping[str, int]
    n_samples: int
    n_ticks: int

    @staticmethod
    def of(
        network: Network, record: Sequence[str], n_samples: int, n_ticks: int, dtype: npt.DTypeLike
    ) -> Traces:
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
        return Traces(np.zeros(used, dtype), starts, sizes, names, n_samples, n_ticks)

    def starts_at(self, sample: int) -> IntArray:
        """Where the part of each population begins that belongs to a sample and those after it."""
        return np.where(self.starts < 0, -1, self.starts + sample * self.n_ticks * self.sizes)

    def answer(self, record: Sequence[str], last_v: AnyArray) -> dict[str, AnyArray]:
        """What was recorded, by key.

        Args:
            record: The keys.
            last_v: Membranes at the end of all neurons of the network, ``(n_samples, n_neurons)``.
        """
        firsts = np.cumsum(self.sizes) - self.sizes
        found: dict[str, AnyArray] = {}
        for key in record:
            name, what = split_key(key)
            place = self.names[name]
            n, first, start = int(self.sizes[place]), int(firsts[place]), int(self.starts[place])
            if what == ".v.last":
                found[key] = last_v[:, first : first + n].astype(self.buffer.dtype)
            else:
                shape = (self.n_samples, self.n_ticks, n)
                found[key] = self.buffer[start : start + self.n_samples * self.n_ticks * n].reshape(shape)
        return found

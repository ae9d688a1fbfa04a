"""One time for each neuron and sample: a form of spikes that is sorted only where somebody reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikec.arrays import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class DenseTimes:
    """When each neuron spikes, at most once in a sample.

    Attributes:
        times: Seconds, 0 or later, infinite for no spike, ``(n_samples, n_neurons)``.
    """

    times: FloatArray

    in_ticks: ClassVar[bool] = False
    length: ClassVar[float] = np.inf
    once: ClassVar[bool] = True

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.times)

    def part(self, first: int, last: int) -> DenseTimes:
        """Samples `first` to `last` (exclusive)."""
        return DenseTimes(self.times[first:last])

    def some(self) -> bool:
        """Whether there is any spike."""
        return bool((self.times < np.inf).any())

    def until(self, end: float) -> DenseTimes:
        """Without what is later than a moment."""
        if self.times.max(initial=0.0) <= end:
            return self
        return DenseTimes(np.where(self.times <= end, self.times, np.inf))

    def lists(self) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Time and neuron (int32) of each spike in order, and where each sample begins among them."""
        order = np.argsort(self.times, axis=1)
        times = np.take_along_axis(self.times, order, axis=1)
        tied = times[:, 1:] == times[:, :-1]
        if tied.any() and (times[:, 1:][tied] < np.inf).any():
            order = np.argsort(self.times, axis=1, kind="stable")  # ties by neuron: three times as long
        n_samples, n = self.times.shape
        if times[:, -1:].max(initial=0.0) < np.inf:
            return times.ravel(), order.astype(np.int32).ravel(), n * np.arange(n_samples + 1)
        spiking = times < np.inf
        starts = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
        return times[spiking], order[spiking].astype(np.int32), starts

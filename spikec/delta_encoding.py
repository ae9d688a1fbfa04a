r"""Signals that change become spikes: one neuron of a band says that it rose, another one that it fell.

A band has a reference, at first 0. Once a step its value is compared with it: if the value is above by the
change :math:`\delta` or more, the band's first neuron spikes and the reference rises by :math:`\delta`; if it
is below by so much, the second one spikes and the reference falls (send on delta). So a loud onset gives a
train of spikes, and a steady sound none. Between frames values go in straight lines; frame f, counted from 0,
is the value at :math:`(f + 1)` frame lengths, and before the first one all are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikec.arrays import AnyArray, FloatArray
from spikec.errors import EventsError, NetworkError
from spikec.events import Events, from_rows


@dataclass(frozen=True)
class DeltaEncoding:
    """Spikes where the values of bands change.

    Attributes:
        population: The source: first a neuron for each band that rises, then one for each that falls.
        bands: Number of bands.
        frames: Frames of a sample, which has ``frames * bands`` values, frame by frame.
        frame: From one frame to the next, seconds.
        step: From one comparison to the next, seconds; a neuron spikes once in a step at most.
        change: The change that is a spike, in the samples' unit.
        duration: When the answer is read, seconds.
    """

    population: str
    bands: int
    frames: int
    frame: float
    step: float
    change: float
    duration: float

    clock: ClassVar[None] = None
    """There is no source that spikes in every sample."""

    def __post_init__(self) -> None:
        times = (self.step, self.frame, self.frames * self.frame, self.duration)
        if self.bands < 1 or self.frames < 1 or not (0 < self.change < np.inf and np.isfinite(times).all()):
            raise NetworkError(
                f"delta encoding: {self.frames} frames of {self.bands} bands, change {self.change}; all must "
                "be positive and finite"
            )
        if not 0 < self.step <= self.frame <= self.frames * self.frame <= self.duration:
            raise NetworkError(
                f"delta encoding: steps of {self.step} s, {self.frames} frames of {self.frame} s, duration "
                f"{self.duration} s; a step must be positive and no longer than a frame, and all frames no "
                "longer than the duration"
            )

    @property
    def window(self) -> float:
        """The span that a clock has to resolve: a step, or spikes would meet in a tick."""
        return self.step

    @property
    def n_values(self) -> int:
        """Values of a sample."""
        return self.frames * self.bands


def delta_events(encoding: DeltaEncoding, samples: FloatArray) -> Events:
    """Turn samples into spikes, in seconds.

    Args:
        encoding: How.
        samples: Finite values, ``(n_samples, frames * bands)``.

    Raises:
        EventsError: A sample has another number of values.
    """
    if samples.shape[1] != encoding.n_values:
        raise EventsError(
            f"a sample has {samples.shape[1]} values, but {encoding.frames} frames of {encoding.bands} bands "
            f"are {encoding.n_values}; take the data set that the network was made for"
        )
    frames = samples.reshape(len(samples), encoding.frames, encoding.bands)
    frames = np.concatenate([np.zeros_like(frames[:, :1]), frames], axis=1)
    reference = np.zeros_like(frames[:, 0])
    rows: list[tuple[AnyArray, AnyArray, AnyArray]] = []
    for k in range(1, int(encoding.frames * encoding.frame / encoding.step + 1e-9) + 1):
        place = min(k * encoding.step / encoding.frame, float(encoding.frames))
        f = min(int(place), encoding.frames - 1)
        value = frames[:, f] + (place - f) * (frames[:, f + 1] - frames[:, f])
        rise, fall = value >= reference + encoding.change, value <= reference - encoding.change
        reference += encoding.change * (rise.astype(np.int64) - fall)
        sample, neuron = np.nonzero(np.hstack([rise, fall]))
        rows.append((sample, np.full(sample.size, k * encoding.step), neuron))
    sample, times, neurons = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return from_rows(sample, times, neurons, n_samples=len(samples), n_neurons=2 * encoding.bands)

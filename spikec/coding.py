"""How a sample becomes spikes and how spikes become an answer; both travel with the network.

An encoding is data, not code: `encode` interprets it. Times are seconds, whatever the network's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikec.arrays import FloatArray, IntArray
from spikec.delta_encoding import DeltaEncoding, delta_events
from spikec.errors import EventsError, NetworkError
from spikec.events import Events, from_dense_times


@dataclass(frozen=True)
class LatencyEncoding:
    r"""One spike an input: the larger the value, the earlier, :math:`t = T (1 - x / x_{max})`.

    Attributes:
        population: The source that carries the values.
        window: :math:`T`, seconds.
        x_max: The value that spikes at time 0; values outside 0 to ``x_max`` are clipped.
        silent_at_end: Whether zeros spike at ``window``; otherwise they stay silent.
        clock: A source of one neuron that spikes at ``window`` in every sample, or None.
        duration: When the answer is read, seconds.
    """

    population: str
    window: float
    x_max: float
    silent_at_end: bool
    clock: str | None
    duration: float

    def __post_init__(self) -> None:
        if not (0 < self.window <= self.duration < np.inf and 0 < self.x_max < np.inf):
            raise NetworkError(
                f"latency encoding: window {self.window}, duration {self.duration}, x_max {self.x_max}; "
                "all must be positive and finite, and the duration no shorter than the window"
            )


@dataclass(frozen=True)
class BinaryEncoding:
    """One moment for all: inputs whose value is at least a threshold spike there, the others not at all.

    Attributes:
        population: The source that carries the values.
        threshold: The smallest value that spikes.
        time: When, seconds.
        duration: When the answer is read, seconds.
    """

    population: str
    threshold: float
    time: float
    duration: float

    clock: ClassVar[None] = None
    """There is no source that spikes in every sample."""

    def __post_init__(self) -> None:
        times_fit = 0 <= self.time <= self.duration and 0 < self.duration < np.inf
        if not (times_fit and np.isfinite(self.threshold)):
            raise NetworkError(
                f"binary encoding: time {self.time}, duration {self.duration}, threshold {self.threshold}; "
                "all must be finite, the duration positive, and the time from 0 to the duration"
            )

    @property
    def window(self) -> float:
        """The span that a clock has to resolve: all of it, for the input alone would need no resolution."""
        return self.duration


Encoding = LatencyEncoding | BinaryEncoding | DeltaEncoding


def values_of_sample(encoding: Encoding, n_inputs: int) -> int:
    """How many values a sample has for a source of so many neurons."""
    return encoding.n_values if isinstance(encoding, DeltaEncoding) else n_inputs


class Readout(str, Enum):
    """What the answer is taken from."""

    MEMBRANE = "membrane"
    MAXIMUM = "maximum"
    COUNT = "count"
    FIRST = "first"


@dataclass(frozen=True)
class Decoding:
    """The class is the neuron with the highest membrane at the end or ever, the most spikes, or the first.

    Ties go to the lowest index.

    Attributes:
        population: Which population answers.
        readout: What is compared.
    """

    population: str
    readout: Readout

    def __post_init__(self) -> None:
        object.__setattr__(self, "readout", Readout(self.readout))

    @property
    def record(self) -> str | None:
        """What of the membrane a run must record to be decoded, as a record key; None if spikes suffice."""
        what = {Readout.MEMBRANE: "v.last", Readout.MAXIMUM: "v.max"}.get(self.readout)
        return None if what is None else f"{self.population}.{what}"


def encode(encoding: Encoding, samples: npt.ArrayLike) -> dict[str, Events]:
    """Turn samples into input spikes.

    Args:
        encoding: How.
        samples: Shape ``(n_samples, ...)``; each sample is flattened row-major.

    Returns:
        For each source its spikes, in seconds.

    Raises:
        EventsError: A value is NaN or infinite, there is a single number and no list of samples, or frames do
            not fit.
    """
    x = np.asarray(samples, np.float64)
    if x.ndim == 0:
        raise EventsError("a single number is no list of samples; give an array of shape (n_samples, ...)")
    x = x.reshape(len(x), prod(x.shape[1:]))
    if not np.isfinite(x).all():
        raise EventsError("the samples hold NaN or infinite values; a spike time needs a finite number")
    if isinstance(encoding, BinaryEncoding):
        times = np.where(x >= encoding.threshold, encoding.time, np.inf)
        return {encoding.population: from_dense_times(times)}
    if isinstance(encoding, DeltaEncoding):
        return {encoding.population: delta_events(encoding, x)}
    x = np.clip(x, 0.0, encoding.x_max)
    times = encoding.window * (1.0 - x / encoding.x_max)
    if not encoding.silent_at_end:
        times[x == 0.0] = np.inf
    events = {encoding.population: from_dense_times(times)}
    if encoding.clock is not None:
        events[encoding.clock] = from_dense_times(np.full((len(x), 1), encoding.window))
    return events


def decode(
    decoding: Decoding,
    spikes: Events,
    membrane: FloatArray | IntArray | None,
    of_parts: Events | None = None,
) -> IntArray:
    """Turn a population's activity into one class a sample.

    Args:
        decoding: How.
        spikes: The population's spikes.
        membrane: What `Decoding.record` names, ``(n_samples, n)``; None if that is None.
        of_parts: In ticks, the spikes of neurons that were added for those of the population so that first
            spikes tell parts of a tick: of P for one, neuron (k - 1) n + i crosses k/P of a tick after neuron
            i. None for none.

    Returns:
        Shape ``(n_samples,)``; -1 where the first-spike readout saw no spike.
    """
    if decoding.record is not None:
        if membrane is None:
            raise EventsError(
                f"the membrane of {decoding.population} was not recorded, so there is no answer"
            )
        return np.argmax(membrane, axis=1).astype(np.int64)
    if decoding.readout is Readout.COUNT:
        return np.argmax(spikes.counts(), axis=1).astype(np.int64)
    first = first_crossings(spikes.first_times(), of_parts)
    answer = np.argmin(first, axis=1).astype(np.int64)
    answer[np.isinf(first).all(axis=1)] = -1
    return answer


def first_crossings(first: FloatArray, of_parts: Events | None) -> FloatArray:
    """When neurons crossed their thresholds first, told by those that were added for them as well.

    Args:
        first: First spikes of the neurons themselves, ticks, ``(n_samples, n)``.
        of_parts: Spikes of the others, as for `decode`; None for none.

    Returns:
        Ticks and parts of a tick, ``(n_samples, n)``.
    """
    return first if of_parts is None else earliest_of_parts(first, of_parts.first_times())


def earliest_of_parts(first: FloatArray, others: npt.ArrayLike) -> FloatArray:
    """The earliest moment at which a neuron is known to be above its threshold.

    Where one whose inputs come a part of a tick later spikes in tick k, the neuron itself was above its
    threshold that part of a tick before k.

    Args:
        first: First spikes of the neurons, ticks, ``(n_samples, n)``.
        others: Of those that were added for them, ``(n_samples, (P - 1) n)``.
    """
    later = np.asarray(others, np.float64).reshape(len(first), -1, first.shape[1])
    parts = later.shape[1] + 1
    known: FloatArray = np.minimum(first, (later - np.arange(1, parts)[:, None] / parts).min(axis=1))
    return known

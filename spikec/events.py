"""Spikes of one population over many samples: sorted lists, cut by sample.

Times are seconds (float64) or ticks (int64, counted from 0); the array's type says which. Lava counts its
time steps from 1: our tick k is its step k + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, BoolArray, FloatArray, IndexArray, IntArray, read_only
from spikec.bits import Bits, Raster, packed
from spikec.dense_times import DenseTimes
from spikec.errors import EventsError, NetworkError


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes, ordered by sample, then time, then neuron.

    Attributes:
        times: Seconds (float64) or ticks (int64), shape ``(n_events,)``.
        neurons: Index of the neuron, shape ``(n_events,)``.
        sample_starts: Where each sample begins, shape ``(n_samples + 1,)``.
        n_neurons: Size of the population.
        multiple: Whether a neuron may spike several times in one tick.

    Raises:
        EventsError: Lengths differ, times are negative, infinite or unsorted, a neuron is out of range, or
            (in ticks) one neuron spikes twice in one tick and may not.
    """

    times: AnyArray
    neurons: IndexArray
    sample_starts: IntArray
    n_neurons: int
    multiple: bool = False

    def __post_init__(self) -> None:
        ticks = np.asarray(self.times).dtype.kind in "iub"
        object.__setattr__(self, "times", _numbers(self.times, np.int64 if ticks else np.float64, "times"))
        object.__setattr__(self, "neurons", _numbers(self.neurons, np.int32, "neurons"))
        object.__setattr__(self, "sample_starts", _numbers(self.sample_starts, np.int64, "sample_starts"))
        object.__setattr__(self, "n_neurons", int(self.n_neurons))
        _check(self)

    def __getattr__(self, name: str) -> AnyArray:
        """Times, neurons and starts of what is kept in another form, made when they are asked for."""
        kept = self.bits or self.kept if name in ("times", "neurons", "sample_starts") else None
        if kept is None or isinstance(kept, Raster):
            raise AttributeError(f"events have no {name!r}")
        _set(self, *kept.lists())
        made: AnyArray = self.__dict__[name]
        return made

    @property
    def kept(self) -> Raster | Bits | DenseTimes | None:
        """What the spikes are kept as until somebody asks for lists; None if they are lists."""
        found: Raster | Bits | DenseTimes | None = self.__dict__.get("_kept")
        return found

    @property
    def bits(self) -> Bits | None:
        """The spikes as bits, if they are a raster; one of bytes is one of bits from then on."""
        if isinstance(kept := self.kept, Raster):
            self.__dict__["_kept"] = kept = packed(kept.flags)
        return kept if isinstance(kept, Bits) else None

    @property
    def length(self) -> float:
        """Ticks of the raster that these are kept as; infinite if they are no raster."""
        return np.inf if self.kept is None else self.kept.length

    @property
    def once(self) -> bool:
        """Whether each neuron is known, without a look, to spike at most once in a sample."""
        return self.kept is not None and self.kept.once

    @property
    def in_ticks(self) -> bool:
        """Whether times are ticks rather than seconds."""
        return self.times.dtype.kind == "i" if self.kept is None else self.kept.in_ticks

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.sample_starts.size - 1) if self.kept is None else self.kept.n_samples

    @property
    def n_events(self) -> int:
        """Number of spikes in all samples."""
        return int(self.times.size)

    def sample_of_event(self) -> IntArray:
        """The sample each spike belongs to, shape ``(n_events,)``."""
        return np.repeat(np.arange(self.n_samples, dtype=np.int64), np.diff(self.sample_starts))

    def select(self, first: int, last: int) -> Events:
        """Samples `first` to `last` (exclusive)."""
        if self.kept is not None:
            return from_kept(self.kept.part(first, last), self.n_neurons)
        a, b = int(self.sample_starts[first]), int(self.sample_starts[last])
        starts = self.sample_starts[first : last + 1] - a
        return unchecked(self.times[a:b], self.neurons[a:b], starts, self.n_neurons, self.multiple)

    def until(self, end: float) -> Events:
        """The events that are not later than a moment; all samples stay."""
        if isinstance(self.kept, DenseTimes):
            return from_kept(self.kept.until(end), self.n_neurons)
        return self.keep(self.times <= end)

    def keep(self, kept: BoolArray) -> Events:
        """The events for which `kept` (``(n_events,)``) is true; all samples stay."""
        if np.all(kept):
            return self
        counts = np.bincount(self.sample_of_event()[kept], minlength=self.n_samples)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return unchecked(self.times[kept], self.neurons[kept], starts, self.n_neurons, self.multiple)

    def repeats(self) -> BoolArray:
        """Which events have the neuron and the moment of the one before them, ``(n_events,)``."""
        before, after = slice(None, -1), slice(1, None)
        repeated = np.zeros(self.n_events, np.bool_)
        repeated[after] = self.neurons[after] == self.neurons[before]
        repeated[after] &= self.times[after] == self.times[before]
        first = self.sample_starts[:-1]
        repeated[first[first < self.n_events]] = False
        return repeated

    def counts(self) -> IntArray:
        """Spikes of each neuron in each sample, ``(n_samples, n_neurons)``."""
        flat = self.sample_of_event() * self.n_neurons + self.neurons
        counted = np.bincount(flat, minlength=self.n_samples * self.n_neurons)
        return counted.reshape(self.n_samples, self.n_neurons).astype(np.int64)

    def first_times(self) -> FloatArray:
        """Time of each neuron's first spike, infinite if there is none, ``(n_samples, n_neurons)``."""
        first = np.full((self.n_samples, self.n_neurons), np.inf)
        np.minimum.at(first, (self.sample_of_event(), self.neurons), self.times)
        return first

    def most_at_once(self) -> int:
        """The most spikes of one neuron at one moment."""
        if self.kept is not None:
            return int(self.kept.some())
        first = np.flatnonzero(~self.repeats())
        return int(np.diff(first, append=self.n_events).max(initial=0))

    def raster(self, n_ticks: int) -> BoolArray:
        """Spikes as booleans, ``(n_samples, n_ticks, n_neurons)``; what is after `n_ticks` is left out."""
        return self.how_often(n_ticks) > 0

    def how_often(self, n_ticks: int) -> IntArray:
        """How often each neuron spikes in each tick, ``(n_samples, n_ticks, n_neurons)``; as `raster`."""
        if not self.in_ticks:
            raise EventsError("a raster needs ticks; round the times with to_ticks first")
        counts = np.zeros((self.n_samples, n_ticks, self.n_neurons), np.int64)
        kept = self.times < n_ticks
        np.add.at(counts, (self.sample_of_event()[kept], self.times[kept], self.neurons[kept]), 1)
        return counts

    def to_ticks(self, dt: float, parts: int = 1) -> Events:
        """Round times to ticks of `dt` seconds; spikes of one neuron that meet in a tick become one.

        The loss is visible: the result has fewer events.

        Args:
            dt: Length of a tick, seconds.
            parts: Into how many neurons each is divided (`spikec.ir.neurons.Source`): which of them spikes
                tells the time to 1/parts of a tick. Times in ticks stay, in part 0.
        """
        if self.in_ticks:
            if parts == 1:
                return self
            n = self.n_neurons * parts
            return Events(self.times, self.neurons, self.sample_starts, n, self.multiple)
        if self.n_events and self.times.max() / dt >= 2**62:
            raise EventsError(
                f"a spike at {self.times.max():g} s is too late to be counted in ticks of {dt:g} s"
            )
        ticks, part = np.divmod(np.rint(self.times / dt * parts).astype(np.int64), parts)
        rows = np.stack([self.sample_of_event(), ticks, part * self.n_neurons + self.neurons])
        rows = rows[:, np.lexsort(rows[::-1])]
        new = np.any(np.diff(rows, axis=1, prepend=-1), axis=0)
        return from_rows(*rows[:, new], n_samples=self.n_samples, n_neurons=self.n_neurons * parts)

    def to_seconds(self, dt: float) -> Events:
        """The times of ticks of `dt` seconds."""
        if not self.in_ticks:
            return self
        return Events(self.times * dt, self.neurons, self.sample_starts, self.n_neurons)


def unchecked(
    times: AnyArray, neurons: AnyArray, sample_starts: AnyArray, n_neurons: int, multiple: bool = False
) -> Events:
    """Events of an engine's own making: sorted, within their limits, and not looked through again.

    Args:
        times: See `Events`, as the others; of its type, and nobody else's.
        neurons: int32.
        sample_starts: int64.
        n_neurons: Size of the population.
        multiple: Whether a neuron may spike several times in one tick.
    """
    e = Events.__new__(Events)
    _set(e, times, neurons, sample_starts)
    e.__dict__.update(n_neurons=n_neurons, multiple=multiple)
    return e


def from_rows(
    samples: npt.ArrayLike,
    times: npt.ArrayLike,
    neurons: npt.ArrayLike,
    *,
    n_samples: int,
    n_neurons: int,
    multiple: bool = False,
) -> Events:
    """Make events from rows in any order.

    Args:
        samples: Sample of each spike, ``(n,)``.
        times: Ticks (whole numbers) or seconds, ``(n,)``.
        neurons: Neuron of each spike, ``(n,)``.
        n_samples: Number of samples.
        n_neurons: Size of the population.
        multiple: Whether a neuron may spike several times in one tick.

    Raises:
        EventsError: As `Events`, or a sample is out of range.
    """
    s, j = _numbers(samples, np.int64, "samples"), _numbers(neurons, np.int32, "neurons")
    t = np.asarray(times)
    if not s.shape == t.shape == j.shape or s.ndim != 1:
        raise EventsError(f"rows have {s.shape} samples, {t.shape} times, {j.shape} neurons; each needs (n,)")
    if s.size and not (0 <= s.min() and s.max() < n_samples):
        bad = s.max() if s.max() >= n_samples else s.min()
        raise EventsError(f"a spike belongs to sample {bad}, but there are samples 0 to {n_samples - 1}")
    starts = np.concatenate([[0], np.cumsum(np.bincount(s, minlength=n_samples))]).astype(np.int64)
    if not _in_order(s, t, j):
        order = np.lexsort((j, t, s))
        t, j = t[order], j[order]
    return Events(t, j, starts, n_neurons, multiple)


def from_kept(kept: Raster | Bits | DenseTimes, n_neurons: int) -> Events:
    """Events that become lists only if somebody asks for them."""
    e = Events.__new__(Events)
    e.__dict__.update(_kept=kept, n_neurons=n_neurons, multiple=False)
    return e


def join_events(parts: Sequence[Events]) -> Events:
    """Events of one population in some samples, and those of the samples after them, as one; at least one."""
    if len(parts) == 1:
        return parts[0]
    first, bits = parts[0], [e.bits for e in parts if e.bits is not None]
    if len(bits) == len(parts) and len({(b.per_tick, b.n_ticks) for b in bits}) == 1:
        return from_kept(replace(bits[0], words=np.concatenate([b.words for b in bits])), first.n_neurons)
    ends = np.cumsum([0, *(e.n_events for e in parts)])
    starts = [e.sample_starts[:-1] + end for e, end in zip(parts, ends[:-1], strict=True)]
    return unchecked(
        np.concatenate([e.times for e in parts]),
        np.concatenate([e.neurons for e in parts]),
        np.concatenate([*starts, ends[-1:]]),
        first.n_neurons,
        any(e.multiple for e in parts),
    )


def from_dense_times(times: npt.ArrayLike) -> Events:
    """Make events in seconds from one time a neuron, ``(n_samples, n_neurons)``; infinite means no spike.

    Raises:
        EventsError: Another shape, or a time is negative or NaN.
    """
    array = np.array(times, np.float64)
    if array.ndim != 2:
        raise EventsError(f"dense times have shape {array.shape}; (n_samples, n_neurons) is needed")
    if not array.min(initial=0.0) >= 0:
        raise EventsError("dense times are negative or NaN; all must be 0 or later, infinite for no spike")
    array.setflags(write=False)
    return from_kept(DenseTimes(array), array.shape[1])


def no_events(n_samples: int, n_neurons: int) -> Events:
    """Samples in which nothing spikes, in ticks."""
    return Events(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(n_samples + 1, np.int64), n_neurons)


def same(a: Events, b: Events) -> bool:
    """Whether two sets of events are equal to the last bit."""
    return (
        a.n_neurons == b.n_neurons
        and np.array_equal(a.sample_starts, b.sample_starts)
        and np.array_equal(a.times, b.times)
        and np.array_equal(a.neurons, b.neurons)
    )


def _in_order(samples: IntArray, times: AnyArray, neurons: IndexArray) -> bool:
    """Whether rows are sorted by sample, then time, then neuron."""
    before, after = slice(None, -1), slice(1, None)
    ordered = (times[before] < times[after]) | (
        (times[before] == times[after]) & (neurons[before] <= neurons[after])
    )
    ordered &= samples[before] == samples[after]
    return bool((ordered | (samples[before] < samples[after])).all())


def _set(e: Events, times: AnyArray, neurons: AnyArray, sample_starts: AnyArray) -> None:
    for array in (times, neurons, sample_starts):
        array.setflags(write=False)
    e.__dict__.update(times=times, neurons=neurons, sample_starts=sample_starts)


def _numbers(values: npt.ArrayLike, dtype: npt.DTypeLike, what: str) -> AnyArray:
    try:
        return read_only(values, dtype)
    except NetworkError as error:
        raise EventsError(f"{what} of events: {error}") from error


def _check(e: Events) -> None:
    n, starts = e.times.size, e.sample_starts
    if e.times.ndim != 1 or e.neurons.shape != e.times.shape:
        raise EventsError(
            f"events have {e.times.shape} times and {e.neurons.shape} neurons; lengths must agree"
        )
    covers = starts.ndim == 1 and starts.size > 0 and starts[0] == 0 and starts[-1] == n
    if not covers or np.any(np.diff(starts) < 0):
        raise EventsError(f"sample_starts must rise from 0 to the number of events, {n}")
    if n == 0:
        return
    if not np.all(np.isfinite(e.times)) or e.times.min() < 0:
        raise EventsError("events have negative, infinite or NaN times; all must be 0 or later")
    if e.neurons.min() < 0 or e.neurons.max() >= e.n_neurons:
        bad = int(e.neurons.max() if e.neurons.max() >= e.n_neurons else e.neurons.min())
        raise EventsError(
            f"an event names neuron {bad}, but the population has neurons 0 to {e.n_neurons - 1}"
        )
    within = np.diff(e.sample_of_event()) == 0
    later, tied = np.diff(e.times), np.diff(e.neurons)
    if np.any(within & ((later < 0) | ((later == 0) & (tied < 0)))):
        raise EventsError("events are unsorted; order them by sample, then time, then neuron")
    if e.in_ticks and not e.multiple and e.repeats().any():
        raise EventsError("a neuron spikes twice in one tick; a tick holds one spike of a neuron")

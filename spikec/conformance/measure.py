"""How much of what a network gave differs from what a platform recorded, and where first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.coding import Decoding, Readout, decode
from spikec.errors import EventsError
from spikec.events import Events

MAX_BINS = 1 << 62
"""Most bins of a recording, which must be told apart by one number."""


@dataclass(frozen=True)
class First:
    """The first place at which a run differs: the lowest sample, then the earliest time, then the neuron.

    Attributes:
        population: Which population.
        neuron: Which of its neurons.
        sample: In which sample.
        tick: In which tick of the recording; None in continuous time.
        expected: How many spikes the recording has there, or the time of the spike in seconds, None for none.
        got: The same of the run.
    """

    population: str
    neuron: int
    sample: int
    tick: int | None
    expected: float | None
    got: float | None


@dataclass(frozen=True)
class Measured:
    """How much differs.

    Attributes:
        wrong: How many.
        of: Of how many.
        unit: What is counted, in plural.
        first: Where first, if that can be said.
    """

    wrong: int
    of: int
    unit: str
    first: First | None = None


def wrong_bins(name: str, found: Events, recorded: Events, n_ticks: int, shift: int) -> Measured:
    """Compare spike counts neuron by neuron and tick by tick.

    Args:
        name: The population.
        found: Its spikes in a run that lasted as long as the recording, and longer by a negative shift.
        recorded: Those of the platform.
        n_ticks: Length of the recording.
        shift: By how many ticks the platform's spikes are later. What that moves behind the end of the
            recording is left out; where it moves spikes to before the beginning, these are wrong.

    Raises:
        EventsError: The two have other numbers of samples or neurons.
    """
    if (found.n_samples, found.n_neurons) != (recorded.n_samples, recorded.n_neurons):
        raise EventsError(
            f"{found.n_samples} samples of {found.n_neurons} neurons ran, but {recorded.n_samples} of "
            f"{recorded.n_neurons} are recorded of {name}; check 'samples' and 'population'"
        )
    before = max(0, -shift)
    length = before + n_ticks
    if found.n_samples * length * found.n_neurons > MAX_BINS:
        raise EventsError(f"a recording of {found.n_samples} samples of {n_ticks} ticks is too long; cut it")
    keys_found, often_found = _bins(found, shift + before, length)
    keys_recorded, often_recorded = _bins(recorded, before, length)
    keys = np.union1d(keys_found, keys_recorded)
    got, expected = np.zeros(keys.size, np.int64), np.zeros(keys.size, np.int64)
    got[np.searchsorted(keys, keys_found)] = often_found
    expected[np.searchsorted(keys, keys_recorded)] = often_recorded
    differing = np.flatnonzero(got != expected)
    first = None
    if differing.size:
        k = int(differing[0])
        rest, neuron = divmod(int(keys[k]), found.n_neurons)
        sample, tick = divmod(rest, length)
        first = First(name, neuron, sample, tick - before, int(expected[k]), int(got[k]))
    return Measured(int(differing.size), found.n_samples * n_ticks * found.n_neurons, "bins", first)


def wrong_times(name: str, found: FloatArray, recorded: FloatArray, tolerance: float) -> Measured:
    """Compare the first spike of every neuron.

    Args:
        name: The population.
        found: Seconds, ``(n_samples, n)``, infinite where there is none.
        recorded: The same of the platform.
        tolerance: How far apart they may lie, seconds.

    Raises:
        EventsError: The shapes differ.
    """
    if found.shape != recorded.shape:
        raise EventsError(
            f"{found.shape} first spikes were found of {name}, but {recorded.shape} recorded; check 'samples'"
        )
    both = np.isfinite(found) & np.isfinite(recorded)
    apart = np.isfinite(found) != np.isfinite(recorded)
    apart[both] = np.abs(found[both] - recorded[both]) > tolerance
    first = None
    if apart.any():
        sample = int(np.flatnonzero(apart.any(axis=1))[0])
        earliest = np.where(apart[sample], np.minimum(found[sample], recorded[sample]), np.inf)
        neuron = int(np.argmin(earliest))
        times = (_finite(recorded[sample, neuron]), _finite(found[sample, neuron]))
        first = First(name, neuron, sample, None, *times)
    return Measured(int(apart.sum()), apart.size, "first spikes", first)


def wrong_count(found: Events, spikes: int) -> Measured:
    """Compare the number of all spikes."""
    return Measured(abs(found.n_events - spikes), spikes, "spikes")


def wrong_answers(name: str, found: Events, labels: IntArray, right: int, readout: Readout) -> Measured:
    """Compare the number of right answers.

    Raises:
        EventsError: There are fewer labels than samples.
    """
    if labels.size < found.n_samples:
        raise EventsError(f"there are {labels.size} labels for {found.n_samples} samples; check 'samples'")
    answers = decode(Decoding(name, readout), found, None)
    got = int(np.count_nonzero(answers == labels[: found.n_samples]))
    return Measured(abs(got - right), found.n_samples, "right answers")


def _bins(events: Events, shift: int, length: int) -> tuple[IntArray, IntArray]:
    """The bins that hold spikes, each as a number, and how many it holds."""
    ticks = events.times + shift
    keys = (events.sample_of_event() * length + ticks) * events.n_neurons + events.neurons
    unique, often = np.unique(keys[ticks < length], return_counts=True)
    return unique, often.astype(np.int64)


def _finite(time: float) -> float | None:
    return float(time) if np.isfinite(time) else None

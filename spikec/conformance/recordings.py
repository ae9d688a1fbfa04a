"""Spikes in the forms in which simulators, chips and event cameras leave them, as `Events`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.conformance.cases import (
    MAX_TICKS,
    Columns,
    Frames,
    Raster,
    Recorded,
    SpikeList,
    Times,
    Values,
)
from spikec.container import read_array
from spikec.errors import EventsError, FileFormatError, UsageError
from spikec.events import Events, from_dense_times, from_rows
from spikec.ir.network import Population
from spikec.rasters import from_counts, repeated

MAX_BYTES = 1 << 30
"""Most bytes of a file that is read at once."""

MAX_COUNT = 1000
"""Most spikes of a neuron in a tick."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Spikes of one population.

    Attributes:
        events: In ticks, with as many in a tick as were counted, or in seconds.
        n_ticks: How many ticks the file holds; None if it does not say.
    """

    events: Events
    n_ticks: int | None = None


def inside(folder: Path, name: str) -> Path:
    """The path of a file in a folder.

    Raises:
        UsageError: The name leads out of the folder.
    """
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{name} lies outside of {folder}; name files in it by relative paths")
    return path


def read_recording(folder: Path, given: Recorded, population: Population) -> Recording:
    """Read spikes of a population.

    Args:
        folder: Where the file is.
        given: Which file, and how it is meant.
        population: Whose spikes they are.

    Raises:
        FileFormatError: The file is missing, damaged or too large.
        EventsError: It does not fit the population, or contradicts itself.
        UsageError: The name leads out of the folder.
    """
    path = inside(folder, given.file)
    if isinstance(given, Times):
        times = _times(path, given.array, population.n)
        return Recording(from_dense_times(times))
    if isinstance(given, SpikeList):
        return Recording(_from_list(path, given, population.n))
    if isinstance(given, Frames):
        return Recording(_from_frames(path, given, population))
    values = _raster(path, population) if isinstance(given, Raster) else _columns(path, given, population.n)
    return Recording(from_counts(_counted(path, values, given.values)), values.shape[1])


def read_times(folder: Path, given: Times, n: int) -> FloatArray:
    """One spike time a neuron, seconds, ``(n_samples, n)``, infinite where there is none.

    Raises:
        FileFormatError: The file is missing or damaged.
        EventsError: The array has another shape.
    """
    return _times(inside(folder, given.file), given.array, n)


def read_labels(folder: Path, name: str, array: str) -> IntArray:
    """The right class of each sample, ``(n_samples,)``.

    Raises:
        FileFormatError: The file is missing or damaged.
        EventsError: They are no whole numbers, one a sample.
    """
    path = inside(folder, name)
    labels = read_array(path, array)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise EventsError(f"{path}: {array} has shape {labels.shape} and type {labels.dtype}; a label is a "
                          "whole number for each sample")  # fmt: skip
    return labels.astype(np.int64)


def _times(path: Path, name: str, n: int) -> FloatArray:
    times = read_array(path, name)
    if times.ndim != 2 or times.shape[1] != n or times.dtype.kind != "f" or np.isnan(times).any():
        raise EventsError(f"{path}: {name} has shape {times.shape} and type {times.dtype}; (n_samples, {n}) "
                          "spike times in seconds are needed, infinite where there is none")  # fmt: skip
    return times.astype(np.float64)


def _npy(path: Path) -> AnyArray:
    """An array of numbers as it lies in a file, which bounds its size."""
    _check_size(path)
    try:
        array: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises errors of all kinds on damaged bytes
        raise FileFormatError(f"{path} is no intact .npy array of numbers; write it again") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise FileFormatError(f"{path} is no .npy array of numbers; write it again")
    return array


def _check_size(path: Path) -> None:
    if not path.is_file():
        raise FileFormatError(f"there is no file {path}; check the name")
    if path.stat().st_size > MAX_BYTES:
        raise FileFormatError(f"{path} is larger than {MAX_BYTES} bytes; cut it into several files")


def _raster(path: Path, population: Population) -> AnyArray:
    """``(n_samples, n_ticks, n)``."""
    array = _npy(path)
    for shape in (population.shape, (population.n,)):
        if array.shape[array.ndim - len(shape) :] == shape and array.ndim - len(shape) in (1, 2):
            samples = array if array.ndim - len(shape) == 2 else array[None]
            return samples.reshape(*samples.shape[:2], population.n)
    raise EventsError(
        f"{path} has shape {array.shape}; (n_ticks, {population.n}) or (n_samples, n_ticks, {population.n}) "
        f"is needed for {population.name}"
    )


def _columns(path: Path, given: Columns, n: int) -> AnyArray:
    """``(1, n_ticks, n)``."""
    if len(given.columns) != n:
        raise EventsError(f"{path}: {len(given.columns)} columns are named for {n} neurons; name one each")
    _check_size(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            named = isinstance(given.columns[0], str)
            header = [word.strip() for word in file.readline().split(",")] if named else []
            places = [header.index(c) if isinstance(c, str) else c for c in given.columns]
            values = np.loadtxt(file, np.float64, delimiter=",", usecols=places, ndmin=2)
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise FileFormatError(f"{path} is no table with these columns ({error}); check 'columns'") from error
    return values[None]


def _counted(path: Path, values: AnyArray, meaning: Values) -> AnyArray:
    """How often each neuron spikes in each tick, in the shape of `values`."""
    if values.shape[1] > MAX_TICKS:
        raise EventsError(f"{path} claims {values.shape[1]} ticks; cut it into pieces of {MAX_TICKS}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise EventsError(f"{path} holds NaN or infinite values; a spike is a number")
    if meaning == "binary":
        return np.asarray(values != 0)
    if values.dtype.kind == "f" and np.any(values != np.rint(values)):
        raise EventsError(f"{path} holds fractions, which count no spikes; give values: binary")
    if values.size and not 0 <= values.min() <= values.max() <= MAX_COUNT:
        raise EventsError(
            f"{path} counts {values.min():g} to {values.max():g} spikes; 0 to {MAX_COUNT} are read"
        )
    return values


def _from_list(path: Path, given: SpikeList, n: int) -> Events:
    rows = _npy(path)
    if rows.ndim != 2 or max(given.neuron, given.tick) >= rows.shape[1]:
        raise EventsError(f"{path} has shape {rows.shape}; it needs columns {given.neuron} and {given.tick}")
    neurons, ticks = (_whole(path, np.asarray(rows[:, k])) for k in (given.neuron, given.tick))
    if neurons.size and not 0 <= neurons.min() <= neurons.max() < n:
        raise EventsError(f"{path} names neurons {neurons.min()} to {neurons.max()}; there are 0 to {n - 1}")
    unique = np.unique(np.stack([ticks, neurons]), axis=1)
    return from_rows(np.zeros(unique.shape[1], np.int64), *unique, n_samples=1, n_neurons=n)


def _whole(path: Path, values: AnyArray) -> IntArray:
    if values.size and not 0 <= np.abs(values).max() < MAX_TICKS:
        raise EventsError(f"{path} holds numbers beyond {MAX_TICKS}, or NaN; check which column is which")
    return np.rint(values).astype(np.int64)


def _from_frames(path: Path, given: Frames, population: Population) -> Events:
    shape = population.shape
    if len(given.axes) != len(shape):
        raise EventsError(f"{path}: {len(given.axes)} axes are named, but {population.name} has {len(shape)}")
    *places, times = (_integers(path, name) for name in (*given.axes, given.time))
    starts = _integers(path, given.starts)
    if len({a.size for a in (*places, times)}) != 1:
        raise EventsError(f"{path}: arrays of events have different lengths; check their names")
    if starts.size < 1 or starts[0] != 0 or starts[-1] != times.size or np.any(starts[1:] < starts[:-1]):
        raise EventsError(f"{path}: {given.starts} must rise from 0 to the number of events, {times.size}")
    neurons = np.zeros(times.size, np.int64)
    for name, place, n in zip(given.axes, places, shape, strict=True):
        if place.size and not 0 <= place.min() <= place.max() < n:
            raise EventsError(f"{path}: {name} goes from {place.min()} to {place.max()}; 0 to {n - 1} fits")
        neurons = neurons * n + place
    lengths = starts[1:] - starts[:-1]
    if given.origin == "first":
        times = times - np.repeat([times[a:b].min(initial=1 << 62) for a, b in pairwise(starts)], lengths)
    ticks = times // given.frame
    if ticks.size and not 0 <= ticks.min() <= ticks.max() < MAX_TICKS:
        raise EventsError(f"{path}: {given.time} gives ticks {ticks.min()} to {ticks.max()}; check 'frame'")
    samples = np.repeat(np.arange(starts.size - 1), lengths)
    return _events_of(np.stack([samples, ticks, neurons]), starts.size - 1, prod(shape), given.values)


def _integers(path: Path, name: str) -> IntArray:
    array = read_array(path, name)
    if array.ndim != 1 or array.dtype.kind not in "biu":
        raise EventsError(f"{path}: {name} is no list of whole numbers; check its name")
    return array.astype(np.int64)


def _events_of(rows: IntArray, n_samples: int, n: int, values: Values) -> Events:
    """Events from rows of samples, ticks and neurons in any order, in which a row may stand several times."""
    unique, often = np.unique(rows, axis=1, return_counts=True)
    once = from_rows(*unique, n_samples=n_samples, n_neurons=n)
    return once if values == "binary" else repeated(once, often)

"""Rasters on the disk (``.npy``): how often each neuron spikes in each tick, of which only a part is read."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.errors import EventsError, FileFormatError
from spikec.events import Events, join_events, no_events
from spikec.ir.network import Population
from spikec.ir.neurons import MOST_AT_ONCE
from spikec.rasters import from_counts

MAGIC = b"\x93NUMPY"

_PIECE_CELLS = 1 << 22
"""Cells that are looked at together: where each is a spike, their places take a hundred megabytes."""


class RasterFile:
    """An array ``(n_ticks, n)`` or ``(n_samples, n_ticks, n)``; neurons may lie as the input's shape says.

    Args:
        path: The file.
        population: The input.

    Attributes:
        n_samples: Samples.
        n_ticks: Ticks of each; None if the array is no raster of this input.

    Raises:
        FileFormatError: It is no intact array.
    """

    def __init__(self, path: Path, population: Population) -> None:
        self.path, self._population = path, population
        self._shape, self._fortran, self._dtype, self._start = _header(path)
        n_axes = _neuron_axes(self._shape, population)
        fits = n_axes > 0 and len(self._shape) - n_axes in (1, 2)
        self._inner = self._shape[-n_axes - 1 :] if fits else ()
        self.n_ticks = self._inner[0] if fits else None
        self.n_samples = 1 if len(self._shape) == len(self._inner) else self._shape[0]

    def check(self) -> None:
        """Refuse what no raster of the input can be.

        Raises:
            FileFormatError: It does not hold plain numbers.
            EventsError: Its shape does not fit the input.
        """
        if self._dtype.kind not in "biuf":
            raise FileFormatError(
                f"{self.path} holds values of type {self._dtype}; a raster holds numbers of spikes"
            )
        if self.n_ticks is None:
            n = self._population.n
            raise EventsError(
                f"{self.path} has shape {self._shape}; (n_ticks, {n}) or (n_samples, n_ticks, {n}) is needed "
                f"for input {self._population.name}"
            )

    @property
    def sample_bytes(self) -> int:
        """What a sample takes in the file."""
        return self._dtype.itemsize * prod(self._inner)

    def events(self, first: int, last: int) -> Events:
        """The spikes of samples `first` to `last` (exclusive), read a piece at a time.

        Raises:
            EventsError: A value is no number of spikes.
        """
        assert self.n_ticks is not None
        n, n_ticks = self._population.n, self.n_ticks
        step = max(1, _PIECE_CELLS // max(1, n * n_ticks))
        if n_ticks * n > _PIECE_CELLS:
            return join_events([no_events(0, n), *(self._long(k) for k in range(first, last))])
        pieces = [no_events(0, n)] if first == last else []
        for k in range(first, last, step):
            end = min(k + step, last)
            piece = np.asarray(self._samples(k, end)).reshape(end - k, n_ticks, n)
            self._check_values(piece, k, 0)
            pieces.append(from_counts(piece))
        return join_events(pieces)

    def _long(self, sample: int) -> Events:
        """The spikes of one sample, read some ticks at a time."""
        assert self.n_ticks is not None
        n = self._population.n
        step = max(1, _PIECE_CELLS // n)
        found = []
        for tick in range(0, self.n_ticks, step):
            piece = np.asarray(self._samples(sample, sample + 1)[:, tick : tick + step]).reshape(1, -1, n)
            self._check_values(piece, sample, tick)
            found.append((tick, from_counts(piece)))
        times = np.concatenate([e.times + tick for tick, e in found])
        neurons = np.concatenate([e.neurons for _, e in found])
        return Events(times, neurons, np.array([0, times.size]), n, any(e.multiple for _, e in found))

    def _samples(self, first: int, last: int) -> AnyArray:
        """A part of the array, ``(n_samples, n_ticks, ...)``; only this part is mapped into memory."""
        shape = (last - first, *self._inner)
        if 0 in shape:
            return np.zeros(shape, self._dtype)
        if self._fortran:
            whole = self._mapped(self._start, self._shape, "F")
            return whole[first:last] if len(self._shape) > len(self._inner) else whole[None]
        return self._mapped(self._start + first * self.sample_bytes, shape, "C")

    def _mapped(self, start: int, shape: tuple[int, ...], order: Any) -> AnyArray:
        try:
            mapped: AnyArray = np.memmap(self.path, self._dtype, "r", start, shape, order)
        except (OSError, ValueError) as error:
            raise FileFormatError(f"{self.path} cannot be read ({error}); write it again") from error
        return mapped

    def _check_values(self, piece: AnyArray, sample: int, tick: int) -> None:
        if self._dtype.kind == "b" or self._dtype == np.uint8:
            return
        bad = (piece < 0) | (piece > MOST_AT_ONCE)
        if self._dtype.kind == "f":
            bad |= piece != np.floor(piece)
        odd = np.argwhere(bad)
        if odd.size:
            s, t, neuron = (int(i) for i in odd[0])
            raise EventsError(
                f"{self.path} holds {piece[s, t, neuron]} at sample {sample + s}, tick {tick + t}, neuron "
                f"{neuron}; a raster holds how often a neuron spikes in a tick, 0 to {MOST_AT_ONCE}"
            )


def _header(path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order, type and first byte of an array."""
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = _read(file)
            start = file.tell()
            if dtype.hasobject:
                raise ValueError("it holds Python objects")
            if path.stat().st_size - start < dtype.itemsize * prod(shape):
                raise ValueError(f"its header claims shape {shape}, but the file ends before")
    except Exception as error:  # numpy raises errors of all kinds on damaged headers
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path} is no intact array of numbers ({cause}); write it again") from error
    return shape, fortran, dtype, start


def _read(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    major = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if major == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if any(axis < 0 for axis in shape):
        raise ValueError(f"its header claims shape {shape}")
    return shape, fortran and len(shape) > 1, dtype


def _neuron_axes(shape: tuple[int, ...], population: Population) -> int:
    """How many of the last axes of a raster are neurons, as the input's shape or in a row; 0 if none are."""
    return next((len(s) for s in (population.shape, (population.n,)) if shape[-len(s) :] == s), 0)

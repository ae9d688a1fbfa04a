"""Rasters, of a byte or a bit a neuron and tick; bits are eight times smaller and read a word at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import AnyArray


@dataclass(frozen=True, eq=False)
class Raster:
    """A raster of bytes, which nobody read yet.

    Attributes:
        flags: Anything but zero is a spike; uint8, ``(n_samples, n_ticks, n_neurons)``.
    """

    flags: AnyArray

    in_ticks: ClassVar[bool] = True
    once: ClassVar[bool] = False

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.flags)

    @property
    def length(self) -> float:
        """Ticks of a sample."""
        return int(self.flags.shape[1])

    def part(self, first: int, last: int) -> Raster:
        """Samples `first` to `last` (exclusive)."""
        return Raster(self.flags[first:last])

    def some(self) -> bool:
        """Whether there is any spike."""
        return bool(self.flags.view(np.bool_).any())


@dataclass(frozen=True, eq=False)
class Bits:
    """A raster, a bit a neuron and tick.

    Attributes:
        words: Of each sample tick by tick, the first neuron the lowest bit; uint64, ``(n_samples, n_words)``.
        per_tick: Bits of a tick, a multiple of 8 and no fewer than the neurons; those without one are 0.
        n_ticks: Ticks of a sample.
    """

    words: AnyArray
    per_tick: int
    n_ticks: int

    in_ticks: ClassVar[bool] = True
    once: ClassVar[bool] = False

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.words)

    @property
    def length(self) -> float:
        """Ticks of a sample."""
        return self.n_ticks

    def part(self, first: int, last: int) -> Bits:
        """Samples `first` to `last` (exclusive)."""
        return replace(self, words=self.words[first:last])

    def some(self) -> bool:
        """Whether there is any spike."""
        return bool(self.words.any())

    def lists(self) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Tick (int64) and neuron (int32) of each spike in order, and where each sample begins among them."""
        flat = np.ascontiguousarray(self.words).reshape(-1).view(np.uint8)
        some = np.flatnonzero(flat)
        which, bit = np.nonzero(np.unpackbits(flat[some, None], axis=1, bitorder="little"))
        samples, places = np.divmod(8 * some[which] + bit, max(64 * self.words.shape[1], 1))
        ticks, neurons = np.divmod(places, max(self.per_tick, 1))
        sizes = np.bincount(samples, minlength=len(self.words))
        return ticks, neurons.astype(np.int32), np.concatenate([[0], np.cumsum(sizes)])


def packed(raster: AnyArray) -> Bits:
    """The bits of a raster, ``(n_samples, n_ticks, n_neurons)``; anything but zero is a spike."""
    flags = raster if raster.dtype.kind in "bu" else raster != 0
    return of_bytes(np.packbits(flags, axis=2, bitorder="little"))


def of_bytes(rows: AnyArray) -> Bits:
    """The bits of bytes, the first neuron the lowest bit, ``(n_samples, n_ticks, n_bytes)``."""
    n_samples, n_ticks, n_bytes = rows.shape
    flat = rows.reshape(n_samples, n_ticks * n_bytes)
    if flat.shape[1] % 8:
        flat = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 8)))
    words = np.ascontiguousarray(flat).view("<u8").astype(np.uint64, copy=False)
    words.setflags(write=False)
    return Bits(words, 8 * n_bytes, n_ticks)

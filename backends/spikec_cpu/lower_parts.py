"""What all lowering needs: parts laid one after another, and the forms a block of synapses can have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.ir.fixed_point import FixedFormat, Sign

LISTS, MATRIX, KERNEL = range(3)
"""Forms of a block: lists of synapses, rows of a matrix, or a kernel that slides."""

TILE = 64
"""Postsynaptic neurons of a tile: a row of so many bytes is one line of the cache."""


def starts(sizes: Sequence[int] | AnyArray) -> IntArray:
    """Where each of several things lies if they are laid one after another."""
    array = np.asarray(sizes, np.int64)
    return np.cumsum(array) - array


def padded(n: int, to: int) -> int:
    """The next multiple."""
    return -(-n // to) * to


def on_cache_lines(array: AnyArray) -> AnyArray:
    """A flat copy that begins where a line of the cache begins."""
    room = np.empty(array.nbytes + 64, np.uint8)
    begin = -room.ctypes.data % 64
    copy = room[begin : begin + array.nbytes].view(array.dtype)
    copy[:] = array.ravel()
    return copy


def scale_and_zero(form: FixedFormat) -> tuple[int, int]:
    """The scale and zero with which bytes tell the mantissas of a format: ``scale * (byte - zero)``."""
    if form.sign is Sign.MIXED:
        return 2, 128
    return (1, 0) if form.sign is Sign.EXCITATORY else (-1, 0)


def as_bytes(mantissas: AnyArray, form: FixedFormat) -> AnyArray:
    """Mantissas as `scale_and_zero` says, uint8."""
    scale, zero = scale_and_zero(form)
    return (mantissas // scale + zero).astype(np.uint8)


def tiled(rows: AnyArray, zero: int) -> AnyArray:
    """A matrix in tiles of `TILE` columns, one after another, as words of two bytes.

    Word j of a row holds the bytes of columns j and ``j + TILE / 2`` of its tile, the first as the lower one,
    so that sums of lower and upper bytes are columns side by side.

    Args:
        rows: uint8, ``(n_pre, n_post)``.
        zero: The byte of a weight of 0, for columns that fill up the last tile.

    Returns:
        uint16, ``(n_tiles, n_pre, TILE / 2)``.
    """
    n_pre, n_post = rows.shape
    whole = np.full((n_pre, padded(n_post, TILE)), zero, np.uint16)
    whole[:, :n_post] = rows
    halves = whole.reshape(n_pre, -1, 2, TILE // 2)
    return np.ascontiguousarray((halves[:, :, 0] | halves[:, :, 1] << 8).transpose(1, 0, 2))

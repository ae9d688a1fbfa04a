"""What a kernel of a convolution needs to be walked: for each input pixel the entries that meet it.

Axes are independent of each other, so their lists are as long as one axis; of three axes or more all but the
last are taken as one. The channels are no axis: an entry's weights to all output channels of a group lie side
by side, and so do the sums of these channels (pixel by pixel, `sums` of a kernel are transposed).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.ir.connectivity import Convolution

WINDOW = np.dtype(
    [
        ("c_out", "i8"),  # output channels
        ("c_group", "i8"),  # those of a group
        ("c_read", "i8"),  # input channels of a group
        ("n_outer", "i8"),  # input pixels along all axes but the last
        ("n_inner", "i8"),  # along the last
        ("out_outer", "i8"),  # output pixels
        ("out_inner", "i8"),
        ("k_outer", "i8"),  # entries of the window
        ("k_inner", "i8"),
        ("outer", "i8"),  # where the outer axes' part of `starts` begins
        ("inner", "i8"),
    ],
    align=True,
)


class Windows(NamedTuple):
    """Several kernels.

    Attributes:
        shapes: `WINDOW` records.
        starts: For each input pixel of an axis where its taps begin, and the end of the last; int64.
        taps: The window's entry, and the output pixel that meets the input pixel by it, ``(n, 2)``, int32.
    """

    shapes: AnyArray
    starts: AnyArray
    taps: AnyArray


def windows_of(c: Convolution) -> Windows:
    """One kernel."""
    axes = [_Axis(a.n, a.n_out, a.kernel, *a.taps()) for a in c.axes]
    one = np.zeros(1, np.int64)
    outer = _Axis(1, 1, 1, one, one, one)
    for axis in axes[:-1]:
        outer = _both(outer, axis)
    inner = axes[-1]
    lists = [_by_pixel(axis) for axis in (outer, inner)]
    shape = np.zeros(1, WINDOW)
    shape["c_out"], shape["c_read"] = c.weights.shape[:2]
    shape["c_group"] = shape["c_out"] // c.groups
    for name, axis in (("outer", outer), ("inner", inner)):
        shape[f"n_{name}"], shape[f"out_{name}"], shape[f"k_{name}"] = axis[:3]
    shape["inner"] = outer.n + 1
    starts = np.concatenate([lists[0][0], lists[1][0] + len(lists[0][1])])
    return Windows(shape, starts, np.concatenate([taps for _, taps in lists]))


def joined_windows(parts: Sequence[Windows]) -> Windows:
    """Several kernels, their places those in the list."""
    shapes = np.concatenate([np.zeros(0, WINDOW), *(p.shapes for p in parts)])
    pixels, taps = 0, 0
    starts = [np.zeros(0, np.int64)]
    for shape, p in zip(shapes, parts, strict=True):
        shape["outer"] += pixels
        shape["inner"] += pixels
        starts.append(p.starts + taps)
        pixels, taps = pixels + p.starts.size, taps + len(p.taps)
    all_taps = np.concatenate([np.zeros((0, 2), np.int32), *(p.taps for p in parts)])
    return Windows(shapes, np.concatenate(starts), all_taps)


def by_window(kernel: AnyArray, groups: int) -> AnyArray:
    """The entries of a kernel, those of a group's output channels side by side.

    Args:
        kernel: ``(c_out, c_in / groups, *window)``.
        groups: Of channels.

    Returns:
        ``(c_in, entries, c_out / groups)``.
    """
    c_out, c_read = kernel.shape[:2]
    split = kernel.reshape(groups, c_out // groups, c_read, -1)
    return split.transpose(0, 2, 3, 1).reshape(groups * c_read, -1, c_out // groups)


class _Axis(NamedTuple):
    """Input pixels, output pixels and entries of a window; what each tap joins, and by which entry."""

    n: int
    n_out: int
    kernel: int
    output: IntArray
    entry: IntArray
    pixel: IntArray


def _both(a: _Axis, b: _Axis) -> _Axis:
    """Two axes as one, row-major."""
    return _Axis(
        a.n * b.n,
        a.n_out * b.n_out,
        a.kernel * b.kernel,
        (a.output[:, None] * b.n_out + b.output).ravel(),
        (a.entry[:, None] * b.kernel + b.entry).ravel(),
        (a.pixel[:, None] * b.n + b.pixel).ravel(),
    )


def _by_pixel(axis: _Axis) -> tuple[IntArray, AnyArray]:
    """Where each input pixel's taps begin and end, and the entry and output pixel of each."""
    order = np.lexsort((axis.output, axis.pixel))
    starts = np.concatenate([[0], np.cumsum(np.bincount(axis.pixel, minlength=axis.n))]).astype(np.int64)
    return starts, np.stack([axis.entry[order], axis.output[order]], axis=1).astype(np.int32)

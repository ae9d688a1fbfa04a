r"""How a window slides along one axis of an image.

Output pixel :math:`y` reads input pixel :math:`x = s\,y + d\,i - p` with the window's entry :math:`i` (stride
:math:`s`, dilation :math:`d`, padding :math:`p` in front); what lies outside of the image is zero, so it has
no synapse.

Sizes are computed in closed form, before any memory is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikec.arrays import IntArray
from spikec.errors import NetworkError

LARGEST = 1 << 16
"""Kernels, strides, paddings and dilations of more pixels than this are taken for an error."""

_LEAST = {"kernel": 1, "stride": 1, "dilation": 1, "before": 0, "after": 0, "cut": 0}


@dataclass(frozen=True)
class Axis:
    """How a window slides along one axis of an image; all in pixels.

    Attributes:
        n: Pixels of the input.
        kernel: Entries of the window.
        stride: Pixels from one window to the next.
        before: Zeros in front of the image.
        after: Zeros behind it.
        dilation: Pixels from one entry of the window to the next.
        cut: Pixels at the end of the image that are not read, as if they were zero.

    Raises:
        NetworkError: A number is out of its range, or the window is longer than the padded image.
    """

    n: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    cut: int = 0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not least <= value <= LARGEST:
                what = "padding" if name in ("before", "after") else name
                raise NetworkError(f"a {what} of {value} pixels is impossible; give {least} to {LARGEST}")
        if self.n_out < 1:
            raise NetworkError(
                f"a window of {self.reach} pixels does not fit into {self.n} and a padding of "
                f"{self.before} and {self.after}; make the image larger or the window smaller"
            )

    @property
    def reach(self) -> int:
        """Pixels from the window's first entry to its last, both included."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def n_out(self) -> int:
        """Pixels of the output; a last window that does not fit is left out."""
        return (self.n + self.before + self.after - self.reach) // self.stride + 1

    @cached_property
    def spans(self) -> tuple[IntArray, IntArray]:
        """First output pixel that reads the image by an entry of the window, and how many do, for each."""
        shift = self.before - self.dilation * np.arange(self.kernel, dtype=np.int64)
        first = np.maximum(0, -(-shift // self.stride))
        last = np.minimum(self.n_out - 1, (self.n - self.cut - 1 + shift) // self.stride)
        return first, np.maximum(0, last - first + 1)

    @property
    def n_taps(self) -> int:
        """Pairs of an output pixel and an input pixel that it reads."""
        return int(self.spans[1].sum())

    def taps(self) -> tuple[IntArray, IntArray, IntArray]:
        """Output pixel, window entry and input pixel of every pair, shape ``(n_taps,)`` each."""
        first, count = self.spans
        entry = np.repeat(np.arange(self.kernel, dtype=np.int64), count)
        begin = np.cumsum(count) - count
        output = np.arange(entry.size, dtype=np.int64) + (first - begin)[entry]
        return output, entry, self.stride * output + self.dilation * entry - self.before

    def along(self, entry: int) -> tuple[slice, slice]:
        """The output pixels that read the image by one entry of the window, and the pixels they read."""
        first, count = (int(k[entry]) for k in self.spans)
        begin = self.stride * first + self.dilation * entry - self.before
        read = slice(begin, begin + self.stride * (count - 1) + 1, self.stride) if count else slice(0, 0)
        return slice(first, first + count), read

    def behind(self, first: Axis) -> Axis | None:
        """One window that reads as this one does what `first` gives, if there is one that reads nothing else.

        Its entry :math:`i` are all pairs of an entry of both whose places, in pixels of the image, sum to it.
        """
        places = np.unique(self._places(first))
        step = int(np.gcd.reduce(places)) or 1
        n = int(places[-1]) // step + 1
        stride, before = first.stride * self.stride, first.stride * self.before + first.before
        needed = stride * (self.n_out - 1) + step * (n - 1) + 1
        n_between = first.n_out - self.cut  # what this window reads of what `first` gives
        end = first.stride * n_between - first.before  # where a window behind the last of these would begin
        reads_behind = self.stride * (self.n_out - 1) + self.reach - self.before > n_between
        reads_ahead = self.before > 0 and first.reach - 1 - first.before >= first.stride
        overlaps = reads_behind and first.reach > first.stride and end < first.n - first.cut
        if places.size != n or reads_ahead or overlaps:
            return None
        cut = max(first.cut, first.n - end if reads_behind else 0)
        try:
            both = Axis(first.n, n, stride, before, max(0, needed - first.n - before), step, cut)
        except NetworkError:
            return None
        return both if both.n_out == self.n_out else None

    def entries_behind(self, first: Axis) -> IntArray:
        """Which entry of the window of `behind` each pair of entries is, ``(kernel, first.kernel)``."""
        places = self._places(first)
        return np.asarray(places // (int(np.gcd.reduce(places.ravel())) or 1))

    def _places(self, first: Axis) -> IntArray:
        own = first.stride * self.dilation * np.arange(self.kernel, dtype=np.int64)
        return np.asarray(own[:, None] + first.dilation * np.arange(first.kernel))

r"""Convolutions and pooling between image-shaped populations, as the list of the synapses they stand for.

In one axis, output pixel :math:`y` reads input pixel :math:`x = s\,y + d\,i - p` with the kernel's entry
:math:`i` (stride :math:`s`, dilation :math:`d`, padding :math:`p` in front); what lies outside of the image
is zero, so it has no synapse. The axes are independent of each other, and the channels of axes.

Sizes are computed in closed form, before any memory is taken for synapses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import NetworkError

LARGEST = 1 << 16
"""Kernels, strides, paddings and dilations of more pixels than this are taken for an error."""


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

    Raises:
        NetworkError: A number is out of its range, or the window is longer than the padded image.
    """

    n: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        for name, least in (("kernel", 1), ("stride", 1), ("dilation", 1), ("before", 0), ("after", 0)):
            value = getattr(self, name)
            if not least <= value <= LARGEST:
                what = "padding" if least == 0 else name
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
        last = np.minimum(self.n_out - 1, (self.n - 1 + shift) // self.stride)
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


@dataclass(frozen=True, eq=False)
class Convolution:
    r"""A cross-correlation between two image-shaped populations, as deep-learning frameworks compute it.

    .. math:: I[o, y] = \sum_{c, i} W[o, c, i]\; S[c_0(o) + c,\; s y + d i - p]

    with one index :math:`y, i` an axis, and :math:`c_0(o)` the first channel of the group of :math:`o`.

    Attributes:
        kernel: :math:`W`, shape ``(c_out, c_in / groups, *window)``, dimensionless.
        axes: How the window slides along every axis.
        groups: Parts into which both kinds of channels are split; a part reads its own only.

    Raises:
        NetworkError: The groups do not divide the channels, or the kernel has other axes.
    """

    kernel: AnyArray
    axes: tuple[Axis, ...]
    groups: int = 1

    def __post_init__(self) -> None:
        if self.kernel.ndim != 2 + len(self.axes) or self.kernel.shape[2:] != tuple(
            a.kernel for a in self.axes
        ):
            raise NetworkError(f"a kernel of shape {self.kernel.shape} does not fit {len(self.axes)} axes")
        if not 1 <= self.groups <= self.kernel.shape[0] or self.kernel.shape[0] % self.groups:
            raise NetworkError(f"{self.groups} groups do not divide {self.kernel.shape[0]} output channels")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(c_in, *pixels)``."""
        return (self.kernel.shape[1] * self.groups, *(a.n for a in self.axes))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """``(c_out, *pixels)``."""
        return (self.kernel.shape[0], *(a.n_out for a in self.axes))

    @property
    def n_synapses(self) -> int:
        """Pairs of neurons that the kernel joins."""
        c_out, c_read = self.kernel.shape[:2]
        return int(c_out) * int(c_read) * prod(a.n_taps for a in self.axes)

    def synapses(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Presynaptic neuron, postsynaptic neuron and weight of every pair, each ``(n_synapses,)``.

        Neurons are numbered row-major, channels first. No pair occurs twice; the order is no promise.
        """
        c_out, c_read = self.kernel.shape[:2]
        post = entry = pre = np.zeros(1, np.int64)
        for axis in self.axes:
            y, i, x = axis.taps()
            post, entry, pre = (
                (place[:, None] * size + on_axis).ravel()
                for place, size, on_axis in (
                    (post, axis.n_out, y),
                    (entry, axis.kernel, i),
                    (pre, axis.n, x),
                )
            )
        out = np.arange(c_out, dtype=np.int64)
        read = (out // (c_out // self.groups) * c_read)[:, None] + np.arange(c_read)
        n_in, n_out = (prod(shape[1:]) for shape in (self.input_shape, self.output_shape))
        everything = (c_out, c_read, entry.size)
        return (
            (read[:, :, None] * n_in + pre).ravel(),
            np.broadcast_to(out[:, None, None] * n_out + post, everything).ravel(),
            np.asarray(self.kernel.reshape(c_out, c_read, -1)[:, :, entry], np.float64).ravel(),
        )

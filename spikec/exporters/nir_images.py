"""Convolutions as NIR's, and which populations stay images.

NIR joins two nodes only if their shapes are equal, knows no way from a row back to an image, and nir 1.0.8
takes every kernel for square and forgets groups. So a kernel becomes square with zeros around it, groups
become zeros between channels, and a population is written as an image only if everything that reaches it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.exporters.nir_neurons import Written
from spikec.ir.connectivity import Convolution, DelayKind, Sparse, simplest
from spikec.ir.network import Network, Projection
from spikec.ir.windows import Axis

WIDER = 4
"""Entries that a kernel may grow by along an axis until nir finds the right size of the image behind it."""

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Window:
    """How NIR slides a kernel as a convolution does.

    Attributes:
        size: Entries of the square kernel along an axis.
        first: Where the convolution's own kernel begins in it, for each axis.
        padding: Zeros on either side of the image, for each axis.
    """

    size: int
    first: tuple[int, ...]
    padding: tuple[int, ...]


def window_of(convolution: Convolution) -> Window | None:
    """The window with which nir 1.0.8 computes a convolution, if there is one."""
    if len(convolution.axes) not in (1, 2):
        return None
    smallest = max(axis.kernel for axis in convolution.axes)
    for size in range(smallest, smallest + WIDER + 1):
        first = [_first(axis, size) for axis in convolution.axes]
        if None not in first:
            begins = tuple(f for f in first if f is not None)
            padding = (a.before + a.dilation * f for a, f in zip(convolution.axes, begins, strict=True))
            return Window(size, begins, tuple(padding))
    return None


def _first(axis: Axis, size: int) -> int | None:
    """Where the kernel of an axis lies in one of another size, the same zeros on both sides of the image."""
    for first in range(size - axis.kernel + 1):
        padding = axis.before + axis.dilation * first
        if axis.n + 2 * padding < axis.dilation * (size - 1) + 1:
            continue
        other = Axis(axis.n, size, axis.stride, padding, padding, axis.dilation)
        own = slice(first, first + axis.kernel)
        same = all(np.array_equal(a, b[own]) for a, b in zip(axis.spans, other.spans, strict=True))
        if same and other.n_out == axis.n_out:
            return first
    return None


def kernel_of(weights: AnyArray, groups: int, window: Window) -> AnyArray:
    """A kernel ``(c_out, c_in / groups, *window)`` as NIR needs it, ``(c_out, c_in, size, ...)``."""
    c_out, c_read, *sizes = weights.shape
    kernel = np.zeros((c_out, c_read * groups, *(window.size for _ in sizes)), weights.dtype)
    own = [slice(f, f + k) for f, k in zip(window.first, sizes, strict=True)]
    for o in range(c_out):
        begin = o // (c_out // groups) * c_read
        place: Any = (o, slice(begin, begin + c_read), *own)
        kernel[place] = weights[o]
    return kernel


def shapes_of(network: Network, neurons: Mapping[str, Written]) -> dict[str, Shape]:
    """The shape that every population has in NIR: an image, or a row.

    Args:
        network: The network.
        neurons: All populations but the sources.
    """
    shapes = {p.name: _wanted(p.name, network) for p in network.populations}
    while True:
        rows = [
            name
            for name in neurons
            if len(shapes[name]) > 1 and not _can_be_image(name, network, neurons[name], shapes)
        ]
        if not rows:
            return shapes
        shapes.update({name: (prod(shapes[name]),) for name in rows})


def _wanted(name: str, network: Network) -> Shape:
    """The shape that the convolutions at a population need; a row if they disagree or there are none."""
    behind = [_sliding(q) for q in network.incoming(name)]
    ahead = [_sliding(q) for q in network.outgoing(name)]
    needed = {k.output_shape for k in behind if k is not None} | {
        k.input_shape for k in ahead if k is not None
    }
    p = network.population(name)
    if len(needed) == 1:
        return needed.pop()
    return p.shape if p.is_source else (p.n,)


def _sliding(q: Projection) -> Convolution | None:
    """A projection's convolution, if nir computes it."""
    k = q.connectivity
    return k if isinstance(k, Convolution) and window_of(k) is not None else None


def _can_be_image(name: str, network: Network, neurons: Written, shapes: Mapping[str, Shape]) -> bool:
    incoming = network.incoming(name)
    c_out = shapes[name][0]
    shared = (neurons.gain, neurons.constant)
    if any(np.any(v.reshape(c_out, -1) != v.reshape(c_out, -1)[:, :1]) for v in shared):
        return False
    if np.any(neurons.constant) and not any(_can_carry(q) for q in incoming):
        return False
    return all(keeps_image(q, shapes) for q in incoming)


def _can_carry(q: Projection) -> bool:
    """Whether a bias can stand in a projection's convolution: not ahead of a delay."""
    return _sliding(q) is not None and simplest(q.delays, q.connectivity).kind is not DelayKind.DENDRITIC


def keeps_image(q: Projection, shapes: Mapping[str, Shape]) -> bool:
    """Whether a projection can be written between two images."""
    if simplest(q.delays, q.connectivity).kind is DelayKind.SYNAPTIC:
        return False
    if isinstance(q.connectivity, Convolution):
        ends = (q.connectivity.input_shape, q.connectivity.output_shape)
        return _sliding(q) is not None and ends == (shapes[q.pre], shapes[q.post])
    return is_one_to_one(q) and shapes[q.pre] == shapes[q.post]


def is_one_to_one(q: Projection) -> bool:
    """Whether every neuron reaches the one of its own number, and no other."""
    k = q.connectivity
    if not isinstance(k, Sparse) or not k.n_pre == k.n_post == k.n_synapses:
        return False
    index = np.arange(k.n_pre + 1)
    return bool(np.array_equal(k.starts, index) and np.array_equal(k.posts, index[:-1]))

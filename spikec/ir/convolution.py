r"""Convolutions and pooling between image-shaped populations: synapses that share a kernel.

The kernel is stored once, and whoever needs an answer about its synapses computes it from the kernel: how
many a neuron has, what they sum up to, or, if it must be, their list. The axes are independent of each other
(`spikec.ir.windows`), and the channels of axes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import NetworkError
from spikec.ir.fixed_point import Fixed, Weights, mantissas
from spikec.ir.synapses import Sparse, checked, numbers, sparse, take
from spikec.ir.windows import Axis as Axis

if TYPE_CHECKING:
    from typing_extensions import Self


MOST_LISTED = 1 << 26
"""Pairs that are listed each by itself, where that must be: 1.5 GiB while it is done."""


@dataclass(frozen=True, eq=False)
class Convolution:
    r"""A cross-correlation between two image-shaped populations, as deep-learning frameworks compute it.

    .. math:: I[o, y] = \sum_{c, i} W[o, c, i]\; S[c_0(o) + c,\; s y + d i - p]

    with one index :math:`y, i` an axis, and :math:`c_0(o)` the first channel of the group of :math:`o`.
    Neurons are numbered row-major, channels first.

    Attributes:
        weights: The kernel :math:`W`, shape ``(c_out, c_in / groups, *window)``.
        axes: How the window slides along every axis.
        groups: Parts into which both kinds of channels are split; a part reads its own only.

    Raises:
        NetworkError: The groups do not divide the channels, or the kernel has other axes.
    """

    weights: Weights
    axes: tuple[Axis, ...]
    groups: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", checked(self.weights, "Convolution"))
        object.__setattr__(self, "axes", tuple(self.axes))
        shape = self.weights.shape
        if len(shape) != 2 + len(self.axes) or shape[2:] != tuple(a.kernel for a in self.axes):
            raise NetworkError(f"a kernel of shape {shape} does not fit {len(self.axes)} axes")
        if not 1 <= self.groups <= shape[0] or shape[0] % self.groups:
            raise NetworkError(f"{self.groups} groups do not divide {shape[0]} output channels")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(c_in, *pixels)``."""
        return (self.weights.shape[1] * self.groups, *(a.n for a in self.axes))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """``(c_out, *pixels)``."""
        return (self.weights.shape[0], *(a.n_out for a in self.axes))

    @property
    def n_pre(self) -> int:
        """Number of presynaptic neurons."""
        return prod(self.input_shape)

    @property
    def n_post(self) -> int:
        """Number of postsynaptic neurons."""
        return prod(self.output_shape)

    @property
    def n_synapses(self) -> int:
        """Pairs of neurons that the kernel joins, by an entry of zero among them."""
        c_out, c_read = self.weights.shape[:2]
        return int(c_out) * int(c_read) * prod(a.n_taps for a in self.axes)

    def synapses(self) -> tuple[IntArray, IntArray]:
        """Presynaptic and postsynaptic neuron of every pair, each ``(n_synapses,)``; no pair occurs twice."""
        pre, post, _ = self._listed()
        return pre, post

    def per_synapse(self, values: AnyArray) -> AnyArray:
        """What stands in an array of the kernel's shape for every pair, in the order of `synapses`."""
        return np.asarray(values.ravel()[self._listed()[2]])

    def stored(self) -> AnyArray:
        """The weight (mantissa, if fixed) of every pair, in the order of `synapses`, ``(n_synapses,)``."""
        return self.per_synapse(mantissas(self.weights))

    def by_post(self, values: AnyArray, per_pre: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each postsynaptic neuron.

        Args:
            values: One for each entry of the kernel, its shape.
            per_pre: A factor for each presynaptic neuron, ``(..., n_pre)``; 1 if None.

        Returns:
            ``(..., n_post)``.
        """
        factor = np.ones(self.n_pre, np.int64) if per_pre is None else per_pre
        image = self._by_channel(factor, self.input_shape)
        total = self._by_channel(np.zeros((*factor.shape[:-1], self.n_post), _sum_type(values, factor)),
                                 self.output_shape)  # fmt: skip
        for weights, writes, reads in self._entries(values):
            part, there = image[reads], total[writes]
            there += (weights @ self._in_a_row(part)).reshape(there.shape)
        return total.reshape(*factor.shape[:-1], self.n_post)

    def by_pre(self, values: AnyArray, per_post: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each presynaptic neuron; as `by_post`, the other way round."""
        factor = np.ones(self.n_post, np.int64) if per_post is None else per_post
        image = self._by_channel(factor, self.output_shape)
        total = self._by_channel(np.zeros((*factor.shape[:-1], self.n_pre), _sum_type(values, factor)),
                                 self.input_shape)  # fmt: skip
        for weights, writes, reads in self._entries(values):
            part, there = image[writes], total[reads]
            there += (np.swapaxes(weights, -1, -2) @ self._in_a_row(part)).reshape(there.shape)
        return total.reshape(*factor.shape[:-1], self.n_pre)

    def dense_matrix(self) -> AnyArray:
        """The weights (mantissas, if fixed) as ``(n_post, n_pre)``; zero where no pair is joined."""
        return self.unrolled().dense_matrix()

    def unrolled(self) -> Sparse:
        """The same synapses, each stored by itself."""
        pre, post, entry = self._listed()
        return sparse(self.n_pre, self.n_post, pre, post, take(_flat(self.weights), entry))

    def with_weights(self, weights: Weights) -> Self:
        """The same synapses with other weights."""
        return replace(self, weights=weights)

    def select(self, post: npt.ArrayLike, pre: npt.ArrayLike) -> Sparse:
        """The synapses between some neurons, renumbered in the order given; they share nothing any more."""
        return self.unrolled().select(post, pre)

    def scaled(self, factor: FloatArray) -> Convolution | None:
        """The real weights times a factor of each postsynaptic neuron, if those of a channel are equal.

        Args:
            factor: Shape ``()`` or ``(n_post,)``.
        """
        return self._scaled(factor, self.output_shape, lambda f: f.reshape(-1, 1))

    def scaled_inputs(self, factor: FloatArray) -> Convolution | None:
        """The real weights times a factor of each presynaptic neuron, if those of a channel are equal.

        Args:
            factor: Shape ``()`` or ``(n_pre,)``.
        """
        per_group = self.output_shape[0] // self.groups
        return self._scaled(
            factor, self.input_shape, lambda f: np.repeat(f.reshape(self.groups, -1), per_group, axis=0)
        )

    def behind(self, first: Convolution) -> Convolution | None:
        """This convolution of what pooling gives, as one convolution, if there is one that joins no others.

        Args:
            first: Real, with one output channel for each input channel, as pooling has.
        """
        if first.groups != first.input_shape[0] or first.weights.shape[:2] != (first.groups, 1):
            return None
        axes = [own.behind(other) for own, other in zip(self.axes, first.axes, strict=True)]
        if any(a is None for a in axes):
            return None
        whole = tuple(a for a in axes if a is not None)
        c_out, c_read = self.weights.shape[:2]
        own = np.asarray(self.weights, np.float64)
        other = np.asarray(first.weights, np.float64)[:, 0]
        kernel = np.zeros((c_out, c_read, *(a.kernel for a in whole)))
        places = [a.entries_behind(b) for a, b in zip(self.axes, first.axes, strict=True)]
        reads = np.arange(c_out)[:, None] // (c_out // self.groups) * c_read + np.arange(c_read)
        for i in product(*(range(a.kernel) for a in self.axes)):
            for j in product(*(range(a.kernel) for a in first.axes)):
                place: Any = (..., *(p[a, b] for p, a, b in zip(places, i, j, strict=True)))
                weight: Any = (..., *i)
                window: Any = (reads, *j)
                kernel[place] += own[weight] * other[window]
        return Convolution(kernel, whole, self.groups)

    def _scaled(
        self, factor: FloatArray, shape: tuple[int, ...], of_kernel: Callable[[FloatArray], FloatArray]
    ) -> Convolution | None:
        by_channel = np.broadcast_to(factor, (prod(shape),)).reshape(shape[0], -1)
        if np.any(by_channel != by_channel[:, :1]):
            return None
        scale = of_kernel(by_channel[:, 0])
        weights = np.asarray(self.weights, np.float64)
        return self.with_weights(weights * scale.reshape(*scale.shape, *(1 for _ in self.axes)))

    def _by_channel(self, values: AnyArray, shape: tuple[int, ...]) -> AnyArray:
        """A view of an image's values with an axis for the group."""
        return values.reshape(*values.shape[:-1], self.groups, shape[0] // self.groups, *shape[1:])

    def _in_a_row(self, image: AnyArray) -> AnyArray:
        """All pixels of an image along one axis."""
        lead = image.ndim - len(self.axes)
        return image.reshape(*image.shape[:lead], prod(image.shape[lead:]))

    def _entries(self, values: AnyArray) -> Iterator[tuple[AnyArray, Any, Any]]:
        """For each entry of the window its values ``(groups, c_out, c_read)``, where it writes and reads."""
        by_group = numbers(values).reshape(self.groups, -1, *values.shape[1:])
        for entry in product(*(range(a.kernel) for a in self.axes)):
            pairs = [a.along(i) for a, i in zip(self.axes, entry, strict=True)]
            if all(writes.start < writes.stop for writes, _ in pairs):
                at: Any = (..., *entry)
                yield by_group[at], (..., *(w for w, _ in pairs)), (..., *(r for _, r in pairs))

    def _listed(self) -> tuple[IntArray, IntArray, IntArray]:
        """Presynaptic neuron, postsynaptic neuron and kernel entry of every pair.

        Raises:
            NetworkError: There are more pairs than can be listed.
        """
        if self.n_synapses > MOST_LISTED:
            raise NetworkError(
                f"a convolution from {self.input_shape} to {self.output_shape} joins {self.n_synapses} pairs "
                f"of neurons, and {MOST_LISTED} can be listed; make images or kernels smaller"
            )
        c_out, c_read = self.weights.shape[:2]
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
        n_in, n_out, window = (prod(s[k:]) for s, k in (
            (self.input_shape, 1), (self.output_shape, 1), (self.weights.shape, 2)))  # fmt: skip
        pair = (out[:, None] * c_read + np.arange(c_read))[:, :, None]
        return (
            (read[:, :, None] * n_in + pre).ravel(),
            np.broadcast_to(out[:, None, None] * n_out + post, (c_out, c_read, post.size)).ravel(),
            (pair * window + entry).ravel(),
        )


def _sum_type(values: AnyArray, factor: AnyArray) -> np.dtype[Any]:
    return np.result_type(numbers(values), numbers(factor))


def _flat(weights: Weights) -> Weights:
    return Fixed(weights.mantissa.ravel(), weights.format) if isinstance(weights, Fixed) else weights.ravel()

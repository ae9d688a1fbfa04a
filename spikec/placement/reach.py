"""Which groups of neurons a spike reaches: connectivity seen through labels of postsynaptic neurons.

A label is the core, or the group, that a postsynaptic neuron belongs to. Presynaptic neurons that reach the
same are of one *kind*: all of a dense projection, a pixel's channels of a convolution. So nothing is listed
that is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import block_array, csr_array, kron

from spikec.arrays import IntArray
from spikec.ir.connectivity import Connectivity, Convolution, Dense, FixedDegree


class Reach(NamedTuple):
    """What presynaptic neurons reach.

    Attributes:
        kind: Row of every presynaptic neuron in `counts`, ``(n_pre,)``.
        counts: Synapses of one such neuron onto each label, sparse ``(n_kinds, n_labels)``.
    """

    kind: IntArray
    counts: Any

    @property
    def neurons(self) -> IntArray:
        """Presynaptic neurons of each kind, ``(n_kinds,)``."""
        return np.bincount(self.kind, minlength=self.counts.shape[0])


def reach(connectivity: Connectivity, label: IntArray, n_labels: int) -> Reach:
    """What the neurons of a projection reach.

    Args:
        connectivity: Of the projection.
        label: Of every postsynaptic neuron, ``(n_post,)``, each less than `n_labels`.
        n_labels: How many labels there are.
    """
    if isinstance(connectivity, Dense):
        row = np.bincount(label, minlength=n_labels)[None, :]
        return Reach(np.zeros(connectivity.n_pre, np.int64), csr_array(row))
    if isinstance(connectivity, Convolution):
        return _reach_of_kernel(connectivity, label, n_labels)
    if isinstance(connectivity, FixedDegree):
        return reach(connectivity.unrolled(), label, n_labels)
    joined = (np.ones(connectivity.n_synapses, np.int64), connectivity.posts, connectivity.starts)
    synapses = csr_array(joined, shape=(connectivity.n_pre, connectivity.n_post))
    return Reach(np.arange(connectivity.n_pre, dtype=np.int64), _sorted(synapses @ _one_hot(label, n_labels)))


def _reach_of_kernel(c: Convolution, label: IntArray, n_labels: int) -> Reach:
    """A kind is a pixel and a group of channels."""
    pixels = csr_array(np.ones((1, 1), np.int64))
    for axis in c.axes:
        output, _, read = axis.taps()
        one = csr_array((np.ones(read.size, np.int64), (read, output)), shape=(axis.n, axis.n_out))
        pixels = kron(pixels, one, format="csr")
    n_out = prod(c.output_shape[1:])
    rows = []
    for of_group in label.reshape(c.groups, -1):
        pixel = np.arange(of_group.size, dtype=np.int64) % n_out
        ones = np.ones(of_group.size, np.int64)
        rows.append(pixels @ csr_array((ones, (pixel, of_group)), shape=(n_out, n_labels)))
    c_in, n_in = c.input_shape[0], prod(c.input_shape[1:])
    group = np.arange(c_in, dtype=np.int64) // (c_in // c.groups)
    kind = group[:, None] * n_in + np.arange(n_in)
    return Reach(kind.ravel(), _sorted(block_array([[r] for r in rows], format="csr")))


def together(reaches: Sequence[Reach]) -> Reach:
    """What neurons reach by several projections of theirs."""
    if len(reaches) == 1:
        return reaches[0]
    kinds, kind = np.unique(np.stack([r.kind for r in reaches]), axis=1, return_inverse=True)
    total = reaches[0].counts[kinds[0]]
    for r, k in zip(reaches[1:], kinds[1:], strict=True):
        total = total + r.counts[k]
    return Reach(kind.reshape(-1), _sorted(total))


def _one_hot(label: IntArray, n_labels: int) -> Any:
    n = label.size
    return csr_array((np.ones(n, np.int64), label, np.arange(n + 1)), shape=(n, n_labels))


def _sorted(counts: Any) -> Any:
    whole = csr_array(counts)
    whole.sort_indices()
    return whole

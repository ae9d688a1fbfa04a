"""Linear maps between the values of two nodes, in the smallest form that holds them, and their products.

A map is a vector ``(n,)`` where value ``i`` becomes value ``i`` times a factor, a matrix ``(n_out, n_in)``,
a list of synapses, `scipy.sparse.csc_array` ``(n_out, n_in)``, or a `Convolution`. Convolutions stay such
where the product is one: behind pooling, and with factors that the neurons of a channel share. How large any
other product will be is asked before it is made.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array, issparse

from spikec.arrays import FloatArray
from spikec.errors import NetworkError
from spikec.ir.connectivity import (
    Connectivity,
    Convolution,
    DelayKind,
    Delays,
    Dense,
    Sparse,
    one_to_one,
)
from spikec.ir.convolution import MOST_LISTED

Map = Any
"""``(n,)`` or ``(n_out, n_in)`` float64, a `csc_array` so large, or a `Convolution`; scipy has no types."""

MAX_SYNAPSES = 1 << 28
"""Weights of a matrix: 2 GiB."""


class TooLarge(NetworkError):
    """A product that no memory should be taken for; says how large."""


def is_diagonal(weights: Map) -> bool:
    """Whether value ``i`` only ever reaches value ``i``."""
    return not isinstance(weights, Convolution) and bool(weights.ndim == 1)


def n_stored(weights: Map) -> int:
    """Weights that a map stores."""
    if isinstance(weights, Convolution):
        return prod(weights.weights.shape)
    return int(weights.nnz if issparse(weights) else weights.size)


def applied(weights: Map, values: FloatArray) -> FloatArray:
    """What a matrix, a list or a convolution makes of values, ``(n_out,)``."""
    if isinstance(weights, Convolution):
        return weights.by_post(np.asarray(weights.weights), values)
    return np.asarray(weights @ values)


def composed(second: Map, first: Map) -> Map:
    """The map that is `first` followed by `second`, which is no vector.

    Raises:
        TooLarge: It would be.
    """
    if isinstance(second, Convolution):
        if is_diagonal(first):
            kept = second.scaled_inputs(first)
        else:
            kept = second.behind(first) if isinstance(first, Convolution) else None
        if kept is not None:
            return kept
    second, first = without_kernel(second), without_kernel(first)
    if is_diagonal(first):
        if not issparse(second):
            return second * first[None, :]
        return _listed(second, second.data * np.repeat(first, np.diff(second.indptr)))
    size, limit = second.shape[0] * first.shape[1], MAX_SYNAPSES
    if issparse(second) and issparse(first):
        size, limit = min(size, _products(second, first)), MOST_LISTED
    if size > limit:
        raise TooLarge(f"compose to {size} weights, more than {limit}; put a neuron between them")
    product = second @ first
    if issparse(product):
        product = csc_array(product)
        product.eliminate_zeros()  # some versions of scipy keep them, others do not
    return product


def scaled(weights: Map, factor: FloatArray) -> Map:
    """A map with all values that it gives multiplied by a factor, ``()`` or ``(n_out,)``."""
    if is_diagonal(weights):
        return weights * factor
    if isinstance(weights, Convolution):
        kept = weights.scaled(factor)
        return scaled(without_kernel(weights), factor) if kept is None else kept
    if issparse(weights):
        return _listed(weights, weights.data * (factor if factor.ndim == 0 else factor[weights.indices]))
    return weights * np.reshape(factor, (-1, 1))


def without_kernel(weights: Map) -> Map:
    """A convolution as a list of its synapses; any other map as it is."""
    if not isinstance(weights, Convolution):
        return weights
    pre, post = weights.synapses()
    places = (post.astype(np.int32), pre.astype(np.int32))
    return coo_array((weights.stored(), places), (weights.n_post, weights.n_pre)).tocsc()


def connectivity(weights: Map) -> Connectivity:
    """A map as synapses between populations."""
    if isinstance(weights, Convolution):
        return weights
    if is_diagonal(weights):
        return one_to_one(weights.size, weights)
    if issparse(weights):
        weights.sort_indices()
        return Sparse(weights.shape[0], weights.indptr, weights.indices, weights.data)
    return Dense(weights)


def delays(weights: Map, before: FloatArray, after: FloatArray) -> Delays:
    """Delays of synapses, from those ahead, ``()`` or ``(n_in,)``, and behind, ``()`` or ``(n_out,)``.

    Those of a convolution must lie on one side; `without_kernel` has room for both.
    """
    if before.ndim and after.ndim:
        if not issparse(weights):
            return Delays(after[:, None] + before[None, :], DelayKind.SYNAPTIC)
        pre = np.repeat(before, np.diff(weights.indptr))
        weights.sort_indices()
        return Delays(after[weights.indices] + pre, DelayKind.SYNAPTIC)
    kind = DelayKind.UNIFORM
    if before.ndim or after.ndim:
        kind = DelayKind.AXONAL if before.ndim else DelayKind.DENDRITIC
    return Delays(before + after, kind)


def _products(second: Any, first: Any) -> int:
    """Multiplications of a product of lists, and so its synapses at most."""
    reading = np.diff(second.indptr).astype(np.int64)
    return int(np.sum(reading[first.indices]))


def _listed(like: Any, data: FloatArray) -> Any:
    return csc_array((data, like.indices, like.indptr), shape=like.shape)

"""Synapses of a program and of a network by each other, and projections with other weights and delays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError
from spikec.ir.connectivity import DelayKind, Delays, Dense, Sparse, sparse
from spikec.ir.network import Projection


def places(q: Projection, pre: IntArray, post: IntArray) -> IntArray:
    """Where in a projection's synapses some pairs of neurons stand.

    Raises:
        UsageError: A pair has no synapse.
    """
    all_pre, all_post = q.connectivity.synapses()
    n = q.connectivity.n_post
    keys, wanted = all_pre * n + all_post, pre * n + post
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), max(keys.size - 1, 0))
    found: IntArray = order[at] if keys.size else np.zeros(0, np.int64)
    if wanted.size and (not keys.size or np.any(keys[found] != wanted)):
        raise UsageError(
            f"projection {q.name} of the network lacks synapses that the program has; give the network that "
            "the program was made of"
        )
    return found


def rebuilt(q: Projection, weights: FloatArray, delays: FloatArray | IntArray | None = None) -> Projection:
    """A projection with another real weight, and maybe delay, at each synapse.

    Args:
        q: The projection; a convolution stays one if its kernel, and one delay, can say all of it.
        weights: In the order of its synapses, ``(n_synapses,)``.
        delays: Likewise, seconds or ticks; None for those it has.
    """
    c = q.connectivity
    one = delays is not None and (delays.size == 0 or bool(np.all(delays == delays[0])))
    size = int(np.prod(c.weights.shape))
    entry = np.asarray(c.per_synapse(np.arange(size).reshape(c.weights.shape)))
    kernel = np.zeros(size)
    kernel[entry] = weights
    shared = size != c.n_synapses or not isinstance(c, Dense | Sparse)
    if shared and not (np.array_equal(kernel[entry], weights) and (delays is None or one)):
        waits = q.delays.per_synapse(c) if delays is None else delays
        pre, post = c.synapses()
        order = np.lexsort((post, pre))
        listed = sparse(c.n_pre, c.n_post, pre, post, weights)
        return replace(q, connectivity=listed, delays=Delays(waits[order], DelayKind.SYNAPTIC))
    q = replace(q, connectivity=c.with_weights(kernel.reshape(c.weights.shape)))
    if delays is None:
        return q
    if one:
        value = delays[0] if delays.size else np.zeros((), delays.dtype)
        return replace(q, delays=Delays(np.asarray(value)))
    return replace(q, delays=Delays(delays.reshape(c.weights.shape), DelayKind.SYNAPTIC))

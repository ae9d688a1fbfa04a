"""Groups joined in pairs for a coarser level, and what nets reach then."""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IndexArray, IntArray
from spikec.placement.groups import Nets
from spikec.placement.kernels import inner, kernel

LOOKS = 2000
"""Ends of nets that are looked at for a group's partner; nets with more are passed over."""


@kernel
def match(nets: Nets, order: IntArray, most: IntArray) -> IntArray:
    """Join every group with the one that shares most messages with it, if both are free.

    Each net is shared among its ends, its source one of them: two ends share its weight divided by the number
    of the others (hyperedge matching: Karypis et al., IEEE Trans. VLSI 7(1), 1999).

    Args:
        nets: The groups.
        order: In which they are asked.
        most: Neurons, bits and nets that two may have together, ``(3,)``.

    Returns:
        The partner of every group, itself if it has none, ``(n,)``.
    """
    n = order.size
    partner = np.full(n, -1, np.int64)
    share = np.zeros(n)
    seen = np.empty(n, np.int64)
    for g in order:
        if partner[g] >= 0:
            continue
        partner[g] = g
        n_seen = _shares(nets, g, partner, share, seen)
        best, most_shared = -1, 0.0
        for i in range(n_seen):
            h = seen[i]
            if share[h] > most_shared and _small_enough(nets, g, h, most):
                best, most_shared = h, share[h]
            share[h] = 0.0
        if best >= 0:
            partner[g], partner[best] = best, g
    return partner


@inner
def _small_enough(nets: Nets, g: int, h: int, most: IntArray) -> bool:
    n_nets = nets.in_at[g + 1] - nets.in_at[g] + nets.in_at[h + 1] - nets.in_at[h]
    return bool(
        nets.neurons[g] + nets.neurons[h] <= most[0]
        and nets.bits[g] + nets.bits[h] <= most[1]
        and n_nets <= most[2]
    )


@inner
def _shares(nets: Nets, g: int, partner: IntArray, share: FloatArray, seen: IntArray) -> int:
    """Messages that free groups share with one, and how many groups there are."""
    looks, n_seen = 0, 0
    for k in range(nets.out_at[g], nets.out_at[g + 1]):
        e = nets.out[k]
        size = nets.pins_at[e + 1] - nets.pins_at[e]
        if looks + size <= LOOKS:
            looks += size
            n_seen = _share(nets, e, partner, share, seen, n_seen)
    first, n_in = nets.in_at[g], nets.in_at[g + 1] - nets.in_at[g]
    for k in range(n_in):
        e = nets.into[first + (k + g) % n_in]
        size = nets.pins_at[e + 1] - nets.pins_at[e] + 1
        if looks + size <= LOOKS:
            looks += size
            n_seen = _share(nets, e, partner, share, seen, n_seen)
    return n_seen


@inner
def _share(nets: Nets, e: int, partner: IntArray, share: FloatArray, seen: IntArray, n_seen: int) -> int:
    """Share a net among those of its ends that are free; how many groups have been seen then."""
    begin, end, source = nets.pins_at[e], nets.pins_at[e + 1], nets.source[e]
    w = nets.weight[e] / (end - begin)
    for i in range(begin, end + (source >= 0)):
        h = int(nets.pins[i]) if i < end else source
        if partner[h] < 0:
            if share[h] == 0.0:
                seen[n_seen] = h
                n_seen += 1
            share[h] += w
    return n_seen


@kernel
def pins_of_parents(nets: Nets, parent: IntArray, n: int) -> tuple[IntArray, IndexArray]:
    """What nets reach when groups are joined: where the joined groups of each net begin, and all of them.

    Args:
        nets: The groups.
        parent: The joined group of each.
        n: How many joined groups there are.
    """
    n_nets = nets.source.size
    pins_at, pins = np.zeros(n_nets + 1, np.int64), np.empty(nets.pins.size, np.int32)
    last = np.full(n, -1, np.int64)
    kept = 0
    for e in range(n_nets):
        for i in range(nets.pins_at[e], nets.pins_at[e + 1]):
            p = parent[nets.pins[i]]
            if last[p] != e:
                last[p] = e
                pins[kept] = p
                kept += 1
        pins_at[e + 1] = kept
    return pins_at, pins[:kept].copy()

"""Places of cores on the mesh, exchanged as long as it pays."""

from __future__ import annotations

from spikec.arrays import FloatArray, IntArray
from spikec.placement.kernels import inner, kernel


@inner
def exchange_gain(
    between: FloatArray,
    outside: FloatArray,
    routers: FloatArray,
    entry: FloatArray,
    place: IntArray,
    i: int,
    j: int,
) -> float:
    """Message-hops saved when core i and core j (an empty place from n_cores on) change places."""
    p, q, n = place[i], place[j], between.shape[0]
    gain = float((outside[i] - (outside[j] if j < n else 0.0)) * (entry[p] - entry[q]))
    for k in range(n):
        if k != i and k != j:
            messages_more = between[i, k] - (between[j, k] if j < n else 0.0)
            gain += float(messages_more * (routers[p, place[k]] - routers[q, place[k]]))
    return gain


@kernel
def anneal_places(
    between: FloatArray,
    outside: FloatArray,
    routers: FloatArray,
    entry: FloatArray,
    place: IntArray,
    pairs: IntArray,
    luck: FloatArray,
    hot: float,
) -> None:
    """Exchange cores' places at random, losses ever less likely.

    Args:
        between: Messages between cores in either direction, symmetric, ``(n_cores, n_cores)``.
        outside: Messages from inputs, ``(n_cores,)``.
        routers: Between places.
        entry: From the entry to places.
        place: Of every core, then the empty ones; changed.
        pairs: Cores to exchange, ``(n_steps, 2)``.
        luck: Exponentially distributed, ``(n_steps,)``.
        hot: Loss that is likely at the beginning.
    """
    for k in range(pairs.shape[0]):
        i, j = pairs[k]
        if i == j:
            continue
        heat = hot * (1e-3 ** (k / pairs.shape[0]))
        if exchange_gain(between, outside, routers, entry, place, i, j) > -heat * luck[k]:
            place[i], place[j] = place[j], place[i]


@kernel
def exchange_places(
    between: FloatArray,
    outside: FloatArray,
    routers: FloatArray,
    entry: FloatArray,
    place: IntArray,
    least: float,
    most: int,
) -> None:
    """Take every exchange that gains more than the least, until there is none or so many were tried."""
    tried = 0
    better = True
    while better:
        better = False
        for i in range(between.shape[0]):
            for j in range(i + 1, place.size):
                if tried == most:
                    return
                tried += 1
                if exchange_gain(between, outside, routers, entry, place, i, j) > least:
                    place[i], place[j] = place[j], place[i]
                    better = True

"""Places of cores on the mesh, exchanged as long as it pays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.placement.kernels import inner, kernel


class Talk(NamedTuple):
    """Messages between cores, in either direction: a list a core, and what comes from inputs.

    Attributes:
        at: Where the list of each core begins, ``(n_cores + 1,)``.
        to: Other cores that it shares messages with.
        messages: How many, a tick.
        outside: From inputs, ``(n_cores,)``.
    """

    at: IntArray
    to: IntArray
    messages: FloatArray
    outside: FloatArray


class Mesh(NamedTuple):
    """Places count tile by tile down the columns.

    Attributes:
        x: Column of the tile of every place, ``(n_places,)``.
        y: Row, likewise.
        columns: How many there are.
        rows: How many there are.
        cores_per_tile: Places of a tile.
    """

    x: IntArray
    y: IntArray
    columns: int
    rows: int
    cores_per_tile: int


@inner
def exchange_gain(talk: Talk, mesh: Mesh, place: IntArray, i: int, j: int) -> float:
    """Message-hops saved when core i and core j (an empty place from n_cores on) change places."""
    p, q = place[i], place[j]
    both = j < talk.outside.size
    more = talk.outside[i] - (talk.outside[j] if both else 0.0)
    gain = more * (mesh.x[p] + mesh.y[p] - mesh.x[q] - mesh.y[q])
    gain += _gain_of_one(talk, mesh, place, i, j, p, q)
    if both:
        gain += _gain_of_one(talk, mesh, place, j, i, q, p)
    return float(gain)


@inner
def _gain_of_one(talk: Talk, mesh: Mesh, place: IntArray, i: int, other: int, p: int, q: int) -> float:
    """Hops that the messages of core i are spared at place q instead of p, but for those to another core."""
    gain = 0.0
    for n in range(talk.at[i], talk.at[i + 1]):
        k = talk.to[n]
        if k != other:
            r = place[k]
            before = abs(mesh.x[p] - mesh.x[r]) + abs(mesh.y[p] - mesh.y[r])
            after = abs(mesh.x[q] - mesh.x[r]) + abs(mesh.y[q] - mesh.y[r])
            gain += talk.messages[n] * (before - after)
    return gain


@inner
def _beside_a_partner(talk: Talk, mesh: Mesh, place: IntArray, i: int, draw: int) -> int:
    """A place in the tile of a core that core i shares messages with, or in one next to it; -1 outside."""
    many = talk.at[i + 1] - talk.at[i]
    if many == 0:
        return -1
    near = place[talk.to[talk.at[i] + draw % many]]
    draw //= many
    x, y = mesh.x[near] + draw % 3 - 1, mesh.y[near] + draw // 3 % 3 - 1
    if x < 0 or x >= mesh.columns or y < 0 or y >= mesh.rows:
        return -1
    return int((x * mesh.rows + y) * mesh.cores_per_tile + draw // 9 % mesh.cores_per_tile)


@kernel
def anneal_places(
    talk: Talk, mesh: Mesh, place: IntArray, draws: IntArray, luck: FloatArray, hot: float
) -> None:
    """Exchange cores' places at random, every second time near a partner, losses ever less likely.

    Args:
        talk: Between cores.
        mesh: The places.
        place: Of every core, then the empty ones; changed.
        draws: A core, and what draws the other, ``(n_steps, 2)``.
        luck: Exponentially distributed, ``(n_steps,)``.
        hot: Loss that is likely at the beginning.
    """
    at = np.empty(place.size, np.int64)
    at[place] = np.arange(place.size)
    for k in range(draws.shape[0]):
        i, draw = draws[k]
        if draw % 2:
            beside = _beside_a_partner(talk, mesh, place, i, draw // 2)
            j = at[beside] if beside >= 0 else i
        else:
            j = draw // 2 % place.size
        if i == j:
            continue
        heat = hot * (1e-2 ** (k / draws.shape[0]))
        if exchange_gain(talk, mesh, place, i, j) > -heat * luck[k]:
            place[i], place[j] = place[j], place[i]
            at[place[i]], at[place[j]] = i, j


@kernel
def exchange_places(talk: Talk, mesh: Mesh, place: IntArray, least: float, most: int) -> None:
    """Take every exchange that gains more than the least, until there is none or so many were tried."""
    tried = 0
    better = True
    while better:
        better = False
        for i in range(talk.outside.size):
            for j in range(i + 1, place.size):
                if tried == most:
                    return
                tried += 1
                if exchange_gain(talk, mesh, place, i, j) > least:
                    place[i], place[j] = place[j], place[i]
                    better = True

"""Where cores lie on the mesh, given the messages between them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from spikec.arrays import FloatArray, IntArray
from spikec.placement.cost import Traffic, message_hops
from spikec.placement.grid import Grid
from spikec.placement.groups import Nets
from spikec.placement.kernels import mesh
from spikec.placement.kernels.moves import Ways
from spikec.placement.kernels.state import State, messages

STEPS = 4000
"""Random exchanges for each core."""

LONG = 20_000
"""So many for the placement that is kept."""

AGAIN = 3
"""So often."""

MOST_WORK = 100_000_000
"""Messages' ends that exchanges may look at in one annealing, and again in the exchanges after it."""

EPSILON = 1e-9
"""A gain smaller than this share of all messages is rounding."""


def one_by_one(t: Traffic, grid: Grid) -> IntArray:
    """Place the core with the most messages from placed ones where these pass the fewest routers."""
    talk = _talk(t)
    n = t.from_outside.size
    place = np.full(n, -1, np.int64)
    x, y = grid.tiles
    taken = np.zeros(grid.n_places)
    known = t.from_outside.astype(np.float64)
    for _ in range(n):
        core = int(np.argmax(known))
        own = slice(talk.at[core], talk.at[core + 1])
        others, sent = talk.to[own], talk.messages[own]
        done = place[others] >= 0
        at, sent = place[others[done]], sent[done]
        way = t.from_outside[core] * grid.from_outside + taken
        way += _hops_along(x, at, sent) + _hops_along(y, at, sent)
        place[core] = int(np.argmin(way))
        taken[place[core]] = np.inf
        known[others[~done]] += talk.messages[own][~done]
        known[core] = -np.inf
    return place


def _hops_along(axis: IntArray, placed: IntArray, sent: FloatArray) -> FloatArray:
    """Hops along an axis of messages from every place to placed cores."""
    tiles = np.arange(int(axis.max()) + 1)
    return np.asarray((np.abs(tiles[:, None] - axis[placed]) @ sent)[axis])


def annealed(
    t: Traffic, grid: Grid, place: IntArray, rng: np.random.Generator, steps: int = STEPS
) -> IntArray:
    """Exchange places of cores, first at random with losses, then as long as anything is gained.

    Args:
        t: Messages between cores.
        grid: The places.
        place: Of every core to begin with, ``(n_cores,)``.
        rng: Draws the exchanges.
        steps: Random exchanges for each core, if that is not too much work.
    """
    n, talk = place.size, _talk(t)
    rest = np.setdiff1d(np.arange(grid.n_places), place)
    every = np.concatenate([place, rest]).astype(np.int64)
    most = int(MOST_WORK // max(2 * talk.to.size / n, 1))
    n_steps = min(steps * n, most)
    draws = np.stack([rng.integers(0, n, n_steps), rng.integers(0, 1 << 40, n_steps)], axis=1)
    x, y = grid.tiles
    places = mesh.Mesh(x, y, grid.chips * grid.columns, grid.rows, grid.cores_per_tile)
    busy = float((talk.messages.sum() + talk.outside.sum()) / n)
    mesh.anneal_places(talk, places, every, draws, rng.exponential(size=n_steps), busy)
    mesh.exchange_places(talk, places, every, EPSILON * busy * n, most)
    return every[:n]


def annealed_long(t: Traffic, grid: Grid, place: IntArray, rng: np.random.Generator) -> IntArray:
    """The best of the places given and of what longer annealings make of them."""
    found = [place, *(annealed(t, grid, place, rng, LONG) for _ in range(AGAIN))]
    return min(found, key=lambda where: message_hops(t, grid, where))


def _talk(t: Traffic) -> mesh.Talk:
    between = csr_array(t.between + t.between.T)
    between.setdiag(0)
    between.eliminate_zeros()
    ends = between.indptr.astype(np.int64), between.indices.astype(np.int64)
    return mesh.Talk(*ends, between.data.astype(np.float64), t.from_outside.astype(np.float64))


def traffic_of(nets: Nets, s: State) -> Traffic:
    """The messages between cores of a state."""
    between, outside = messages(nets, s)
    return Traffic(csr_array(between), outside)


def ways(grid: Grid, place: IntArray) -> Ways:
    """Routers between cores, and from the entry to them."""
    east, north = grid.hops(place[:, None], place)
    routers = (east + north + 1).astype(np.float64)
    np.fill_diagonal(routers, 0)
    return Ways(routers, grid.from_outside[place].astype(np.float64))

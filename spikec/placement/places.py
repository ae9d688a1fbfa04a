"""Where cores lie on the mesh, given the messages between them."""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.placement.cost import Traffic
from spikec.placement.grid import Grid
from spikec.placement.groups import Nets
from spikec.placement.kernels import mesh
from spikec.placement.kernels.moves import Ways
from spikec.placement.kernels.state import State, messages

STEPS = 4000
"""Random exchanges for each core."""

MOST_WORK = 100_000_000
"""Exchanges times cores: what may be spent on one annealing, and again on the exchanges after it."""

EPSILON = 1e-9
"""A gain smaller than this share of all messages is rounding."""


def one_by_one(t: Traffic, grid: Grid) -> IntArray:
    """Place the core with the most messages from placed ones where these pass the fewest routers."""
    between = t.between + t.between.T
    n = t.from_outside.size
    place = np.full(n, -1, np.int64)
    x, y = grid.tiles
    taken = np.zeros(grid.n_places)
    known = t.from_outside.astype(np.float64)
    done: list[int] = []
    for _ in range(n):
        core = int(np.argmax(known))
        sent = between[core, done]
        way = t.from_outside[core] * grid.from_outside + taken
        way += _hops_along(x, place[done], sent) + _hops_along(y, place[done], sent)
        place[core] = int(np.argmin(way))
        taken[place[core]] = np.inf
        known += between[core]
        done.append(core)
        known[done] = -np.inf
    return place


def _hops_along(axis: IntArray, placed: IntArray, sent: FloatArray) -> FloatArray:
    """Hops along an axis of messages from every place to placed cores."""
    tiles = np.arange(int(axis.max()) + 1)
    arrives = np.bincount(axis[placed], sent, minlength=tiles.size)
    return np.asarray((np.abs(tiles[:, None] - tiles) @ arrives)[axis])


def annealed(t: Traffic, grid: Grid, place: IntArray, rng: np.random.Generator) -> IntArray:
    """Exchange places of cores, first at random with losses, then as long as anything is gained.

    Args:
        t: Messages between cores.
        grid: The places.
        place: Of every core to begin with, ``(n_cores,)``.
        rng: Draws the exchanges.
    """
    n, m = place.size, grid.n_places
    between = t.between + t.between.T
    np.fill_diagonal(between, 0)
    rest = np.setdiff1d(np.arange(m), place)
    every = np.concatenate([place, rest]).astype(np.int64)
    n_steps = min(STEPS * n, MOST_WORK // n)
    pairs = np.stack([rng.integers(0, n, n_steps), rng.integers(0, m, n_steps)], axis=1)
    busy = float(np.mean(between.sum(axis=1) + t.from_outside))
    routers, entry = grid.routers.astype(np.float64), grid.from_outside.astype(np.float64)
    luck = rng.exponential(size=n_steps)
    mesh.anneal_places(between, t.from_outside, routers, entry, every, pairs, luck, busy)
    least = EPSILON * float(between.sum() + t.from_outside.sum())
    mesh.exchange_places(between, t.from_outside, routers, entry, every, least, MOST_WORK // n)
    return every[:n]


def traffic_of(nets: Nets, s: State) -> Traffic:
    """The messages between cores of a state."""
    between, outside = messages(nets, s)
    return Traffic(between, outside)


def ways(grid: Grid, place: IntArray) -> Ways:
    """Routers between cores, and from the entry to them."""
    routers = grid.routers[np.ix_(place, place)].astype(np.float64)
    return Ways(routers, grid.from_outside[place].astype(np.float64))

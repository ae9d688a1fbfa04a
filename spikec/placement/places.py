"""Where cores lie on the mesh, given the messages between them."""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.placement import kernels
from spikec.placement.cost import Traffic
from spikec.placement.grid import Grid
from spikec.placement.groups import Nets

STEPS = 4000
"""Random exchanges for each core."""

MOST_WORK = 100_000_000
"""Random exchanges times cores: what may be spent on one annealing."""


def one_by_one(t: Traffic, grid: Grid) -> IntArray:
    """Place the core with the most messages from placed ones where these pass the fewest routers."""
    between, routers = t.between + t.between.T, grid.routers
    n = t.from_outside.size
    place = np.full(n, -1, np.int64)
    free = np.ones(grid.n_places, np.bool_)
    for _ in range(n):
        done = np.flatnonzero(place >= 0)
        waits = np.flatnonzero(place < 0)
        known = t.from_outside[waits] + between[np.ix_(waits, done)].sum(axis=1)
        core = waits[int(np.argmax(known))]
        way = t.from_outside[core] * grid.from_outside + routers[:, place[done]] @ between[core, done]
        place[core] = int(np.argmin(np.where(free, way, np.inf)))
        free[place[core]] = False
    return place


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
    kernels.anneal_places(
        between,
        t.from_outside,
        grid.routers.astype(np.float64),
        grid.from_outside.astype(np.float64),
        every,
        pairs,
        rng.exponential(size=n_steps),
        busy,
    )
    return every[:n]


def traffic_of(nets: Nets, s: kernels.State) -> Traffic:
    """The messages between cores of a state."""
    between, outside = kernels.messages(nets, s)
    return Traffic(between, outside)


def way(grid: Grid, place: IntArray) -> tuple[FloatArray, FloatArray]:
    """Routers between cores, and from the entry to them."""
    return grid.routers[np.ix_(place, place)].astype(np.float64), grid.from_outside[place].astype(np.float64)

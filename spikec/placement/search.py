"""Local search: groups move between cores, cores merge, and cores change their places, as long as it pays.

It starts from several first placements and keeps the best end. Everything is drawn from one seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from spikec.arrays import BoolArray, IntArray
from spikec.placement import kernels, starts
from spikec.placement.cost import Traffic
from spikec.placement.grid import Grid, grid_of
from spikec.placement.groups import Groups, Nets
from spikec.placement.places import annealed, one_by_one, traffic_of, way
from spikec.targets.target import Target

SWEEPS = 8
"""Most sweeps over all groups between two changes of places."""

ROUNDS = 2
"""How often groups, then places are bettered."""

WORTH = 1e-3
"""A sweep that gains a smaller share is the last."""

EXCHANGES = 6
"""Groups of a full core that are tried for an exchange."""

FEW = 20_000
"""So many groups are grown into cores by connectivity; more take too long."""


class Found(NamedTuple):
    """Where groups and cores ended.

    Attributes:
        core: Of every group.
        place: Of every core.
        message_hops: What it costs.
    """

    core: IntArray
    place: IntArray
    message_hops: float


def searched(groups: Groups, nets: Nets, target: Target, seed: int) -> Found:
    """The best that local search finds from several starts."""
    ends = [
        bettered(nets, core, target, np.random.default_rng([seed, k]))
        for k, core in enumerate(_first(groups, nets, np.random.default_rng(seed)))
    ]
    return min(ends, key=lambda end: end.message_hops)


def bettered(nets: Nets, core: IntArray, target: Target, rng: np.random.Generator) -> Found:
    """Merge cores, find them places, and move groups, by turns."""
    core = _renumbered(_merged(nets, core))
    best: Found | None = None
    for _ in range(ROUNDS):
        n_used = int(core.max()) + 1
        grid = grid_of(target, n_used)
        n_cores = min(grid.n_places, n_used + max(2, n_used // 8))
        s = starts.filled(nets, core, n_cores)
        place = _placed(traffic_of(nets, s), grid, rng)
        _move(nets, s, grid, place, rng)
        core = _renumbered(_merged(nets, s.core))
        end = _ended(nets, core, target, rng)
        if best is not None and end.message_hops >= best.message_hops:
            break
        best = end
    assert best is not None
    return best


def _first(groups: Groups, nets: Nets, rng: np.random.Generator) -> Iterator[IntArray]:
    by_population = starts.by_population(groups)
    yield starts.packed(groups, nets, by_population, _new_population(groups, by_population))
    yield starts.packed(groups, nets, by_population)
    yield starts.packed(groups, nets, starts.interleaved(groups))
    if groups.n <= FEW:
        yield starts.greedy(groups, nets, by_population)
        yield starts.greedy(groups, nets, rng.permutation(groups.n))


def _new_population(groups: Groups, order: IntArray) -> BoolArray:
    return np.asarray(np.diff(groups.population[order], prepend=-1) != 0)


def _ended(nets: Nets, core: IntArray, target: Target, rng: np.random.Generator) -> Found:
    n_cores = int(core.max()) + 1
    grid = grid_of(target, n_cores)
    s = starts.filled(nets, core, n_cores)
    place = _placed(traffic_of(nets, s), grid, rng)
    return Found(core, place, float(kernels.message_hops(nets, s, *way(grid, place))))


def _placed(t: Traffic, grid: Grid, rng: np.random.Generator) -> IntArray:
    return annealed(t, grid, one_by_one(t, grid), rng)


def _move(nets: Nets, s: kernels.State, grid: Grid, place: IntArray, rng: np.random.Generator) -> None:
    routers, entry = way(grid, place)
    least = kernels.EPSILON * float(nets.weight.sum())
    cost = float(kernels.message_hops(nets, s, routers, entry))
    for _ in range(SWEEPS):
        order = rng.permutation(s.core.size)
        draws = rng.integers(0, 1 << 30, (s.core.size, EXCHANGES))
        gained = float(kernels.sweep(nets, s, routers, entry, order, draws, least))
        cost -= gained
        if gained <= WORTH * cost:
            return


def _merged(nets: Nets, core: IntArray) -> IntArray:
    """Put two cores' groups on one as long as they fit, those first that save most messages."""
    s = starts.filled(nets, core, int(core.max()) + 1)
    while True:
        saved = _saved_by_merging(nets, s)
        held = s.use[:, : kernels.AXONS_IN]
        for k, limit in enumerate(nets.limits[: kernels.AXONS_IN]):
            saved[held[:, k][:, None] + held[:, k] > limit] = -1
        pairs = np.argwhere(np.triu(saved, 1) > 0)
        merged = False
        gone = np.zeros(saved.shape[0], np.bool_)
        for i, j in pairs[np.argsort(-saved[pairs[:, 0], pairs[:, 1]], kind="stable")]:
            if not gone[i] and not gone[j] and kernels.merge(nets, s, int(j), int(i)):
                gone[[i, j]] = True
                merged = True
        if not merged:
            return s.core


def _saved_by_merging(nets: Nets, s: kernels.State) -> np.ndarray:
    """Messages between two cores, and those that both get from the same neurons."""
    there = (s.there > 0).astype(np.float32)
    both = (there * nets.weight[:, None].astype(np.float32)).T @ there
    between, _ = kernels.messages(nets, s)
    return np.asarray(both + between + between.T, np.float64)


def _renumbered(core: IntArray) -> IntArray:
    return np.unique(core, return_inverse=True)[1].astype(np.int64)

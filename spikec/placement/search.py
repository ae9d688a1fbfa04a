"""Local search: groups move between cores, cores merge, and cores change their places, as long as it pays.

It starts from several first placements and keeps the best end. Of a large network it places joined groups
first, and betters them level by level (`spikec.placement.levels`). Everything is drawn from one seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from spikec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from spikec.placement import starts
from spikec.placement.cost import Traffic
from spikec.placement.grid import Grid, grid_of
from spikec.placement.groups import UNLIMITED, Groups, Nets
from spikec.placement.kernels import fill, moves, squeeze, state
from spikec.placement.kernels.state import State
from spikec.placement.levels import levels
from spikec.placement.places import EPSILON, annealed, one_by_one, traffic_of, ways
from spikec.targets.target import Target

SWEEPS = 8
"""Most sweeps over all groups between two changes of places."""

MOST_ENDS = 4_000_000
"""Most ends of nets that sweeps of a level meet, but for a first sweep."""

ROUNDS = 2
"""How often groups, then places are bettered."""

WORTH = 1e-3
"""A sweep that gains a smaller share is the last."""

EXCHANGES = 6
"""Groups of a full core that are tried for an exchange."""

FEW_EXCHANGES = 1
"""So many of a network of many nets."""

FLAT = 6_000
"""Up to so many groups are placed as they are, too."""

TRIES = 4
"""How often they are placed level by level."""

COARSE = 1_500
"""So few groups are no longer joined, or fewer: `PER_CORE` for each core that the network fills."""

PER_CORE = 16

IN_ORDER = 1.2
"""Cores filled in order are bettered if they are fewer than so many times those found level by level."""

MANY = 512
"""Of more cores, only those merge that are not fuller than `ROOM` by any limit."""

ROOM = 0.75


DRAWS = 1_000_003
"""Groups drawn for the exchanges that leave fewer cores."""


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
    ends = []
    if groups.n <= FLAT:
        ends.append(_best_of_starts(groups, nets, target, seed))
    if groups.n > _few(nets):
        tries = TRIES if groups.n <= FLAT else 1
        ends += [_level_by_level(groups, nets, target, (seed, k)) for k in range(tries)]
    if groups.n > FLAT:
        ends += _in_order(groups, nets, target, seed, ends[0].place.size)
    best = min(ends, key=lambda end: end.message_hops)
    fewer = _with_fewer_cores(nets, best, target, seed) if groups.n <= FLAT else None
    return best if fewer is None else min(best, fewer, key=lambda end: end.message_hops)


def _with_fewer_cores(nets: Nets, found: Found, target: Target, seed: int) -> Found | None:
    """Fill the fewest cores whatever their axons, then relieve them of those that are too many."""
    rng = np.random.default_rng(seed)
    free = nets._replace(limits=nets.limits.copy())
    free.limits[[state.AXONS_IN, state.AXONS_OUT]] = UNLIMITED
    order = np.argsort(found.core, kind="stable")
    for n_cores in range(ceil(starts.filled_cores(nets)), found.place.size):
        free.limits[state.NEURONS] = min(nets.limits[state.NEURONS], -(-int(nets.neurons.sum()) // n_cores))
        s = starts.empty(nets, n_cores)
        if fill.pack(free, s, order, np.zeros(order.size, np.bool_)) < 0:
            continue
        if squeeze.relieve(nets, s, rng.integers(0, 1 << 30, DRAWS)):
            return bettered(nets, s.core, target, rng, ROUNDS)
    return None


def _best_of_starts(groups: Groups, nets: Nets, target: Target, seed: int) -> Found:
    ends = [
        bettered(nets, core, target, np.random.default_rng([seed, k]), ROUNDS)
        for k, core in enumerate(_first(groups, nets, np.random.default_rng(seed)))
    ]
    return min(ends, key=lambda end: end.message_hops)


def _level_by_level(groups: Groups, nets: Nets, target: Target, seed: tuple[int, int]) -> Found:
    """Place the coarsest groups, and better them on every level down to the finest."""
    every = levels(groups, nets, _few(nets), np.random.default_rng(seed))
    rng = np.random.default_rng([*seed, len(every)])
    found = _first_and_best(every[-1].groups, every[-1].nets, target, rng)
    for k in range(len(every) - 1, -1, -1):
        rng = np.random.default_rng([*seed, k])
        if groups.n <= FLAT:
            found = bettered(every[k].nets, found.core, target, rng, 1)
        else:
            found = _moved(every[k].nets, found, target, rng)
        found = found._replace(core=found.core[every[k].parent])
    return _ended(nets, _renumbered(_merged(nets, found.core)), target, rng)


def _in_order(groups: Groups, nets: Nets, target: Target, seed: int, n_cores: int) -> Iterator[Found]:
    """Fill cores in the order of populations and better that, if it does not take many more cores."""
    core = starts.packed(groups, nets, starts.by_population(groups))
    rng = np.random.default_rng(seed)
    if core.max() < IN_ORDER * n_cores:
        found = _ended(nets, core, target, rng)
        for _ in range(ROUNDS):
            yield found
            moved = _moved(nets, found, target, rng)
            found = _ended(nets, _renumbered(_merged(nets, moved.core)), target, rng)
        yield found


def _few(nets: Nets) -> int:
    """Groups that are no longer joined."""
    return min(COARSE, PER_CORE * ceil(starts.filled_cores(nets)))


def _first_and_best(groups: Groups, nets: Nets, target: Target, rng: np.random.Generator) -> Found:
    """The first placement that costs least."""
    by_population = starts.by_population(groups)
    first = (starts.packed(groups, nets, by_population), starts.greedy(groups, nets, by_population))
    ends = [_ended(nets, _renumbered(_merged(nets, core)), target, rng) for core in first]
    return min(ends, key=lambda end: end.message_hops)


def _moved(nets: Nets, found: Found, target: Target, rng: np.random.Generator) -> Found:
    """Move groups while cores keep their places."""
    n_cores = found.place.size
    grid = grid_of(target, n_cores)
    s = starts.filled(nets, found.core, n_cores)
    _move(nets, s, grid, found.place, rng)
    hops = float(state.message_hops(nets, s, *ways(grid, found.place)))
    return Found(_renumbered(s.core), found.place[np.unique(s.core)], hops)


def bettered(nets: Nets, core: IntArray, target: Target, rng: np.random.Generator, rounds: int) -> Found:
    """Merge cores, find them places, and move groups, by turns."""
    core = _renumbered(_merged(nets, core))
    best: Found | None = None
    for _ in range(rounds):
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
    yield starts.greedy(groups, nets, by_population)
    yield starts.greedy(groups, nets, rng.permutation(groups.n))


def _new_population(groups: Groups, order: IntArray) -> BoolArray:
    return np.asarray(np.diff(groups.population[order], prepend=-1) != 0)


def _ended(nets: Nets, core: IntArray, target: Target, rng: np.random.Generator) -> Found:
    n_cores = int(core.max()) + 1
    grid = grid_of(target, n_cores)
    s = starts.filled(nets, core, n_cores)
    place = _placed(traffic_of(nets, s), grid, rng)
    return Found(core, place, float(state.message_hops(nets, s, *ways(grid, place))))


def _placed(t: Traffic, grid: Grid, rng: np.random.Generator) -> IntArray:
    return annealed(t, grid, one_by_one(t, grid), rng)


def _move(nets: Nets, s: State, grid: Grid, place: IntArray, rng: np.random.Generator) -> None:
    way = ways(grid, place)
    least = EPSILON * float(nets.weight.sum())
    cost = float(state.message_hops(nets, s, *way))
    n_exchanges = EXCHANGES if nets.source.size <= FLAT else FEW_EXCHANGES
    for _ in range(min(SWEEPS, 1 + MOST_ENDS // max(nets.pins.size, 1))):
        order = rng.permutation(s.core.size)
        draws = rng.integers(0, 1 << 30, (s.core.size, n_exchanges))
        gained = float(moves.sweep(nets, s, way, order, draws, least))
        cost -= gained
        if gained <= WORTH * cost:
            return


def _merged(nets: Nets, core: IntArray) -> IntArray:
    """Put two cores' groups on one as long as they fit, those first that save most messages."""
    s = starts.filled(nets, core, int(core.max()) + 1)
    while True:
        saved = _saved_by_merging(nets, s)
        pairs = np.argwhere(np.triu(saved, 1) > 0)
        merged = False
        gone = np.zeros(saved.shape[0], np.bool_)
        for i, j in pairs[np.argsort(-saved[pairs[:, 0], pairs[:, 1]], kind="stable")]:
            if not gone[i] and not gone[j] and state.merge(nets, s, int(j), int(i)):
                gone[[i, j]] = True
                merged = True
        if not merged:
            return s.core


def _saved_by_merging(nets: Nets, s: State) -> FloatArray:
    """Messages between two cores, and those that both get from the same neurons; 0 if they do not fit."""
    n_cores = s.use.shape[0]
    full = np.zeros(n_cores, np.bool_)
    if n_cores > MANY:
        full = np.any(s.use > ROOM * nets.limits, axis=1)
    net, core = _reached(s)
    net, core = net[~full[core]], core[~full[core]]
    there = csr_array((np.ones(net.size), (net, core)), shape=(s.fan.size, n_cores))

    def of_both(figure: AnyArray) -> FloatArray:
        each = csr_array((figure[net].astype(np.float64), (net, core)), shape=there.shape)
        return np.asarray((each.T @ there).toarray())

    between, _ = state.messages(nets, s)
    saved = of_both(nets.weight) + between + between.T
    shared = {state.AXONS_IN: nets.axons, state.BITS: nets.over, state.NEURONS: np.zeros(s.fan.size)}
    for k, figure in shared.items():
        use = s.use[:, k]
        saved[use[:, None] + use - of_both(figure) > nets.limits[k]] = 0
    saved[full] = saved[:, full] = 0
    return saved


def _reached(s: State) -> tuple[IntArray, IntArray]:
    """All pairs of a net and a core that it reaches."""
    room = np.diff(s.at)
    nth = np.arange(s.reached.size) - np.repeat(s.at[:-1], room)
    return np.repeat(np.arange(s.fan.size), s.fan), s.reached[nth < np.repeat(s.fan, room)].astype(np.int64)


def _renumbered(core: IntArray) -> IntArray:
    return np.unique(core, return_inverse=True)[1].astype(np.int64)

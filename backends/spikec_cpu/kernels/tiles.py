"""Run a layer tile by tile, each through all ticks.

A layer needs nothing of itself, so each tile of its neurons runs through all ticks of a group of samples:
that tile's rows are all that is read over and over, and stay near. Who spikes is kept as bits, and listed in
the arena (`components`) where something reads it. Tiles at rest are asleep until something comes.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cuba_fixed, kernel, leaf
from spikec_cpu.kernels.bits import PLANES, SPARE, count_bits, empty, list_tick, tally_sample
from spikec_cpu.kernels.lanes import LANES
from spikec_cpu.kernels.rows import MOST_ROWS, add_rows
from spikec_cpu.kernels.spikes import with_room
from spikec_cpu.lower import ROUTE
from spikec_cpu.lower_neurons import CubaTable
from spikec_cpu.lower_parts import TILE

PRE, DELAY, WORDS, N_PRE, RIGHT, GAIN, ZERO = range(len(ROUTE))

GROUP = 8
"""Samples that a tile goes through before the next does: their spikes stay near, and so do its rows."""


@kernel
def run_layer(
    words: AnyArray,
    routes: AnyArray,
    neurons: tuple[CubaTable, AnyArray, AnyArray],
    p: tuple[int, int, int, bool, bool],
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
    bits: AnyArray,
    counted: AnyArray,
    trace: AnyArray,
    trace_start: int,
    last_v: AnyArray,
) -> tuple[AnyArray, int]:
    """Run a population that is a layer (`lower`) from its first state, tile by tile.

    Args:
        words: All matrices.
        routes: What leads to it, see `ROUTE`.
        neurons: What all neurons are, and their first currents and membranes.
        p: Number of the population, its neurons, its first place, whether its currents may wrap, and whether
            anything reads its spikes.
        arena: Spikes of those before it, int32.
        used: How many.
        bounds: Where they begin and end in the arena, ``(n_samples, n_populations, n_ticks, 2)``; written.
        bits: Who spikes, a word a tile, ``(n_samples, n_ticks * n_tiles)``; written.
        counted: How often each of its places spiked; added to.
        trace: Membranes to return; written.
        trace_start: Where in it the first sample of the population begins, -1 if it is not wanted.
        last_v: Membranes at the end, ``(n_samples, n_places)``, or nothing; written.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    (m, n, first, wraps, is_read), (cuba, u_init, v_init) = p, neurons
    n_samples, n_ticks = bounds.shape[0], bounds.shape[2]
    n_tiles = (n + TILE - 1) // TILE
    u, v = u_init.copy(), v_init.copy()
    x, shifted = np.zeros(TILE, np.int32), np.zeros(TILE, np.int32)
    planes, filled = np.zeros((n_tiles, PLANES), np.uint64), 0
    for group in range(0, n_samples, GROUP):
        group_end = min(group + GROUP, n_samples)
        for tile in range(n_tiles):
            at = first + tile * TILE
            for sample in range(group, group_end):
                for j in range(at, at + TILE):
                    u[j], v[j] = u_init[j], v_init[j]
                to = trace_start + sample * n_ticks * n + tile * TILE if trace_start >= 0 else -1
                run_tile(
                    words, routes, cuba, wraps, tile, n, at,
                    arena, bounds[sample], bits[sample], u, v, x, shifted, trace, to,
                )  # fmt: skip
                for j in range(at, min(at + TILE, first + n) if last_v.size > 0 else at):
                    last_v[sample, j] = v[j]
        for sample in range(group, group_end):
            filled = tally_sample(bits, sample, n_ticks, planes, filled, counted)
            if is_read:
                arena = with_room(arena, used, count_bits(bits, sample) + SPARE)
                for tick in range(n_ticks):
                    used = list_tick(bits, n_ticks, sample, tick, m, arena, used, bounds)
    empty(planes, counted)
    return arena, used


@leaf
def run_tile(
    words: AnyArray,
    routes: AnyArray,
    table: CubaTable,
    wraps: bool,
    tile: int,
    n: int,
    at: int,
    arena: AnyArray,
    bounds: AnyArray,
    bits: AnyArray,
    u: AnyArray,
    v: AnyArray,
    x: AnyArray,
    shifted: AnyArray,
    trace: AnyArray,
    to: int,
) -> None:
    """Bring a tile of a layer through all ticks of a sample.

    Args:
        words: All matrices.
        routes: As for `run_layer`.
        table: What its neurons are.
        wraps: Whether a current may.
        tile: Number of the tile.
        n: Neurons of the layer.
        at: Place of the first one of the tile.
        arena: As for `run_layer`.
        bounds: Of this sample.
        bits: Of this sample; written.
        u: Currents of all neurons; changed.
        v: Membranes.
        x: Zeros, and again afterwards; room for sums.
        shifted: The same.
        trace: Membranes to return; written.
        to: Where in it they begin, -1 if they are not wanted.
    """
    keep_u, keep_v, bias, threshold = table.keep_u, table.keep_v, table.bias, table.threshold
    n_ticks, n_tiles, own = bounds.shape[1], (n + TILE - 1) // TILE, min(TILE, n - tile * TILE)
    n_lanes = (own + LANES - 1) // LANES * LANES
    plain = routes.shape[0] == 1 and routes[0, RIGHT] == 0 and not wraps
    awake = True
    for tick in range(n_ticks):
        begin, end = 0, 0
        if plain and tick > routes[0, DELAY]:
            sent = tick - 1 - routes[0, DELAY]
            begin, end = bounds[routes[0, PRE], sent, 0], bounds[routes[0, PRE], sent, 1]
        spikes = np.uint64(0)
        if 0 < end - begin <= MOST_ROWS:
            base, gain, zero = base_of(routes, 0, tile), np.int32(routes[0, GAIN]), np.int32(routes[0, ZERO])
            spikes = cuba_fixed.update_by_rows(
                words, base, arena, begin, end, gain, zero, u, v, keep_u, keep_v, bias, threshold, at, n_lanes
            )
            awake = True
        elif arrive(words, routes, tile, arena, bounds, tick, x, shifted):
            spikes = cuba_fixed.update(u, v, x, 0, keep_u, keep_v, bias, threshold, at, n_lanes, wraps)
            awake = True
        elif awake:
            spikes, moved = cuba_fixed.rest(u, v, keep_u, keep_v, bias, threshold, at, n_lanes)
            awake = (spikes | moved) != 0
        bits[tick * n_tiles + tile] = spikes
        if to >= 0:
            for j in range(own):
                trace[to + tick * n + j] = v[at + j]


@leaf
def base_of(routes: AnyArray, b: int, tile: int) -> int:
    """Where the rows of a tile begin."""
    place: int = routes[b, WORDS] + tile * (TILE // 2) * routes[b, N_PRE]
    return place


@leaf
def arrive(
    words: AnyArray,
    routes: AnyArray,
    tile: int,
    arena: AnyArray,
    bounds: AnyArray,
    tick: int,
    x: AnyArray,
    shifted: AnyArray,
) -> bool:
    """Add up what all matrices bring to a tile in a tick; whether anything came."""
    come = False
    for b in range(routes.shape[0]):
        sent, right = tick - 1 - routes[b, DELAY], routes[b, RIGHT]
        if sent < 0:
            continue
        begin, end = bounds[routes[b, PRE], sent, 0], bounds[routes[b, PRE], sent, 1]
        come |= begin < end
        base, gain, zero = base_of(routes, b, tile), np.int32(routes[b, GAIN]), np.int32(routes[b, ZERO])
        for e in range(begin, end, MOST_ROWS):
            last = min(end, e + MOST_ROWS)
            add_rows(words, base, arena, e, last, shifted if right > 0 else x, 0, gain, zero)
        if begin < end and right > 0:
            for j in range(TILE):
                x[j] += shifted[j] >> right
                shifted[j] = 0
    return come

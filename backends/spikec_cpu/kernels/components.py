"""Run one component of a network through all ticks of several samples.

All spikes of a batch of samples lie in one list, the *arena*, in the order in which they were made; `bounds`
says where those of each sample, population and tick begin and end. A population finds there the spikes that
reach it.

Layers run tile by tile (`tiles`). Every other component runs tick by tick, population by population. Tiles at
rest are asleep until something comes.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cuba_fixed, inner, kernel, leaf
from spikec_cpu.kernels.bits import (
    SPARE,
    list_bits,
)
from spikec_cpu.kernels.lanes import LANES
from spikec_cpu.kernels.qif_fixed import update as update_qif
from spikec_cpu.kernels.rows import any_sum
from spikec_cpu.kernels.spikes import with_room
from spikec_cpu.kernels.synapses import spread
from spikec_cpu.kernels.theta_fixed import update as update_theta
from spikec_cpu.lower import Record, Tables
from spikec_cpu.lower_neurons import CUBA, THETA, CubaTable, NeuronTables
from spikec_cpu.lower_parts import TILE


@kernel
def run_component(
    tables: Tables,
    neurons: NeuronTables,
    members: AnyArray,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
    trace: AnyArray,
    trace_starts: AnyArray,
    last_v: AnyArray,
    pairs: AnyArray | None,
) -> tuple[AnyArray, int]:
    """Run one component from its first state, sample by sample, tick by tick, population by population.

    Args:
        tables: The network.
        neurons: What its neurons are.
        members: The component's populations.
        arena: As for `run_layer`, as the next two.
        used: How many.
        bounds: Written.
        trace: Membranes to return, one array after another; written.
        trace_starts: Where in it the first sample of each population begins, -1 if it is not wanted.
        last_v: As for `run_layer`.
        pairs: Room for three numbers a neuron, float64; None where no neuron of the network keeps pairs, and
            what is only theirs is not compiled.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    n_samples, _, n_ticks, _ = bounds.shape
    u, v = neurons.u_init.copy(), neurons.v_init.copy()
    ring, scratch, spiking = _workspace(tables, members)
    awake = np.ones(u.size // TILE, np.bool_)
    for sample in range(n_samples):
        for m in members:
            p = tables.populations[m]
            for j in range(p.first, p.first + p.width):
                u[j], v[j] = neurons.u_init[j], neurons.v_init[j]
            ring[p.ring : p.ring + p.slots * p.width] = 0
            awake[p.first // TILE : (p.first + p.width) // TILE] = True
        for tick in range(n_ticks):
            for m in members:
                p = tables.populations[m]
                sums = ring[p.ring : p.ring + p.slots * p.width]
                start = tick % p.slots * p.width
                receive(tables, p, arena, bounds[sample], tick, sums, start, scratch)
                arena = with_room(arena, used, p.width + SPARE)
                bounds[sample, m, tick, 0] = used
                if p.kind == CUBA:
                    used = update_tiles(u, v, sums, start, neurons.cuba, p, awake, arena, used)
                if pairs is not None and p.kind != CUBA:
                    update_pairs(u, v, sums, start, neurons, p, pairs, spiking)
                    for j in range(p.n):
                        arena[used] = j
                        used += spiking[j]
                bounds[sample, m, tick, 1] = used
                if trace_starts[m] >= 0:
                    to = trace_starts[m] + (sample * n_ticks + tick) * p.n
                    for j in range(p.first, p.first + p.n):
                        trace[to + tables.order[j]] = v[j]
        for m in members:
            p = tables.populations[m]
            for j in range(p.first, p.first + p.n if last_v.size > 0 else p.first):
                last_v[sample, p.first + tables.order[j]] = v[j]
    return arena, used


@leaf
def update_tiles(
    u: AnyArray,
    v: AnyArray,
    sums: AnyArray,
    start: int,
    table: CubaTable,
    p: Record,
    awake: AnyArray,
    arena: AnyArray,
    used: int,
) -> int:
    """Advance `CubaFixed` neurons by one tick, but for tiles at rest; take their sums and list who spikes.

    Returns:
        Spikes in the arena now.
    """
    for k in range(0, p.width, TILE):
        at = p.first + k
        n = (min(TILE, p.n - k) + LANES - 1) // LANES * LANES
        tile = at // TILE
        spikes = np.uint64(0)
        if any_sum(sums, start + k):
            awake[tile] = True
            spikes = cuba_fixed.update(
                u,
                v,
                sums,
                start + k,
                table.keep_u,
                table.keep_v,
                table.bias,
                table.threshold,
                at,
                n,
                p.wraps > 0,
            )
        elif awake[tile]:
            spikes, moved = cuba_fixed.rest(
                u, v, table.keep_u, table.keep_v, table.bias, table.threshold, at, n
            )
            awake[tile] = (spikes | moved) != 0
        used = list_bits(spikes, k, arena, used)
    return used


@inner
def update_pairs(
    u: AnyArray,
    v: AnyArray,
    sums: AnyArray,
    start: int,
    neurons: NeuronTables,
    p: Record,
    pairs: AnyArray,
    spiking: AnyArray,
) -> None:
    """Advance neurons that keep pairs by one tick; take their sums."""
    own, at = slice(p.first, p.first + p.n), slice(p.place, p.place + p.n)
    x, flags = sums[start : start + p.n], spiking[: p.n]
    if p.kind == THETA:
        t = neurons.theta
        update_theta(v[own], x, t.cos[at], t.sin_a[at], t.sin_b[at], t.unit[at], pairs, flags)
    else:
        q = neurons.qif
        update_qif(
            u[own], v[own], x, q.keep_u[at], q.gain[at], q.curve[at], q.turn[at], q.keep[at], pairs, flags
        )


@leaf
def receive(
    tables: Tables,
    p: Record,
    arena: AnyArray,
    bounds: AnyArray,
    tick: int,
    sums: AnyArray,
    start: int,
    scratch: AnyArray,
) -> None:
    """Add up what reaches a population in a tick, and later if a block has several delays.

    Args:
        tables: The network.
        p: The population, a `POPULATION`.
        arena: Spikes so far.
        bounds: Of this sample, ``(n_populations, n_ticks, 2)``.
        tick: Now.
        sums: The population's ring; added to.
        start: Where in it the slot of this tick begins.
        scratch: See `spread`.
    """
    for b in range(p.first_block, p.last_block):
        block = tables.blocks[b]
        sent = tick - 1 - block.delay
        if sent < 0:
            continue
        begin, end = bounds[block.pre, sent, 0], bounds[block.pre, sent, 1]
        if begin < end:
            spread(tables, block, arena, begin, end, sums, start, p.width, scratch)


@inner
def _workspace(tables: Tables, members: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """The ring of every population, the scratch that the members' blocks need, a byte a neuron."""
    last = tables.populations[-1]
    largest, widest = 0, 0
    for m in members:
        p = tables.populations[m]
        largest = max(largest, p.n)
        for b in range(p.first_block, p.last_block):
            if tables.blocks[b].right > 0:
                widest = max(widest, (tables.blocks[b].spread + 1) * p.width)
    ring = np.zeros(last.ring + last.slots * last.width + 8, np.int32)
    return ring, np.zeros(widest + 8, np.int32), np.zeros(largest, np.uint8)

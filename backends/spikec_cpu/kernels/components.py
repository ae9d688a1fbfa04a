"""Run one component of a network through all ticks of several samples.

All spikes of a batch of samples lie in one list, the *arena*, in the order in which they were made; `bounds`
says where those of each sample, population and tick begin and end. A population finds there the spikes that
reach it, so feed-forward and recurrent components are one loop: a component of one population simply has
nobody to wait for, and its weights stay in the cache for all ticks of all samples.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.cuba_fixed import update as update_cuba
from spikec_cpu.kernels.qif_fixed import update as update_qif
from spikec_cpu.kernels.spikes import list_spikes, with_room
from spikec_cpu.kernels.synapses import count_rows, spread
from spikec_cpu.kernels.theta_fixed import update as update_theta
from spikec_cpu.lower import Record, Tables
from spikec_cpu.lower_neurons import CUBA, QIF, THETA, NeuronTables


@kernel
def run_component(
    tables: Tables,
    neurons: NeuronTables,
    members: AnyArray,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
    counts: AnyArray,
    updates: AnyArray,
    trace: AnyArray,
    trace_starts: AnyArray,
    last_v: AnyArray,
) -> tuple[AnyArray, int]:
    """Run one component from its first state, sample by sample, tick by tick, population by population.

    Args:
        tables: The network.
        neurons: What its neurons are.
        members: The component's populations.
        arena: Spikes so far, int32.
        used: How many.
        bounds: Where spikes begin and end in the arena, ``(n_samples, n_populations, n_ticks, 2)``; written.
        counts: See `count_rows`, ``(n_blocks, 4)``; added to.
        updates: Neuron updates, ``(n_populations,)``; added to.
        trace: Membranes to return, one array after another; written.
        trace_starts: Where in it the first sample of each population begins, -1 if it is not wanted.
        last_v: Membranes at the end, ``(n_samples, n_neurons)``; written.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    n_samples, _, n_ticks, _ = bounds.shape
    u, v = np.empty_like(neurons.u_init), np.empty_like(neurons.v_init)
    ring, scratch, pairs, spiking = _workspace(tables, members)
    for sample in range(n_samples):
        for m in members:
            p = tables.populations[m]
            for j in range(p.first, p.first + p.n):
                u[j], v[j] = neurons.u_init[j], neurons.v_init[j]
            ring[p.ring : p.ring + p.slots * p.n] = 0
        for tick in range(n_ticks):
            for m in members:
                p = tables.populations[m]
                sums = ring[p.ring : p.ring + p.slots * p.n]
                start = tick % p.slots * p.n
                receive(tables, p, arena, bounds[sample], tick, sums, start, scratch, counts)
                own = slice(p.first, p.first + p.n)
                x, flags = sums[start : start + p.n], spiking[: p.n]
                at = slice(p.place, p.place + p.n)
                if p.kind == CUBA:
                    k = neurons.cuba
                    update_cuba(
                        u[own], v[own], x, k.keep_u[at], k.keep_v[at], k.bias[at], k.threshold[at], flags
                    )
                elif p.kind == THETA:
                    t = neurons.theta
                    update_theta(v[own], x, t.cos[at], t.sin_a[at], t.sin_b[at], t.unit[at], pairs, flags)
                elif p.kind == QIF:
                    q = neurons.qif
                    update_qif(
                        u[own],
                        v[own],
                        x,
                        q.keep_u[at],
                        q.gain[at],
                        q.curve[at],
                        q.turn[at],
                        q.keep[at],
                        pairs,
                        flags,
                    )
                updates[m] += p.n
                arena = with_room(arena, used, p.n)
                bounds[sample, m, tick, 0] = used
                used = list_spikes(spiking[: p.n], arena, used)
                bounds[sample, m, tick, 1] = used
                if trace_starts[m] >= 0:
                    at = trace_starts[m] + (sample * n_ticks + tick) * p.n
                    for j in range(p.n):
                        trace[at + j] = v[p.first + j]
        for m in members:
            p = tables.populations[m]
            for j in range(p.first, p.first + p.n):
                last_v[sample, j] = v[j]
            count_on_the_way(tables, p, arena, bounds[sample], counts)
    return arena, used


@kernel
def receive(
    tables: Tables,
    p: Record,
    arena: AnyArray,
    bounds: AnyArray,
    tick: int,
    sums: AnyArray,
    start: int,
    scratch: AnyArray,
    counts: AnyArray,
) -> None:
    """Add up what reaches a population in a tick, and later if a block has several delays.

    A spike of tick k acts in tick k + 1 + delay.

    Args:
        tables: The network.
        p: The population, a `POPULATION`.
        arena: Spikes so far.
        bounds: Of this sample, ``(n_populations, n_ticks, 2)``.
        tick: Now.
        sums: The population's ring; added to.
        start: Where in it the slot of this tick begins.
        scratch: See `spread`.
        counts: See `count_rows`, ``(n_blocks, 4)``; added to.
    """
    for b in range(p.first_block, p.last_block):
        block = tables.blocks[b]
        sent = tick - 1 - block.delay
        if sent < 0:
            continue
        begin, end = bounds[block.pre, sent, 0], bounds[block.pre, sent, 1]
        if begin == end:
            continue
        rows = tables.rows[block.first_row :]
        spikes = arena[begin:end]
        count_rows(rows, spikes, counts[b])
        spread(
            block,
            rows,
            tables,
            spikes,
            sums,
            start,
            p.n,
            scratch,
        )


@kernel
def count_on_the_way(tables: Tables, p: Record, arena: AnyArray, bounds: AnyArray, counts: AnyArray) -> None:
    """Count what is sent to a population within the run but arrives after it."""
    n_ticks = bounds.shape[1]
    for b in range(p.first_block, p.last_block):
        block = tables.blocks[b]
        rows = tables.rows[block.first_row :]
        for sent in range(max(0, n_ticks - 1 - block.delay), n_ticks):
            spikes = arena[bounds[block.pre, sent, 0] : bounds[block.pre, sent, 1]]
            count_rows(rows, spikes, counts[b])


@kernel
def _workspace(tables: Tables, members: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray]:
    """The ring of every population, the scratch that the members' blocks and pairs need, a byte a neuron."""
    last = tables.populations[-1]
    largest, widest = 0, 0
    for m in members:
        p = tables.populations[m]
        largest = max(largest, p.n)
        for b in range(p.first_block, p.last_block):
            if tables.blocks[b].exponent < 0:
                widest = max(widest, (tables.blocks[b].spread + 1) * p.n)
    ring = np.zeros(last.ring + last.slots * last.n, np.int32)
    scratch, pairs = np.zeros(widest, np.int32), np.zeros((3, largest))
    return ring, scratch, pairs, np.zeros(largest, np.uint8)

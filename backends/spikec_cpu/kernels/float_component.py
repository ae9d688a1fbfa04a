"""Run one component of a network in float ticks through all ticks of several samples.

As in `components`, spikes of a batch of samples lie in one list, the *arena*, and `bounds` says where those
of each sample, population and tick begin and end. A neuron that spikes several times in a tick is there as
often.
"""

from __future__ import annotations

from typing import NamedTuple

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner, kernel
from spikec_cpu.kernels.float_neurons import UNBOUNDED, cross, integrate, leave, reset_now
from spikec_cpu.kernels.float_synapses import add_kernel, add_lists, add_rows, gather, take, take_transposed
from spikec_cpu.kernels.spikes import with_room
from spikec_cpu.lower import Record
from spikec_cpu.lower_float import V_LEAK, FloatTables, Habits
from spikec_cpu.lower_parts import KERNEL, LISTS, MATRIX


class State(NamedTuple):
    """What a batch computes in: arrays of all neurons or populations, and room to work.

    Attributes:
        u: Currents.
        v: Membranes.
        last: How often each neuron crossed its threshold in the last tick, a real number.
        leaving: How many of these spikes leave, int32.
        silenced: Which neurons may spike no more, bytes.
        crossed: Of each population how many neurons crossed their threshold in the last tick, int64.
        leaves: Of each population how many spikes leave, int64.
        ring: What is on its way, block by block.
        x: What arrives at a population.
        who: Neurons that spike.
        often: How many times they do.
    """

    u: AnyArray
    v: AnyArray
    last: AnyArray
    leaving: AnyArray
    silenced: AnyArray
    crossed: AnyArray
    leaves: AnyArray
    ring: AnyArray
    x: AnyArray
    who: AnyArray
    often: AnyArray


@kernel
def run_float_component(
    tables: FloatTables,
    coefficients: AnyArray,
    habits: Habits,
    members: AnyArray,
    state: State,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
    trace: AnyArray,
    trace_starts: AnyArray,
    last_v: AnyArray,
    failed: AnyArray,
) -> tuple[AnyArray, int]:
    """Run one component from rest, sample by sample, tick by tick, population by population.

    Args:
        tables: The network.
        coefficients: Of its neurons, see `LoweredFloat`.
        habits: The convention.
        members: The component's populations.
        state: Room to compute in.
        arena: Spikes so far, int32.
        used: How many.
        bounds: Where spikes begin and end in the arena, ``(n_samples, n_populations, n_ticks, 2)``; written.
        trace: Membranes to return, one array after another; written.
        trace_starts: Where in it the first sample of each population begins, -1 if it is not wanted.
        last_v: Membranes at the end, ``(n_samples, n_neurons)``; written.
        failed: Written if the run cannot go on: `UNBOUNDED` or `STORM`, the population, how many spikes.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    n_samples, _, n_ticks, _ = bounds.shape
    for sample in range(n_samples):
        for m in members:
            rest(tables, coefficients, tables.populations[m], m, state)
        for tick in range(n_ticks):
            if habits.late:
                for m in members:
                    p = tables.populations[m]
                    arena, used = list_leaving(p, m, state, arena, used, bounds[sample, m, tick])
            for m in members:
                p = tables.populations[m]
                own = slice(p.first, p.first + p.n)
                x, u, v, last = state.x[: p.n], state.u[own], state.v[own], state.last[own]
                receive(tables, p, state, arena, bounds[sample], tick, x)
                due = habits.next_tick and state.crossed[m] > 0
                if not integrate(coefficients, habits, p.first, x, u, v, last, due):
                    failed[0], failed[1] = UNBOUNDED, m
                    return arena, used
                state.crossed[m] = cross(coefficients, habits, p.first, v, last, failed)
                if failed[0] > 0:
                    failed[1] = m
                    return arena, used
                state.leaves[m] = 0
                if state.crossed[m] > 0:
                    if not habits.next_tick:
                        reset_now(coefficients, habits, p.first, v, last)
                    state.leaves[m] = leave(p.once, last, state.silenced[own], state.leaving[own])
                if not habits.late:
                    arena, used = list_leaving(p, m, state, arena, used, bounds[sample, m, tick])
                if trace_starts[m] >= 0:
                    at = trace_starts[m] + (sample * n_ticks + tick) * p.n
                    for j in range(p.n):
                        trace[at + j] = v[j]
        for m in members:
            p = tables.populations[m]
            for j in range(p.first, p.first + p.n):
                last_v[sample, j] = state.v[j]
    return arena, used


@inner
def rest(tables: FloatTables, coefficients: AnyArray, p: Record, m: int, state: State) -> None:
    """Bring a population to where a sample begins."""
    for j in range(p.first, p.first + p.n):
        state.u[j], state.v[j], state.silenced[j] = 0, coefficients[V_LEAK, j], 0
    state.crossed[m], state.leaves[m] = 0, 0
    for b in range(p.first_block, p.last_block):
        block = tables.blocks[b]
        state.ring[block.ring : block.ring + block.slots * p.n] = 0


@inner
def receive(
    tables: FloatTables, p: Record, state: State, arena: AnyArray, bounds: AnyArray, tick: int, x: AnyArray
) -> None:
    """Add up what reaches a population in a tick, and what will if a block has several delays.

    Args:
        tables: The network.
        p: The population, a `POPULATION`.
        state: Whose rings are added to.
        arena: Spikes so far.
        bounds: Of this sample, ``(n_populations, n_ticks, 2)``.
        tick: Now.
        x: The sums, ``(n,)``, written.
    """
    x[:] = 0
    for b in range(p.first_block, p.last_block):
        block = tables.blocks[b]
        ring = state.ring[block.ring : block.ring + block.slots * p.n]
        sent = tick - block.delay
        begin, end = 0, 0
        if sent >= 0:
            begin, end = bounds[block.pre, sent, 0], bounds[block.pre, sent, 1]
        start = tick % block.slots * p.n
        if begin < end:
            n = gather(arena[begin:end], state.who, state.often)
            who, often, rows = state.who[:n], state.often[:n], tables.rows[block.first_row :]
            weights, reach = tables.weights[block.weights :], tables.reach[block.reach :]
            if block.form == MATRIX:
                add_rows(weights, rows, who, often, ring, start, p.n)
            elif block.form == LISTS:
                add_lists(weights, reach, rows, who, often, ring, start)
            else:
                shape = tables.windows.shapes[block.window]
                starts, taps = tables.windows.starts, tables.windows.taps
                add_kernel(block, shape, starts, taps, weights, reach, rows, who, often, ring, start, p.n)
        if begin < end or block.slots > 1:
            sums = ring[start : start + p.n]
            if block.form == KERNEL:
                take_transposed(sums, tables.windows.shapes[block.window].c_out, x)
            else:
                take(sums, x)


@inner
def list_leaving(
    p: Record, m: int, state: State, arena: AnyArray, used: int, bounds: AnyArray
) -> tuple[AnyArray, int]:
    """Append the spikes that leave a population to the arena.

    Args:
        p: The population, a `POPULATION`.
        m: Its place.
        state: Where they stand.
        arena: Spikes so far.
        used: How many.
        bounds: Where they begin and end in it, ``(2,)``, written.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    bounds[0] = used
    if state.leaves[m] > 0:
        arena = with_room(arena, used, state.leaves[m])
        for j in range(p.n):
            for _ in range(state.leaving[p.first + j]):
                arena[used] = j
                used += 1
    bounds[1] = used
    return arena, used

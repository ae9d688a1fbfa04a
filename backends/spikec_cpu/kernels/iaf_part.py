"""Run one part of a network of `spikec.ir.iaf` neurons through some ticks.

A part holds some neurons of every population, and the synapses that end at them, so that parts run side by
side: what one does in a tick, the others see only a delay later, in `State.recent`. Arrivals are counted, and
numbers need no order, so spikes do not depend on how many parts there are.

A part goes through several ticks at a time, a *round*, no more than the shortest delay has: first all that
arrives in them is counted, a row of numbers a tick; then a chunk of neurons goes through all of them while
its states are in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner, kernel, leaf
from spikec_cpu.kernels.iaf import (
    any_above,
    draw,
    follow,
    key_with,
    list_above,
    relax,
    take_counts,
    take_sums,
)
from spikec_cpu.kernels.iaf_arrivals import add_arrivals, are_few, count_arrivals, take_few
from spikec_cpu.kernels.spikes import with_room
from spikec_cpu.lower import Record
from spikec_cpu.lower_iaf import (
    CHUNK,
    EXCITATORY,
    INHIBITORY,
    MEMBRANE,
    THRESHOLD,
    V_RESET,
    WHOLE,
    Part,
)

SWEEP = 512
"""Neurons with currents that are brought to the end of a tick before spikes are looked for among them."""


class State(NamedTuple):
    """What a part computes in, and what it knows of the others.

    Attributes:
        u: States, ``(3 n,)``: excitatory currents, inhibitory ones, and membranes, which are minus infinity
            while a neuron is refractory.
        counts: Arrivals at each neuron through each rule, ``(n_ticks_of_a_round, n)`` uint16.
        sums: The same of projections whose synapses have weights of their own.
        z: Room for a chunk, uint64.
        drawn: Room for a chunk, int32.
        own: Where the spikes of each population and tick begin and end in the part's arena,
            ``(n_populations, n_ticks, 2)``.
        recent: Spikes of the last ticks, all parts', ``(n_slots, n_neurons)`` int32; shared.
        n_recent: How many, ``(n_slots, n_parts, n_populations)``; shared.
        firsts: Where those of each part and population begin in a slot, ``(n_parts, n_populations)``.
        inputs: Spikes of the sources.
        input_bounds: As `own`, in `inputs`.
        trace: Membranes to return, flat; shared.
        trace_starts: Where those of each population begin, -1 if they are not wanted.
    """

    u: AnyArray
    counts: AnyArray
    sums: AnyArray
    z: AnyArray
    drawn: AnyArray
    own: AnyArray
    recent: AnyArray
    n_recent: AnyArray
    firsts: AnyArray
    inputs: AnyArray
    input_bounds: AnyArray
    trace: AnyArray
    trace_starts: AnyArray


@kernel
def run_part(
    part: Part, state: State, sample: int, begin: int, end: int, arena: AnyArray, used: int
) -> tuple[AnyArray, int, int]:
    """Run a part from one tick to another.

    Args:
        part: Its neurons and synapses.
        state: Where they stand.
        sample: Number of the sample.
        begin: First tick.
        end: The one after the last; not so late that a spike of another part could arrive.
        arena: Spikes of the part so far, int32.
        used: How many.

    Returns:
        The arena (another one if it had to grow), how many spikes are in it, and the population whose
        membrane is infinite, -1 if none is.
    """
    number = part.populations[0].part
    for first in range(begin, end, state.counts.shape[0]):
        last = min(first + state.counts.shape[0], end)
        for tick in range(first, last):
            state.n_recent[tick % state.recent.shape[0], number] = 0
        for b in range(part.blocks.size):
            deliver(part, state, part.blocks[b], first, last)
        for m in range(part.populations.size):
            p = part.populations[m]
            if not p.is_source:
                if not advance(part, state, p, m, sample, first, last):
                    return arena, used, m
                arena, used = keep(state, number, m, first, last, arena, used)
    return arena, used, -1


@inner
def keep(
    state: State, number: int, m: int, first: int, last: int, arena: AnyArray, used: int
) -> tuple[AnyArray, int]:
    """Append the spikes of a population in a round to the arena."""
    begin = state.firsts[number, m]
    for tick in range(first, last):
        slot = tick % state.recent.shape[0]
        n = state.n_recent[slot, number, m]
        arena = with_room(arena, used, n)
        for e in range(n):
            arena[used + e] = state.recent[slot, begin + e]
        state.own[m, tick, 0], state.own[m, tick, 1] = used, used + n
        used += n
    return arena, used


@inner
def deliver(part: Part, state: State, block: Record, first: int, last: int) -> None:
    """Count or add up what arrives in a round through one projection."""
    starts, posts, weights = part.starts, part.posts, part.weights
    m, outside = block.pre, part.populations[block.pre].is_source
    firsts, n_recent, bounds = state.firsts, state.n_recent, state.input_bounds
    recent, n_slots, width = state.recent.reshape(-1), state.recent.shape[0], state.recent.shape[1]
    lists = state.inputs if outside else recent
    counts, sums = state.counts, state.sums
    shift = block.weights - starts[block.starts]
    for tick in range(max(first, block.delay), last):
        sent, row = tick - block.delay, tick - first
        for other in range(1 if outside else firsts.shape[0]):
            if outside:
                begin, end = bounds[m, sent, 0], bounds[m, sent, 1]
            else:
                begin = sent % n_slots * width + firsts[other, m]
                end = begin + n_recent[sent % n_slots, other, m]
            if block.weights < 0:
                count_arrivals(starts, posts, block, lists, begin, end, counts, row)
            else:
                add_arrivals(starts, posts, weights, block, lists, begin, end, shift, sums, row)


@inner
def advance(part: Part, state: State, p: Record, m: int, sample: int, begin: int, end: int) -> bool:
    """Bring a population to the end of a round, chunk by chunk, and list its spikes.

    Returns:
        Whether all membranes that spiked were finite.
    """
    k, limits, drive = part.coefficients[m], part.limits[p.first_limit : p.last_limit], part.drives[m]
    u, counts, sums, blocks, units = state.u, state.counts, state.sums, part.blocks, part.units
    z, drawn, recent, n_recent = state.z, state.drawn, state.recent, state.n_recent
    starts, posts, lists = part.starts, part.posts, state.recent.reshape(-1)
    n_slots, start, width = recent.shape[0], state.firsts[p.part, m], u.size // 3
    v, back = p.first + MEMBRANE * width, p.offset - p.first - MEMBRANE * width
    threshold, v_reset = k[THRESHOLD], k[V_RESET]
    of_sample = key_with(p.key, sample)
    whole = p.n <= WHOLE and limits.size == 0 and n_recent.shape[1] == 1
    chunk = p.n if whole else CHUNK
    for a in range(0, p.n, chunk):
        n, first = min(chunk, p.n - a), v + a
        for tick in range(begin, end):
            slot, row, spiked = tick % n_slots, tick - begin, tick - p.waits - 1
            if spiked >= 0:
                n_free = n_recent[spiked % n_slots, p.part, m]
                release(u, v_reset, first, n, back, recent, spiked % n_slots, start, n_free)
            used = start + n_recent[slot, p.part, m]
            if p.has_currents:
                for some in range(first, first + n, SWEEP):
                    few = min(SWEEP, first + n - some)
                    ex, in_ = some - (MEMBRANE - EXCITATORY) * width, some - (MEMBRANE - INHIBITORY) * width
                    if follow(k, threshold, u, some, ex, in_, few):
                        used = list_above(threshold, u, some, few, back, recent, slot, used)
                    if used < 0:
                        return False
            else:
                relax(k, u, first, n)
            for b in range(p.first_block, p.last_block):
                into, place = p.first + a + blocks[b].side * width, blocks[b].into + a
                if blocks[b].weights >= 0:
                    take_sums(sums, row, place, u, into, n)
                    continue
                sent = tick - blocks[b].delay
                from_, to = sent % n_slots * width + state.firsts[0, blocks[b].pre], 0
                if sent >= 0:
                    to = from_ + n_recent[sent % n_slots, 0, blocks[b].pre]
                if whole and are_few(part, blocks[b], to - from_):
                    take_few(units[b], starts, posts, blocks[b], lists, from_, to, counts, row, u, into)
                else:
                    take_counts(units[b], counts, row, place, u, into, n)
            if limits.size:
                draw(key_with(of_sample, tick), p.offset + a, limits, z, drawn, n)
                take_counts(drive, drawn, 0, 0, u, p.first + a + p.side * width, n)
            if not p.has_currents and any_above(threshold, u, first, n):
                used = list_above(threshold, u, first, n, back, recent, slot, used)
            if used < 0:
                return False
            n_recent[slot, p.part, m] = used - start
            if state.trace_starts[m] >= 0:
                noted = state.trace_starts[m] + tick * p.whole + p.offset + a
                note(u, v_reset, first, n, state.trace, noted)
    return True


@leaf
def release(
    v: AnyArray,
    v_reset: float,
    first: int,
    n: int,
    back: int,
    recent: AnyArray,
    slot: int,
    start: int,
    n_spikes: int,
) -> None:
    """Set free whose refractory period is over.

    Args:
        v: Membranes.
        v_reset: Where they begin.
        first: The first of a chunk.
        n: How many there are in it.
        back: What a place in `v` and the number of its neuron differ by.
        recent: See `State`.
        slot: Of the tick in which they spiked.
        start: Where the population's spikes begin there.
        n_spikes: How many there are.
    """
    low, high = start, start + n_spikes
    while low < high:
        middle = (low + high) // 2
        if recent[slot, middle] < first + back:
            low = middle + 1
        else:
            high = middle
    while low < start + n_spikes and recent[slot, low] < first + n + back:
        v[recent[slot, low] - back] = v_reset
        low += 1


@leaf
def note(v: AnyArray, v_reset: float, first: int, n: int, trace: AnyArray, at: int) -> None:
    """Keep the membranes of a chunk in a tick."""
    for j in range(n):
        trace[at + j] = v[first + j] if v[first + j] > -np.inf else v_reset

"""Lists of spikes: made from flags and bits, taken from inputs, handed back by population."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.lanes import INT, WORD, code, count, instructions, load, lowest, store

MANY = 2
"""Bits of a word from which on `list_many` is faster than a loop whose length nobody can foresee."""

SPARE = 8
"""Places after the last spike that `list_many` may write to."""

PLACES = np.array(
    [place for byte in range(256) for place in sorted(range(8), key=lambda k: (~byte >> k & 1, k))], np.int32
)
"""For each byte the places of its bits that are 1, then those of the others."""


@kernel
def with_room(arena: AnyArray, used: int, more: int) -> AnyArray:
    """An arena that can take `more` spikes on top of those in use: the same one, or one twice as long."""
    if used + more <= arena.size:
        return arena
    larger = np.empty(2 * (used + more), np.int32)
    for e in range(used):
        larger[e] = arena[e]
    return larger


@kernel
def list_spikes(spiking: AnyArray, arena: AnyArray, used: int) -> int:
    """Append the places of bytes that are 1 to the arena, which must have room for all.

    Eight bytes that are all zero are passed over at once.

    Returns:
        Spikes in the arena now.
    """
    words = spiking[: spiking.size // 8 * 8].view(np.uint64)
    for k in range(words.size):
        if words[k] != 0:
            for j in range(8 * k, 8 * k + 8):
                arena[used] = j
                used += spiking[j]
    for j in range(8 * words.size, spiking.size):
        if spiking[j]:
            arena[used] = j
            used += 1
    return used


@kernel
def list_bits(bits: np.uint64, first: int, arena: AnyArray, used: int) -> int:
    """Append the places of the bits that are 1, `first` that of the lowest, to an arena with room for all.

    Returns:
        Spikes in the arena now.
    """
    while bits != 0:
        arena[used] = first + lowest(bits)
        used += 1
        bits &= bits - np.uint64(1)
    return used


@instructions
def list_many(_typing: Any, places: Any, bits: Any, first: Any, arena: Any, used: Any) -> Any:
    """As `list_bits`, byte by byte, whatever their number; `places` are `PLACES`, and `SPARE` is needed."""

    @code(types.int64, places, types.uint64, types.int64, arena, types.int64)
    def made(builder: Any, places: Any, bits: Any, first: Any, arena: Any, used: Any) -> Any:
        for k in range(8):
            byte = builder.and_(builder.lshr(bits, WORD(8 * k)), WORD(255))
            here = load(builder, places, builder.shl(byte, WORD(3)), 32, 8)
            store(arena, used, here + 8 * k + here.splat(builder.trunc(first, INT)))
            used = builder.add(used, builder.ctpop(byte))
        return used

    return made


@kernel
def take_raster(
    words: AnyArray, per_tick: int, source: int, arena: AnyArray, used: int, bounds: AnyArray
) -> tuple[AnyArray, int]:
    """Append the spikes of one source that a raster holds.

    Args:
        words: Bits of each sample, tick by tick, uint64, ``(n_samples, n_words)``.
        per_tick: Bits of a tick.
        source: The population.
        arena: Spikes so far, int32.
        used: How many.
        bounds: See `run_component`; written for this source.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    n_samples, _, n_ticks, _ = bounds.shape
    every = ~np.uint64(0)
    for sample in range(n_samples):
        for tick in range(n_ticks):
            bounds[sample, source, tick, 0] = used
            begin = tick * per_tick
            end = min(begin + per_tick, 64 * words.shape[1])
            first, last = begin // 64, (end + 63) // 64
            n = 0
            for k in range(first, last):
                n += count(words[sample, k])
            if used + n + SPARE > arena.size:
                arena = with_room(arena, used, n + SPARE)
            for k in range(first, last):
                bits = words[sample, k]
                if 64 * k < begin:
                    bits &= every << np.uint64(begin - 64 * k)
                if 64 * k + 64 > end:
                    bits &= every >> np.uint64(64 * k + 64 - end)
                if n > MANY * (last - first):
                    used = list_many(PLACES, bits, 64 * k - begin, arena, used)
                else:
                    used = list_bits(bits, 64 * k - begin, arena, used)
            bounds[sample, source, tick, 1] = used
    return arena, used


@kernel
def tally(neurons: AnyArray, counted: AnyArray) -> None:
    """Count how often each neuron is in a list."""
    for i in neurons:
        counted[i] += 1


@kernel
def put_in_order(neurons: AnyArray, ticks: AnyArray, sizes: AnyArray, order: AnyArray, n: int) -> None:
    """Turn places into neurons, ascending within a tick; no place is twice in a tick.

    Args:
        neurons: Places, changed.
        ticks: Of each spike.
        sizes: Spikes of each sample.
        order: Which neuron each place holds.
        n: Neurons.
    """
    marks = np.zeros(n // 64 + 1, np.uint64)
    begin = 0
    for size in sizes:
        sample_end = begin + size
        while begin < sample_end:
            end = begin
            while end < sample_end and ticks[end] == ticks[begin]:
                neuron = order[neurons[end]]
                marks[neuron >> 6] |= np.uint64(1) << np.uint64(neuron & 63)
                end += 1
            for k in range(marks.size):
                begin = list_bits(marks[k], 64 * k, neurons, begin)
                marks[k] = 0


@kernel
def take_inputs(
    ticks: AnyArray,
    neurons: AnyArray,
    sample_starts: AnyArray,
    source: int,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
) -> tuple[AnyArray, int]:
    """Append the spikes of one source that lie within the run.

    Args:
        ticks: int64, rising within a sample.
        neurons: int32.
        sample_starts: Where the batch's samples begin in these two, ``(n_samples + 1,)``.
        source: The population.
        arena: Spikes so far, int32.
        used: How many.
        bounds: See `run_component`; written for this source.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    n_samples, _, n_ticks, _ = bounds.shape
    arena = with_room(arena, used, sample_starts[-1] - sample_starts[0])
    for sample in range(n_samples):
        e, end = sample_starts[sample], sample_starts[sample + 1]
        for tick in range(n_ticks):
            bounds[sample, source, tick, 0] = used
            while e < end and ticks[e] == tick:
                arena[used] = neurons[e]
                used += 1
                e += 1
            bounds[sample, source, tick, 1] = used
    return arena, used


@kernel
def spikes_of(arena: AnyArray, bounds: AnyArray, population: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """The spikes of one population.

    Returns:
        Ticks (int64), neurons (int32), and how many there are in each sample (int64).
    """
    n_samples, _, n_ticks, _ = bounds.shape
    sizes = np.zeros(n_samples, np.int64)
    n = 0
    for sample in range(n_samples):
        for tick in range(n_ticks):
            sizes[sample] += bounds[sample, population, tick, 1] - bounds[sample, population, tick, 0]
        n += sizes[sample]
    ticks, neurons = np.empty(n, np.int64), np.empty(n, np.int32)
    k = 0
    for sample in range(n_samples):
        for tick in range(n_ticks):
            for e in range(bounds[sample, population, tick, 0], bounds[sample, population, tick, 1]):
                ticks[k] = tick
                neurons[k] = arena[e]
                k += 1
    return ticks, neurons, sizes

"""Lists of spikes: made from flags and bits, taken from inputs, handed back by population."""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.lanes import count, lowest

SPARE = 4
"""Places after the last spike that `list_bits` may write to."""


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
    """Append the places of the bits that are 1, `first` that of the lowest.

    Four at a time, for the end of a loop that nobody can foresee takes longer than to write what is not used.

    Args:
        bits: A word.
        first: Place of its lowest bit.
        arena: Has room for all, and `SPARE` more.
        used: Spikes in the arena.

    Returns:
        Spikes in the arena now.
    """
    end: int = used + count(bits)
    one = np.uint64(1)
    while used < end:
        arena[used] = first + lowest(bits)
        bits &= bits - one
        arena[used + 1] = first + lowest(bits)
        bits &= bits - one
        arena[used + 2] = first + lowest(bits)
        bits &= bits - one
        arena[used + 3] = first + lowest(bits)
        bits &= bits - one
        used += 4
    return end


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
                while marks[k] != 0:
                    neurons[begin] = 64 * k + lowest(marks[k])
                    marks[k] &= marks[k] - np.uint64(1)
                    begin += 1


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

"""Lists of spikes: taken from inputs, counted, handed back by population."""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.lanes import lowest


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

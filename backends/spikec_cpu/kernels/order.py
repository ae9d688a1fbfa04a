"""Order by time: sorting of what is mostly sorted, and a heap of neurons by their next spike."""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner, leaf

RUN = 16
"""Pieces of this length are sorted by insertion before they are merged."""


@inner
def longer(times: AnyArray, values: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The same times and values with room for twice as many."""
    more_times, more_values = np.empty(2 * times.size, np.float64), np.empty(2 * times.size, np.int64)
    for k in range(times.size):
        more_times[k], more_values[k] = times[k], values[k]
    return more_times, more_values


@inner
def sort_by_time(times: AnyArray, values: AnyArray) -> None:
    """Sort times in place, and values with them; equal times keep their order."""
    n = times.size
    sorted_already = True
    for k in range(1, n):
        if times[k] < times[k - 1]:
            sorted_already = False
            break
    if sorted_already:
        return
    for low in range(0, n, RUN):
        for k in range(low + 1, min(low + RUN, n)):
            t, value, m = times[k], values[k], k
            while m > low and times[m - 1] > t:
                times[m], values[m] = times[m - 1], values[m - 1]
                m -= 1
            times[m], values[m] = t, value
    if n <= RUN:
        return
    other_times, other_values = np.empty(n, np.float64), np.empty(n, np.int64)
    width = RUN
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            left, right = low, middle
            for k in range(low, high):
                if right == high or (left < middle and times[left] <= times[right]):
                    other_times[k], other_values[k] = times[left], values[left]
                    left += 1
                else:
                    other_times[k], other_values[k] = times[right], values[right]
                    right += 1
        for k in range(n):
            times[k], values[k] = other_times[k], other_values[k]
        width *= 2


@inner
def sort_spikes(times: AnyArray, neurons: AnyArray, begin: int, end: int) -> None:
    """Sort spikes in place by time, then neuron."""
    sorted_already = True
    for e in range(begin + 1, end):
        if times[e] < times[e - 1] or (times[e] == times[e - 1] and neurons[e] < neurons[e - 1]):
            sorted_already = False
            break
    if sorted_already:
        return
    sort_by_time(times[begin:end], neurons[begin:end])
    for e in range(begin + 1, end):
        t, i, m = times[e], neurons[e], e
        while m > begin and times[m - 1] == t and neurons[m - 1] > i:
            neurons[m] = neurons[m - 1]
            m -= 1
        neurons[m] = i


@leaf
def place(heap: AnyArray, where: AnyArray, keys: AnyArray, j: int) -> None:
    """Move member `j` of a heap of all neurons to where its key belongs.

    Args:
        heap: Neurons, that with the least key first, ``(n,)``.
        where: Place of each neuron in it, ``(n,)``.
        keys: Key of each neuron, ``(n,)``.
        j: The neuron whose key has changed.
    """
    k, key = where[j], keys[j]
    while k > 0 and keys[heap[(k - 1) // 2]] > key:
        heap[k] = heap[(k - 1) // 2]
        where[heap[k]] = k
        k = (k - 1) // 2
    while True:
        child = 2 * k + 1
        if child >= heap.size:
            break
        if child + 1 < heap.size and keys[heap[child + 1]] < keys[heap[child]]:
            child += 1
        if keys[heap[child]] >= key:
            break
        heap[k] = heap[child]
        where[heap[k]] = k
        k = child
    heap[k] = j
    where[j] = k


@leaf
def push(times: AnyArray, values: AnyArray, n: int, time: float, value: int) -> None:
    """Add one to a heap of `n` times and values that has room for it."""
    k = n
    while k > 0 and times[(k - 1) // 2] > time:
        times[k], values[k] = times[(k - 1) // 2], values[(k - 1) // 2]
        k = (k - 1) // 2
    times[k], values[k] = time, value


@leaf
def drop_first(times: AnyArray, values: AnyArray, n: int) -> None:
    """Take the earliest from a heap of `n` times and values."""
    time, value, k = times[n - 1], values[n - 1], 0
    while True:
        child = 2 * k + 1
        if child >= n - 1:
            break
        if child + 1 < n - 1 and times[child + 1] < times[child]:
            child += 1
        if times[child] >= time:
            break
        times[k], values[k] = times[child], values[child]
        k = child
    times[k], values[k] = time, value

"""What benchmarks C and D share: answers of large networks on the CPU engine, and the machine's limit."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from spikec.program import Program
    from spikec.result import RunResult

TICKS_A_SECOND = 10_000

N_SPIKES = 2000
"""Spikes of one measurement of the limit."""

Answer = tuple[None, int, float]
"""What `workloads.Recurrent` takes: nothing, spikes, biological seconds."""


def answer_of(result: RunResult) -> Answer:
    """The answer of a run."""
    assert result.counters is not None
    return None, result.counters.total("spikes"), result.counters.n_ticks / TICKS_A_SECOND


def equals_reference(program: Program, precision: int, threads: int, n_ticks: int = 400) -> bool:
    """Whether every spike of a small network of the same kind is that of the reference interpreter."""
    from spikec.backend import find_backend
    from spikec.events import same
    from spikec_cpu import iaf_synapses

    before, iaf_synapses.WORTH_A_THREAD = iaf_synapses.WORTH_A_THREAD, 1  # as large networks are cut
    try:
        got, wanted = (
            find_backend(name, precision=precision, **more).prepare(program).run({}, n_ticks).spikes
            for name, more in (("cpu", {"threads": threads}), ("reference", {}))
        )
    finally:
        iaf_synapses.WORTH_A_THREAD = before
    return (
        all(same(got[name], e) for name, e in wanted.items()) and sum(e.n_events for e in wanted.values()) > 0
    )


def limit(n: int, degree: int, drives: bool, threads: int) -> Callable[[float, float], float]:
    """Processor seconds that micro-kernels need for so many events and neuron updates.

    They count arrivals of random rows of two-byte indices, and bring neurons in float32 through a tick: one
    multiplication and addition for the membrane and each of two sums, and with a drive 64 random bits for
    two neurons. Nothing else: no lists, no spikes, no delays.
    """
    n_post = -(-n // threads)
    rng = np.random.default_rng(0)
    row = max(degree // threads, 1)
    posts = rng.integers(0, min(n_post, 1 << 16), n * row, dtype=np.uint16)
    rows = rng.integers(0, n, N_SPIKES)
    counts = np.zeros(min(n_post, 1 << 16), np.uint16)
    u, v, bits = (np.ones(n_post, kind) for kind in (np.float32, np.float32, np.uint64))

    def seconds(events: float, updates: float) -> float:
        count(posts, rows, row, counts)
        turn(u, v, counts, bits, drives, 1)
        began = process_time()
        count(posts, rows, row, counts)
        of_events = (process_time() - began) / (N_SPIKES * row)
        times = max(1, 2_000_000 // n_post)
        began = process_time()
        turn(u, v, counts, bits, drives, times)
        of_updates = (process_time() - began) / (times * n_post)
        return events * of_events + updates * of_updates

    return seconds


@njit(cache=True, nogil=True)
def count(posts: Any, rows: Any, row: int, counts: Any) -> None:
    """Count arrivals."""
    for k in range(rows.size):
        for q in range(np.uint64(rows[k] * row), np.uint64((rows[k] + 1) * row)):
            counts[posts[q]] += 1


@njit(cache=True, nogil=True)
def turn(u: Any, v: Any, counts: Any, bits: Any, drives: bool, times: int) -> None:
    """Bring neurons through some ticks."""
    keep, weight = np.float32(0.99), np.float32(0.01)
    for k in range(times):
        if drives:
            for i in range(bits.size // 2):
                z = np.uint64(k) + np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
                z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                bits[i] = z ^ (z >> np.uint64(31))
        for j in range(v.size):
            v[j] = keep * v[j] + weight * u[j]
        for j in range(counts.size):
            u[j] = keep * u[j] + weight * np.float32(counts[j])
            counts[j] = 0

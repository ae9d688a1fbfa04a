"""The machine's limit: micro-kernels that do a benchmark's arithmetic and nothing else.

They add rows of weights in random order and update neurons, without finding spikes, without lists, without
anything between layers. A floor is the processor time that they need for as many events and updates, measured
anew whenever it is asked for, so that load hits it as it hits the work beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time

import numpy as np
from numba import njit

LONG_ENOUGH = 2_000_000
"""Synaptic events, or neuron updates, of one measurement."""


@njit(cache=True)
def add_rows(weights, rows, total):
    """Add int8 rows, eight a pass, into int16."""
    n = total.shape[0]
    for first in range(0, rows.shape[0] - 7, 8):
        a, b = weights[rows[first]], weights[rows[first + 1]]
        c, d = weights[rows[first + 2]], weights[rows[first + 3]]
        e, f = weights[rows[first + 4]], weights[rows[first + 5]]
        g, h = weights[rows[first + 6]], weights[rows[first + 7]]
        for j in range(n):
            low = np.int16(np.int16(a[j]) + np.int16(b[j])) + np.int16(np.int16(c[j]) + np.int16(d[j]))
            high = np.int16(np.int16(e[j]) + np.int16(f[j])) + np.int16(np.int16(g[j]) + np.int16(h[j]))
            total[j] = np.int16(total[j] + np.int16(np.int16(low) + np.int16(high)))


@njit(cache=True)
def update_neurons(u, v, arrived, spikes, threshold, ticks):
    """Ticks of CUBA-LIF neurons in Loihi arithmetic, decays 1024 and 512; float64 holds every product."""
    for _ in range(ticks):
        for j in range(u.shape[0]):
            uu = np.int32(np.int32(np.float64(u[j]) * 0.75) + np.int32(np.int32(arrived[j]) << 6))
            vv = np.int32(np.int32(np.float64(v[j]) * 0.875) + uu)
            spiking = vv > threshold
            u[j] = uu
            v[j] = np.int32(0) if spiking else vv
            spikes[j] = spiking
            arrived[j] = 0


@njit(cache=True)
def add_causes(weights, rows, slow, fast, reached):
    """Add float64 rows to both sums of a membrane, and see whether it can reach its threshold."""
    for k in range(rows.shape[0]):
        w, late = weights[rows[k]], 1.0 + 1e-3 * k
        later = late * late
        for j in range(slow.shape[0]):
            slow[j] += w[j] * late
            fast[j] += w[j] * later
            reached[j] |= slow[j] * slow[j] >= 2.0 * fast[j]


def tick_floor(weights: Sequence[np.ndarray], events: float, updates: float) -> Callable[[], float]:
    """Seconds that layers of dense int8 rows and CUBA-LIF neurons need at least.

    Args:
        weights: Of each layer, ``(n_post, n_pre)``; the synaptic events are the first one's, where most are.
        events: Synaptic events in all.
        updates: Neuron updates in all.
    """
    rng, (n_post, n_pre) = np.random.default_rng(0), weights[0].shape
    table = np.ascontiguousarray((weights[0].T // 2).astype(np.int8))
    rows = rng.integers(0, n_pre, LONG_ENOUGH // n_post // 8 * 8)
    total = np.zeros(n_post, np.int16)
    u, v = np.zeros(n_post, np.int32), np.zeros(n_post, np.int32)
    spikes, ticks = np.zeros(n_post, np.bool_), LONG_ENOUGH // n_post

    def add() -> None:
        add_rows(table, rows, total)

    def update() -> None:
        update_neurons(u, v, total, spikes, np.int32(1 << 20), ticks)

    def floor() -> float:
        an_event = _seconds(add) / (rows.size * n_post)
        an_update = _seconds(update) / (ticks * n_post)
        return events * an_event + updates * an_update

    return floor


def causes_floor(weights: np.ndarray, events: float) -> Callable[[], float]:
    """Seconds that the sums of first-spike times need at least.

    Args:
        weights: Of the largest layer, ``(n_pre, n_post)``.
        events: Synaptic events in all.
    """
    n_pre, n_post = weights.shape
    table = np.ascontiguousarray(weights)
    rows = np.random.default_rng(0).integers(0, n_pre, LONG_ENOUGH // n_post)
    slow, fast, reached = np.zeros(n_post), np.zeros(n_post), np.zeros(n_post, np.bool_)

    def floor() -> float:
        slow[:], fast[:] = 0, 0
        an_event = _seconds(lambda: add_causes(table, rows, slow, fast, reached)) / (rows.size * n_post)
        return events * an_event

    return floor


def _seconds(work: Callable[[], None]) -> float:
    """Processor time, the shortest of three."""
    work()
    found = []
    for _ in range(3):
        began = process_time()
        work()
        found.append(process_time() - began)
    return min(found)

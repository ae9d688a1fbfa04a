"""Run populations that feed themselves or each other: one event after another, in a queue of all.

A neuron's state belongs to the time of its last event; only what an event touches is brought to its time.
Each neuron's next spike, if nothing else reaches it, stands in a heap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import inner, kernel, leaf
from spikec_cpu.kernels.order import drop_first, longer, place, push, sort_by_time
from spikec_cpu.lower_cells import Cells
from spikec_cpu.lower_exact import Fans, Spikes


@kernel
def run_recurrent(
    cells: Cells,
    fans: Fans,
    spikes: Spikes,
    bounds: AnyArray,
    until: float,
    most: int,
    ends: AnyArray,
    failed: AnyArray,
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Run a component; arguments as in `run_rows` of `slices`.

    Returns:
        Spikes in order of time: times, places of the neurons in `cells`, and how many of each sample.
    """
    p = cells.values
    n_samples, n = bounds.shape[1], p.shape[1]
    wanted = ends.shape[1] > 0
    times, neurons = np.empty(1024, np.float64), np.empty(1024, np.int64)
    used: Any = np.int64(0)  # no literal, for which all that takes it would be compiled twice
    sizes = np.zeros(n_samples, np.int64)
    x, limit, since = np.zeros((3, n)), np.zeros(n), np.zeros(n)
    coming, heap, where = np.zeros(n), np.arange(n), np.arange(n)
    touched, is_touched = np.zeros(n, np.int64), np.zeros(n, np.uint8)
    late, late_bundles = np.empty(1024, np.float64), np.empty(1024, np.int64)
    for sample in range(n_samples):
        given, given_bundles = incoming_bundles(fans, spikes, bounds, sample, until)
        for j in range(n):
            neuron.begin(p, j, x, limit)
            since[j], coming[j], touched[j] = 0.0, np.inf, j
        n_touched: Any = np.int64(n)
        n_late: Any = np.int64(0)
        now, k, began = 0.0, 0, used
        while True:
            for m in range(n_touched):
                j = touched[m]
                is_touched[j] = 0
                coming[j] = now + neuron.crossing(p, j, x, limit[j], until - now)
                place(heap, where, coming, j)
            arrival = given[k] if k < given.size else np.inf
            if n_late and late[0] < arrival:
                arrival = late[0]
            now = min(arrival, coming[heap[0]])
            if not now <= until:
                break
            n_touched = np.int64(0)
            if arrival == now:
                while True:
                    if k < given.size and given[k] == now:
                        bundle = given_bundles[k]
                        k += 1
                    elif n_late and late[0] == now:
                        bundle = late_bundles[0]
                        drop_first(late, late_bundles, n_late)
                        n_late -= 1
                    else:
                        break
                    n_touched = deliver(
                        p, fans, bundle, now, x, limit, since, wanted, touched, is_touched, n_touched
                    )
            else:
                while coming[heap[0]] == now:
                    j = heap[0]
                    touched[n_touched] = j
                    n_touched += 1
                    coming[j] = np.inf
                    place(heap, where, coming, j)
                for m in range(n_touched):
                    j = touched[m]
                    neuron.advance(p, j, x, now - since[j], limit[j] == np.inf)
                    since[j] = now
                    neuron.reset(p, j, x, limit)
                    if used == times.size:
                        times, neurons = longer(times, neurons)
                    times[used], neurons[used] = now, j
                    used += 1
                    i = fans.own[j]
                    for b in range(fans.starts[i], fans.starts[i + 1]):
                        if now + fans.delays[b] <= until:
                            if n_late == late.size:
                                late, late_bundles = longer(late, late_bundles)
                            push(late, late_bundles, n_late, now + fans.delays[b], b)
                            n_late += 1
                if used - began >= most:
                    failed[0], failed[1], failed[2] = 1.0, sample, now
                    return times[:used], neurons[:used], sizes
        sizes[sample] = used - began
        for j in range(n if wanted else 0):
            neuron.advance(p, j, x, until - since[j], limit[j] == np.inf)
            ends[sample, j] = neuron.potential(p, j, x)
    return times[:used], neurons[:used], sizes


@leaf
def deliver(
    p: AnyArray,
    fans: Fans,
    bundle: int,
    now: float,
    x: AnyArray,
    limit: AnyArray,
    since: AnyArray,
    wanted: bool,
    touched: AnyArray,
    is_touched: AnyArray,
    n_touched: int,
) -> int:
    """Let a bundle of synapses act; list whom it touched for the first time at this moment."""
    for s in range(fans.begin[bundle], fans.begin[bundle + 1]):
        j = fans.post[s]
        if limit[j] == np.inf and not wanted:
            continue
        if not is_touched[j]:
            is_touched[j] = 1
            touched[n_touched] = j
            n_touched += 1
            neuron.advance(p, j, x, now - since[j], limit[j] == np.inf)
            since[j] = now
        neuron.kick(p, j, x, fans.weights[s])
    return n_touched


@inner
def incoming_bundles(
    fans: Fans, spikes: Spikes, bounds: AnyArray, sample: int, until: float
) -> tuple[AnyArray, AnyArray]:
    """When bundles from outside arrive in one sample, and which, in order of time."""
    n = 0
    for b in range(fans.sources.size):
        for e in range(bounds[fans.sources[b], sample, 0], bounds[fans.sources[b], sample, 1]):
            i = fans.firsts[b] + spikes.neurons[e]
            n += fans.starts[i + 1] - fans.starts[i]
    times, bundles = np.empty(n, np.float64), np.empty(n, np.int64)
    n = 0
    for b in range(fans.sources.size):
        for e in range(bounds[fans.sources[b], sample, 0], bounds[fans.sources[b], sample, 1]):
            i = fans.firsts[b] + spikes.neurons[e]
            for bundle in range(fans.starts[i], fans.starts[i + 1]):
                time = spikes.times[e] + fans.delays[bundle]
                if time <= until:
                    times[n], bundles[n] = time, bundle
                    n += 1
    sort_by_time(times[:n], bundles[:n])
    return times[:n], bundles[:n]

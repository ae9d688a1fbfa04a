"""Run populations whose input spikes reach all neurons at once: arrival by arrival, neurons side by side.

The neurons go through all samples in slices so small that their weights stay in the cache. What a time does
to all of them, its exponentials, is worked out once for all slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import inner, kernel, membrane, theta
from spikec_cpu.kernels.layers import through
from spikec_cpu.kernels.order import sort_by_time, sort_spikes
from spikec_cpu.lower_exact import LEAK, QIF, THETA, A, B, C, Cells, Rows, Spikes

EVENTS_PER_SHRINK = 16
"""Kicks of theta neurons between two times that their pairs are brought back to length 1."""


@kernel
def run_rows(
    cells: Cells,
    rows: Rows,
    spikes: Spikes,
    bounds: AnyArray,
    until: float,
    slack: float,
    most: int,
    ends: AnyArray,
    failed: AnyArray,
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Run a layer whose input spikes reach all neurons at once.

    Args:
        cells: The neurons.
        rows: What reaches them.
        spikes: All spikes of the network so far.
        bounds: Where those of a population and sample lie, ``(n_populations, n_samples, 2)``.
        until: End of a sample, seconds.
        slack: See `membrane.sweep`; for the end of a sample.
        most: Spikes that a sample may have.
        ends: Membranes at the end, ``(n_samples, n)``, written; ``(n_samples, 0)`` if nobody wants them.
        failed: Written if a sample has more spikes: 1, the sample, the time.

    Returns:
        Spikes in order of time: times, neurons, and how many of each sample.
    """
    n_samples, width = bounds.shape[1], rows.kind.shape[1]
    sizes = np.zeros(n_samples, np.int64)
    times, neurons = np.empty(1024, np.float64), np.empty(1024, np.int64)
    used: Any = np.int64(0)  # no literal, for which all that takes it would be compiled twice
    starts, arrivals, row = incoming_rows(rows, spikes, bounds, until)
    steps = steps_of(cells, starts, arrivals, until)
    x, limit, excess = np.zeros((2, 3, width)), np.zeros(width), np.zeros(width)
    cuts = np.zeros((rows.kind.shape[0], n_samples + 1), np.int64)
    for s in range(rows.kind.shape[0]):
        here = Cells(rows.values[s], rows.kind[s], rows.one_spike[s], cells.same, cells.subtracts)
        cuts[s, 0] = used
        for sample in range(n_samples):
            began = used
            times, neurons, used = run_slice(
                here, rows.weights[s], arrivals, row, steps, starts[sample], starts[sample + 1], until, slack,
                x, limit, excess, ends.shape[1] > 0, times, neurons, used, used + most - sizes[sample],
            )  # fmt: skip
            sizes[sample] += used - began
            cuts[s, sample + 1] = used
            if sizes[sample] >= most:
                failed[0], failed[1], failed[2] = 1.0, sample, latest(times, cuts, sample)
                return times[:0], neurons[:0], sizes
            for j in range(s * width, min((s + 1) * width, ends.shape[1])):
                ends[sample, j] = neuron.potential(here, j - s * width, x[0])
    return (*by_sample(times, neurons, cuts, width), sizes)


@inner
def run_slice(
    cells: Cells,
    weights: AnyArray,
    arrivals: AnyArray,
    row: AnyArray,
    steps: AnyArray,
    k: int,
    end: int,
    until: float,
    slack: float,
    x: AnyArray,
    limit: AnyArray,
    excess: AnyArray,
    wanted: bool,
    times: AnyArray,
    neurons: AnyArray,
    used: int,
    most: int,
) -> tuple[AnyArray, AnyArray, int]:
    """Run a slice of a layer through one sample.

    Args:
        cells: The neurons of the slice.
        weights: What reaches them, one row a presynaptic neuron; behind them a row of zeros.
        arrivals: As `incoming_rows` gives them.
        row: As `incoming_rows` gives them.
        steps: As `steps_of` gives them.
        k: Where those of the sample begin.
        end: Where they end.
        until: End of the sample, seconds.
        slack: See `membrane.sweep`; for the end of the sample.
        x: States of one moment and of the next, ``(2, 3, n)``; at the end ``x[0]`` is the last.
        limit: Thresholds, ``(n,)``, written.
        excess: Room, ``(n,)``.
        wanted: Whether the membranes at the end are.
        times: Spikes so far.
        neurons: Whose they are, counted within the slice.
        used: How many.
        most: Stop at so many.

    Returns:
        `times` and `neurons` (others if they had to grow), and how many spikes are in them.
    """
    neuron.begin(cells, x[0], limit)
    kind, first = cells.kind[0], k
    now: Any = np.int64(0)  # no literal either
    glides = cells.same and not has_own_kick(kind)
    while k < end and used < most:
        if glides:
            k, now = membrane.glide(cells.values, limit, steps, row, weights, x, now, k, end - 1)
        here, after, span, last, kick = x[now], x[1 - now], steps[k, 0], k == end - 1, weights[row[k]]
        if has_own_kick(kind):
            kick_all(cells, here, kick, k - first)
            kick = weights[weights.shape[0] - 1]
        if span == 0.0 and not last:
            for j in range(limit.size):
                here[1, j] += kick[j]
        else:
            sweep(cells, here, limit, kick, steps[k], slack if last else 0.0, after, excess)
            for j in range(limit.size):
                if excess[j] > 0.0:
                    times, neurons, used = through(
                        cells, j, here, limit, arrivals[k], span, last, wanted, times, neurons, used, most
                    )
                    after[0, j], after[1, j], after[2, j] = here[0, j], here[1, j], here[2, j]
            now = 1 - now
        k += 1
    for j in range(limit.size if now == 1 else 0):
        x[0, 0, j], x[0, 1, j] = x[1, 0, j], x[1, 1, j]
    return times, neurons, used


@inner
def latest(times: AnyArray, cuts: AnyArray, sample: int) -> float:
    """When the last spike of a sample is, of those that are known."""
    time = 0.0
    for s in range(cuts.shape[0]):
        for e in range(cuts[s, sample], cuts[s, sample + 1]):
            time = max(time, times[e])
    return time


@inner
def has_own_kick(kind: int) -> bool:
    """Whether an arrival acts on something else than the current in the second row of the state."""
    return kind in (LEAK, THETA, QIF)


@inner
def kick_all(cells: Cells, x: AnyArray, w: AnyArray, k: int) -> None:
    """Let arrival `k` of a sample (counted from 1) act on neurons that have a kick of their own."""
    kind = cells.kind[0]
    if kind == LEAK:
        for j in range(w.size):
            x[0, j] += w[j]
    elif kind == QIF:
        for j in range(w.size):
            x[2, j] += w[j]
    else:
        for j in range(w.size):
            x[0, j] += w[j] * cells.values[B, j] * x[1, j]
        if k % EVENTS_PER_SHRINK == 1:
            theta.shrink(x[0], x[1])


@inner
def sweep(
    cells: Cells,
    x: AnyArray,
    limit: AnyArray,
    kick: AnyArray,
    step: AnyArray,
    slack: float,
    after: AnyArray,
    excess: AnyArray,
) -> None:
    """Advance neurons as if none spiked; tell those that may by a positive excess.

    Args:
        cells: The neurons.
        x: State; the currents take the kicks.
        limit: Thresholds.
        kick: What arrives in the currents.
        step: As `steps_of` gives it.
        slack: See `membrane.sweep`.
        after: State afterwards, written.
        excess: Written.
    """
    p, kind = cells.values, cells.kind[0]
    if kind == QIF:
        for j in range(excess.size):
            excess[j] = 1.0
    elif kind == THETA:
        theta.sweep(p[A], step[0], cells.same, x[0], x[1], after[0], after[1], excess)
    else:
        membrane.sweep(p, limit, slack, step, cells.same, x, kick, after, excess)


@inner
def incoming_rows(
    rows: Rows, spikes: Spikes, bounds: AnyArray, until: float
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """When rows of weights arrive in each sample, and which, in order of time; the row of zeros at 0 before.

    Returns:
        Where those of each sample begin, one more than there are samples; their times; their rows.
    """
    n_samples = bounds.shape[1]
    n: Any = np.int64(n_samples)
    for b in range(rows.pre.size):
        for sample in range(n_samples):
            n += bounds[rows.pre[b], sample, 1] - bounds[rows.pre[b], sample, 0]
    times, row, starts = np.empty(n, np.float64), np.empty(n, np.int64), np.zeros(n_samples + 1, np.int64)
    n = 0
    for sample in range(n_samples):
        times[n], row[n] = 0.0, rows.delays.size
        n += 1
        for b in range(rows.pre.size):
            for e in range(bounds[rows.pre[b], sample, 0], bounds[rows.pre[b], sample, 1]):
                r = rows.begin[b] + spikes.neurons[e]
                time = spikes.times[e] + rows.delays[r]
                if time <= until:
                    times[n], row[n] = time, r
                    n += 1
        starts[sample + 1] = n
        sort_by_time(times[starts[sample] + 1 : n], row[starts[sample] + 1 : n])
    return starts, times, row


@inner
def steps_of(cells: Cells, starts: AnyArray, arrivals: AnyArray, until: float) -> AnyArray:
    """How long each arrival is followed by none, and what all neurons keep in that time, as in `glide`."""
    steps, p = np.empty((arrivals.size, 5), np.float64), cells.values
    shared = cells.same and cells.kind[0] not in (THETA, QIF)
    biased = False
    for j in range(cells.kind.size):
        biased |= p[B, j] != 0.0
    for sample in range(starts.size - 1):
        for k in range(starts[sample], starts[sample + 1]):
            t = (arrivals[k + 1] if k + 1 < starts[sample + 1] else until) - arrivals[k]
            steps[k, 0] = t
            if shared:
                steps[k, 1], steps[k, 2], steps[k, 3] = membrane.shares(p[A, 0], p[C, 0], t)
                steps[k, 4] = membrane.fading(t, p[A, 0]) if biased else 0.0
    return steps


@inner
def by_sample(times: AnyArray, neurons: AnyArray, cuts: AnyArray, width: int) -> tuple[AnyArray, AnyArray]:
    """Spikes of one slice after another as those of one sample after another, in order of time.

    Args:
        times: Spikes.
        neurons: Whose they are, counted within a slice.
        cuts: Where those of each slice and sample begin, and the end of a slice's last,
            ``(n_slices, n_samples + 1)``.
        width: Neurons of a slice.
    """
    n: Any = cuts[-1, -1]
    ordered, whose = np.empty(n, np.float64), np.empty(n, np.int64)
    n = np.int64(0)
    for sample in range(cuts.shape[1] - 1):
        began = n
        for s in range(cuts.shape[0]):
            for e in range(cuts[s, sample], cuts[s, sample + 1]):
                ordered[n], whose[n] = times[e], s * width + neurons[e]
                n += 1
        sort_spikes(ordered, whose, began, n)
    return ordered, whose

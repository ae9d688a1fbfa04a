"""Run populations whose input spikes reach all neurons at once: arrival by arrival, neurons side by side.

The neurons go through all samples in slices so small that their weights stay in the cache. What a time does
to all of them, its exponentials, is worked out once for all slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import inner, kernel, leaf, membrane, theta
from spikec_cpu.kernels.glide import BIASED, DRIVEN, KEEP, LEFT, N_SHARES, PEAK, glide
from spikec_cpu.kernels.layers import NO_ROOM, through
from spikec_cpu.kernels.order import longer, sort_by_time, sort_spikes
from spikec_cpu.lower_cells import KIND, LEAK, QIF, THETA, A, B, C, Cells
from spikec_cpu.lower_exact import GLIDING, Rows, Spikes

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
    n_samples, n_slices, width = bounds.shape[1], rows.values.shape[0], rows.values.shape[2]
    sizes = np.zeros(n_samples, np.int64)
    times, neurons = np.empty(1024, np.float64), np.empty(1024, np.int64)
    used: Any = np.int64(0)  # no literal, for which all that takes it would be compiled twice
    starts, arrivals, row = incoming_rows(rows, spikes, bounds, until)
    steps = steps_of(cells.values, cells.same, starts, arrivals, until)
    x, after, limit, excess = np.zeros((3, width)), np.zeros((3, width)), np.zeros(width), np.zeros(width)
    cuts, wanted = np.zeros((n_slices, n_samples + 1), np.int64), ends.shape[1] > 0
    for s in range(n_slices):
        p, weights = rows.values[s], rows.weights[s]
        cuts[s, 0] = used
        for sample in range(n_samples):
            began, used = used, NO_ROOM
            while used == NO_ROOM:
                used = run_slice(
                    p, cells.same, weights, arrivals, row, steps, starts[sample], starts[sample + 1], slack,
                    x, after, limit, excess, wanted, times, neurons, began, began + most - sizes[sample],
                )  # fmt: skip
                if used == NO_ROOM:
                    times, neurons = longer(times, neurons)
            sizes[sample] += used - began
            cuts[s, sample + 1] = used
            if sizes[sample] >= most:
                failed[0], failed[1], failed[2] = 1.0, sample, latest(times, cuts, sample)
                return times[:0], neurons[:0], sizes
            for j in range(width):
                if rows.neurons[s, j] < ends.shape[1]:
                    ends[sample, rows.neurons[s, j]] = neuron.potential(p, j, after)
    return (*by_sample(times, neurons, cuts, rows.neurons), sizes)


@leaf
def run_slice(
    p: AnyArray,
    same: bool,
    weights: AnyArray,
    arrivals: AnyArray,
    row: AnyArray,
    steps: AnyArray,
    k: int,
    end: int,
    slack: float,
    x: AnyArray,
    after: AnyArray,
    limit: AnyArray,
    excess: AnyArray,
    wanted: bool,
    times: AnyArray,
    neurons: AnyArray,
    used: int,
    most: int,
) -> int:
    """Run a slice of a layer through one sample.

    Args:
        p: `Cells.values` of the slice.
        same: See `Cells`.
        weights: What reaches them, one row a presynaptic neuron; behind them a row of zeros.
        arrivals: As `incoming_rows` gives them.
        row: As `incoming_rows` gives them.
        steps: As `steps_of` gives them.
        k: Where those of the sample begin.
        end: Where they end.
        slack: See `membrane.sweep`; for the end of the sample.
        x: Room for states, ``(3, n)``.
        after: Likewise; at the end the last.
        limit: Thresholds, ``(n,)``, written.
        excess: Room, ``(n,)``.
        wanted: Whether the membranes at the end are.
        times: Spikes so far.
        neurons: Whose they are, counted within the slice.
        used: How many.
        most: Stop at so many.

    Returns:
        As `through`.
    """
    for j in range(limit.size):
        neuron.begin(p, j, after, limit)
    first, gliding = k, same and limit.size == GLIDING and p[KIND, 0] < LEAK
    while k < end and used < most:
        last = k == end - 1
        if gliding and not last:
            k = glide(p, limit, steps, row, weights, x, after, excess, k, end - 1)
            if k == end - 1:
                take(after, x)
                continue
        else:
            take(x, after)
            kick_all(p, x, weights, row[k], k - first)
            sweep(p, x, limit, steps, k, same, slack if last else 0.0, after, excess)
        before = used
        for j in range(limit.size):
            if excess[j] > 0.0:
                used = through(
                    p, j, x, limit, arrivals[k], steps[k, 0], last, wanted, times, neurons, used, most
                )
                if used == NO_ROOM:
                    return NO_ROOM
                if wanted or limit[j] < np.inf:
                    after[0, j], after[1, j], after[2, j] = x[0, j], x[1, j], x[2, j]
        if used > before and not wanted and awake(limit) == 0:
            break
        k += 1
    return used


@leaf
def take(x: AnyArray, other: AnyArray) -> None:
    """Copy states."""
    for r in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[r, j] = other[r, j]


@leaf
def awake(limit: AnyArray) -> int:
    """How many neurons can spike still."""
    n = 0
    for j in range(limit.size):
        n += limit[j] < np.inf
    return n


@leaf
def latest(times: AnyArray, cuts: AnyArray, sample: int) -> float:
    """When the last spike of a sample is, of those that are known."""
    time = 0.0
    for s in range(cuts.shape[0]):
        for e in range(cuts[s, sample], cuts[s, sample + 1]):
            time = max(time, times[e])
    return time


@leaf
def kick_all(p: AnyArray, x: AnyArray, weights: AnyArray, r: int, k: int) -> None:
    """Let row `r` of weights act on all neurons, as arrival `k` of a sample (counted from 1)."""
    kind = p[KIND, 0]
    if kind == LEAK:
        for j in range(x.shape[1]):
            x[0, j] += weights[r, j]
    elif kind == QIF:
        for j in range(x.shape[1]):
            x[2, j] += weights[r, j]
    elif kind == THETA:
        for j in range(x.shape[1]):
            x[0, j] += weights[r, j] * p[B, j] * x[1, j]
        if k % EVENTS_PER_SHRINK == 1:
            theta.shrink(x)
    else:
        for j in range(x.shape[1]):
            x[1, j] += weights[r, j]


@leaf
def sweep(
    p: AnyArray,
    x: AnyArray,
    limit: AnyArray,
    steps: AnyArray,
    k: int,
    same: bool,
    slack: float,
    after: AnyArray,
    excess: AnyArray,
) -> None:
    """Advance neurons from arrival `k` to the next as if none spiked; tell those that may.

    Args:
        p: `Cells.values`.
        x: State.
        limit: Thresholds.
        steps: As `steps_of` gives them.
        k: Which arrival.
        same: See `Cells`.
        slack: See `membrane.sweep`.
        after: State afterwards, written.
        excess: Written; above zero for those that may.
    """
    kind = p[KIND, 0]
    if kind == QIF:
        for j in range(excess.size):
            excess[j] = 1.0
    elif kind == THETA:
        theta.sweep(p, steps[k, 0], same, x, after, excess)
    else:
        membrane.sweep(p, limit, slack, steps, k, same, x, after, excess)


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
def steps_of(p: AnyArray, same: bool, starts: AnyArray, arrivals: AnyArray, until: float) -> AnyArray:
    r"""How long each arrival is followed by none, and the numbers of `membrane` for that time.

    Returns:
        Seconds, and if the rates are the same for all :math:`e^{-at}`, :math:`e^{-ct}`, :math:`K(t)`,
        :math:`E(t, a)` (0 if no neuron has a bias) and the maximum of K until then,
        ``(n_arrivals, N_SHARES)``.
    """
    steps = np.empty((arrivals.size, N_SHARES), np.float64)
    shared = same and p[KIND, 0] < THETA
    top = membrane.top(p[A, 0], p[C, 0])
    highest = membrane.shares(p[A, 0], p[C, 0], top)[2] if top < np.inf else np.inf
    biased = False
    for j in range(p.shape[1]):
        biased |= p[B, j] != 0.0
    for sample in range(starts.size - 1):
        for k in range(starts[sample], starts[sample + 1]):
            t = (arrivals[k + 1] if k + 1 < starts[sample + 1] else until) - arrivals[k]
            steps[k, 0] = t
            if shared:
                keep, left, driven = membrane.shares(p[A, 0], p[C, 0], t)
                steps[k, KEEP], steps[k, LEFT], steps[k, DRIVEN] = keep, left, driven
                steps[k, BIASED] = membrane.fading(t, p[A, 0]) if biased else 0.0
                steps[k, PEAK] = driven if t <= top else highest
    return steps


@inner
def by_sample(
    times: AnyArray, neurons: AnyArray, cuts: AnyArray, numbers: AnyArray
) -> tuple[AnyArray, AnyArray]:
    """Spikes of one slice after another as those of one sample after another, in order of time.

    Args:
        times: Spikes.
        neurons: Whose they are, counted within a slice.
        cuts: Where those of each slice and sample begin, and the end of a slice's last,
            ``(n_slices, n_samples + 1)``.
        numbers: Which neurons those of a slice are, ``(n_slices, width)``.
    """
    n: Any = cuts[-1, -1]
    ordered, whose = np.empty(n, np.float64), np.empty(n, np.int64)
    n = np.int64(0)
    for sample in range(cuts.shape[1] - 1):
        began = n
        for s in range(cuts.shape[0]):
            for e in range(cuts[s, sample], cuts[s, sample + 1]):
                ordered[n], whose[n] = times[e], numbers[s, neurons[e]]
                n += 1
        sort_spikes(ordered, whose, began, n)
    return ordered, whose

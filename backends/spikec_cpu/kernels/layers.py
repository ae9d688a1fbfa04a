"""Run populations that do not feed themselves: all that reaches them is known before.

`run_rows`: every input spike reaches all neurons at once, so the layer goes from event to event, and its
neurons side by side. `run_lists`: every neuron has events of its own, and goes through them by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import inner, kernel, membrane, theta
from spikec_cpu.kernels.order import longer, sort_by_time, sort_spikes
from spikec_cpu.lower_exact import LEAK, QIF, REST, THETA, A, B, C, Cells, Lists, Rows, Spikes

EVENTS_PER_SHRINK = 16
"""Kicks of theta neurons between two times that their pairs are brought back to length 1."""


@inner
def through(
    cells: Cells,
    j: int,
    x: AnyArray,
    limit: AnyArray,
    now: float,
    span: float,
    last: bool,
    times: AnyArray,
    neurons: AnyArray,
    used: int,
    most: int,
) -> tuple[AnyArray, AnyArray, int]:
    """Bring one neuron through an interval without arrivals, spike by spike.

    Args:
        cells: The neurons.
        j: Which one.
        x: State, changed.
        limit: Thresholds, changed.
        now: Where the interval begins, seconds.
        span: How long it is.
        last: Whether a spike at its end counts.
        times: Spikes so far.
        neurons: Whose they are.
        used: How many.
        most: Stop at so many.

    Returns:
        `times` and `neurons` (others if they had to grow), and how many spikes are in them.
    """
    while used < most:
        wait = neuron.crossing(cells, j, x, limit[j], span)
        if not (wait < span or (last and wait == span)):
            break
        neuron.advance(cells, j, x, wait, limit[j] == np.inf)
        neuron.reset(cells, j, x, limit)
        now, span = now + wait, span - wait
        if used == times.size:
            times, neurons = longer(times, neurons)
        times[used], neurons[used] = now, j
        used += 1
    neuron.advance(cells, j, x, span, limit[j] == np.inf)
    return times, neurons, used


@inner
def sweep(
    cells: Cells,
    x: AnyArray,
    limit: AnyArray,
    span: float,
    slack: float,
    after: AnyArray,
    excess: AnyArray,
) -> bool:
    """Advance a whole layer as if no neuron spiked; tell those that may by a positive excess."""
    p, kind = cells.values, cells.kind[0]
    if kind == QIF:
        for j in range(excess.size):
            excess[j] = 1.0
        return True
    if kind == THETA:
        return theta.sweep(p[A], span, cells.same, x[0], x[1], after[0], after[1], excess)
    return membrane.sweep(
        p[A], p[C], p[REST], p[B], limit, slack, span, cells.same,
        x[0], x[1], after[0], after[1], excess,
    )  # fmt: skip


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
        ends: Membranes at the end, ``(n_samples, n)``, written.
        failed: Written if a sample has more spikes: 1, the sample, the time.

    Returns:
        Spikes: times, neurons, and how many of each sample.
    """
    n_samples, n = ends.shape
    times, neurons = np.empty(1024, np.float64), np.empty(1024, np.int64)
    used: Any = np.int64(0)  # no literal, for which all that takes it would be compiled twice
    sizes = np.zeros(n_samples, np.int64)
    x, after, limit = np.zeros((3, n)), np.zeros((3, n)), np.zeros(n)
    excess = np.zeros(n)
    kind = cells.kind[0]
    for sample in range(n_samples):
        arrivals, row = incoming_rows(rows, spikes, bounds, sample, until)
        neuron.begin(cells, x, limit)
        now, k, began = 0.0, 0, used
        while True:
            last = k == arrivals.size
            stop = until if last else arrivals[k]
            if last or stop > now:
                found = used
                while found > began and times[found - 1] >= now:
                    found -= 1  # rounded to the end of the last interval: ordered with those of this moment
                some = sweep(cells, x, limit, stop - now, slack if last else 0.0, after, excess)
                for j in range(n if some else 0):
                    if excess[j] > 0.0:
                        times, neurons, used = through(
                            cells, j, x, limit, now, stop - now, last, times, neurons, used, began + most
                        )
                        after[0, j], after[1, j], after[2, j] = x[0, j], x[1, j], x[2, j]
                x, after = after, x
                sort_spikes(times, neurons, found, used)
                if used >= began + most:
                    failed[0], failed[1], failed[2] = 1.0, sample, times[used - 1]
                    return times[:used], neurons[:used], sizes
            if last:
                break
            now = stop
            while k < arrivals.size and arrivals[k] == now:
                w = rows.weights[row[k] : row[k] + n]
                if kind == LEAK:
                    for j in range(n):
                        x[0, j] += w[j]
                elif kind == THETA:
                    for j in range(n):
                        x[0, j] += w[j] * cells.values[B, j] * x[1, j]
                    if k % EVENTS_PER_SHRINK == 0:
                        theta.shrink(x[0], x[1])
                else:
                    current = x[2] if kind == QIF else x[1]
                    for j in range(n):
                        current[j] += w[j]
                k += 1
        sizes[sample] = used - began
        for j in range(n):
            ends[sample, j] = neuron.potential(cells, j, x)
    return times[:used], neurons[:used], sizes


@inner
def incoming_rows(
    rows: Rows, spikes: Spikes, bounds: AnyArray, sample: int, until: float
) -> tuple[AnyArray, AnyArray]:
    """When rows of weights arrive in one sample, and where they begin, in order of time."""
    n = 0
    for b in range(rows.pre.size):
        n += bounds[rows.pre[b], sample, 1] - bounds[rows.pre[b], sample, 0]
    times, places = np.empty(n, np.float64), np.empty(n, np.int64)
    n = 0
    for b in range(rows.pre.size):
        for e in range(bounds[rows.pre[b], sample, 0], bounds[rows.pre[b], sample, 1]):
            i = spikes.neurons[e]
            time = spikes.times[e] + rows.delays[rows.first[b] + i]
            if time <= until:
                times[n], places[n] = time, rows.begin[b] + i * rows.n_post
                n += 1
    sort_by_time(times[:n], places[:n])
    return times[:n], places[:n]


@kernel
def run_lists(
    cells: Cells,
    lists: Lists,
    spikes: Spikes,
    bounds: AnyArray,
    until: float,
    most: int,
    ends: AnyArray,
    failed: AnyArray,
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Run a layer neuron by neuron; arguments and result as in `run_rows`."""
    n_samples, n = ends.shape
    times, neurons = np.empty(1024, np.float64), np.empty(1024, np.int64)
    used: Any = np.int64(0)  # no literal, for which all that takes it would be compiled twice
    sizes = np.zeros(n_samples, np.int64)
    x, limit = np.zeros((3, n)), np.zeros(n)
    arrivals, synapses = np.empty(1024, np.float64), np.empty(1024, np.int64)
    for sample in range(n_samples):
        starts, sent = by_neuron(lists, spikes, bounds, sample)
        neuron.begin(cells, x, limit)
        began = used
        for j in range(n):
            arrivals, synapses, m = incoming_list(lists, starts, sent, j, until, arrivals, synapses)
            now = 0.0
            for k in range(m + 1):
                last = k == m
                stop = until if last else arrivals[k]
                if last or stop > now:
                    times, neurons, used = through(
                        cells, j, x, limit, now, stop - now, last, times, neurons, used, began + most
                    )
                    now = stop
                if not last:
                    neuron.kick(cells, j, x, lists.weights[synapses[k]])
            if used >= began + most:
                failed[0], failed[1], failed[2] = 1.0, sample, times[used - 1]
                return times[:used], neurons[:used], sizes
            ends[sample, j] = neuron.potential(cells, j, x)
        sort_spikes(times, neurons, began, used)
        sizes[sample] = used - began
    return times[:used], neurons[:used], sizes


@inner
def incoming_list(
    lists: Lists,
    starts: AnyArray,
    sent: AnyArray,
    j: int,
    until: float,
    arrivals: AnyArray,
    synapses: AnyArray,
) -> tuple[AnyArray, AnyArray, int]:
    """What reaches one neuron in one sample, in order of time.

    Args:
        lists: All synapses.
        starts: As `by_neuron` gives them.
        sent: As `by_neuron` gives them.
        j: The neuron.
        until: End of the sample, seconds.
        arrivals: Room for times, written.
        synapses: Room for places in `lists`, written.

    Returns:
        `arrivals` and `synapses` (others if they had to grow), and how many are in them.
    """
    m = 0
    for s in range(lists.starts[j], lists.starts[j + 1]):
        begin, end = starts[lists.pre[s]], starts[lists.pre[s] + 1]
        while m + end - begin > arrivals.size:
            arrivals, synapses = longer(arrivals, synapses)
        for e in range(begin, end):
            if sent[e] + lists.delays[s] <= until:
                arrivals[m], synapses[m] = sent[e] + lists.delays[s], s
                m += 1
    sort_by_time(arrivals[:m], synapses[:m])
    return arrivals, synapses, m


@inner
def by_neuron(lists: Lists, spikes: Spikes, bounds: AnyArray, sample: int) -> tuple[AnyArray, AnyArray]:
    """The spikes of all presynaptic neurons in one sample, one neuron's after another's.

    Returns:
        Where each neuron's begin, one more than there are neurons; the times.
    """
    starts = np.zeros(lists.n_pre + 1, np.int64)
    for b in range(lists.sources.size):
        for e in range(bounds[lists.sources[b], sample, 0], bounds[lists.sources[b], sample, 1]):
            starts[lists.firsts[b] + spikes.neurons[e] + 1] += 1
    for i in range(lists.n_pre):
        starts[i + 1] += starts[i]
    times, fill = np.empty(starts[-1], np.float64), np.empty(lists.n_pre, np.int64)
    for i in range(lists.n_pre):
        fill[i] = starts[i]
    for b in range(lists.sources.size):
        for e in range(bounds[lists.sources[b], sample, 0], bounds[lists.sources[b], sample, 1]):
            i = lists.firsts[b] + spikes.neurons[e]
            times[fill[i]] = spikes.times[e]
            fill[i] += 1
    return starts, times

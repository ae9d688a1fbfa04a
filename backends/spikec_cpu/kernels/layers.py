"""Run populations that do not feed themselves and whose neurons have events of their own, one by one."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import inner, kernel, leaf
from spikec_cpu.kernels.order import longer, sort_by_time, sort_spikes
from spikec_cpu.lower_cells import ONCE, Cells
from spikec_cpu.lower_exact import Lists, Spikes

NO_ROOM = cast(int, np.int64(-1))
"""What kernels say if an array is too short for their spikes; call them again with a longer one."""


@leaf
def through(
    p: AnyArray,
    j: int,
    x: AnyArray,
    limit: AnyArray,
    now: float,
    span: float,
    last: bool,
    wanted: bool,
    times: AnyArray,
    neurons: AnyArray,
    used: int,
    most: int,
) -> int:
    """Bring one neuron through an interval without arrivals, spike by spike.

    Args:
        p: `Cells.values`.
        j: Which one.
        x: State, changed.
        limit: Thresholds, changed.
        now: Where the interval begins, seconds.
        span: How long it is.
        last: Whether a spike at its end counts.
        wanted: Whether the state is, even of a neuron that spikes no more.
        times: Spikes so far.
        neurons: Whose they are.
        used: How many.
        most: Stop at so many.

    Returns:
        How many spikes there are now; `NO_ROOM` if `times` is too short for them.
    """
    while used < most:
        wait = neuron.crossing(p, j, x, limit[j], span)
        if not (wait < span or (last and wait == span)):
            break
        if used == times.size:
            return NO_ROOM
        times[used], neurons[used] = now + wait, j
        used += 1
        if p[ONCE, j] != 0.0 and not wanted:
            limit[j] = np.inf
            break
        neuron.advance(p, j, x, wait, limit[j] == np.inf)
        neuron.reset(p, j, x, limit)
        now, span = now + wait, span - wait
    if wanted or limit[j] < np.inf:
        neuron.advance(p, j, x, span, limit[j] == np.inf)
    return used


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
    """Run a layer neuron by neuron; arguments and result as in `run_rows` of `slices`."""
    p, weights = cells.values, lists.weights
    n_samples, n = bounds.shape[1], p.shape[1]
    wanted = ends.shape[1] > 0
    times, neurons = np.empty(1024, np.float64), np.empty(1024, np.int64)
    used: Any = np.int64(0)  # no literal, for which all that takes it would be compiled twice
    sizes = np.zeros(n_samples, np.int64)
    x, limit = np.zeros((3, n)), np.zeros(n)
    arrivals, synapses = np.empty(1024, np.float64), np.empty(1024, np.int64)
    for sample in range(n_samples):
        starts, sent = by_neuron(lists, spikes, bounds, sample)
        began = used
        for j in range(n):
            arrivals, synapses, m = incoming_list(lists, starts, sent, j, until, arrivals, synapses)
            before, used = used, NO_ROOM
            while used == NO_ROOM:
                used = run_neuron(
                    p, j, arrivals, synapses, m, weights, until, x, limit, wanted, times, neurons, before,
                    began + most,
                )  # fmt: skip
                if used == NO_ROOM:
                    times, neurons = longer(times, neurons)
            if used >= began + most:
                failed[0], failed[1], failed[2] = 1.0, sample, times[used - 1]
                return times[:used], neurons[:used], sizes
            if wanted:
                ends[sample, j] = neuron.potential(p, j, x)
        sort_spikes(times, neurons, began, used)
        sizes[sample] = used - began
    return times[:used], neurons[:used], sizes


@leaf
def run_neuron(
    p: AnyArray,
    j: int,
    arrivals: AnyArray,
    synapses: AnyArray,
    m: int,
    weights: AnyArray,
    until: float,
    x: AnyArray,
    limit: AnyArray,
    wanted: bool,
    times: AnyArray,
    neurons: AnyArray,
    used: int,
    most: int,
) -> int:
    """Run one neuron through one sample.

    Args:
        p: `Cells.values`.
        j: Which one.
        arrivals: What reaches it, as `incoming_list` gives it.
        synapses: Likewise.
        m: How many.
        weights: Of all synapses.
        until: End of the sample, seconds.
        x: States, of which its own is written.
        limit: Thresholds, likewise.
        wanted: As in `through`, as the others.
        times: Spikes so far.
        neurons: Whose they are.
        used: How many.
        most: Stop at so many.

    Returns:
        As `through`.
    """
    neuron.begin(p, j, x, limit)
    now = 0.0
    for k in range(m + 1):
        last = k == m
        if limit[j] == np.inf and not wanted:
            break
        stop = until if last else arrivals[k]
        if last or stop > now:
            used = through(p, j, x, limit, now, stop - now, last, wanted, times, neurons, used, most)
            if used == NO_ROOM:
                return NO_ROOM
            now = stop
        if not last:
            neuron.kick(p, j, x, weights[synapses[k]])
    return used


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

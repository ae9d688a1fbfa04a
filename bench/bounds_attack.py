"""Inputs that push a neuron far, where one hidden layer and all inputs spike once: by simulated annealing.

One input at a time moves its spike to another tick, or to none. What all hidden neurons' membranes and the
neuron then are is known at once (`spikec.ir.one_layer`), so a second tries tens of thousands of moves. Those
that push the neuron further stay, others with a chance that falls to nothing. Rounding is left out here:
`bench/bounds.py` counts what the integers do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from spikec.arrays import FloatArray, IntArray
from spikec.ir.bounds import once_spiking
from spikec.ir.earliest import earliest_spikes
from spikec.ir.network import Network, Population
from spikec.ir.neurons import Source
from spikec.ir.one_layer import OneLayer, Synapses, pushed_course

HOT = 0.01
"""What a move may lose in the beginning, as a share of the bound."""


def anneal(
    layer: OneLayer,
    population: Population,
    neuron: int,
    sign: int,
    membrane: bool,
    bound: float,
    n_moves: int,
    rng: np.random.Generator,
) -> dict[str, IntArray]:
    """The tick in which each neuron of each input spikes, `layer.n_ticks` for never.

    Args:
        layer: What leads to the population.
        population: Where the neuron is.
        neuron: Its number.
        sign: Which way to push it.
        membrane: Whether the membrane is pushed, not the current.
        bound: What is proven of it.
        n_moves: How many moves to try.
        rng: Where chance comes from.
    """
    n_inputs, n_ticks = sum(layer.inputs.values()), layer.n_ticks
    kernel, drift = pushed_course(population, neuron, n_ticks, membrane)
    pushes = layer.pushes.into(neuron)
    best = _anneal(
        rng.integers(0, n_ticks + 1, n_inputs),
        _by_pre(layer.excites.where(np.isin(layer.excites.post, pushes.pre)), n_inputs, 1),
        _by_pre(layer.direct.into(neuron), n_inputs, sign),
        _by_pre(pushes, len(layer.kernels), sign),
        layer.kernels,
        layer.drift.copy(),
        layer.thresholds,
        kernel,
        sign * drift,
        n_moves,
        HOT * bound,
        rng,
    )
    return dict(zip(layer.inputs, np.split(best, np.cumsum(list(layer.inputs.values()))[:-1]), strict=True))


def freed(
    network: Network, layer: OneLayer, p: Population, neuron: int, sign: int, membrane: bool
) -> tuple[Network, dict[str, IntArray]]:
    """The network with its hidden neurons as inputs, and when all spike to push a neuron far by the end.

    None does before it can in the network. Arguments are those of `anneal`.
    """
    n_ticks, n_cells = layer.n_ticks, len(layer.kernels)
    kernel, _ = pushed_course(p, neuron, n_ticks, membrane)
    earliest = earliest_spikes(network, n_ticks, once_spiking(network, n_ticks))
    names = [*layer.cells, *layer.inputs]
    first = np.concatenate([earliest[name] for name in names])
    worth = np.zeros((first.size, n_ticks + 1))  # of a spike in each tick, and of none
    for s, start in ((layer.pushes.into(neuron), 0), (layer.direct.into(neuron), n_cells)):
        since = n_ticks - 2 - s.delay[:, None] - np.arange(n_ticks)
        left = np.where(since >= 0, kernel[np.maximum(since, 0)], 0.0)
        np.add.at(worth[:, :-1], s.pre + start, sign * s.weight[:, None] * left)
    worth[:, :-1][np.arange(n_ticks) < first[:, None]] = -np.inf
    cuts = np.cumsum([network.population(name).n for name in names])[:-1]
    source = Source(one_spike=True)
    loose = replace(
        network,
        populations=tuple(
            replace(g, neuron=source) if g.name in layer.cells else g for g in network.populations
        ),
        projections=tuple(q for q in network.projections if q.post not in layer.cells),
        inputs=(*network.inputs, *layer.cells),
    )
    return loose, dict(zip(names, np.split(worth.argmax(axis=1), cuts), strict=True))


def _by_pre(s: Synapses, n_pre: int, sign: int) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Where each presynaptic neuron's synapses begin, and their ends, weights and delays."""
    return np.searchsorted(s.pre, np.arange(n_pre + 1)), s.post, sign * s.weight, s.delay


@njit(cache=True)
def _anneal(ticks, excites, direct, pushes, kernels, v, thresholds, kernel, pushed, n_moves, hot, rng):
    """The best ticks of all that were tried; `v` and `pushed` begin with what biases add."""
    n_cells, n_ticks = v.shape
    begins, post, weight, delay = excites
    spiked, spiking = np.full(n_cells, n_ticks), np.full(n_cells, n_ticks)
    for i in range(ticks.size):
        for s in range(begins[i], begins[i + 1]):
            _arrive(v[post[s]], kernels[post[s]], weight[s], ticks[i] + 1 + delay[s])
        _push(pushed, kernel, direct, i, ticks[i], 1.0)
    for j in range(n_cells):
        spiked[j] = spiking[j] = _crossing(v[j], thresholds[j])
        _push(pushed, kernel, pushes, j, spiked[j], 1.0)
    now = far = pushed.max()
    best, tried, tried_v = ticks.copy(), pushed.copy(), v.copy()
    for move in range(n_moves):
        i = rng.integers(0, ticks.size)
        old, new = ticks[i], _moved(ticks[i], n_ticks, rng)
        if new == old:
            continue
        own = slice(begins[i], begins[i + 1])
        tried[:] = pushed
        _push(tried, kernel, direct, i, old, -1.0)
        _push(tried, kernel, direct, i, new, 1.0)
        for j in post[own]:
            tried_v[j] = v[j]
        for s in range(begins[i], begins[i + 1]):
            _arrive(tried_v[post[s]], kernels[post[s]], -weight[s], old + 1 + delay[s])
            _arrive(tried_v[post[s]], kernels[post[s]], weight[s], new + 1 + delay[s])
        for j in post[own]:
            tick = _crossing(tried_v[j], thresholds[j])
            if tick != spiking[j]:
                _push(tried, kernel, pushes, j, spiking[j], -1.0)
                _push(tried, kernel, pushes, j, tick, 1.0)
                spiking[j] = tick
        reach, warmth = tried.max(), hot * (1 - move / n_moves) ** 2
        if reach >= now or rng.random() < np.exp((reach - now) / warmth):
            now, ticks[i] = reach, new
            pushed[:] = tried
            for j in post[own]:
                v[j], spiked[j] = tried_v[j], spiking[j]
            if now > far:
                far = now
                best[:] = ticks
        else:
            for j in post[own]:
                spiking[j] = spiked[j]
    return best


@njit(cache=True)
def _moved(tick, n_ticks, rng):
    """A third of the moves go anywhere, a sixth to never, the others not far."""
    kind = rng.random()
    if kind < 1 / 3:
        return rng.integers(0, n_ticks)
    if kind < 1 / 2:
        return n_ticks
    most = max(n_ticks // 12, 2)
    return min(max(tick + rng.integers(-most, most + 1), 0), n_ticks)


@njit(cache=True)
def _arrive(course, kernel, weight, tick):
    """Add what an arrival in some tick leaves."""
    for t in range(tick, course.size):
        course[t] += weight * kernel[t - tick]


@njit(cache=True)
def _push(pushed, kernel, synapses, i, tick, sign):
    """Add, or with -1 take off, what one neuron's spike leaves in the neuron that is pushed."""
    begins, _, weight, delay = synapses
    if tick < pushed.size:
        for s in range(begins[i], begins[i + 1]):
            _arrive(pushed, kernel, sign * weight[s], tick + 1 + delay[s])


@njit(cache=True)
def _crossing(v, threshold):
    """The first tick above the threshold; the number of ticks for none."""
    for t in range(v.size):
        if v[t] > threshold:
            return t
    return v.size

"""Inputs that steer a neuron far, where one hidden layer and all inputs spike once: by smoothed gradients.

When each input spikes is a real number here, and whether a hidden neuron has spiked by a tick is no step but
a sigmoid of the highest its membrane has been, which becomes steeper round by round. What a neuron then gets
from all hidden neurons has a gradient in the inputs' times. `bench/bounds.py` counts what the integers do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.bounds import once_spiking
from spikec.ir.fan_in import alike, bias_of, unit_of
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.kernels import current_kernel, membrane_kernel
from spikec.ir.network import Network, Population, Projection

ROUNDS = 120
STEEPNESS = (0.5, 0.005)
"""Width of the sigmoids in the first and the last round, as a share of the most excitation."""


@dataclass(frozen=True, eq=False)
class Attack:
    """One neuron, and what leads to it.

    Attributes:
        inputs: Names of the inputs, each with its number of neurons.
        ways: For each hidden population and delay the inputs' weights, ``(n_hidden, n_inputs)``.
        hidden: For each hidden population its kernel, biases and thresholds.
        pushes: For each hidden population its weights to the neuron, and their delays, each ``(n_hidden,)``.
        direct: The inputs' own weights to the neuron, and their delays.
        kernel: What is left of an arrival in what is pushed, after 0, 1, ... ticks.
    """

    inputs: dict[str, int]
    ways: dict[str, list[tuple[int, FloatArray]]]
    hidden: dict[str, tuple[FloatArray, FloatArray, FloatArray]]
    pushes: dict[str, tuple[FloatArray, IntArray]]
    direct: tuple[FloatArray, IntArray]
    kernel: FloatArray

    @property
    def n_ticks(self) -> int:
        return self.kernel.size - 1


def attack_of(
    network: Network, p: Population, neuron: int, sign: int, membrane: bool, n_ticks: int
) -> Attack | None:
    """What an attack on a current or membrane needs to know; None if the network has another form."""
    once = once_spiking(network, n_ticks)
    inputs = {name: network.population(name).n for name in network.inputs}
    starts = dict(zip(inputs, np.cumsum([0, *inputs.values()]), strict=False))
    n_inputs = sum(inputs.values())
    incoming = [q for q in network.incoming(p.name) if q.pre != p.name]
    names = list(dict.fromkeys(q.pre for q in incoming if q.pre not in inputs))
    if not all(name in once for name in (*names, *inputs)):
        return None
    direct = np.zeros(n_inputs), np.zeros(n_inputs, np.int64)
    pushes = {name: (np.zeros(network.population(name).n), np.zeros(0, np.int64)) for name in names}
    ways: dict[str, list[tuple[int, FloatArray]]] = {name: [] for name in names}
    hidden = {}
    for q in incoming:
        weights, delays = _to_one(q, neuron)
        if q.pre in inputs:
            at = slice(starts[q.pre], starts[q.pre] + inputs[q.pre])
            direct[0][at], direct[1][at] = sign * weights, delays
        else:
            pushes[q.pre] = (sign * weights, delays)
    for name in names:
        group = network.population(name)
        kinds = list(alike(group))
        if len(kinds) > 1 or not isinstance(group.neuron, CubaFixed):
            return None
        _, r, b = kinds[0]
        hidden[name] = (
            membrane_kernel(r, b, n_ticks).left,
            np.cumsum(b ** np.arange(float(n_ticks)))[:, None] * bias_of(group),
            np.broadcast_to(np.asarray(group.neuron.vth) * 64.0, (group.n,)),
        )
        for q in network.incoming(name):
            if q.pre in inputs:
                ways[name] += _by_delay(q, starts[q.pre], n_inputs)
            elif q.pre != name:
                return None
    _, r, b = next(kind for kind in alike(p) if neuron in kind[0])
    kernel = membrane_kernel(r, b, n_ticks) if membrane else current_kernel(r, n_ticks)
    return Attack(inputs, ways, hidden, pushes, direct, kernel.left)


def steer(attack: Attack, rng: np.random.Generator, latest: float) -> dict[str, IntArray]:
    """The tick in which each neuron of each input spikes; the number of ticks for never.

    Args:
        attack: What is attacked.
        rng: Where chance comes from.
        latest: Inputs begin somewhere in this part of the sample.
    """
    n_ticks = attack.n_ticks
    times = rng.uniform(0, latest * n_ticks, sum(attack.inputs.values()))
    speed = np.zeros_like(times)
    for k in range(ROUNDS):
        width = STEEPNESS[0] * (STEEPNESS[1] / STEEPNESS[0]) ** (k / ROUNDS)
        slope = _slope(attack, times, width)
        size = np.mean(np.abs(slope))
        speed = 0.8 * speed + 0.2 * np.clip(slope / (size if size > 0 else 1.0), -3, 3)
        times = np.clip(times + 1.8 * speed * (1 - k / ROUNDS), 0, n_ticks)
    whole = np.rint(times).astype(np.int64)
    cuts = np.cumsum(list(attack.inputs.values()))[:-1]
    return dict(zip(attack.inputs, np.split(whole, cuts), strict=True))


def _slope(attack: Attack, times: FloatArray, width: float) -> FloatArray:
    """By how much the push grows as inputs come later, at the tick in which it is largest."""
    n_ticks = attack.n_ticks
    ticks = np.arange(n_ticks)[:, None]
    steps = np.diff(attack.kernel, prepend=0.0)
    weights, delays = attack.direct
    pushed = _course(attack.kernel, ticks - 1 - delays - times) @ weights
    spiked = {}
    for name, (kernel, bias, threshold) in attack.hidden.items():
        v = bias + sum(_course(kernel, ticks - 1 - d - times) @ w.T for d, w in attack.ways[name])
        highest = np.maximum.accumulate(v, axis=0)
        when = np.maximum.accumulate(np.where(v >= highest, ticks, 0), axis=0)
        scale = width * np.mean(sum(np.abs(w).sum(axis=1) for _, w in attack.ways[name])) * kernel[4]
        p = 1 / (1 + np.exp(-np.clip((highest - threshold) / scale, -30, 30)))
        spiked[name] = (p, p * (1 - p) / scale, when)
        pushed = pushed + _pushed(p, attack.pushes[name], steps)
    best = int(np.argmax(pushed))
    moved = _moved(attack.kernel, best - 1 - delays - times) * weights
    for name, (_, steep, when) in spiked.items():
        weights, delays = attack.pushes[name]
        since = best - 1 - delays - ticks
        gain = steep * weights * np.where(since >= 0, steps[np.maximum(since, 0)], 0.0)
        n = weights.size
        at = (when * n + np.arange(n)).ravel()
        into = np.bincount(at, gain.ravel(), n_ticks * n).reshape(n_ticks, n)
        kernel = attack.hidden[name][0]
        for d, w in attack.ways[name]:
            moved = moved + np.sum(_moved(kernel, ticks - 1 - d - times) * (into @ w), axis=0)
    return -moved


def _pushed(p: FloatArray, push: tuple[FloatArray, IntArray], steps: FloatArray) -> FloatArray:
    """What hidden neurons that have spiked by each tick leave in the neuron, tick by tick."""
    weights, delays = push
    total = np.zeros(len(p))
    for d in np.unique(delays):
        arrived = p[:, delays == d] @ weights[delays == d]
        total[1 + d :] += np.convolve(arrived, steps)[: max(len(p) - 1 - d, 0)]
    return total


def _course(kernel: FloatArray, since: FloatArray) -> FloatArray:
    """What is left of an arrival some real number of ticks ago; it fades in within the tick before."""
    return np.interp(since, np.arange(-1.0, kernel.size), np.concatenate([[0.0], kernel]), left=0.0)


def _moved(kernel: FloatArray, since: FloatArray) -> FloatArray:
    """The slope of `_course`."""
    rises = np.diff(np.concatenate([[0.0], kernel]))
    at = np.floor(since).astype(np.int64) + 1
    return np.where((at >= 0) & (at < rises.size), rises[np.clip(at, 0, rises.size - 1)], 0.0)


def _to_one(q: Projection, neuron: int) -> tuple[FloatArray, IntArray]:
    """Weights and delays of the synapses that lead to one neuron, each ``(n_pre,)``."""
    pre, post = q.connectivity.synapses()
    own = post == neuron
    weights, delays = np.zeros(q.connectivity.n_pre), np.zeros(q.connectivity.n_pre, np.int64)
    weights[pre[own]] = q.connectivity.stored()[own] * unit_of(q)
    delays[pre[own]] = q.delays.per_synapse(q.connectivity)[own]
    return weights, delays


def _by_delay(q: Projection, start: int, n_inputs: int) -> list[tuple[int, FloatArray]]:
    pre, post = q.connectivity.synapses()
    delay = q.delays.per_synapse(q.connectivity)
    found = []
    for d in np.unique(delay):
        matrix = np.zeros((q.connectivity.n_post, n_inputs))
        some = delay == d
        matrix[post[some], start + pre[some]] = q.connectivity.stored()[some] * unit_of(q)
        found.append((int(d), matrix))
    return found

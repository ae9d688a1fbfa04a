"""The float-tick dialect: what a clock-driven framework computes, once a tick, in float64.

Order within tick k: populations in the order in which spikes flow, those of a cycle in network order; each
takes what arrives in k, updates, and spikes; its spikes arrive ``hop_delay`` ticks later, or
``recurrent_delay`` where a projection leads back, if that is later. With a ``spike_delay``, all spikes that
membranes crossed for in k - 1 leave at the beginning of k. Delays in seconds are rounded to ticks and come on
top. How a neuron updates, and how many spikes there are in a tick, is up to the clock's `Convention`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.errors import UsageError
from spikec.ir.conventions import Comparison, Reset, ResetTime
from spikec.ir.discrete import tick_of
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import QifExp, Theta
from spikec.reference.quadratic import Jumps, quadratic_neurons

MOST_SPIKES = 1 << 16
"""Spikes of one neuron in one tick; more are an explosion."""


def run_ticks(
    network: Network, inputs: Mapping[str, BoolArray], n_samples: int, n_ticks: int
) -> tuple[dict[str, IntArray], dict[str, FloatArray]]:
    """Run a float-tick network from rest.

    Args:
        network: In the float-tick dialect.
        inputs: For each source its spikes, ``(n_samples, n_ticks, n)``.
        n_samples: Samples.
        n_ticks: Ticks.

    Returns:
        For each population how often it spiked and (but for sources) its membrane after every tick, both
        ``(n_samples, n_ticks, n)``.
    """
    assert isinstance(network.clock, Ticks)
    spikes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.int64) for p in network.populations}
    order = [name for component in network.components() for name in component]
    neurons = {
        name: _neurons(network.population(name), network.clock, n_samples)
        for name in order
        if not network.population(name).is_source
    }
    membranes = {name: np.zeros((n_samples, n_ticks, network.population(name).n)) for name in neurons}
    crossed = {name: np.zeros((n_samples, network.population(name).n), np.int64) for name in neurons}
    late = network.clock.convention.spike_delay
    synapses = [_Synapses(q, network.clock, n_samples, network.leads_back(q)) for q in network.projections]

    def leave(name: str, spiking: IntArray, tick: int) -> None:
        spikes[name][:, tick] = spiking
        for s in synapses:
            if s.pre == name:
                s.send(spiking, tick)

    for tick in range(n_ticks):
        for name in neurons if late else ():
            leave(name, crossed[name], tick)
        for name in order:
            if name in inputs:
                leave(name, inputs[name][:, tick].astype(np.int64), tick)
                continue
            arriving = sum((s.arriving(tick) for s in synapses if s.post == name), start=np.zeros(()))
            crossed[name] = neurons[name].update(np.asarray(arriving))
            membranes[name][:, tick] = neurons[name].v
            if not late:
                leave(name, crossed[name], tick)
    return spikes, membranes


def _neurons(population: Population, clock: Ticks, n_samples: int) -> _Neurons | _Quadratic:
    quadratic = isinstance(population.neuron, Theta | QifExp)
    return (_Quadratic if quadratic else _Neurons)(population, clock, n_samples)


class _Quadratic:
    """`Theta` or `QifExp` neurons: what arrives in a tick acts at its beginning, and then they run freely."""

    def __init__(self, population: Population, clock: Ticks, n_samples: int) -> None:
        self.dt, self.n = clock.dt, population.n
        self.samples = [quadratic_neurons(population) for _ in range(n_samples)]

    @property
    def v(self) -> FloatArray:
        """Membranes, ``(n_samples, n)``."""
        return np.array([k.v for k in self.samples]).reshape(-1, self.n)

    def update(self, x: FloatArray) -> IntArray:
        """Advance one tick with the weighted input `x`, and tell who spikes."""
        spiking = np.zeros((len(self.samples), self.n), np.int64)
        everybody = np.arange(self.n)
        for s, (k, weights) in enumerate(zip(self.samples, np.broadcast_to(x, spiking.shape), strict=True)):
            k.receive(Jumps(everybody, weights))
            end = k.t[0] + self.dt if self.n else 0.0
            while np.any(np.isfinite(times := k.crossings(everybody, end, inclusive=False))):
                j = np.flatnonzero(np.isfinite(times))
                spiking[s, [i for i, _ in k.fire(j, times[j])]] = 1
            k.advance(everybody, end)
        return spiking


class _Neurons:
    """State and update of one population, all samples at once."""

    def __init__(self, population: Population, clock: Ticks, n_samples: int) -> None:
        self.name, self.habits = population.name, clock.convention
        self.tick = tick_of(population.neuron, clock.dt, clock.convention)
        self.u = np.zeros((n_samples, population.n))
        self.v = self.u + self.tick.v_leak
        self.last = np.zeros(self.u.shape, np.int64)
        self.silenced = np.zeros(self.u.shape, np.bool_)

    def update(self, x: FloatArray) -> IntArray:
        """Advance one tick with the weighted input `x`, and tell who spikes how often."""
        k, habits = self.tick, self.habits
        subtract = habits.reset is Reset.SUBTRACT
        taken = self.last * np.where(np.isfinite(k.threshold), k.threshold, 0.0)
        if habits.reset_time is ResetTime.NEXT and not subtract:
            self.v = np.where(self.last > 0, k.v_reset, self.v)
        self.u = k.alpha * self.u + k.current_bias + k.gain * x
        self.v = k.v_leak + k.beta * (self.v - k.v_leak) + self.u + k.bias
        if habits.reset_time is ResetTime.NEXT and subtract:
            self.v = self.v - taken
        if habits.clamp is not None:
            lowest = np.where(np.isfinite(k.threshold), habits.clamp * k.threshold, -np.inf)
            self.v = np.maximum(self.v, lowest)
        self.last = self.spikes()
        if habits.reset_time is ResetTime.NOW:
            left = self.v - np.where(self.last > 0, self.last * k.threshold, 0.0) if subtract else k.v_reset
            self.v = np.where(self.last > 0, left, self.v)
        spiking = np.where(self.silenced, 0, np.minimum(self.last, 1) if k.one_spike else self.last)
        if k.one_spike:
            self.silenced |= spiking > 0
        return spiking

    def spikes(self) -> IntArray:
        """How often each membrane spikes where it is."""
        threshold, v = self.tick.threshold, self.v
        reach = self.habits.comparison is Comparison.REACH
        crossed = v >= threshold if reach else v > threshold
        if not self.habits.multi_spike:
            return crossed.astype(np.int64)
        can = crossed & (threshold > 0)
        held = np.where(can, v, 0.0) / np.where(can, threshold, 1.0)
        times = np.floor(held) if reach else np.ceil(held) - 1
        if np.max(times, initial=0) > MOST_SPIKES:
            raise UsageError(
                f"population {self.name} would spike {np.max(times):.3g} times in one tick, and "
                f"{MOST_SPIKES} are allowed; read the network with multi_spike=no, or with the "
                "convention it was trained with"
            )
        return np.where(can, np.maximum(times, 1), crossed).astype(np.int64)


class _Synapses:
    """The synapses of one projection and what is on its way in them, a ring of ticks."""

    def __init__(self, q: Projection, clock: Ticks, n_samples: int, leads_back: bool) -> None:
        self.pre, self.post = q.pre, q.post
        matrix = np.asarray(q.connectivity.dense_matrix(), np.float64)
        ticks = np.full(matrix.shape, clock.convention.hop(leads_back))
        pre, post = q.connectivity.synapses()
        delays = q.delays.per_synapse(q.connectivity)
        ticks[post, pre] += delays if q.delays.in_ticks else np.rint(delays / clock.dt).astype(np.int64)
        self.by_delay = [(int(d), np.where(ticks == d, matrix, 0.0)) for d in np.unique(ticks)]
        self.ring = np.zeros((int(ticks.max(initial=0)) + 1, n_samples, matrix.shape[0]))

    def arriving(self, tick: int) -> FloatArray:
        """Take what arrives in this tick."""
        slot = tick % len(self.ring)
        arriving: FloatArray = self.ring[slot].copy()
        self.ring[slot] = 0.0
        return arriving

    def send(self, spiking: IntArray, tick: int) -> None:
        """Take the spikes of this tick."""
        for d, weights in self.by_delay:
            self.ring[(tick + d) % len(self.ring)] += spiking.astype(np.float64) @ weights.T

"""The float-tick dialect: what a clock-driven framework computes, once a tick, in float64.

Order within tick k: populations in the order in which spikes flow; each takes what arrives in k, updates, and
spikes; its spikes arrive ``hop_delay`` ticks later, but at least one tick later where a projection closes a
cycle. Delays in seconds are rounded to ticks and come on top.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.ir.discrete import tick_of
from spikec.ir.network import Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import QifExp, Theta
from spikec.reference.quadratic import Jumps, quadratic_neurons


def run_ticks(
    network: Network, inputs: Mapping[str, BoolArray], n_samples: int, n_ticks: int
) -> tuple[dict[str, BoolArray], dict[str, FloatArray]]:
    """Run a float-tick network from rest.

    Args:
        network: In the float-tick dialect.
        inputs: For each source its spikes, ``(n_samples, n_ticks, n)``.
        n_samples: Samples.
        n_ticks: Ticks.

    Returns:
        For each population its spikes and (but for sources) its membrane after every tick, both
        ``(n_samples, n_ticks, n)``.
    """
    assert isinstance(network.clock, Ticks)
    spikes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.bool_) for p in network.populations}
    order = [(name, component) for component in network.components() for name in component]
    neurons = {
        name: _neurons(network.population(name), network.clock, n_samples)
        for name, _ in order
        if not network.population(name).is_source
    }
    membranes = {name: np.zeros((n_samples, n_ticks, network.population(name).n)) for name in neurons}
    within = {name: component for name, component in order}
    synapses = [_Synapses(q, network.clock, n_samples, q.post in within[q.pre]) for q in network.projections]
    for tick in range(n_ticks):
        for name, _ in order:
            if name in inputs:
                spikes[name][:, tick] = inputs[name][:, tick]
            else:
                arriving = sum((s.arriving(tick) for s in synapses if s.post == name), start=np.zeros(()))
                spikes[name][:, tick] = neurons[name].update(np.asarray(arriving))
                membranes[name][:, tick] = neurons[name].v
            for s in synapses:
                if s.pre == name:
                    s.send(spikes[name][:, tick], tick)
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

    def update(self, x: FloatArray) -> BoolArray:
        """Advance one tick with the weighted input `x`, and tell who spikes."""
        spiking = np.zeros((len(self.samples), self.n), np.bool_)
        everybody = np.arange(self.n)
        for s, (k, weights) in enumerate(zip(self.samples, np.broadcast_to(x, spiking.shape), strict=True)):
            k.receive(Jumps(everybody, weights))
            end = k.t[0] + self.dt if self.n else 0.0
            while np.any(np.isfinite(times := k.crossings(everybody, end, inclusive=False))):
                j = np.flatnonzero(np.isfinite(times))
                spiking[s, [i for i, _ in k.fire(j, times[j])]] = True
            k.advance(everybody, end)
        return spiking


class _Neurons:
    """State and update of one population, all samples at once."""

    def __init__(self, population: Population, clock: Ticks, n_samples: int) -> None:
        self.tick = tick_of(population.neuron, clock.dt, clock.convention)
        self.subtract = clock.convention.reset is Reset.SUBTRACT
        self.u = np.zeros((n_samples, population.n))
        self.v = self.u + self.tick.v_leak
        self.silenced = np.zeros(self.u.shape, np.bool_)

    def update(self, x: FloatArray) -> BoolArray:
        """Advance one tick with the weighted input `x`, and tell who spikes."""
        k = self.tick
        self.u = k.alpha * self.u + k.current_bias + k.gain * x
        self.v = k.v_leak + k.beta * (self.v - k.v_leak) + self.u + k.bias
        above: BoolArray = self.v > k.threshold
        self.v = np.where(above, self.v - k.threshold if self.subtract else k.v_reset, self.v)
        spiking: BoolArray = above & ~self.silenced
        if k.one_spike:
            self.silenced |= spiking
        return spiking


class _Synapses:
    """The synapses of one projection and what is on its way in them, a ring of ticks."""

    def __init__(self, q: Projection, clock: Ticks, n_samples: int, closes_cycle: bool) -> None:
        self.pre, self.post = q.pre, q.post
        matrix = np.asarray(q.connectivity.dense_matrix(), np.float64)
        hop = max(clock.convention.hop_delay, int(closes_cycle))
        ticks = np.full(matrix.shape, hop)
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

    def send(self, spiking: BoolArray, tick: int) -> None:
        """Take the spikes of this tick."""
        for d, weights in self.by_delay:
            self.ring[(tick + d) % len(self.ring)] += spiking.astype(np.float64) @ weights.T

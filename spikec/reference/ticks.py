"""The float-tick dialect: what a clock-driven framework computes, once a tick, in float64 or float32.

Order within tick k: populations in the order in which spikes flow, those of a cycle in network order; each
takes what arrives in k, updates, and spikes; its spikes arrive ``hop_delay`` ticks later, or
``recurrent_delay`` where a projection leads back, if that is later. With a ``spike_delay``, all spikes that
membranes crossed for in k - 1 leave at the beginning of k. Delays in seconds are rounded to ticks and come on
top. How a neuron updates, and how many spikes there are in a tick, is up to the clock's `Convention`.

Order of a sum, on which its last bits depend: what arrives at a neuron in a tick is added up for each
projection by itself, beginning at zero, what left in earlier ticks first, and of one tick by presynaptic
neuron; a neuron that spiked several times adds its weight times their number. Of a rule, whose synapses
have one weight, arrivals are counted, and the weight is multiplied with their number. Then the sums of the
projections are added in the network's order. In float32 weights, coefficients and states are rounded to it,
and so is every result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.errors import storm, unbounded_membrane
from spikec.ir.connectivity import FixedDegree
from spikec.ir.conventions import Comparison, Reset, ResetTime
from spikec.ir.discrete import MOST_SPIKES, Tick, tick_of
from spikec.ir.iaf import IAF
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import QifExp, Theta
from spikec.reference.iaf import Iaf
from spikec.reference.quadratic import Jumps, quadratic_neurons


def run_ticks(
    network: Network,
    inputs: Mapping[str, IntArray | BoolArray],
    n_samples: int,
    n_ticks: int,
    precision: int = 64,
    first_sample: int = 0,
) -> tuple[dict[str, IntArray], dict[str, FloatArray]]:
    """Run a float-tick network from rest.

    Args:
        network: In the float-tick dialect.
        inputs: For each source how often it spikes, ``(n_samples, n_ticks, n)``.
        n_samples: Samples.
        n_ticks: Ticks.
        precision: Bits of a real number, 64 or 32; `Theta` and `QifExp` compute in 64.
        first_sample: Number of the first sample, on which the spikes of a `PoissonDrive` depend.

    Returns:
        For each population how often it spiked and (but for sources) its membrane after every tick, both
        ``(n_samples, n_ticks, n)``.

    Raises:
        UsageError: A membrane is no finite number any more, or a neuron spikes too often in a tick.
    """
    assert isinstance(network.clock, Ticks)
    real = np.dtype(f"f{precision // 8}")
    spikes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.int64) for p in network.populations}
    order = [name for component in network.components() for name in component]
    neurons = {
        name: _neurons(network, network.population(name), n_samples, real, first_sample)
        for name in order
        if not network.population(name).is_source
    }
    membranes = {name: np.zeros((n_samples, n_ticks, network.population(name).n), real) for name in neurons}
    crossed = {name: np.zeros((n_samples, network.population(name).n), np.int64) for name in neurons}
    late = network.clock.convention.spike_delay
    synapses = [
        _Synapses(q, network.clock, n_samples, network.leads_back(q), real) for q in network.projections
    ]

    def leave(name: str, spiking: IntArray, tick: int) -> None:
        spikes[name][:, tick] = spiking
        for s in synapses:
            if s.pre == name:
                s.send(spiking, tick)

    with np.errstate(over="ignore", invalid="ignore"):  # membranes that are not finite are told of
        for tick in range(n_ticks):
            for name in neurons if late else ():
                leave(name, crossed[name], tick)
            for name in order:
                if name in inputs:
                    leave(name, inputs[name][:, tick].astype(np.int64), tick)
                    continue
                crossed[name] = neurons[name].update([s.arriving(tick) for s in synapses if s.post == name])
                membranes[name][:, tick] = neurons[name].v
                if not late:
                    leave(name, crossed[name], tick)
    return spikes, membranes


def _neurons(
    network: Network, population: Population, n_samples: int, real: npt.DTypeLike, first_sample: int
) -> _Neurons | _Quadratic | Iaf:
    assert isinstance(network.clock, Ticks)
    if isinstance(population.neuron, IAF):
        return Iaf(network, population, n_samples, real, first_sample)
    if isinstance(population.neuron, Theta | QifExp):
        return _Quadratic(population, network.clock, n_samples)
    return _Neurons(population, network.clock, n_samples, real)


def _total(arriving: Sequence[FloatArray], real: npt.DTypeLike) -> FloatArray:
    """The sum of what the projections deliver, in their order."""
    return np.asarray(sum(arriving, start=np.zeros((), real)))


class _Quadratic:
    """`Theta` or `QifExp` neurons: what arrives in a tick acts at its beginning, and then they run freely."""

    def __init__(self, population: Population, clock: Ticks, n_samples: int) -> None:
        self.dt, self.n = clock.dt, population.n
        self.samples = [quadratic_neurons(population) for _ in range(n_samples)]

    @property
    def v(self) -> FloatArray:
        """Membranes, ``(n_samples, n)``."""
        return np.array([k.v for k in self.samples]).reshape(-1, self.n)

    def update(self, arriving: Sequence[FloatArray]) -> IntArray:
        """Advance one tick with the sums of each projection, and tell who spikes."""
        x = _total(arriving, np.float64)
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

    def __init__(self, population: Population, clock: Ticks, n_samples: int, real: npt.DTypeLike) -> None:
        self.name, self.habits, self.real = population.name, clock.convention, real
        self.tick = _rounded(tick_of(population.neuron, clock.dt, clock.convention), population.n, real)
        self.lowest = _lowest(clock.convention.clamp, self.tick.threshold)
        self.u = np.zeros((n_samples, population.n), real)
        self.v = self.u + self.tick.v_leak
        self.last = np.zeros(self.u.shape, np.int64)
        self.silenced = np.zeros(self.u.shape, np.bool_)

    def update(self, arriving: Sequence[FloatArray]) -> IntArray:
        """Advance one tick with the sums of each projection, and tell who spikes how often."""
        x = _total(arriving, self.real)
        k, habits = self.tick, self.habits
        subtract = habits.reset is Reset.SUBTRACT
        taken = self.last.astype(self.real) * np.where(np.isfinite(k.threshold), k.threshold, 0.0)
        if habits.reset_time is ResetTime.NEXT and not subtract:
            self.v = np.where(self.last > 0, k.v_reset, self.v)
        self.u = k.alpha * self.u + k.current_bias + k.gain * x
        self.v = k.v_leak + k.beta * (self.v - k.v_leak) + self.u + k.bias
        if habits.reset_time is ResetTime.NEXT and subtract:
            self.v = self.v - taken
        if not np.all(np.isfinite(self.v)):
            raise unbounded_membrane(self.name)
        self.v = np.maximum(self.v, self.lowest)
        self.last = self.spikes()
        if habits.reset_time is ResetTime.NOW:
            taken = self.last.astype(self.real) * np.where(np.isfinite(k.threshold), k.threshold, 0.0)
            self.v = np.where(self.last > 0, self.v - taken if subtract else k.v_reset, self.v)
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
            raise storm(self.name, float(np.max(times)), MOST_SPIKES)
        return np.where(can, np.maximum(times, 1), crossed).astype(np.int64)


def _rounded(k: Tick, n: int, real: npt.DTypeLike) -> Tick:
    """The coefficients of every neuron, in the precision of the run."""
    values: dict[str, Any] = {
        f.name: np.broadcast_to(getattr(k, f.name), (n,)).astype(real)
        for f in fields(k)
        if f.name != "one_spike"
    }
    return replace(k, **values)


def _lowest(clamp: float | None, threshold: FloatArray) -> FloatArray:
    """How low each membrane can fall."""
    falls = np.full_like(threshold, -np.inf)
    if clamp is None:
        return falls
    stops = np.isfinite(threshold)
    falls[stops] = threshold.dtype.type(clamp) * threshold[stops]
    return falls


class _Synapses:
    """The synapses of one projection and what is on its way in them, a ring of ticks."""

    def __init__(
        self, q: Projection, clock: Ticks, n_samples: int, leads_back: bool, real: npt.DTypeLike
    ) -> None:
        self.pre, self.post = q.pre, q.post
        pre, post = q.connectivity.synapses()
        delays = q.delays.per_synapse(q.connectivity)
        whole = delays if q.delays.in_ticks else np.rint(delays / clock.dt).astype(np.int64)
        by_pre = np.argsort(pre, kind="stable")
        self.posts = post[by_pre]
        rule = isinstance(q.connectivity, FixedDegree)
        self.weights = (np.ones(pre.size) if rule else q.connectivity.stored()[by_pre]).astype(real)
        self.weight = np.asarray(q.connectivity.weights if rule else 1.0).astype(real)[()]
        self.ticks = whole[by_pre] + clock.convention.hop(leads_back)
        self.sizes = np.bincount(pre, minlength=q.connectivity.n_pre)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.ring = np.zeros((int(self.ticks.max(initial=0)) + 1, n_samples, q.connectivity.n_post), real)

    def arriving(self, tick: int) -> FloatArray:
        """Take what arrives in this tick."""
        slot = tick % len(self.ring)
        arriving: FloatArray = self.weight * self.ring[slot]
        self.ring[slot] = 0.0
        return arriving

    def send(self, spiking: IntArray, tick: int) -> None:
        """Take the spikes of this tick, one neuron after another."""
        samples, neurons = np.nonzero(spiking)
        spike = np.repeat(np.arange(neurons.size), self.sizes[neurons])
        before = np.cumsum(self.sizes[neurons]) - self.sizes[neurons]
        synapse = np.arange(spike.size) + (self.starts[neurons] - before)[spike]
        often = spiking[samples, neurons].astype(self.weights.dtype)
        slots = (tick + self.ticks[synapse]) % len(self.ring)
        place = np.ravel_multi_index((slots, samples[spike], self.posts[synapse]), self.ring.shape)
        np.add.at(self.ring.reshape(-1), place, often[spike] * self.weights[synapse])  # one after another

r"""The fixed dialect, tick by tick, as Lava's bit-accurate LIF, Dense and DelayDense compute it.

Order within tick k: every population takes what arrives in k, updates, and spikes; every projection takes the
spikes of its presynaptic population and delivers them in tick k + 1 + delay. One tick a hop, always.

Source of every formula: lava-nc 0.10.0, ``lava/proc/lif/models.py`` and ``lava/proc/dense/models.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.arrays import AnyArray, BoolArray, IntArray
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Projection

M = 1 << 23
"""Half the range of the 24-bit state variables."""


def run_fixed(
    network: Network, inputs: Mapping[str, BoolArray], n_samples: int, n_ticks: int
) -> tuple[dict[str, BoolArray], dict[str, IntArray]]:
    """Run a fixed network from rest.

    Args:
        network: In the fixed dialect.
        inputs: For each source its spikes, ``(n_samples, n_ticks, n)``.
        n_samples: Samples.
        n_ticks: Ticks.

    Returns:
        For each population its spikes and (but for sources) its membrane after every tick, both
        ``(n_samples, n_ticks, n)``.
    """
    spikes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.bool_) for p in network.populations}
    membranes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.int64) for p in network.populations}
    neurons = {
        p.name: _Neurons(p.neuron, n_samples, p.n)
        for p in network.populations
        if isinstance(p.neuron, CubaFixed)
    }
    synapses = [_Synapses(q, n_samples) for q in network.projections]
    for tick in range(n_ticks):
        for name, raster in inputs.items():
            spikes[name][:, tick] = raster[:, tick]
        for name, group in neurons.items():
            arriving = [s.deliver() for s in synapses if s.post == name]
            spikes[name][:, tick] = group.update(sum(arriving, start=np.zeros((), np.int64)))
            membranes[name][:, tick] = group.v
        for s in synapses:
            s.send(spikes[s.pre][:, tick])
    return spikes, {name: membranes[name] for name in neurons}


def decay(x: IntArray, d: IntArray) -> IntArray:
    """``sign(x) * ((|x| * (4096 - d)) >> 12)``: decay toward zero, cut off toward zero."""
    result: IntArray = np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)
    return result


def int32(x: IntArray) -> IntArray:
    """What is left of a number in 32 bits: Lava adds in int32."""
    result: IntArray = (x + (1 << 31)) % (1 << 32) - (1 << 31)
    return result


def wrap(u: IntArray) -> IntArray:
    """The single wrap of the current: M itself stays, and what is more than one turn away stays outside."""
    once = np.where(u > M, u - 2 * M, u)
    return np.where(once <= -M, u + 2 * M, once)


def shift(x: IntArray, exponent: int) -> IntArray:
    """``x << exponent``, or to the right (toward minus infinity) if it is negative."""
    return x << exponent if exponent >= 0 else x >> -exponent


class _Neurons:
    """State and update of one `CubaFixed` population, all samples at once."""

    def __init__(self, neuron: CubaFixed, n_samples: int, n: int) -> None:
        self.du, self.dv = np.asarray(neuron.du), np.asarray(neuron.dv)
        self.threshold = np.asarray(neuron.vth) << 6
        exponent = np.asarray(neuron.bias_exp)
        mantissa = np.asarray(neuron.bias_mant)
        self.bias = np.where(
            exponent >= 0, mantissa << np.maximum(exponent, 0), mantissa >> np.maximum(-exponent, 0)
        )
        self.u = np.zeros((n_samples, n), np.int64)
        self.v = np.zeros((n_samples, n), np.int64)

    def update(self, a: AnyArray) -> BoolArray:
        """Advance one tick with the delivered sums `a`, and tell who spikes."""
        self.u = wrap(int32(decay(self.u, self.du + 1) + (a << 6)))
        self.v = np.clip(int32(decay(self.v, self.dv) + self.u + self.bias), -M + 1, M - 1)
        spiking: BoolArray = self.v > self.threshold
        self.v = np.where(spiking, 0, self.v)
        return spiking


class _Synapses:
    """The synapses of one projection and what is on its way in them, by ticks left to go."""

    def __init__(self, q: Projection, n_samples: int) -> None:
        assert isinstance(q.connectivity.weights, Fixed)
        self.pre, self.post = q.pre, q.post
        self.exponent = q.connectivity.weights.format.exponent
        matrix = q.connectivity.dense_matrix()
        delay = np.zeros(matrix.shape, np.int64)
        pre, post = q.connectivity.synapses()
        delay[post, pre] = q.delays.per_synapse(q.connectivity)
        self.by_delay = [(int(d), np.where(delay == d, matrix, 0)) for d in np.unique(delay)] or [(0, matrix)]
        self.on_the_way = np.zeros((int(delay.max(initial=0)) + 1, n_samples, matrix.shape[0]), np.int64)

    def deliver(self) -> IntArray:
        """What arrives in this tick; everything else comes one tick closer."""
        arriving: IntArray = self.on_the_way[0].copy()
        self.on_the_way = np.roll(self.on_the_way, -1, axis=0)
        self.on_the_way[-1] = 0
        return arriving

    def send(self, spiking: BoolArray) -> None:
        """Take the spikes of this tick; the exponent shifts the sum of each delay, not each weight."""
        for d, weights in self.by_delay:
            self.on_the_way[d] += shift(spiking.astype(np.int64) @ weights.T, self.exponent)

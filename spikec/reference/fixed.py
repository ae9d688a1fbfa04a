r"""The fixed dialect, tick by tick: Lava's bit-accurate Dense and DelayDense between neurons in integers.

Order within tick k: every population takes what arrives in k, updates, and spikes; every projection takes the
spikes of its presynaptic population and delivers them in tick k + 1 + delay. One tick a hop, always.

Source: lava-nc 0.10.0, ``lava/proc/dense/models.py``; the neurons are in `spikec.reference.fixed_neurons`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.arrays import BoolArray, IntArray
from spikec.ir.connectivity import Connectivity, Convolution, DelayKind, Dense
from spikec.ir.fixed_neurons import FIXED
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Network, Projection
from spikec.reference.fixed_neurons import fixed_neurons


def run_fixed(
    network: Network, inputs: Mapping[str, IntArray], n_samples: int, n_ticks: int
) -> tuple[dict[str, IntArray], dict[str, IntArray]]:
    """Run a fixed network from rest.

    Args:
        network: In the fixed dialect.
        inputs: For each source how often it spikes, ``(n_samples, n_ticks, n)``.
        n_samples: Samples.
        n_ticks: Ticks.

    Returns:
        For each population how often it spikes and (but for sources) its membrane after every tick, both
        ``(n_samples, n_ticks, n)``.
    """
    spikes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.int64) for p in network.populations}
    membranes = {p.name: np.zeros((n_samples, n_ticks, p.n), np.int64) for p in network.populations}
    neurons = {
        p.name: fixed_neurons(p.neuron, n_samples, p.n)
        for p in network.populations
        if isinstance(p.neuron, FIXED)
    }
    synapses = [_Synapses(q, n_samples) for q in network.projections]
    for tick in range(n_ticks):
        for name, raster in inputs.items():
            spikes[name][:, tick] = raster[:, tick]
        for name, group in neurons.items():
            arriving = [s.deliver() for s in synapses if s.post == name]
            spikes[name][:, tick] = group.update(sum(arriving, start=np.zeros((), np.int64)))
            membranes[name][:, tick] = group.membrane
        for s in synapses:
            s.send(spikes[s.pre][:, tick])
    return spikes, {name: membranes[name] for name in neurons}


def shift(x: IntArray, exponent: int) -> IntArray:
    """``x << exponent``, or to the right (toward minus infinity) if it is negative."""
    return x << exponent if exponent >= 0 else x >> -exponent


class _Synapses:
    """The synapses of one projection and what is on its way in them, by ticks left to go."""

    def __init__(self, q: Projection, n_samples: int) -> None:
        assert isinstance(q.connectivity.weights, Fixed)
        self.pre, self.post = q.pre, q.post
        self.exponent = q.connectivity.weights.format.exponent
        self.by_delay = by_delay(q)
        longest = max(d for d, _ in self.by_delay)
        self.on_the_way = np.zeros((longest + 1, n_samples, q.connectivity.n_post), np.int64)

    def deliver(self) -> IntArray:
        """What arrives in this tick; everything else comes one tick closer."""
        arriving: IntArray = self.on_the_way[0].copy()
        self.on_the_way = np.roll(self.on_the_way, -1, axis=0)
        self.on_the_way[-1] = 0
        return arriving

    def send(self, spiking: IntArray) -> None:
        """Take the spikes of this tick; the exponent shifts the sum of each delay, not each weight."""
        for d, c in self.by_delay:
            self.on_the_way[d] += shift(c.by_post(mantissas(c.weights), spiking), self.exponent)


def by_delay(q: Projection) -> list[tuple[int, Connectivity]]:
    """The synapses of each delay that occurs, in ticks, the others at zero; one delay at least."""
    c = q.connectivity
    if q.delays.kind is DelayKind.UNIFORM:
        return [(int(q.delays.values), c if isinstance(c, Convolution) else Dense(_matrix(q)))]
    delay = np.zeros((c.n_post, c.n_pre), np.int64)
    pre, post = c.synapses()
    delay[post, pre] = q.delays.per_synapse(c)
    return [(int(d), Dense(_matrix(q, delay == d))) for d in np.unique(delay)] or [(0, Dense(_matrix(q)))]


def _matrix(q: Projection, kept: BoolArray | None = None) -> Fixed:
    weights = q.connectivity.weights
    assert isinstance(weights, Fixed)
    matrix = q.connectivity.dense_matrix()
    return Fixed(matrix if kept is None else np.where(kept, matrix, 0), weights.format)

"""The neurons of `spikec.ir.iaf`, once a tick; `spikec.ir.iaf_tick` has the equations and their order.

The numbers that drive neurons in a tick are those of the stream ``key_of(seed, sample, tick)``: neurons 2i
and 2i + 1 take the lower and the upper 32 bits of its output i, and `poisson_limits` makes spikes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from spikec.errors import unbounded_membrane
from spikec.ir.counter_random import key_of, outputs
from spikec.ir.iaf import IafNeuron, IafPscExp, PoissonDrive
from spikec.ir.iaf_tick import iaf_tick, poisson_limits
from spikec.ir.network import Network, Population


class Iaf:
    """State and update of one population of `IafPscExp` or `IafPscDelta`, all samples at once."""

    def __init__(
        self,
        network: Network,
        population: Population,
        n_samples: int,
        real: npt.DTypeLike,
        first_sample: int = 0,
    ) -> None:
        neuron = population.neuron
        assert isinstance(neuron, IafNeuron)
        self.name = population.name
        self.real: Any = np.dtype(real).type
        self.tick, self.k = 0, iaf_tick(neuron, network.dt)
        self.samples = range(first_sample, first_sample + n_samples)
        self.drive = None if neuron.drive is None else _Drive(neuron.drive, network.dt)
        self.has_currents = isinstance(neuron, IafPscExp)
        self.inhibitory = [is_inhibitory(q.connectivity.weights) for q in network.incoming(population.name)]
        shape = (n_samples, population.n)
        self.v = np.broadcast_to(np.asarray(neuron.v_init), shape).astype(real)
        self.currents = [np.zeros(shape, real), np.zeros(shape, real)]
        self.waiting = np.zeros(shape, np.int64)

    def update(self, arriving: Sequence[FloatArray]) -> IntArray:
        """Advance one tick with the sums of each projection, in order, and tell who spikes."""
        k, real = self.k, self.real
        v = real(k.beta) * self.v + real(k.rest)
        into = [(x, negative) for x, negative in zip(arriving, self.inhibitory, strict=True)]
        if self.drive is not None:
            counts = self.drive.spikes(self.samples, self.tick, self.v.shape[1]).astype(real)
            into.append((real(self.drive.weight) * counts, self.drive.weight < 0))
        if self.has_currents:
            v = v + real(k.gain_ex) * self.currents[0] + real(k.gain_in) * self.currents[1]
            for side, alpha in enumerate((k.alpha_ex, k.alpha_in)):
                self.currents[side] = real(alpha) * self.currents[side]
            for x, negative in into:
                self.currents[int(negative)] = self.currents[int(negative)] + x
        else:
            for x, _ in into:
                v = v + x
        self.tick += 1
        free = self.waiting == 0
        self.v = np.where(free, v, real(k.v_reset))
        if not np.all(np.isfinite(self.v)):
            raise unbounded_membrane(self.name)
        spiking: BoolArray = free & (self.v > real(k.threshold))
        self.v = np.where(spiking, real(k.v_reset), self.v)
        self.waiting = np.where(spiking, k.waits, np.maximum(self.waiting - 1, 0))
        return spiking.astype(np.int64)


class _Drive:
    """The spikes of a `PoissonDrive`."""

    def __init__(self, drive: PoissonDrive, dt: float) -> None:
        self.weight, self.seed, self.limits = drive.weight, drive.seed, poisson_limits(drive, dt)

    def spikes(self, samples: Sequence[int], tick: int, n: int) -> IntArray:
        """How many reach each of `n` neurons in a tick, ``(n_samples, n)``."""
        pairs = -(-n // 2)
        found = np.array([outputs(key_of(self.seed, s, tick), 0, pairs) for s in samples], np.uint64)
        halves = np.stack([found & np.uint64(0xFFFFFFFF), found >> np.uint64(32)], axis=-1)
        bits = halves.astype(np.uint32).view(np.int32).reshape(len(samples), 2 * pairs)[:, :n]
        return np.asarray(np.searchsorted(self.limits, bits, "right"), np.int64)


def is_inhibitory(weights: object) -> bool:
    """Whether a projection acts on the inhibitory current: a weight of its is below zero."""
    values: AnyArray = np.asarray(weights)
    return bool(np.any(values < 0))

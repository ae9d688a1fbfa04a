r"""`Theta` and `QifExp` as the reference sees them: by phase, and by V itself.

* `Theta`: between spikes the phase rises like time, so the next spike is the rest of the period away. An
  arrival goes through V: :math:`\varphi \to \Phi(\Phi^{-1}(\varphi) + w)`.
* `QifExp`: with :math:`V = U e^{-t/\tau}` and :math:`s = 1 - e^{-t/\tau}` the equations become
  :math:`dU/ds = U^2 + I_0`, whose solution is :math:`U = (V_0 + I_0 T)/(1 - V_0 T)`,
  :math:`T = \tan(q s)/q`, :math:`q = \sqrt{I_0}` (:math:`\tanh` for negative currents, :math:`T = s` for
  none). It goes through infinity where :math:`\arctan(V_0/q) + q s = \pi/2`.

Engines compute both in another form, on pairs (a, b) with V = a/b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.network import Population
from spikec.ir.neurons import QifExp, Theta


class Arrival(Protocol):
    """Weights that reach some neurons of a population at one time."""

    @property
    def neurons(self) -> IntArray:
        """Which neurons."""

    @property
    def weights(self) -> FloatArray:
        """One weight each."""


@dataclass(frozen=True, eq=False)
class Jumps:
    """An `Arrival` by itself."""

    neurons: IntArray
    weights: FloatArray


def quadratic_neurons(population: Population) -> ThetaNeurons | QifNeurons:
    """The neurons of a population of `Theta` or `QifExp` in one sample."""
    return ThetaNeurons(population) if isinstance(population.neuron, Theta) else QifNeurons(population)


class _Quadratic:
    """What both have in common: every neuron knows the time of its state, and if it is silenced."""

    def __init__(self, population: Population) -> None:
        k = population.neuron
        assert isinstance(k, Theta | QifExp)
        self.n = population.n
        self.one_spike = k.one_spike
        self.tau = self._each(k.tau)
        self.t = np.zeros(self.n)
        self.silenced = np.zeros(self.n, np.bool_)

    def _each(self, value: object) -> FloatArray:
        return np.broadcast_to(np.asarray(value, np.float64), (self.n,)).copy()

    def advance(self, j: IntArray, time: float | FloatArray) -> None:
        """Bring neurons `j` to `time`, one for all or one each."""
        raise NotImplementedError

    def next_spike(self, j: IntArray) -> FloatArray:
        """How long after their state neurons `j` spike, infinite if never."""
        raise NotImplementedError

    def restart(self, j: IntArray) -> None:
        """Put neurons `j` at minus infinity."""
        raise NotImplementedError

    def fire(self, j: IntArray, times: FloatArray) -> list[tuple[int, float]]:
        """Reset neurons `j` at their `times`; return those whose spike leaves them, and when."""
        self.advance(j, times)
        self.restart(j)
        if self.one_spike:
            self.silenced[j] = True
        return list(zip(j.tolist(), times.tolist(), strict=True))

    def crossings(self, j: IntArray, stop: float, inclusive: bool) -> FloatArray:
        """When neurons `j` next spike, infinite if not before `stop`."""
        found: FloatArray = self.t[j] + self.next_spike(j)
        within = (found < stop) | (inclusive & (found == stop))
        return np.where(within & ~self.silenced[j], found, np.inf)


class ThetaNeurons(_Quadratic):
    """`Theta` neurons of one population in one sample."""

    def __init__(self, population: Population) -> None:
        super().__init__(population)
        k = population.neuron
        assert isinstance(k, Theta)
        self.r, self.period = self._each(k.radius), self._each(k.period)
        self.phase = self._each(k.phase)

    @property
    def v(self) -> FloatArray:
        """Membranes."""
        return self._membrane(np.arange(self.n))

    def _membrane(self, j: IntArray) -> FloatArray:
        angle = np.pi * (self.phase[j] / self.period[j] - 0.5)
        result: FloatArray = self.r[j] * np.tan(angle) + 0.5
        return result

    def receive(self, arrival: Arrival) -> None:
        """Apply an arrival to neurons that stand at its time."""
        j = arrival.neurons
        v = self._membrane(j) + arrival.weights
        self.phase[j] = self.period[j] * (np.arctan((v - 0.5) / self.r[j]) / np.pi + 0.5)

    def advance(self, j: IntArray, time: float | FloatArray) -> None:
        """See `_Quadratic.advance`; silenced neurons go round and round."""
        ahead = self.phase[j] + (time - self.t[j])
        self.phase[j] = np.where(self.silenced[j], ahead % self.period[j], np.minimum(ahead, self.period[j]))
        self.t[j] = time

    def next_spike(self, j: IntArray) -> FloatArray:
        """See `_Quadratic.next_spike`."""
        return self.period[j] - self.phase[j]

    def restart(self, j: IntArray) -> None:
        """See `_Quadratic.restart`."""
        self.phase[j] = 0.0


class QifNeurons(_Quadratic):
    """`QifExp` neurons of one population in one sample."""

    def __init__(self, population: Population) -> None:
        super().__init__(population)
        k = population.neuron
        assert isinstance(k, QifExp)
        self.v, self.i = self._each(k.v_init), self._each(k.i_init)

    def receive(self, arrival: Arrival) -> None:
        """Apply an arrival to neurons that stand at its time."""
        self.i[arrival.neurons] += arrival.weights

    def advance(self, j: IntArray, time: float | FloatArray) -> None:
        """See `_Quadratic.advance`."""
        left = np.exp((self.t[j] - time) / self.tau[j])
        slope = _tangent(self.i[j], -np.expm1((self.t[j] - time) / self.tau[j]))
        v, i = self.v[j], self.i[j]
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = left * (v + i * slope) / (1 - v * slope)
            from_below = np.where(slope == 0, -np.inf, -left / slope)
        self.v[j] = np.where(v == -np.inf, from_below, moved)
        self.i[j] = i * left**2
        self.t[j] = time

    def next_spike(self, j: IntArray) -> FloatArray:
        """See `_Quadratic.next_spike`."""
        v, i = self.v[j], self.i[j]
        q = np.sqrt(np.abs(i))
        with np.errstate(divide="ignore", invalid="ignore"):
            driven = np.arctan2(q, v) / q
            free = np.where(v > 0, 1 / v, np.inf)
            held = np.where(v > q, np.arctanh(q / v) / q, np.inf)
            s = np.where(i > 0, driven, np.where(i < 0, held, free))
            time = np.where(s < 1, -self.tau[j] * np.log1p(-s), np.inf)
        return time

    def restart(self, j: IntArray) -> None:
        """See `_Quadratic.restart`."""
        self.v[j] = -np.inf


def _tangent(i: FloatArray, s: FloatArray) -> FloatArray:
    r""":math:`\tan(q s)/q` with :math:`q = \sqrt{i}`: :math:`\tanh` for negative `i`, s for zero."""
    q = np.sqrt(np.abs(i))
    safe = np.where(q == 0, 1.0, q)
    return np.where(i > 0, np.tan(safe * s) / safe, np.where(i < 0, np.tanh(safe * s) / safe, s))

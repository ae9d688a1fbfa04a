r"""Neurons whose membrane follows a linear equation, as the reference sees them: one closed form for all.

With the rates :math:`a = 1/\tau_m` and :math:`c = 1/\tau_s` (0 for infinite ones) and
:math:`E(t, r) = (1 - e^{-rt})/r`, :math:`E(t, 0) = t`,

.. math:: I(t) = I_0 e^{-ct}, \qquad
          V(t) = V_l + (V_0 - V_l) e^{-at} + I_0 e^{-at} E(t, c - a) + b\,E(t, a)

which is `Ramp` for a = c = 0, `IfExp` for a = 0, `Lif` for :math:`I_0 = 0`, and `CubaLif` in general. Its
slope vanishes at most once, where :math:`E(t, c - a) = (b - a (V_0 - V_l) + I_0) / (I_0 c)`, so a crossing is
bracketed exactly and never missed, and so is a maximum.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.ir.network import Population
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, Neuron, Ramp
from spikec.reference.quadratic import Arrival


class LinearNeurons:
    """State of one population in one sample; every neuron knows the time its state belongs to.

    Of readouts, `peak` is the maximum of the membrane up to then.
    """

    def __init__(self, population: Population, subtracts: bool) -> None:
        k = population.neuron
        assert isinstance(k, If | Lif | Ramp | CubaLif | IfExp | LiReadout)
        self.subtracts = subtracts
        self.n = population.n
        self.jumps = isinstance(k, If | Lif)
        self.one_spike = bool(getattr(k, "one_spike", False))
        self.a = self._each(1 / np.asarray(getattr(k, "tau_mem", getattr(k, "tau", np.inf))))
        self.c = self._each(1 / np.asarray(getattr(k, "tau_syn", np.inf)))
        settled = self._settled_current(k)
        self.b = self._each(k.bias) + settled
        self.rest = self._each(getattr(k, "v_leak", 0.0))
        self.threshold = self._each(getattr(k, "threshold", np.inf))
        self.reset = self._each(getattr(k, "v_reset", 0.0))
        self.t = np.zeros(self.n)
        self.v = self.rest.copy()
        self.i = 0.0 - settled
        self.spikes = k.spikes
        self.peak = self.v.copy()
        self.silenced = np.zeros(self.n, np.bool_)

    def _settled_current(self, k: Neuron) -> FloatArray:
        """What a constant input makes of the current in the long run; `i` is the distance from it."""
        drive = self._each(getattr(k, "current_bias", 0.0))
        tau = self._each(getattr(k, "tau_syn", np.inf))
        return np.where(drive == 0, 0.0, drive * np.where(np.isinf(tau), 0.0, tau))

    def _each(self, value: object) -> FloatArray:
        return np.broadcast_to(np.asarray(value, np.float64), (self.n,)).copy()

    def receive(self, arrival: Arrival) -> None:
        """Apply an arrival to neurons that stand at its time."""
        (self.v if self.jumps else self.i)[arrival.neurons] += arrival.weights

    def membrane(self, j: IntArray, t: FloatArray) -> FloatArray:
        """Membrane of neurons `j` a time `t` after their state.

        The current's share is symmetric in both rates; the slower comes first, so that nothing overflows.
        """
        left = np.exp(-self.a[j] * t)
        slow, apart = np.minimum(self.a[j], self.c[j]), np.abs(self.c[j] - self.a[j])
        driven = self.i[j] * np.exp(-slow * t) * _e(t, apart) + self.b[j] * _e(t, self.a[j])
        result: FloatArray = self.rest[j] + (self.v[j] - self.rest[j]) * left + driven
        return result

    def advance(self, j: IntArray, time: float | FloatArray) -> None:
        """Bring neurons `j` to `time`, one for all or one each."""
        dt = time - self.t[j]
        if not self.spikes:  # its slope vanishes once at most, so the maximum is there or at an end
            turn = np.minimum(self._extremum(j), dt)
            self.peak[j] = np.maximum(self.peak[j], self.membrane(j, turn))
        self.v[j] = self.membrane(j, dt)
        if not self.spikes:
            self.peak[j] = np.maximum(self.peak[j], self.v[j])
        self.i[j] *= np.exp(-self.c[j] * dt)
        self.t[j] = time

    def fire(self, j: IntArray, times: FloatArray) -> list[tuple[int, float]]:
        """Reset neurons `j` at their `times`; return those whose spike leaves them, and when."""
        self.advance(j, times)
        self.v[j] = self.v[j] - self.threshold[j] if self.subtracts else self.reset[j]
        leaving = ~self.silenced[j]
        if self.one_spike:
            self.silenced[j] = True
        return list(zip(j[leaving].tolist(), times[leaving].tolist(), strict=True))

    def crossings(self, j: IntArray, stop: float, inclusive: bool) -> FloatArray:
        """When neurons `j` first exceed their threshold, infinite if not before `stop`."""
        found = np.full(j.size, np.inf)
        active = ~(self.one_spike & self.silenced[j]) & np.isfinite(self.threshold[j])
        above = active & (self.v[j] > self.threshold[j])
        found[above] = self.t[j][above]
        span = stop - self.t[j]
        seek = np.flatnonzero(active & ~above & (span > 0))
        if seek.size == 0:
            return found
        straight = (self.a[j[seek]] == 0) & ((self.c[j[seek]] == 0) | (self.i[j[seek]] == 0))
        lines, curves = seek[straight], seek[~straight]
        found[lines] = self._straight(j[lines], span[lines], inclusive)
        if curves.size:
            found[curves] = self._curved(j[curves], span[curves])
        return found

    def _straight(self, k: IntArray, span: FloatArray, inclusive: bool) -> FloatArray:
        """Crossings of membranes that rise or fall along a line."""
        slope = self.i[k] + self.b[k]
        rising = slope > 0
        time = np.where(rising, (self.threshold[k] - self.v[k]) / np.where(rising, slope, 1.0), np.inf)
        within = (time < span) | (inclusive & (time == span))
        return np.where(within, self.t[k] + time, np.inf)

    def _curved(self, k: IntArray, span: FloatArray) -> FloatArray:
        """Crossings of all others: up to the extremum, if it is above threshold, or after it."""
        found = np.full(k.size, np.inf)
        peak = np.minimum(self._extremum(k), span)
        at_peak = self.membrane(k, peak) > self.threshold[k]
        at_stop = self.membrane(k, span) > self.threshold[k]
        for place in np.flatnonzero(at_peak | at_stop):
            after = not at_peak[place] and peak[place] < span[place]
            low, high = (peak[place], span[place]) if after else (0.0, peak[place])
            found[place] = self.t[k[place]] + self._root(int(k[place]), float(low), float(high))
        return found

    def _extremum(self, j: IntArray) -> FloatArray:
        """Where the membrane's slope vanishes, infinite if nowhere ahead."""
        slope = self.b[j] - self.a[j] * (self.v[j] - self.rest[j]) + self.i[j]
        fade, r = self.i[j] * self.c[j], self.c[j] - self.a[j]
        with np.errstate(divide="ignore", invalid="ignore"):
            q = slope / fade
            where = np.where(np.abs(r * q) < 1e-300, q, -np.log1p(-r * q) / r)
        ahead: BoolArray = (fade != 0) & np.isfinite(where) & (where > 0)
        return np.where(ahead, where, np.inf)

    def _root(self, neuron: int, low: float, high: float) -> float:
        from scipy.optimize import brentq  # a third of a second, which no other engine needs

        index = np.array([neuron])

        def gap(t: float) -> float:
            return float(self.membrane(index, np.array([t]))[0] - self.threshold[neuron])

        if gap(low) >= 0:
            return low
        return float(brentq(gap, low, high, xtol=1e-18, rtol=8.9e-16, maxiter=200))


def _e(t: FloatArray, r: FloatArray) -> FloatArray:
    r""":math:`E(t, r) = (1 - e^{-rt})/r`, stable as r goes to 0."""
    safe = np.where(r == 0, 1.0, r)
    return np.where(r == 0, t, -np.expm1(-safe * t) / safe)

r"""The continuous dialect: exact spike times, component after component, event after event.

Between two events every neuron follows the same closed form. With the rates :math:`a = 1/\tau_m` and
:math:`c = 1/\tau_s` (0 for infinite ones) and :math:`E(t, r) = (1 - e^{-rt})/r`, :math:`E(t, 0) = t`,

.. math:: I(t) = I_0 e^{-ct}, \qquad
          V(t) = V_l + (V_0 - V_l) e^{-at} + I_0 e^{-at} E(t, c - a) + b\,E(t, a)

which is `Ramp` for a = c = 0, `IfExp` for a = 0, `Lif` for :math:`I_0 = 0`, and `CubaLif` in general. Its
slope vanishes at most once, where :math:`E(t, c - a) = (b - a (V_0 - V_l) + I_0) / (I_0 c)`, so a crossing is
bracketed exactly and never missed. `Theta` and `QifExp` are in `spikec.reference.quadratic`.

Events at one moment act together, before any spike of that moment; neurons that feed each other and spike at
one moment do so before what any of these spikes causes.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from scipy.optimize import brentq

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.errors import NetworkError
from spikec.events import Events, from_rows
from spikec.ir.network import Continuous, Network, Population, Projection, Reset
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, Neuron, QifExp, Ramp, Theta
from spikec.reference.quadratic import QifNeurons, ThetaNeurons

MAX_SPIKES = 1 << 22
"""Spikes of one component in one sample; more is an explosion."""


def run_continuous(
    network: Network, inputs: Mapping[str, Events], n_samples: int, until: float
) -> tuple[dict[str, Events], dict[str, FloatArray], dict[str, FloatArray]]:
    """Run a continuous network from rest.

    Args:
        network: In the continuous dialect.
        inputs: For each source its spikes, seconds.
        n_samples: Samples.
        until: End of every sample, seconds; spikes at this very moment count.

    Returns:
        For each population its spikes; for each but sources its membrane at the end, ``(n_samples, n)``; for
        each readout the maximum of its membrane from the beginning to the end, ``(n_samples, n)``.
    """
    spikes = {name: _until(e, until) for name, e in inputs.items()}
    membranes: dict[str, FloatArray] = {}
    peaks: dict[str, FloatArray] = {}
    for component in network.components():
        if component[0] in inputs:
            continue
        groups = [network.population(name) for name in component]
        rows: dict[str, list[tuple[int, float, int]]] = {name: [] for name in component}
        ends = {p.name: np.zeros((n_samples, p.n)) for p in groups}
        tops = {p.name: np.zeros((n_samples, p.n)) for p in groups if not p.neuron.spikes}
        fans = [_Fan(q) for q in network.projections if q.post in component]
        subtracts = isinstance(network.clock, Continuous) and network.clock.reset is Reset.SUBTRACT
        for sample in range(n_samples):
            arrivals = _arrivals(fans, spikes, sample, component)
            neurons = {p.name: _neurons(p, subtracts) for p in groups}
            made = _run_component(neurons, fans, arrivals, until)
            for place, (name, time, neuron) in enumerate(made):
                if place >= MAX_SPIKES:
                    raise explosion(component, sample, MAX_SPIKES, time)
                rows[name].append((sample, time, neuron))
            for p in groups:
                neurons[p.name].advance(np.arange(p.n), until)
                ends[p.name][sample] = neurons[p.name].v
            for name, top in tops.items():
                readout = neurons[name]
                assert isinstance(readout, _Neurons)
                top[sample] = readout.peak
        for p in groups:
            columns = np.array(rows[p.name], np.float64).reshape(-1, 3).T
            spikes[p.name] = from_rows(columns[0], columns[1], columns[2], n_samples=n_samples, n_neurons=p.n)
        membranes.update(ends)
        peaks.update(tops)
    return spikes, membranes, peaks


def _until(events: Events, until: float) -> Events:
    """The events up to a time."""
    kept = events.times <= until
    return from_rows(
        events.sample_of_event()[kept],
        events.times[kept],
        events.neurons[kept],
        n_samples=events.n_samples,
        n_neurons=events.n_neurons,
    )


@dataclass(frozen=True, order=True)
class _Arrival:
    """A bundle of weights that reaches some neurons of a population at one time."""

    time: float
    order: int
    post: str
    neurons: IntArray
    weights: FloatArray


_ORDER = count()


class _Fan:
    """The fan-out of one projection: where a presynaptic spike goes, and when."""

    def __init__(self, q: Projection) -> None:
        self.pre, self.post = q.pre, q.post
        pre, self.posts = q.connectivity.synapses()
        self.weights = np.asarray(q.connectivity.weights, np.float64).ravel()
        self.delays = np.asarray(q.delays.per_synapse(q.connectivity), np.float64)
        order = np.argsort(pre, kind="stable")
        bounds = np.searchsorted(pre[order], np.arange(q.connectivity.n_pre + 1))
        self.bundles = [
            [b[self.delays[b] == d] for d in np.unique(self.delays[b])]
            for b in (order[bounds[j] : bounds[j + 1]] for j in range(q.connectivity.n_pre))
        ]

    def arrivals(self, time: float, neuron: int) -> Iterator[_Arrival]:
        """What a spike of presynaptic `neuron` at `time` causes."""
        for b in self.bundles[neuron]:
            yield _Arrival(
                time + float(self.delays[b[0]]), next(_ORDER), self.post, self.posts[b], self.weights[b]
            )


def _arrivals(
    fans: list[_Fan], spikes: Mapping[str, Events], sample: int, component: tuple[str, ...]
) -> list[_Arrival]:
    heap: list[_Arrival] = []
    for fan in fans:
        if fan.pre in component:
            continue
        events = spikes[fan.pre].select(sample, sample + 1)
        for time, neuron in zip(events.times.tolist(), events.neurons.tolist(), strict=True):
            heap.extend(fan.arrivals(time, neuron))
    heapq.heapify(heap)
    return heap


def _run_component(
    neurons: Mapping[str, _AnyNeurons], fans: list[_Fan], heap: list[_Arrival], until: float
) -> Iterator[tuple[str, float, int]]:
    """Run one sample of one component from its neurons at rest; yield its spikes in order."""
    feeds_itself = any(fan.pre in neurons for fan in fans)
    while True:
        stop = min(heap[0].time, until) if heap else until
        last = stop == until
        crossings = {name: g.crossings(np.arange(g.n), stop, last) for name, g in neurons.items()}
        while True:
            first = min(float(c.min()) for c in crossings.values())
            if np.isinf(first) or first > stop or (first == stop and not last):
                break
            # Without feedback neurons do not wait for each other: all may spike before the next arrival.
            together = first if feeds_itself else stop
            spiking = {name: np.flatnonzero(c <= together) for name, c in crossings.items()}
            for name, j in spiking.items():
                for neuron, time in neurons[name].fire(j, crossings[name][j]):
                    yield name, time, neuron
                    for fan in fans if feeds_itself else ():
                        if fan.pre == name:
                            for arrival in fan.arrivals(time, neuron):
                                heapq.heappush(heap, arrival)
            if heap and heap[0].time < stop:
                stop, last = heap[0].time, False
            for name, j in spiking.items():
                crossings[name][j] = neurons[name].crossings(j, stop, last)
        if stop >= until and not (heap and heap[0].time <= until):
            break
        for g in neurons.values():
            g.advance(np.arange(g.n), stop)
        while heap and heap[0].time == stop:
            arrival = heapq.heappop(heap)
            neurons[arrival.post].receive(arrival)


def explosion(component: Collection[str], sample: int, most: int, time: float) -> NetworkError:
    """What to say when activity explodes."""
    return NetworkError(
        f"populations {', '.join(component)} spike more than {most} times in sample {sample}, until "
        f"{time:g} s already: the activity explodes; weaken what excites them, or lower biases"
    )


def _neurons(population: Population, subtracts: bool) -> _AnyNeurons:
    if isinstance(population.neuron, Theta):
        return ThetaNeurons(population)
    if isinstance(population.neuron, QifExp):
        return QifNeurons(population)
    return _Neurons(population, subtracts)


class _Neurons:
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

    def receive(self, arrival: _Arrival) -> None:
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
        index = np.array([neuron])

        def gap(t: float) -> float:
            return float(self.membrane(index, np.array([t]))[0] - self.threshold[neuron])

        if gap(low) >= 0:
            return low
        return float(brentq(gap, low, high, xtol=1e-18, rtol=8.9e-16, maxiter=200))


_AnyNeurons = _Neurons | ThetaNeurons | QifNeurons


def _e(t: FloatArray, r: FloatArray) -> FloatArray:
    r""":math:`E(t, r) = (1 - e^{-rt})/r`, stable as r goes to 0."""
    safe = np.where(r == 0, 1.0, r)
    return np.where(r == 0, t, -np.expm1(-safe * t) / safe)

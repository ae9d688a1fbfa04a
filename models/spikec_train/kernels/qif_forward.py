"""A trial of QIF neurons up to its end and beyond it: the passes of `qif` that go forward."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spikec.arrays import FloatArray
from spikec_train.kernels import inner
from spikec_train.kernels.qif_room import Arrivals, Room

if TYPE_CHECKING:
    from spikec_train.qif_gradient import Parts

SMALL = 1e-2
""":math:`|I| s^2` up to which C, S and D are taken from their series; these are exact to 1e-13."""


@inner
def run_events(parts: Parts, arrivals: Arrivals, duration: float, memory: Room) -> int:
    """Run up to T. Returns the number of spikes, or -1 if there are more than fit."""
    v, times, order, n = parts.v, parts.times, arrivals.order, parts.v.size
    states, derivatives = memory.states, memory.derivatives
    a, b, i, since, coming = states[0], states[1], states[2], states[3], states[4]
    for k in range(n):
        b[k] = 1.0 / math.sqrt(1.0 + v[k] * v[k])
        a[k] = v[k] * b[k]
        i[k] = parts.current[k]
        since[k] = 0.0
        coming[k] = _crossing(a[k], b[k], i[k])
    n_events, n_spikes, n_touches, p = 0, 0, 0, 0
    while True:
        j = 0
        for k in range(1, n):
            if coming[k] < coming[j]:
                j = k
        now = coming[j]
        if p < order.size and times[order[p]] <= now:
            arrival = order[p]
            p += 1
            now = times[arrival]
            k = arrivals.receivers[arrivals.sources[arrival]]
            _touch(k, now, n_touches, states, derivatives)
            n_touches += 1
            i[k] += parts.input_weights[arrivals.sources[arrival]]
            coming[k] = now + _crossing(a[k], b[k], i[k])
            memory.events[n_events] = arrival
        elif now <= duration:
            if n_spikes == memory.spikes.size:
                return -1
            _touch(j, now, n_touches, states, derivatives)
            n_touches += 1
            a[j] = -1.0
            b[j] = 0.0
            coming[j] = now + _crossing(a[j], b[j], i[j])
            for k in range(n):
                if k != j:
                    _touch(k, now, n_touches, states, derivatives)
                    n_touches += 1
                    i[k] += parts.weights[j, k]
                    coming[k] = now + _crossing(a[k], b[k], i[k])
            memory.spikes[n_spikes] = j
            memory.spike_times[n_spikes] = now
            n_spikes += 1
            memory.events[n_events] = -1
        else:
            break
        n_events += 1
    for k in range(n):
        _touch(k, duration, n_touches + k, states, derivatives)
    return n_spikes


@inner
def _crossing(a: float, b: float, i: float) -> float:
    """Time until the next spike, infinite if there is none; b is not negative."""
    if i > 0.0:
        q = math.sqrt(i)
        s = math.atan2(q * b, a) / q
    elif a <= 0.0:
        return math.inf
    elif i < 0.0:
        q = math.sqrt(-i)
        s = math.atanh(q * b / a) / q if q * b < a else math.inf
    else:
        s = b / a
    return -math.log1p(-s) if s < 1.0 else math.inf


@inner
def _touch(k: int, now: float, x: int, states: FloatArray, derivatives: FloatArray) -> None:
    """Bring neuron k forward, and keep the derivatives as touch x."""
    a, b, i = states[0, k], states[1, k], states[2, k]
    keep = math.exp(states[3, k] - now)
    s = 1.0 - keep
    cos, sin, d, h = _turn(i, s)
    to_a, to_b = keep * (cos * a + i * sin * b), cos * b - sin * a
    root = 1.0 / math.sqrt(to_a * to_a + to_b * to_b)
    scale = keep * root * root
    derivatives[x, 0] = scale * h
    derivatives[x, 1] = scale * ((a * a + i * b * b) * d + sin * b * to_b)
    derivatives[x, 2] = keep * keep
    to_a, to_b = to_a * root, to_b * root
    if to_b <= 0.0:  # by rounding alone, right beside a spike
        to_b = 0.0
    derivatives[x, 3] = to_b * to_b
    states[0, k] = to_a
    states[1, k] = to_b
    states[2, k] = i * keep * keep
    states[3, k] = now


@inner
def _turn(i: float, s: float) -> tuple[float, float, float, float]:
    """C, S, D and h; for negative currents C and S are divided by cosh(q s), D and h by its square."""
    x = i * s * s
    if abs(x) < SMALL:
        return (
            1.0 - x / 2.0 * (1.0 - x / 12.0 * (1.0 - x / 30.0 * (1.0 - x / 56.0))),
            s * (1.0 - x / 6.0 * (1.0 - x / 20.0 * (1.0 - x / 42.0 * (1.0 - x / 72.0)))),
            s * s * s * (1.0 / 3.0 - x * (1.0 / 15.0 - x * (2.0 / 315.0 - x / 2835.0))),
            1.0,
        )
    if i > 0.0:
        q = math.sqrt(i)
        cos, sin = math.cos(q * s), math.sin(q * s) / q
        return cos, sin, (s - sin * cos) / (2.0 * i), 1.0
    q = math.sqrt(-i)
    e = math.exp(-2.0 * q * s)
    sin = (1.0 - e) / ((1.0 + e) * q)
    h = 4.0 * e / ((1.0 + e) * (1.0 + e))
    return 1.0, sin, (s * h - sin) / (2.0 * i), h


@inner
def find_rates(weights: FloatArray, alpha: float, memory: Room) -> None:
    """Rates after T and what they add to each neuron's current; clears what the loss adds up."""
    a, b, rate, d_rate, kick = (
        memory.states[0], memory.states[1], memory.states[7], memory.states[8], memory.states[9],
    )  # fmt: skip
    r = math.sqrt(alpha * math.log(2.0))
    for i in range(a.size):
        x, y = r * b[i], a[i] - b[i] / 2.0
        rate[i] = 0.5 + math.atan2(y, x) / math.pi
        d_rate[i] = r / (math.pi * (x * x + y * y))
        memory.states[5, i] = 0.0
        memory.states[6, i] = 0.0
        kick[i] = 0.0
        memory.states[10, i] = 0.0
    for j in range(a.size):
        for i in range(a.size):
            if i != j:
                kick[i] += weights[j, i] * rate[j]

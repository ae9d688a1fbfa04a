"""Layers of `CubaLif` neurons up to their first spikes: the pass of `cuba_lif` that goes forward."""

from __future__ import annotations

import math

from spikec.arrays import FloatArray, IntArray
from spikec_train.kernels import inner
from spikec_train.kernels.cuba_room import Room

CERTAIN = 1e-15
"""Share of a time below which Newton's step ends the search."""


@inner
def run_layers(
    weights: FloatArray,
    delays: FloatArray,
    sizes: IntArray,
    a: float,
    duration: float,
    spikes: FloatArray,
    memory: Room,
) -> None:
    """Run one sample layer by layer."""
    synapse = 0
    neuron = 0
    for layer in range(1, sizes.size):
        n_pre = sizes[layer - 1]
        before, arrivals, order = memory.times[layer - 1], memory.arrivals, memory.order[:n_pre]
        for j in range(n_pre):
            order[j] = j
        for i in range(sizes[layer]):
            for j in range(n_pre):
                arrivals[j] = before[j] + delays[synapse + j]
            _sort(order, arrivals)
            time, place, slope, height, pin = _run_neuron(
                order, arrivals, weights[synapse : synapse + n_pre], a, duration
            )
            memory.times[layer, i] = time
            memory.places[layer, i] = place
            memory.slopes[layer, i] = slope
            memory.heights[layer, i] = height
            memory.pins[layer, i] = pin
            spikes[neuron] = time
            synapse += n_pre
            neuron += 1


@inner
def _sort(order: IntArray, keys: FloatArray) -> None:
    """Sort by keys: by insertion at falling distances (D. Shell), quick if hardly anything has to move."""
    for gap in (301, 132, 57, 23, 10, 4, 1):
        for k in range(gap, order.size):
            j = order[k]
            at = k
            while at >= gap and keys[order[at - gap]] > keys[j]:
                order[at] = order[at - gap]
                at -= gap
            order[at] = j


@inner
def _run_neuron(
    order: IntArray, arrivals: FloatArray, weights: FloatArray, a: float, duration: float
) -> tuple[float, float, float, float, int]:
    """Run one neuron up to its first spike. Returns its time and the neuron's entries in `Room`."""
    v, i, now = 0.0, 0.0, 0.0
    place, slope, height, pin = 0.0, 0.0, 0.0, -1
    for k in range(order.size + 1):
        at = arrivals[order[k]] if k < order.size else duration
        span = min(at, duration) - now
        rise = i - a * v
        v_after, i_after = _advance(a, v, i, span)
        if i > 0.0 and rise > 0.0 and v + rise * span > height:
            turn, top, left = span, v_after, i_after
            if left < a * top:
                turn = min(_turn(a, rise / i), span)
                top, left = _advance(a, v, i, turn)
            if top > 1.0:
                t = _crossing(a, v, i, turn)
                v, i = _advance(a, v, i, t)
                return now + t, now + t, i - a * v, 1.0, -1
            if top > height:
                place, slope, height = now + turn, left - a * top, top
                pin = order[k] if turn == span and at <= duration and k < order.size else -1
        if at > duration:
            break
        v, i, now = v_after, i_after, at
        if k < order.size:
            i += weights[order[k]]
    return math.inf, place, slope, height, pin


@inner
def response(a: float, t: float) -> tuple[float, float]:
    r"""K and :math:`K'` at a time from 0 on."""
    keep = math.exp(-a * t)
    r = 1.0 - a
    k = t * keep if r == 0.0 else -math.expm1(-r * t) / r * keep
    return k, keep - k  # exp(-t) = exp(-at) - (1 - a) K


@inner
def _advance(a: float, v: float, i: float, t: float) -> tuple[float, float]:
    """Membrane and current a time `t` later."""
    k, slope = response(a, t)
    left = slope + a * k
    return v * (slope + k) + i * k, i * left


@inner
def _turn(a: float, q: float) -> float:
    """When a rising membrane turns, `q` being its slope over its current; infinite if never."""
    r = 1.0 - a
    if r == 0.0:
        return q
    return -math.log1p(-r * q) / r if r * q < 1.0 else math.inf


@inner
def _crossing(a: float, v: float, i: float, end: float) -> float:
    """When a rising membrane, concave and beyond its threshold at `end`, reaches it."""
    t = 0.0
    for _ in range(100):
        v_now, i_now = _advance(a, v, i, t)
        step = (1.0 - v_now) / (i_now - a * v_now)
        if not step > CERTAIN * t:
            break
        t = min(t + step, end)
    return t

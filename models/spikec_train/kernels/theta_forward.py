"""Theta networks up to the trial's end and beyond it: the passes of `theta` that go forward."""

from __future__ import annotations

import math

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec_train.kernels import inner
from spikec_train.kernels.rows import add, add_times, clear
from spikec_train.kernels.theta_room import Room

LONGEST_TURN = 3.0
"""Radians: less than half a turn, in which no neuron spikes twice."""


@inner
def run_layers(
    s: int,
    weights: FloatArray,
    start: FloatArray,
    sizes: IntArray,
    sample_starts: IntArray,
    pulse_times: FloatArray,
    pulse_starts: IntArray,
    members: AnyArray,
    tau: float,
    r: float,
    duration: float,
    counts: IntArray,
    memory: Room,
) -> bool:
    """Run one sample up to T. Returns whether the memory suffices."""
    n_first = sample_starts[s]
    n = sample_starts[s + 1] - n_first
    if n > memory.times.shape[1]:
        return False
    memory.n_events[0] = n
    for e in range(n):
        memory.times[0, e] = pulse_times[n_first + e]
        memory.rows[0, e] = e
        total = memory.kicks[0, e]
        clear(total)
        for x in range(pulse_starts[n_first + e], pulse_starts[n_first + e + 1]):
            at = members[x] * sizes[1]
            add(total, weights[at : at + sizes[1]])
    kicks = memory.kicks[0]
    at = 0
    neuron = 0
    for layer in range(sizes.size - 1):
        n_pre, n_post = sizes[layer], sizes[layer + 1]
        if layer:
            kicks = weights[at : at + n_pre * n_post].reshape((n_pre, n_post))
        at += n_pre * n_post
        a, b = memory.states[0, layer, :n_post], memory.states[1, layer, :n_post]
        for i in range(n_post):
            a[i] = start[0, neuron + i]
            b[i] = start[1, neuron + i]
        n = _run_layer(
            n, memory.times[layer], memory.rows[layer], kicks, a, b, tau, r, duration,
            memory.jacobians[0, layer], memory.jacobians[1, layer], memory.before[layer],
            memory.times[layer + 1], memory.rows[layer + 1],
        )  # fmt: skip
        if n < 0:
            return False
        memory.n_events[layer + 1] = n
        for x in range(n):
            counts[neuron + memory.rows[layer + 1, x]] += 1
        neuron += n_post
    return True


@inner
def _run_layer(
    n_kicks: int,
    times: FloatArray,
    rows: IntArray,
    kicks: FloatArray,
    a: FloatArray,
    b: FloatArray,
    tau: float,
    r: float,
    duration: float,
    h_phase: FloatArray,
    h_weight: FloatArray,
    before: IntArray,
    spike_times: FloatArray,
    spike_rows: IntArray,
) -> int:
    """Run one layer up to T. Returns its number of spikes, or -1 if there are more than fit."""
    speed = r / tau
    now = 0.0
    n_spikes = 0
    for e in range(n_kicks + 1):
        until = times[e] if e < n_kicks else duration
        n_turns = int((until - now) * speed / LONGEST_TURN) + 1
        span = (until - now) / n_turns
        cos, sin = math.cos(span * speed), math.sin(span * speed)
        for turn in range(1, n_turns + 1):
            to = until if turn == n_turns else now + span
            n_new = _turn(a, b, cos, sin)
            if n_spikes + n_new > spike_times.size:
                return -1
            if n_new:
                _collect(a, b, now, to, speed, spike_times[n_spikes:], spike_rows[n_spikes:], n_new)
                n_spikes += n_new
            now = to
        if e < n_kicks:
            before[e] = n_spikes
            _kick(kicks[rows[e]], 1.0 / r, a, b, h_phase[e], h_weight[e])
    return n_spikes


@inner
def _turn(a: FloatArray, b: FloatArray, cos: float, sin: float) -> int:
    """Let time pass. Returns how many neurons have spiked, whose signs are still to be flipped."""
    n = 0
    for i in range(a.size):
        x = a[i] * cos + b[i] * sin
        y = b[i] * cos - a[i] * sin
        a[i] = x
        b[i] = y
        n += 1 if y < 0.0 else 0
    return n


@inner
def _collect(
    a: FloatArray,
    b: FloatArray,
    since: float,
    now: float,
    speed: float,
    times: FloatArray,
    rows: IntArray,
    n: int,
) -> None:
    """Reset the `n` neurons that spiked, and write their spikes down in order."""
    i = 0
    for found in range(n):
        while b[i] >= 0.0:
            i += 1
        t = max(since, now + math.atan2(b[i], a[i]) / speed)
        a[i] = -a[i]
        b[i] = -b[i]
        x = found
        while x > 0 and times[x - 1] > t:
            times[x] = times[x - 1]
            rows[x] = rows[x - 1]
            x -= 1
        times[x] = t
        rows[x] = i


@inner
def _kick(
    w: FloatArray, inverse_r: float, a: FloatArray, b: FloatArray, h_phase: FloatArray, h_weight: FloatArray
) -> None:
    for i in range(a.size):
        x = a[i] + w[i] * inverse_r * b[i]
        q = 1.0 / (x * x + b[i] * b[i])
        root = math.sqrt(q)
        y = b[i] * root
        a[i] = x * root
        b[i] = y
        h_phase[i] = q
        h_weight[i] = y * y


@inner
def find_rates(weights: FloatArray, sizes: IntArray, r: float, memory: Room) -> None:
    """The rate pass: the rates of all layers after T, and what backward needs of them."""
    at = 0
    for layer in range(sizes.size - 1):
        n_pre, n_post = sizes[layer], sizes[layer + 1]
        a, b, q = memory.states[0, layer], memory.states[1, layer], memory.states[2, layer]
        g, rate, kick = memory.states[3, layer], memory.states[4, layer], memory.states[6, layer, :n_post]
        clear(kick)
        if layer:
            for j in range(n_pre):
                add_times(kick, memory.states[4, layer - 1, j], weights[at : at + n_post])
                at += n_post
        else:
            at = n_pre * n_post
        for i in range(n_post):
            x = a[i] + kick[i] / r * b[i]
            q[i] = 1.0 / (x * x + b[i] * b[i])
            g[i] = b[i] * b[i] * q[i]
            rate[i] = 1.0 - math.atan2(b[i], x) / math.pi

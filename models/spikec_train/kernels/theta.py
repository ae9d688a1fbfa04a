r"""Loss and exact gradient of feed-forward networks of `Theta` neurons, sample by sample.

A neuron's phase :math:`\varphi` is kept as the point :math:`(a, b) = (-\cos\alpha, \sin\alpha)` of the unit
circle, :math:`\alpha = \varphi r / \tau`. Its membrane is :math:`V = r a / b + 1/2`, so that

* time turns it, :math:`a \leftarrow a \cos d + b \sin d,\; b \leftarrow b \cos d - a \sin d` with
  :math:`d = r \Delta t / \tau`;
* it spikes where :math:`b` becomes negative, and flipping both signs is the reset;
* a kick of weight w shears it, :math:`a \leftarrow a + (w / r)\, b`. With :math:`q` one over the squared
  length of the result, the new phase :math:`H(\varphi, w)` has the derivatives :math:`H_\varphi = q` and
  :math:`H_w = (\tau / r^2)\, q\, b^2`; then the point is put back on the circle.

**Adjoint.** :math:`\lambda = dL/d\psi` with :math:`\psi = \varphi - t`, which changes at kicks only. Going
back over a kick at :math:`t_e`, it gives :math:`\lambda (H_\varphi - 1)` to :math:`dL/dt_e` and
:math:`\lambda H_w` to :math:`dL/dw`, and becomes :math:`\lambda H_\varphi`. Going back over the neuron's own
spike at :math:`t_s`, it loses :math:`dL/dt_s`: the neuron spikes when :math:`\psi + t_s` is a multiple of the
period.

**Pseudospikes.** After the trial's end T the network goes on as one of rates: each neuron's rate is its phase
over the period after one kick of the summed weights times the rates of the layer before (the inputs' are 0).
An output that did not spike is taken to spike when its phase, so kicked at T, would reach the period.

Source: C. Klos and R.-M. Memmesheimer, Phys. Rev. Lett. 134, 027301 (2025); written from the equations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec_train.kernels import kernel

LONGEST_TURN = 3.0
"""Radians: less than half a turn, in which no neuron spikes twice."""


class Room(NamedTuple):
    r"""Working memory of one thread; ``capacity`` events a layer.

    Attributes:
        n_events: How many events each row of `times` holds, ``(n_layers + 1,)``.
        times: What kicks layer l, in order, ``(n_layers + 1, capacity)``;
            row l + 1 has the spikes of layer l.
        rows: Which row of layer l's weights each kick is, of the same shape.
        d_times: dL/dt of each.
        before: How many spikes of layer l came before its kick e.
        jacobians: :math:`H_\varphi` and :math:`q b^2` of each kick, ``(2, n_layers, capacity, n_widest)``.
        kicks: Summed weights of each input pulse, and the derivatives for them, ``(2, capacity, n_1)``.
        states: a, b, and of the rate pass q, q b^2, the rate, its derivative, the kick, its derivative,
            ``(8, n_layers, n_widest)``.
    """

    n_events: IntArray
    times: FloatArray
    rows: IntArray
    d_times: FloatArray
    before: IntArray
    jacobians: FloatArray
    kicks: FloatArray
    states: FloatArray


def room(sizes: IntArray, capacity: int) -> Room:
    """Working memory for layers of given sizes, the inputs' first."""
    n, widest = sizes.size - 1, int(sizes[1:].max())
    return Room(
        n_events=np.zeros(n + 1, np.int64),
        times=np.empty((n + 1, capacity)),
        rows=np.empty((n + 1, capacity), np.int64),
        d_times=np.empty((n + 1, capacity)),
        before=np.empty((n, capacity), np.int64),
        jacobians=np.empty((2, n, capacity, widest)),
        kicks=np.empty((2, capacity, int(sizes[1]))),
        states=np.empty((8, n, widest)),
    )


@kernel
def run_samples(
    first: int,
    last: int,
    weights: FloatArray,
    start: FloatArray,
    sizes: IntArray,
    sample_starts: IntArray,
    pulse_times: FloatArray,
    pulse_starts: IntArray,
    members: AnyArray,
    labels: IntArray,
    tau: float,
    r: float,
    duration: float,
    gamma: float,
    losses: FloatArray,
    answers: FloatArray,
    spiked: AnyArray,
    counts: IntArray,
    gradient: FloatArray,
    d_pulses: FloatArray,
    memory: Room,
) -> int:
    r"""Run samples `first` to `last` (exclusive); add up their gradients if there is room for one.

    Args:
        first: A sample.
        last: A sample.
        weights: Of all layers one after another, each ``(n_pre, n_post)``.
        start: a and b of all neurons at time 0, ``(2, n_neurons)``.
        sizes: Neurons of each layer, the inputs' first, ``(n_layers + 1,)``.
        sample_starts: Where each sample's pulses begin, ``(n_samples + 1,)``.
        pulse_times: When each pulse comes, rising within a sample, in 0 to `duration`.
        pulse_starts: Where the members of each pulse begin, ``(n_pulses + 1,)``.
        members: The inputs that spike together.
        labels: The right output of each sample.
        tau: Time constant.
        r: :math:`\sqrt{I_0 - 1/4}`.
        duration: T.
        gamma: Weight of the loss's second term.
        losses: Filled, ``(n_samples,)``.
        answers: First spike or pseudospike of each output, filled, ``(n_samples, n_outputs)``.
        spiked: Whether it was a spike, filled.
        counts: Spikes of each neuron, added to, ``(n_neurons,)``.
        gradient: dL/dweights, then dL/dphases, added to; empty for none.
        d_pulses: dL/dt of each pulse, filled if there is a gradient.
        memory: Working memory.

    Returns:
        -1, or the first sample for which the memory did not suffice.
    """
    for s in range(first, last):
        fits = _forward(
            s, weights, start, sizes, sample_starts, pulse_times, pulse_starts, members, tau, r, duration,
            counts, memory,
        )  # fmt: skip
        if not fits:
            return s
        _rates(weights, sizes, r, memory)
        losses[s] = _loss(labels[s], sizes, tau, r, duration, gamma, answers[s], spiked[s], memory)
        if gradient.size:
            _rates_adjoint(weights, sizes, tau, r, gradient, memory)
            _adjoint(weights, sizes, tau, r, gradient, memory)
            for e in range(memory.n_events[0]):
                pulse = sample_starts[s] + e
                d_pulses[pulse] = memory.d_times[0, e]
                for x in range(pulse_starts[pulse], pulse_starts[pulse + 1]):
                    at = members[x] * sizes[1]
                    _add(gradient[at : at + sizes[1]], memory.kicks[1, e])
    return -1


@kernel
def _forward(
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
        _clear(total)
        for x in range(pulse_starts[n_first + e], pulse_starts[n_first + e + 1]):
            at = members[x] * sizes[1]
            _add(total, weights[at : at + sizes[1]])
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


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
def _rates(weights: FloatArray, sizes: IntArray, r: float, memory: Room) -> None:
    """The rate pass: the rates of all layers after T, and what backward needs of them."""
    at = 0
    for layer in range(sizes.size - 1):
        n_pre, n_post = sizes[layer], sizes[layer + 1]
        a, b, q = memory.states[0, layer], memory.states[1, layer], memory.states[2, layer]
        g, rate, kick = memory.states[3, layer], memory.states[4, layer], memory.states[6, layer, :n_post]
        _clear(kick)
        if layer:
            for j in range(n_pre):
                _add_times(kick, memory.states[4, layer - 1, j], weights[at : at + n_post])
                at += n_post
        else:
            at = n_pre * n_post
        for i in range(n_post):
            x = a[i] + kick[i] / r * b[i]
            q[i] = 1.0 / (x * x + b[i] * b[i])
            g[i] = b[i] * b[i] * q[i]
            rate[i] = 1.0 - math.atan2(b[i], x) / math.pi


@kernel
def _loss(
    label: int,
    sizes: IntArray,
    tau: float,
    r: float,
    duration: float,
    gamma: float,
    answer: FloatArray,
    spiked: AnyArray,
    memory: Room,
) -> float:
    """The loss of one sample; leaves its derivatives with the outputs' spikes and rates."""
    last = sizes.size - 2
    times, rows, d_times = memory.times[last + 1], memory.rows[last + 1], memory.d_times[last + 1]
    rate, d_rate = memory.states[4, last], memory.states[5, last]
    period = math.pi * tau / r
    n, n_spikes = sizes[last + 1], memory.n_events[last + 1]
    for i in range(n):
        answer[i] = duration + period * (1.0 - rate[i])
        spiked[i] = False
    for x in range(n_spikes - 1, -1, -1):
        answer[rows[x]] = times[x]
        spiked[rows[x]] = True
    earliest = answer[0]
    for i in range(n):
        earliest = min(earliest, answer[i])
    total = 0.0
    for i in range(n):
        total += math.exp(earliest - answer[i])
    late = math.exp(answer[label] / duration)
    loss: float = answer[label] - earliest + math.log(total) + gamma * (late - 1.0)
    for x in range(n_spikes):
        d_times[x] = 0.0
    for i in range(n):
        d = -math.exp(earliest - answer[i]) / total
        if i == label:
            d += 1.0 + gamma * late / duration
        d_rate[i] = 0.0 if spiked[i] else -period * d
        if spiked[i]:
            for x in range(n_spikes):
                if rows[x] == i:
                    d_times[x] = d
                    break
    return loss


@kernel
def _rates_adjoint(
    weights: FloatArray, sizes: IntArray, tau: float, r: float, gradient: FloatArray, memory: Room
) -> None:
    """Back through the rate pass: leaves lambda at T in the place of the rates' derivatives."""
    period = math.pi * tau / r
    at = weights.size
    for layer in range(sizes.size - 2, -1, -1):
        n_pre, n_post = sizes[layer], sizes[layer + 1]
        q, g = memory.states[2, layer], memory.states[3, layer]
        d_rate, d_kick = memory.states[5, layer], memory.states[7, layer, :n_post]
        for i in range(n_post):
            d_phase = d_rate[i] / period
            d_kick[i] = d_phase * tau / (r * r) * g[i]
            d_rate[i] = d_phase * q[i]
        if layer:
            for j in range(n_pre - 1, -1, -1):
                at -= n_post
                rate = memory.states[4, layer - 1, j]
                memory.states[5, layer - 1, j] = _dot(weights[at : at + n_post], d_kick)
                _add_times(gradient[at : at + n_post], rate, d_kick)


@kernel
def _adjoint(
    weights: FloatArray, sizes: IntArray, tau: float, r: float, gradient: FloatArray, memory: Room
) -> None:
    """Back through all layers; the gradient of input weights stays with the pulses."""
    at = weights.size
    neuron = gradient.size
    for layer in range(sizes.size - 2, -1, -1):
        n_pre, n_post = sizes[layer], sizes[layer + 1]
        at -= n_pre * n_post
        neuron -= n_post
        n_kicks = memory.n_events[layer]
        d_kicks = memory.kicks[1]
        if layer:
            d_kicks = gradient[at : at + n_pre * n_post].reshape((n_pre, n_post))
        else:
            for e in range(n_kicks):
                _clear(d_kicks[e])
        lam = memory.states[5, layer, :n_post]
        rows, d_times, before = memory.rows[layer], memory.d_times[layer], memory.before[layer]
        own, d_own = memory.rows[layer + 1], memory.d_times[layer + 1]
        p = memory.n_events[layer + 1] - 1
        for e in range(n_kicks - 1, -1, -1):
            while p >= before[e]:
                lam[own[p]] -= d_own[p]
                p -= 1
            h_phase, h_weight = memory.jacobians[0, layer, e], memory.jacobians[1, layer, e]
            d_times[e] = _kick_adjoint(lam, h_phase, h_weight, tau / (r * r), d_kicks[rows[e]])
        while p >= 0:
            lam[own[p]] -= d_own[p]
            p -= 1
        _add(gradient[neuron : neuron + n_post], lam)


@kernel
def _kick_adjoint(
    lam: FloatArray, h_phase: FloatArray, h_weight: FloatArray, factor: float, d_kick: FloatArray
) -> float:
    d_time = 0.0
    for i in range(lam.size):
        d_time += lam[i] * (h_phase[i] - 1.0)
        d_kick[i] += factor * lam[i] * h_weight[i]
        lam[i] = lam[i] * h_phase[i]
    return d_time


@kernel
def _clear(row: FloatArray) -> None:
    for i in range(row.size):
        row[i] = 0.0


@kernel
def _add(total: FloatArray, row: FloatArray) -> None:
    for i in range(total.size):
        total[i] += row[i]


@kernel
def _add_times(total: FloatArray, factor: float, row: FloatArray) -> None:
    for i in range(total.size):
        total[i] += factor * row[i]


@kernel
def _dot(x: FloatArray, y: FloatArray) -> float:
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total

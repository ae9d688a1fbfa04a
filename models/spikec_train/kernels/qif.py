r"""Loss and exact gradient of one trial of recurrent `QifExp` neurons.

Time is counted in units of the neurons' time constant. A membrane is the point :math:`(a, b)` of the unit
circle with :math:`V = a / b`, :math:`b \ge 0`, and has the angle :math:`\psi = \operatorname{atan2}(a, b)`.
With :math:`E = e^{-\Delta t}`, :math:`s = 1 - E` and the current I from before, a neuron that is left alone
moves by

.. math:: a \to E (C a + I S b), \qquad b \to C b - S a, \qquad I \to I E^2

where :math:`C = \cos(q s)`, :math:`S = \sin(q s) / q`, :math:`q = \sqrt I`, or hyperbolic functions of
:math:`q = \sqrt{-I}`. It spikes where b becomes negative; the reset flips both signs, which moves no
:math:`\psi`. With :math:`h = C^2 + I S^2` (1, unless C and S are scaled), :math:`D = (s h - S C) / (2 I)` and
the squared length m of the new point, before it is put back on the circle,

.. math:: \frac{\partial\psi'}{\partial\psi} = \frac{E h}{m}, \qquad
          \frac{\partial\psi'}{\partial I} = \frac{E\,[(a^2 + I b^2) D + S b b']}{m}, \qquad
          \frac{\partial I'}{\partial I} = E^2.

A neuron is brought forward only when something touches it: an arrival, its own spike, another neuron's spike,
and the end. Each touch leaves these three derivatives and :math:`b^2` behind.

**Adjoint.** :math:`\lambda = dL/d\psi` and :math:`\mu = dL/dI` of each neuron go back over its touches. A
kick of weight w at :math:`t_e` gives :math:`\mu` to :math:`dL/dw` and :math:`w (2 \mu - \lambda b^2)` to
:math:`dL/dt_e`, for it changes :math:`\dot\psi` by :math:`w b^2` and :math:`\dot I` by :math:`-2 w`. At a
spike :math:`\dot\psi = 1`, so the neuron that spiked loses :math:`dL/dt_e` from its :math:`\lambda`.

**Pseudospikes.** After the trial's end T the network goes on as one of rates. Neuron i has the current
:math:`I_i(T) + \sum_j w_{ji} r_j` for good, made positive as :math:`J = \alpha \ln(1 + e^{I / \alpha})`, so
that it spikes for the k-th time at :math:`T + (k \pi - \theta_i - \pi/2) / \sqrt J` with
:math:`\theta_i = \arctan((V_i - 1/2) / \sqrt J)`. The rates :math:`r_j = 1/2 + \theta_j / \pi` take J to be
:math:`\alpha \ln 2`, that of no current.

Source: C. Klos and R.-M. Memmesheimer, Phys. Rev. Lett. 134, 027301 (2025); written from the equations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec_train.kernels import inner, kernel

SMALL = 1e-2
""":math:`|I| s^2` up to which C, S and D are taken from their series; these are exact to 1e-13."""


class Room(NamedTuple):
    r"""Working memory of a trial with at most ``capacity`` spikes.

    Attributes:
        events: What happened in order: the number of an arrival, or -1 for a spike.
        spikes: Which neuron spiked, ``(capacity,)``.
        spike_times: When, units of time.
        d_spike_times: dL/dt of each spike.
        derivatives: :math:`\partial\psi'/\partial\psi`, :math:`\partial\psi'/\partial I`,
            :math:`\partial I'/\partial I` and :math:`b^2` of each touch, ``(n_touches, 4)``.
        states: Of each neuron a, b, I, the time of these, its next spike, lambda, mu, the rate after T,
            its derivative for psi, the kick of all rates and dL for it, ``(11, n_neurons)``.
    """

    events: IntArray
    spikes: IntArray
    spike_times: FloatArray
    d_spike_times: FloatArray
    derivatives: FloatArray
    states: FloatArray


def room(n_neurons: int, n_arrivals: int, capacity: int) -> Room:
    """Working memory for a number of neurons, of arrivals and of spikes."""
    n_touches = n_arrivals + n_neurons * (capacity + 1)
    return Room(
        events=np.empty(n_arrivals + capacity, np.int64),
        spikes=np.empty(capacity, np.int64),
        spike_times=np.empty(capacity),
        d_spike_times=np.empty(capacity),
        derivatives=np.empty((n_touches, 4)),
        states=np.empty((11, n_neurons)),
    )


@kernel
def run_trial(
    weights: FloatArray,
    v: FloatArray,
    current: FloatArray,
    input_weights: FloatArray,
    times: FloatArray,
    order: IntArray,
    sources: IntArray,
    receivers: IntArray,
    duration: float,
    alpha: float,
    target_neurons: IntArray,
    target_ranks: IntArray,
    target_times: FloatArray,
    factors: FloatArray,
    one_sided: AnyArray,
    answers: FloatArray,
    spiked: AnyArray,
    differentiate: bool,
    d_weights: FloatArray,
    d_v: FloatArray,
    d_current: FloatArray,
    d_input_weights: FloatArray,
    d_times: FloatArray,
    memory: Room,
) -> tuple[float, int]:
    r"""Run a trial; add up the gradient of its loss if it is wanted.

    Args:
        weights: Of the recurrent synapses, ``(n_pre, n_post)``; no neuron reaches itself.
        v: V at time 0, ``(n_neurons,)``.
        current: I at time 0.
        input_weights: Of each input, ``(n_inputs,)``.
        times: When each arrival comes, in 0 to `duration`, ``(n_arrivals,)``.
        order: The arrivals in order of time.
        sources: Which input each arrival is of.
        receivers: The neuron that each input reaches.
        duration: T.
        alpha: How softly currents after T are made positive.
        target_neurons: Whose spike is wanted, ``(n_targets,)``.
        target_ranks: Which of its spikes, counted from 0.
        target_times: When it is wanted.
        factors: :math:`f` of the loss :math:`\sum f (t - t^*)^2`.
        one_sided: Whether only a spike that is too early costs anything.
        answers: The spike or pseudospike of each target, filled.
        spiked: Whether it was a spike, filled.
        differentiate: Whether the derivatives are wanted; all others are then added to.
        d_weights: dL/dweights.
        d_v: dL/dv.
        d_current: dL/dcurrent.
        d_input_weights: dL/dinput_weights.
        d_times: dL/dtimes.
        memory: Working memory.

    Returns:
        The loss, and the number of spikes, -1 if the memory did not suffice.
    """
    n_spikes = _forward(
        weights, v, current, input_weights, times, order, sources, receivers, duration, memory
    )
    if n_spikes < 0:
        return math.nan, n_spikes
    _rates(weights, alpha, memory)
    loss = _loss(
        n_spikes, duration, alpha, target_neurons, target_ranks, target_times, factors, one_sided, answers,
        spiked, memory,
    )  # fmt: skip
    if differentiate:
        _rates_adjoint(weights, d_weights, memory)
        _adjoint(
            n_spikes, weights, input_weights, sources, receivers, d_weights, d_input_weights, d_times, memory
        )
        for i in range(v.size):
            d_v[i] += memory.states[5, i] / (1.0 + v[i] * v[i])
            d_current[i] += memory.states[6, i]
    return loss, n_spikes


@inner
def _forward(
    weights: FloatArray,
    v: FloatArray,
    current: FloatArray,
    input_weights: FloatArray,
    times: FloatArray,
    order: IntArray,
    sources: IntArray,
    receivers: IntArray,
    duration: float,
    memory: Room,
) -> int:
    """Run up to T. Returns the number of spikes, or -1 if there are more than fit."""
    n = v.size
    states, derivatives = memory.states, memory.derivatives
    a, b, i, since, coming = states[0], states[1], states[2], states[3], states[4]
    for k in range(n):
        b[k] = 1.0 / math.sqrt(1.0 + v[k] * v[k])
        a[k] = v[k] * b[k]
        i[k] = current[k]
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
            k = receivers[sources[arrival]]
            _touch(k, now, n_touches, states, derivatives)
            n_touches += 1
            i[k] += input_weights[sources[arrival]]
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
                    i[k] += weights[j, k]
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
def _rates(weights: FloatArray, alpha: float, memory: Room) -> None:
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


@inner
def _loss(
    n_spikes: int,
    duration: float,
    alpha: float,
    target_neurons: IntArray,
    target_ranks: IntArray,
    target_times: FloatArray,
    factors: FloatArray,
    one_sided: AnyArray,
    answers: FloatArray,
    spiked: AnyArray,
    memory: Room,
) -> float:
    """The loss; leaves its derivatives with the spikes, and with lambda and mu at T."""
    loss = 0.0
    for x in range(n_spikes):
        memory.d_spike_times[x] = 0.0
    for k in range(target_neurons.size):
        i, left, found = target_neurons[k], target_ranks[k], -1
        for x in range(n_spikes):
            if memory.spikes[x] == i:
                if left == 0:
                    found = x
                    break
                left -= 1
        spiked[k] = found >= 0
        d_psi, d_i = 0.0, 0.0
        if found >= 0:
            answers[k] = memory.spike_times[found]
        else:
            answers[k], d_psi, d_i = _pseudospike(i, left + 1, duration, alpha, memory)
        late = answers[k] - target_times[k]
        if one_sided[k] and late > 0.0:
            continue
        loss += factors[k] * late * late
        d = 2.0 * factors[k] * late
        if found >= 0:
            memory.d_spike_times[found] += d
        else:
            memory.states[5, i] += d * d_psi
            memory.states[6, i] += d * d_i
            memory.states[10, i] += d * d_i
    return loss


@inner
def _pseudospike(i: int, k: int, duration: float, alpha: float, memory: Room) -> tuple[float, float, float]:
    """When neuron i would spike for the k-th time after T, and the derivatives for psi and I."""
    a, b = memory.states[0, i], memory.states[1, i]
    z = (memory.states[2, i] + memory.states[9, i]) / alpha
    e = math.exp(-abs(z))
    r = math.sqrt(alpha * (max(z, 0.0) + math.log1p(e)))
    slope = (1.0 if z > 0.0 else e) / (1.0 + e)
    x, y = r * b, a - b / 2.0
    m = x * x + y * y
    after = ((k - 0.5) * math.pi - math.atan2(y, x)) / r
    d_r = (y * b / m - after) / r
    return duration + after, -1.0 / m, d_r * slope / (2.0 * r)


@inner
def _rates_adjoint(weights: FloatArray, d_weights: FloatArray, memory: Room) -> None:
    """Back through the rates."""
    rate, d_rate, d_kick = memory.states[7], memory.states[8], memory.states[10]
    for j in range(rate.size):
        d = 0.0
        for i in range(rate.size):
            if i != j:
                d_weights[j, i] += rate[j] * d_kick[i]
                d += weights[j, i] * d_kick[i]
        memory.states[5, j] += d * d_rate[j]


@inner
def _adjoint(
    n_spikes: int,
    weights: FloatArray,
    input_weights: FloatArray,
    sources: IntArray,
    receivers: IntArray,
    d_weights: FloatArray,
    d_input_weights: FloatArray,
    d_times: FloatArray,
    memory: Room,
) -> None:
    """Back over all events: leaves lambda and mu at time 0."""
    n = weights.shape[0]
    states, derivatives = memory.states, memory.derivatives
    lam, mu = states[5], states[6]
    n_events = sources.size + n_spikes
    x = sources.size + n_spikes * n + n - 1
    for k in range(n - 1, -1, -1):
        _touch_adjoint(k, x, states, derivatives)
        x -= 1
    p = n_spikes - 1
    for e in range(n_events - 1, -1, -1):
        arrival = memory.events[e]
        if arrival >= 0:
            source = sources[arrival]
            k = receivers[source]
            d_input_weights[source] += mu[k]
            d_times[arrival] += input_weights[source] * (2.0 * mu[k] - lam[k] * derivatives[x, 3])
            _touch_adjoint(k, x, states, derivatives)
            x -= 1
        else:
            j = memory.spikes[p]
            d = memory.d_spike_times[p]
            p -= 1
            for k in range(n - 1, -1, -1):
                if k != j:
                    d_weights[j, k] += mu[k]
                    d += weights[j, k] * (2.0 * mu[k] - lam[k] * derivatives[x, 3])
                    _touch_adjoint(k, x, states, derivatives)
                    x -= 1
            lam[j] -= d
            _touch_adjoint(j, x, states, derivatives)
            x -= 1


@inner
def _touch_adjoint(k: int, x: int, states: FloatArray, derivatives: FloatArray) -> None:
    lam = states[5, k]
    states[5, k] = lam * derivatives[x, 0]
    states[6, k] = states[6, k] * derivatives[x, 2] + lam * derivatives[x, 1]

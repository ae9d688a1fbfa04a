r"""Loss and exact gradient of feed-forward networks of `CubaLif` neurons that spike once, sample by sample.

Times are in units of :math:`\tau_s`, membranes in units of the threshold. Between arrivals

.. math:: I(t) = I_0 e^{-t}, \quad V(t) = V_0 e^{-at} + I_0 K(t), \quad
          K(t) = \frac{e^{-at} - e^{-t}}{1 - a} \;\; (t e^{-t} \text{ if } a = 1), \quad \dot V = I - aV

with :math:`a = \tau_s / \tau_m \le 1`, and the spike of synapse j, which left at :math:`t_j`, makes I jump by
:math:`w_j` at :math:`s_j = t_j + d_j`. Where V rises towards the threshold it is concave, for
:math:`\ddot V = -a \dot V - I`: Newton's steps from the left come nearer to the crossing and never pass it.

**Adjoint.** The first spike T solves :math:`\sum_j w_j K(T - s_j) = 1`, the sum over :math:`s_j \le T`. So

.. math:: \frac{\partial T}{\partial w_j} = -\frac{K(T - s_j)}{\dot V(T)}, \qquad
          \frac{\partial T}{\partial s_j} = \frac{w_j\, K'(T - s_j)}{\dot V(T)}, \qquad K' = e^{-t} - a K

where :math:`\dot V(T)` vanishes if the maximum just touches the threshold: there the derivatives diverge, and
a floor under :math:`\dot V` bounds them. Derivatives of T with respect to delays, and to the spikes of the
layer before, are those with respect to arrivals. Nothing but T and :math:`\dot V(T)` has to be remembered.

**Silent neurons.** Their highest membrane is smooth in the same quantities, with the derivatives
:math:`K(t^* - s_j)` and :math:`-w_j K'(t^* - s_j)`: the place :math:`t^*` of a maximum adds nothing. But a
maximum that inhibition makes moves with it, which gives that arrival :math:`\dot V` before it.

Sources: J. Goeltz et al., Nat. Mach. Intell. 3, 823 (2021) for T and its derivatives, J. Goeltz et al., Nat.
Commun. 16 (2025), doi:10.1038/s41467-025-63120-y for those of delays, R. Guetig and H. Sompolinsky, Nat.
Neurosci. 9, 420 (2006) for the highest membrane; written from the equations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec_train.kernels import inner, kernel

CERTAIN = 1e-15
"""Share of a time below which Newton's step ends the search."""


class Room(NamedTuple):
    """Working memory of one thread.

    Attributes:
        order: Presynaptic neurons of the layer at hand by arrival, ``(n_widest,)``.
        arrivals: At the neuron at hand, ``(n_widest,)``.
        times: Spikes of each layer, the inputs first, infinite for none, ``(n_layers + 1, n_widest)``.
        d_times: dL/dt of each; of silent neurons -dL/dV of the highest membrane.
        places: Of each neuron its spike, or its highest membrane's time if there is none.
        slopes: The membrane's slope there; before the arrival, if one is there.
        heights: The highest membrane of a silent neuron.
        pins: Which arrival makes that maximum, or -1.
    """

    order: IntArray
    arrivals: FloatArray
    times: FloatArray
    d_times: FloatArray
    places: FloatArray
    slopes: FloatArray
    heights: FloatArray
    pins: IntArray


def room(sizes: IntArray) -> Room:
    """Working memory for layers of given sizes, the inputs' first."""
    widest = int(sizes.max())
    shape = (sizes.size, widest)
    return Room(
        order=np.empty(widest, np.int64),
        arrivals=np.empty(widest),
        times=np.empty(shape),
        d_times=np.empty(shape),
        places=np.empty(shape),
        slopes=np.empty(shape),
        heights=np.empty(shape),
        pins=np.empty(shape, np.int64),
    )


@kernel
def run_samples(
    first: int,
    last: int,
    weights: FloatArray,
    delays: FloatArray,
    sizes: IntArray,
    inputs: FloatArray,
    labels: IntArray,
    a: float,
    duration: float,
    temperature: float,
    gamma: float,
    wake: float,
    flattest: float,
    losses: FloatArray,
    answers: FloatArray,
    spikes: FloatArray,
    gradient: FloatArray,
    d_inputs: FloatArray,
    memory: Room,
) -> None:
    r"""Run samples `first` to `last` (exclusive); add up their gradients if there is room for one.

    Args:
        first: A sample.
        last: A sample.
        weights: Of all layers one after another, each ``(n_post, n_pre)``.
        delays: Likewise.
        sizes: Neurons of each layer, the inputs' first, ``(n_layers + 1,)``.
        inputs: When each input spikes, infinite for never, ``(n_samples, n_inputs)``.
        labels: The right output of each sample.
        a: :math:`\tau_s / \tau_m`, at most 1.
        duration: T, after which no spike counts.
        temperature: The scale on which the loss tells answers apart.
        gamma: Weight of the loss's second term.
        wake: Weight of what silent hidden neurons lack to their threshold.
        flattest: A floor under the slope with which a membrane reaches its threshold.
        losses: Filled, ``(n_samples,)``.
        answers: When each output spikes, or would, filled, ``(n_samples, n_outputs)``.
        spikes: When each neuron spikes, infinite for never, filled, ``(n_samples, n_neurons)``.
        gradient: dL/dweights and dL/ddelays, added to, ``(2, n_synapses)``; empty for none.
        d_inputs: dL/dt of each input, filled if there is a gradient.
        memory: Working memory.
    """
    for s in range(first, last):
        for j in range(sizes[0]):
            memory.times[0, j] = inputs[s, j]
        _forward(weights, delays, sizes, a, duration, spikes[s], memory)
        losses[s] = _loss(labels[s], sizes, a, duration, temperature, gamma, wake, answers[s], memory)
        if gradient.size:
            _adjoint(weights, delays, sizes, a, flattest, gradient, memory)
            for j in range(sizes[0]):
                d_inputs[s, j] = memory.d_times[0, j]


@inner
def _forward(
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
def _kernel(a: float, t: float) -> tuple[float, float]:
    r"""K and :math:`K'` at a time from 0 on."""
    keep = math.exp(-a * t)
    r = 1.0 - a
    k = t * keep if r == 0.0 else -math.expm1(-r * t) / r * keep
    return k, keep - k  # exp(-t) = exp(-at) - (1 - a) K


@inner
def _advance(a: float, v: float, i: float, t: float) -> tuple[float, float]:
    """Membrane and current a time `t` later."""
    k, slope = _kernel(a, t)
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


@inner
def _loss(
    label: int,
    sizes: IntArray,
    a: float,
    duration: float,
    temperature: float,
    gamma: float,
    wake: float,
    answer: FloatArray,
    memory: Room,
) -> float:
    """The loss of one sample; leaves its derivatives where `Room.d_times` has them."""
    last = sizes.size - 1
    n = sizes[last]
    d_times, delay = memory.d_times[last], 1.0 / a
    for i in range(n):
        time = memory.times[last, i]
        late = duration + (1.0 - memory.heights[last, i]) * delay
        answer[i] = time if time < math.inf else late
    earliest = duration
    for i in range(n):
        earliest = min(earliest, answer[i])
    total = math.exp((earliest - duration) / temperature)
    for i in range(n):
        total += math.exp((earliest - answer[i]) / temperature)
    late = math.exp(answer[label] / duration)
    loss: float = (answer[label] - earliest) / temperature + math.log(total) + gamma * (late - 1.0)
    for i in range(n):
        d = -math.exp((earliest - answer[i]) / temperature) / total / temperature
        if i == label:
            d += 1.0 / temperature + gamma * late / duration
        d_times[i] = d if memory.times[last, i] < math.inf else d * delay
    for layer in range(1, last):
        for i in range(sizes[layer]):
            silent = memory.times[layer, i] == math.inf
            memory.d_times[layer, i] = wake if silent else 0.0
            if silent:
                loss += wake * (1.0 - memory.heights[layer, i])
    return loss


@inner
def _adjoint(
    weights: FloatArray,
    delays: FloatArray,
    sizes: IntArray,
    a: float,
    flattest: float,
    gradient: FloatArray,
    memory: Room,
) -> None:
    """Back through all layers."""
    for j in range(sizes[0]):
        memory.d_times[0, j] = 0.0
    synapse = weights.size
    for layer in range(sizes.size - 1, 0, -1):
        n_pre, n_post = sizes[layer - 1], sizes[layer]
        synapse -= n_pre * n_post
        times, d_times = memory.times[layer - 1], memory.d_times[layer - 1]
        for i in range(n_post):
            first = synapse + i * n_pre
            place, slope, pin = memory.places[layer, i], memory.slopes[layer, i], memory.pins[layer, i]
            g = -memory.d_times[layer, i]  # dL/dV*
            if memory.times[layer, i] < math.inf:
                g /= max(slope, flattest)
            for j in range(n_pre):
                age = place - times[j] - delays[first + j]
                if age < 0.0 and j != pin:
                    continue
                k, rise = _kernel(a, max(age, 0.0))
                d_arrival = g * slope if j == pin else -g * weights[first + j] * rise
                gradient[0, first + j] += g * k
                gradient[1, first + j] += d_arrival
                d_times[j] += d_arrival

"""Back through theta networks: the passes of `theta` that make the gradient."""

from __future__ import annotations

import math

from spikec.arrays import FloatArray, IntArray
from spikec_train.kernels import inner
from spikec_train.kernels.rows import add, add_times, clear, dot
from spikec_train.kernels.theta_room import Room


@inner
def back_through_rates(
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
                memory.states[5, layer - 1, j] = dot(weights[at : at + n_post], d_kick)
                add_times(gradient[at : at + n_post], rate, d_kick)


@inner
def back_through_layers(
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
                clear(d_kicks[e])
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
        add(gradient[neuron : neuron + n_post], lam)


@inner
def _kick_adjoint(
    lam: FloatArray, h_phase: FloatArray, h_weight: FloatArray, factor: float, d_kick: FloatArray
) -> float:
    d_time = 0.0
    for i in range(lam.size):
        d_time += lam[i] * (h_phase[i] - 1.0)
        d_kick[i] += factor * lam[i] * h_weight[i]
        lam[i] = lam[i] * h_phase[i]
    return d_time

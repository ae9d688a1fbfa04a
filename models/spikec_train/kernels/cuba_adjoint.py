"""Back through layers of `CubaLif` neurons: the pass of `cuba_lif` that makes the gradient."""

from __future__ import annotations

import math

from spikec.arrays import FloatArray, IntArray
from spikec_train.kernels import inner
from spikec_train.kernels.cuba_forward import response
from spikec_train.kernels.cuba_room import Room


@inner
def back_through_layers(
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
                k, rise = response(a, max(age, 0.0))
                d_arrival = g * slope if j == pin else -g * weights[first + j] * rise
                gradient[0, first + j] += g * k
                gradient[1, first + j] += d_arrival
                d_times[j] += d_arrival

"""Back through a trial of QIF neurons: the passes of `qif` that make the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikec.arrays import FloatArray
from spikec_train.kernels import inner
from spikec_train.kernels.qif_room import Arrivals, Room

if TYPE_CHECKING:
    from spikec_train.qif_gradient import Parts


@inner
def back_through_rates(weights: FloatArray, d_weights: FloatArray, memory: Room) -> None:
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
def back_through_events(n_spikes: int, parts: Parts, arrivals: Arrivals, d: Parts, memory: Room) -> None:
    """Back over all events: leaves lambda and mu at time 0."""
    weights, sources, n = parts.weights, arrivals.sources, parts.v.size
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
            k = arrivals.receivers[source]
            d.input_weights[source] += mu[k]
            d.times[arrival] += parts.input_weights[source] * (2.0 * mu[k] - lam[k] * derivatives[x, 3])
            _touch_adjoint(k, x, states, derivatives)
            x -= 1
        else:
            j = memory.spikes[p]
            d_time = memory.d_spike_times[p]
            p -= 1
            for k in range(n - 1, -1, -1):
                if k != j:
                    d.weights[j, k] += mu[k]
                    d_time += weights[j, k] * (2.0 * mu[k] - lam[k] * derivatives[x, 3])
                    _touch_adjoint(k, x, states, derivatives)
                    x -= 1
            lam[j] -= d_time
            _touch_adjoint(j, x, states, derivatives)
            x -= 1


@inner
def _touch_adjoint(k: int, x: int, states: FloatArray, derivatives: FloatArray) -> None:
    lam = states[5, k]
    states[5, k] = lam * derivatives[x, 0]
    states[6, k] = states[6, k] * derivatives[x, 2] + lam * derivatives[x, 1]

"""What `qif` takes and works in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray


class Arrivals(NamedTuple):
    """Input spikes.

    Attributes:
        order: The arrivals in order of time, ``(n_arrivals,)``.
        sources: Which input each arrival is of, ``(n_arrivals,)``.
        receivers: The neuron that each input reaches, ``(n_inputs,)``.
    """

    order: IntArray
    sources: IntArray
    receivers: IntArray


class Wanted(NamedTuple):
    r"""Targets, and what became of them; all ``(n_targets,)``.

    Attributes:
        neurons: Whose spike is wanted.
        ranks: Which of its spikes, counted from 0.
        times: :math:`t^*`, when.
        factors: :math:`f` of the loss :math:`\sum f (t - t^*)^2`.
        one_sided: Whether only a spike that is too early costs anything.
        answers: The spike or pseudospike of each target, filled.
        spiked: Whether it was a spike, filled.
    """

    neurons: IntArray
    ranks: IntArray
    times: FloatArray
    factors: FloatArray
    one_sided: AnyArray
    answers: FloatArray
    spiked: AnyArray


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

"""Working memory of `cuba_lif`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray


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

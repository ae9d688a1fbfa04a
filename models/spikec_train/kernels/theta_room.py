"""Working memory of `theta`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray


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

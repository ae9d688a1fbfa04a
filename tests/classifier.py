"""A small network in continuous time that reads digits and answers by counts."""

from __future__ import annotations

import numpy as np

from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Ramp, Source


def classifier(largest: float) -> Network:
    """With input weights from 0 to `largest`."""
    rng = np.random.default_rng(5)
    return Network(
        (
            Population("in", Source(one_spike=True), (64,)),
            Population("hidden", Ramp(2e-3, one_spike=True), (5,)),
            Population("out", Ramp(1e-3), (10,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(rng.uniform(0, largest, (5, 64)))),
            Projection("b", "hidden", "out", Dense(rng.normal(size=(10, 5)))),
        ),
        ("in",),
        ("out",),
        Continuous(),
        encoding=LatencyEncoding("in", 5e-3, 16.0, False, None, 8e-3),
        decoding=Decoding("out", Readout.COUNT),
    )

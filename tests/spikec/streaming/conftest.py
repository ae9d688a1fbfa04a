"""A classifier, its samples, and a run of it in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.container import save
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Ramp, Source
from spikec.program import Program
from spikec.targets.target import load_target


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(5)
    return Network(
        (
            Population("in", Source(one_spike=True), (64,)),
            Population("hidden", Ramp(2e-3, one_spike=True), (5,)),
            Population("out", Ramp(1e-3), (10,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(rng.uniform(0, 1, (5, 64)))),
            Projection("b", "hidden", "out", Dense(rng.normal(size=(10, 5)))),
        ),
        ("in",),
        ("out",),
        Continuous(),
        encoding=LatencyEncoding("in", 5e-3, 16.0, False, None, 8e-3),
        decoding=Decoding("out", Readout.COUNT),
    )


@pytest.fixture
def program(network) -> Program:
    return Program(network, load_target("ideal"))


@pytest.fixture
def net(network, tmp_path) -> Path:
    """As a file; it reads `digits`."""
    save(network, tmp_path / "net.npz")
    return tmp_path / "net.npz"

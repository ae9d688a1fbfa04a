"""NeuroBench's metrics on a small run, against its definitions worked out with dense matrices."""

import numpy as np
import pytest

from spikec.backend import run
from spikec.facts import facts
from spikec.ir.connectivity import Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.neurobench import neurobench
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

N_SAMPLES, N_TICKS = 3, 12


def test_the_metrics_are_those_of_neurobench_on_the_same_rasters() -> None:
    rng = np.random.default_rng(5)
    first = 2 * rng.integers(-20, 40, (6, 8)) * (rng.random((6, 8)) < 0.7)
    second = 2 * rng.integers(-20, 40, (3, 6))
    network = Network(
        populations=(
            Population("in", Source(), (8,)),
            Population("hidden", CubaFixed(4095, 200, 60), (6,)),
            Population("out", CubaFixed(4095, 200, 131071), (3,)),
        ),
        projections=(
            Projection("first", "in", "hidden", Dense(Fixed(first))),
            Projection("second", "hidden", "out", Dense(Fixed(second))),
        ),
        inputs=("in",),
        outputs=("out",),
        clock=Ticks(1e-3, LOIHI),
    )
    raster = rng.random((N_SAMPLES, N_TICKS, 8)) < 0.2
    program = Program(network, load_target("loihi2"))
    result = run(ReferenceBackend(), program, {"in": from_raster(raster)}, N_TICKS)
    hidden = result.spikes["hidden"].raster(N_TICKS)
    # NeuroBench: a copy of each layer with ones for weights other than zero, applied to binary inputs.
    accumulates = ((1 * raster) @ (first != 0).T).sum() + ((1 * hidden) @ (second != 0).T).sum()

    found = neurobench(facts(network), result.counters).to_json()

    assert hidden.any()
    assert found["SynapticOperations"]["Effective_ACs"] == pytest.approx(accumulates / N_SAMPLES)
    assert found["SynapticOperations"]["Effective_MACs"] == 0
    assert found["SynapticOperations"]["Dense"] == N_TICKS * (first.size + second.size)
    assert found["ActivationSparsity"] == pytest.approx(1 - hidden.sum() / hidden.size)
    zeros = (first == 0).sum() + (second == 0).sum()
    assert found["ConnectionSparsity"] == round(zeros / (first.size + second.size), 4)
    assert found["Footprint"] == facts(network)["footprint_bytes"]


def test_without_counts_only_the_static_metrics_are_given() -> None:
    static = {"footprint_bytes": 7, "connection_sparsity": 0.123456, "n_synapses": 4, "populations": []}
    assert neurobench(static, None).to_json() == {
        "Footprint": 7,
        "ConnectionSparsity": 0.1235,
        "ActivationSparsity": None,
        "SynapticOperations": {"Effective_MACs": None, "Effective_ACs": None, "Dense": None},
    }

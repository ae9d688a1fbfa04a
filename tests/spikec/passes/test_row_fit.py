"""Rows fitted to crossings: what can be hit exactly is hit, spikes come in time, proofs and promises stay."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.calibration import calibrate
from spikec.coding import Decoding, LatencyEncoding
from spikec.compare import compare
from spikec.execute import execute
from spikec.inputs import encode_samples
from spikec.ir.bounds import current_bounds, once_spiking
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, LiReadout, Ramp, Source
from spikec.passes.base import run_pipeline
from spikec.passes.grid_fit import Grid
from spikec.passes.pipelines import CompileOptions, compile_network, loihi
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.replay import replay
from spikec.passes.row_fit import crossings, missed, solve
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.rules import check_all
from spikec.targets.target import load_target

WINDOW = 0.008
LOIHI2 = load_target("loihi2")


def _network(neuron, seed=0, n_in=16, n=20):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(-0.3, 1.0, (n, n_in)) * rng.uniform(0.3, 1.0, (n, 1))
    return Network(
        (
            Population("in", Source(True), (n_in,)),
            Population("hidden", neuron, (n,)),
            Population("out", LiReadout(0.03, 0.01), (3,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(weights)),
            Projection("b", "hidden", "out", Dense(rng.normal(0, 1, (3, n))), Delays(np.array(0.001))),
        ),
        ("in",),
        ("out",),
        Continuous(),
        LatencyEncoding("in", WINDOW, 1.0, True, None, 2 * WINDOW),
        Decoding("out", "membrane"),
    )


def _ramp(n=20):
    return Ramp(WINDOW * np.linspace(1.5, 3.0, n), one_spike=True)


def _calibrated(network, seed, n=300):
    samples = np.random.default_rng(seed).uniform(size=(n, 16))
    return calibrate(network, ReferenceBackend(), encode_samples(network, samples))


def _lag(network, program, fresh):
    """Root mean square of how much hidden neurons' first spikes are off, ticks, unseen samples."""
    run = replay(program, fresh, find_backend("cpu"))
    wanted = fresh.first_times("hidden") / program.network.dt + program.late["hidden"]
    leads = [np.maximum(run.n_ticks - t, 0.0) for t in (run.spikes["hidden"].first_times(), wanted)]
    return np.sqrt(np.mean((leads[0] - leads[1]) ** 2))


def test_a_row_that_the_grid_can_hold_is_found_with_its_bias_and_scale():
    """Equations made from a row on the grid, at half the population's scale."""
    rng = np.random.default_rng(1)
    row, bias, scale, threshold = np.array([2.0, -1.0, 1.0, 0.0]), 3.5, 2.0**-1, 40.0
    x, b = rng.uniform(0, 9, (60, 4)), rng.uniform(1, 12, 60)
    above = (x @ row + bias * b - threshold) / scale
    terms = np.column_stack([x, b, above, np.ones(60)])
    sums, real = (terms.T @ terms)[None], (row / scale + rng.normal(0, 0.1, 4))[None]
    grid, shared = Grid(np.ones(4), np.full(4, -2.0), np.full(4, 2.0)), np.array([threshold])
    rows, biases, scales = solve(sums, real, grid, shared, (np.full(1, np.inf), np.full(1, np.inf)))
    np.testing.assert_array_equal(rows, row[None])
    assert biases[0] == pytest.approx(bias)
    assert scales[0] == scale
    assert missed(sums, rows, biases, scales, shared)[0] < 1e-6
    narrow = solve(sums, real, grid, shared, (np.ones(1), np.ones(1)))
    assert narrow[2][0] == 0 or np.abs(narrow[0]).sum() <= 2


@pytest.mark.parametrize("bits", [2, 3])
def test_spikes_come_nearer_to_the_float_networks_on_unseen_samples(bits):
    network = _network(_ramp())
    found, fresh = _calibrated(network, 1), _calibrated(network, 2, 100)
    options = CompileOptions(bits=bits, calibration=found)
    programs = [compile_network(network, LOIHI2, replace(options, rounding=r)) for r in Rounding]
    nearest, clipped, fitted = (_lag(network, p, fresh) for p in programs)
    figures = next(e.figures for e in programs[-1].log if e.step == "quantize-weights")
    assert figures["hidden.rows_fitted"] > 10
    assert fitted < 0.7 * min(nearest, clipped)


def test_proofs_and_promises_are_as_before():
    network = _network(_ramp())
    program = compile_network(network, LOIHI2, CompileOptions(bits=2, calibration=_calibrated(network, 1)))
    assert not check_all(program)
    assert "hidden" in once_spiking(program.network, program.n_ticks)
    assert current_bounds(program.network, program.n_ticks)["hidden"].share < 1


def test_programs_with_fitted_rows_are_the_same_everywhere():
    network = _network(_ramp())
    found = _calibrated(network, 1)
    options = CompileOptions(bits=2, calibration=found, repair=find_backend("cpu"))
    program = compile_network(network, LOIHI2, options)
    inputs = {name: e.select(0, 10) for name, e in found.inputs.items()}
    inputs = {name: e.to_ticks(program.network.dt) for name, e in inputs.items()}
    runs = [execute(program, find_backend(name), inputs) for name in ("reference", "cpu", "lava")]
    assert compare(runs[0], runs[1]).identical
    assert compare(runs[1], runs[2]).identical


@pytest.mark.parametrize("once", [False, True])
def test_only_neurons_that_spike_once_and_do_not_leak_are_fitted(once):
    """Of others the crossing that is fitted does not say all: they spike again, or cross before."""
    network = _network(CubaLif(0.004, 0.002, threshold=0.002, one_spike=once))
    found = _calibrated(network, 1, 40)
    passes = loihi(CompileOptions(bits=2, calibration=found))
    at = next(k for k, p in enumerate(passes) if isinstance(p, QuantizeWeights))
    before = run_pipeline(Program(network, LOIHI2), passes[:at])
    assert crossings(before, before.network.population("hidden"), found) is None


def test_few_samples_change_no_row():
    network = _network(_ramp())
    program = compile_network(network, LOIHI2, CompileOptions(bits=2, calibration=_calibrated(network, 1, 6)))
    figures = next(e.figures for e in program.log if e.step == "quantize-weights")
    assert figures["hidden.rows_fitted"] == 0

"""Rows fitted to crossings: what can be hit exactly is hit, spikes come in time, proofs and promises stay."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from spikec.passes.crossings import Crossings, Rows, crossings, sums_of_products
from spikec.passes.grid_fit import Grid
from spikec.passes.pipelines import CompileOptions, compile_network, loihi
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.replay import replay
from spikec.passes.row_fit import SCALES, best_bias, points
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.rules import check_all
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

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
    """Equations made from a row on the grid, below the population's scale."""
    rng = np.random.default_rng(1)
    row, bias, scale, threshold = np.array([2.0, -1.0, 1.0, 0.0]), 3.5, 2.0**-0.5, 40.0
    x, b = rng.uniform(0, 9, (60, 4)), rng.uniform(1, 12, 60)
    above = (x @ row + bias * b - threshold) / scale
    terms = np.column_stack([x, b, above, np.ones(60)])
    sums, shared = (terms.T @ terms)[None], np.array([threshold])
    real = Rows((row / scale + rng.normal(0, 0.1, 4))[None], np.zeros(1), shared / scale)
    found = points(sums, real, shared, Grid(np.ones(4), np.full(4, -2.0), np.full(4, 2.0)))
    np.testing.assert_array_equal(found[np.flatnonzero(scale == SCALES)[0]], row[None])
    assert best_bias(sums, row[None], scale, shared)[0] == pytest.approx(bias)


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 1.0), st.floats(0.5, 1.0))
def test_rows_are_off_by_what_a_membrane_that_runs_says(seed, r, b):
    """Tick by tick, in plain numpy."""
    rng = np.random.default_rng(seed)
    n, n_inputs, n_samples, n_ticks = 3, 5, 4, 12
    rows = [Rows(rng.normal(0, 1, (n, n_inputs)), rng.normal(0, 0.2, n), np.full(n, 2.0)) for _ in range(2)]
    found = Crossings(
        ("a",), rng.integers(0, n_ticks + 1, (n_samples, n_inputs)), rng.integers(0, 3, (n, n_inputs)),
        np.where(rng.random((n_samples, n)) < 0.3, np.inf, rng.uniform(0, n_ticks, (n_samples, n))),
        (r, b), n_ticks,
    )  # fmt: skip
    wanted = np.zeros((2, n))
    for k, (s, j) in product(range(2), product(range(n_samples), range(n))):
        crossed = n_ticks
        for t in reversed(range(n_ticks)):
            came = found.arrivals[s] + found.waits[j]
            v = rows[k].bias[j] * sum(b**i for i in range(t + 1)) + sum(
                w * sum(r**i * b ** (t - a - i) for i in range(t - a + 1))
                for w, a in zip(rows[k].weights[j], came, strict=True)
                if a <= t
            )
            crossed = t if v > rows[k].threshold[j] else crossed
        wanted[k, j] += (crossed - min(found.first[s, j], n_ticks)) ** 2 / n_samples
    np.testing.assert_allclose(found.off(rows), wanted)


@pytest.mark.parametrize(("steep", "counted"), [(10.0, 5 + 5 / 10**2), (1.5, 10 / 1.25**2)])
def test_a_crossing_counts_the_less_the_faster_the_membrane_rises(steep, counted):
    """Half the samples bring an input of weight one, half a steeper one; slopes that are alike are one."""
    arrivals = np.repeat([[0, 20], [20, 0]], 5, axis=0)
    first = np.repeat([[4.0], [np.ceil(4.5 / steep) - 1]], 5, axis=0)
    found = Crossings(("a",), arrivals, np.zeros((1, 2), np.int64), first, (1.0, 1.0), 20)
    sums = sums_of_products(found, Rows(np.array([[1.0, steep]]), np.zeros(1), np.array([4.5])))
    assert sums[0, -1, -1] == pytest.approx(counted)


def test_no_bias_carries_a_membrane_over_before_what_holds_it_back_has_come():
    """Sampled neurons are set in motion by a clock when all pixels are in; at 2 bits and 65 ticks a fit to
    crossings alone takes biases with which a third of them cross when the clock comes.
    """
    recipe = load_recipe("digits-sampled")
    network = train(replace(recipe, training=replace(recipe.training, hidden=64)), 0).network
    data = load_dataset("digits:train:600")
    found, fresh = (
        calibrate(network, find_backend("cpu"), encode_samples(network, samples))
        for samples in (data.samples[:500], data.samples[500:])
    )
    options = CompileOptions(bits=2, calibration=found, max_ticks=65)
    clipped, fitted = (
        compile_network(network, LOIHI2, replace(options, rounding=r))
        for r in (Rounding.CLIPPED, Rounding.FEEDBACK)
    )
    assert _lag(network, fitted, fresh) < 0.7 * _lag(network, clipped, fresh)


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

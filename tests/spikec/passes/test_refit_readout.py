"""A readout solved anew: linear as foretold, better where rounding spoilt it, kept where it did not."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.calibration import calibrate
from spikec.coding import Decoding, LatencyEncoding
from spikec.compare import compare
from spikec.errors import EventsError, UsageError
from spikec.execute import execute
from spikec.inputs import encode_samples
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import LiReadout, Ramp, Source
from spikec.passes.base import run_pipeline
from spikec.passes.judgement import unexplained
from spikec.passes.linear_readout import linear_readout
from spikec.passes.pipelines import CompileOptions, compile_network, loihi
from spikec.passes.refit_readout import RefitReadout
from spikec.passes.replay import replay
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.rules import check_all
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

WINDOW = 0.008
LOIHI2 = load_target("loihi2")


def _network(rng, n_in=6, n=20, n_out=3, readout=None, decoding="membrane"):
    """Ramp neurons that spike somewhere in the sample, and a readout that leaks."""
    out = LiReadout(0.03, 0.01) if readout is None else readout
    weights = rng.uniform(0.0, 1.0, (n, n_in)) * rng.choice([0.2, 1.0], (n, n_in))
    return Network(
        (
            Population("in", Source(True), (n_in,)),
            Population("hidden", Ramp(1.5 * WINDOW, one_spike=True), (n,)),
            Population("out", out, (n_out,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(weights)),
            Projection("b", "hidden", "out", Dense(rng.normal(0, 1, (n_out, n))), Delays(np.array(0.001))),
        ),
        ("in",),
        ("out",),
        Continuous(),
        LatencyEncoding("in", WINDOW, 1.0, True, None, 2 * WINDOW),
        Decoding("out", decoding),
    )


def _calibrated(network, samples, labels=None):
    return calibrate(network, ReferenceBackend(), encode_samples(network, samples), labels)


def _unpruned(network, bits):
    return run_pipeline(Program(network, LOIHI2), loihi(CompileOptions(bits=bits))[:-1])


@pytest.fixture(name="case", scope="module")
def _case():
    rng = np.random.default_rng(3)
    network = _network(rng)
    samples = rng.uniform(size=(120, 6))
    return network, samples, _calibrated(network, samples)


def test_membranes_are_the_linear_function_of_spikes_that_the_fit_relies_on(case):
    network, _, found = case
    program = _unpruned(network, 6)
    run = replay(program, found, ReferenceBackend())
    readout = linear_readout(program, run)
    assert run.spikes["hidden"].n_events > 500
    features = readout.features(run.spikes, 0, 120)
    weights = program.network.projections[1].connectivity.weights.value
    foretold = features @ weights.T
    assert np.abs(foretold - run.scores).max() < 1e-3 * np.abs(run.scores).max()
    np.testing.assert_array_equal(readout.features(run.spikes, 50, 70), features[50:70])


def test_rounding_to_two_bits_is_made_good(case):
    """Judged on samples that neither the fit nor its choice has seen."""
    network, _, found = case
    program = _unpruned(network, 2)
    repaired = RefitReadout(found, ReferenceBackend()).apply(program)
    assert repaired.log[-1].figures["taken"]
    fresh = _calibrated(network, np.random.default_rng(4).uniform(size=(100, 6)))
    before, after = (replay(p, fresh, ReferenceBackend()) for p in (program, repaired))
    assert unexplained(fresh.scores, after.scores) < 0.5 * unexplained(fresh.scores, before.scores)
    assert repaired.network.projections[1].connectivity.weights.format.bits == 2
    assert not check_all(repaired)
    sizes = after.scores / repaired.scales["out"]  # in units of the targets: their standard deviation
    assert 0.7 < (sizes - sizes.mean(axis=1, keepdims=True)).std() < 1.1


@pytest.mark.parametrize("label_free", [True, False])
def test_digits_at_three_bits_are_read_again(label_free):
    """128 sampled neurons, of whose answers 3 bits leave less; test images are not used in the repair."""
    recipe = load_recipe("digits-sampled")
    recipe = replace(recipe, training=replace(recipe.training, hidden=128))
    network, cpu = train(recipe, 0).network, find_backend("cpu")
    data, test = load_dataset("digits:train:600"), load_dataset("digits:test")
    found = calibrate(network, cpu, encode_samples(network, data.samples), data.labels)
    program = _unpruned(network, 3)
    repaired = RefitReadout(found, cpu, label_free).apply(program)
    assert repaired.log[-1].figures["targets"] == ("the float network's scores" if label_free else "labels")
    before, after = (
        np.mean(
            replay(p, calibrate(network, cpu, encode_samples(network, test.samples)), cpu).predictions
            == test.labels
        )
        for p in (program, repaired)
    )
    assert after > max(before, 0.94)


def test_a_readout_that_lost_nothing_is_kept(case):
    network, _, found = case
    program = _unpruned(network, 8)
    labels = np.random.default_rng(0).integers(0, 3, found.n_samples)
    kept = RefitReadout(replace(found, labels=labels), ReferenceBackend()).apply(program)
    assert kept.network is program.network
    assert kept.log[-1].figures["taken"] is False
    assert "readout kept" in kept.log[-1].summary


def test_repaired_programs_are_the_same_everywhere(case):
    network, samples, found = case
    program = compile_network(
        network, LOIHI2, CompileOptions(bits=3, calibration=found, repair=find_backend("cpu"))
    )
    assert [e.step for e in program.log][-2:] == ["refit-readout", "prune"]
    inputs = encode_samples(program.network, samples[:10])
    runs = [execute(program, find_backend(name), inputs) for name in ("reference", "cpu", "lava")]
    assert compare(runs[0], runs[1]).identical
    assert compare(runs[1], runs[2]).identical


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"decoding": Decoding("out", "maximum")}, "the maximum of a membrane"),
        ({"decoding": Decoding("hidden", "first")}, "a first spike"),
        ({"decoding": Decoding("hidden", "count")}, "a count of spikes"),
        ({"decoding": Decoding("hidden", "membrane")}, "neurons of hidden spike"),
        ({"decoding": None}, "does not say how"),
    ],
)
def test_other_readouts_are_kept_and_the_log_says_why(case, change, reason):
    network, samples, _ = case
    network = replace(network, **change)
    found = _calibrated(network, samples[:10])
    program = _unpruned(network, 4)
    kept = RefitReadout(found, ReferenceBackend()).apply(program)
    assert kept.network is program.network
    assert reason in kept.log[-1].summary


def test_divided_neurons_are_repaired_or_left_but_never_mistaken(case):
    """Several neurons for one tell parts of a tick; the float network has no spikes of each of them."""
    network, samples, _ = case
    found = _calibrated(network, samples[:40])
    options = CompileOptions(bits=3, parts=2, calibration=found, repair=ReferenceBackend())
    program = compile_network(network, LOIHI2, options)
    assert not check_all(program)
    figures = next(e.figures for e in program.log if e.step == "correct-bias")
    divided = program.network.population("hidden").n != network.population("hidden").n
    assert ("hidden.error_before" in figures) is not divided


def test_too_few_samples_and_features_that_never_differ_are_refused(case):
    network, samples, _ = case
    program = _unpruned(network, 4)
    few = RefitReadout(_calibrated(network, samples[:3]), ReferenceBackend())
    with pytest.raises(EventsError, match="3 samples are too few to refit the 3 columns of readout out"):
        few.apply(program)
    same = RefitReadout(_calibrated(network, np.repeat(samples[:1], 20, axis=0)), ReferenceBackend())
    with pytest.raises(EventsError, match="constant features"):
        same.apply(program)


def test_repair_without_samples_is_refused(case):
    with pytest.raises(UsageError, match="give some with --calibrate"):
        compile_network(case[0], LOIHI2, CompileOptions(repair=ReferenceBackend()))

"""Sampled networks of neurons that spike once: the engines see what the training saw."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.coding import encode
from spikec.errors import UsageError
from spikec.inputs import encode_samples
from spikec.ir.verify import verify
from spikec.passes.pipelines import compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.recipes import load_recipe, parse_recipe, train
from spikec_train.sampled_cuba import SampledCuba, sampled_cuba

SMALL = SampledCuba(hidden=30)


@pytest.fixture(scope="module")
def data():
    return load_dataset("yinyang:train:1000")


@pytest.fixture(scope="module")
def trained(data):
    return sampled_cuba(data, SMALL, np.random.default_rng(0))


def run(program, samples, backend, until, record=("readout.v.last",)):
    engine = find_backend(backend).prepare(program)
    return engine.run(encode_samples(program.network, samples), until, record)


def test_values_spike_when_the_networks_encoding_says(data, trained):
    spikes = encode(trained.network.encoding, data.samples[:50])["values"].first_times()
    np.testing.assert_allclose(SMALL.times(data.samples[:50], 1.0) * SMALL.tau_syn, spikes, atol=1e-15)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_the_engines_see_spikes_and_scores_of_the_training(data, backend, ratio):
    options = replace(SMALL, tau_mem=ratio * SMALL.tau_syn)
    trained = sampled_cuba(data, options, np.random.default_rng(1))
    few = load_dataset("yinyang:test:25")
    network = verify(trained.network)
    result = run(Program(network, load_target("ideal")), few.samples, backend, network.encoding.duration)
    lead = options.features(trained.weights, few.samples, few.x_max)
    times = result.spikes["hidden"].first_times()
    found = np.where(np.isfinite(times), options.duration - times, 0.0)
    np.testing.assert_allclose(found, lead, rtol=0, atol=1e-9 * options.duration)
    np.testing.assert_allclose(result.traces["readout.v.last"], trained.scores(few.samples), atol=1e-7)


def test_the_compiled_network_is_the_same_in_the_engines(trained):
    program = compile_network(trained.network, load_target("loihi2"))
    few = load_dataset("yinyang:test:20")
    one, other = (run(program, few.samples, b, program.n_ticks) for b in ("reference", "cpu"))
    for name in ("hidden", "readout"):
        np.testing.assert_array_equal(one.spikes[name].first_times(), other.spikes[name].first_times())
    np.testing.assert_array_equal(one.traces["readout.v.last"], other.traces["readout.v.last"])
    assert one.counters == other.counters
    assert one.spikes["hidden"].times.size > 100


def test_samples_taken_piece_by_piece_give_the_same_network_but_for_rounding(data, trained, monkeypatch):
    options = replace(SMALL, penalties=(1e-3,))
    whole = sampled_cuba(data, options, np.random.default_rng(3))
    monkeypatch.setattr("spikec_train.sampled_cuba._VALUES", 30 * 150)
    pieces = sampled_cuba(data, options, np.random.default_rng(3))
    np.testing.assert_array_equal(whole.weights, pieces.weights)
    np.testing.assert_allclose(whole.scores(data.samples), pieces.scores(data.samples), atol=1e-7)
    assert whole.spike_share == pieces.spike_share
    monkeypatch.setattr("spikec_train.sampled_cuba._VALUES", 4 * 300)  # pairs of 300 samples
    fewer = sampled_cuba(data, options, np.random.default_rng(3))
    assert np.mean(fewer.scores(data.samples).argmax(axis=1) == data.labels) > 0.85


def test_one_seed_is_one_network(data, trained):
    again = sampled_cuba(data, SMALL, np.random.default_rng(0))
    np.testing.assert_array_equal(again.weights, trained.weights)
    np.testing.assert_array_equal(again.readout.weights, trained.readout.weights)


def test_yinyang_is_told_apart_as_well_as_the_recipe_says():
    recipe = load_recipe("yinyang-sampled-cuba")
    result = train(recipe)
    accuracy = result.measure(load_dataset("yinyang:test"))["accuracy"]
    assert recipe.expected.shortfall(accuracy, None) is None
    assert 0 < result.figures["hidden_spike_share"] < 1


def labelled(samples, labels, n_classes=2):
    return Dataset("made", "train", samples, labels, samples.shape[1:], 1.0, n_classes)


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (np.random.default_rng(0).random((20, 3)), np.zeros(20, int), "all 20 training samples are of class"),
        (np.full((20, 3), 0.5), np.arange(20) % 2, "0 were found"),
        (np.random.default_rng(0).random((4, 3)), np.arange(4) % 2, "use fewer neurons"),
        (np.random.default_rng(0).random((1, 3)), np.zeros(1, int), "make no pair"),
    ],
)
def test_data_that_make_too_few_pairs_are_refused(samples, labels, message):
    with pytest.raises(UsageError, match=message):
        sampled_cuba(labelled(samples, labels), SMALL, np.random.default_rng(0))


def test_features_that_come_twice_and_constant_ones_do_no_harm():
    rng = np.random.default_rng(0)
    values = rng.random((120, 2))
    samples = np.hstack([values, values, np.full((120, 1), 0.3)])
    made = sampled_cuba(labelled(samples, (values[:, 0] > 0.5).astype(int)), SMALL, rng)
    assert np.mean(made.scores(samples).argmax(axis=1) == (values[:, 0] > 0.5)) > 0.85


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": 0}, {"tau_mem": 0.001}, {"tau_syn": 0.0}, {"window": 1.0}, {"read": 0.01525},
        {"duration": float("inf")}, {"gain": 0.0}, {"candidates": 0}, {"ridge": -1.0},
    ],
)  # fmt: skip
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError):
        SampledCuba(**wrong)


def test_faults_of_a_recipe_are_named():
    text = """
title: t
data: yinyang
seed: 0
training: {method: sampled-cuba, hiden: 3}
expected: {accuracy: 0.5, seconds: 1}
"""
    with pytest.raises(UsageError, match=r"training.hiden: Unexpected"):
        parse_recipe(text, "mine.yaml")

"""Theta networks from samples to a `Network` that other engines run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikec.backend import run as run_backend
from spikec.coding import BinaryEncoding, LatencyEncoding, Readout, decode
from spikec.errors import UsageError
from spikec.frontends import open_network
from spikec.inputs import encode_samples
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_train.datasets import load_dataset
from spikec_train.first_spike import FirstSpikeProblem, train_layers
from spikec_train.optimisers import AdaBelief
from spikec_train.recipes import load_recipe, train
from spikec_train.theta_gradient import pulses_at, run
from spikec_train.theta_training import ExactTheta, _flips

OPTIONS = ExactTheta(
    hidden=(12, 10), optimiser=AdaBelief(rate=0.02), epochs=4, batch=100, weight_scale=2.0, flips=0.02
)


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits:train")


@pytest.fixture(scope="module")
def trained(data):
    return train_layers(data, OPTIONS, seed=3)


def test_the_network_is_in_seconds_and_of_the_recipes_neurons(trained, data):
    network = verify(trained.network)
    neuron = network.population("hidden1").neuron
    assert [p.n for p in network.populations] == [64, 12, 10, 10]
    assert float(neuron.period) == pytest.approx(0.06, rel=1e-14)
    assert network.encoding == BinaryEncoding("pixels", 8.0, OPTIONS.input_time, 0.02)
    assert network.decoding.readout is Readout.FIRST
    assert neuron.phase.shape == (12,)


def test_the_reference_sees_the_spikes_that_the_training_saw(trained, data):
    few = load_dataset("digits:test:40")
    network = trained.network
    inputs = encode_samples(network, few.samples)
    spikes = ReferenceBackend().prepare(Program(network, load_target("ideal"))).run(inputs, 0.02).spikes
    pulses = pulses_at(few.samples >= 8, OPTIONS.input_time / OPTIONS.unit)
    found = run(trained.model, trained.training.parameters, pulses, few.labels)
    assert found.counts.sum() > 100
    counts = [spikes[p.name].counts().sum(axis=0) for p in network.populations[1:]]
    np.testing.assert_array_equal(found.counts, np.concatenate(counts))
    first = spikes["output"].first_times() / OPTIONS.unit
    np.testing.assert_array_equal(found.spiked, np.isfinite(first))
    np.testing.assert_allclose(found.times[found.spiked], first[found.spiked], rtol=0, atol=1e-9)
    answers = decode(network.decoding, spikes["output"], None)
    np.testing.assert_array_equal(answers, found.classes(pseudospikes=False))
    assert trained.figures(few)["accuracy"] == np.mean(answers == few.labels)


def test_phases_stay_within_the_period(data):
    done = train_layers(data.first(200), replace(OPTIONS, optimiser=AdaBelief(rate=1.0), epochs=5), 0)
    phases = done.training.parameters[done.model.n_weights :]
    assert phases.min() >= 0
    assert phases.max() <= done.model.period
    verify(done.network)


def test_figures_count_what_they_say(trained, data):
    figures = trained.figures(data)
    pulses = pulses_at(data.samples >= 8, OPTIONS.input_time / OPTIONS.unit)
    found = run(trained.model, trained.training.parameters, pulses, data.labels)
    spikes = found.counts[:22].sum() / 22 / data.n_samples
    assert figures["spikes_per_hidden_neuron"] == pytest.approx(spikes, rel=1e-12)
    assert figures["silent_hidden_share"] == np.mean(found.counts[:22] == 0)
    assert figures["loss"] == found.losses.mean()
    assert figures["decided_share"] == np.mean(found.spiked.any(axis=1))
    right = found.times.argmin(axis=1) == data.labels
    assert figures["accuracy_with_pseudospikes"] == np.mean(right)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_flips_have_their_share_everywhere(share):
    flips = _flips(share, (400, 50), np.random.default_rng(0))
    error = 4.5 * np.sqrt(share * (1 - share) / 400) + 1e-12
    assert np.abs(flips.mean(axis=0) - share).max() <= error
    assert np.abs(flips.mean() - share) <= error / np.sqrt(50)


def test_flips_are_seen_by_the_loss(data):
    model = OPTIONS.model(64, 10)
    problem = FirstSpikeProblem(replace(OPTIONS, flips=1.0), model, data.samples >= 8, data.labels, 1)
    parameters = problem.initial(np.random.default_rng(0))
    loss, _ = problem.gradient(parameters, np.arange(50), np.random.default_rng(1))
    pulses = pulses_at(data.samples[:50] < 8, OPTIONS.input_time / OPTIONS.unit)
    assert loss == pytest.approx(run(model, parameters, pulses, data.labels[:50]).losses.mean(), rel=1e-14)


def test_latencies_are_trained_on_as_other_engines_run_them():
    options = replace(
        OPTIONS, encoding="latency", window=0.015, unit=0.005, duration=0.06, flips=0.0, jitter=1e-4
    )
    done = train_layers(load_dataset("yinyang:train:500"), options, seed=1)
    assert done.network.encoding == LatencyEncoding("values", 0.015, 1.0, True, None, 0.06)
    few = load_dataset("yinyang:test:30")
    program = Program(verify(done.network), load_target("ideal"))
    inputs = encode_samples(done.network, few.samples)
    first = ReferenceBackend().prepare(program).run(inputs, 0.06).spikes["output"].first_times()
    found = run(
        done.model, done.training.parameters, options.pulses(options.given(few)), few.labels, gradient=True
    )
    np.testing.assert_allclose(options.given(few), 3 * (1 - few.samples), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.spiked, np.isfinite(first))
    np.testing.assert_allclose(found.times[found.spiked], first[found.spiked] / 0.005, rtol=0, atol=1e-9)
    assert done.training.losses[-1] < done.training.losses[0]


def test_jitter_has_its_size_and_stays_within_the_trial():
    options = replace(OPTIONS, encoding="latency", flips=0.0, jitter=1e-4)
    given = np.full((400, 50), 1.0)
    moved = options.disturbed(given, np.random.default_rng(0))
    assert moved.mean() == pytest.approx(1.0, abs=5 * 0.01 / np.sqrt(20000))
    assert moved.std() == pytest.approx(0.01, rel=0.03)  # 0.1 ms in units of 10 ms
    wild = replace(options, jitter=1.0).disturbed(given, np.random.default_rng(0))
    assert (wild.min(), wild.max()) == (0.0, 2.0)
    assert replace(options, jitter=0.0).disturbed(given, np.random.default_rng(0)) is given


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": "latency"},  # with flips
        {"encoding": "latency", "flips": 0.0, "window": 0.03},
        {"encoding": "latency", "flips": 0.0, "jitter": -1.0},
        {"jitter": 1e-4},
    ],
)
def test_encodings_are_disturbed_in_their_own_ways(change):
    with pytest.raises(UsageError, match=r"window|jitter"):
        replace(OPTIONS, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"unit": 0.0},
        {"period": -1.0},
        {"input_time": 0.03},
        {"current": 0.2},
        {"flips": 1.5},
        {"gamma": -1.0},
    ],
)
def test_impossible_options_are_refused(change):
    with pytest.raises(UsageError):
        replace(OPTIONS, **change)


def test_the_recipe_of_digits_does_what_it_promises():
    recipe = load_recipe("digits-theta")
    figures = train(recipe).measure(load_dataset("digits:test"))
    assert figures["accuracy"] == pytest.approx(recipe.expected.accuracy, abs=recipe.expected.tolerance)


def test_the_network_that_ships_is_one_of_its_recipe():
    network = open_network(Path(__file__).parents[3] / "models" / "nets" / "mnist-theta.npz")
    options = load_recipe("mnist-theta").training
    assert [p.n for p in network.populations] == [784, *options.hidden, 10]
    assert network.encoding == BinaryEncoding("pixels", 127.5, options.input_time, options.duration)
    for p in network.populations[1:]:
        assert float(p.neuron.period) == pytest.approx(options.period, rel=1e-14)
        assert np.ptp(p.neuron.phase) > 0  # trained


def test_the_network_of_yinyang_scores_what_its_recipe_says():
    """Seed 4 of the table in the recipe, in the exact engine."""
    network = open_network(Path(__file__).parents[3] / "models" / "nets" / "yinyang-theta.npz")
    options = load_recipe("yinyang-theta").training
    assert [p.n for p in network.populations] == [4, *options.hidden, 3]
    assert network.encoding == options.network_encoding(x_max=1.0)
    data = load_dataset("yinyang:test")
    program = Program(verify(network), load_target("ideal"))
    spikes = run_backend(CpuBackend(), program, encode_samples(network, data.samples), 0.06).spikes
    assert np.mean(decode(network.decoding, spikes["output"], None) == data.labels) == 0.993


@pytest.mark.long
def test_the_recipe_of_yinyang_does_what_it_promises():
    recipe = load_recipe("yinyang-theta")
    test = load_dataset("yinyang:test")
    found = [train(recipe, seed).measure(test)["accuracy"] for seed in range(3)]
    assert np.mean(found) == pytest.approx(recipe.expected.accuracy, abs=recipe.expected.tolerance)

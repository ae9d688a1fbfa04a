"""Networks of one spike a neuron, from samples to a `Network` that other engines run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikec.backend import run as run_backend
from spikec.coding import LatencyEncoding, Readout, decode
from spikec.errors import UsageError
from spikec.frontends import open_network
from spikec.inputs import encode_samples
from spikec.ir.connectivity import DelayKind
from spikec.ir.neurons import CubaLif
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_train.cuba_gradient import Delayed, run
from spikec_train.cuba_training import ExactCuba
from spikec_train.datasets import load_dataset
from spikec_train.first_spike import FirstSpikeProblem, train_layers
from spikec_train.optimisers import Adam
from spikec_train.recipes import load_recipe, parse_recipe, train

NETS = Path(__file__).parents[3] / "models" / "nets"

OPTIONS = ExactCuba(
    hidden=(9, 8),
    optimiser=Adam(rate=0.02),
    epochs=4,
    batch=100,
    weight_means=(6.0, 8.0, 8.0),
    weight_spreads=(1.6, 2.0, 2.0),
    delays=Delayed.SYNAPTIC,
    jitter=1e-4,
)


@pytest.fixture(scope="module")
def data():
    return load_dataset("yinyang:train:600")


@pytest.fixture(scope="module")
def trained(data):
    return train_layers(data, OPTIONS, seed=3)


def exact_spikes(network, data):
    program = Program(verify(network), load_target("ideal"))
    inputs = encode_samples(network, data.samples)
    return run_backend(CpuBackend(), program, inputs, network.encoding.duration).spikes


def test_the_network_is_in_seconds_and_of_the_recipes_neurons(trained):
    network = verify(trained.network)
    assert [p.n for p in network.populations] == [4, 9, 8, 3]
    for p in network.populations[1:]:
        assert isinstance(p.neuron, CubaLif)
        assert p.neuron.one_spike
        assert (float(p.neuron.tau_mem), float(p.neuron.tau_syn)) == (0.01, 0.005)
    assert network.encoding == LatencyEncoding("values", 0.01, 1.0, True, None, 0.05)
    assert network.decoding.readout is Readout.FIRST


@pytest.mark.parametrize("delays", Delayed)
@pytest.mark.parametrize("tau_mem", [0.005, 0.01])
def test_the_exact_engine_sees_the_spikes_that_the_training_saw(data, delays, tau_mem):
    done = train_layers(data, replace(OPTIONS, delays=delays, tau_mem=tau_mem, epochs=2), seed=1)
    few = load_dataset("yinyang:test:50")
    spikes = exact_spikes(done.network, few)
    times = [spikes[p.name].first_times() for p in done.network.populations[1:]]
    found = run(done.model, done.training.parameters, 2 * (1 - few.samples), few.labels)
    expected = np.concatenate(times, axis=1) / OPTIONS.tau_syn
    np.testing.assert_allclose(found.spikes, expected, rtol=0, atol=1e-9)
    answers = decode(done.network.decoding, spikes["output"], None)
    np.testing.assert_array_equal(answers, found.classes())
    assert done.figures(few)["accuracy"] == np.mean(answers == few.labels)
    kinds = {q.delays.kind for q in done.network.projections}
    expected_kind = DelayKind.UNIFORM if delays is Delayed.NONE else DelayKind(delays.value)
    assert kinds == {expected_kind}


def test_delays_are_trained_and_stay_where_they_are_allowed(data):
    options = replace(OPTIONS, optimiser=Adam(rate=0.5), longest_delay=0.006)
    done = train_layers(data, options, seed=0)
    delays = np.concatenate([q.delays.values.ravel() for q in done.network.projections])
    assert delays.min() == 0
    assert delays.max() == pytest.approx(0.006, rel=1e-15)
    assert np.unique(delays).size > 10


def test_initial_weights_and_delays_are_as_spread_as_the_options_say():
    options = replace(OPTIONS, hidden=(2000,), weight_means=(6.0, 15.0), weight_spreads=(1.6, 4.4))
    model = options.model(4, 3)
    problem = FirstSpikeProblem(options, model, np.zeros((1, 4)), np.zeros(1, int), 1)
    parameters = problem.initial(np.random.default_rng(0))
    first, second = model.layer_weights(parameters)
    assert first.mean() == pytest.approx(6 / 4, rel=0.05)
    assert first.std() == pytest.approx(1.6 / 2, rel=0.05)
    assert second.sum(axis=1) == pytest.approx(15, rel=0.6)
    assert second.std() == pytest.approx(4.4 / np.sqrt(2000), rel=0.05)
    delays = parameters[model.n_weights :]
    assert 0 <= delays.min() < 0.01
    assert 0.99 < delays.max() <= 1  # 5 ms, in units of 5 ms


def test_figures_count_what_they_say(trained, data):
    figures = trained.figures(data)
    found = run(trained.model, trained.training.parameters, 2 * (1 - data.samples), data.labels)
    hidden = np.isfinite(found.spikes[:, :17])
    assert figures["spikes_per_hidden_neuron"] == hidden.mean()
    assert figures["silent_hidden_share"] == np.mean(hidden.sum(axis=0) == 0)
    assert figures["decided_share"] == np.isfinite(found.spikes[:, 17:]).any(axis=1).mean()
    assert figures["loss"] == pytest.approx(found.losses.mean(), rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"weight_means": (1.0,)},
        {"weight_spreads": (1.0, 1.0, 1.0, 1.0)},
        {"weight_spreads": (1.0, 1.0, -1.0)},
        {"weight_means": (1.0, 1.0, np.nan)},
        {"tau_mem": 0.004},
        {"tau_syn": 0.0},
        {"window": 0.06},
        {"first_delay": 0.02},
        {"longest_delay": np.inf},
        {"temperature": 0.0},
        {"wake": -1.0},
        {"jitter": -1e-3},
    ],
)
def test_impossible_options_are_refused(change):
    with pytest.raises(UsageError):
        replace(OPTIONS, **change)


RECIPE = """
title: A small one
data: yinyang
seed: 0
training:
  method: exact-cuba
  hidden: [8]
  delays: axonal
  optimiser: {method: adam, rate: 0.01}
  epochs: 2
  batch: 500
  weight_means: [6, 8]
  weight_spreads: [1, 1]
expected: {accuracy: 0.5, tolerance: 0.5, seconds: 1}
"""


def test_networks_are_trained_by_recipe(tmp_path):
    told = []
    result = train(parse_recipe(RECIPE, "small"), progress=told.append, checkpoint=tmp_path / "state.npz")
    assert told[:2] == ["loading yinyang:train", "training 8 hidden neurons on 5000 samples"]
    assert result.score == result.figures["train_accuracy"]
    assert {q.delays.kind for q in result.network.projections} == {DelayKind.AXONAL}
    assert 0 < result.measure(load_dataset("yinyang:validation"))["accuracy"] < 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("delays: axonal", "delays: dendritic", r"training.delays: .*'none', 'axonal' or 'synaptic'"),
        ("weight_means: [6, 8]", "weight_means: [6]", "2 layers"),
        ("batch: 500", "batch: 500\n  tau_mem: 0.001", "tau_mem, 0.001, at least tau_syn"),
        ("hidden: [8]", "hidden: [8]\n  flips: 0.1", r"training.flips: Unexpected"),
    ],
)
def test_faults_of_a_recipe_are_named(old, new, message):
    with pytest.raises(UsageError, match=message):
        parse_recipe(RECIPE.replace(old, new), "mine.yaml")


def test_the_recipes_differ_in_their_delays():
    without, synaptic = load_recipe("yinyang-ttfs").training, load_recipe("yinyang-ttfs-delays").training
    assert (without.delays, synaptic.delays) == (Delayed.NONE, Delayed.SYNAPTIC)
    assert without.hidden == synaptic.hidden == (30,)


@pytest.mark.parametrize(("name", "accuracy"), [("yinyang-ttfs", 0.972), ("yinyang-ttfs-delays", 0.997)])
def test_the_networks_that_ship_score_what_their_recipes_say(name, accuracy):
    """The seeds that were best in training, in the tables of the recipes; run by the exact engine."""
    network = open_network(NETS / f"{name}.npz")
    options = load_recipe(name).training
    assert [p.n for p in network.populations] == [4, *options.hidden, 3]
    assert network.encoding == options.network_encoding(1.0)
    data = load_dataset("yinyang:test")
    answers = decode(network.decoding, exact_spikes(network, data)["output"], None)
    assert np.mean(answers == data.labels) == accuracy


@pytest.mark.long
@pytest.mark.parametrize("name", ["yinyang-ttfs", "yinyang-ttfs-delays"])
def test_the_recipes_do_what_they_promise(name):
    recipe, test = load_recipe(name), load_dataset("yinyang:test")
    found = [train(recipe, seed).measure(test)["accuracy"] for seed in range(3)]
    assert np.mean(found) == pytest.approx(recipe.expected.accuracy, abs=recipe.expected.tolerance)

"""Networks that grow: nothing changes when neurons enter, and they enter where the error is."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.container import digest, load
from spikec.errors import UsageError
from spikec.ir.network import Network
from spikec_train.cuba_gradient import Delayed
from spikec_train.cuba_training import ExactCuba
from spikec_train.datasets import load_dataset
from spikec_train.first_spike import FirstSpikeProblem
from spikec_train.growing import (
    Growth,
    confused_pairs,
    growing,
    sampled_weights,
    train_growing,
    widened,
    widened_moments,
)
from spikec_train.optimisers import AdaBelief, Adam, Moments
from spikec_train.recipes import load_recipe
from spikec_train.theta_training import ExactTheta

LATENCY = ExactTheta(
    hidden=(9,), optimiser=AdaBelief(rate=0.02), epochs=6, batch=50, encoding="latency", window=0.02,
    unit=0.002, duration=0.06, weight_scale=4.0,
)  # fmt: skip
BINARY = ExactTheta(hidden=(9,), optimiser=AdaBelief(rate=0.02), epochs=6, batch=50)
CUBA = ExactCuba(
    hidden=(9,), optimiser=Adam(rate=0.02), epochs=6, batch=50, weight_means=(6.0, 15.0),
    weight_spreads=(1.6, 4.4),
)  # fmt: skip
KINDS = [
    pytest.param(LATENCY, "yinyang:train:200", id="theta, latencies"),
    pytest.param(BINARY, "digits:train:200", id="theta, binary"),
    *(
        pytest.param(replace(CUBA, delays=delays), "yinyang:train:200", id=f"cuba, {delays.value} delays")
        for delays in Delayed
    ),
]


samples = cache(load_dataset)


def problem(options, name):
    data = samples(name)
    model = options.model(data.samples.shape[1], data.n_classes)
    return FirstSpikeProblem(options, model, options.given(data), data.labels, 1)


def answers(stage, parameters):
    return stage.options.run(stage.model, parameters, stage.given, stage.labels, False, 1).times


@pytest.mark.parametrize(("options", "name"), KINDS)
@pytest.mark.parametrize("enter", ["sampled", "drawn"])
def test_nothing_changes_when_neurons_enter(options, name, enter):
    rng = np.random.default_rng(0)
    narrow, wide = problem(replace(options, hidden=(4,)), name), problem(options, name)
    parameters = narrow.initial(rng)
    found = widened(narrow, wide, parameters, Growth(4, enter=enter), rng)
    np.testing.assert_allclose(answers(wide, found), answers(narrow, parameters), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("options", "name"), KINDS)
def test_every_new_neuron_has_a_gradient_where_it_leads_to(options, name):
    rng = np.random.default_rng(1)
    narrow, wide = problem(replace(options, hidden=(4,)), name), problem(options, name)
    found = widened(narrow, wide, narrow.initial(rng), Growth(4), rng)
    _, gradient = wide.gradient(found, np.arange(200), rng)
    leading = next(p for p in wide.model.parts(gradient) if p.axes == (2, 1))
    spiked = np.any(leading.values != 0, axis=0)
    assert spiked[4:].sum() >= 4


@pytest.mark.parametrize(("options", "name"), KINDS)
def test_parts_are_all_parameters_each_once(options, name):
    model = problem(options, name).model
    numbers = np.arange(float(model.n_parameters))
    parts = model.parts(numbers)
    assert sorted(np.concatenate([p.values.ravel() for p in parts])) == numbers.tolist()
    assert all(p.values.shape == tuple(model.sizes[k] for k in p.axes) for p in parts)
    parts[0].values[0, 0] = -1.0
    assert -1.0 in numbers


def test_an_optimiser_remembers_old_parameters_alone():
    narrow, wide = LATENCY.model(4, 3), replace(LATENCY, hidden=(12,)).model(4, 3)
    n = narrow.n_parameters
    found = widened_moments(narrow, wide, Moments(7, np.arange(1.0, n + 1), np.arange(2.0, n + 2)))
    assert found.step == 7
    assert np.count_nonzero(found.mean) == np.count_nonzero(found.square) == n
    old = wide.parts(found.mean)[0].values[:9]
    np.testing.assert_array_equal(old, narrow.parts(np.arange(1.0, n + 1))[0].values)


def test_pairs_are_wrong_samples_and_ones_of_the_class_they_are_taken_for():
    stage, rng = problem(LATENCY, "yinyang:train:600"), np.random.default_rng(3)
    parameters = stage.initial(rng)
    found = answers(stage, parameters).argmin(axis=1)
    first, second = confused_pairs(stage, parameters, -stage.given, 40, 8, rng)
    assert np.all(found[first] != stage.labels[first])
    assert np.all(stage.labels[second] == found[first])
    assert len(set(first)) == 40


def test_of_samples_that_are_all_right_the_largest_losses_count():
    stage, rng = problem(LATENCY, "yinyang:train:600"), np.random.default_rng(4)
    parameters = stage.initial(rng)
    found = stage.options.run(stage.model, parameters, stage.given, stage.labels, False, 1)
    right = np.flatnonzero(found.times.argmin(axis=1) == stage.labels)
    known = FirstSpikeProblem(stage.options, stage.model, stage.given[right], stage.labels[right], 1)
    first, second = confused_pairs(known, parameters, -known.given, 5, 8, rng)
    assert sorted(first) == sorted(np.argsort(-found.losses[right])[:5])
    assert np.all(known.labels[first] != known.labels[second])


@pytest.mark.parametrize(("options", "name"), KINDS)
def test_new_weights_are_as_long_and_drive_as_strongly_as_present_ones(options, name):
    stage, rng = problem(options, name), np.random.default_rng(5)
    present = rng.normal(0.3, 1.0, (1, stage.model.sizes[0]))
    found = sampled_weights(stage, stage.initial(rng), present, 30, 8, rng)
    assert found.shape == (30, stage.model.sizes[0])
    given = stage.given.astype(float) if stage.given.dtype == bool else stage.given.max() - stage.given
    driven = given @ found.T
    level = present[0] @ given.mean(axis=0)
    assert np.all((driven.min(axis=0) <= level + 1e-9) & (driven.max(axis=0) >= level - 1e-9))


def test_one_class_or_like_samples_of_two_are_refused():
    stage, rng = problem(LATENCY, "yinyang:train:20"), np.random.default_rng(6)
    one = replace(stage, labels=np.zeros(20, np.int64))
    with pytest.raises(UsageError, match="all training samples are of one class"):
        confused_pairs(one, stage.initial(rng), -one.given, 2, 8, rng)
    alike = replace(stage, given=np.repeat(stage.given[:1], 20, axis=0))
    with pytest.raises(UsageError, match="is like others of another class"):
        confused_pairs(alike, stage.initial(rng), -alike.given, 2, 8, rng)


@settings(max_examples=200)
@given(
    hidden=st.integers(2, 200), first=st.integers(1, 199), stages=st.integers(1, 9),
    epochs=st.integers(2, 60), share=st.floats(0.01, 0.99),
)  # fmt: skip
def test_all_neurons_are_there_before_the_last_epoch(hidden, first, stages, epochs, share):
    growth = Growth(min(first, hidden - 1), stages, share)
    widths = growth.widths(hidden, epochs)
    epoch, numbers = zip(*sorted(widths.items()), strict=True)
    assert epoch[0] == 0
    assert numbers[0] == growth.first
    assert 1 <= epoch[-1] <= epochs - 1
    assert numbers[-1] == hidden
    assert list(numbers) == sorted(numbers)


@pytest.mark.parametrize("stop", [1, 2, 4])
@pytest.mark.parametrize(("options", "name"), KINDS[1:3])
def test_an_interrupted_growth_gives_the_same_network(options, name, stop, tmp_path):
    def interrupt(sentence):
        if sentence.startswith(f"epoch {stop} "):
            raise KeyboardInterrupt

    data, path, growth = samples(name), tmp_path / "state.npz", Growth(3, stages=2)
    whole = train_growing(data, options, growth, 0)
    assert whole.training.parameters.size == whole.model.n_parameters
    with pytest.raises(KeyboardInterrupt):
        train_growing(data, options, growth, 0, path, interrupt)
    assert digest(train_growing(data, options, growth, 0, path).network) == digest(whole.network)
    with pytest.raises(UsageError, match="of another training"):
        train_growing(data, options, Growth(4, stages=2), 0, path)


def test_a_growing_network_costs_what_its_present_neurons_cost():
    """Widths from epoch to epoch, as the gradient's size says."""
    stages = growing(problem(LATENCY, "yinyang:train:200"), Growth(3, stages=2, share=0.6))
    assert {k: s.model.sizes[1] for k, s in stages.stages.items()} == {0: 3, 2: 5, 4: 9}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": 0}, "must be 1 or more"),
        ({"stages": 0}, "must be 1 or more"),
        ({"candidates": 0}, "must be 1 or more"),
        ({"share": 1.0}, "share of epochs lies between 0 and 1"),
    ],
)
def test_a_growth_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        Growth(**{"first": 4, **change})


RECIPE = """
title: Small
data: yinyang
seed: 0
training: {method: exact-theta, hidden: [8], optimiser: {method: adabelief, rate: 0.02}, epochs: 2,
  batch: 500, encoding: latency, window: 0.02, unit: 0.002, duration: 0.06, weight_scale: 4.0}
expected: {accuracy: 0.1, tolerance: 0.1, seconds: 1}
"""


def test_both_options_train_a_network_of_the_recipes_width(spikec_says, tmp_path):
    recipe, net = tmp_path / "small.yaml", tmp_path / "net.npz"
    recipe.write_text(RECIPE)
    plain = json.loads(spikec_says("train", recipe, "--json"))
    found = json.loads(spikec_says("train", recipe, "-o", net, "--curriculum", "--grow", 3, "--json"))
    assert found["accuracy"] != plain["accuracy"]
    assert load(net, Network).population("hidden1").shape == (8,)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("yinyang-theta", "--grow", 30), "a network of 30 hidden neurons cannot grow from 30; begin with"),
        (("yinyang-theta", "--grow", 0), "the first three must be 1 or more"),
        (("mnist-theta", "--grow", 8), "only one hidden layer can grow, but this recipe has 2"),
        (("digits-sampled", "--curriculum"), "sampled-ramp does not show samples in epochs"),
        (("single-neuron", "--grow", 1), "exact-qif-neuron does not show samples in epochs"),
    ],
)
def test_what_cannot_grow_or_has_no_order_is_refused_in_a_sentence(spikec_says, words, message):
    assert message in " ".join(spikec_says("train", *words, code=2).split())


def test_a_network_cannot_grow_within_one_epoch():
    recipe = load_recipe("yinyang-theta")
    with pytest.raises(UsageError, match="cannot grow within one epoch"):
        replace(recipe, training=replace(recipe.training, epochs=1), growth=Growth(3))

"""Samples from which nothing can be learned, tried on every trainer that reads samples."""

import numpy as np
import pytest

from spikec.errors import SpikecError, UsageError
from spikec_train.datasets import Dataset
from spikec_train.recipes import parse_recipe, train
from spikec_train.trainable import check_trainable

DESCENT = "hidden: [4], optimiser: {method: adam, rate: 0.01}, epochs: 1, batch: 20"
SAMPLED = "hidden: 12, candidates: 2, penalties: [0.01]"
CUBA = "window: 0.006, duration: 0.05, weight_means: [6.0, 15.0], weight_spreads: [1.6, 4.4]"
METHODS = {
    "sampled-ramp": SAMPLED,
    "sampled-series": f"{SAMPLED}, change: 0.2",
    "exact-theta": DESCENT,
    "exact-cuba": f"{DESCENT}, {CUBA}",
}

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 20)), RNG.integers(0, 2, 60)


def data(x=X, y=Y, shape=(5, 4), n_classes=2):
    return Dataset("odd", "train", x, y, shape, 1.0, n_classes)


def trained(method, given, told=None):
    text = f"""
title: A small one
data: digits
seed: 0
training: {{method: {method}, {METHODS[method]}}}
expected: {{accuracy: 0.1, tolerance: 0.1, seconds: 1}}
"""
    return train(parse_recipe(text, "small"), data=given, progress=told)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (data(X * 0 + 0.5), "have the same values"),
        (data(y=Y * 0), "are of class 0"),
        (data(X[:0], Y[:0]), "0 training samples of 20 values"),
        (data(X[:, :0], shape=(0,)), "60 training samples of 0 values"),
    ],
)
def test_samples_that_tell_nothing_are_refused_by_every_trainer(method, given, message):
    with pytest.raises(UsageError, match=message):
        trained(method, given)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "given",
    [
        data(np.hstack([X[:, :12], np.full((60, 8), 0.5)])),
        data(np.repeat(X[:10], 6, axis=0), np.repeat(np.arange(10) % 2, 6)),
        data(np.repeat(X[:10], 6, axis=0)),
    ],
    ids=["constant features", "duplicates", "duplicates that contradict each other"],
)
def test_samples_of_which_some_tell_nothing_are_learned_from(method, given):
    made = trained(method, given)
    assert 0 <= made.measure(given)["accuracy"] <= 1
    assert all(np.isfinite(value) for value in made.figures.values())


@pytest.mark.parametrize("method", ["sampled-ramp", "sampled-series"])
def test_fewer_pairs_than_neurons_are_refused(method):
    with pytest.raises(UsageError, match="use fewer neurons"):
        trained(method, data(X[:5], np.arange(5) % 2))


@pytest.mark.parametrize("method", METHODS)
def test_samples_of_another_size_are_refused(method):
    made = trained(method, data())
    with pytest.raises(SpikecError, match="24"):
        made.measure(data(np.zeros((2, 24)), np.arange(2), (6, 4)))


def test_classes_without_samples_and_values_out_of_range_are_told():
    told = []
    trained("sampled-ramp", data(np.where(X > 0.9, 1.5, X), n_classes=4), told.append)
    assert told[0] == "there are no training samples of class 2, 3: nothing will be answered so"
    assert (
        told[1]
        == f"{np.count_nonzero(X > 0.9)} values are not from 0 to 1 and are taken as the nearer of the two"
    )
    assert not check_trainable(data())


def test_values_far_below_the_full_one_are_told_and_stand_in_the_result():
    made = trained("sampled-ramp", data(0.2 * X))
    (note,) = made.notes
    assert note.startswith(f"the largest value is {0.2 * X.max():g}, though 1 counts as full")
    assert not trained("sampled-ramp", data()).notes


def test_a_readout_whose_equations_are_singular_is_refused(monkeypatch):
    monkeypatch.setitem(METHODS, "sampled-ramp", "hidden: 12, candidates: 2, penalties: [1.0e-30]")
    with pytest.raises(UsageError, match="too small for the readout's equations"):
        trained("sampled-ramp", data(np.repeat(X[:10], 6, axis=0), np.repeat(np.arange(10) % 2, 6)))

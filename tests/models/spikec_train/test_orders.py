"""Which samples come first: margins, halves, and what epochs show."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import UsageError
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.first_spike import train_layers
from spikec_train.optimisers import Adam
from spikec_train.orders import Curriculum, Schedule, margins, schedule
from spikec_train.recipes import load_recipe, parse_recipe, train
from spikec_train.theta_training import ExactTheta

OPTIONS = ExactTheta(hidden=(6,), optimiser=Adam(rate=0.02), epochs=3, batch=50)


def halves(n):
    return np.array_split(np.random.default_rng(0).permutation(n), 2)


@given(n=st.integers(2, 40), epochs=st.integers(1, 9), more=st.integers(0, 4), seed=st.integers(0, 99))
def test_each_half_is_shown_as_often_as_without_an_order_and_the_first_one_first(n, epochs, more, seed):
    first, last = halves(n)
    plan, rng = Schedule(first, last, epochs), np.random.default_rng(seed)
    shown = [plan.order(k, rng) for k in range(epochs + more)]
    counts = np.bincount(np.concatenate(shown), minlength=n)
    assert np.all(counts == epochs + more)
    ordered = np.isin(np.concatenate(shown[:epochs]), last)
    assert np.all(np.diff(ordered.astype(int)) >= 0)
    assert all(sorted(s) == list(range(n)) for s in shown[epochs:])


def test_an_epoch_shuffles_what_it_shows():
    plan, rng = Schedule(*halves(40), 4), np.random.default_rng(0)
    passes = np.split(np.concatenate([plan.order(k, rng) for k in range(2)]), 4)
    assert len({tuple(p) for p in passes}) == 4
    assert len({tuple(sorted(p)) for p in passes}) == 1


def blobs(n, rng, spread=0.05):
    """Two classes about (0.3, 0.5) and (0.7, 0.5)."""
    labels = rng.integers(0, 2, n)
    points = np.stack([0.3 + 0.4 * labels, np.full(n, 0.5)], axis=1) + rng.normal(0, spread, (n, 2))
    return Dataset("blobs", "train", np.clip(points, 0, 1), labels, (2,), 1.0, 2)


def test_samples_whose_label_is_wrong_have_negative_margins_and_are_hard():
    data = blobs(200, np.random.default_rng(1))
    labels = data.labels.copy()
    labels[:9] = 1 - labels[:9]
    wrong = replace(data, labels=labels)
    found = margins(wrong, 16, 0)
    assert np.all(found[:9] < 0)
    assert np.mean(found[9:] > 0) > 0.98
    plan = schedule(wrong, Curriculum(judges=16), 10, 0)
    assert set(range(9)) <= set(plan.last)
    turned = schedule(wrong, Curriculum(first="hard", judges=16), 10, 0)
    np.testing.assert_array_equal(turned.first, plan.last)
    np.testing.assert_array_equal(turned.last, plan.first)
    assert found[plan.first].min() >= found[plan.last].max()
    assert plan.seconds > 0


def test_points_near_the_border_of_yinyang_are_hard():
    data = load_dataset("yinyang:train:1000")
    plan = schedule(data, Curriculum(), 10, 0)

    def to_border(rows):  # distance to the nearest point of another class
        own, points = data.labels[rows], data.samples[rows, :2]
        away = np.linalg.norm(points[:, None] - data.samples[None, :, :2], axis=2)
        away[own[:, None] == data.labels[None]] = np.inf
        return away.min(axis=1).mean()

    assert to_border(plan.first) > 1.5 * to_border(plan.last)


def test_a_part_of_the_epochs_can_keep_the_order():
    data = blobs(60, np.random.default_rng(2))
    assert schedule(data, Curriculum(share=0.3, judges=4), 10, 0).epochs == 3
    assert schedule(data, Curriculum(share=0.01, judges=4), 10, 0).epochs == 1


def test_an_interrupted_training_goes_on_in_the_same_order(tmp_path):
    def interrupt(sentence):
        if sentence.startswith("epoch 2 "):
            raise KeyboardInterrupt

    data, path = load_dataset("digits:train:300"), tmp_path / "state.npz"
    plan = schedule(data, Curriculum(judges=32), OPTIONS.epochs, 0)
    whole = train_layers(data, OPTIONS, 0, schedule=plan)
    with pytest.raises(KeyboardInterrupt):
        train_layers(data, OPTIONS, 0, path, interrupt, plan)
    again = train_layers(data, OPTIONS, 0, path, schedule=plan)
    np.testing.assert_array_equal(again.training.parameters, whole.training.parameters)
    turned = schedule(data, Curriculum(first="hard", judges=32), OPTIONS.epochs, 0)
    for other in (turned, replace(plan, epochs=1), None):
        with pytest.raises(UsageError, match="of another training"):
            train_layers(data, OPTIONS, 0, path, schedule=other)


RECIPE = """
title: Small
data: digits
seed: 0
training:
  method: exact-theta
  hidden: [8]
  optimiser: {method: adam, rate: 0.01}
  epochs: 2
  batch: 200
curriculum: {first: hard, share: 0.5, judges: 64}
expected: {accuracy: 0.1, tolerance: 0.1, seconds: 1}
"""


def test_a_recipe_may_say_the_order():
    told = []
    recipe = parse_recipe(RECIPE, "small")
    found = train(recipe, progress=told.append)
    assert "judging 1347 samples by 64 sampled neurons" in told
    mixed = train(replace(recipe, curriculum=None))
    assert found.losses[0] != mixed.losses[0]


@pytest.mark.parametrize("change", [{"share": 0.0}, {"share": 1.5}, {"judges": 0}, {"share": np.nan}])
def test_a_curriculum_that_makes_no_sense_is_refused(change):
    with pytest.raises(UsageError, match="share of epochs lies above 0 and up to 1"):
        Curriculum(**change)


@pytest.mark.parametrize("name", ["digits-sampled", "rnn-spike-times"])
def test_what_has_no_epochs_of_samples_has_no_order(name):
    with pytest.raises(UsageError, match="does not show samples in epochs"):
        replace(load_recipe(name), curriculum=Curriculum())


def test_too_few_samples_for_the_judge_are_refused():
    with pytest.raises(UsageError, match="use fewer neurons, more candidates or more samples"):
        schedule(load_dataset("digits:train:12"), Curriculum(judges=128), 10, 0)

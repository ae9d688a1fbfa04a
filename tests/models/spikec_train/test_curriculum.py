from dataclasses import replace

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec_train.curriculum import (
    ORDERS,
    XorMixture,
    hard_samples,
    load_curriculum_recipe,
    one_pass,
    outcomes,
)
from spikec_train.optimisers import Sgd
from spikec_train.ramp_descent import RampDescent, descend_ramps, draw_networks

MIXTURE = XorMixture(values=6, distance=1.5, spread=0.3, easy=0.2, hard=1.0, reach=6.0)


def test_every_order_has_as_many_easy_and_hard_samples():
    counts = {order: hard_samples(order, 640).sum() for order in ORDERS}
    assert set(counts.values()) == {320}
    assert not hard_samples("easy-first", 640)[:320].any()
    assert hard_samples("hard-first", 640)[:320].all()
    assert all(hard_samples("mixed", 640)[k : k + 8].sum() == 4 for k in range(0, 640, 8))


def test_classes_lie_on_two_axes_and_no_line_parts_them():
    x, labels = MIXTURE.draw(np.zeros(4000, bool), np.random.default_rng(0))
    for label, axis in ((0, 0), (1, 1)):
        of_class = x[labels == label]
        assert np.abs(of_class[:, axis]).mean() == pytest.approx(1.5, abs=0.02)
        assert np.abs(of_class.mean(axis=0)).max() < 0.1
    assert labels.mean() == pytest.approx(0.5, abs=0.03)


def test_only_values_that_say_nothing_are_noisier_in_hard_samples():
    rng = np.random.default_rng(0)
    easy, hard = (MIXTURE.draw(np.full(4000, h), rng)[0] for h in (False, True))
    assert np.allclose(easy[:, 2:].std(axis=0), 0.2, rtol=0.05)
    assert np.allclose(hard[:, 2:].std(axis=0), 1.0, rtol=0.05)
    assert np.allclose(easy[:, :2].std(axis=0), hard[:, :2].std(axis=0), rtol=0.05)


def test_each_value_comes_both_ways_and_stays_within_the_reach():
    mixture = replace(MIXTURE, reach=1.0)
    data = mixture.dataset(*mixture.draw(np.ones(100, bool), np.random.default_rng(0)))
    assert data.samples.min() == 0
    assert data.samples.max() == 1
    assert np.allclose(data.samples[:, :6], 1 - data.samples[:, 6:])


class Recorder:
    """A problem that writes down which samples it is asked for."""

    def __init__(self, n):
        self.n_samples, self.seen = n, []

    def gradient(self, parameters, samples, rng):
        self.seen.append(samples.tolist())
        return 0.0, np.ones_like(parameters)

    def clip(self, parameters):
        np.maximum(parameters, -0.25, out=parameters)


def test_one_pass_sees_every_sample_once_in_order():
    problem = Recorder(7)
    found = one_pass(problem, Sgd(rate=0.1), 3, np.zeros(2), np.random.default_rng(0))
    assert problem.seen == [[0, 1, 2], [3, 4, 5], [6]]
    assert np.allclose(found, -0.25)  # three steps of 0.1, clipped


@pytest.mark.parametrize("name", ["xor-mixture", "xor-mixture-cuba"])
def test_one_seed_is_one_outcome_whatever_others_are_trained_beside_it(name):
    recipe = replace(load_curriculum_recipe(name), steps=80, tested=300)
    together = [outcomes(recipe, 3, order, [4, 5]) for order in ORDERS]
    alone = [outcomes(recipe, 3, order, [5])[0].accuracy for order in ORDERS]
    assert alone == pytest.approx([o[1].accuracy for o in together], abs=1e-12)
    assert len({o.accuracy for pair in together for o in pair}) > 1
    assert outcomes(recipe, 3, "mixed", []) == []


@pytest.mark.parametrize("name", ["xor-mixture", "xor-mixture-cuba"])
def test_an_easy_mixture_is_learned(name):
    recipe = replace(load_curriculum_recipe(name), mixture=replace(MIXTURE, reach=3.0), tested=500)
    assert outcomes(recipe, 16, "mixed", [0])[0].accuracy > 0.9


def test_ramps_learn_what_their_own_spike_times_say():
    """One step of one network against central differences of the loss, its answers event-exact."""
    rng, options = np.random.default_rng(0), RampDescent(rate=1e-6, batch=20, weight_spread=0.5)
    first = draw_networks(4, 6, options, [rng])
    values, labels = rng.uniform(-1, 1, (1, 20, 6)), np.where(rng.random((1, 20)) < 0.5, -1.0, 1.0)
    stepped = descend_ramps(first, values, labels, 1.0, options)

    def loss(networks):
        answers, early = networks.answers(0, values[0], 1.0)
        assert early == 0
        wrong = np.where(labels[0] * answers > 1, 0.0, answers - labels[0])
        return np.mean(wrong**2) / 2

    def moved(name, index, step):
        part = getattr(first, name).copy()
        part[index] += step
        return loss(replace(first, **{name: part}))

    rates = {"weights": 2e-6, "biases": 2e-6, "readouts": 1e-6, "constants": 1e-6}  # hidden: root of 4
    for name, rate in rates.items():
        change = getattr(stepped, name) - getattr(first, name)
        for index in np.ndindex(change.shape):
            slope = (moved(name, index, 1e-6) - moved(name, index, -1e-6)) / 2e-6
            assert change[index] == pytest.approx(-rate * slope, abs=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "the first two must be 1 or more"),
        ({"success": 1.0}, "success between 0 and 1"),
        ({"seed": -1}, "the seed not negative"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        replace(load_curriculum_recipe("xor-mixture"), **change)


def test_orders_are_one_pass():
    recipe = load_curriculum_recipe("xor-mixture-cuba")
    with pytest.raises(UsageError, match="2 epochs were asked for, but orders are of one pass"):
        replace(recipe, training=replace(recipe.training, epochs=2))


@pytest.mark.parametrize("change", [{"values": 1}, {"hard": -1.0}, {"easy": np.nan}, {"reach": 0.0}])
def test_a_mixture_that_makes_no_sense_is_refused(change):
    with pytest.raises(UsageError, match="give 2 or more values, none of the others negative"):
        replace(MIXTURE, **change)


@pytest.mark.parametrize("change", [{"rate": 0.0}, {"batch": 0}, {"weight_spread": np.inf}, {"offset": -1.0}])
def test_a_descent_that_makes_no_sense_is_refused(change):
    with pytest.raises(UsageError, match="must be"):
        replace(RampDescent(), **change)

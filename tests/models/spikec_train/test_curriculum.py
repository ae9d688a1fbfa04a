from dataclasses import replace

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec_train.curriculum import (
    ORDERS,
    XorMixture,
    accuracy_after,
    hard_samples,
    load_curriculum_recipe,
    one_pass,
)
from spikec_train.optimisers import Sgd

MIXTURE = XorMixture(values=6, distance=1.5, spread=0.3, easy=0.2, hard=1.0, reach=6.0)


def values_of(data, mixture=MIXTURE):
    return (data.samples[:, : mixture.values] - 0.5) * 2 * mixture.reach


def test_every_order_has_as_many_easy_and_hard_samples():
    counts = {order: hard_samples(order, 640).sum() for order in ORDERS}
    assert set(counts.values()) == {320}
    assert not hard_samples("easy-first", 640)[:320].any()
    assert hard_samples("hard-first", 640)[:320].all()
    assert all(hard_samples("mixed", 640)[k : k + 8].sum() == 4 for k in range(0, 640, 8))


def test_classes_lie_on_two_axes_and_no_line_parts_them():
    data = MIXTURE.draw(np.zeros(4000, bool), np.random.default_rng(0))
    x = values_of(data)
    for label, axis in ((0, 0), (1, 1)):
        of_class = x[data.labels == label]
        assert np.abs(of_class[:, axis]).mean() == pytest.approx(1.5, abs=0.02)
        assert np.abs(of_class.mean(axis=0)).max() < 0.1
    assert data.labels.mean() == pytest.approx(0.5, abs=0.03)


def test_only_values_that_say_nothing_are_noisier_in_hard_samples():
    rng = np.random.default_rng(0)
    easy, hard = (values_of(MIXTURE.draw(np.full(4000, h), rng)) for h in (False, True))
    assert np.allclose(easy[:, 2:].std(axis=0), 0.2, rtol=0.05)
    assert np.allclose(hard[:, 2:].std(axis=0), 1.0, rtol=0.05)
    assert np.allclose(easy[:, :2].std(axis=0), hard[:, :2].std(axis=0), rtol=0.05)


def test_each_value_comes_both_ways_and_stays_within_the_reach():
    data = replace(MIXTURE, reach=1.0).draw(np.ones(100, bool), np.random.default_rng(0))
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


def test_one_seed_is_one_accuracy_in_each_order():
    recipe = replace(load_curriculum_recipe("xor-mixture"), steps=80, tested=300)
    first = [accuracy_after(recipe, 3, order, 5) for order in ORDERS]
    assert first == [accuracy_after(recipe, 3, order, 5) for order in ORDERS]
    assert len(set(first)) > 1


def test_an_easy_mixture_is_learned():
    recipe = replace(load_curriculum_recipe("xor-mixture"), mixture=replace(MIXTURE, reach=3.0), tested=500)
    assert accuracy_after(recipe, 16, "mixed", 0) > 0.9


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
    recipe = load_curriculum_recipe("xor-mixture")
    with pytest.raises(UsageError, match="2 epochs were asked for, but orders are of one pass"):
        replace(recipe, training=replace(recipe.training, epochs=2))


@pytest.mark.parametrize("change", [{"values": 1}, {"hard": -1.0}, {"easy": np.nan}, {"reach": 0.0}])
def test_a_mixture_that_makes_no_sense_is_refused(change):
    with pytest.raises(UsageError, match="give 2 or more values, none of the others negative"):
        replace(MIXTURE, **change)

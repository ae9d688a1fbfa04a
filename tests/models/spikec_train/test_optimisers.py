"""Steps of Adam, AdaBelief and plain descent against their formulas, worked out number by number."""

from math import exp, sqrt

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec_train.optimisers import AdaBelief, Adam, Sgd, descend, learning_rate, no_moments

GRADIENTS = ([0.3, -2.0, 0.0], [0.1, 1.0, 0.0], [-0.7, 1.5, 0.0])


def steps(options, start, gradients):
    parameters, moments = np.array(start), no_moments(len(start))
    for g in gradients:
        parameters, moments = descend(options, moments, parameters, np.array(g))
    return parameters, moments


def test_adam_is_kingma_and_bas_algorithm_1():
    options = Adam(rate=0.1, b1=0.8, b2=0.9, eps=1e-3)
    found, moments = steps(options, [1.0, 2.0, 3.0], GRADIENTS)
    for k, start in enumerate([1.0, 2.0, 3.0]):
        x, m, v = start, 0.0, 0.0
        for n, g in enumerate((row[k] for row in GRADIENTS), start=1):
            m = 0.8 * m + 0.2 * g
            v = 0.9 * v + 0.1 * g * g
            x -= 0.1 * (m / (1 - 0.8**n)) / (sqrt(v / (1 - 0.9**n)) + 1e-3)
        assert found[k] == pytest.approx(x, rel=1e-14)
    assert moments.step == 3


def test_adabelief_is_what_optax_does():
    """The distance is to the mean before the step; eps_root is added inside and stays in the state."""
    options = AdaBelief(rate=0.1, b1=0.8, b2=0.9, eps=1e-3, eps_root=1e-2)
    found, _ = steps(options, [1.0, 2.0, 3.0], GRADIENTS)
    for k, start in enumerate([1.0, 2.0, 3.0]):
        x, m, v = start, 0.0, 0.0
        for n, g in enumerate((row[k] for row in GRADIENTS), start=1):
            v = 0.9 * v + 0.1 * (g - m) ** 2 + 1e-2
            m = 0.8 * m + 0.2 * g
            x -= 0.1 * (m / (1 - 0.8**n)) / (sqrt(v / (1 - 0.9**n)) + 1e-3)
        assert found[k] == pytest.approx(x, rel=1e-14)


def test_plain_descent_follows_the_gradient_each_part_of_it_clipped():
    found, moments = steps(Sgd(rate=0.1, decay_steps=2.0, clip=0.5), [1.0, 2.0, 3.0], GRADIENTS)
    for k, start in enumerate([1.0, 2.0, 3.0]):
        x = start
        for n, g in enumerate(row[k] for row in GRADIENTS):
            x -= 0.1 * exp(-n / 2) * max(-0.5, min(0.5, g))
        assert found[k] == pytest.approx(x, rel=1e-14)
    assert moments.step == 3
    assert steps(Sgd(rate=0.1), [1.0], [[30.0]])[0] == pytest.approx([-2.0], rel=1e-14)


@pytest.mark.parametrize("options", [Adam(rate=0.01, eps=0.0), AdaBelief(rate=0.01, eps=0.0, eps_root=0.0)])
def test_the_first_step_is_as_long_as_the_rate_whatever_the_gradient(options):
    found, _ = steps(options, [0.0, 0.0], [[1e-6, -1e6]])
    np.testing.assert_allclose(found, [-0.01, 0.01], rtol=1e-12)


def test_no_gradient_moves_nothing():
    for options in (Adam(), AdaBelief(), Sgd()):
        assert steps(options, [1.0], [[0.0]] * 3)[0].tolist() == [1.0]


def test_the_rate_falls_to_its_eth_part_in_decay_steps():
    assert learning_rate(Adam(rate=0.2, decay_steps=50.0), 0) == 0.2
    assert learning_rate(Adam(rate=0.2, decay_steps=50.0), 50) == pytest.approx(0.2 * exp(-1))
    assert learning_rate(AdaBelief(rate=0.2), 10**6) == 0.2


def test_a_step_changes_neither_parameters_nor_moments_it_was_given():
    parameters, moments = np.ones(2), no_moments(2)
    descend(AdaBelief(), moments, parameters, np.ones(2))
    assert parameters.tolist() == [1, 1]
    assert moments.mean.tolist() == moments.square.tolist() == [0, 0]


@pytest.mark.parametrize(
    "options",
    [{"rate": 0.0}, {"rate": np.inf}, {"decay_steps": 0.0}, {"b1": 1.0}, {"b2": -0.1}, {"eps": -1.0}],
)
@pytest.mark.parametrize("method", [Adam, AdaBelief])
def test_impossible_options_are_refused(method, options):
    with pytest.raises(UsageError, match="the optimiser has"):
        method(**options)


@pytest.mark.parametrize("options", [{"rate": -1.0}, {"decay_steps": 0.0}, {"clip": 0.0}, {"clip": np.nan}])
def test_impossible_plain_descents_are_refused(options):
    with pytest.raises(UsageError, match="the optimiser has"):
        Sgd(**options)

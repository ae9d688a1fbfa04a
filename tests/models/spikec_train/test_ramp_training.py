from dataclasses import replace

import numpy as np
import pytest

from spikec_train.datasets import load_dataset
from spikec_train.exact_gradient import train
from spikec_train.optimisers import Adam
from spikec_train.ramp_training import SHARPEST, best_sharpness, cross_entropy, ramp_problem
from spikec_train.sampling import SampledRamp, sampled_network


@pytest.fixture(scope="module")
def data():
    return load_dataset("yinyang:train:600")


@pytest.fixture(scope="module")
def start(data):
    return sampled_network(data, SampledRamp(hidden=20), np.random.default_rng(0))


@pytest.mark.parametrize("sampled", [True, False])
def test_the_gradient_is_that_of_central_differences_early_spikes_included(data, sampled):
    # with a gain of 1 a neuron spikes at T for a sample of its own pair, where its time may jump
    start = sampled_network(data, SampledRamp(hidden=20, gain=0.93), np.random.default_rng(0))
    problem = replace(ramp_problem(data, 20, start if sampled else None), flattest=0.0)
    rng = np.random.default_rng(1)
    parameters, some = problem.initial(rng), np.arange(40)
    _, gradient = problem.gradient(parameters, some, rng)
    step = 1e-7
    for k in rng.choice(parameters.size, 60, replace=False):
        moved = [parameters.copy(), parameters.copy()]
        moved[0][k] += step
        moved[1][k] -= step
        up, down = (problem.gradient(p, some, rng)[0] for p in moved)
        assert (up - down) / (2 * step) == pytest.approx(gradient[k], abs=1e-5)
    assert not sampled or np.mean(problem.leads(parameters, problem.early[some]) > 1) > 0.05


def test_the_sharpness_of_a_sampled_start_has_the_smallest_loss(data, start):
    problem, rng = ramp_problem(data, 20, start), np.random.default_rng(1)
    parameters, everything = problem.initial(rng), np.arange(problem.n_samples)
    own, less, more = (
        replace(problem, sharpness=k * problem.sharpness).gradient(parameters, everything, rng)[0]
        for k in (1.0, 0.95, 1.05)
    )
    assert own < min(less, more)


def test_the_sharpness_of_scores_that_are_all_right_is_bounded():
    assert best_sharpness(np.eye(3), np.arange(3)) == pytest.approx(SHARPEST, rel=1e-3)


def test_cross_entropy_is_that_of_softmax_however_large_the_logits():
    loss, d = cross_entropy(np.array([[0.0, np.log(3.0)], [2e3, 0.0]]), np.array([0, 0]))
    assert loss == pytest.approx(np.log(4.0) / 2)
    np.testing.assert_allclose(d, [[-0.375, 0.375], [0.0, 0.0]], atol=1e-15)


def test_descent_does_not_undo_a_sampled_network(data, start):
    problem = ramp_problem(data, 20, start)
    test = load_dataset("yinyang:validation")
    before = problem.accuracy(problem.initial(np.random.default_rng(0)), test)
    done = train(problem, Adam(rate=3e-3), 30, 50, 0)
    assert problem.accuracy(done.parameters, test) > before + 0.02


def test_a_sampled_start_is_the_sampled_network(data, start):
    problem = ramp_problem(data, 20, start)
    parameters = problem.initial(np.random.default_rng(0))
    test = load_dataset("yinyang:test:200")
    right = float(np.mean(start.scores(test.samples).argmax(axis=1) == test.labels))
    assert problem.accuracy(parameters, test) == right


@pytest.mark.parametrize("sampled", [True, False])
def test_descent_lowers_the_loss_and_keeps_thresholds_above_the_window(data, start, sampled):
    problem = ramp_problem(data, 20, start if sampled else None)
    done = train(problem, Adam(rate=1e-2), 15, 50, 0)
    assert done.losses[-1] < 0.8 * done.losses[0]
    assert problem.parts(done.parameters)[1].min() >= 0
    again = train(problem, Adam(rate=1e-2), 15, 50, 0)
    assert np.array_equal(again.parameters, done.parameters)

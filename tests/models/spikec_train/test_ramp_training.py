import numpy as np
import pytest

from spikec_train.datasets import load_dataset
from spikec_train.exact_gradient import train
from spikec_train.optimisers import Adam
from spikec_train.ramp_training import ramp_problem
from spikec_train.sampling import SampledRamp, sampled_network


@pytest.fixture(scope="module")
def data():
    return load_dataset("yinyang:train:600")


@pytest.fixture(scope="module")
def start(data):
    return sampled_network(data, SampledRamp(hidden=20), np.random.default_rng(0))


@pytest.mark.parametrize("sampled", [True, False])
def test_the_gradient_is_that_of_central_differences(data, start, sampled):
    problem, rng = ramp_problem(data, 20, start if sampled else None), np.random.default_rng(1)
    parameters, some = problem.initial(rng), np.arange(40)
    _, gradient = problem.gradient(parameters, some, rng)
    step = 1e-7
    for k in rng.choice(parameters.size, 40, replace=False):
        moved = [parameters.copy(), parameters.copy()]
        moved[0][k] += step
        moved[1][k] -= step
        up, down = (problem.gradient(p, some, rng)[0] for p in moved)
        assert (up - down) / (2 * step) == pytest.approx(gradient[k], abs=1e-5)


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

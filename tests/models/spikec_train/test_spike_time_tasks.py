"""Tasks of spike times: what is drawn, what may change, and what is wanted."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec_train.optimisers import AdaBelief, Sgd
from spikec_train.spike_time_tasks import ExactQifNeuron, ExactQifRnn, _poisson

NEURON = ExactQifNeuron(optimiser=Sgd(rate=0.1, clip=0.02), epochs=2, steps=10)
RNN = ExactQifRnn(optimiser=AdaBelief(rate=0.01), epochs=2, steps=10)


def draw(options, seed=0):
    return options.task(np.random.default_rng(seed))


def test_a_recurrent_task_starts_from_zero_with_two_poisson_inputs_a_neuron():
    task = draw(RNN)
    parts = task.model.split(task.start)
    assert (task.model.n_neurons, task.model.duration, task.model.alpha) == (10, 10.0, 10.0)
    assert not parts.weights.any()
    assert not parts.v.any()
    assert not parts.current.any()
    assert parts.input_weights.tolist() == [5.0] * 10 + [-5.0] * 10
    assert task.model.receivers.tolist() == [*range(10)] * 2
    counts = np.concatenate([np.bincount(draw(RNN, s).model.sources, minlength=20) for s in range(50)])
    assert counts.mean() == pytest.approx(10, abs=4 * np.sqrt(10 / counts.size))
    assert 0 <= parts.times.min() <= parts.times.max() <= 10


def test_recurrent_weights_and_the_initial_state_are_trained_and_nothing_else():
    task = draw(RNN)
    changed = np.zeros(task.model.n_parameters)
    changed[task.trained] = 1
    assert task.trained.size == 110
    parts = task.model.split(changed)
    np.testing.assert_array_equal(parts.weights, 1 - np.eye(10))
    assert parts.v.all()
    assert parts.current.all()


def test_targets_keep_their_distance_and_each_neuron_is_to_be_quiet_after_its_last():
    for seed in range(30):
        targets = draw(RNN, seed).targets
        assert np.unique(targets.neurons).tolist() == [0, 1]
        n_wanted = np.count_nonzero(~targets.one_sided)
        for neuron in (0, 1):
            own = targets.neurons == neuron
            assert targets.ranks[own].tolist() == [*range(np.count_nonzero(own))]
            assert targets.times[own][-1] == pytest.approx(11)
            assert targets.one_sided[own].tolist() == [False] * (np.count_nonzero(own) - 1) + [True]
            wanted = targets.times[own][:-1]
            assert np.all(np.diff(wanted) > 1)
            assert np.all((0 < wanted) & (wanted <= 10))
        expected = 1 / (targets.times + 2) ** 2 / max(n_wanted, 1)
        np.testing.assert_allclose(targets.factors, expected, rtol=1e-14)


def test_the_refractory_time_comes_after_a_spike_and_not_before_the_first():
    rng = np.random.default_rng(1)
    times = _poisson(0.5, 1e5, rng, 3.0)
    assert np.diff(times).mean() == pytest.approx(5.0, rel=0.03)
    assert np.diff(times).min() > 3
    first = [_poisson(0.5, 1e5, rng, 1e6)[0] for _ in range(2000)]
    assert np.mean(first) == pytest.approx(2.0, abs=0.2)


def test_one_neuron_has_fixed_inputs_and_two_to_train():
    task = draw(NEURON, 4)
    parts = task.model.split(task.start)
    assert task.model.n_neurons == 1
    assert task.model.sources.tolist() == [*range(22)]
    assert parts.times[20:].tolist() == [1.0, 9.0]
    assert parts.input_weights[20:].tolist() == [0.0, 0.0]
    assert np.count_nonzero(parts.input_weights) == 20
    changed = np.zeros(task.model.n_parameters)
    changed[task.trained] = 1
    assert np.flatnonzero(task.model.split(changed).times).tolist() == [20, 21]
    assert np.flatnonzero(task.model.split(changed).input_weights).tolist() == [20, 21]
    assert changed.sum() == 4
    assert task.targets.times.tolist() == [2.5, 7.5]
    assert task.targets.factors.tolist() == [0.5, 0.5]
    assert not task.targets.one_sided.any()
    weights = np.concatenate([draw(NEURON, s).start[3:23] for s in range(100)])
    assert (weights.mean(), weights.std()) == pytest.approx((0.0, 1.0), abs=0.1)


@pytest.mark.parametrize("options", [NEURON, RNN])
def test_one_seed_is_one_task(options):
    a, b, c = draw(options, 1), draw(options, 1), draw(options, 2)
    np.testing.assert_array_equal(a.start, b.start)
    np.testing.assert_array_equal(a.targets.times, b.targets.times)
    assert a.start.shape != c.start.shape or np.any(a.start != c.start)


def test_only_times_over_the_time_constant_count():
    slow = replace(
        RNN, tau=0.02, duration=0.2, target_rates=(50.0, 25.0), refractory=0.02, input_rate=50.0, offset=0.04
    )
    a, b = draw(RNN), draw(slow)
    np.testing.assert_allclose(a.start, b.start, rtol=1e-14)
    np.testing.assert_allclose(a.targets.times, b.targets.times, rtol=1e-14)
    np.testing.assert_allclose(a.targets.factors, b.targets.factors, rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (RNN, {"epochs": 0}),
        (RNN, {"steps": 0}),
        (RNN, {"tau": 0.0}),
        (RNN, {"duration": np.inf}),
        (RNN, {"alpha": -1.0}),
        (RNN, {"neurons": 1}),
        (RNN, {"target_rates": ()}),
        (RNN, {"target_rates": (0.0,)}),
        (RNN, {"refractory": -0.01}),
        (RNN, {"input_weight": np.nan}),
        (RNN, {"offset": 0.0}),
        (NEURON, {"targets": ()}),
        (NEURON, {"targets": (0.2,)}),
        (NEURON, {"trained_times": (-0.01,)}),
        (NEURON, {"fixed_inputs": -1}),
        (NEURON, {"weight_spread": np.inf}),
    ],
)
def test_impossible_options_are_refused(options, change):
    with pytest.raises(UsageError):
        replace(options, **change)

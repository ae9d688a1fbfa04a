"""Neurons placed between samples: membranes by a sum of responses that is written out here."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import UsageError
from spikec_train.cuba_gradient import Delayed
from spikec_train.cuba_pairs import CubaPairs, Membrane, Placing, midpoint_weights, sample_cuba_layer
from spikec_train.cuba_training import ExactCuba
from spikec_train.datasets import load_dataset
from spikec_train.first_spike import train_layers
from spikec_train.optimisers import Adam

OPTIONS = ExactCuba(
    hidden=(30,),
    optimiser=Adam(rate=3e-3),
    epochs=1,
    batch=50,
    weight_means=(6.0, 15.0),
    weight_spreads=(1.6, 4.4),
    start=CubaPairs(read=0.01125, answer=0.0125),
)


def response(t, ratio):
    """K: the membrane's answer to one spike of weight 1, for time constants `ratio` and 1."""
    if t <= 0:
        return 0.0
    if ratio == 1:
        return t * np.exp(-t)
    return (np.exp(-t / ratio) - np.exp(-t)) / (1 - 1 / ratio)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 7.5])
def test_responses_are_those_of_the_membranes_equation(ratio):
    since = np.array([[-1.0, 0.0, 0.3], [2.0, 9.0, -np.inf]])
    expected = [[response(t, ratio) for t in row] for row in since]
    np.testing.assert_allclose(Membrane(ratio, 1.0).responses(since), expected, rtol=1e-12, atol=1e-15)


@given(seed=st.integers(0, 10**6), gain=st.floats(0.01, 0.9), width=st.integers(2, 20))
@settings(deadline=None)
def test_the_two_samples_lie_the_gain_below_and_above_the_threshold(seed, gain, width):
    low = np.zeros((1, width))
    low[0, 0] = 1.0
    high = np.random.default_rng(seed).uniform(0.1, 1.0, (1, width))  # never parallel
    weights = midpoint_weights(low, high, gain, 1e-9)
    assert weights @ low[0] == pytest.approx(1 - gain, abs=1e-4)
    assert weights @ high[0] == pytest.approx(1 + gain, abs=1e-4)
    span = np.concatenate([low, high])
    rest = weights[0] - np.linalg.lstsq(span.T, weights[0], rcond=None)[0] @ span
    np.testing.assert_allclose(rest, 0.0, atol=1e-9 * np.abs(weights).max())


def test_pairs_that_nearly_coincide_have_bounded_weights():
    low = np.full((1, 4), 0.5)
    high = low + 1e-9 * np.arange(4)
    assert np.abs(midpoint_weights(low, high, 0.1, 1e-6)).max() < 1000
    assert np.isfinite(midpoint_weights(np.zeros((1, 4)), high, 0.1, 1e-6)).all()


def test_membranes_at_the_moment_of_reading_are_on_either_side_and_neurons_spike_accordingly():
    membrane = Membrane(2.0, 2.25)
    rng = np.random.default_rng(0)
    times = rng.uniform(0, 2, (40, 6))
    labels = np.arange(40) % 2
    weights = sample_cuba_layer(membrane.responses(2.25 - times), labels, 20, Placing(0.2, 1e-9), rng)
    v = np.array([[sum(w * response(2.25 - t, 2.0) for w, t in zip(row, s, strict=True)) for row in weights]
                  for s in times])  # fmt: skip
    spikes = membrane.first_spikes(weights, times)
    assert np.isfinite(spikes)[v > 1].all()
    near = np.abs(v - 1)
    for j in range(20):
        assert np.any(np.abs(near[:, j] - 0.2) < 0.01)
    assert np.all(v.min(axis=0) < 1)
    assert np.all(v.max(axis=0) > 1)


def test_it_is_drawn_which_sample_of_a_pair_its_neuron_spikes_for():
    rng = np.random.default_rng(1)
    responses, labels = np.array([[1.0, 0.2], [0.3, 0.4]]), np.array([0, 1])
    above = 0
    for _ in range(300):
        (w,) = sample_cuba_layer(responses, labels, 1, Placing(), rng)
        assert w @ responses[0] < 1 < w @ responses[1] or w @ responses[1] < 1 < w @ responses[0]
        above += w @ responses[0] > 1
    assert 100 < above < 200


@pytest.mark.parametrize("delays", Delayed)
def test_a_descent_may_begin_with_placed_neurons(delays):
    data = load_dataset("yinyang:train:1000")
    options = replace(OPTIONS, delays=delays)
    model = options.model(4, 3)
    rng = np.random.default_rng(0)
    given, labels = options.given(data), data.labels
    begun = options.begun(model, given, labels, rng)
    assert begun.shape == (model.n_parameters,)
    assert not begun[model.n_weights :].any()
    found = options.run(model, begun, given, labels, False, 1)
    assert np.mean(found.classes() == labels) > 0.75
    drawn = options.run(model, options.initial(model, rng), given, labels, False, 1)
    assert np.mean(drawn.classes() == labels) < 0.5
    done = train_layers(data, options, seed=0)
    assert np.isfinite(done.training.losses).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"read": 0.0}, "read at 0.0 s"),
        ({"answer": 0.01}, "the answer no earlier"),
        ({"ridge": 0.0}, "the ridge is positive"),
        ({"gain": 1.0}, "the gain lies between 0 and 1"),
        ({"gain": float("nan")}, "the gain lies between 0 and 1"),
        ({"candidates": 0}, "candidate or more"),
    ],
)
def test_impossible_starts_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        CubaPairs(**{"read": 0.011, "answer": 0.012, **wrong})


@pytest.mark.parametrize("wrong", [{"hidden": (20, 20)}, {"start": CubaPairs(read=0.01, answer=0.06)}])
def test_starts_that_do_not_fit_the_network_are_refused(wrong):
    extra = {"weight_means": (1.0,) * 3, "weight_spreads": (1.0,) * 3} if "hidden" in wrong else {}
    with pytest.raises(UsageError, match="for one hidden layer and answers within the duration"):
        replace(OPTIONS, **wrong, **extra)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikec_train.ramp_layer import RampLayer, features, midpoint_layer, pushed, spike_times

T = 0.016


def random_layer(rng, n, width, gain=1.0):
    low, high = rng.uniform(0, T, (2, n, width))
    turned = np.sum(low**2, axis=1) > np.sum(high**2, axis=1)
    low[turned], high[turned] = high[turned], low[turned]
    return midpoint_layer(low, high, T, gain)


@settings(deadline=None)
@given(
    points=arrays(np.float64, (2, 5), elements=st.integers(0, 16).map(lambda x: x * T / 16)),
    gain=st.floats(0.1, 4),
)
def test_no_threshold_is_below_the_window(points, gain):
    low, high = sorted(points, key=lambda p: np.sum(p**2))
    if np.array_equal(low, high):
        return
    layer = midpoint_layer(low[None], high[None], T, gain)
    assert layer.thresholds[0] >= T


def test_a_neuron_begins_to_spike_at_the_midpoint_of_its_pair():
    rng = np.random.default_rng(5)
    low, high = 0.2 * T * rng.uniform(size=8), 0.2 * T * rng.uniform(size=8) + 0.1 * T
    layer = midpoint_layer(low[None], high[None], T, 0.5)
    shares = np.array([0.0, 0.499, 0.501, 0.75, 1.0])
    lead = features(layer, low + shares[:, None] * (high - low))[:, 0]
    np.testing.assert_allclose(lead, 2 * 0.5 * T * np.maximum(shares - 0.5, 0), rtol=1e-9, atol=1e-15)


def test_gain_is_where_the_second_sample_lies():
    rng = np.random.default_rng(6)
    low, high = 0.1 * T * rng.uniform(size=8), 0.1 * T * rng.uniform(size=8) + 0.2 * T
    for gain in (0.25, 0.5, 0.75):
        layer = midpoint_layer(low[None], high[None], T, gain)
        assert spike_times(layer, high[None])[0, 0] == pytest.approx(2 * T - gain * T, rel=1e-12)
        assert layer.weights[0] @ low - (layer.thresholds[0] - T) == pytest.approx(-gain * T, rel=1e-12)


def by_bisection(layer, early):
    """First crossing of one neuron and sample, from the membrane's definition alone."""

    def membrane(t):
        ramps = layer.weights[0] * np.maximum(t - (T - early), 0)
        return ramps.sum() + (1 - layer.weights[0].sum()) * max(t - T, 0)

    grid = np.unique(np.concatenate([np.linspace(0, 2 * T, 300), T - early, [T]]))
    above = np.array([membrane(t) > layer.thresholds[0] for t in grid])
    if not above.any():
        return np.inf
    low, high = grid[np.argmax(above) - 1], grid[np.argmax(above)]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if membrane(middle) > layer.thresholds[0] else (middle, high)
    return high


@pytest.mark.parametrize("grey_levels", [16, None])
def test_spike_times_are_those_of_the_membrane_equation(grey_levels):
    rng = np.random.default_rng(7)
    layer = random_layer(rng, 20, 12, gain=3.0)
    early = rng.uniform(0, T, (15, 12))
    if grey_levels:
        early = np.round(early / T * grey_levels) * T / grey_levels
    found = spike_times(layer, early)
    expected = np.array(
        [
            [
                by_bisection(RampLayer(layer.weights[[j]], layer.thresholds[[j]], T), e)
                for j in range(len(layer.thresholds))
            ]
            for e in early
        ]
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert np.isinf(found).any()
    assert (found < T).any()
    assert ((found > T) & np.isfinite(found)).any()


@pytest.mark.parametrize(("excitation", "inhibition_starts"), [(4.0, 0.5), (1.2, 0.9)])
def test_a_neuron_that_is_pulled_back_before_the_window_ends_has_spiked_all_the_same(
    excitation, inhibition_starts
):
    inhibition = (excitation - 0.5) / (1 - inhibition_starts)  # brings V to T / 2 at T
    layer = RampLayer(np.array([[excitation, -inhibition]]), np.array([T]), T)
    early = np.array([[T, (1 - inhibition_starts) * T]])
    assert spike_times(layer, early)[0, 0] == pytest.approx(T / excitation)


@pytest.mark.parametrize("late", [0.0, 0.1])
def test_pushed_neurons_all_spike_and_inputs_after_the_clock_count_from_when_they_come(late):
    rng = np.random.default_rng(8)
    layer = random_layer(rng, 12, 6)
    early = rng.uniform(0, T, (10, 6))
    layer = pushed(layer, early, 0.125 * T)
    early[:5] -= late * T
    found = spike_times(layer, early)

    def membrane(j, e, t):
        inputs = layer.weights[j] @ np.maximum(t - (T - e), 0)
        return inputs + layer.clock_weights[j] * max(t - T, 0) + layer.push * max(t - 2 * T, 0)

    for i, j in np.ndindex(found.shape):
        limit, t = layer.thresholds[j], found[i, j]
        assert membrane(j, early[i], t) == pytest.approx(limit, rel=1e-9)
        assert all(membrane(j, early[i], s) <= limit * (1 + 1e-9) for s in np.linspace(0, t, 200))
    assert np.any(found > 2 * T)
    assert late or np.all(found <= 2.125 * T * (1 + 1e-12))
    np.testing.assert_array_equal(features(layer, early), 2 * T - found)

"""Samples to spikes and spikes to classes, against the formulas of the docstrings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikec.coding import BinaryEncoding, Decoding, LatencyEncoding, Readout, decode, encode
from spikec.errors import EventsError, NetworkError
from spikec.events import Events, from_dense_times, from_rows

WINDOW, X_MAX = 0.02, 16.0


def _encoding(silent_at_end=False, clock=None):
    return LatencyEncoding("pixels", WINDOW, X_MAX, silent_at_end, clock, 2 * WINDOW)


@given(hnp.arrays(np.float64, (3, 4), elements=st.floats(-50, 50)))
def test_larger_values_spike_earlier_along_a_straight_line(samples):
    times = encode(_encoding(silent_at_end=True), samples)["pixels"].first_times()
    expected = WINDOW * (1 - np.clip(samples, 0, X_MAX) / X_MAX)
    np.testing.assert_allclose(times, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("silent_at_end", "time"), [(True, WINDOW), (False, np.inf)])
def test_a_zero_spikes_at_the_windows_end_or_not_at_all(silent_at_end, time):
    assert encode(_encoding(silent_at_end), [[0.0, -3.0]])["pixels"].first_times().tolist() == [[time, time]]


def test_every_input_spikes_at_most_once():
    rng = np.random.default_rng(0)
    assert encode(_encoding(), rng.uniform(-1, 20, (5, 7)))["pixels"].counts().max() == 1


def test_images_are_flattened_row_by_row():
    image = np.arange(12.0).reshape(1, 3, 4)
    a, b = (encode(_encoding(), x)["pixels"] for x in (image, image.reshape(1, 12)))
    np.testing.assert_array_equal(a.first_times(), b.first_times())


def test_the_clock_spikes_once_at_the_windows_end_in_every_sample():
    events = encode(_encoding(clock="clock"), np.ones((4, 2)))
    assert events["clock"].first_times().tolist() == [[WINDOW]] * 4


def test_no_samples_give_no_spikes():
    events = encode(_encoding(clock="clock"), np.zeros((0, 5)))
    assert (events["pixels"].n_samples, events["pixels"].n_neurons) == (0, 5)
    assert events["clock"].n_events == 0


@pytest.mark.parametrize(
    ("samples", "message"), [([[np.nan]], "NaN"), ([[np.inf]], "infinite"), (3.0, "n_samples")]
)
def test_samples_without_a_spike_time_are_refused(samples, message):
    with pytest.raises(EventsError, match=message):
        encode(_encoding(), samples)


@pytest.mark.parametrize(
    ("window", "x_max", "duration"),
    [
        (0.0, 1.0, 1.0),
        (2.0, 1.0, 1.0),
        (1.0, 0.0, 1.0),
        (1.0, 1.0, np.inf),
        (np.nan, 1.0, 1.0),
        (1.0, np.nan, 1.0),
    ],
)
def test_impossible_encodings_are_refused(window, x_max, duration):
    with pytest.raises(NetworkError, match="latency encoding"):
        LatencyEncoding("pixels", window, x_max, True, None, duration)


def test_binary_inputs_spike_at_one_moment_from_the_threshold_on():
    encoding = BinaryEncoding("pixels", 127.5, 2e-4, 0.02)
    times = encode(encoding, [[[0, 127], [128, 255]], [[127.5, -1], [3, 1e9]]])["pixels"].first_times()
    t, never = 2e-4, np.inf
    assert times.tolist() == [[never, never, t, t], [t, never, never, t]]


def test_a_binary_encoding_has_no_clock_and_leaves_the_resolution_to_the_trial():
    encoding = BinaryEncoding("pixels", 0.5, 0.0, 0.02)
    assert encoding.clock is None
    assert encoding.window == encoding.duration == 0.02


@pytest.mark.parametrize(
    ("threshold", "time", "duration"),
    [
        (np.nan, 0.0, 1.0),
        (np.inf, 0.0, 1.0),
        (0.5, -1e-9, 1.0),
        (0.5, 1.1, 1.0),
        (0.5, np.nan, 1.0),
        (0.5, 0.0, 0.0),
        (0.5, 0.0, np.inf),
    ],
)
def test_impossible_binary_encodings_are_refused(threshold, time, duration):
    with pytest.raises(NetworkError, match="binary encoding"):
        BinaryEncoding("pixels", threshold, time, duration)


def test_an_unknown_readout_is_refused():
    with pytest.raises(ValueError, match="guess"):
        Decoding("out", "guess")


def test_the_membrane_readout_takes_the_highest_and_of_equals_the_first():
    silence = from_dense_times(np.full((3, 3), np.inf))
    membrane = np.array([[0, 5, 5], [-3, -1, -2], [0, 0, 0]])
    assert decode(Decoding("out", Readout.MEMBRANE), silence, membrane).tolist() == [1, 1, 0]
    with pytest.raises(EventsError, match="was not recorded"):
        decode(Decoding("out", Readout.MEMBRANE), silence, None)


def test_a_decoding_says_what_must_be_recorded_for_it():
    assert Decoding("out", Readout.MEMBRANE).record == "out.v.last"
    assert Decoding("out", Readout.MAXIMUM).record == "out.v.max"
    assert [Decoding("out", r).record for r in (Readout.COUNT, Readout.FIRST)] == [None, None]


def test_the_maximum_readout_takes_the_highest_and_needs_it():
    silence = from_dense_times(np.full((1, 2), np.inf))
    assert decode(Decoding("out", "maximum"), silence, np.array([[0.5, 0.75]])).tolist() == [1]
    with pytest.raises(EventsError, match="was not recorded"):
        decode(Decoding("out", Readout.MAXIMUM), silence, None)


def test_the_count_readout_takes_the_most_spikes():
    spikes = from_rows([0, 0, 0, 1], [0, 1, 2, 0], [2, 2, 1, 0], n_samples=3, n_neurons=3)
    assert decode(Decoding("out", Readout.COUNT), spikes, None).tolist() == [2, 0, 0]


def test_the_first_spike_readout_says_minus_one_in_silence():
    spikes = from_dense_times([[0.3, 0.1, np.inf], [np.inf] * 3, [0.2, 0.2, 0.5]])
    assert decode(Decoding("out", Readout.FIRST), spikes, None).tolist() == [1, -1, 0]


@given(hnp.arrays(np.int64, (4, 5), elements=st.integers(0, 30)))
def test_reading_the_first_spike_inverts_the_encoding(samples):
    spikes = encode(LatencyEncoding("x", 1.0, 30.0, True, None, 1.0), samples)["x"]
    assert isinstance(spikes, Events)
    assert decode(Decoding("x", Readout.FIRST), spikes, None).tolist() == samples.argmax(axis=1).tolist()

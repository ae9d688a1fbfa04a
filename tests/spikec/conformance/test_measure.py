"""What is wrong and where first, against dense arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikec.coding import Readout
from spikec.conformance.measure import wrong_answers, wrong_bins, wrong_count, wrong_times
from spikec.errors import EventsError
from spikec.events import no_events
from spikec.rasters import from_counts

COUNTS = arrays(np.int64, (2, 5, 3), elements=st.integers(0, 2))


@given(COUNTS, COUNTS)
def test_bins_differ_where_counts_do(a, b):
    found = wrong_bins("p", from_counts(a), from_counts(b), 5, 0)
    assert (found.wrong, found.of) == (np.sum(a != b), a.size)
    if found.wrong:
        sample, tick, neuron = np.argwhere(a != b)[0]
        first = found.first
        assert (first.sample, first.tick, first.neuron) == (sample, tick, neuron)
        assert (first.got, first.expected) == (a[sample, tick, neuron], b[sample, tick, neuron])
    else:
        assert found.first is None


@given(COUNTS, st.integers(0, 5))
def test_a_late_platform_agrees_but_for_what_it_had_no_time_to_record(ours, shift):
    theirs = np.zeros_like(ours)
    theirs[:, shift:] = ours[:, : 5 - shift]
    assert wrong_bins("p", from_counts(ours), from_counts(theirs), 5, shift).wrong == 0


@given(COUNTS, st.integers(1, 4))
def test_an_early_platform_agrees_if_nothing_comes_before_it_began(theirs, early):
    ours = np.concatenate([np.zeros((2, early, 3), int), theirs], axis=1)
    assert wrong_bins("p", from_counts(ours), from_counts(theirs), 5, -early).wrong == 0
    ours[1, 0, 2] = 1
    found = wrong_bins("p", from_counts(ours), from_counts(theirs), 5, -early)
    assert found.wrong == 1
    assert (found.first.sample, found.first.tick, found.first.neuron) == (1, -early, 2)


def test_other_sizes_are_refused():
    with pytest.raises(EventsError, match=r"1 samples of 3 neurons ran, but 2 of 3 are recorded of p"):
        wrong_bins("p", no_events(1, 3), no_events(2, 3), 5, 0)
    with pytest.raises(EventsError, match="too long"):
        wrong_bins("p", no_events(1, 1 << 31), no_events(1, 1 << 31), 1 << 32, 0)


INF = np.inf


@pytest.mark.parametrize(
    ("found", "recorded", "wrong", "first"),
    [
        ([[1.0, INF]], [[1.09, INF]], 0, None),
        ([[1.0, INF]], [[1.2, INF]], 1, (0, 0, 1.2, 1.0)),
        ([[1.0, 3.0], [INF, 2.0]], [[1.0, 3.0], [1.0, INF]], 2, (1, 0, 1.0, None)),
        ([[5.0, 3.0]], [[4.0, INF]], 2, (0, 1, None, 3.0)),
    ],
)
def test_first_spikes_differ_by_more_than_the_tolerance_or_by_being_there(found, recorded, wrong, first):
    measured = wrong_times("p", np.array(found), np.array(recorded), 0.1)
    assert (measured.wrong, measured.of) == (wrong, np.size(found))
    got = measured.first
    assert first == (None if got is None else (got.sample, got.neuron, got.expected, got.got))


def test_counts_and_answers_are_off_by_their_difference():
    events = from_counts(np.array([[[0, 2]], [[1, 0]], [[0, 1]]]))  # answers 1, 0, 1
    assert (wrong_count(events, 6).wrong, wrong_count(events, 6).of) == (2, 6)
    labels = np.array([1, 1, 1, 0])
    assert wrong_answers("p", events, labels, 2, Readout.COUNT).wrong == 0
    assert wrong_answers("p", events, labels, 3, Readout.FIRST).wrong == 1
    with pytest.raises(EventsError, match="2 labels for 3 samples"):
        wrong_answers("p", events, labels[:2], 2, Readout.COUNT)

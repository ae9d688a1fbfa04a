"""Spikes as sorted lists: what is refused, and what every way of making and reading them must agree on."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikec.errors import EventsError
from spikec.events import Events, from_dense_times, from_rows, join_events, no_events, same, unchecked
from spikec.rasters import from_raster

rasters = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6))


def _events(times, neurons, starts=None, n_neurons=3):
    return Events(
        np.asarray(times),
        np.asarray(neurons),
        np.asarray([0, len(times)] if starts is None else starts),
        n_neurons,
    )


@pytest.mark.parametrize(
    ("times", "neurons", "message"),
    [
        ([2, 1], [0, 0], "unsorted"),
        ([1, 1], [1, 0], "unsorted"),
        ([1, 1], [2, 2], "twice in one tick"),
        ([0, 1], [0, 3], "names neuron 3, but the population has neurons 0 to 2"),
        ([0, 1], [-1, 0], "names neuron -1"),
        ([0], [2**40], "neurons of events"),
        ([0], [0.5], "neurons of events"),
        ([-1], [0], "negative"),
        ([-1e-9], [0], "negative"),
        ([np.nan], [0], "NaN"),
        ([np.inf], [0], "infinite"),
        (["a"], [0], "times of events"),
        ([0, 1], [0], "lengths must agree"),
    ],
)
def test_impossible_spikes_are_refused(times, neurons, message):
    with pytest.raises(EventsError, match=message):
        _events(times, neurons)


@pytest.mark.parametrize("starts", [[0], [0, 1], [1, 2], [0, 2, 1, 2], [[0, 2]], [], [0, 1.5, 2]])
def test_samples_that_do_not_cover_the_spikes_are_refused(starts):
    with pytest.raises(EventsError, match="sample_starts"):
        _events([0, 1], [0, 0], starts)


def test_order_starts_anew_in_each_sample():
    e = _events([5, 0], [0, 0], [0, 1, 2])
    assert e.sample_of_event().tolist() == [0, 1]


def test_two_spikes_of_one_neuron_at_one_moment_are_two_spikes_in_seconds():
    assert _events([0.1, 0.1], [2, 2]).counts().tolist() == [[0, 0, 2]]


def test_arrays_cannot_be_written_and_do_not_follow_the_ones_they_came_from():
    times = np.array([0, 1])
    e = Events(times, np.array([0, 0]), np.array([0, 2]), 1)
    times[0] = 7
    assert e.times.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        e.times[0] = 1


@given(rasters, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(raster, random):
    rows = list(zip(*np.nonzero(raster), strict=True))
    random.shuffle(rows)
    samples, ticks, neurons = np.array(rows, np.int64).reshape(-1, 3).T
    e = from_rows(samples, ticks, neurons, n_samples=raster.shape[0], n_neurons=raster.shape[2])
    assert same(e, from_raster(raster))


@given(rasters, st.data())
def test_selected_samples_are_those_of_the_raster(raster, data):
    n = raster.shape[0]
    first = data.draw(st.integers(0, n))
    last = data.draw(st.integers(first, n))
    np.testing.assert_array_equal(
        from_raster(raster).select(first, last).raster(raster.shape[1]), raster[first:last]
    )


@given(rasters)
def test_first_times_are_where_the_raster_first_is_true(raster):
    expected = np.where(raster.any(axis=1), raster.argmax(axis=1), np.inf)
    np.testing.assert_array_equal(from_raster(raster).first_times(), expected)


@given(rasters)
def test_ticks_survive_the_way_through_seconds(raster):
    e = from_raster(raster)
    assert same(e.to_seconds(0.3e-3).to_ticks(0.3e-3), e)


def test_spikes_that_meet_in_a_tick_become_one():
    e = _events([0.9e-3, 1.0e-3, 1.1e-3, 2.6e-3], [1, 2, 1, 1]).to_ticks(1e-3)
    assert e.times.tolist() == [1, 1, 3]
    assert e.neurons.tolist() == [1, 2, 1]


def test_a_raster_leaves_out_what_comes_after_it():
    assert _events([0, 5], [1, 1]).raster(5)[0, :, 1].tolist() == [True, False, False, False, False]


def test_a_raster_of_seconds_is_refused():
    with pytest.raises(EventsError, match="to_ticks"):
        _events([0.5], [0]).raster(3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([2], [0], [0]), "sample 2, but there are samples 0 to 1"),
        (([-1], [0], [0]), "sample -1"),
        (([0, 1], [0], [0]), "each needs"),
        (([0], [0], [0.5]), "neurons of events"),
        (([0.5], [0], [0]), "samples of events"),
        (([0], [np.nan], [0]), "NaN"),
    ],
)
def test_rows_that_cannot_be_spikes_are_refused(rows, message):
    with pytest.raises(EventsError, match=message):
        from_rows(*rows, n_samples=2, n_neurons=1)


def test_dense_times_take_infinity_for_silence_and_nothing_else():
    e = from_dense_times([[np.inf, 0.5], [0.0, np.inf]])
    assert e.first_times().tolist() == [[np.inf, 0.5], [0.0, np.inf]]
    for bad in (np.nan, -np.inf, -1.0):
        with pytest.raises(EventsError, match="all must be 0 or later"):
            from_dense_times([[bad]])
    with pytest.raises(EventsError, match="n_samples, n_neurons"):
        from_dense_times([0.0])


@given(
    hnp.arrays(
        np.int64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6), elements=st.integers(0, 4)
    )
)
def test_dense_times_come_by_time_and_of_one_time_by_neuron(drawn):
    times = np.where(drawn == 4, np.inf, drawn / 8)
    rows = sorted((s, times[s, j], j) for s, j in np.ndindex(times.shape) if times[s, j] < np.inf)
    e = from_dense_times(times)
    assert list(zip(e.sample_of_event(), e.times, e.neurons, strict=True)) == rows
    samples, moments, neurons = zip(*rows, strict=True) if rows else ([], np.zeros(0), [])
    listed = from_rows(samples, moments, neurons, n_samples=len(times), n_neurons=times.shape[1])
    assert same(listed, e)
    for first, last in ((0, len(times)), (len(times) // 2, len(times))):
        assert same(listed.select(first, last), from_dense_times(times).select(first, last))
    for end in (0.0, 0.25, 0.3):
        assert same(listed.until(end), from_dense_times(times).until(end))


def test_dense_times_are_sorted_by_who_reads_them_and_their_table_is_nobody_elses():
    table = np.array([[0.5, 0.25, np.inf]])
    e = from_dense_times(table)
    table[:] = 0.0
    assert (e.once, e.in_ticks, e.n_samples) == (True, False, 1)
    assert e.select(0, 1).neurons.tolist() == [1, 0]
    assert "times" not in vars(e)


def test_silence_has_samples_and_neurons_but_no_spikes():
    e = no_events(3, 2)
    assert (e.n_samples, e.n_neurons, e.n_events, e.in_ticks) == (3, 2, 0, True)
    assert e.counts().shape == (3, 2)
    assert np.isinf(e.first_times()).all()


def test_sameness_looks_at_every_part():
    e = _events([0, 1], [0, 1])
    assert same(e, _events([0, 1], [0, 1]))
    others = (
        _events([0, 2], [0, 1]),
        _events([0, 1], [0, 2]),
        _events([0, 1], [0, 1], [0, 1, 2]),
        _events([0, 1], [0, 1], n_neurons=4),
    )
    assert not any(same(e, other) for other in others)


def test_repeats_are_the_same_neurons_spikes_at_one_moment_of_one_sample():
    e = from_rows([0, 0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5, 0.7], [0, 1, 1, 1, 1], n_samples=3, n_neurons=2)
    assert e.repeats().tolist() == [False, False, True, False, False]
    assert from_rows([], np.zeros(0), [], n_samples=1, n_neurons=1).repeats().size == 0


def test_kept_events_stay_in_their_samples():
    e = from_rows([0, 0, 2, 2], [1, 5, 0, 7], [0, 1, 1, 0], n_samples=3, n_neurons=2)
    kept = e.keep(e.times < 5)
    assert kept.times.tolist() == [1, 0]
    assert kept.neurons.tolist() == [0, 1]
    assert kept.sample_starts.tolist() == [0, 1, 1, 2]
    assert e.keep(e.times < 9) is e


def test_events_that_are_not_checked_are_as_those_that_are():
    checked = _events([0, 0, 2], [0, 1, 1])
    e = unchecked(np.array([0, 0, 2]), np.array([0, 1, 1], np.int32), np.array([0, 3]), 3)
    assert same(e, checked)
    assert e.bits is None
    assert not e.times.flags.writeable
    assert replace(e, n_neurons=4).n_neurons == 4
    with pytest.raises(EventsError, match="neuron 1"):
        replace(e, n_neurons=1)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 5)), packed=st.booleans())
def test_samples_that_were_cut_apart_join_to_the_same(seed, cuts, packed):
    raster = np.random.default_rng(seed).random((6, 4, 3)) < 0.3
    whole = from_raster(raster)
    places = [0, *sorted(cuts), 6]
    parts = [from_raster(raster[a:b]) if packed else whole.select(a, b) for a, b in pairwise(places)]
    joined = join_events(parts)
    assert same(joined, whole)
    assert joined.n_samples == 6

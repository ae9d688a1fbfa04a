"""Events made from arrays of all neurons and ticks, and the bits that they are kept as."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikec.bits import Bits, Raster, packed
from spikec.errors import EventsError
from spikec.events import from_rows, same
from spikec.rasters import from_counts, from_packed, from_raster

rasters = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6))
flat_rasters = hnp.arrays(np.bool_, st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 70)))


@given(rasters)
def test_a_raster_survives_the_way_through_events(raster):
    e = from_raster(raster)
    np.testing.assert_array_equal(e.raster(raster.shape[1]), raster)
    np.testing.assert_array_equal(e.counts(), raster.sum(axis=1))
    assert e.n_events == raster.sum()


@given(rasters, st.sampled_from(["big", "little"]))
def test_packed_rows_are_the_raster_that_numpy_packed(raster, bitorder):
    e = from_packed(np.packbits(raster, axis=2, bitorder=bitorder), raster.shape[2], bitorder=bitorder)
    assert same(e, from_raster(raster))


def test_packed_rows_of_another_shape_or_with_bits_of_no_neuron_are_refused():
    with pytest.raises(EventsError, match=r"9 neurons need \(n_samples, n_ticks, 2\) of uint8"):
        from_packed(np.zeros((1, 2, 1), np.uint8), 9)
    with pytest.raises(EventsError, match="beyond their 3 neurons"):
        from_packed(np.full((1, 2, 1), 16, np.uint8), 3)
    with pytest.raises(EventsError, match=r"order big or little, as for numpy\.packbits, not 'msb'"):
        from_packed(np.full((1, 2, 1), 32, np.uint8), 3, bitorder="msb")
    assert from_packed(np.full((1, 2, 1), 32, np.uint8), 3).neurons.tolist() == [2, 2]


def test_a_raster_that_is_not_copied_is_read_once():
    raster = np.eye(3, dtype=np.bool_)[None]
    e = from_raster(raster, copy=False)
    assert (e.n_samples, e.in_ticks, e.most_at_once()) == (1, True, 1)
    assert isinstance(e.select(0, 1).kept, Raster)
    assert e.times.tolist() == [0, 1, 2]
    raster[:] = False
    assert isinstance(e.kept, Bits)
    assert e.raster(3).sum() == 3


def test_a_raster_of_two_dimensions_is_refused():
    with pytest.raises(EventsError, match="raster has shape"):
        from_raster(np.zeros((2, 2)))


@given(flat_rasters)
def test_a_raster_has_the_events_that_are_listed_from_it(raster):
    samples, ticks, neurons = np.nonzero(raster)
    listed = from_rows(samples, ticks, neurons, n_samples=len(raster), n_neurons=raster.shape[2])
    for e in (from_raster(raster), from_raster(raster.astype(np.uint8) * 200), from_counts(raster)):
        assert e.most_at_once() == listed.most_at_once() == int(raster.any())
        assert (e.n_samples, e.n_neurons, e.in_ticks) == (len(raster), raster.shape[2], True)
        assert same(e, listed)
        assert [a.dtype for a in (e.times, e.neurons, e.sample_starts)] == [np.int64, np.int32, np.int64]
        assert not any(a.flags.writeable for a in (e.times, e.neurons, e.sample_starts))


@given(flat_rasters)
def test_a_raster_is_kept_as_bits_that_do_not_follow_the_array(raster):
    given = raster.copy()
    e = from_raster(given)
    given[:] = ~given
    bits = e.bits
    flags = np.unpackbits(bits.words.view(np.uint8), axis=1, bitorder="little")
    flags = flags[:, : bits.n_ticks * bits.per_tick].reshape(*raster.shape[:2], bits.per_tick)
    np.testing.assert_array_equal(flags[:, :, : raster.shape[2]], raster)
    assert not flags[:, :, raster.shape[2] :].any()
    assert not bits.words.flags.writeable


def test_samples_of_a_raster_are_still_bits_and_what_is_made_of_it_anew_is_not():
    raster = np.random.default_rng(0).random((4, 5, 11)) < 0.4
    e = from_raster(raster)
    assert same(e.select(1, 3), from_raster(raster[1:3]))
    assert e.select(1, 3).bits is not None
    once_more = replace(e, multiple=True)
    assert once_more.bits is None
    assert (once_more.n_samples, once_more.in_ticks, once_more.most_at_once()) == (4, True, 1)
    assert same(once_more.select(1, 3), e.select(1, 3))
    assert same(copy.deepcopy(e), e)
    with pytest.raises(AttributeError, match="colour"):
        e.colour  # noqa: B018 - the access is what is tested


def test_events_can_be_read_while_another_thread_packs_them(monkeypatch):
    e = from_raster(np.ones((2, 3, 4), np.uint8), copy=False)

    def packing(raster):
        assert (e.in_ticks, e.n_samples, e.length, e.most_at_once()) == (True, 2, 3, 1)
        return packed(raster)

    monkeypatch.setattr("spikec.events.packed", packing)
    assert e.n_events == 24


def test_a_raster_may_lie_in_memory_in_any_order():
    raster = np.random.default_rng(1).random((5, 4, 3)) < 0.3
    floats = raster.astype(np.float32)
    for stored in (np.asfortranarray(raster), np.asfortranarray(floats), raster.T.copy().T):
        assert same(from_raster(stored), from_raster(raster))

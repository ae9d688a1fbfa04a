"""Spikes as bits: every way from a raster to lists and counts is numpy's."""

import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec.rasters import from_raster
from spikec_cpu.kernels.bits import PLANES, SPARE, align, list_bits, lists_of, take_bits, take_raster
from spikec_cpu.kernels.spikes import take_inputs

RASTERS = (
    st.integers(0, 999),
    st.sampled_from([0.0, 0.02, 0.2, 1.0]),
    st.integers(1, 200),
    st.integers(1, 9),
)


@numba.njit
def _listed(bits, first, arena, used):
    return list_bits(bits, first, arena, used)


def _drawn(seed, rate, n, n_ticks, n_samples=3):
    return np.random.default_rng(seed).random((n_samples, n_ticks, n)) < rate


def _words(raster):
    """Bits of a raster whose ticks begin with a word."""
    n_samples, n_ticks, n = raster.shape
    whole = np.zeros((n_samples, n_ticks, -(-n // 64) * 64), np.bool_)
    whole[:, :, :n] = raster
    return np.packbits(whole, axis=2, bitorder="little").reshape(n_samples, -1).view(np.uint64)


def _frozen(words):
    words.setflags(write=False)
    return words


@given(st.integers(0, 2**64 - 1), st.integers(0, 5))
def test_every_bit_becomes_a_spike_in_order(bits, used):
    arena = np.full(used + bits.bit_count() + SPARE, -1, np.int32)
    end = _listed(np.uint64(bits), 100, arena, used)
    assert arena[used:end].tolist() == [100 + k for k in range(64) if bits >> k & 1]
    assert (arena[:used] == -1).all()


@given(*RASTERS, st.integers(1, 12))
def test_a_raster_gives_what_its_events_give(seed, rate, n, in_raster, in_run):
    raster = _drawn(seed, rate, n, min(in_raster, in_run))
    e = from_raster(raster)
    bounds, counted = np.full((3, 3, 2, in_run, 2), -1), np.zeros((2, n), np.int64)
    words, arena = np.zeros_like(_words(raster)), np.zeros(1, np.int32)
    flags = raster.view(np.uint8)[1:]
    listed, used = take_inputs(e.times, e.neurons, e.sample_starts[1:], 1, arena, 0, bounds[0, 1:])
    scanned, n_scanned = take_raster(flags, words[1:], 1, arena, 0, bounds[1, 1:], counted[0])
    np.testing.assert_array_equal(words[1:], _words(raster)[1:])
    given_words = _frozen(_words(raster)[1:])
    read, n_read = take_bits(given_words, raster.shape[1], 1, arena, 0, bounds[2, 1:], counted[1])
    assert used == n_scanned == n_read
    assert listed[:used].tolist() == scanned[:used].tolist() == read[:used].tolist()
    for other in (1, 2):
        np.testing.assert_array_equal(bounds[0], bounds[other])
        np.testing.assert_array_equal(counted[other - 1], raster[1:].sum(axis=(0, 1)))


@given(*RASTERS)
def test_bits_of_whole_bytes_are_moved_to_words(seed, rate, n, n_ticks):
    raster = _drawn(seed, rate, n, n_ticks)
    bits = from_raster(raster).bits
    words = np.empty_like(_words(raster))
    align(bits.words, bits.per_tick, words, n_ticks)
    np.testing.assert_array_equal(words, _words(raster))


@given(*RASTERS)
def test_lists_of_bits_are_those_of_the_raster(seed, rate, n, n_ticks):
    raster = _drawn(seed, rate, n, n_ticks)
    ticks, neurons, sizes = lists_of(_words(raster), n_ticks)
    samples, expected_ticks, expected = np.nonzero(raster)
    assert ticks.tolist() == expected_ticks.tolist()
    assert neurons.tolist() == expected.tolist()
    assert sizes.tolist() == np.bincount(samples, minlength=len(raster)).tolist()


def test_counts_do_not_overflow_in_long_samples():
    raster = _drawn(5, 1.0, 70, (1 << PLANES) + 9, 1)
    counted = np.zeros(70, np.int64)
    bounds = np.zeros((1, 1, raster.shape[1], 2), np.int64)
    take_bits(_frozen(_words(raster)), raster.shape[1], 0, np.zeros(1, np.int32), 0, bounds, counted)
    assert counted.tolist() == [raster.shape[1]] * 70

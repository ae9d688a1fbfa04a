"""Lists of spikes: complete, in order, and never cut off."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec.events import from_raster
from spikec_cpu.kernels.spikes import (
    SPARE,
    list_bits,
    list_spikes,
    put_in_order,
    spikes_of,
    take_inputs,
    take_raster,
    tally,
    with_room,
)


@given(st.lists(st.booleans(), max_size=70), st.integers(0, 5))
def test_every_flag_becomes_a_spike_in_order(flags, used):
    spiking = np.array(flags, np.uint8)
    arena = np.full(used + spiking.size, -1, np.int32)
    end = list_spikes(spiking, arena, used)
    assert arena[used:end].tolist() == np.flatnonzero(spiking).tolist()
    assert (arena[:used] == -1).all()


def test_a_full_arena_grows_and_keeps_what_it_holds():
    arena = np.arange(4, dtype=np.int32)
    assert with_room(arena, 3, 1) is arena
    larger = with_room(arena, 4, 3)
    assert larger.size >= 7
    assert larger[:4].tolist() == [0, 1, 2, 3]


def test_inputs_come_back_out_of_the_arena_by_sample_and_tick():
    ticks, neurons = np.array([0, 0, 2, 1, 9]), np.array([1, 3, 0, 2, 2], np.int32)
    bounds = np.zeros((2, 2, 3, 2), np.int64)  # two samples, two populations, three ticks
    arena, used = take_inputs(ticks, neurons, np.array([0, 3, 5]), 1, np.zeros(1, np.int32), 0, bounds)
    assert used == 4  # what comes at tick 9 lies outside
    got_ticks, got_neurons, sizes = spikes_of(arena, bounds, 1)
    assert got_ticks.tolist() == [0, 0, 2, 1]
    assert got_neurons.tolist() == [1, 3, 0, 2]
    assert sizes.tolist() == [3, 1]
    assert spikes_of(arena, bounds, 0)[2].tolist() == [0, 0]


@given(st.integers(0, 2**64 - 1), st.integers(0, 5))
def test_every_bit_becomes_a_spike_in_order(bits, used):
    arena = np.full(used + bits.bit_count() + SPARE, -1, np.int32)
    end = list_bits(np.uint64(bits), 100, arena, used)
    assert arena[used:end].tolist() == [100 + k for k in range(64) if bits >> k & 1]
    assert (arena[:used] == -1).all()


@given(
    st.integers(0, 999),
    st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(1, 12),
)
def test_a_raster_gives_what_its_events_give(seed, rate, n, in_raster, in_run):
    raster = np.random.default_rng(seed).random((3, in_raster, n)) < rate
    e = from_raster(raster)
    bounds = np.zeros((2, 3, 2, in_run, 2), np.int64)
    words, starts = e.bits.words[1:], e.sample_starts[1:]
    seen, used = take_raster(words, e.bits.per_tick, 1, np.zeros(1, np.int32), 0, bounds[0, 1:])
    listed, n_listed = take_inputs(e.times, e.neurons, starts, 1, np.zeros(1, np.int32), 0, bounds[1, 1:])
    assert used == n_listed
    assert seen[:used].tolist() == listed[:used].tolist()
    np.testing.assert_array_equal(bounds[0], bounds[1])


def test_spikes_are_counted_by_neuron():
    counted = np.array([0, 0, 5])
    tally(np.array([2, 0, 2], np.int32), counted)
    assert counted.tolist() == [1, 0, 7]


@given(st.integers(0, 999), st.integers(1, 150), st.integers(0, 4))
def test_places_become_neurons_that_ascend_within_each_tick_of_each_sample(seed, n, n_samples):
    rng = np.random.default_rng(seed)
    order = rng.permutation(n).astype(np.int32)
    raster = rng.random((n_samples, 3, n)) < 0.3
    samples, ticks, places = np.nonzero(raster)
    got = places.astype(np.int32)
    put_in_order(got, ticks, np.bincount(samples, minlength=n_samples), order, n)
    expected = np.zeros_like(raster)
    expected[:, :, order] = raster
    assert got.tolist() == np.nonzero(expected)[2].tolist()

"""Lists of spikes: complete, in order, and never cut off."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec_cpu.kernels.spikes import put_in_order, spikes_of, take_inputs, tally, with_room


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

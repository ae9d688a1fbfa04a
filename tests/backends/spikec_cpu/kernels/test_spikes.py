"""Lists of spikes: complete, in order, and never cut off."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec_cpu.kernels.spikes import list_spikes, spikes_of, take_inputs, with_room


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

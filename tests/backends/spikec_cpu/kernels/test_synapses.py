"""Sums of rows and lists against sums in numpy's 64-bit integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec_cpu.kernels.synapses import add_equal_rows, add_lists, add_rows, add_shifted, count_rows
from spikec_cpu.lower import BLOCK, ROW
from spikec_cpu.lower_parts import MATRIX


@given(
    seed=st.integers(0, 999), n=st.integers(1, 40), n_pre=st.integers(1, 30), gain=st.sampled_from([1, 128])
)
def test_equal_rows_add_up_whatever_their_number(seed, n, n_pre, gain):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-256, 256, (n_pre, n))
    spikes = np.flatnonzero(rng.random(n_pre) < 0.6).astype(np.int32)
    flat = np.concatenate([np.full(3, 9), matrix.ravel(), np.zeros(n), np.full(n, 9)]).astype(np.int16)
    sums = np.arange(n, dtype=np.int32)
    add_equal_rows(flat, 3, n_pre, spikes, sums, np.int32(gain))
    np.testing.assert_array_equal(sums, np.arange(n) + gain * matrix[spikes].sum(axis=0))


def test_sums_wrap_as_32_bit_integers_do():
    sums = np.full(1, (1 << 31) - 1, np.int32)
    add_equal_rows(np.array([255, 0], np.int16), 0, 1, np.zeros(1, np.int32), sums, np.int32(1))
    assert sums[0] == -(1 << 31) + 254


@pytest.mark.parametrize("start", [0, 4, 8])
def test_rows_with_an_extra_delay_go_to_later_slots_and_around_the_ring(start):
    n, slots = 4, 3
    rows = np.zeros(3, ROW)
    rows["extra"] = [0, 2, 0]
    matrix = np.arange(16).reshape(4, n)
    matrix[3] = 0
    block = np.array((0, 3, MATRIX, 0, 0, 0, 0, 0, 2), BLOCK)
    ring = np.zeros(slots * n, np.int32)
    add_rows(
        matrix.astype(np.int16).ravel(),
        block[()],
        rows,
        np.arange(3, dtype=np.int32),
        ring,
        start,
        n,
        np.int32(1),
    )
    expected = np.zeros((slots, n), np.int32)
    expected[start // n] = matrix[0] + matrix[2]
    expected[(start // n + 2) % slots] = matrix[1]
    np.testing.assert_array_equal(ring, expected.ravel())


def test_lists_reach_their_slots_and_around_the_ring():
    rows = np.zeros(2, ROW)
    rows["begin"], rows["end"] = [0, 2], [2, 3]
    weights = np.array([10, -20, 5], np.int16)
    reach = np.array([1, 4, 1], np.uint32)  # neuron 1 now, neuron 0 two slots later; neuron 1 now
    ring = np.zeros(6, np.int32)
    add_lists(weights, reach, rows, np.array([0, 1], np.int32), ring, 4, np.int32(4))
    assert ring.tolist() == [0, 0, -80, 0, 0, 60]


def test_sums_are_shifted_toward_minus_infinity_and_cleared():
    ring, sums = np.zeros(6, np.int32), np.array([-1, 3, -4, 8], np.int32)
    add_shifted(sums, 1, ring, 4)
    assert ring.tolist() == [-2, 4, 0, 0, -1, 1]
    assert sums.tolist() == [0, 0, 0, 0]


def test_a_spike_without_synapses_is_no_message():
    rows = np.zeros(3, ROW)
    rows["events"], rows["zeros"], rows["delayed"] = [2, 0, 0], [1, 0, 4], [1, 0, 0]
    counts = np.zeros(4, np.int64)
    count_rows(rows, np.array([0, 1, 2], np.int32), counts)
    assert counts.tolist() == [2, 5, 2, 1]

"""Sums of rows, entries and lists against sums in numpy's 64-bit integers."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec_cpu.kernels import rows, synapses
from spikec_cpu.lower import BLOCK, ROW
from spikec_cpu.lower_parts import MATRIX, tiled

GAIN = st.sampled_from([-1, 1, 2, 256])


@given(
    seed=st.integers(0, 999),
    n_pre=st.integers(1, 30),
    n_spikes=st.integers(0, rows.MOST_ROWS),
    gain=GAIN,
    zero=st.sampled_from([0, 128]),
)
def test_rows_of_a_tile_add_up_whatever_their_number(seed, n_pre, n_spikes, gain, zero):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 256, (n_pre, 64)) if seed % 3 else np.full((n_pre, 64), 255)
    spikes = rng.integers(0, n_pre, n_spikes).astype(np.int32)
    x = np.arange(70, dtype=np.int32)
    words = np.concatenate([np.full(3, 9, np.uint16), tiled(matrix.astype(np.uint8), zero).ravel()])
    _add_rows(words, 3, np.append(7, spikes).astype(np.int32), 1, n_spikes + 1, x, 5, gain, zero)
    expected = np.arange(70)
    expected[5:69] += gain * (matrix[spikes] - zero).sum(axis=0)
    np.testing.assert_array_equal(x, expected)


def test_sums_wrap_as_32_bit_integers_do():
    x = np.full(64, (1 << 31) - 1, np.int32)
    words = tiled(np.full((1, 64), 255, np.uint8), 0).ravel()
    _add_rows(words, 0, np.zeros(1, np.int32), 0, 1, x, 0, 1, 0)
    assert (x == -(1 << 31) + 254).all()


def test_columns_that_fill_up_a_tile_add_nothing():
    words = tiled(np.full((1, 3), 200, np.uint8), 128).ravel()
    x = np.zeros(64, np.int32)
    _add_rows(words, 0, np.zeros(1, np.int32), 0, 1, x, 0, 2, 128)
    assert x.tolist() == [144] * 3 + [0] * 61


@given(seed=st.integers(0, 99), n=st.sampled_from([8, 24]), gain=GAIN, zero=st.sampled_from([0, 128]))
def test_entries_add_their_bytes_and_touch_nothing_else(seed, n, gain, zero):
    rng = np.random.default_rng(seed)
    entries, x = rng.integers(0, 256, 40).astype(np.uint8), rng.integers(-99, 99, 40).astype(np.int32)
    expected = x.astype(np.int64)
    expected[3 : 3 + n] += gain * (entries[5 : 5 + n].astype(np.int64) - zero)
    _add_bytes(entries, 5, x, 3, n, gain, zero)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("place", [0, 63, 17])
def test_one_sum_other_than_zero_is_seen(place):
    x = np.zeros(64 + 8, np.int32)
    assert not _any_sum(x, 4)
    x[3] = x[68] = 1
    assert not _any_sum(x, 4)
    x[4 + place] = -1
    assert _any_sum(x, 4)


@pytest.mark.parametrize("start", [0, 64, 128])
def test_rows_with_an_extra_delay_go_to_later_slots_and_around_the_ring(start):
    records = np.zeros(3, ROW)
    records["extra"] = [0, 2, 0]
    matrix = np.arange(3 * 4).reshape(3, 4).astype(np.uint8)
    block = np.zeros((), BLOCK)
    block["n_pre"], block["form"], block["spread"], block["gain"] = 3, MATRIX, 2, 1
    ring = np.zeros(3 * 64, np.int32)
    _add_matrix(
        tiled(matrix, 0).ravel(), block[()], records, np.arange(3, dtype=np.int32), 3, ring, start, 64
    )
    expected = np.zeros((3, 64), np.int32)
    expected[start // 64, :4] = matrix[0] + matrix[2]
    expected[(start // 64 + 2) % 3, :4] = matrix[1]
    np.testing.assert_array_equal(ring, expected.ravel())


def test_more_spikes_than_16_bits_take_are_added_in_parts():
    block = np.zeros((), BLOCK)
    block["n_pre"], block["form"], block["gain"] = 1, MATRIX, 1
    ring, n = np.zeros(64, np.int32), 3 * rows.MOST_ROWS + 1
    words = tiled(np.full((1, 64), 255, np.uint8), 0).ravel()
    _add_matrix(words, block[()], np.zeros(1, ROW), np.zeros(n, np.int32), n, ring, 0, 64)
    assert (ring == 255 * n).all()


def test_lists_reach_their_slots_and_around_the_ring():
    records = np.zeros(2, ROW)
    records["begin"], records["end"] = [0, 2], [2, 3]
    weights = np.array([10, -20, 5], np.int16)
    reach = np.array([1, 4, 1], np.uint32)  # neuron 1 now, neuron 0 two slots later; neuron 1 now
    ring = np.zeros(6, np.int32)
    _add_lists(weights, reach, records, np.array([9, 0, 1], np.int32), 1, 3, ring, 4, 4)
    assert ring.tolist() == [0, 0, -80, 0, 0, 60]


def test_sums_are_shifted_toward_minus_infinity_and_cleared():
    ring, sums = np.zeros(6, np.int32), np.array([-1, 3, -4, 8], np.int32)
    _add_shifted(sums, 1, ring, 4)
    assert ring.tolist() == [-2, 4, 0, 0, -1, 1]
    assert sums.tolist() == [0, 0, 0, 0]


@numba.njit
def _add_rows(words, base, spikes, begin, end, x, at, gain, zero):
    rows.add_rows(words, base, spikes, begin, end, x, at, np.int32(gain), np.int32(zero))


@numba.njit
def _add_bytes(entries, by, x, at, n, gain, zero):
    rows.add_bytes(entries, by, x, at, n, np.int32(gain), np.int32(zero))


@numba.njit
def _any_sum(x, at):
    return rows.any_sum(x, at)


@numba.njit
def _add_matrix(words, block, records, arena, end, ring, start, width):
    synapses.add_matrix(words, block, records, arena, 0, end, ring, start, width)


@numba.njit
def _add_lists(weights, reach, records, arena, begin, end, sums, start, gain):
    synapses.add_lists(weights, reach, records, arena, begin, end, sums, start, np.int32(gain))


@numba.njit
def _add_shifted(sums, right, ring, start):
    synapses.add_shifted(sums, right, ring, start)

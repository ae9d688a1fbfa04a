"""Random numbers by counting: the published generator, from any place on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.ir.counter_random import below, key_of, outputs

FIRST = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
         16408922859458223821]  # fmt: skip
"""What splitmix64.c gives from the seed 1234567."""


def test_is_the_published_generator():
    assert outputs(1234567, 0, 5).tolist() == FIRST


@given(key=st.integers(0, 2**64 - 1), first=st.integers(0, 2**40), n=st.integers(0, 9))
def test_equals_the_generator_one_step_after_another(key, first, n):
    mask, found = 2**64 - 1, []
    state = (key + first * 0x9E3779B97F4A7C15) & mask
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        found.append(z ^ (z >> 31))
    assert outputs(key, first, n).tolist() == found


def test_keys_depend_on_every_number_and_on_their_order():
    keys = {key_of(), key_of(0), key_of(1), key_of(1, 2), key_of(2, 1), key_of(1, 2, 0), key_of(2**64 - 1)}
    assert len(keys) == 7


@pytest.mark.parametrize("n", [1, 7, 1000, 2**31])
def test_numbers_below_a_limit_are_even(n):
    drawn = below(n, outputs(key_of(n), 0, 20000))
    assert 0 <= drawn.min() <= drawn.max() < n
    # The mean of 20,000 even numbers, give or take five of its standard deviations.
    assert abs(drawn.mean() / n - 0.5 + 0.5 / n) < 5 * np.sqrt(1 / 12 / 20000)

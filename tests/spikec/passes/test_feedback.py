"""Rounding with feedback: against sums written out, and against all roundings there are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.ir.fixed_point import FixedFormat
from spikec.passes.excitation import Excitation, Rows
from spikec.passes.feedback import spread
from spikec.passes.grid_fit import Grid, rounded_in_turn
from spikec.passes.weight_fit import fed_back

seeds = st.integers(0, 2**32 - 1)


def _moments(mean, variance):
    return np.diag(variance) + np.outer(mean, mean)


def _excitation(moments):
    return Excitation(np.zeros(len(moments)), np.diag(moments), moments)


def _cost(errors, moments):
    return float(np.einsum("ri,ij,rj->", errors, moments, errors))


def _case(seed, n=24, n_rows=7):
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 60, (n_rows, n))
    mean, variance = rng.uniform(0.1, 2, n), rng.uniform(0.05, 1, n)
    rows = Rows(np.repeat(np.arange(n_rows), n), np.tile(mean, n_rows), np.tile(variance, n_rows))
    return weights, mean, variance, rows


@given(seeds)
def test_the_cost_of_a_row_is_its_quadratic_form(seed):
    weights, mean, variance, rows = _case(seed)
    assert rows.cost(weights.ravel()) == pytest.approx(_cost(weights, _moments(mean, variance)))


@given(seeds, st.integers(2, 8), st.integers(-3, 3))
def test_feedback_costs_less_than_nearest_mantissas(seed, bits, exponent):
    weights, mean, variance, rows = _case(seed, n=40, n_rows=30)
    weights = weights * 2.0**exponent
    form, moments = FixedFormat(bits, exponent=exponent), _moments(mean, variance)
    found = spread(weights.ravel(), rows, form).reshape(weights.shape)
    other = fed_back(weights, _excitation(moments), form)
    plain = form.nearest(weights)
    assert np.all(form.allows(found))
    assert np.all(form.allows(other))
    left = [_cost(m * 2.0**exponent - weights, moments) for m in (found, other, plain)]
    assert max(left[:2]) < left[2]


def test_both_ways_to_feed_back_are_one_where_they_take_one_order():
    """The closed form of a row, and Babai's on the row's matrix, which begins with the last."""
    weights = np.sort(np.abs(_case(3, n_rows=1)[0][0])) * np.tile([1.0, -1.0], 12)
    form, moments = FixedFormat(4), np.eye(24) + 2.0
    rows = Rows(np.zeros(24, np.int64), np.full(24, np.sqrt(2.0)), np.ones(24))
    grid = Grid(*(np.full(24, float(x)) for x in (form.step, form.minimum, form.maximum)))
    turned = rounded_in_turn(np.linalg.cholesky(moments), weights[:, None], grid)
    np.testing.assert_array_equal(spread(weights, rows, form), turned[:, 0])


@pytest.mark.parametrize("seed", range(20))
def test_the_sum_of_a_row_is_kept_as_well_as_the_best_rounding_can(seed):
    """Of all roundings up or down one costs least; feedback comes near it, nearest mantissas do not."""
    rng = np.random.default_rng(seed)
    weights, form = rng.uniform(-100, 100, (1, 8)), FixedFormat(3)
    moments = np.eye(8) / 12 + 0.25
    lower = np.floor(weights / form.step) * form.step
    choices = [lower + form.step * np.array(up) for up in product((0, 1), repeat=8)]
    best = min(_cost(c - weights, moments) for c in choices)
    rows = Rows(np.zeros(8, np.int64), np.full(8, 0.5), np.full(8, 1 / 12))
    found = _cost(spread(weights[0], rows, form)[None] - weights, moments)
    assert found <= best + 0.25 * form.step**2


def test_an_input_that_never_spikes_takes_nothing_over():
    rows = Rows(np.zeros(3, np.int64), np.array([1.0, 1.0, 0.0]), np.array([0.1, 0.1, 1e-3]))
    found = spread(np.array([100.0, 49.0, 10.0]), rows, FixedFormat(2))
    assert found[2] == 0


def test_rows_of_no_entries_are_rounded_to_nothing():
    rows = Rows(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    assert spread(np.zeros(0), rows, FixedFormat(8)).size == 0
    assert rows.cost(np.zeros(0)) == 0


@given(seeds)
def test_what_is_owed_is_made_up_for_either_way(seed):
    weights, mean, variance, rows = _case(seed, n=40)
    owed = np.random.default_rng(seed).normal(0, 200, len(weights))
    form, moments = FixedFormat(8), _moments(mean, variance)
    for found in (
        spread(weights.ravel(), rows, form, owed).reshape(weights.shape),
        fed_back(weights, Excitation(mean, variance, moments), form, owed),
    ):
        left = owed + (found - weights) @ mean
        assert np.all(np.abs(left) < np.maximum(0.2 * np.abs(owed), 8.0))

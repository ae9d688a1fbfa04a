"""Least squares on a grid: on the grid, no worse than nearest points, and near the best there is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.passes.grid_fit import Grid, excess, fitted


def _problem(seed, n=4, columns=2):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(3 * n, n)) @ rng.normal(size=(n, n))
    a = features.T @ features + 0.1 * np.eye(n)
    step = rng.choice([1.0, 2.0], n)
    return a, rng.normal(0, 3, (n, columns)), Grid(step, -4 * step, 2 * step)


@given(st.integers(0, 2**32 - 1))
def test_results_exist_and_are_no_worse_than_any_neighbour(seed):
    a, best, grid = _problem(seed)
    chosen = fitted(a, best, grid)
    np.testing.assert_allclose(chosen / grid.step[:, None], np.rint(chosen / grid.step[:, None]), atol=1e-9)
    assert np.all(chosen >= grid.lowest[:, None] - 1e-9)
    assert np.all(chosen <= grid.highest[:, None] + 1e-9)
    for i, j, way in product(range(4), range(2), (-1, 1)):
        moved = chosen.copy()
        moved[i, j] = np.clip(moved[i, j] + way * grid.step[i], grid.lowest[i], grid.highest[i])
        assert np.all(excess(a, best, moved) >= excess(a, best, chosen) - 1e-9)


def test_most_results_are_the_best_of_all_grid_points():
    """Of 50 problems with 7 points in each of 3 dimensions, by trying them all."""
    found = []
    for seed in range(50):
        a, best, grid = _problem(seed, 3, 1)
        points = product(*(s * np.arange(-4, 3) for s in grid.step))
        least = min(excess(a, best, np.array(p)[:, None])[0] for p in points)
        found.append(excess(a, best, fitted(a, best, grid))[0] <= least + 1e-9)
    assert np.mean(found) > 0.7


def test_rounding_in_turn_pushes_errors_on():
    """Two equal features: what one coordinate misses, the other makes up for."""
    a = np.array([[1.0, 0.999], [0.999, 1.0]])
    grid = Grid(np.ones(2), np.full(2, -9.0), np.full(2, 9.0))
    chosen = fitted(a, np.array([[0.45], [0.45]]), grid)
    assert chosen.sum() == 1.0


def test_problems_solved_at_once_come_out_as_one_by_one():
    several = [_problem(seed) for seed in range(5)]
    size = np.array([1.0, 10.0, 100.0, 1000.0])  # so that each alone takes the order that all take together
    scaled = [a * np.sqrt(np.outer(size, size) / np.outer(np.diag(a), np.diag(a))) for a, _, _ in several]
    step = np.ones(4)
    together = fitted(np.stack(scaled), np.stack([b for _, b, _ in several]), Grid(step, -4 * step, 2 * step))
    for a, (_, best, _), found in zip(scaled, several, together, strict=True):
        np.testing.assert_array_equal(found, fitted(a, best, Grid(step, -4 * step, 2 * step)))


def _differences(errors):
    return errors - errors.mean(axis=-1, keepdims=True)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 7.0]))
def test_where_differences_count_a_common_shift_is_free(seed, shift):
    """What all columns of a coordinate have in common changes neither the choice nor what it costs."""
    a, best, grid = _problem(seed, columns=4)
    grid = Grid(grid.step, grid.lowest, grid.highest, differences=True)
    chosen, moved = fitted(a, best, grid), fitted(a, best + shift * grid.step[:, None], grid)
    left = [excess(a, np.zeros_like(best), _differences(c - best)).sum() for c in (chosen, moved)]
    assert left[0] == pytest.approx(left[1])


def test_a_lopsided_grid_is_filled_where_only_differences_count():
    """On -2, -1, 0, 1 the weights -1, 0, 1, 2 do not exist, but weights with the same differences do."""
    grid = Grid(np.ones(1), np.full(1, -2.0), np.ones(1), differences=True)
    chosen = fitted(np.eye(1), np.array([[-1.0, 0.0, 1.0, 2.0]]), grid)
    np.testing.assert_array_equal(chosen, [[-2.0, -1.0, 0.0, 1.0]])

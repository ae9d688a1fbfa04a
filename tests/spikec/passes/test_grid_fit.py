"""Least squares on a grid: on the grid, no worse than nearest points, and near the best there is."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec.passes.grid_fit import Grid, excess, rounded_in_turn, settled


def _problem(seed, n=4, columns=2):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(3 * n, n)) @ rng.normal(size=(n, n))
    a = features.T @ features + 0.1 * np.eye(n)
    step = rng.choice([1.0, 2.0], n)
    return a, rng.normal(0, 3, (n, columns)), Grid(step, -4 * step, 2 * step)


def _fit(a, best, grid):
    return settled(a, best, grid, rounded_in_turn(np.linalg.cholesky(a).T, best, grid))


@given(st.integers(0, 2**32 - 1))
def test_results_exist_and_are_no_worse_than_any_neighbour(seed):
    a, best, grid = _problem(seed)
    chosen = _fit(a, best, grid)
    np.testing.assert_allclose(chosen / grid.step[:, None], np.rint(chosen / grid.step[:, None]), atol=1e-9)
    assert np.all(chosen >= grid.lowest[:, None] - 1e-9)
    assert np.all(chosen <= grid.highest[:, None] + 1e-9)
    for i, j, way in product(range(4), range(2), (-1, 1)):
        moved = chosen.copy()
        moved[i, j] = np.clip(moved[i, j] + way * grid.step[i], grid.lowest[i], grid.highest[i])
        assert excess(a, best, moved) >= excess(a, best, chosen) - 1e-9


def test_most_results_are_the_best_of_all_grid_points():
    """Of 50 problems with 7 points in each of 3 dimensions, by trying them all."""
    found = []
    for seed in range(50):
        a, best, grid = _problem(seed, 3, 1)
        points = product(*(s * np.arange(-4, 3) for s in grid.step))
        least = min(excess(a, best, np.array(p)[:, None]) for p in points)
        found.append(excess(a, best, _fit(a, best, grid)) <= least + 1e-9)
    assert np.mean(found) > 0.7


def test_rounding_in_turn_pushes_errors_on():
    """Two equal features: what one coordinate misses, the other makes up for."""
    a = np.array([[1.0, 0.999], [0.999, 1.0]])
    grid = Grid(np.ones(2), np.full(2, -9.0), np.full(2, 9.0))
    chosen = _fit(a, np.array([[0.45], [0.45]]), grid)
    assert chosen.sum() == 1.0

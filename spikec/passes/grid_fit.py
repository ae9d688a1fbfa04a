r"""Least squares on a grid: mantissas whose sum of squared errors is small, not those nearest to the weights.

Near its minimum :math:`b` a penalised sum of squares is :math:`(q - b)^T A\,(q - b)` plus a constant. With
the Cholesky factor :math:`A = U^T U` the coordinates are rounded from the last to the first, each to the grid
point nearest to

.. math:: b_i + \sum_{k > i} \frac{U_{ik}}{U_{ii}} (b_k - q_k),

what is best once the later ones are fixed (L. Babai, On Lovasz' lattice reduction and the nearest lattice
point problem, Combinatorica 6, 1986; column by column it is what GPTQ does). Then single coordinates are
moved, in turn, to where the sum is least, until none moves.

Several problems may be solved at once: columns that share A, and leading axes that have one each. Where only
differences between columns count, as between the classes of a readout, all columns of a coordinate may be
shifted by one number for nothing, so those are rounded together, to where their differences fit best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray

SWEEPS = 6
"""Most rounds of single coordinates: later ones gain little."""


@dataclass(frozen=True, eq=False)
class Grid:
    """What each coordinate may be: multiples of its step between two bounds.

    Attributes:
        step: ``(..., n)``.
        lowest: Likewise.
        highest: Likewise.
        differences: Whether only differences between the columns of a coordinate count.
    """

    step: FloatArray
    lowest: FloatArray
    highest: FloatArray
    differences: bool = False

    def ordered(self, order: IntArray) -> Grid:
        """The grid with its coordinates in another order."""
        step, lowest, highest = (a[..., order] for a in (self.step, self.lowest, self.highest))
        return Grid(step, lowest, highest, self.differences)


def fitted(quadratic: FloatArray, best: FloatArray, grid: Grid) -> FloatArray:
    """Grid points near the minima of sums of squares; coordinates that count most are rounded first.

    Args:
        quadratic: A, symmetric and positive definite, ``(..., n, n)``.
        best: Where each column's sum of squares is least, b, ``(..., n, n_columns)``.
        grid: What exists.

    Returns:
        Grid points, ``(..., n, n_columns)``.
    """
    diagonal = np.diagonal(quadratic, axis1=-2, axis2=-1)
    order = np.argsort(diagonal.reshape(-1, diagonal.shape[-1]).mean(axis=0), kind="stable")
    a, b, g = quadratic[..., order, :][..., order], best[..., order, :], grid.ordered(order)
    chosen = np.empty_like(best)
    chosen[..., order, :] = settled(a, b, g, rounded_in_turn(np.linalg.cholesky(a), b, g))
    return chosen


def rounded_in_turn(lower: FloatArray, best: FloatArray, grid: Grid) -> FloatArray:
    """Round minima to a grid, each coordinate with regard to those rounded before, from the last on.

    Args:
        lower: The transpose of U, with A = U^T U, ``(..., n, n)``.
        best: Where each column's sum of squares is least, b, ``(..., n, n_columns)``.
        grid: What exists.

    Returns:
        Grid points, ``(..., n, n_columns)``.
    """
    from spikec.passes.kernels import round_in_turn  # late, for it loads numba

    groups, per = _groups(best, grid)
    chosen = np.empty_like(groups)
    round_in_turn(_stacked(lower), groups, _points(grid), per, grid.differences, chosen)
    return _as(best, chosen)


def settled(quadratic: FloatArray, best: FloatArray, grid: Grid, start: FloatArray) -> FloatArray:
    """Move single coordinates of grid points until no sum of squares becomes smaller, or `SWEEPS` times.

    Args:
        quadratic: A, symmetric and positive definite, ``(..., n, n)``.
        best: b, ``(..., n, n_columns)``.
        grid: What exists.
        start: Grid points, ``(..., n, n_columns)``.
    """
    from spikec.passes.kernels import settle  # late, for it loads numba

    groups, per = _groups(best, grid)
    chosen = _groups(start, grid)[0].copy()
    settle(_stacked(quadratic), groups, _points(grid), per, grid.differences, SWEEPS, chosen)
    return _as(best, chosen)


def _groups(values: FloatArray, grid: Grid) -> tuple[FloatArray, int]:
    """Columns that are rounded together, ``(n_groups, n_columns, n)``, and how many groups a problem has."""
    n, n_columns = values.shape[-2:]
    by_column = np.ascontiguousarray(np.swapaxes(values, -1, -2), np.float64)
    return (
        (by_column.reshape(-1, n_columns, n), 1)
        if grid.differences
        else (by_column.reshape(-1, 1, n), n_columns)
    )


def _as(like: FloatArray, groups: FloatArray) -> FloatArray:
    """Groups of columns in the shape that they were given in."""
    return np.ascontiguousarray(np.swapaxes(groups.reshape(*like.shape[:-2], *like.shape[:-3:-1]), -1, -2))


def _stacked(matrices: FloatArray) -> FloatArray:
    return np.ascontiguousarray(matrices, np.float64).reshape(-1, *matrices.shape[-2:])


def _points(grid: Grid) -> FloatArray:
    """Step, lowest and highest of each coordinate, ``(n_problems, n, 3)``."""
    return _stacked(np.stack(np.broadcast_arrays(grid.step, grid.lowest, grid.highest), axis=-1))


def excess(quadratic: FloatArray, best: FloatArray, chosen: FloatArray) -> FloatArray:
    """By how much the sum of squares of each column exceeds its minimum, ``(..., n_columns)``."""
    miss = chosen - best
    above: FloatArray = np.sum(miss * (quadratic @ miss), axis=-2)
    return above

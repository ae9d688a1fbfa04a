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

SHIFTS = 4
"""Common shifts tried a step, over two steps, where only differences between columns count."""

EQUAL = 1e-9
"""A move gains something if it does by more than this part of a squared step."""


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

    def nearest(self, i: int, values: FloatArray) -> FloatArray:
        """The grid points of coordinate `i` nearest to some values, ``(..., n_columns)``."""
        step, low, high = self.step[..., i, None], self.lowest[..., i, None], self.highest[..., i, None]
        if not self.differences:
            nearest: FloatArray = np.minimum(np.maximum(np.rint(values / step) * step, low), high)
            return nearest
        middle = (values.max(axis=-1, keepdims=True) + values.min(axis=-1, keepdims=True)) / 2
        offsets = ((np.arange(2 * SHIFTS) + 0.5) / SHIFTS - 1.0).reshape(-1, *[1] * values.ndim)
        steps = np.rint((values - middle + (low + high) / 2) / step + offsets)
        tried = np.minimum(np.maximum(steps * step, low), high)
        least = np.argmin(self.squares(tried - values), axis=0)
        chosen: FloatArray = np.take_along_axis(tried, least[None], axis=0)[0]
        return chosen

    def counted(self, errors: FloatArray) -> FloatArray:
        """What counts of errors of a coordinate's columns, ``(..., n_columns)``."""
        if not self.differences:
            return errors
        rest: FloatArray = errors - errors.sum(axis=-1, keepdims=True) / errors.shape[-1]
        return rest

    def squares(self, errors: FloatArray) -> FloatArray:
        """The squares that a move must lessen: of each column, or summed where they are moved together."""
        squares: FloatArray = self.counted(errors) ** 2
        return squares.sum(axis=-1, keepdims=True) if self.differences else squares

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
    upper = np.swapaxes(np.linalg.cholesky(a), -1, -2)
    chosen = np.empty_like(best)
    chosen[..., order, :] = settled(a, b, g, rounded_in_turn(upper, b, g))
    return chosen


def rounded_in_turn(upper: FloatArray, best: FloatArray, grid: Grid) -> FloatArray:
    """Round minima to a grid, each coordinate with regard to those rounded before, from the last on.

    Args:
        upper: U, with A = U^T U, ``(..., n, n)``.
        best: Where each column's sum of squares is least, b, ``(..., n, n_columns)``.
        grid: What exists.

    Returns:
        Grid points, ``(..., n, n_columns)``.
    """
    missing, chosen = np.zeros_like(best), np.empty_like(best)
    for i in range(best.shape[-2] - 1, -1, -1):
        pushed = (upper[..., i, None, i + 1 :] @ missing[..., i + 1 :, :])[..., 0, :]
        centre = best[..., i, :] + pushed / upper[..., i, i, None]
        chosen[..., i, :] = grid.nearest(i, centre)
        missing[..., i, :] = grid.counted(best[..., i, :] - chosen[..., i, :])
    return chosen


def settled(quadratic: FloatArray, best: FloatArray, grid: Grid, start: FloatArray) -> FloatArray:
    """Move single coordinates of grid points until no sum of squares becomes smaller, or `SWEEPS` times.

    Args:
        quadratic: A, symmetric and positive definite, ``(..., n, n)``.
        best: b, ``(..., n, n_columns)``.
        grid: What exists.
        start: Grid points, ``(..., n, n_columns)``.
    """
    chosen = start.copy()
    slope = quadratic @ grid.counted(best - chosen)
    for _ in range(SWEEPS):
        moved = False
        for i in range(best.shape[-2]):
            now = chosen[..., i, :]
            aim = now + slope[..., i, :] / quadratic[..., i, i, None]
            there = grid.nearest(i, aim)
            gain = grid.squares(now - aim) - grid.squares(there - aim)
            change = np.where(gain > EQUAL * grid.step[..., i, None] ** 2, there - now, 0.0)
            if np.any(change):
                slope -= quadratic[..., :, i, None] * grid.counted(change)[..., None, :]
                chosen[..., i, :] += change
                moved = True
        if not moved:
            break
    return chosen


def excess(quadratic: FloatArray, best: FloatArray, chosen: FloatArray) -> FloatArray:
    """By how much the sum of squares of each column exceeds its minimum, ``(..., n_columns)``."""
    miss = chosen - best
    above: FloatArray = np.sum(miss * (quadratic @ miss), axis=-2)
    return above

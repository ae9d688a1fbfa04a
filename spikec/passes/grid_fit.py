r"""Least squares on a grid: mantissas whose sum of squared errors is small, not those nearest to the weights.

Near its minimum :math:`b` a penalised sum of squares is :math:`(q - b)^T A\,(q - b)` plus a constant. With
the Cholesky factor :math:`A = U^T U` the coordinates are rounded from the last to the first, each to the grid
point nearest to

.. math:: b_i + \sum_{k > i} \frac{U_{ik}}{U_{ii}} (b_k - q_k),

what is best once the later ones are fixed (L. Babai, On Lovasz' lattice reduction and the nearest lattice
point problem, Combinatorica 6, 1986; column by column it is what GPTQ does). Then single coordinates are
moved, in turn, to where the sum is least, until none moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray

SWEEPS = 4
"""Most rounds of single coordinates: later ones gain little."""


@dataclass(frozen=True, eq=False)
class Grid:
    """What each coordinate may be: multiples of its step between two bounds, ``(n,)`` each."""

    step: FloatArray
    lowest: FloatArray
    highest: FloatArray

    def nearest(self, i: int, values: FloatArray) -> FloatArray:
        """The grid points of coordinate `i` nearest to some values."""
        rounded: FloatArray = np.rint(values / self.step[i]) * self.step[i]
        return np.clip(rounded, self.lowest[i], self.highest[i])

    def all_nearest(self, values: FloatArray) -> FloatArray:
        """The grid points nearest to values of all coordinates, ``(n, n_columns)``."""
        step = self.step[:, None]
        return np.clip(np.rint(values / step) * step, self.lowest[:, None], self.highest[:, None])


def rounded_in_turn(upper: FloatArray, best: FloatArray, grid: Grid) -> FloatArray:
    """Round minima to a grid, each coordinate with regard to those rounded before.

    Args:
        upper: U, with A = U^T U, ``(n, n)``.
        best: Where each column's sum of squares is least, b, ``(n, n_columns)``.
        grid: What exists.

    Returns:
        Grid points, ``(n, n_columns)``.
    """
    missing = np.zeros_like(best)
    for i in range(len(best) - 1, -1, -1):
        centre = best[i] + upper[i, i + 1 :] @ missing[i + 1 :] / upper[i, i]
        missing[i] = best[i] - grid.nearest(i, centre)
    return best - missing


def settled(quadratic: FloatArray, best: FloatArray, grid: Grid, start: FloatArray) -> FloatArray:
    """Move single coordinates of grid points until no sum of squares becomes smaller, or `SWEEPS` times.

    Args:
        quadratic: A, symmetric and positive definite, ``(n, n)``.
        best: b, ``(n, n_columns)``.
        grid: What exists.
        start: Grid points, ``(n, n_columns)``.
    """
    chosen = start.copy()
    slope = quadratic @ (best - chosen)
    for _ in range(SWEEPS):
        moved = False
        for i in range(len(best)):
            change = grid.nearest(i, chosen[i] + slope[i] / quadratic[i, i]) - chosen[i]
            if np.any(np.abs(change) > 0.5 * grid.step[i]):
                slope -= np.outer(quadratic[:, i], change)
                chosen[i] += change
                moved = True
        if not moved:
            break
    return chosen


def excess(quadratic: FloatArray, best: FloatArray, chosen: FloatArray) -> float:
    """By how much the sums of squares of all columns exceed their minima."""
    miss = chosen - best
    return float(np.sum(miss * (quadratic @ miss)))

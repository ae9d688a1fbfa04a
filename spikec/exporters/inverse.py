"""Numbers that come back: arguments for which a function that rounds gives exactly what is wanted.

A reader multiplies what a file holds by numbers that are no powers of two, so the quotient of a division is
only near the argument that gives a weight back to the last bit. That argument is looked for among the
quotient's neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikec.arrays import BoolArray, FloatArray

REACH = 4
"""Neighbours on either side that are tried."""

Rounding = Callable[[FloatArray], FloatArray]


def neighbour(values: FloatArray, steps: int) -> FloatArray:
    """The numbers so many steps farther from zero than `values`; zeros stay."""
    given = np.asarray(values, np.float64)
    moved = (given.reshape(-1).view(np.int64) + steps).view(np.float64).reshape(given.shape)
    return np.where(given == 0, given, moved)


def solved(function: Rounding, wanted: FloatArray, start: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Arguments near `start` for which an elementwise function gives what is wanted.

    Args:
        function: Takes and gives arrays of the same shape.
        wanted: What it should give.
        start: Where to begin, the same shape.

    Returns:
        The arguments, and whether each is exact; where none is, the nearest that was found.
    """
    best = np.array(start, np.float64)
    error = np.abs(function(best) - wanted)
    for steps in (k for size in range(1, REACH + 1) for k in (size, -size)):
        if not error.any():
            break
        trial = neighbour(start, steps)
        found = np.abs(function(trial) - wanted)
        best, error = np.where(found < error, trial, best), np.minimum(found, error)
    return best, error == 0


def divided(wanted: FloatArray, factor: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Numbers whose product with a factor is exactly what is wanted, and whether each is.

    Args:
        wanted: Any shape.
        factor: Broadcasts to it; none is zero.
    """
    if np.all(factor == 1):
        return wanted, np.ones(wanted.shape, np.bool_)
    factors = np.broadcast_to(factor, wanted.shape)
    return solved(lambda x: x * factors, wanted, wanted / factors)

"""Rows of numbers, element by element."""

from __future__ import annotations

from spikec.arrays import FloatArray
from spikec_train.kernels import inner


@inner
def clear(row: FloatArray) -> None:
    """Set all to 0."""
    for i in range(row.size):
        row[i] = 0.0


@inner
def add(total: FloatArray, row: FloatArray) -> None:
    """Add a row."""
    for i in range(total.size):
        total[i] += row[i]


@inner
def add_times(total: FloatArray, factor: float, row: FloatArray) -> None:
    """Add a multiple of a row."""
    for i in range(total.size):
        total[i] += factor * row[i]


@inner
def dot(x: FloatArray, y: FloatArray) -> float:
    """The sum of products."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total

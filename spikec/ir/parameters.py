"""The checks that all parameters of neurons go through."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikec.arrays import read_only
from spikec.errors import NetworkError

Parameter = npt.ArrayLike
"""One value for all neurons of a population, or one each, ``(n,)``."""


def set_integers(neuron: object, ranges: Mapping[str, tuple[int, int]]) -> None:
    """Make the parameters named in `ranges` read-only arrays of integers, and check them.

    Args:
        neuron: A frozen dataclass that is being made.
        ranges: For each parameter its smallest and its largest value.

    Raises:
        NetworkError: A value is no whole number or outside its range, or a parameter is a matrix.
    """
    for name, (low, high) in ranges.items():
        label = f"{type(neuron).__name__}.{name}"
        values = read_only(getattr(neuron, name), np.int64)
        object.__setattr__(neuron, name, values)
        if values.ndim > 1:
            raise NetworkError(f"{label} has shape {values.shape}; allowed are () and (n,)")
        if values.size and not (low <= values.min() and values.max() <= high):
            raise NetworkError(
                f"{label} runs from {values.min()} to {values.max()}; allowed is {low} to {high}"
            )


def time_constant(given: Parameter, label: str) -> npt.NDArray[np.float64]:
    """Check a time constant, seconds; infinity stands for no leak.

    Raises:
        NetworkError: It is not positive.
    """
    values: npt.NDArray[np.float64] = read_only(given, np.float64)
    if np.any(np.isnan(values)) or np.any(values <= 0):
        raise NetworkError(f"{label} must be positive (infinite for no leak), but {values.min()} was found")
    return values

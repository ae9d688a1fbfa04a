"""What kernels are given: arrays in the one form that they are compiled for, and numbers that make sense."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import UsageError


def plain(array: AnyArray, dtype: npt.DTypeLike = np.float64) -> AnyArray:
    """The array as it is, or a copy that can be written to: read-only ones would be compiled for again."""
    return np.require(array, dtype, ["C", "W", "A"])


def check_parameters(parameters: FloatArray, expected: int, limit: float = np.inf) -> None:
    """Refuse parameters that do not fit a network.

    Args:
        parameters: As the network has them.
        expected: How many it has.
        limit: Their absolute values must be below this.

    Raises:
        UsageError: There are more or fewer, or a value is NaN or too large.
    """
    if parameters.shape != (expected,):
        raise UsageError(f"the network has {expected} parameters, but {parameters.shape} were given")
    if not np.abs(parameters).max(initial=0.0) < limit:  # NaN among them
        raise UsageError(
            "the parameters hold NaN, infinite or huge values; the training diverged: lower its rate"
        )


def check_labels(labels: IntArray, n_samples: int, n_outputs: int) -> None:
    """Refuse labels that do not fit samples and outputs.

    Raises:
        UsageError: Not every sample has one label, or an output is named that there is not.
    """
    if labels.shape != (n_samples,):
        raise UsageError(f"{n_samples} samples have labels of shape {labels.shape}; each needs one")
    if labels.size and not (0 <= labels.min() and labels.max() < n_outputs):
        raise UsageError(
            f"labels run from {labels.min()} to {labels.max()}, but there are {n_outputs} outputs"
        )

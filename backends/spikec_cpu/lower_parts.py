"""What all lowering needs: parts laid one after another, and the forms a block of synapses can have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikec.arrays import AnyArray, IntArray

LISTS, MATRIX, KERNEL = range(3)
"""Forms of a block: lists of synapses, rows of a matrix, or a kernel that slides."""


def starts(sizes: Sequence[int] | AnyArray) -> IntArray:
    """Where each of several things lies if they are laid one after another."""
    array = np.asarray(sizes, np.int64)
    return np.cumsum(array) - array

"""The array types of the whole project, and the checks every array from outside goes through.

Arrays inside the IR are read-only: whoever wants another value makes another node.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikec.errors import NetworkError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
IndexArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]


def read_only(array: npt.ArrayLike, dtype: npt.DTypeLike) -> AnyArray:
    """Return `array` in `dtype`, contiguous and read-only; a copy if anybody could still write to it.

    Raises:
        NetworkError: A conversion to integers would change a value, or the values are no numbers.
    """
    given = np.asarray(array)
    if given.dtype.kind not in "biuf":
        raise NetworkError(f"an array of numbers was expected, but its type is {given.dtype}; give numbers")
    with np.errstate(invalid="ignore"):  # what does not fit is refused below
        wanted = np.ascontiguousarray(given, dtype=dtype).reshape(given.shape)
    if wanted.dtype.kind in "iu" and given.dtype != wanted.dtype and not np.array_equal(wanted, given):
        raise NetworkError(
            f"whole numbers of type {wanted.dtype} were expected, but the values do not fit it"
        )
    if np.may_share_memory(wanted, given) and not _is_frozen(given):
        wanted = wanted.copy()
    wanted.setflags(write=False)
    return wanted


def finite(array: npt.ArrayLike, name: str) -> FloatArray:
    """Return `array` as read-only float64 after checking that no value is NaN or infinite.

    Args:
        array: Any shape.
        name: What the array is, for the message.

    Raises:
        NetworkError: A value is NaN or infinite.
    """
    values: FloatArray = read_only(array, np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        where = tuple(int(i) for i in np.unravel_index(bad[0], values.shape))
        raise NetworkError(
            f"{name} has {bad.size} values that are NaN or infinite, the first at {where}; "
            "all must be finite numbers: train or export the network again"
        )
    return values


def per_neuron(values: npt.ArrayLike, n: int, dtype: npt.DTypeLike = np.float64) -> AnyArray:
    """Broadcast a parameter of shape () or (n,) to (n,), read-only."""
    return read_only(np.broadcast_to(np.asarray(values, dtype), (n,)), dtype)


def _is_frozen(array: AnyArray) -> bool:
    """Whether neither the array nor any it is a view of can be written to."""
    base: object = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return True

"""The compiled loops of training: arrays and numbers in and out. Importing this package imports numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function on its first call, without the GIL, and keep the machine code on disk.

    A division by zero gives infinity, as in numpy. Sums may be taken in another order, so that they go four
    at a time; the order is one and the same in every run of one machine. Kernels call only kernels of their
    own file: numba notices no change in another one.
    """
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
    return cast(Function, compiler(function))

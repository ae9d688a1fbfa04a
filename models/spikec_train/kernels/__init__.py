"""The compiled loops of training: arrays and numbers in and out. Importing this package imports numba."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function on its first call, without the GIL, and keep the machine code on disk.

    A division by zero gives infinity, as in numpy. Sums may be taken in another order, so that they go four
    at a time; the order is one and the same in every run of one machine.

    numba itself notices a change only in the file of the function that is called. So the code is kept in a
    folder that is named by the text of all kernels.
    """
    return _compiled(function, no_cfunc_wrapper=True)


def inner(function: Function) -> Function:
    """As `kernel`, for what only kernels call: it becomes part of its caller.

    Else there would be two versions of its machine code, its own and one within the caller's, whose sums may
    go in different orders: the process that compiles would use the first, and all later ones, which read the
    caller's code from disk, the second.
    """
    return _compiled(function, no_cfunc_wrapper=True, no_cpython_wrapper=True, forceinline=True)


def _compiled(function: Function, **options: bool) -> Function:
    settings: Any = numba.config
    njit: Any = numba.njit  # whose types leave out some of these options
    compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"}, **options)
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(_FOLDER)
    try:
        return cast(Function, compiled(function))
    finally:
        settings.CACHE_DIR = before


def _folder() -> Path:
    here = Path(__file__).parent
    digest = sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()
    return here / "__pycache__" / digest[:16]


_FOLDER = _folder()

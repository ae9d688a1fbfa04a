"""The compiled loops: arrays and numbers in and out. Importing this package imports numba."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function on its first call, without the GIL, and keep the machine code on disk.

    numba itself notices a change only in the file of the function that is called, and would go on with the
    old code of what that one calls in other files. So the code is kept in a folder that is named by the
    text of all kernels, beside them or where NUMBA_CACHE_DIR says.
    """
    return _compiled(function, no_cfunc_wrapper=True)


def inner(function: Function) -> Function:
    """As `kernel`, for what only kernels call: without the code that Python would need to call it.

    Of a first start that code takes a sixth of the time.
    """
    return _compiled(function, no_cfunc_wrapper=True, no_cpython_wrapper=True)


def inlined(function: Function) -> Function:
    """As `leaf`, for what is called in innermost loops: made part of whatever calls it."""
    return _compiled(function, no_cfunc_wrapper=True, no_cpython_wrapper=True, forceinline=True, _nrt=False)


def leaf(function: Function) -> Function:
    """As `inner`, for what takes arrays, but neither makes, grows nor returns any.

    It does not count who uses an array: that would take longer than much of what it is for, and where threads
    count the users of one array they wait for each other.
    """
    return _compiled(function, no_cfunc_wrapper=True, no_cpython_wrapper=True, _nrt=False)


def _compiled(function: Function, **options: bool) -> Function:
    settings: Any = numba.config
    compiled: Any = numba.njit  # whose types leave out these options
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(_FOLDER)
    try:
        return cast(Function, compiled(cache=True, nogil=True, **options)(function))
    finally:
        settings.CACHE_DIR = before


def is_compiled(*names: str) -> bool:
    """Whether some kernels are on disk already, so that their next start is quick."""
    return all(any(_FOLDER.rglob(f"*.{name}-*.nbi")) for name in names)


def _folder() -> Path:
    here, settings = Path(__file__).parent, cast(Any, numba.config)
    sources = [*sorted(here.parent.glob("lower*.py")), *sorted(here.glob("*.py"))]
    digest = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return Path(settings.CACHE_DIR or here / "__pycache__") / digest[:16]


_FOLDER = _folder()

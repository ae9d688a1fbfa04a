"""The search's inner loops in numba: arrays and numbers in and out.

Imported only when something is placed. `state` says where groups are and keeps up what follows, `fill` makes
first placements, `moves` betters them, `squeeze` relieves fewer cores of axons, `mesh` exchanges the places
of cores, `pairs` finds groups to join for a coarser level.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function on its first call and keep the machine code on disk.

    numba notices a change only in the file of the function that is called. So the code is kept in a folder
    that is named by the text of all kernels, beside them or where NUMBA_CACHE_DIR says.
    """
    return _compiled(function, no_cfunc_wrapper=True)


def inner(function: Function) -> Function:
    """As `kernel`, for what only kernels call: without the code that Python would need to call it."""
    return _compiled(function, no_cfunc_wrapper=True, no_cpython_wrapper=True)


def _compiled(function: Function, **options: bool) -> Function:
    settings: Any = numba.config
    compiled: Any = numba.njit  # whose types leave out these options
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(_FOLDER)
    try:
        return cast(Function, compiled(cache=True, **options)(function))
    finally:
        settings.CACHE_DIR = before


def _folder() -> Path:
    here, settings = Path(__file__).parent, cast(Any, numba.config)
    sources = [here.parent / "groups.py", *sorted(here.glob("*.py"))]
    digest = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return Path(settings.CACHE_DIR or here / "__pycache__") / digest[:16]


_FOLDER = _folder()

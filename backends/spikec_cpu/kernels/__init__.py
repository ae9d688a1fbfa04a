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
    text of all kernels.
    """
    options: Any = numba.config
    before, options.CACHE_DIR = options.CACHE_DIR, str(_FOLDER)
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    finally:
        options.CACHE_DIR = before


def is_compiled(*names: str) -> bool:
    """Whether any of some kernels is on disk already, so that its next start is quick."""
    return any(True for name in names for _ in _FOLDER.rglob(f"*.{name}-*.nbi"))


def _folder() -> Path:
    here = Path(__file__).parent
    sources = [*sorted(here.parent.glob("lower*.py")), *sorted(here.glob("*.py"))]
    digest = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return here / "__pycache__" / digest[:16]


_FOLDER = _folder()

"""Makes lava-nc 0.10.0, which asks for Python 3.10, importable on Python 3.11 to 3.13.

Lava fails there in one module, ``lava.magma.compiler.var_model``. Its ``CoreEncoder``, ``ChipEncoder``
and ``AxonEncoder`` have eight dataclass fields of the form ``x: ByteEncoder = ByteEncoder()``. Up to
Python 3.10 a dataclass refused a list, dict or set as such a default, because all instances would share
it; since 3.11 it refuses whatever cannot be hashed, and ``ByteEncoder``, a plain dataclass that compares
by value, cannot. Upstream is archived and will not mend it.

`install` loads that one module while the check looks away from defaults of Lava's own classes; afterwards
`dataclasses` and ``ByteEncoder`` are as they were, on 3.10 nothing happens at all. Nothing else in Lava
needs help. This module needs only the standard library, does nothing when imported (Lava executes every
module beside one that defines a Process), and may be copied into a package that `spikec deploy` writes.
"""

import dataclasses
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LAVA_VERSION = "0.10.0"
_FAILING_MODULE = "lava.magma.compiler.var_model"
_lock = threading.Lock()


def install() -> None:
    """Loads the one Lava module that Python 3.11 and later refuse, so that all of Lava can be imported.

    Call it before the first import from `lava`. Calling it again does nothing.

    Raises:
        ModuleNotFoundError: Lava is not installed (`importable` says what to do).
    """
    if sys.version_info < (3, 11):
        return
    with _lock:
        if _FAILING_MODULE not in sys.modules:
            with _lava_instances_as_defaults():
                importlib.import_module(_FAILING_MODULE)


def importable() -> str | None:
    """Tells whether Lava can be imported here, at the cost of a look at the disk: it imports nothing.

    Returns:
        None if it can, else one sentence that says why not and what to do.
    """
    if not hasattr(os, "fork"):
        return "Lava starts its processes with fork, which this operating system lacks; use the backend cpu"
    lava = importlib.util.find_spec("lava")
    folders = lava.submodule_search_locations if lava else None
    if not any(Path(folder, "magma", "compiler").is_dir() for folder in folders or ()):
        return f"lava-nc is not installed in this Python; run `make venv`, or {_pip_command()}"
    if importlib.util.find_spec("asteval") is None:
        return "lava-nc is installed without asteval, which it imports; run pip install 'asteval<0.10'"
    return None


def _pip_command() -> str:
    if sys.version_info < (3, 11):
        return f"pip install lava-nc=={LAVA_VERSION}"
    return f"pip install --no-deps --ignore-requires-python lava-nc=={LAVA_VERSION}"


@contextmanager
def _lava_instances_as_defaults() -> Iterator[None]:
    """Lets Lava's dataclasses have unhashable instances of Lava's dataclasses as field defaults."""
    module: Any = dataclasses  # `_get_field` is private: it turns one annotated name of a class into a Field
    strict: Callable[..., Any] = module._get_field

    def lenient(cls: type, name: str, *rest: Any) -> Any:
        default_type = type(cls.__dict__.get(name))
        if not (_is_lava(cls) and _is_lava(default_type) and default_type.__hash__ is None):
            return strict(cls, name, *rest)
        default_type.__hash__ = object.__hash__
        try:
            return strict(cls, name, *rest)
        finally:
            default_type.__hash__ = None

    module._get_field = lenient
    try:
        yield
    finally:
        module._get_field = strict


def _is_lava(cls: type) -> bool:
    return cls.__module__.startswith("lava.")

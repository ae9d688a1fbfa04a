"""Compiler and simulator for spiking neural networks whose information is in *when* neurons spike.

The names below are what a user of the library needs (`docs/python.md`); each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikec.api import compile as compile
    from spikec.api import from_torch as from_torch
    from spikec.api import load as load
    from spikec.container import save as save
    from spikec.errors import SpikecError as SpikecError
    from spikec.events import Events as Events
    from spikec.events import from_dense_times as from_dense_times
    from spikec.events import from_rows as from_rows
    from spikec.ir.network import Network as Network
    from spikec.placing import place as place
    from spikec.program import Program as Program
    from spikec.rasters import from_packed as from_packed
    from spikec.rasters import from_raster as from_raster
    from spikec.result import RunResult as RunResult
    from spikec.streaming.join import join as join

_HOMES = {
    "Events": "events",
    "Network": "ir.network",
    "Program": "program",
    "RunResult": "result",
    "SpikecError": "errors",
    "compile": "api",
    "from_dense_times": "events",
    "from_packed": "rasters",
    "from_raster": "rasters",
    "from_rows": "events",
    "from_torch": "api",
    "join": "streaming.join",
    "load": "api",
    "place": "placing",
    "save": "container",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spikec' has no attribute {name!r}")
    return getattr(import_module(f"spikec.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

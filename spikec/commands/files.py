"""Open what a user names: a program, a network of any kind, a result, samples or spikes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spikec.container import is_container, load
from spikec.errors import FileFormatError, UsageError
from spikec.event_files import read_events
from spikec.events import Events
from spikec.frontends import open_network
from spikec.ir.network import Network
from spikec.program import Program, encode_samples, in_own_time
from spikec.result import RunResult
from spikec.targets.target import load_target

if TYPE_CHECKING:
    from spikec_train.datasets import Dataset


def open_program(path: str | Path, dt: float | None = None) -> Program:
    """Open a compiled program, or a network as a program that is not compiled.

    Raises:
        FileFormatError: The file is neither.
    """
    if is_container(path):
        thing = load(path, (Program, Network))
        if isinstance(thing, Program):
            return thing
    return Program(open_network(path, dt=dt), load_target("ideal"), source=source_of(path))


def open_compiled(path: str | Path) -> Program:
    """Open a compiled program.

    Raises:
        FileFormatError: The file is none.
    """
    program = open_program(path) if is_container(path) else None
    if program is None or not program.is_compiled:
        source_of(path)
        raise FileFormatError(f"{path} is no compiled program; make one with `spikec compile`")
    return program


def open_result(path: str | Path) -> RunResult:
    """Open what ``spikec run -o`` wrote."""
    result: RunResult = load(path, RunResult)
    return result


def source_of(path: str | Path) -> dict[str, str]:
    """Name and SHA-256 of a file, for the record."""
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"there is no file {path}; check the name")
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read_inputs(
    network: Network, data: str | None, spikes: str | Path | None
) -> tuple[Mapping[str, Events], Dataset | None]:
    """Get input spikes from a data set through the network's encoding, or from a file.

    Args:
        network: Whose inputs they are for.
        data: A data set, for instance ``"digits:test"``.
        spikes: A file of spikes.

    Returns:
        The spikes in the network's own kind of time, and the data set, if there is one.

    Raises:
        UsageError: Not exactly one of the two is given.
    """
    if (data is None) == (spikes is None):
        raise UsageError("give the input either as --data NAME:SPLIT or as --input FILE")
    if data is not None:
        from spikec_train.datasets import load_dataset

        dataset = load_dataset(data)
        return encode_samples(network, dataset.samples), dataset
    assert spikes is not None
    return in_own_time(network, read_events(spikes, network)), None

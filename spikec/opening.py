"""Open a file of any kind that holds a network, as a program: what commands and `spikec.load` share."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from spikec.container import is_container, load, origin_of
from spikec.errors import FileFormatError, UsageError
from spikec.ir.network import Convention, Network
from spikec.memory import check_file
from spikec.program import Program
from spikec.targets.target import load_target
from spikec.zip_files import contents_bytes


def open_program(
    path: str | Path, dt: float | None = None, convention: Convention | str | None = None
) -> Program:
    """Open a program, compiled or read in integers (lava-dl), or a network as a program not compiled.

    Args:
        path: A file of spikec, NIR or lava-dl.
        dt: Time step, seconds; for files that hold none (NIR, lava-dl).
        convention: Habits of the simulator the network was trained in, or words for them
            (`spikec.conventions.choose`); for files that hold none.

    Raises:
        FileFormatError: The file is none of these, or damaged.
        NetworkError: The network contradicts itself or uses something unsupported.
        UsageError: `dt` is missing, or `dt` or a convention is given for a file that holds its own; or memory
            would not hold it.
    """
    if is_container(path):
        check_file(Path(path), contents_bytes(Path(path)))
        thing = load(path, (Program, Network))
        if isinstance(thing, Program):
            if dt is not None:
                raise UsageError(f"{path} is compiled for ticks of {thing.network.dt:g} s; leave out --dt")
            if convention is not None:
                raise UsageError(f"{path} is compiled for one convention; leave out --convention")
            return thing
    if Path(path).is_file():
        check_file(Path(path), Path(path).stat().st_size)
    from spikec.frontends import open_trained

    trained = open_trained(path, dt=dt, convention=convention)
    if isinstance(trained, Program):
        return replace(trained, source=source_of(path))
    return Program(trained, load_target("ideal"), source=source_of(path))


def source_of(path: str | Path) -> dict[str, str]:
    """Name and SHA-256 of a file, and how it came to be, for the record."""
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"there is no file {path}; check the name")
    found = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return found | (origin_of(path) if is_container(path) else {})

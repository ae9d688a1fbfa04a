"""A result on the disk that grows chunk by chunk: a folder of parts.

``run.json`` says what runs: hashes of program and input, the options, how many samples there are. It is
written first and never changed. A part, ``000000000512-000000001024.npz``, is the `RunResult` of the samples
in its name (the last one exclusive). It has its name when all of it is on the disk, so that whatever ends a
run (Ctrl-C, a full disk, a power cut) costs the chunk that was being written and nothing else. What is
missing is what no part covers: who deletes a damaged part has its samples run again.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikec.container import load, save, write_atomically
from spikec.errors import FileFormatError, UsageError
from spikec.result import RunResult

INDEX = "run.json"
FORMAT = "spikec run"
VERSION = 1

_PART = re.compile(r"(\d{12})-(\d{12})\.npz")
_OWN = re.compile(r"\.run\.json\.")
_STRAY = re.compile(r"\.\d{12}-\d{12}\.npz\..+")


@dataclass(frozen=True)
class Identity:
    """What a run is of: two with the same give the same spikes.

    Attributes:
        program: Hash of the program.
        input: Hash of all samples.
        options: Backend, length, what is recorded.
        n_samples: How many samples there are.
    """

    program: str
    input: str
    options: Mapping[str, Any]
    n_samples: int

    def difference(self, other: Identity) -> str | None:
        """What differs first, in words; None if nothing does."""
        if self.program != other.program:
            return "of another program"
        if self.input != other.input or self.n_samples != other.n_samples:
            return "on another input"
        for name, value in self.options.items():
            if other.options.get(name) != value:
                return f"with {name} {_shown(other.options.get(name))} instead of {_shown(value)}"
        return None


@dataclass(frozen=True, order=True)
class Part:
    """A part of a result.

    Attributes:
        first: Its first sample.
        last: The one after its last.
        path: Where it is.
    """

    first: int
    last: int
    path: Path


def is_folder(path: str | Path) -> bool:
    """Whether a result lies there in parts."""
    return (Path(path) / INDEX).is_file()


def parts_of(folder: Path) -> list[Part]:
    """The parts that are there, in the order of their samples.

    Raises:
        FileFormatError: Two hold the same sample.
    """
    found = sorted(
        Part(int(name[1]), int(name[2]), path)
        for path in folder.iterdir()
        if (name := _PART.fullmatch(path.name))
    )
    end = 0
    for part in found:
        if part.first < end or part.last <= part.first:
            raise FileFormatError(f"{part.path} holds samples that another part holds; delete one of them")
        end = part.last
    return found


def gaps(parts: list[Part], n_samples: int) -> list[tuple[int, int]]:
    """Which samples are missing, as firsts and ends (exclusive)."""
    starts = [0, *(part.last for part in parts)]
    ends = [*(part.first for part in parts), n_samples]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if a < b]


def read_identity(folder: Path) -> Identity:
    """What the run in a folder is of.

    Raises:
        FileFormatError: Its index is damaged, or of a newer version.
    """
    path = folder / INDEX
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != FORMAT or not 1 <= found["version"] <= VERSION:
            raise ValueError(f"its version is {found['version']}")
        of = found["of"]
        identity = Identity(str(of["program"]), str(of["input"]), dict(of["options"]), int(of["n_samples"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path} cannot be read ({error}); run again into another folder") from error
    parts = parts_of(folder)
    if parts and parts[-1].last > identity.n_samples:
        raise FileFormatError(f"{parts[-1].path} is no part of this run; delete it")
    return identity


class ResultFolder:
    """A folder that a run writes to, held so that no other run does.

    Args:
        path: The folder; it is made if it does not exist.
        identity: What runs.

    Raises:
        UsageError: It holds another run, or something else, or a run is writing to it.
        FileFormatError: It cannot be written, or is damaged.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path, self.identity = path, identity
        if not is_folder(path):
            self._begin()
        self._lock = (path / INDEX).open("rb")
        try:
            self._hold()
            self._check()
        except BaseException:
            self.close()
            raise

    @property
    def parts(self) -> list[Part]:
        """What is there."""
        return parts_of(self.path)

    def gaps(self) -> list[tuple[int, int]]:
        """What is missing."""
        return gaps(self.parts, self.identity.n_samples)

    def append(self, first: int, result: RunResult) -> None:
        """Write the result of a chunk.

        Raises:
            FileFormatError: The disk does not take it; all other parts are as they were.
        """
        n_samples = next(e.n_samples for e in result.spikes.values())
        last = first + n_samples
        try:
            save(result, self.path / f"{first:012d}-{last:012d}.npz", quick=True)
            _sync_folder(self.path)
        except FileFormatError as error:
            done = sum(part.last - part.first for part in self.parts)
            raise FileFormatError(
                f"samples {first} to {last - 1} could not be written ({error.__cause__}); {done} of "
                f"{self.identity.n_samples} are in {self.path}: make room, and the same command goes on"
            ) from error

    def close(self) -> None:
        """Let others write."""
        self._lock.close()

    def _begin(self) -> None:
        path = self.path
        if path.exists() and (not path.is_dir() or any(not _OWN.match(p.name) for p in path.iterdir())):
            raise UsageError(f"{path} exists and holds no run in parts; name another --output, or remove it")
        index = {"format": FORMAT, "version": VERSION, "of": asdict(self.identity)}
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise FileFormatError(f"cannot make {path}: {error.strerror}; choose another place") from error
        write_atomically(path / INDEX, json.dumps(index, indent=1).encode(), sync=True)
        _sync_folder(path)
        _sync_folder(path.absolute().parent)

    def _hold(self) -> None:
        """Keep others from writing, until the folder is closed or this process ends."""
        if sys.platform == "win32":
            return
        import fcntl

        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another run is writing to {self.path}; wait for it, or stop it") from error

    def _check(self) -> None:
        """Refuse to go on with another run; remove what a run that was killed has left half-written."""
        difference = self.identity.difference(read_identity(self.path))
        if difference is not None:
            raise UsageError(f"{self.path} holds a run {difference}; name another --output, or remove it")
        for path in self.path.iterdir():
            if _STRAY.fullmatch(path.name):
                path.unlink()


def load_part(part: Part) -> RunResult:
    """What a part holds.

    Raises:
        FileFormatError: It is damaged, or holds other samples than its name says.
    """
    result: RunResult = load(part.path, RunResult)
    if {e.n_samples for e in result.spikes.values()} - {part.last - part.first}:
        raise FileFormatError(f"{part.path} holds other samples than its name says; delete it, and run again")
    return result


def _sync_folder(path: Path) -> None:
    """Wait until the disk knows the names in a folder."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _shown(value: Any) -> str:
    return "none" if value in (None, [], {}) else str(value)

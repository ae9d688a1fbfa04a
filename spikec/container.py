"""Files: one object a file, as a zip of ``.npy`` arrays and one JSON manifest (numpy opens it as ``.npz``).

The manifest is a tree: a dataclass is ``{"is": "Population", ...}``, an array is ``{"array": "3"}``. Only the
classes in `CLASSES` are ever made, through their own checks; nothing is pickled, evaluated or believed: an
array's header must agree with the bytes that follow it, and a checksum over all contents stands in the
manifest. A file appears under its name only when it is complete.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.coding import BinaryEncoding, Decoding, Encoding, LatencyEncoding, Readout
from spikec.errors import FileFormatError, Violation
from spikec.events import Events
from spikec.ir.connectivity import Connectivity, Convolution, DelayKind, Delays, Dense, Sparse
from spikec.ir.conventions import Comparison, Gain, RecurrentBias, ResetTime
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import (
    Clock,
    Continuous,
    Convention,
    Integration,
    Network,
    Population,
    Projection,
    Reset,
    Ticks,
)
from spikec.ir.neurons import (
    CubaLif,
    CubaTicks,
    If,
    IfExp,
    Lif,
    LiReadout,
    Neuron,
    QifExp,
    Ramp,
    Source,
    Theta,
)
from spikec.placed import Placement
from spikec.program import LogEntry, Program, Shard
from spikec.result import CoreCounts, Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec.targets.target import Figure, Formats, Limits, Mesh, Target

VERSION = 1
"""Version of the file format; a reader refuses newer ones."""

MANIFEST = "spikec.json"

CLASSES: dict[str, type] = {
    c.__name__: c
    for c in (
        Axis, BinaryEncoding, Continuous, Convention, Convolution, CoreCounts, Counters, CubaFixed, CubaLif,
        CubaTicks, Decoding, Delays, Dense, Events, Figure, Fixed, FixedFormat, Formats, If, IfExp,
        LatencyEncoding, Lif, Limits, LiReadout, LogEntry, Mesh, Network, Placement, Population,
        PopulationCounts, Program, Projection, ProjectionCounts, QifExp, QifFixed, Ramp, RunResult, Shard,
        Source, Sparse, Target, Theta, ThetaFixed, Ticks, Violation,
    )
}  # fmt: skip
ENUMS: dict[str, type[Enum]] = {
    e.__name__: e
    for e in (Comparison, DelayKind, Gain, Integration, Readout, RecurrentBias, Reset, ResetTime, Sign)
}

_MEMBERS: dict[str, dict[str, Any]] = {
    "Population": {"neuron": Neuron},
    "Projection": {"connectivity": Connectivity, "delays": Delays},
    "Network": {"clock": Clock, "encoding": Encoding | None, "decoding": Decoding | None},
    "Program": {
        "network": Network,
        "target": Target,
        "scales": Mapping,
        "shards": Mapping,
        "late": Mapping,
        "placement": Placement | None,
    },
    "Placement": {"cores": Mapping},
    "RunResult": {
        "spikes": Mapping,
        "traces": Mapping,
        "counters": Counters | None,
        "meta": Mapping,
        "cores": CoreCounts | None,
    },
    "CoreCounts": {"by_storage": Mapping, "hops": Mapping},
}
"""Members whose types the constructors themselves take for granted."""

_NUMBERS = "biuf"
"""Kinds of numpy types that are stored: truth values, integers, real numbers."""

_MAX_INFLATION = 1100
"""Deflate cannot expand by more than about 1032; a member that claims more is a lie."""


def save(thing: Any, path: str | Path) -> None:
    """Write an object of `CLASSES`, or a mapping of such objects, to a file.

    Equal objects give equal bytes. The file is written under a temporary name and then renamed.

    Raises:
        FileFormatError: The folder does not exist or cannot be written.
    """
    arrays: dict[str, AnyArray] = {}
    tree = _to_tree(thing, arrays)
    manifest = {"format": "spikec", "version": VERSION, "sha256": _checksum(tree, arrays), "content": tree}
    members = {MANIFEST: json.dumps(manifest, indent=1, allow_nan=False).encode()}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    write_atomically(path, _zipped(members))


def load(path: str | Path, expected: type | tuple[type, ...] | None = None) -> Any:
    """Read a file that `save` wrote.

    Args:
        path: The file.
        expected: The class or classes it must hold; None for any.

    Raises:
        FileFormatError: The file is missing, no spikec file, truncated, altered, of a newer version, or holds
            something else than expected.
    """
    path = Path(path)
    manifest, arrays = _read_members(path)
    if not {"format", "version", "sha256", "content"} <= manifest.keys() or manifest["format"] != "spikec":
        raise FileFormatError(f"{path} is no spikec file: its manifest is incomplete")
    version, checksum, tree = manifest["version"], manifest["sha256"], manifest["content"]
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise FileFormatError(
            f"{path} has format version {version}; this spikec reads up to {VERSION}: update it"
        )
    if checksum != _checksum(tree, arrays):
        raise FileFormatError(f"{path} was altered: its contents do not match its checksum; make it again")
    try:
        thing = _from_tree(tree, arrays)
    except Exception as error:  # whatever a constructor makes of nonsense: the file is to blame
        raise FileFormatError(f"{path} does not hold a valid object: {error}") from error
    if expected is not None and not isinstance(thing, expected):
        wanted = expected if isinstance(expected, tuple) else (expected,)
        names = " or ".join(_PEOPLE.get(c, c.__name__) for c in wanted)
        raise FileFormatError(
            f"{path} holds {_PEOPLE.get(type(thing), type(thing).__name__)}; {names} is needed here"
        )
    return thing


_PEOPLE = {
    Network: "a network",
    Program: "a compiled program",
    RunResult: "a run's result",
    Events: "events",
    dict: "events of several inputs",
}


def is_container(path: str | Path) -> bool:
    """Whether a file looks like one of ours (a zip with our manifest)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except Exception:  # damaged zips raise errors of all kinds
        return False


def read_array(path: str | Path, name: str) -> AnyArray:
    """Read an array of an ``.npz`` that others wrote, read-only.

    Raises:
        FileFormatError: The file is missing or damaged, has no such array, or one that is not plain numbers,
            row by row.
    """
    path = Path(path)
    with _opened(path, ".npz of arrays") as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        if name not in names:
            raise FileFormatError(
                f"{path} has no array {name!r}; choose {', '.join(names) or 'another file'}"
            )
        return _array(archive, f"{name}.npy", path)


def digest(thing: Any) -> str:
    """SHA-256 of an object's contents: equal objects have equal digests."""
    arrays: dict[str, AnyArray] = {}
    return _checksum(_to_tree(thing, arrays), arrays)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a file under a temporary name beside it, then rename: it is there whole or not at all.

    Raises:
        FileFormatError: The folder does not exist or cannot be written.
    """
    path = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = ""
    except OSError as error:
        raise FileFormatError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _to_tree(thing: Any, arrays: dict[str, AnyArray]) -> Any:
    if isinstance(thing, Enum):
        return {"enum": type(thing).__name__, "value": thing.value}
    if thing is None or isinstance(thing, bool | int | str):
        return thing
    if isinstance(thing, float):
        return thing if isfinite(thing) else {"float": repr(thing)}
    if isinstance(thing, np.generic):
        return _to_tree(thing.item(), arrays)
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind not in _NUMBERS:
            raise TypeError(f"cannot store an array of {thing.dtype}; only plain numbers are stored")
        name = str(len(arrays))
        arrays[name] = np.asarray(thing, order="C")
        return {"array": name}
    if is_dataclass(thing) and CLASSES.get(type(thing).__name__) is type(thing):
        tree = {f.name: _to_tree(getattr(thing, f.name), arrays) for f in fields(thing)}
        return {"is": type(thing).__name__, **tree}
    if isinstance(thing, Mapping):
        return {"map": {str(k): _to_tree(v, arrays) for k, v in thing.items()}}
    if isinstance(thing, tuple | list):
        return [_to_tree(v, arrays) for v in thing]
    raise TypeError(f"cannot store a {type(thing).__name__}")


def _from_tree(tree: Any, arrays: Mapping[str, AnyArray]) -> Any:
    if isinstance(tree, list):
        return tuple(_from_tree(v, arrays) for v in tree)
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "float" in tree:
        return float(tree["float"])
    if "enum" in tree:
        return ENUMS[tree["enum"]](tree["value"])
    if "map" in tree:
        return {k: _from_tree(v, arrays) for k, v in tree["map"].items()}
    name = tree.get("is")
    if name not in CLASSES:
        raise FileFormatError(f"it names the unknown type {name!r}")
    thing = CLASSES[name](**{k: _from_tree(v, arrays) for k, v in tree.items() if k != "is"})
    for member, kind in _MEMBERS.get(name, {}).items():
        if not isinstance(getattr(thing, member), kind):
            raise FileFormatError(f"the {member} of its {name} is a {type(getattr(thing, member)).__name__}")
    return thing


def _checksum(tree: Any, arrays: Mapping[str, AnyArray]) -> str:
    total = hashlib.sha256(json.dumps(tree, sort_keys=True).encode())
    for name in sorted(arrays, key=int):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {arrays[name].shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def _read_members(path: Path) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    with _opened(path, "spikec file") as archive:
        names = archive.namelist()
        if MANIFEST not in names:
            raise FileFormatError(f"{path} is no spikec file: it is a zip without {MANIFEST}")
        manifest = json.loads(_member(archive, MANIFEST, path))
        arrays = {n[: -len(".npy")]: _array(archive, n, path) for n in names if n != MANIFEST}
    if not isinstance(manifest, dict) or not all(n.isdecimal() for n in arrays):
        raise FileFormatError(f"{path} is no spikec file: its manifest or its arrays have the wrong form")
    return manifest, arrays


@contextmanager
def _opened(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """A zip file; whatever is wrong with it becomes one error that calls it no `what`."""
    if not path.is_file():
        raise FileFormatError(f"there is no file {path}; check the name")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.compress_size for info in archive.infolist()) > path.stat().st_size:
                raise FileFormatError(f"{path} lies about the sizes of its parts; make it again")
            yield archive
    except FileFormatError:
        raise
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # zipfile, zlib, json and numpy raise errors of all kinds on damaged bytes
        raise FileFormatError(
            f"{path} is no {what}, or it is truncated or damaged ({error}); make it again"
        ) from error


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _MAX_INFLATION * max(info.compress_size, 1):
        raise FileFormatError(f"{path} lies about the size of {name}; make it again")
    return archive.read(name)


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> AnyArray:
    data = _member(archive, name, path)
    stream = io.BytesIO(data)
    try:
        major = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if major == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        raise FileFormatError(f"{path} holds {name}, which is no array: {error}") from error
    if dtype.kind not in _NUMBERS or (fortran and len(shape) > 1):
        raise FileFormatError(
            f"{path} holds {name} of type {dtype}; only plain numbers, row by row, are read"
        )
    body = data[stream.tell() :]
    if len(body) != prod(shape) * dtype.itemsize:
        raise FileFormatError(f"{path} holds {name}, whose header claims shape {shape}, but the data differ")
    array = np.frombuffer(body, dtype).reshape(shape)
    array.setflags(write=False)
    return array

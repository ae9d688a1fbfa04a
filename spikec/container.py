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
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.coding import BinaryEncoding, Decoding, Encoding, LatencyEncoding, Readout
from spikec.delta_encoding import DeltaEncoding
from spikec.errors import FileFormatError, Violation
from spikec.events import Events
from spikec.ir.connectivity import (
    Connectivity,
    Convolution,
    DelayKind,
    Delays,
    Dense,
    FixedInDegree,
    FixedOutDegree,
    Sparse,
)
from spikec.ir.conventions import Comparison, Gain, RecurrentBias, ResetTime
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.iaf import IafPscDelta, IafPscExp, PoissonDrive
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
from spikec.targets.target import Barrier, Figure, Formats, Limits, Mesh, Power, Target, Timing
from spikec.zip_files import NUMBERS, array_of, member_of, opened_zip, zipped
from spikec.zip_files import read_array as read_array
from spikec.zip_files import write_atomically as write_atomically

VERSION = 1
"""Version of the file format; a reader refuses newer ones."""

MANIFEST = "spikec.json"

CLASSES: dict[str, type] = {
    c.__name__: c
    for c in (
        Axis, Barrier, BinaryEncoding, Continuous, Convention, Convolution, CoreCounts, Counters, CubaFixed,
        CubaLif, CubaTicks, Decoding, Delays, DeltaEncoding, Dense, Events, Figure, Fixed, FixedFormat,
        FixedInDegree, FixedOutDegree, Formats, IafPscDelta, IafPscExp, If, IfExp, LatencyEncoding, Lif,
        Limits, LiReadout,
        LogEntry, Mesh, Network, Placement, PoissonDrive, Population, PopulationCounts, Power, Program,
        Projection, ProjectionCounts, QifExp, QifFixed, Ramp, RunResult, Shard, Source, Sparse, Target,
        Theta, ThetaFixed, Ticks, Timing, Violation,
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
    "CoreCounts": {"mesh": Mapping, "neurons": Mapping, "by_storage": Mapping, "hops": Mapping},
}
"""Members whose types the constructors themselves take for granted."""


def save(
    thing: Any, path: str | Path, *, quick: bool = False, origin: Mapping[str, str] | None = None
) -> None:
    """Write an object of `CLASSES`, or a mapping of such objects, to a file.

    Equal objects give equal bytes. The file is written under a temporary name and then renamed.

    Args:
        thing: The object.
        path: Where.
        quick: For parts of a long run: integers in as few bytes as hold them, instead of compressed ones, and
            all of it on the disk, not only on its way there, before the file has its name.
        origin: How the object came to be, for `origin_of`; no part of the object.

    Raises:
        FileFormatError: The folder does not exist or cannot be written.
    """
    arrays: dict[str, AnyArray] = {}
    tree = _to_tree(thing, arrays)
    if origin:
        tree = {"of": tree, "origin": dict(origin)}
    if quick:
        arrays = {name: _narrow(array) for name, array in arrays.items()}
    manifest = {"format": "spikec", "version": VERSION, "sha256": _checksum(tree, arrays), "content": tree}
    members = {MANIFEST: json.dumps(manifest, indent=1, allow_nan=False).encode()}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    write_atomically(path, zipped(members, compressed=not quick), sync=quick)


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
    checksum, tree = checked_manifest(path, manifest)
    if checksum != _checksum(tree, arrays):
        raise altered(path)
    thing = made_of(path, tree, arrays)
    if expected is not None and not isinstance(thing, expected):
        wanted = expected if isinstance(expected, tuple) else (expected,)
        names = " or ".join(_PEOPLE.get(c, c.__name__) for c in wanted)
        raise FileFormatError(
            f"{path} holds {_PEOPLE.get(type(thing), type(thing).__name__)}; {names} is needed here"
        )
    return thing


def origin_of(path: str | Path) -> dict[str, str]:
    """How what a file holds came to be, as `save` was told; empty if it was not.

    Raises:
        FileFormatError: It is no file of ours.
    """
    path = Path(path)
    with opened_zip(path, "spikec file") as archive:
        _, tree = checked_manifest(path, read_manifest(archive, path)[0])
    origin = tree.get("origin") if isinstance(tree, dict) else None
    return {str(k): str(v) for k, v in origin.items()} if isinstance(origin, dict) else {}


def checked_manifest(path: str | Path, manifest: Mapping[str, Any]) -> tuple[str, Any]:
    """The checksum and the tree of a manifest.

    Raises:
        FileFormatError: It is none of ours, or of a newer version.
    """
    if not {"format", "version", "sha256", "content"} <= manifest.keys() or manifest["format"] != "spikec":
        raise FileFormatError(f"{path} is no spikec file: its manifest is incomplete")
    version = manifest["version"]
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise FileFormatError(
            f"{path} has format version {version}; this spikec reads up to {VERSION}: update it"
        )
    return str(manifest["sha256"]), manifest["content"]


def made_of(path: str | Path, tree: Any, arrays: Mapping[str, AnyArray]) -> Any:
    """The object that a tree and its arrays describe.

    Raises:
        FileFormatError: There is none.
    """
    try:
        return _from_tree(tree, arrays)
    except Exception as error:  # whatever a constructor makes of nonsense: the file is to blame
        raise FileFormatError(f"{path} does not hold a valid object: {error}") from error


def altered(path: str | Path) -> FileFormatError:
    """What to say of a file whose checksum is wrong."""
    return FileFormatError(f"{path} was altered: its contents do not match its checksum; make it again")


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


def digest(thing: Any) -> str:
    """SHA-256 of an object's contents: equal objects have equal digests; of a program without its source."""
    arrays: dict[str, AnyArray] = {}
    contents = replace(thing, source={}) if isinstance(thing, Program) else thing
    return _checksum(_to_tree(contents, arrays), arrays)


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
        if thing.dtype.kind not in NUMBERS:
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
    if tree.keys() == {"of", "origin"}:
        return _from_tree(tree["of"], arrays)
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
    pieces = ((n, a.dtype, a.shape, [np.ascontiguousarray(a).data]) for n, a in arrays.items())
    return checksum(tree, pieces)


def checksum(
    tree: Any, arrays: Iterable[tuple[str, np.dtype[Any], tuple[int, ...], Iterable[bytes | memoryview]]]
) -> str:
    """SHA-256 of contents.

    Args:
        tree: As in the manifest.
        arrays: For each its name, type, shape, and its bytes row by row, in pieces.
    """
    total = hashlib.sha256(json.dumps(tree, sort_keys=True).encode())
    for name, dtype, shape, pieces in sorted(arrays, key=lambda array: int(array[0])):
        total.update(f"{name} {dtype.str} {shape} ".encode())
        for piece in pieces:
            total.update(piece)
    return total.hexdigest()


def _narrow(array: AnyArray) -> AnyArray:
    """Integers in the type of fewest bytes that holds them; anything else as it is."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    return array.astype(np.promote_types(np.min_scalar_type(array.min()), np.min_scalar_type(array.max())))


def read_manifest(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The manifest of an open file, and for each array, by name, the member that holds it.

    Raises:
        FileFormatError: It is no file of ours.
    """
    names = archive.namelist()
    if MANIFEST not in names:
        raise FileFormatError(f"{path} is no spikec file: it is a zip without {MANIFEST}")
    manifest = json.loads(member_of(archive, MANIFEST, path))
    members = {n.removesuffix(".npy"): n for n in names if n != MANIFEST}
    if not isinstance(manifest, dict) or not all(n.isdecimal() for n in members):
        raise FileFormatError(f"{path} is no spikec file: its manifest or its arrays have the wrong form")
    return manifest, members


def _read_members(path: Path) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    with opened_zip(path, "spikec file") as archive:
        manifest, members = read_manifest(archive, path)
        return manifest, {name: array_of(archive, member, path) for name, member in members.items()}

"""NIR files as plain data: nodes with their types and numbers, and edges; nothing of their meaning.

The file is read with h5py and not with ``nir.read``, which believes every size it finds, forgets which
parameters a file lacks, and checks nested graphs by asserts that name no node. What is read here is checked
against the bytes that are there; links to other files are not followed.

Layout (nir 1.0.8, ``serialization.py``): ``/version``; ``/node`` with ``type``, ``edges`` ``(n, 2)`` and
``nodes/<name>/``, each with ``type`` and one dataset a parameter. A nested graph is a node like ``/node``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import FileFormatError, NetworkError
from spikec.frontends.hdf5 import Hdf5Reader, reading
from spikec.frontends.hdf5_heap import check_heaps

PARAMETERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Input": (("shape",), ()),
    "Output": (("shape",), ()),
    "Affine": (("weight", "bias"), ()),
    "Linear": (("weight",), ()),
    "Scale": (("scale",), ()),
    "Delay": (("delay",), ()),
    "Conv1d": (("weight", "stride", "padding", "dilation", "groups"), ("input_shape", "bias")),
    "Conv2d": (("weight", "stride", "padding", "dilation", "groups"), ("input_shape", "bias")),
    "SumPool2d": (("kernel_size", "stride", "padding"), ()),
    "AvgPool2d": (("kernel_size", "stride", "padding"), ()),
    "Flatten": ((), ("start_dim", "end_dim", "input_type")),
    "Threshold": (("threshold",), ()),
    "I": (("r",), ()),
    "IF": (("r", "v_threshold"), ("v_reset",)),
    "LI": (("tau", "r", "v_leak"), ()),
    "LIF": (("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
    "CubaLIF": (("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("v_reset", "w_in")),
}
"""Parameters that a node of each type must have, and those that some files lack."""

IGNORED = {"type", "metadata"}
TEXTS = {"padding"}
"""Parameters that may be a word."""

STATED = "spikec"
"""Name in a graph's metadata of what NIR itself cannot say."""

MAX_NODES = 100_000
MAX_DEPTH = 32


@dataclass(frozen=True, eq=False)
class Node:
    """One node of a file.

    Attributes:
        name: As in the file; in a flat graph with the names of the graphs around it, joined by dots.
        type: As in the file.
        values: Its parameters, float64.
        texts: Its parameters that are words.
        graph: What it holds if it is a graph itself.
    """

    name: str
    type: str
    values: Mapping[str, FloatArray] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    graph: Graph | None = None

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(frozen=True, eq=False)
class Graph:
    """One graph of a file.

    Attributes:
        nodes: By name, in alphabetical order: that of the file means nothing.
        edges: Pairs of names, likewise.
        dt: The time step that its metadata hold, seconds, if any.
        version: Of the library that wrote the file; None if the file does not tell, or in a nested graph.
        stated: What its metadata say of habits and codings, a YAML that `spikec export` wrote, if any.
    """

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    dt: float | None = None
    version: str | None = None
    stated: str | None = None


def read_graph(path: Path) -> Graph:
    """Read a NIR file.

    Raises:
        FileFormatError: It is no NIR file, is damaged, or claims sizes that its bytes cannot hold.
        NetworkError: A node lacks parameters or has unknown ones, or its name is impossible.
    """
    with reading(path, "the file"):
        check_heaps(path)
    # What h5py raises on damaged files comes from anywhere, so this encloses all of the reading.
    with reading(path, "the file"), h5py.File(path, "r") as file:
        reader = _Reader(path, path.stat().st_size)
        members = reader.members(file, "the file")
        if not isinstance(members.get("node"), h5py.Group):
            kind = "a lava-dl netx file" if "layer" in members else "no NIR file"
            raise FileFormatError(f"{path} is {kind}: it has no group 'node'; export the network to NIR")
        version = reader.text(members["version"], "version") if "version" in members else None
        return reader.graph(members["node"], "", 0, version)


class _Reader(Hdf5Reader):
    """One pass over a NIR file."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        super().__init__(path, file_bytes)
        self.n_nodes = 0

    def graph(self, group: Any, prefix: str, depth: int, version: str | None = None) -> Graph:
        """Read a graph whose nodes' full names begin with `prefix`."""
        where = f"graph {prefix[:-1]}" if prefix else "the graph"
        members = self.members(group, where)
        for name, kind in (("nodes", h5py.Group), ("edges", h5py.Dataset)):
            if not isinstance(members.get(name), kind):
                raise FileFormatError(f"{self.path}: {where} has no {name}; export the network again")
        found = self.members(members["nodes"], where)
        nodes = {name: self.node(item, prefix, name, depth) for name, item in sorted(found.items())}
        edges = self.edges(members["edges"], where)
        return Graph(nodes, edges, self.dt(members), version, self.stated(members))

    def node(self, group: Any, prefix: str, name: str, depth: int) -> Node:
        """Read one node."""
        full = prefix + name
        self.n_nodes += 1
        if self.n_nodes > MAX_NODES or depth > MAX_DEPTH:
            raise FileFormatError(
                f"{self.path} holds more than {MAX_NODES} nodes, or graphs nested deeper than {MAX_DEPTH}, "
                f"at {full}; flatten the network before its export"
            )
        if not full.isprintable() or not isinstance(group, h5py.Group):
            raise NetworkError(
                f"{self.path}: {full!r} is no node that spikec can name; rename and export again"
            )
        members = self.members(group, f"node {full}")
        if not isinstance(members.get("type"), h5py.Dataset):
            inner = next((k for k, v in members.items() if isinstance(v, h5py.Group)), None)
            cause = f"node {full} has no type"
            if inner is not None:
                cause = f"a node was named '{full}/{inner}', and NIR files cannot hold a '/' in a name"
            raise NetworkError(f"{self.path}: {cause}; rename the node and export the network again")
        kind = self.text(members["type"], f"the type of node {full}")
        if kind == "NIRGraph":
            return Node(full, kind, graph=self.graph(group, f"{full}.", depth + 1))
        return Node(full, kind, *self.parameters(members, full, kind))

    def parameters(
        self, members: Mapping[str, Any], full: str, kind: str
    ) -> tuple[dict[str, FloatArray], dict[str, str]]:
        """Read a node's numbers and words; of unsupported types none, for they are refused by name later."""
        if kind not in PARAMETERS:
            return {}, {}
        needed, optional = PARAMETERS[kind]
        missing = [name for name in needed if not isinstance(members.get(name), h5py.Dataset)]
        known = {*needed, *optional, *IGNORED}
        unknown = [name for name in members if name not in known]
        if missing or unknown:
            trouble = f"has no {missing[0]}" if missing else f"has {unknown[0]}, which spikec does not know"
            raise NetworkError(f"{self.path}: {kind} {full} {trouble}; export it with nir 1.0.8 or earlier")
        present = [name for name in (*needed, *optional) if name in members]
        words = {name for name in present if name in TEXTS and _is_text(members[name])}
        return (
            {n: self.numbers(members[n], f"{n} of node {full}") for n in present if n not in words},
            {n: self.text(members[n], f"{n} of node {full}") for n in words},
        )

    def edges(self, dataset: Any, where: str) -> tuple[tuple[str, str], ...]:
        """Read pairs of names."""
        what = f"the edges of {where}"
        if dataset.shape is not None and dataset.size == 0:
            return ()
        if dataset.ndim != 2 or dataset.shape[1] != 2 or h5py.check_string_dtype(dataset.dtype) is None:
            raise FileFormatError(f"{self.path}: {what} are no pairs of names; export the network again")
        rows = self.contents(dataset, what)
        return tuple(sorted((self.decoded(a, what), self.decoded(b, what)) for a, b in rows))

    def dt(self, members: Mapping[str, Any]) -> float | None:
        """The time step in a graph's metadata, if there is a plausible one."""
        dataset = self.metadata(members).get("dt")
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iuf" or dataset.size != 1:
            return None
        value = float(self.numbers(dataset, "dt of the metadata").reshape(()))
        return value if 0 < value < np.inf else None

    def stated(self, members: Mapping[str, Any]) -> str | None:
        """What a graph's metadata say of habits and codings, if anything."""
        dataset = self.metadata(members).get(STATED)
        return self.text(dataset, f"{STATED} of the metadata") if _is_text(dataset) else None

    def metadata(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata of a graph."""
        group = members.get("metadata")
        return self.members(group, "the metadata") if isinstance(group, h5py.Group) else {}


def _is_text(dataset: Any) -> bool:
    return isinstance(dataset, h5py.Dataset) and h5py.check_string_dtype(dataset.dtype) is not None

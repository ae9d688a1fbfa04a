"""A NIR graph as plain data, and the bytes of the HDF5 file that holds it.

Layout (nir 1.0.8, ``serialization.py``): ``/version``; ``/node`` with ``type``, ``edges`` ``(n, 2)``, a group
``nodes/<name>/`` for each node with its ``type`` and one dataset a parameter, and ``metadata`` groups. The
file is made in memory, so that nothing half-written is ever on disk; arrays are compressed, numbers by
themselves are not, for HDF5 cannot.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import h5py
import numpy as np

from spikec.arrays import AnyArray

NIR_VERSION = "1.0.8"
"""The version of nir whose layout this is."""

Value = AnyArray | str | int | float


@dataclass(frozen=True, eq=False)
class Node:
    """One node.

    Attributes:
        type: A primitive of NIR.
        values: Its parameters.
        metadata: What no reader relies on.
    """

    type: str
    values: Mapping[str, Value]
    metadata: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """A flat graph.

    Attributes:
        nodes: By name.
        edges: Pairs of names, none twice.
        metadata: What no reader relies on.
    """

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Value] = field(default_factory=dict)

    def with_metadata(self, metadata: Mapping[str, Value]) -> Graph:
        """The graph with other metadata."""
        return replace(self, metadata=metadata)


def file_of(graph: Graph) -> bytes:
    """The bytes of the file; equal graphs give equal bytes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _put(file, "version", NIR_VERSION)
        root = file.create_group("node")
        _put(root, "type", "NIRGraph")
        nodes = root.create_group("nodes")
        for name, node in graph.nodes.items():
            group = nodes.create_group(name)
            _put(group, "type", node.type)
            _put_all(group, node.values)
            if node.metadata:
                _put_all(group.create_group("metadata"), node.metadata)
        edges = np.array(graph.edges, dtype=object).reshape(-1, 2)
        root.create_dataset("edges", data=edges, dtype=h5py.string_dtype())
        if graph.metadata:
            _put_all(root.create_group("metadata"), graph.metadata)
    return buffer.getvalue()


def _put_all(group: Any, values: Mapping[str, Value]) -> None:
    for name, value in values.items():
        _put(group, name, value)


def _put(group: Any, name: str, value: Value) -> None:
    if isinstance(value, str):
        group.create_dataset(name, data=value, dtype=h5py.string_dtype())
    elif isinstance(value, np.ndarray) and value.ndim:
        group.create_dataset(name, data=value, compression="gzip")
    else:
        group.create_dataset(name, data=value)

"""A NIR graph made flat and consistent: nested graphs dissolved, edges checked, every node's shape known.

Whatever is repaired on the way becomes a note; what cannot be repaired is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from spikec.errors import NetworkError
from spikec.frontends.nir_convolution import N_AXES
from spikec.frontends.nir_file import PARAMETERS, Graph, Node
from spikec.frontends.nir_parameters import Shape, spread
from spikec.frontends.nir_shapes import Edge, shapes_of

PORT = "nested port"
"""What becomes of the Input and Output of a nested graph: a node that passes on what it gets."""

INTEGRATORS = ("I", "LI", "CubaLI")
NEURONS = ("IF", "LIF", "CubaLIF", "Threshold", *INTEGRATORS)
WEIGHTED = ("Affine", "Linear", "Scale", "Delay", *N_AXES)
CARRIERS = (*WEIGHTED, "Flatten", PORT)
"""Nodes between neurons: they change a signal, but hold no state."""


@dataclass(frozen=True, eq=False)
class FlatGraph:
    """A graph without nested ones whose shapes agree.

    Attributes:
        nodes: By full name.
        edges: All between known nodes, each once.
        takes: Shape of the values that each node takes; convolutions and pooling: ``(channels, *pixels)``.
        gives: Shape of the values that it gives.
        notes: What was repaired.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    takes: Mapping[str, Shape]
    gives: Mapping[str, Shape]
    notes: tuple[str, ...]

    def n_out(self, name: str) -> int:
        """Number of values that a node gives."""
        return prod(self.gives[name])


def flatten(graph: Graph) -> FlatGraph:
    """Dissolve nested graphs and find every node's shape.

    Raises:
        NetworkError: A type is not supported, an edge leads nowhere, or shapes disagree.
    """
    notes: list[str] = []
    nodes, edges = _dissolve(graph, "", notes)
    nodes, edges = _reconnect(nodes, edges, notes)
    _check_types(nodes)
    _check_edges(nodes, edges)
    shapes = shapes_of(nodes, edges)
    nodes = {name: spread(node, shapes.takes[name]) for name, node in nodes.items()}
    return FlatGraph(nodes, tuple(edges), shapes.takes, shapes.gives, (*notes, *shapes.notes))


def _dissolve(graph: Graph, prefix: str, notes: list[str]) -> tuple[dict[str, Node], list[Edge]]:
    """All nodes by full names; edges to a nested graph lead to its Input, edges from it leave its Output."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    ports: dict[tuple[str, str], list[str]] = {}
    for key, node in graph.nodes.items():
        if node.graph is None:
            found = {node.name: node}
        else:
            found, inner_edges = _dissolve(node.graph, f"{node.name}.", notes)
            edges.extend(inner_edges)
            for kind in ("Input", "Output"):
                ports[key, kind] = [n.name for n in node.graph.nodes.values() if n.type == kind]
            found.update(
                {n: Node(n, PORT, found[n].values) for n in ports[key, "Input"] + ports[key, "Output"]}
            )
        twice = next((n for n in found if n in nodes), None)
        if twice is not None:
            raise NetworkError(f"two nodes are named {twice} once nested graphs are dissolved; rename one")
        nodes.update(found)
    for pre, post in graph.edges:
        ends = []
        for key, kind in ((pre, "Output"), (post, "Input")):
            inside = ports.get((key, kind), [prefix + key])
            if len(inside) != 1:
                raise NetworkError(
                    f"edge {prefix}{pre} -> {prefix}{post} meets the graph {prefix}{key}, which has "
                    f"{len(inside)} nodes of type {kind}; exactly one is needed"
                )
            ends.append(inside[0])
        edges.append((ends[0], ends[1]))
    return nodes, edges


def _reconnect(
    nodes: dict[str, Node], edges: list[Edge], notes: list[str]
) -> tuple[dict[str, Node], list[Edge]]:
    """Repair graphs that an exporter flattened but for its edges: `lif1`, where only `lif1.input` is left."""
    ports_of: dict[tuple[str, str], list[str]] = {}
    for n, node in nodes.items():
        if node.type in ("Input", "Output"):
            ports_of.setdefault((n.rpartition(".")[0], node.type), []).append(n)
    moved: dict[tuple[str, str], str] = {}
    for pre, post in edges:
        for name, kind in ((pre, "Output"), (post, "Input")):
            inside = ports_of.get((name, kind), [])
            if name not in nodes and len(inside) == 1:
                moved[name, kind] = inside[0]
    for (name, _), port in moved.items():
        notes.append(f"no node is named {name}, so edges that name it were led to {port}")
    ports = {port: Node(port, PORT, nodes[port].values) for port in moved.values()}
    led = [(moved.get((a, "Output"), a), moved.get((b, "Input"), b)) for a, b in edges]
    return {**nodes, **ports}, led


def _check_types(nodes: Mapping[str, Node]) -> None:
    unsupported: dict[str, list[str]] = {}
    for node in nodes.values():
        if node.type not in PARAMETERS and node.type != PORT:
            unsupported.setdefault(node.type, []).append(node.name)
    if unsupported:
        listed = " and ".join(f"{kind} ({_some(names)})" for kind, names in unsupported.items())
        raise NetworkError(
            f"nodes of type {listed} are not supported yet; make the network of "
            f"{', '.join(sorted(PARAMETERS))}"
        )


def _check_edges(nodes: Mapping[str, Node], edges: list[Edge]) -> None:
    seen: set[Edge] = set()
    for pre, post in edges:
        edge = f"edge {pre!r} -> {post!r}"
        for name in (pre, post):
            if name not in nodes:
                raise NetworkError(
                    f"{edge} names {name!r}, but the nodes are {_some(list(nodes))}; correct it"
                )
        if (pre, post) in seen:
            raise NetworkError(f"{edge} is listed twice, which could mean once or double; list it once")
        if nodes[post].type == "Input" or nodes[pre].type == "Output":
            raise NetworkError(f"{edge} ends at an Input or starts at an Output; turn it or remove it")
        seen.add((pre, post))
    if not any(node.type == "Input" for node in nodes.values()):
        raise NetworkError("the graph has no Input, so nothing could be fed to it; add one in front")


def _some(names: list[str]) -> str:
    """The first names of a list."""
    shown = ", ".join(sorted(names)[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown

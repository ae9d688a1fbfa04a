"""A NIR graph made flat and consistent: nested graphs dissolved, edges checked, every node's width known.

Whatever is repaired on the way becomes a note; what cannot be repaired is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import networkx as nx
import numpy as np

from spikec.errors import NetworkError
from spikec.frontends.nir_file import PARAMETERS, Graph, Node

PORT = "nested port"
"""What becomes of the Input and Output of a nested graph: a node that passes on what it gets."""

INTEGRATORS = ("I", "LI", "CubaLI")
NEURONS = ("IF", "LIF", "CubaLIF", "Threshold", *INTEGRATORS)
CARRIERS = ("Affine", "Linear", "Scale", "Delay", "Flatten", PORT)
"""Nodes between neurons: they change a signal, but hold no state."""

MAX_WIDTH = 1 << 24
"""More neurons than this are believed only where weights are stored for them."""

Edge = tuple[str, str]


@dataclass(frozen=True, eq=False)
class FlatGraph:
    """A graph without nested ones whose widths agree.

    Attributes:
        nodes: By full name.
        edges: All between known nodes, each once.
        n_in: Values that each node takes.
        n_out: Values that each node gives.
        notes: What was repaired.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    n_in: Mapping[str, int]
    n_out: Mapping[str, int]
    notes: tuple[str, ...]

    def shape(self, name: str) -> tuple[int, ...]:
        """How the neurons of a node lie: as the file says where that fits, else in a row."""
        node, n = self.nodes[name], self.n_in[name]
        if node.type == "Input":
            return _fitting(_stated_shape(node), n) or (n,)
        shapes = [v.shape for v in node.values.values() if v.size == n and v.ndim]
        return shapes[0] if shapes else (n,)


def flatten(graph: Graph) -> FlatGraph:
    """Dissolve nested graphs and find every node's width.

    Raises:
        NetworkError: A type is not supported, an edge leads nowhere, or widths disagree.
    """
    notes: list[str] = []
    nodes, edges = _dissolve(graph, "", notes)
    nodes, edges = _reconnect(nodes, edges, notes)
    _check_types(nodes)
    _check_edges(nodes, edges)
    n_in, n_out = _widths(nodes, edges)
    notes.extend(_repaired_shapes(nodes, n_in))
    return FlatGraph(nodes, tuple(edges), n_in, n_out, tuple(notes))


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


def _widths(nodes: Mapping[str, Node], edges: list[Edge]) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers of values that nodes take and give, from the weights, and only then from stated shapes."""
    ends = nx.Graph()
    ends.add_nodes_from((name, side) for name in nodes for side in ("takes", "gives"))
    ends.add_edges_from(((a, "gives"), (b, "takes")) for a, b in edges)
    known: dict[tuple[str, str], int] = {}
    for name, node in nodes.items():
        if node.type in ("Affine", "Linear"):
            known[name, "gives"], known[name, "takes"] = _matrix_shape(node)
        else:
            ends.add_edge((name, "takes"), (name, "gives"))
            if node.type not in ("Input", "Output", PORT):
                n = _parameter_width(node)
                if n > 1:
                    known[name, "takes"] = n
    width: dict[tuple[str, str], int] = {}
    for joined in nx.connected_components(ends):
        width.update(dict.fromkeys(joined, _common_width(nodes, sorted(joined), known)))
    return {n: width[n, "takes"] for n in nodes}, {n: width[n, "gives"] for n in nodes}


def _common_width(
    nodes: Mapping[str, Node], joined: list[tuple[str, str]], known: Mapping[tuple[str, str], int]
) -> int:
    """The width of ends that edges join."""
    certain = [(end, known[end]) for end in joined if end in known]
    if certain:
        ((name, side), n), *others = certain
        for (other, other_side), n_other in others:
            if n_other != n:
                raise NetworkError(
                    f"{nodes[name]} {side} {n} values, but {nodes[other]}, which edges join to it, "
                    f"{other_side} {n_other}; make them equal"
                )
        return n
    for kind in ("Input", "Output", PORT):
        for name, _ in joined:
            if nodes[name].type == kind:
                n = prod(_stated_shape(nodes[name]))
                if n > MAX_WIDTH:
                    raise NetworkError(
                        f"{nodes[name]} claims {n} neurons, but no weights are stored for them"
                    )
                return n
    return 1


def _matrix_shape(node: Node) -> tuple[int, int]:
    shape = node.values["weight"].shape
    if len(shape) != 2 or 0 in shape:
        raise NetworkError(f"{node} has weights of shape {shape}; only (n_out, n_in) is supported")
    bias = node.values.get("bias")
    if bias is not None and bias.size not in (1, shape[0]):
        raise NetworkError(f"{node} has {bias.size} biases for {shape[0]} outputs; make them equal")
    return shape[0], shape[1]


def _parameter_width(node: Node) -> int:
    """The common size of a node's parameters; 1 if one value serves for all neurons."""
    sizes = {name: v.size for name, v in node.values.items()}
    n = max(1, *sizes.values()) if sizes else 1
    odd = next((name for name, size in sizes.items() if size not in (1, n)), None)
    if odd is not None:
        raise NetworkError(f"{node} has {sizes[odd]} values of {odd}, but {n} neurons; make them equal")
    return n


def _stated_shape(node: Node) -> tuple[int, ...]:
    stated = np.atleast_1d(node.values["shape"])
    if stated.ndim != 1 or not stated.size or not all(k >= 1 and float(k).is_integer() for k in stated):
        raise NetworkError(f"{node} has the shape {stated.tolist()}; whole numbers above zero are needed")
    return tuple(int(k) for k in stated)


def _fitting(shape: tuple[int, ...], n: int) -> tuple[int, ...] | None:
    """What of a stated shape holds `n` values: all of it, or its last axes."""
    return next((shape[k:] for k in range(len(shape)) if prod(shape[k:]) == n), None)


def _repaired_shapes(nodes: Mapping[str, Node], n_in: Mapping[str, int]) -> Iterator[str]:
    """Notes on stated shapes that do not agree with the weights."""
    for name, node in nodes.items():
        n = n_in[name]
        if "shape" in node.values:
            shape = _stated_shape(node)
            fits = _fitting(shape, n)
            if fits is None and node.type == "Input":
                raise NetworkError(f"{node} has shape {shape}, but feeds {n} values; correct the shape")
            if fits is None:
                yield f"{node} has shape {shape}, but gets {n} values; the shape was ignored"
            elif fits != shape and prod(shape) != n:
                yield f"{node} has shape {shape}; its first axes were taken for batch or time and left out"
        elif node.type in NEURONS and n > 1 and _parameter_width(node) == 1:
            yield f"{node} has parameters for one neuron, which were used for all {n}"


def _some(names: list[str]) -> str:
    """The first names of a list."""
    shown = ", ".join(sorted(names)[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown

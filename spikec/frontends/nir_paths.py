"""What lies between neurons in a NIR graph: every way from a sender to a receiver, composed into one map.

A sender is an Input or a neuron, a receiver a neuron or an Output; between them lie Affine, Linear, Scale,
Delay, Flatten, convolutions and pooling. The product of their weights and the sum of their delays make one
projection a path. What biases add does not depend on any sender; it is gathered apart (`constants`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np

from spikec.arrays import FloatArray, finite
from spikec.errors import NetworkError
from spikec.frontends import nir_maps
from spikec.frontends.nir_convolution import N_AXES, bias, convolution
from spikec.frontends.nir_file import Node
from spikec.frontends.nir_graph import CARRIERS, FlatGraph
from spikec.frontends.nir_maps import Map
from spikec.ir.connectivity import Connectivity, Delays

MAX_STEPS = 100_000
"""Nodes that all paths of a graph pass; many diamonds in a row would double them again and again."""

MAX_SYNAPSES = 1 << 28
"""Weights of all paths, those on the way to longer ones counted with them."""


@dataclass(frozen=True, eq=False)
class Path:
    """A way from a sender to a receiver.

    Attributes:
        nodes: Names along it, both ends included.
        weights: From sender to receiver (`nir_maps`).
        before: Delay ahead of the weights, seconds, ``()`` or ``(n_pre,)``.
        after: Delay behind them, seconds, ``()`` or ``(n_post,)``.
        plain: Whether the receiver gets exactly what the sender gives.
    """

    nodes: tuple[str, ...]
    weights: Map
    before: FloatArray
    after: FloatArray
    plain: bool = True

    @property
    def pre(self) -> str:
        """The sender."""
        return self.nodes[0]

    @property
    def post(self) -> str:
        """The receiver."""
        return self.nodes[-1]

    def connectivity(self, gain: FloatArray) -> Connectivity:
        """The weights with every receiving neuron's input multiplied by `gain`, ``()`` or ``(n_post,)``."""
        return nir_maps.connectivity(nir_maps.scaled(self._weights, gain))

    def delays(self) -> Delays:
        """The delays in the simplest form that holds them."""
        return nir_maps.delays(self._weights, _even(self.before), _even(self.after))

    @property
    def _weights(self) -> Map:
        """The weights, with room for a delay of each synapse if that is needed."""
        both = _even(self.before).ndim and _even(self.after).ndim
        return nir_maps.without_kernel(self.weights) if both else self.weights


def paths(graph: FlatGraph) -> list[Path]:
    """Compose every path of a graph.

    Raises:
        NetworkError: Nodes without state feed each other in a circle, paths or products are too large, a
            number is no number, or a delay lies where it belongs to neither side.
    """
    _refuse_circles(graph)
    followers: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for pre, post in sorted(graph.edges):
        followers[pre].append(post)
    found: list[Path] = []
    steps = size = 0
    for name, node in graph.nodes.items():
        if node.type in CARRIERS or node.type == "Output":
            continue
        nothing = np.zeros(())
        open_ends = [Path((name,), np.ones(graph.n_out(name)), nothing, nothing)]
        while open_ends:
            here = open_ends.pop()
            for follower in reversed(followers[here.post]):
                there = _through(here, graph.nodes[follower], graph)
                (open_ends if graph.nodes[follower].type in CARRIERS else found).append(there)
                steps += 1
                size += 0 if there.weights is here.weights else nir_maps.n_stored(there.weights)
                if size > MAX_SYNAPSES:
                    raise NetworkError(
                        f"the network needs more than {MAX_SYNAPSES} weights, which it reached at "
                        f"{graph.nodes[follower]}; make layers smaller"
                    )
            if steps > MAX_STEPS:
                raise NetworkError(
                    f"too many paths without a neuron start at {node}; merge nodes, or put neurons between"
                )
    return found


def constants(graph: FlatGraph, of: Collection[str]) -> dict[str, FloatArray]:
    """What every receiver gets in each tick from biases, ``(n,)``; none: not listed.

    Args:
        graph: The graph.
        of: Names of the nodes whose biases count.
    """
    carriers = _carriers(graph)
    carried: dict[str, FloatArray] = {}
    incoming: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for pre, post in graph.edges:
        incoming[post].append(pre)
    receivers = [name for name, node in graph.nodes.items() if node.type not in CARRIERS]
    for name in [*nx.topological_sort(carriers), *receivers]:
        arriving = [carried[pre] for pre in incoming[name] if pre in carried and pre in carriers]
        node = graph.nodes[name]
        total = np.sum(arriving, axis=0) if arriving else None
        if name in carriers:
            total = _constant_through(total, node, graph, name in of)
        if total is not None and np.any(total != 0):
            carried[name] = total
    return {name: carried[name] for name in receivers if name in carried}


def delayed_constants(graph: FlatGraph) -> Iterator[str]:
    """Names of Delay nodes that lie behind a bias."""
    carriers = _carriers(graph)
    biased = [n for n in carriers if np.any(graph.nodes[n].values.get("bias", np.zeros(())) != 0)]
    behind = {n for start in biased for n in nx.descendants(carriers, start)}
    yield from (n for n in sorted(behind) if graph.nodes[n].type == "Delay")


def _carriers(graph: FlatGraph) -> nx.DiGraph:
    """The part of a graph that holds no state."""
    carriers = nx.DiGraph()
    carriers.add_nodes_from(name for name, node in graph.nodes.items() if node.type in CARRIERS)
    carriers.add_edges_from((a, b) for a, b in graph.edges if a in carriers and b in carriers)
    return carriers


def _refuse_circles(graph: FlatGraph) -> None:
    carriers = _carriers(graph)
    if not nx.is_directed_acyclic_graph(carriers):
        circle = ", ".join(str(graph.nodes[a]) for a, _ in nx.find_cycle(carriers))
        raise NetworkError(f"{circle} feed each other in a circle without a neuron; put one between them")


def _through(path: Path, node: Node, graph: FlatGraph) -> Path:
    """A path one node longer."""
    longer = replace(path, nodes=(*path.nodes, node.name))
    if node.type in ("Affine", "Linear", *N_AXES):
        return replace(_through_matrix(longer, node, graph), plain=False)
    if node.type == "Scale":
        return replace(longer, weights=nir_maps.scaled(path.weights, _numbers(node, "scale")), plain=False)
    if node.type == "Delay":
        delay = _numbers(node, "delay")
        if delay.min() < 0:
            raise NetworkError(f"{node} has the delay {delay.min()} s; a spike cannot arrive before it left")
        if nir_maps.is_diagonal(path.weights):
            return replace(longer, before=path.before + delay, plain=False)
        return replace(longer, after=path.after + delay, plain=False)
    return longer


def _through_matrix(path: Path, node: Node, graph: FlatGraph) -> Path:
    between = np.zeros(())
    if not nir_maps.is_diagonal(path.weights):
        between = _even(path.after)
        if between.ndim:
            raise NetworkError(
                f"delays that differ between neurons lie between two matrices, the second of which is {node}"
                "; put a neuron between them, or make the delays equal"
            )
    try:
        weights = nir_maps.composed(_matrix(node, graph), path.weights)
    except nir_maps.TooLarge as error:
        raise NetworkError(f"the matrices from {path.pre} to {node} {error}") from error
    return replace(path, weights=weights, before=path.before + between, after=np.zeros(()))


def _constant_through(
    total: FloatArray | None, node: Node, graph: FlatGraph, biased: bool
) -> FloatArray | None:
    if node.type in ("Affine", "Linear", *N_AXES):
        total = None if total is None else nir_maps.applied(_matrix(node, graph), total)
        added = _bias(node, graph) if biased else None
        if added is not None:
            total = added if total is None else total + added
    elif node.type == "Scale" and total is not None:
        total = total * _numbers(node, "scale")
    return total


def _matrix(node: Node, graph: FlatGraph) -> Map:
    if node.type in N_AXES:
        return convolution(node, graph.takes[node.name])
    return _weights(node)


def _bias(node: Node, graph: FlatGraph) -> FloatArray | None:
    """What a node adds to its values, ``(n_out,)``, if anything."""
    if node.type in N_AXES:
        return bias(node, graph.takes[node.name])
    if node.type == "Affine":
        return np.broadcast_to(_numbers(node, "bias"), (graph.n_out(node.name),))
    return None


def _weights(node: Node) -> FloatArray:
    return finite(node.values["weight"], f"{node}: weight")


def _numbers(node: Node, name: str) -> FloatArray:
    """A parameter, ``()`` or ``(n,)``."""
    values = finite(node.values[name], f"{node}: {name}")
    return values.reshape(()) if values.size == 1 else values.ravel()


def _even(delay: FloatArray) -> FloatArray:
    """A delay that is the same for all as one number."""
    if delay.ndim and np.all(delay == delay.flat[0]):
        return np.asarray(delay.flat[0])
    return delay

"""The shape of what every node of a flat NIR graph takes and gives.

Ends of nodes that edges join, or that one node only passes on, are one *place* and have one shape. Matrices
and neurons' parameters say for certain how many values there are; Inputs, convolutions and pooling say how
they lie. What a file merely states (an Output's shape, a convolution's input_shape, a Flatten's input_type)
is believed last: exporters leave axes of batch and time in it, and nir's own inference has faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import networkx as nx
import numpy as np

from spikec.errors import NetworkError
from spikec.frontends.nir_convolution import CONVOLUTIONS, MAX_WIDTH, N_AXES, convolution, stated_input
from spikec.frontends.nir_file import Node
from spikec.frontends.nir_parameters import (
    MATRICES,
    RESHAPING,
    Shape,
    of_channels,
    parameter_shape,
    parameter_width,
)

Edge = tuple[str, str]
End = tuple[str, str]
"""A node and what it does there: it ``takes`` or ``gives``."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """What an inference found.

    Attributes:
        takes: Shape of what each node takes; for convolutions and pooling ``(channels, *pixels)``.
        gives: Shape of what it gives.
        notes: Which statements of the file were not followed.
    """

    takes: Mapping[str, Shape]
    gives: Mapping[str, Shape]
    notes: tuple[str, ...]


def shapes_of(nodes: Mapping[str, Node], edges: list[Edge]) -> Shapes:
    """Find all shapes.

    Raises:
        NetworkError: They contradict each other, are impossible, or are too large to be believed.
    """
    found = _Inference(nodes, edges)
    found.infer()
    takes = {name: found.shape((name, "takes")) for name in nodes}
    gives = {name: found.shape((name, "gives")) for name in nodes}
    takes.update({name: found.image(nodes[name], takes[name]) for name in found.sliding})
    return Shapes(takes, gives, tuple(_notes(nodes, takes)))


class _Inference:
    """Places, what is certain about them, and what has been concluded so far."""

    def __init__(self, nodes: Mapping[str, Node], edges: list[Edge]) -> None:
        self.nodes = nodes
        self.sliding = [name for name, node in nodes.items() if node.type in N_AXES]
        ends = nx.Graph()
        ends.add_nodes_from((name, side) for name in nodes for side in ("takes", "gives"))
        ends.add_edges_from(((a, "gives"), (b, "takes")) for a, b in edges)
        ends.add_edges_from(
            ((name, "takes"), (name, "gives")) for name, node in nodes.items() if node.type not in RESHAPING
        )
        self.place = {end: k for k, joined in enumerate(nx.connected_components(ends)) for end in joined}
        self.leaving: dict[int, list[str]] = {}
        for name, node in nodes.items():
            if node.type in N_AXES or node.type == "Flatten":
                self.leaving.setdefault(self.place[name, "takes"], []).append(name)
        rows = nx.Graph()
        rows.add_nodes_from(self.place.values())
        flattens = (name for name, node in nodes.items() if node.type == "Flatten")
        rows.add_edges_from((self.place[name, "takes"], self.place[name, "gives"]) for name in flattens)
        self.row = {place: k for k, joined in enumerate(nx.connected_components(rows)) for place in joined}
        self.width: dict[int, tuple[End, int]] = {}
        self.found: dict[int, Shape] = {}

    def infer(self) -> None:
        """Find the shape of every place."""
        for end, n in sorted(_certain(self.nodes)):
            self.confirm(end, n)
        for end, shape in self.statements():
            if self.place[end] not in self.found and self.fits(end, shape):
                self.settle(end, shape)
        for name in self.sliding:
            self.check(self.nodes[name])

    def shape(self, end: End) -> Shape:
        """The shape of an end; a row of neurons where nothing says how they lie."""
        place = self.place[end]
        _, n = self.width.get(self.row[place], (end, 1))
        return self.found.get(place, (n,))

    def confirm(self, end: End, n: int, shape: Shape = ()) -> None:
        """Take a width for certain, which is that of a shape if one is given."""
        other, n_other = self.width.setdefault(self.row[self.place[end]], (end, n))
        if n != n_other:
            raise NetworkError(
                f"{self.nodes[other[0]]} {other[1]} {n_other} values, but {self.nodes[end[0]]}, which edges "
                f"join to it, {end[1]} {n}{f' of shape {shape}' if len(shape) > 1 else ''}; make them equal"
            )

    def statements(self) -> Iterator[tuple[End, Shape]]:
        """What the file says of shapes, the most trustworthy first."""
        by_kind: dict[str, list[Node]] = {}
        for _, node in sorted(self.nodes.items()):
            by_kind.setdefault(node.type, []).append(node)
        for node in by_kind.pop("Input", []):
            yield (node.name, "takes"), self.of_input(node)
        outputs, flattens = by_kind.pop("Output", []), by_kind.pop("Flatten", [])
        convolutions = [node for kind in CONVOLUTIONS for node in by_kind.pop(kind, [])]
        rest = [node for kind in sorted(by_kind) for node in by_kind[kind]]
        for node in rest:
            if "shape" not in node.values and node.type not in RESHAPING and not of_channels(node):
                lying = parameter_shape(node)
                if lying is not None and len(lying) > 1:
                    yield (node.name, "takes"), lying
        for node in convolutions:
            stated = stated_input(node)
            if stated is not None:
                yield (node.name, "takes"), stated
        for node in flattens:
            before = node.values.get("input_type", np.zeros(0)).ravel()
            if before.size > 1 and all(k >= 1 and float(k).is_integer() for k in before):
                yield (node.name, "takes"), tuple(int(k) for k in before)
        for node in [*outputs, *(node for node in rest if "shape" in node.values)]:
            if self.row[self.place[node.name, "takes"]] not in self.width:
                yield (node.name, "takes"), stated_shape(node)
        for node in rest:
            if of_channels(node):
                yield (node.name, "takes"), parameter_shape(node) or ()

    def of_input(self, node: Node) -> Shape:
        """What of an Input's shape is no axis of batch or time."""
        shape = stated_shape(node)
        place = self.place[node.name, "takes"]
        sliding = [name for name in self.leaving.get(place, []) if self.nodes[name].type in N_AXES]
        n = self.width[self.row[place]][1] if self.row[place] in self.width else None
        if sliding:
            image = shape[-(N_AXES[self.nodes[sliding[0]].type] + 1) :]
            if n is None or prod(image) == n:
                return image
        fits = shape if n is None else fitting(shape, n)
        if fits is None:
            raise NetworkError(f"{node} has shape {shape}, but feeds {n} values; correct the shape")
        return fits

    def fits(self, end: End, shape: Shape) -> bool:
        """Whether a statement agrees with what is certain."""
        row = self.row[self.place[end]]
        return row not in self.width or self.width[row][1] == prod(shape)

    def settle(self, end: End, shape: Shape) -> None:
        """Take a shape, and conclude those that follow from it."""
        todo = [(end, shape)]
        while todo:
            end, shape = todo.pop()
            node, place = self.nodes[end[0]], self.place[end]
            if place in self.found and prod(self.found[place]) == prod(shape):
                continue
            if self.row[place] not in self.width and prod(shape) > MAX_WIDTH:
                raise NetworkError(f"{node} claims {prod(shape)} neurons, but no weights are stored for them")
            self.confirm(end, prod(shape), shape)
            self.found[place] = shape
            for name in self.leaving.get(place, []):
                after = self.nodes[name]
                gives = flattened(after, shape) if after.type == "Flatten" else self.slid(after, shape)
                todo.append(((name, "gives"), gives))

    def slid(self, node: Node, shape: Shape) -> Shape:
        """What a convolution or pooling gives."""
        return convolution(node, self.image(node, shape)).output_shape

    def image(self, node: Node, shape: Shape) -> Shape:
        """How a convolution or pooling sees what it takes: ``(channels, *pixels)``."""
        n_axes = N_AXES[node.type]
        if len(shape) == n_axes:
            stated = stated_input(node)
            return stated if stated is not None and prod(stated) == prod(shape) else (1, *shape)
        if len(shape) == 1 and (stated := stated_input(node)) is not None and prod(stated) == shape[0]:
            return stated
        return shape[-n_axes - 1 :] if prod(shape[: -n_axes - 1]) == 1 else shape

    def check(self, node: Node) -> None:
        """Hold a convolution or pooling to what lies in front of and behind it."""
        takes, gives = self.place[node.name, "takes"], self.place[node.name, "gives"]
        if takes not in self.found:
            stated = stated_input(node)
            cause = "is not known" if stated is None else f"is not {stated}, as it states"
            raise NetworkError(
                f"the shape of what {node} takes, {self.shape((node.name, 'takes'))[0]} values, {cause}; "
                "give the Input in front of it the shape (channels, height, width)"
            )
        shape = self.slid(node, self.found[takes])
        self.confirm((node.name, "gives"), prod(shape), shape)
        lying = self.found[gives]
        if len(_squeezed(lying)) > 1 and _squeezed(lying) != _squeezed(shape):
            raise NetworkError(
                f"{node} gives values of shape {shape}, but what it leads to has the shape {lying}; "
                "make them equal"
            )


def _certain(nodes: Mapping[str, Node]) -> Iterator[tuple[End, int]]:
    """Numbers of values for which weights or parameters are stored."""
    for name, node in nodes.items():
        if node.type in MATRICES:
            n_out, n_in = matrix_shape(node)
            yield (name, "gives"), n_out
            yield (name, "takes"), n_in
        elif node.type not in RESHAPING and "shape" not in node.values:
            n = parameter_width(node)
            if n > 1 and not of_channels(node):
                yield (name, "takes"), n


def matrix_shape(node: Node) -> tuple[int, int]:
    """Values that an Affine or Linear node gives and takes."""
    shape = node.values["weight"].shape
    if len(shape) != 2 or 0 in shape:
        raise NetworkError(f"{node} has weights of shape {shape}; only (n_out, n_in) is supported")
    bias = node.values.get("bias")
    if bias is not None and bias.size not in (1, shape[0]):
        raise NetworkError(f"{node} has {bias.size} biases for {shape[0]} outputs; make them equal")
    return shape[0], shape[1]


def stated_shape(node: Node) -> Shape:
    """The shape that an Input or Output states."""
    stated = np.atleast_1d(node.values["shape"])
    if stated.ndim != 1 or not stated.size or not all(k >= 1 and float(k).is_integer() for k in stated):
        raise NetworkError(f"{node} has the shape {stated.tolist()}; whole numbers above zero are needed")
    return tuple(int(k) for k in stated)


def fitting(shape: Shape, n: int) -> Shape | None:
    """What of a stated shape holds `n` values: all of it, or its last axes."""
    return next((shape[k:] for k in range(len(shape)) if prod(shape[k:]) == n), None)


def flattened(node: Node, shape: Shape) -> Shape:
    """What a Flatten gives; axes that there are not are left out of it."""
    ends = [node.values.get(name, np.array(k)) for name, k in (("start_dim", 1), ("end_dim", -1))]
    if any(k.size != 1 or not float(k.flat[0]).is_integer() for k in ends):
        raise NetworkError(f"{node} has a start_dim or end_dim that is no whole number; correct it")
    first, last = (int(k.flat[0]) for k in ends)
    first, last = (k + len(shape) if k < 0 else k for k in (first, last))
    first, last = max(0, first), min(last, len(shape) - 1)
    if first >= last:
        return shape
    return (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])


def _squeezed(shape: Shape) -> Shape:
    return tuple(k for k in shape if k > 1)


def _notes(nodes: Mapping[str, Node], takes: Mapping[str, Shape]) -> Iterator[str]:
    """Statements that were not followed, and what was done instead."""
    for name, node in nodes.items():
        shape, n = takes[name], prod(takes[name])
        lying = None if "shape" in node.values or node.type in RESHAPING else parameter_shape(node)
        if lying is not None and 1 < len(_squeezed(lying)) and _squeezed(lying) != _squeezed(shape) != (n,):
            raise NetworkError(f"{node} has parameters of shape {lying}, but takes {shape}; make them equal")
        if "shape" in node.values:
            stated = stated_shape(node)
            fits = fitting(stated, n)
            if fits is None:
                yield f"{node} has shape {stated}, but gets {n} values; the shape was ignored"
            elif fits != stated and prod(stated) != n:
                yield f"{node} has shape {stated}; its first axes were taken for batch or time and left out"
        elif lying is not None and prod(lying) < n:
            yield f"{node} has parameters of shape {lying}, one for a channel, which were used for {shape}"
        elif node.type in MATRICES and len(_squeezed(shape)) > 1:
            yield f"{node} takes values of shape {shape}; they were taken as one row"
        elif node.type in CONVOLUTIONS and (stated_input(node) or shape) != shape:
            yield f"{node} states the input {stated_input(node)}, but takes {shape}, which was used"
        elif node.type not in (*RESHAPING, "Scale", "Delay") and n > 1 and parameter_width(node) == 1:
            yield f"{node} has parameters for one neuron, which were used for all {n}"

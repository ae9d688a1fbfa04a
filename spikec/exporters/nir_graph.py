"""Populations and projections put together as a NIR graph: nodes, edges, and what had to be done for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import Violation
from spikec.exporters.dequantise import Metadata, metadata_of
from spikec.exporters.nir_file import Graph, Node, Value
from spikec.exporters.nir_images import Shape, shapes_of, window_of
from spikec.exporters.nir_names import Names
from spikec.exporters.nir_neurons import Written
from spikec.exporters.nir_ways import Form, Way, ways_of
from spikec.ir.connectivity import Convolution
from spikec.ir.network import Network, Projection
from spikec.units import several


@dataclass(frozen=True, eq=False)
class Wired:
    """A NIR graph and how it came about.

    Attributes:
        graph: The graph, without metadata of its own.
        names: Of the node that stands for each population.
        only_biases: Pairs of populations, joined by zeros only so that a bias has a place.
        violations: What could not be written.
        notes: What was done, one sentence each.
    """

    graph: Graph
    names: Mapping[str, str]
    only_biases: tuple[tuple[str, str], ...]
    violations: tuple[Violation, ...]
    notes: tuple[str, ...]


def wired(network: Network, neurons: Mapping[str, Written], integers: Metadata, whole: bool) -> Wired:
    """Make the graph.

    Args:
        network: With real weights, on a clock of ticks.
        neurons: All populations but the sources.
        integers: What nodes hold as metadata, by `metadata_of`.
        whole: Whether delays count in whole ticks.
    """
    builder = _Builder(network, neurons, shapes_of(network, neurons), integers)
    builder.add_populations()
    for q in network.projections:
        builder.add_projection(q, whole)
    for name in neurons:
        builder.add_bias(name)
    builder.add_outputs()
    notes = tuple(builder.all_notes())
    graph = Graph(builder.nodes, tuple(builder.edges))
    return Wired(graph, builder.names, tuple(builder.only_biases), tuple(builder.violations), notes)


@dataclass
class _Builder:
    """A graph that grows."""

    network: Network
    neurons: Mapping[str, Written]
    shapes: Mapping[str, Shape]
    integers: Metadata
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    carriers: dict[str, str] = field(default_factory=dict)
    only_biases: list[tuple[str, str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_inexact: int = 0
    n_zeros: int = 0
    taken: Names = field(default_factory=Names)

    def add_populations(self) -> None:
        """Add an Input or a neuron for every population."""
        for p in self.network.populations:
            name = self.names[p.name] = self.taken.new(p.name)
            shape = self.shapes[p.name]
            if p.is_source:
                self.nodes[name] = Node("Input", {"shape": np.array(shape, np.int64)})
                continue
            k = self.neurons[p.name]
            values = {parameter: v.reshape(shape) for parameter, v in k.values.items()}
            self.nodes[name] = Node(k.type, values, metadata_of(self.integers, "population", p.name))
            if name != p.name:
                self.notes.append(f"population {p.name!r} is named {name!r}")
            if shape != p.shape and len(p.shape) > 1:
                self.notes.append(f"population {p.name} of shape {p.shape} is written as {shape}")

    def add_projection(self, q: Projection, whole: bool) -> None:
        """Add the ways of a projection."""
        dt = self.network.dt
        if not self.network.population(q.pre).neuron.spikes:
            self.notes.append(f"projection {q.name} starts at a readout, carries nothing and was left out")
            return
        found = ways_of(q, self.shapes, self.neurons[q.post], dt, whole)
        if isinstance(found, Violation):
            self.violations.append(found)
            return
        self.n_inexact += found.n_inexact
        self.n_zeros += found.n_zeros
        name = _own_name(q.name)
        metadata = metadata_of(self.integers, "projection", q.name)
        for k, way in enumerate(found.ways):
            label = name if len(found.ways) == 1 else f"{name}.{k:03d}"
            self.add_way(q, way, label, metadata if k == 0 else {})
        if len(found.ways) > 1:
            self.notes.append(
                f"projection {q.name} has {len(found.ways)} different delays of synapses, which became as "
                "many ways"
            )

    def add_way(self, q: Projection, way: Way, label: str, metadata: Mapping[str, Value]) -> None:
        """Add one way of a projection, node by node."""
        pre, post = self.shapes[q.pre], self.shapes[q.post]
        images = len(post) > 1
        here = self.names[q.pre] if images else self.row_of(q.pre)
        if way.before is not None:
            values = way.before.reshape(pre) if images else way.before
            own = label if way.form is Form.DIRECT else f"{label}.before"
            here = self.follow(here, own, Node("Delay", {"delay": values}))
        if way.form is Form.DIRECT and (here, self.names[q.post]) in self.edges:
            way = Way(Form.SCALE, np.ones(post), way.before, way.behind)
        if way.form is not Form.DIRECT:
            node = self.weights(q, way, metadata)
            here = self.follow(here, label, node)
            if node.type in ("Linear", "Conv1d", "Conv2d") and way.behind is None:
                self.carriers.setdefault(q.post, here)
        if way.behind is not None:
            values = way.behind.reshape(post)
            own = label if way.form is Form.DIRECT else f"{label}.behind"
            here = self.follow(here, own, Node("Delay", {"delay": values}))
        self.edges.append((here, self.names[q.post]))

    def weights(self, q: Projection, way: Way, metadata: Mapping[str, Value]) -> Node:
        """The node that holds the weights of a way."""
        if way.form is Form.MATRIX:
            return Node("Linear", {"weight": way.weights}, metadata)
        if way.form is Form.SCALE:
            return Node("Scale", {"scale": way.weights.reshape(self.shapes[q.post])}, metadata)
        convolution = q.connectivity
        assert isinstance(convolution, Convolution)
        window = window_of(convolution)
        assert window is not None
        axes = convolution.axes
        numbers = {
            "input_shape": [a.n for a in axes],
            "stride": [a.stride for a in axes],
            "padding": list(window.padding),
            "dilation": [a.dilation for a in axes],
        }
        one = len(axes) == 1
        values: dict[str, Value] = {
            name: v[0] if one else np.array(v, np.int64) for name, v in numbers.items()
        }
        values |= {"weight": way.weights, "groups": 1, "bias": np.zeros(len(way.weights))}
        return Node("Conv1d" if one else "Conv2d", values, metadata)

    def follow(self, before: str, wanted: str, node: Node) -> str:
        """Add a node behind another."""
        name = self.taken.new(wanted)
        self.nodes[name] = node
        self.edges.append((before, name))
        return name

    def row_of(self, population: str) -> str:
        """The node that gives a population's spikes as a row."""
        shape = self.shapes[population]
        if len(shape) == 1:
            return self.names[population]
        if population not in self.rows:
            node = Node("Flatten", {"start_dim": 0, "end_dim": -1, "input_type": np.array(shape, np.int64)})
            self.rows[population] = self.follow(self.names[population], f"{population}.row", node)
        return self.rows[population]

    def add_bias(self, name: str) -> None:
        """Give a population's bias to weights that end at it, or to zeros if a delay follows all of them."""
        k = self.neurons[name]
        if not np.any(k.constant):
            return
        if np.any(k.inexact):
            rounded = several(int(np.sum(k.inexact)), "neuron")
            self.notes.append(f"the bias of {rounded} of {name} comes back to within rounding only")
        if name not in self.carriers:
            self.add_only_bias(name)
            return
        carrier = self.carriers[name]
        node, constant = self.nodes[carrier], k.constant
        if node.type != "Linear":
            constant = constant.reshape(self.shapes[name][0], -1)[:, 0]
        kind = "Affine" if node.type == "Linear" else node.type
        self.nodes[carrier] = Node(kind, {**node.values, "bias": constant}, node.metadata)

    def add_only_bias(self, name: str) -> None:
        """Add a bias by itself: zeros from an input."""
        if not self.network.inputs:
            return
        source = self.network.inputs[0]
        n = self.network.population(source).n
        constant: FloatArray = self.neurons[name].constant
        node = Node("Affine", {"weight": np.zeros((constant.size, n)), "bias": constant})
        here = self.follow(self.row_of(source), f"{name}.bias", node)
        self.edges.append((here, self.names[name]))
        self.only_biases.append((source, name))
        self.notes.append(f"the bias of {name} is written as an Affine of zeros from {source}")

    def add_outputs(self) -> None:
        """Add an Output behind every population that a user wants to see."""
        outputs = self.network.outputs
        digits = len(str(len(outputs) - 1))
        for k, name in enumerate(outputs):
            label = "output" if len(outputs) == 1 else f"output.{k:0{digits}d}"
            node = Node("Output", {"shape": np.array(self.shapes[name], np.int64)})
            self.follow(self.names[name], label, node)

    def all_notes(self) -> list[str]:
        """What was done, also what is counted over all projections."""
        counted = []
        if self.n_zeros:
            counted.append(f"{several(self.n_zeros, 'zero')} stand in matrices where there is no synapse")
        if self.n_inexact:
            counted.append(
                f"{several(self.n_inexact, 'weight')} of the file come back to within rounding only"
            )
        if not self.has_a_start():
            counted.append(
                "no input reaches a neuron, and each neuron has another before it: the nir package reads the "
                "file with type_check=False only"
            )
        return [*self.notes, *counted]

    def has_a_start(self) -> bool:
        """Whether `nir.read` finds where to begin: an Input that leads on, or a neuron behind nothing."""
        behind = {after for _, after in self.edges}
        leading = {before for before, _ in self.edges}
        return any(
            name not in behind and (name in leading or node.type != "Input")
            for name, node in self.nodes.items()
        )


def _own_name(projection: str) -> str:
    """A projection's name without those of its delays, as a frontend joins them."""
    ahead = projection.partition(".before+")[0]
    both = projection[: (len(projection) - len("+.behind")) // 2]
    if projection in (f"{ahead}.before+{ahead}", f"{ahead}.before+{ahead}+{ahead}.behind"):
        return ahead
    return both if projection == f"{both}+{both}.behind" else projection

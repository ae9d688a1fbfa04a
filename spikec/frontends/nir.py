r"""NIR files (https://neuroir.org), as snnTorch, Norse, sinabs, Rockpool, SpikingJelly and others write them.

A NIR file holds neurons' equations, but neither the time step nor the habits of the simulator that its
numbers were made for. Both are given here, and the result is a network in float ticks that computes what
NIR's equations say with them (`nir_neurons`). Neurons and Inputs become populations, every path of weights
and delays between them a projection (`nir_paths`), and what had to be repaired or assumed stands in
`Network.notes`.

Supported are Input, Output, Affine, Linear, Scale, Conv1d, Conv2d, SumPool2d, AvgPool2d, Delay, Flatten, IF,
LIF, CubaLIF, Threshold, I, LI, CubaLI and nested graphs. Convolutions and pooling become the list of the
synapses that they stand for.

* An edge that closes a cycle takes the ticks that the convention says: one in most frameworks.
* An Affine or convolution adds its bias in every tick from the first on, whatever delay lies behind it; only
  a convention whose `recurrent_bias` is late lets those that lead back begin later.
* I, LI and CubaLI give a membrane and no spikes; only an Output may follow them.
* An Output names the population in front of it as an output. If it is fed by weights without a neuron, it
  becomes a readout, whose membrane is the weighted input of the tick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath

import networkx as nx
import numpy as np

from spikec.arrays import FloatArray
from spikec.conventions import Choice, choose
from spikec.errors import NetworkError, UsageError
from spikec.frontends.nir_file import Graph, read_graph
from spikec.frontends.nir_graph import CARRIERS, INTEGRATORS, NEURONS, WEIGHTED, FlatGraph, flatten
from spikec.frontends.nir_late import late_biases, late_notes, late_senders
from spikec.frontends.nir_neurons import neuron_notes, neuron_of, readout_of
from spikec.frontends.nir_origin import guess_origin, origin_notes
from spikec.frontends.nir_paths import Path, constants, delayed_constants, paths
from spikec.frontends.nir_stated import completed, ordered
from spikec.ir.conventions import Gain, RecurrentBias
from spikec.ir.network import Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.ir.verify import verify


def read_nir(
    path: str | FilePath, *, dt: float | None = None, convention: Convention | str | None = None
) -> Network:
    """Read a NIR file.

    Args:
        path: The file.
        dt: The simulator's time step, seconds; None to take it from the file's metadata.
        convention: The simulator's habits, or words for them (`spikec.conventions.choose`); None for those
            that a YAML beside the file says, or its metadata, or that the file shows, or else Euler
            integration, reset to ``v_reset`` and no delay between populations.

    Raises:
        FileFormatError: The file is damaged or no NIR file.
        NetworkError: It holds something unsupported or contradicts itself.
        UsageError: No time step is known, or it is impossible.
    """
    path = FilePath(path)
    graph = read_graph(path)
    choice = choose(convention, path, lambda: guess_origin(graph), graph.stated)
    step, origin = _time_step(path, graph, dt, choice)
    clock = Ticks(step, choice.convention)
    origins = tuple(_clock_notes(graph, clock, choice, origin))
    try:
        network = completed(network_of(graph, clock), choice.beyond)
        return verify(replace(network, notes=(*origins, *network.notes)))
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error


def _time_step(path: FilePath, graph: Graph, given: float | None, choice: Choice) -> tuple[float, str]:
    """The time step, seconds, and where it is from."""
    metadata = (graph.dt, "from the file's metadata")
    chosen = (choice.dt, choice.dt_reason)
    known = [(given, "as given"), *((chosen, metadata) if choice.binding else (metadata, chosen))]
    dt, origin = next((pair for pair in known if pair[0] is not None), (None, ""))
    if dt is None:
        raise UsageError(
            f"{path}: NIR files hold no time step; give --dt SECONDS (snnTorch and SpikingJelly write for "
            "1e-4, Norse for 1e-3 unless told otherwise, sinabs for 1)"
        )
    if not 0 < dt < float("inf"):
        raise UsageError(f"a time step of {dt} s is impossible; give --dt a positive number of seconds")
    return float(dt), origin


def network_of(graph: Graph, clock: Ticks) -> Network:
    """The network that a graph stands for, once its time step and convention are known.

    Raises:
        NetworkError: It holds something unsupported or contradicts itself.
    """
    flat = flatten(graph)
    ways = paths(flat)
    _refuse_membranes(flat, ways)
    network = in_order(_built(flat, ways, clock))
    if clock.convention.recurrent_bias is RecurrentBias.LATE:
        late = late_biases(flat, ways, network)
        return in_order(_built(flat, ways, clock, late)) if late else network
    return network


def _built(flat: FlatGraph, ways: list[Path], clock: Ticks, late: frozenset[str] = frozenset()) -> Network:
    """The network with the biases of some nodes late."""
    constant = constants(flat, flat.nodes.keys() - late)
    nothing = np.zeros(())
    populations: dict[str, Population] = {}
    gains: dict[str, FloatArray] = {}
    for name, node in flat.nodes.items():
        added = constant.get(name, nothing)
        if node.type == "Input":
            populations[name] = Population(name, Source(), flat.takes[name])
        elif node.type in NEURONS:
            neuron, gains[name] = neuron_of(node, added, clock)
            populations[name] = Population(name, neuron, flat.takes[name])
        elif node.type == "Output" and _needs_readout(name, ways, constant):
            neuron, gains[name] = readout_of(node, added, clock)
            populations[name] = Population(name, neuron, flat.takes[name])
    kept = [way for way in ways if way.post in populations]
    projections = [
        Projection(label, way.pre, way.post, way.connectivity(gains[way.post]), way.delays())
        for way, label in zip(kept, _labels(kept, flat), strict=True)
    ]
    senders = dict(late_senders(flat, late, gains, clock))
    return Network(
        populations=(*populations.values(), *senders),
        projections=(*projections, *senders.values()),
        inputs=tuple(name for name, p in populations.items() if p.is_source),
        outputs=_outputs(flat, ways, populations),
        clock=clock,
        notes=(*flat.notes, *_notes(flat, ways, clock, populations), *late_notes(flat, late)),
    )


def in_order(network: Network) -> Network:
    """The network with everything in the order in which spikes flow; files hold the alphabetical one.

    In a cycle, populations come by the fewest hops from an input, then by name: nirtorch starts there, too
    (``nir_interpreter.py``). The order matters, for it says which projections lead back.
    """
    reached = enumerate(nx.bfs_layers(nx.DiGraph(network.to_networkx()), network.inputs))
    hops = {name: k for k, names in reached for name in names}
    by_hops = [sorted(c, key=lambda n: (hops.get(n, len(hops)), n)) for c in network.components()]
    return ordered(network, [name for component in by_hops for name in component])


def _needs_readout(output: str, ways: list[Path], constant: Mapping[str, FloatArray]) -> bool:
    return output in constant or any(way.post == output and not way.plain for way in ways)


def _refuse_membranes(flat: FlatGraph, ways: list[Path]) -> None:
    """Refuse integrators whose membrane, a real number, would go through weights or into neurons."""
    for way in ways:
        pre, post = flat.nodes[way.pre], flat.nodes[way.post]
        if pre.type in INTEGRATORS and not (way.plain and post.type == "Output"):
            raise NetworkError(
                f"{pre} gives its membrane and no spikes to {post}; only an Output may follow it directly: "
                "put a spiking neuron in its place"
            )


def _outputs(flat: FlatGraph, ways: list[Path], populations: Mapping[str, Population]) -> tuple[str, ...]:
    """The populations in front of Output nodes, or the readouts that stand for those."""
    found: dict[str, None] = {}
    outputs = [name for name, node in flat.nodes.items() if node.type == "Output"]
    for name in outputs:
        senders = [way.pre for way in ways if way.post == name]
        found.update(dict.fromkeys([name] if name in populations else senders))
    if not outputs:
        sending = {way.pre for way in ways}
        found.update({n: None for n, p in populations.items() if not p.is_source and n not in sending})
    return tuple(found)


def _labels(ways: list[Path], flat: FlatGraph) -> list[str]:
    """Names of projections: their weights and delays, or, where these would repeat, the whole path."""
    short = []
    for way in ways:
        between = [n for n in way.nodes[1:-1] if flat.nodes[n].type in WEIGHTED]
        short.append("+".join(between) or f"{way.pre}->{way.post}")
    return [
        label if short.count(label) == 1 else "->".join(way.nodes)
        for way, label in zip(ways, short, strict=True)
    ]


def _clock_notes(graph: Graph, clock: Ticks, choice: Choice, origin: str) -> Iterator[str]:
    yield f"the time step is {clock.dt:.6g} s, {origin}"
    if graph.dt is not None and graph.dt != clock.dt:
        yield f"the file's metadata hold the time step {graph.dt:.6g} s, which was not used"
    habits = clock.convention
    yield (
        f"the convention is {choice.name} ({habits.integration.value} integration, reset by "
        f"{habits.reset.value}, {habits.hop_delay} ticks between populations), {choice.reason}"
    )
    integrators = [n for n in graph.nodes.values() if n.type == "IF"]
    if integrators and choice.name == "snntorch":
        yield (
            f"snnTorch reads {integrators[0]} with a reset that subtracts the threshold, but LIF with one to "
            "zero, and here all have one: if the network is of IF neurons, read it with reset=subtract"
        )
    whole = [n for n in integrators if np.all(n.values["r"] == 1)]
    if whole and habits.if_gain is not Gain.STEP and clock.dt != 1:
        yield (
            f"{whole[0]} takes up r dt = {clock.dt:.6g} of its input in a tick; if that should be all of it, "
            "as sinabs, Norse and snnTorch mean r = 1, read it with if_gain=step"
        )
    yield from origin_notes(graph)
    if graph.version is None:
        yield "the file does not tell which version of nir wrote it"


def _notes(
    flat: FlatGraph, ways: list[Path], clock: Ticks, populations: Mapping[str, Population]
) -> Iterator[str]:
    reached = {way.post for way in ways}
    senders = {pre for pre, _ in flat.edges}
    for name, node in flat.nodes.items():
        if node.type in NEURONS:
            yield from neuron_notes(node, clock)
        if node.type in CARRIERS and name not in senders:
            yield f"{node} leads nowhere and was left out"
        if node.type == "Output" and name not in reached:
            raise NetworkError(f"{node} receives nothing; connect it to a neuron in the file's edges")
        if node.type in NEURONS and name not in reached:
            yield f"{node} receives no spikes"
        if node.type == "Output" and name in populations:
            yield f"{node} is fed without a neuron, so it became a readout: its membrane is its input"
    for name in delayed_constants(flat):
        yield f"{flat.nodes[name]} delays spikes, but not the biases in front of it: they act at once"
    if not any(node.type == "Output" for node in flat.nodes.values()):
        yield "the graph has no Output; populations that feed no other were taken"
    for way in ways:
        ticks = np.asarray(way.before + (way.after if way.after.ndim == 0 else way.after.max())) / clock.dt
        if np.any(np.abs(ticks - np.rint(ticks)) > 1e-6 * np.maximum(1, ticks)):
            yield f"delays from {way.pre} to {way.post} are no whole ticks; they are rounded when it runs"

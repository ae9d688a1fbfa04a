"""Networks of torch modules: ``torch.nn`` with neurons of snnTorch, Norse, SpikingJelly or sinabs.

The module runs once on a sample, which shows what feeds what (`torch_trace`). Its layers become the nodes of
a NIR graph (`torch_layers`, `torch_neurons`), with weights and decays in float64, and its neurons' habits a
convention; from there on the network is made as that of a NIR file. Torch itself is never imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from spikec.conventions.preset import changed
from spikec.errors import NetworkError, UsageError
from spikec.frontends.nir import network_of
from spikec.frontends.nir_file import Graph, Node
from spikec.frontends.torch_cells import BASE, without_leak
from spikec.frontends.torch_layers import LAYERS, NORMS, Part, batch_norm
from spikec.frontends.torch_neurons import NEURONS, neuron_shape
from spikec.frontends.torch_trace import SAMPLE, Call, trace
from spikec.ir.conventions import Convention, plain
from spikec.ir.network import Network, Ticks

DEFAULT_DT = 1e-3
"""Seconds; of modules that count steps and hold no time."""

KNOWN = {**LAYERS, **NEURONS, **dict.fromkeys(NORMS)}


def read_torch(module: Any, sample: Any, *, dt: float | None = None) -> Network:
    """Read a torch module.

    Args:
        module: A `torch.nn.Module`; it is run once, in evaluation mode, and left as it was.
        sample: One input tensor as the module takes it, with its axis of samples.
        dt: Time step, seconds; None for what the module holds (Norse), else a millisecond.

    Raises:
        NetworkError: It holds what cannot be read, or does between its layers what cannot be seen.
        UsageError: `dt` is impossible, or is not that of the module.
    """
    calls = trace(module, sample, KNOWN)
    step, why = _time_step(calls, dt)
    graph, parts = _graph(calls, step, sample)
    convention = _convention(parts)
    network = network_of(graph, Ticks(step, convention))
    notes = (
        f"the time step is {step:.6g} s, {why}",
        _habits_note(convention),
        *(note for part in parts.values() for note in part.notes),
    )
    return without_leak(replace(network, notes=(*notes, *network.notes)))


def _time_step(calls: Iterable[Call], given: float | None) -> tuple[float, str]:
    held = {float(c.module.dt): c.name for c in calls if c.kind.startswith("norse.")}
    if len(held) > 1:
        raise NetworkError(f"layers have different time steps, {_named(held)}; give all one dt")
    if given is not None and not 0 < given < float("inf"):
        raise UsageError(f"a time step of {given} s is impossible; give a positive number of seconds")
    own = next(iter(held), None)
    if own is not None and given not in (None, own):
        raise UsageError(f"layer {held[own]} has the time step {own:g} s, not {given:g} s; leave out dt")
    if own is not None:
        return own, "from the modules"
    return (DEFAULT_DT, "as assumed, for the modules count steps") if given is None else (given, "as given")


def _named(values: dict[float, str]) -> str:
    return ", ".join(f"{value:g} s ({name})" for value, name in values.items())


def _graph(calls: list[Call], dt: float, sample: Any) -> tuple[Graph, dict[str, Part]]:
    """The calls as one graph, and the part of each layer."""
    names = {call.name for call in calls}
    start = "input" if "input" not in names else "input_"
    nodes = {start: Node(start, "Input", {"shape": np.array(_input_shape(calls), np.float64)})}
    edges: list[tuple[str, str]] = []
    exits, parts = {SAMPLE: start}, {}
    for call in calls:
        before = exits[call.source]
        if call.kind in NORMS:
            _refuse_shared(call, calls)
            nodes[before] = batch_norm(call, nodes[before] if before == call.source else None)
            parts[call.name], exits[call.name] = Part(), before
            continue
        part = NEURONS[call.kind](call, dt, sample) if call.kind in NEURONS else LAYERS[call.kind](call)
        parts[call.name], exits[call.name] = part, part.exit or before
        nodes.update({node.name: node for node in part.nodes})
        edges += part.edges
        if part.nodes:
            edges.append((before, part.nodes[0].name))
    taken = {call.source for call in calls}
    ends = dict.fromkeys(exits[call.name] for call in calls if call.name not in taken)
    for k, end in enumerate(ends):
        name = next(n for n in ("output", "output_", f"output_{k}") if n not in nodes)
        shape = nodes[end].values.get("v_leak", nodes[end].values.get("r", np.ones(1))).shape
        nodes[name] = Node(name, "Output", {"shape": np.array(shape, np.float64)})
        edges.append((end, name))
    return Graph(nodes, tuple(edges)), parts


def _refuse_shared(call: Call, calls: Iterable[Call]) -> None:
    others = [c.name for c in calls if c.source == call.source and c.name != call.name]
    if others or call.source == SAMPLE:
        raise NetworkError(
            f"layer {call.name} normalises what {', '.join(others) or 'no layer'} takes as well; put it "
            "right behind a Linear or convolution of its own"
        )


def _input_shape(calls: list[Call]) -> tuple[int, ...]:
    """The shape of one tick of a sample, as the first layers take it."""
    heads = [call for call in calls if call.source == SAMPLE]
    while heads:
        call = heads.pop(0)
        kind = call.kind.partition(".")[2]
        if kind == "Linear":
            return (int(call.module.weight.shape[1]),)
        if kind.startswith("Conv"):
            return call.takes[1 - call.module.weight.ndim :]
        if "Pool" in kind:
            return call.takes[-3:]
        if kind == "Flatten":
            return call.takes[max(int(call.module.start_dim), 1) :]
        if hasattr(call.module, "input_weights"):
            return (int(call.module.input_weights.shape[1]),)
        if call.kind == "spikingjelly.LinearRecurrentContainer":
            return call.takes[-1:]
        if call.kind in NEURONS:
            return neuron_shape(call, call.takes)
        heads += [other for other in calls if other.source == call.name]
    raise NetworkError("no layer says how many inputs the module has; begin it with a Linear or convolution")


def _convention(parts: dict[str, Part]) -> Convention:
    """The habits that all neurons share."""
    spiking = {name: part.habits for name, part in parts.items() if part.habits is not None}
    agreed: dict[str, tuple[object, str]] = {}
    for name, habits in spiking.items():
        for habit, value in habits.items():
            other, where = agreed.setdefault(habit, (value, name))
            if other != value:
                raise NetworkError(
                    f"layers {where} and {name} have different habits ({habit} is {_word(other)} and "
                    f"{_word(value)}), but a network has one convention; make them the same"
                )
    return changed(BASE, {habit: _word(value) for habit, (value, _) in agreed.items()}, "the module")


def _habits_note(convention: Convention) -> str:
    own = ("reset", "reset_time", "comparison", "multi_spike", "clamp", "recurrent_bias")
    habits = [f"{name} {_word(plain(getattr(convention, name)))}" for name in own]
    return f"habits as the modules have them: {', '.join(habits)}"


def _word(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else value

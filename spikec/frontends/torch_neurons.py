"""Neurons of snnTorch, Norse, SpikingJelly and sinabs: their parameters and their habits, from the modules.

Read from the modules and not from what the frameworks' exporters write: those lose how and when a reset
happens, scalar parameters, dt, recurrent weights, lowest membranes, or cannot write the module at all.
Sources: snntorch 1.0.0 ``_neurons/*.py``, norse 1.1.0 ``torch/functional/{lif,lif_box,iaf}.py`` and
``torch/module/snn.py``, spikingjelly 2.0.0 ``activation_based/{neuron,layer}``, sinabs 3.1.3
``layers/functional/lif.py`` and ``activation/*.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import NetworkError
from spikec.frontends.nir_file import Node
from spikec.frontends.torch_cells import Cell, node_of
from spikec.frontends.torch_layers import Part, affine, convolution_node, linear_node, numbers
from spikec.frontends.torch_trace import Call

ZERO, ONE = np.zeros(()), np.ones(())

_STATE_FUNCTIONS = {"subtract": "_base_sub", "zero": "_base_zero", "none": "_base_int"}
"""snnTorch's mechanisms in the order of their numbers, and what computes each."""


def snntorch(call: Call, dt: float, sample: Any) -> Part:
    """``Leaky``, ``Synaptic``, ``RLeaky`` and ``RSynaptic``: v = beta v + x, reset in the next step."""
    m, name = call.module, call.name
    if m.inhibition or m.state_quant:
        what = "inhibition" if m.inhibition else "state_quant"
        raise NetworkError(f"layer {name} uses {what}, which spikec does not have; leave it out")
    mechanism = tuple(_STATE_FUNCTIONS)[int(numbers(m.reset_mechanism_val))]
    if m.state_function.__name__ != _STATE_FUNCTIONS[mechanism]:
        raise NetworkError(
            f"layer {name} was made with another reset_mechanism than it has now, and computes partly one, "
            "partly the other; make it anew"
        )
    current = call.kind in ("snntorch.Synaptic", "snntorch.RSynaptic")
    cell = Cell(
        np.clip(numbers(m.beta), 0, 1),
        ONE,
        None if mechanism == "none" else numbers(m.threshold),
        ZERO,
        ZERO,
        np.clip(numbers(m.alpha), 0, 1) if current else None,
        ONE if current else None,
    )
    node = node_of(call, neuron_shape(call, call.gives), dt, cell)
    if mechanism == "none":
        note = f"layer {name} never resets, so it was read as a readout: its membrane counts, not its spikes"
        return Part((node,), (), name, notes=(note,))
    habits = {**_snntorch_reset(call, mechanism), "comparison": _comparison(call, m.spike_grad, sample)}
    part = Part((node,), (), name, habits)
    if call.kind in ("snntorch.RLeaky", "snntorch.RSynaptic"):
        part = _fed_back(part, _snntorch_recurrent(call))
    factor = numbers(m.graded_spikes_factor)
    if np.any(factor != 1):
        scale = Node(f"{name}.graded", "Scale", {"scale": factor})
        edges = (*part.edges, (part.exit, scale.name))
        note = f"layer {name} gives spikes times graded_spikes_factor; its population counts them as one each"
        part = Part((*part.nodes, scale), edges, scale.name, habits, notes=(note,))
    return part


def _snntorch_reset(call: Call, mechanism: str) -> dict[str, object]:
    delayed = bool(call.module.reset_delay) or call.kind == "snntorch.RSynaptic"  # RSynaptic ignores it
    where = f"layer {call.name} ({call.kind.partition('.')[2]})"
    if mechanism == "zero" and delayed and call.kind != "snntorch.Leaky":
        raise NetworkError(
            f"{where} with reset_mechanism='zero' and reset_delay=True also loses what it takes up in the "
            "tick after a spike, which no convention here says; use reset_mechanism='subtract'"
            + ("" if call.kind == "snntorch.RSynaptic" else ", or reset_delay=False")
        )
    if mechanism == "subtract" and not delayed:
        raise NetworkError(
            f"{where} with reset_mechanism='subtract' and reset_delay=False subtracts once at once and once "
            "later where a membrane is above two thresholds, which no convention here says; use "
            "reset_delay=True"
        )
    reset = "subtract" if mechanism == "subtract" else "value"
    return {"reset": reset, "reset_time": "next" if delayed else "now"}


def _snntorch_recurrent(call: Call) -> Node:
    m, name = call.module.recurrent, f"{call.name}.recurrent"
    if type(m).__name__ == "Linear":
        return linear_node(name, m)
    if type(m).__name__ == "Conv2d":
        return convolution_node(name, m, call.gives)
    return Node(name, "Scale", {"scale": numbers(m.V)})


def norse(call: Call, dt: float, sample: Any) -> Part:
    """Cells and layers of LIF, LIFBox, IAF, LI and LIBox neurons; v = v + dt/tau (v_leak - v + i)."""
    m, p = call.module, call.module.p
    kind = call.kind.partition(".")[2].removesuffix("Cell").removesuffix("Recurrent")
    spiking = kind in ("LIF", "LIFBox", "IAF")
    rate = ONE if kind == "IAF" else numbers(m.dt * p.tau_mem_inv)  # as torch rounds it
    current = kind in ("LIF", "LI")
    cell = Cell(
        ONE if kind == "IAF" else 1 - rate,
        rate,
        numbers(p.v_th) if spiking else None,
        ZERO if kind == "IAF" else numbers(p.v_leak),
        numbers(p.v_reset) if spiking else ZERO,
        1 - numbers(m.dt * p.tau_syn_inv) if current else None,
        ONE if current else None,
    )
    node = node_of(call, neuron_shape(call, call.gives), dt, cell)
    if not spiking:
        return _behind_weights(call, Part((node,), (), call.name, dt=float(m.dt)))
    method = getattr(getattr(p, "reset_method", None), "__name__", "reset_value")
    if method not in ("reset_value", "reset_subtract"):
        raise NetworkError(
            f"layer {call.name} resets by {method}, which spikec does not know; use reset_value"
        )
    habits: dict[str, object] = {
        "reset": "subtract" if method == "reset_subtract" else "value",
        "reset_time": "now",
        "comparison": "above",
    }
    part = Part((node,), (), call.name, habits, float(m.dt))
    if "Recurrent" in call.kind:
        back = affine(f"{call.name}.recurrent", numbers(m.recurrent_weights), None)
        part = _behind_weights(call, _fed_back(part, back))
    return part


def _behind_weights(call: Call, part: Part) -> Part:
    """The part behind the input weights that a layer of Norse may hold itself."""
    weights = getattr(call.module, "input_weights", None)
    if weights is None:
        return part
    front = affine(f"{call.name}.input", numbers(weights), None)
    edges = ((front.name, part.nodes[0].name), *part.edges)
    return Part((front, *part.nodes), edges, part.exit, part.habits, part.dt, part.notes)


def spikingjelly(call: Call, dt: float, sample: Any) -> Part:
    """IF, LIF and parametric LIF nodes, those that do not spike, and ``LinearRecurrentContainer``."""
    if call.kind == "spikingjelly.LinearRecurrentContainer":
        return _spikingjelly_recurrent(call, dt, sample)
    m, kind = call.module, call.kind.partition(".")[2]
    spiking = not kind.startswith("NonSpiking")
    rest = ZERO if not spiking or m.v_reset is None else numbers(m.v_reset)
    rate = _spikingjelly_rate(m, kind)
    cell = Cell(
        ONE if rate is None else 1 - rate,
        rate if rate is not None and getattr(m, "decay_input", True) else ONE,
        numbers(m.v_threshold) if spiking else None,
        rest,
        rest,
    )
    node = node_of(call, neuron_shape(call, call.gives), dt, cell)
    if not spiking:
        return Part((node,), (), call.name)
    if not getattr(m.surrogate_function, "spiking", True):
        raise NetworkError(
            f"layer {call.name} gives no spikes, for its surrogate has spiking=False; set it to True"
        )
    habits: dict[str, object] = {
        "reset": "subtract" if m.v_reset is None else "value",
        "reset_time": "now",
        "comparison": _comparison(call, m.surrogate_function, sample),
    }
    return Part((node,), (), call.name, habits)


def _spikingjelly_rate(module: Any, kind: str) -> FloatArray | None:
    """What of its input a membrane takes up and loses in a tick; None for one without a leak."""
    if "ParametricLIF" in kind:
        return numbers(module.w.sigmoid())
    return 1 / numbers(module.tau) if "LIF" in kind else None


def _spikingjelly_recurrent(call: Call, dt: float, sample: Any) -> Part:
    """``y = neurons(rc([x, y]))`` with the y of the step before."""
    m, name = call.module, call.name
    kind = f"spikingjelly.{type(m.sub_module).__name__}"
    if NEURONS.get(kind) is not spikingjelly or kind == call.kind:
        raise NetworkError(f"layer {name} holds a {kind}; only neurons of SpikingJelly are read in it")
    weights = numbers(m.rc.weight)
    n = weights.shape[0]
    shape = (*call.gives[:-1], n)
    inner = Call(f"{name}.sub_module", kind, m.sub_module, name, shape, shape)
    if getattr(m, "step_mode", "s") == "m":
        inner = Call(inner.name, kind, m.sub_module, name, shape[1:], shape[1:])
    part = spikingjelly(inner, dt, sample)
    bias = None if m.rc.bias is None else numbers(m.rc.bias)
    front = affine(f"{name}.input", weights[:, :-n], bias)
    part = _fed_back(part, affine(f"{name}.recurrent", weights[:, -n:], None))
    edges = ((front.name, part.exit), *part.edges)
    return Part((front, *part.nodes), edges, part.exit, part.habits)


def sinabs(call: Call, dt: float, sample: Any) -> Part:
    """``IAF``, ``LIF``, ``ExpLeak``, squeezed or recurrent: v = alpha v + (1 - alpha) i, or + i."""
    m = call.module
    decay = numbers(m.alpha_mem_calculated)
    current = m.alpha_syn_calculated
    spiking = m.spike_fn is not None
    alpha = None if current is None else numbers(current)
    cell = Cell(
        decay,
        1 - decay if m.norm_input else ONE,
        numbers(m.spike_threshold) if spiking else None,
        ZERO,
        ZERO,
        alpha,
        alpha,
    )
    node = node_of(call, neuron_shape(call, call.gives), dt, cell)
    lowest = None if m.min_v_mem is None else numbers(m.min_v_mem)
    if not spiking:
        if lowest is not None:
            raise NetworkError(f"layer {call.name} does not spike but has a min_v_mem; leave that out")
        return Part((node,), (), call.name)
    habits = {**_sinabs_spikes(call), **_sinabs_reset(call), "comparison": "reach"}
    habits["clamp"] = None if lowest is None else _clamp(call, lowest, numbers(m.spike_threshold))
    part = Part((node,), (), call.name, habits)
    if "Recurrent" not in call.kind:
        return part
    habits["recurrent_bias"] = "late"  # rec_out is zeros in the first step
    return _fed_back(part, _only_linear(call, m.rec_connect))


def _sinabs_spikes(call: Call) -> dict[str, object]:
    rule = call.module.spike_fn
    name = rule.__name__ if isinstance(rule, type) else type(rule).__name__
    most = getattr(rule, "max_num_spikes_per_bin", None)
    if name == "SingleSpike" or (name == "MaxSpike" and most == 1):
        return {"multi_spike": "no"}
    if name == "MultiSpike" or (name == "MaxSpike" and most is None):
        return {"multi_spike": "yes"}
    raise NetworkError(
        f"layer {call.name} spikes by {name}{'' if most is None else f', {most} times at most'}; use "
        "MultiSpike or SingleSpike"
    )


def _sinabs_reset(call: Call) -> dict[str, object]:
    rule, threshold = call.module.reset_fn, numbers(call.module.spike_threshold)
    name = type(rule).__name__
    if name == "MembraneReset" and rule.reset_value == 0:
        return {"reset": "value", "reset_time": "now"}
    taken = getattr(rule, "subtract_value", None)
    if name == "MembraneSubtract" and (taken is None or np.all(numbers(taken) == threshold)):
        return {"reset": "subtract", "reset_time": "now"}
    raise NetworkError(
        f"layer {call.name} resets by {rule}; use MembraneSubtract() with the threshold, or MembraneReset(0)"
    )


def _clamp(call: Call, lowest: FloatArray, threshold: FloatArray) -> float:
    """The lowest membrane in thresholds."""
    multiples = np.unique(lowest / threshold)
    if multiples.size != 1 or multiples[0] > 0:
        raise NetworkError(
            f"layer {call.name} has min_v_mem of {multiples.min():g} to {multiples.max():g} thresholds; use "
            "one multiple of the threshold, 0 or less, for all neurons"
        )
    return float(multiples[0])


def _only_linear(call: Call, module: Any) -> Node:
    """The one Linear of a recurrent connection; what only reshapes is passed over."""
    layers = [k for k in module.modules() if not list(k.children())]
    weighted = [k for k in layers if type(k).__name__ not in ("Flatten", "Unflatten", "Identity")]
    if len(weighted) != 1 or type(weighted[0]).__name__ != "Linear":
        raise NetworkError(f"layer {call.name} feeds back through {module}; use one Linear")
    return linear_node(f"{call.name}.recurrent", weighted[0])


def _fed_back(part: Part, back: Node) -> Part:
    """Neurons that get their own spikes through one more node."""
    edges = (*part.edges, (part.exit, back.name), (back.name, part.nodes[-1].name))
    return Part((*part.nodes[:-1], part.nodes[-1], back), edges, part.exit, part.habits, part.dt, part.notes)


def _comparison(call: Call, spike: Any, sample: Any) -> str:
    """What a framework's spike function does at the threshold; found by asking it."""
    given = spike(sample.new_tensor([-1.0, -0.25, 0.0, 0.25, 1.0]))
    found = tuple(numbers(given).tolist())
    known = {(0.0, 0.0, 0.0, 1.0, 1.0): "above", (0.0, 0.0, 1.0, 1.0, 1.0): "reach"}
    if found not in known:
        raise NetworkError(
            f"layer {call.name} makes spikes of {found} from membranes around its threshold; use a surrogate "
            "whose forward is a step"
        )
    return known[found]


def neuron_shape(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """What of a tensor's shape are neurons: what follows its axes of samples and time."""
    kind = call.kind.partition(".")[2]
    with_time = {
        "snntorch": False,
        "norse": not kind.endswith("Cell"),
        "spikingjelly": getattr(call.module, "step_mode", "s") == "m",
        "sinabs": not kind.endswith("Squeeze"),
    }
    return shape[2 if with_time[call.kind.partition(".")[0]] else 1 :] or shape[-1:]


NEURONS: dict[str, Callable[[Call, float, Any], Part]] = {
    **dict.fromkeys([f"snntorch.{k}" for k in ("Leaky", "Synaptic", "RLeaky", "RSynaptic")], snntorch),
    **dict.fromkeys(
        [
            f"norse.{k}"
            for k in (
                "LIF",
                "LIFCell",
                "LIFRecurrent",
                "LIFRecurrentCell",
                "LIFBoxCell",
                "IAFCell",
                "LI",
                "LICell",
                "LIBoxCell",
            )
        ],
        norse,
    ),
    **dict.fromkeys(
        [
            f"spikingjelly.{k}"
            for k in (
                "IFNode",
                "LIFNode",
                "ParametricLIFNode",
                "NonSpikingIFNode",
                "NonSpikingLIFNode",
                "LinearRecurrentContainer",
            )
        ],
        spikingjelly,
    ),
    **dict.fromkeys(
        [
            f"sinabs.{k}"
            for k in (
                "IAF",
                "IAFSqueeze",
                "IAFRecurrent",
                "LIF",
                "LIFSqueeze",
                "LIFRecurrent",
                "ExpLeak",
                "ExpLeakSqueeze",
            )
        ],
        sinabs,
    ),
}
"""Layers of neurons, by kind."""

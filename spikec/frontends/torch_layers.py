"""Torch's layers between neurons as nodes of a graph: what they multiply, add and leave out.

Written from torch 2.13's documentation of ``torch.nn``; a layer that is not linear, or whose options NIR's
nodes do not have, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import NetworkError
from spikec.frontends.nir_file import Node
from spikec.frontends.torch_trace import Call


@dataclass(frozen=True, eq=False)
class Part:
    """What one layer becomes: a piece of a graph.

    Attributes:
        nodes: Its nodes in order; the first takes what the layer takes. None: it passes on what it takes.
        edges: Between them.
        exit: Name of the node that gives what the layer gives.
        habits: Fields of the convention that its neurons follow; None if it has no neurons that spike.
        dt: Time step that it holds, seconds, if any.
        notes: What was assumed.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    exit: str = ""
    habits: dict[str, object] | None = None
    dt: float | None = None
    notes: tuple[str, ...] = ()


def numbers(given: Any) -> FloatArray:
    """A tensor, an array or a number as float64, whatever device it is on."""
    plain = given.detach().cpu().numpy() if hasattr(given, "detach") else given
    return np.asarray(plain, np.float64)


def chain(*nodes: Node) -> Part:
    """Nodes one after the other."""
    edges = tuple((a.name, b.name) for a, b in pairwise(nodes))
    return Part(nodes, edges, nodes[-1].name)


def affine(name: str, weight: FloatArray, bias: FloatArray | None) -> Node:
    """An Affine, or a Linear where nothing is added."""
    values = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return Node(name, "Linear" if bias is None else "Affine", values)


def linear(call: Call) -> Part:
    """``y = W x + b``."""
    return chain(linear_node(call.name, call.module))


def linear_node(name: str, module: Any) -> Node:
    """A `torch.nn.Linear` as a node."""
    return affine(name, numbers(module.weight), None if module.bias is None else numbers(module.bias))


def convolution(call: Call) -> Part:
    """``Conv1d`` and ``Conv2d``."""
    return chain(convolution_node(call.name, call.module, call.takes))


def convolution_node(name: str, module: Any, takes: tuple[int, ...]) -> Node:
    """A convolution as a node.

    Args:
        name: Of the node.
        module: The layer.
        takes: Shape of the tensor that it takes.
    """
    if module.padding_mode != "zeros":
        raise NetworkError(f"layer {name} pads with {module.padding_mode!r}; only 'zeros' is supported")
    n_axes = numbers(module.weight).ndim - 2
    values = {"weight": numbers(module.weight), "input_shape": np.array(takes[-n_axes:], np.float64)}
    values.update({key: numbers(getattr(module, key)) for key in ("stride", "dilation", "groups")})
    texts = {}
    if isinstance(module.padding, str):
        texts["padding"] = module.padding
    else:
        values["padding"] = numbers(module.padding)
    if module.bias is not None:
        values["bias"] = numbers(module.bias)
    return Node(name, f"Conv{n_axes}d", values, texts)


def average_pool(call: Call) -> Part:
    """``AvgPool2d``; zeros of the padding count as values."""
    m = call.module
    _refuse_ceiling(call)
    padded = bool(np.any(numbers(m.padding) != 0))
    if padded and not m.count_include_pad:
        raise NetworkError(
            f"layer {call.name} leaves padding out of its means, so weights differ at the edges; set "
            "count_include_pad=True or padding=0"
        )
    window = _pool(call, "AvgPool2d" if m.divisor_override is None else "SumPool2d", m.padding)
    if m.divisor_override is None:
        return chain(window)
    return chain(window, Node(f"{call.name}.divisor", "Scale", {"scale": np.array(1 / m.divisor_override)}))


def sum_pool(call: Call) -> Part:
    """``LPPool2d`` of norm 1, as sinabs' ``SumPool2d`` is."""
    if float(call.module.norm_type) != 1:
        raise NetworkError(
            f"layer {call.name} pools with norm {call.module.norm_type}; only 1, a sum, is linear"
        )
    _refuse_ceiling(call)
    return chain(_pool(call, "SumPool2d", 0))


def flatten(call: Call) -> Part:
    """``Flatten``: neurons keep their order, so nothing happens to them."""
    return chain(Node(call.name, "Flatten", {"input_type": np.array(call.takes[1:], np.float64)}))


def nothing(call: Call) -> Part:
    """Layers that pass on what they take, as ``Dropout`` does outside of training."""
    return Part()


def batch_norm(call: Call, before: Node | None) -> Node:
    """The layer before a normalisation with the normalisation in its weights.

    Args:
        call: The normalisation; it uses the means and variances of training.
        before: The node in front of it.

    Returns:
        The new node in place of `before`.
    """
    m = call.module
    if before is None or "weight" not in before.values or m.running_mean is None:
        raise NetworkError(
            f"layer {call.name} normalises what no Linear or convolution gives, or by each batch; put it "
            "right behind one, with track_running_stats=True"
        )
    scale = 1 / np.sqrt(numbers(m.running_var) + m.eps)
    scale = scale if m.weight is None else scale * numbers(m.weight)
    shift = 0.0 if m.bias is None else numbers(m.bias)
    weight = before.values["weight"]
    had = before.values.get("bias", np.zeros(weight.shape[0]))
    values = {
        **before.values,
        "weight": weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)),
        "bias": (had - numbers(m.running_mean)) * scale + shift,
    }
    return replace(before, type="Affine" if before.type == "Linear" else before.type, values=values)


def _pool(call: Call, kind: str, padding: Any) -> Node:
    m = call.module
    stride = m.kernel_size if m.stride is None else m.stride
    values = {"kernel_size": m.kernel_size, "stride": stride, "padding": padding}
    return Node(call.name, kind, {key: np.atleast_1d(numbers(v)) for key, v in values.items()})


def _refuse_ceiling(call: Call) -> None:
    if call.module.ceil_mode:
        raise NetworkError(
            f"layer {call.name} pools windows that reach beyond the image (ceil_mode); set ceil_mode=False"
        )


LAYERS: dict[str, Callable[[Call], Part]] = {
    "torch.Linear": linear,
    "torch.Conv1d": convolution,
    "torch.Conv2d": convolution,
    "torch.AvgPool2d": average_pool,
    "torch.LPPool2d": sum_pool,
    "torch.Flatten": flatten,
    "spikingjelly.Linear": linear,
    "spikingjelly.Conv1d": convolution,
    "spikingjelly.Conv2d": convolution,
    "spikingjelly.AvgPool2d": average_pool,
    "spikingjelly.Flatten": flatten,
    "sinabs.SumPool2d": sum_pool,
    **dict.fromkeys(
        (
            "torch.Identity",
            "torch.Dropout",
            "torch.Dropout1d",
            "torch.Dropout2d",
            "torch.Unflatten",
            "spikingjelly.Dropout",
            "spikingjelly.Dropout2d",
            "sinabs.FlattenTime",
            "sinabs.UnflattenTime",
        ),
        nothing,
    ),
}
"""Layers without state, by kind."""

NORMS = ("torch.BatchNorm1d", "torch.BatchNorm2d", "spikingjelly.BatchNorm1d", "spikingjelly.BatchNorm2d")
"""Layers that go into the weights of the one before."""

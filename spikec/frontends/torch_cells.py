r"""Neurons by what they do in a tick, as NIR nodes that the convention `BASE` reads back to the same numbers.

A framework's neuron computes :math:`i \leftarrow \alpha i + a x` (or :math:`i = x`) and
:math:`v \leftarrow v_l + \beta (v - v_l) + g i`. NIR has time constants instead: with
:math:`\tau = dt / (1 - \beta)` and :math:`r = g / (1 - \beta)` an Euler step gives both factors back, but for
the last bit of float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import NetworkError
from spikec.frontends.nir_file import Node
from spikec.frontends.torch_trace import Call
from spikec.ir.conventions import Convention, Gain
from spikec.ir.network import Network, Population
from spikec.ir.neurons import CubaLif, Lif, LiReadout

BASE = Convention(synapse_gain=Gain.STEP, if_gain=Gain.STEP)
"""What all nodes of this module are read with, besides the habits of a framework."""

ENDLESS = 2.0**512
"""Ticks of a time constant without end: so short of infinity that its products with r are exact."""


@dataclass(frozen=True, eq=False)
class Cell:
    r"""One layer of neurons.

    Attributes:
        decay: :math:`\beta`, ``()`` or the neurons' shape.
        gain: :math:`g`, likewise.
        threshold: Likewise; None for neurons that do not spike.
        v_leak: :math:`v_l`, where the membrane also starts.
        v_reset: Membrane after a spike.
        current_decay: :math:`\alpha`; None for neurons without a current.
        current_gain: :math:`a`.
    """

    decay: FloatArray
    gain: FloatArray
    threshold: FloatArray | None
    v_leak: FloatArray
    v_reset: FloatArray
    current_decay: FloatArray | None = None
    current_gain: FloatArray | None = None


def node_of(call: Call, shape: tuple[int, ...], dt: float, cell: Cell) -> Node:
    """The node of one layer of neurons.

    Args:
        call: The layer.
        shape: Of its neurons.
        dt: Time step, seconds.
        cell: What they do in a tick.

    Raises:
        NetworkError: A decay is outside of 0 to 1, or parameters do not fit the neurons.
    """
    leaky = bool(np.any(cell.decay != 1)) or cell.current_decay is not None
    shift = np.zeros(()) if leaky else cell.v_leak  # a membrane without a leak may be measured from there
    share, tau = _tau(call, "the membrane", cell.decay, dt)
    values = {"r": cell.gain / share if leaky else cell.gain}
    kind = ("LI" if leaky else "I") if cell.threshold is None else ("LIF" if leaky else "IF")
    if cell.threshold is not None:
        values.update(v_threshold=cell.threshold - shift, v_reset=cell.v_reset - shift)
    if leaky:
        values.update(tau=tau, v_leak=cell.v_leak)
    if cell.current_decay is not None and cell.current_gain is not None:
        kind = f"Cuba{kind}"
        _, tau_syn = _tau(call, "the current", cell.current_decay, dt)
        values.update(tau_mem=values.pop("tau"), tau_syn=tau_syn, w_in=cell.current_gain)
    return Node(call.name, kind, {name: _spread(call, v, shape) for name, v in values.items()})


def without_leak(network: Network) -> Network:
    """The network with time constants that stand for infinite ones infinite."""
    endless = network.dt * ENDLESS
    return network.with_populations({p.name: _endless(p, endless) for p in network.populations})


def _endless(population: Population, endless: float) -> Population:
    neuron = population.neuron
    names = {Lif: ("tau",), CubaLif: ("tau_mem", "tau_syn"), LiReadout: ("tau_mem", "tau_syn")}
    for name in names.get(type(neuron), ()):
        tau = np.asarray(getattr(neuron, name))
        drive = np.asarray(getattr(neuron, "current_bias", 0.0))
        if np.any(tau >= endless) and not (name == "tau_syn" and np.any(drive != 0)):
            changed = np.where(tau >= endless, np.inf, tau)
            values: dict[str, Any] = {name: changed}
            neuron = replace(neuron, **values)
    return replace(population, neuron=neuron)


def _tau(call: Call, what: str, decay: FloatArray, dt: float) -> tuple[FloatArray, FloatArray]:
    """What is lost in a tick, and the time constant that says so, seconds."""
    if np.any((decay < 0) | (decay > 1) | np.isnan(decay)):
        raise NetworkError(
            f"layer {call.name} keeps {float(np.min(decay)):g} to {float(np.max(decay)):g} of {what} in a "
            "tick, and only 0 to 1 is a decay; use a longer time constant"
        )
    share = np.where(decay == 1, 1 / ENDLESS, 1 - decay)
    return share, dt / share


def _spread(call: Call, values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """A parameter for every neuron."""
    try:
        return np.ascontiguousarray(np.broadcast_to(values, shape))
    except ValueError:
        raise NetworkError(
            f"layer {call.name} has {shape} neurons, but a parameter of shape {values.shape}; make them fit"
        ) from None

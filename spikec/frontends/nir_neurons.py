r"""NIR's neurons as ours.

NIR's equations hold with the simulator's time step and the weighted input :math:`x` of a tick. With the share
:math:`h(\tau)` of an input that a low-pass takes up in one tick, which the convention's `integration` says
(:math:`dt/\tau` or :math:`1 - e^{-dt/\tau}`), and that of the input itself, :math:`g(\tau)`, which is
the same unless the convention has another `input_gain` or `synapse_gain`, the neurons compute

====================  =====================================================================================
LIF, LI               :math:`v \mathrel{+}= h(\tau)\,(v_{leak} - v) + g(\tau)\, r x`
IF, I                 :math:`v \mathrel{+}= dt\, r\, x`, or :math:`r x` where `if_gain` is a step
CubaLIF, CubaLI       :math:`i \mathrel{+}= g(\tau_{syn})\, w_{in} x - h(\tau_{syn})\, i`, then
                      :math:`v \mathrel{+}= h(\tau_{mem})\,(v_{leak} - v) + g(\tau_{mem})\, r i`
Threshold             :math:`v = x`
====================  =====================================================================================

and spike where :math:`v > v_{threshold}`, or :math:`\ge`. Ours take jumps instead, so a factor of every
neuron (its *gain*) goes into the weights, and the biases of Affine nodes become the neuron's `bias`, or its
`current_bias` where a synapse filters them.

Source: nir 1.0.8, ``nir/ir/neuron.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from spikec.arrays import FloatArray, finite
from spikec.errors import NetworkError
from spikec.frontends.nir_file import Node
from spikec.ir.conventions import Gain
from spikec.ir.discrete import taken_up, tick_of
from spikec.ir.network import Integration, Reset, Ticks
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, Neuron

INSTANT = 1000
"""A time constant so many times shorter than a tick leaves exactly nothing after it (exact integration)."""


def neuron_of(node: Node, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    """Translate a neuron.

    Args:
        node: A node of one of `nir_graph.NEURONS`.
        constant: What Affine nodes add to its input in every tick, ``()`` or ``(n,)``.
        clock: The simulator's.

    Returns:
        The neuron, and the gain by which all weights that end at it are multiplied, ``()`` or ``(n,)``.

    Raises:
        NetworkError: A parameter is no number, or a time constant is impossible at this time step.
    """
    p = {"v_reset": np.zeros(()), "w_in": np.ones(())}
    p.update({name: _parameter(node, name, clock) for name in node.values})
    return _FORMS[node.type](p, constant, clock)


def readout_of(output: Node, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    """A readout whose membrane is, in every tick, the weighted input of that tick.

    Raises:
        NetworkError: The clock integrates exactly, where a membrane cannot follow at once.
    """
    if clock.convention.integration is Integration.EXACT:
        raise NetworkError(
            f"{output} is fed without a neuron, which exact integration cannot express; "
            "end the network with an LI, or integrate by Euler's method"
        )
    return LiReadout(tau_mem=clock.dt, tau_syn=clock.dt, bias=constant / clock.dt), np.asarray(1 / clock.dt)


def instant(clock: Ticks) -> FloatArray:
    """A time constant of which nothing is left after a tick, seconds."""
    euler = clock.convention.integration is Integration.EULER
    return np.asarray(clock.dt if euler else clock.dt / INSTANT)


def neuron_notes(node: Node, clock: Ticks) -> Iterator[str]:
    """What was assumed about a neuron."""
    if node.type in ("IF", "LIF", "CubaLIF") and "v_reset" not in node.values:
        yield f"{node} has no v_reset (written by nir 1.0.4 or earlier); 0 was taken"
    if clock.convention.reset is Reset.SUBTRACT and np.any(node.values.get("v_reset", np.zeros(())) != 0):
        yield f"{node} has a v_reset other than 0, which subtracting the threshold does not use"
    if np.any(node.values.get("v_leak", np.zeros(())) != 0):
        yield f"{node} starts at its v_leak"
    if clock.convention.integration is Integration.EULER:
        for name in ("tau", "tau_mem", "tau_syn"):
            if name in node.values and node.values[name].min() < clock.dt * (1 - 1e-6):
                yield (
                    f"{node} has a {name} of {node.values[name].min():.6g} s, shorter than the time step, so "
                    "that its state overshoots in every tick"
                )


Parameters = Mapping[str, FloatArray]


def _lif(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    drive = p["r"] * constant * _extra(p["tau"], clock, clock.convention.input_gain) / p["tau"]
    neuron = Lif(p["tau"], p["v_threshold"], p["v_leak"], drive, p["v_reset"])
    return neuron, p["r"] * taken_up(p["tau"], clock.dt, clock.convention, clock.convention.input_gain)


def _if(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    gain = p["r"] * _whole(clock)
    return If(p["v_threshold"], gain * constant / clock.dt, p["v_reset"]), gain


def _threshold(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    tau = instant(clock)
    return Lif(tau, p["threshold"], bias=constant / (_share(tau, clock) * tau)), np.ones(())


def _li(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    habit = clock.convention.input_gain
    drive = p["r"] * constant * _extra(p["tau"], clock, habit) / p["tau"]
    neuron = LiReadout(p["tau"], instant(clock), p["v_leak"], drive)
    share = taken_up(p["tau"], clock.dt, clock.convention, habit)
    return neuron, p["r"] * share / tick_of(neuron, clock.dt, clock.convention).gain


def _i(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    gain = p["r"] * _whole(clock)
    neuron = LiReadout(tau_syn=instant(clock), bias=gain * constant / clock.dt)
    return neuron, gain / tick_of(neuron, clock.dt, clock.convention).gain


def _cuba_lif(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    charge = p["w_in"] * p["r"] / p["tau_mem"]
    habit = clock.convention.synapse_gain
    neuron = CubaLif(
        p["tau_mem"],
        p["tau_syn"],
        p["v_threshold"],
        p["v_leak"],
        v_reset=p["v_reset"],
        current_bias=charge * constant * _extra(p["tau_syn"], clock, habit) / p["tau_syn"],
    )
    return neuron, charge * taken_up(p["tau_syn"], clock.dt, clock.convention, habit)


def _cuba_li(p: Parameters, constant: FloatArray, clock: Ticks) -> tuple[Neuron, FloatArray]:
    charge = p["w_in"] * p["r"] / p["tau_mem"]
    habit = clock.convention.synapse_gain
    drive = charge * constant * _extra(p["tau_syn"], clock, habit) / p["tau_syn"]
    neuron = LiReadout(p["tau_mem"], p["tau_syn"], p["v_leak"], current_bias=drive)
    return neuron, charge * taken_up(p["tau_syn"], clock.dt, clock.convention, habit)


_FORMS: dict[str, Callable[[Parameters, FloatArray, Ticks], tuple[Neuron, FloatArray]]] = {
    "LIF": _lif,
    "IF": _if,
    "Threshold": _threshold,
    "LI": _li,
    "I": _i,
    "CubaLIF": _cuba_lif,
    "CubaLI": _cuba_li,
}


def _parameter(node: Node, name: str, clock: Ticks) -> FloatArray:
    values = finite(node.values[name], f"{node}: {name}")
    values = values.reshape(()) if values.size == 1 else values.ravel()
    if name.startswith("tau"):
        if values.min() <= 0:
            raise NetworkError(f"{node} has a {name} of {values.min()} s; it must be positive")
        if clock.convention.integration is Integration.EULER and values.min() <= clock.dt / 2:
            raise NetworkError(
                f"{node} has a {name} of {values.min():.6g} s, which Euler's method cannot integrate with a "
                f"time step of {clock.dt:.6g} s; give the time step that the network was trained with, or, "
                "of a file that Norse wrote, its square: Norse multiplies time constants with it"
            )
    return values


def _share(tau: FloatArray, clock: Ticks) -> FloatArray:
    """What a low-pass takes up of an input that is held for a tick."""
    return taken_up(tau, clock.dt, clock.convention, Gain.HELD)


def _extra(tau: FloatArray, clock: Ticks, habit: Gain) -> FloatArray:
    """By what factor more than of a held input a low-pass takes up: our biases are held."""
    return taken_up(tau, clock.dt, clock.convention, habit) / _share(tau, clock)


def _whole(clock: Ticks) -> float:
    """What a membrane without a leak takes up of a tick's input."""
    return 1.0 if clock.convention.if_gain is Gain.STEP else clock.dt

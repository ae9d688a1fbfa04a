r"""Our neurons as NIR's: the inverse of `spikec.frontends.nir_neurons`, number by number.

A reader multiplies all weights that end at a neuron by a gain that follows from the neuron's parameters, the
time step and the convention. Here ``r`` and ``w_in`` are chosen so that this gain is 1, or the last number
below it where no float gives 1: so weights stand in the file as they are, or next to it, and come back to
the last bit. Biases are solved for in the same way. What a gain is, the frontend itself is asked.

====================  ==========================================================================
If                    IF
Lif                   LIF
CubaLif               CubaLIF
IfExp, Ramp           CubaLIF whose membrane (and current) decays with `LONG`
LiReadout             LI or I if nothing of its current is left after a tick, else CubaLI
====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.errors import NetworkError, Violation
from spikec.exporters.inverse import neighbour, solved
from spikec.frontends.nir_file import Node
from spikec.frontends.nir_neurons import instant, neuron_of
from spikec.ir.network import Population, Ticks
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, Neuron, Ramp

LONG = 2.0**60
"""An infinite time constant, in ticks: 1 - 2^-60 is 1 in double precision, so nothing is ever lost."""

LOWEST = 2.0**-51
"""How far below 1 a gain may be."""

WRITTEN = (If, Lif, CubaLif, IfExp, Ramp, LiReadout)
"""Neurons that NIR can hold."""

Values = dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Written:
    """A population's neurons in NIR.

    Attributes:
        type: NIR's primitive.
        values: Its parameters, ``(n,)`` each.
        gain: By what a reader multiplies weights that end here, ``(n,)``.
        constant: What the file must add to the input in every tick, ``(n,)``.
        inexact: Whether a neuron's bias comes back only to within rounding, ``(n,)``.
    """

    type: str
    values: Values
    gain: FloatArray
    constant: FloatArray
    inexact: BoolArray


def written(population: Population, clock: Ticks) -> Written | Violation:
    """Write a population, or tell what of it NIR cannot say.

    Args:
        population: Not a source.
        clock: The time step and habits with which the file is meant to be read.
    """
    k = population.neuron
    if not isinstance(k, WRITTEN):
        return Violation(
            "neuron",
            population.name,
            type(k).__name__,
            "IF, LIF, CubaLIF, LI or CubaLI",
            "NIR has no neuron with its equation: keep the network in a file of spikec's, or train it with "
            "one of these",
        )
    kind, values, free, bias = _form(k, clock)
    if kind in ("CubaLIF", "CubaLI") and np.any(np.asarray(k.bias) != 0):
        return Violation(
            "bias of the membrane",
            population.name,
            "set",
            f"0, for {kind} has none",
            "give it as a bias of the layer in front (current_bias), which the synapse filters",
        )
    full = {name: np.broadcast_to(v, (population.n,)).astype(np.float64) for name, v in values.items()}
    try:
        return _chosen(kind, full, free, np.broadcast_to(bias, (population.n,)).astype(np.float64), clock)
    except NetworkError as error:
        what = "impossible at this time step"
        return Violation("neuron", population.name, what, "one that can be read", str(error))


def _form(k: Neuron, clock: Ticks) -> tuple[str, Values, tuple[str, ...], FloatArray]:
    """NIR's type and parameters, those that are free to choose, and the bias that must come back."""
    values: Values = {}
    if not isinstance(k, LiReadout):
        assert isinstance(k, If | Lif | CubaLif | IfExp | Ramp)
        values = {"v_threshold": np.asarray(k.threshold), "v_reset": np.asarray(k.v_reset)}
    if isinstance(k, If):
        return "IF", values, ("r",), np.asarray(k.bias)
    leak = np.asarray(getattr(k, "v_leak", 0.0))
    if isinstance(k, Lif):
        return "LIF", {"tau": _finite(k.tau, clock), "v_leak": leak, **values}, ("r",), np.asarray(k.bias)
    tau_mem, tau_syn = (getattr(k, name, np.inf) for name in ("tau_mem", "tau_syn"))
    drive = np.asarray(getattr(k, "current_bias", 0.0))
    if isinstance(k, LiReadout) and np.all(np.asarray(tau_syn) == instant(clock)) and not np.any(drive):
        if np.all(np.isinf(np.asarray(tau_mem))) and not np.any(leak):
            return "I", {}, ("r",), np.asarray(k.bias)
        return "LI", {"tau": _finite(tau_mem, clock), "v_leak": leak}, ("r",), np.asarray(k.bias)
    values = {
        "tau_mem": _finite(tau_mem, clock),
        "tau_syn": _finite(tau_syn, clock),
        "v_leak": leak,
        **values,
    }
    return "CubaLI" if isinstance(k, LiReadout) else "CubaLIF", values, ("r", "w_in"), drive


def _finite(tau: object, clock: Ticks) -> FloatArray:
    """A time constant that a file can hold, seconds."""
    given = np.asarray(tau, np.float64)
    return np.where(np.isinf(given), LONG * clock.dt, given)


def _chosen(kind: str, values: Values, free: tuple[str, ...], bias: FloatArray, clock: Ticks) -> Written:
    """The neuron whose free parameters make the gain 1, or next below it, and its bias exact.

    With a gain below 1 by no more than 2^-53 every weight comes back to the last bit. To have a bias back,
    gains a little lower are taken, too.
    """
    start = {**values, **{name: np.ones(bias.shape) for name in free}}
    if "w_in" in free:
        start["r"] = values["tau_mem"]
    start[free[-1]] = 1 / _gain(kind, start, clock)
    best: Written | None = None
    lowest = np.full(bias.shape, np.inf)
    for steps in _steps(len(free)):
        moved = {name: neighbour(start[name], k) for name, k in zip(free, steps, strict=True)}
        trial = _solved(kind, {**start, **moved}, bias, clock)
        miss = np.where(trial.gain <= 1, 1 - trial.gain, np.inf)
        cost = np.where(miss <= LOWEST, miss + trial.inexact, miss + 2)
        best = trial if best is None else _better(trial, best, cost < lowest)
        lowest = np.minimum(cost, lowest)
        if not lowest.any():
            break
    assert best is not None
    return best


def _steps(n_free: int) -> Iterator[tuple[int, ...]]:
    """How far the free parameters are moved from where they start, nearest first."""
    several = product(range(-2, 3), range(-4, 5)) if n_free > 1 else ((k,) for k in range(-8, 9))
    yield from sorted(several, key=lambda steps: sum(map(abs, steps)))


def _solved(kind: str, values: Values, bias: FloatArray, clock: Ticks) -> Written:
    constant, exact = _constant(kind, values, bias, clock)
    return Written(kind, values, _gain(kind, values, clock), constant, ~exact)


def _better(trial: Written, best: Written, where: BoolArray) -> Written:
    """Two ways of writing a population put together, neuron by neuron."""
    return Written(
        best.type,
        {name: np.where(where, v, best.values[name]) for name, v in trial.values.items()},
        np.where(where, trial.gain, best.gain),
        np.where(where, trial.constant, best.constant),
        np.where(where, trial.inexact, best.inexact),
    )


def _gain(kind: str, values: Mapping[str, FloatArray], clock: Ticks) -> FloatArray:
    """By what a reader multiplies weights, ``(n,)``."""
    _, gain = neuron_of(Node(kind, kind, values), np.zeros(()), clock)
    return np.broadcast_to(gain, values["r"].shape).astype(np.float64)


def _constant(kind: str, values: Values, bias: FloatArray, clock: Ticks) -> tuple[FloatArray, BoolArray]:
    """What a file must add in every tick so that a reader finds this bias, and whether it does exactly."""
    shape = bias.shape
    if not np.any(bias):
        return np.zeros(shape), np.ones(shape, np.bool_)
    name = "current_bias" if kind in ("CubaLIF", "CubaLI") else "bias"

    def read(constant: FloatArray) -> FloatArray:
        neuron, _ = neuron_of(Node(kind, kind, values), constant, clock)
        return np.broadcast_to(getattr(neuron, name), shape).astype(np.float64)

    return solved(read, bias, bias / read(np.ones(shape)))

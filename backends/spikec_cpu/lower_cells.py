"""The neurons of a continuous network as the exact engine's kernels see them: a table, a column each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.network import Continuous, Network, Population, Reset
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, QifExp, Ramp, Theta

RAMP, EXP, EQUAL, DOUBLE, GENERAL, LEAK, THETA, QIF = range(8)
"""Kinds of neurons: lines; no leak; time constants of ratio 1, 2, any; kicks to the membrane; pairs.

Of kinds before LEAK what arrives acts on the current, in the second row of the state.
"""

A, B, C, REST, THRESHOLD, RESET, KIND, ONCE, SUBTRACTS, START = range(10)
"""Rows of `Cells.values`. `Theta`: A is r/tau, B is 1/r; `QifExp`: A is 1/tau; else as in `membrane`.

KIND is as above; ONCE is 1 where a neuron spikes once, SUBTRACTS where a spike takes off the threshold.
"""


class Cells(NamedTuple):
    """The neurons of a component.

    Attributes:
        values: Parameters, and from row `START` on the state at rest, ``(START + 3, n)``.
        same: Whether rows A and C are the same for all.
    """

    values: FloatArray
    same: bool

    @property
    def n(self) -> int:
        """How many."""
        return int(self.values.shape[1])


def lower_cells(members: Sequence[Population], network: Network) -> Cells:
    """The neurons of some populations, one after another."""
    values = np.concatenate([_values(p) for p in members], axis=1)
    clock = network.clock
    values[SUBTRACTS] = isinstance(clock, Continuous) and clock.reset is Reset.SUBTRACT
    return Cells(values, same=bool(np.all(values[[A, C]] == values[[A, C], :1])))


def glides(cells: Cells) -> bool:
    """Whether neurons' membranes all decay alike, and arrivals act on their currents: see `kernels.glide`."""
    return cells.same and bool((cells.values[KIND] < LEAK).all())


def _values(population: Population) -> FloatArray:
    values = _parameters(population)
    values[KIND] = _kinds(population, values)
    values[ONCE] = getattr(population.neuron, "one_spike", False)
    return values


def _parameters(population: Population) -> FloatArray:
    k, values = population.neuron, np.zeros((START + 3, population.n))
    if isinstance(k, Theta):
        turned = np.pi * np.asarray(k.phase) / k.period
        values[A], values[B] = k.radius / np.asarray(k.tau), 1 / k.radius
        values[START], values[START + 1] = -np.cos(turned), np.where(turned == 0, 0.0, np.sin(turned))
        return values
    if isinstance(k, QifExp):
        values[A] = 1 / np.asarray(k.tau)
        values[START], values[START + 1], values[START + 2] = k.v_init, 1.0, k.i_init
        return values
    assert isinstance(k, Ramp | If | Lif | IfExp | CubaLif | LiReadout)
    tau_syn = np.asarray(getattr(k, "tau_syn", np.inf))
    drive = np.asarray(getattr(k, "current_bias", 0.0))
    settled = np.where(drive == 0, 0.0, drive * np.where(np.isinf(tau_syn), 0.0, tau_syn))
    values[A] = 1 / np.asarray(getattr(k, "tau_mem", getattr(k, "tau", np.inf)))
    values[B] = np.asarray(k.bias) + settled
    values[C] = 1 / tau_syn
    values[REST] = values[START] = getattr(k, "v_leak", 0.0)
    values[THRESHOLD] = getattr(k, "threshold", np.inf)
    values[RESET] = getattr(k, "v_reset", 0.0)
    values[START + 1] = 0.0 - settled
    return values


def _kinds(population: Population, values: FloatArray) -> IntArray:
    k = population.neuron
    if isinstance(k, Theta):
        return np.full(population.n, THETA)
    if isinstance(k, QifExp):
        return np.full(population.n, QIF)
    if isinstance(k, If | Lif):
        return np.full(population.n, LEAK)
    a, b, c = values[A], values[B], values[C]
    tau_mem = np.asarray(getattr(k, "tau_mem", np.inf), np.float64)
    tau_syn = np.asarray(getattr(k, "tau_syn", np.inf), np.float64)
    choices = [
        ((a == 0) & (c == 0), RAMP),
        ((a == 0) & (b == 0), EXP),
        (np.broadcast_to(tau_mem == tau_syn, a.shape), EQUAL),
        ((c > 0) & (tau_mem == 2 * tau_syn), DOUBLE),
    ]
    found: IntArray = np.select([c for c, _ in choices], [kind for _, kind in choices], GENERAL)
    return found

"""Parameters and first states of the neurons of a fixed network, in the form in which kernels take them.

Every type of neuron has a table of its own: one array a parameter, the neurons of that type by population
and by place (`lower`). A further type is a place in `KINDS`, a table and a function here, a kernel, and its
branch in `kernels.components`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.ir.fixed_neurons import CubaFixed, FixedNeuron, QifFixed, ThetaFixed, word
from spikec.ir.network import Network, Population
from spikec_cpu.lower_parts import on_cache_lines

KINDS: tuple[type[FixedNeuron], ...] = (CubaFixed, ThetaFixed, QifFixed)
CUBA, THETA, QIF = range(3)
"""The kind of a population: the place of its type in `KINDS`."""

_NEVER = (1 << 31) - 1
"""A threshold that no membrane exceeds."""


class CubaTable(NamedTuple):
    """Parameters of `CubaFixed`, int32, at the places of all neurons of the network; 0 where there is none.

    Attributes:
        keep_u: What a tick leaves of the current, ``4096 - du - 1``, of 4096.
        keep_v: What a tick leaves of the membrane, ``4096 - dv``.
        bias: In membrane units.
        threshold: What the membrane must exceed, in its units; places without a neuron never do.
    """

    keep_u: AnyArray
    keep_v: AnyArray
    bias: AnyArray
    threshold: AnyArray


class ThetaTable(NamedTuple):
    """Parameters of `ThetaFixed`, float64, exact.

    Attributes:
        cos: ``cos``.
        sin_a: ``sin_a``.
        sin_b: ``sin_b``.
        unit: A weight of one, ``2**-shift``.
    """

    cos: AnyArray
    sin_a: AnyArray
    sin_b: AnyArray
    unit: AnyArray


class QifTable(NamedTuple):
    """Parameters of `QifFixed`, float64, exact.

    Attributes:
        keep_u: What a tick leaves of the current, ``(4096 - du - 1) / 4096``.
        gain: ``gain * 2**-shift``.
        curve: What p takes off c, ``21845 * turn * 2**-30``.
        turn: ``turn``.
        keep: ``keep``.
    """

    keep_u: AnyArray
    gain: AnyArray
    curve: AnyArray
    turn: AnyArray
    keep: AnyArray


class NeuronTables(NamedTuple):
    """One table a type, and what all neurons begin with.

    Attributes:
        cuba: Of `CubaFixed`.
        theta: Of `ThetaFixed`.
        qif: Of `QifFixed`.
        u_init: Currents at all places at the beginning of a sample, int32.
        v_init: Membranes, int32; a pair is a `word`.
    """

    cuba: CubaTable
    theta: ThetaTable
    qif: QifTable
    u_init: AnyArray
    v_init: AnyArray


def lower_neurons(
    network: Network, orders: Mapping[str, IntArray], firsts: IntArray, n_places: int
) -> NeuronTables:
    """The tables of a network.

    Args:
        network: In the fixed dialect.
        orders: Which neuron each place of a population holds.
        firsts: First place of each population.
        n_places: Of the whole network.
    """
    u_init, v_init = (np.zeros(n_places, np.int32) for _ in range(2))
    for p, first in zip(network.populations, firsts.tolist(), strict=True):
        for begin, values in zip((u_init, v_init), _begin(p), strict=True):
            begin[first : first + p.n] = values[orders[p.name]]
    tables = NeuronTables(
        _cuba(network, orders, firsts, n_places),
        _theta(network, orders),
        _qif(network, orders),
        u_init,
        v_init,
    )
    for array in (*tables.cuba, *tables.theta, *tables.qif, tables.u_init, tables.v_init):
        array.setflags(write=False)
    return tables


def kinds_and_places(network: Network) -> tuple[IntArray, IntArray]:
    """Of each population its kind (-1 for a source) and the place of its first neuron in the kind's table."""
    kinds = np.full(len(network.populations), -1)
    places = np.zeros(kinds.size, np.int64)
    sizes = np.array([p.n for p in network.populations])
    for kind, of_type in enumerate(KINDS):
        own = np.array([isinstance(p.neuron, of_type) for p in network.populations])
        kinds[own], places[own] = kind, np.cumsum(sizes[own]) - sizes[own]
    return kinds, places


def _cuba(network: Network, orders: Mapping[str, IntArray], firsts: IntArray, n_places: int) -> CubaTable:
    du, dv, vth, inclusive = _columns(network, orders, CubaFixed, "du", "dv", "vth", "inclusive")
    mantissa, exponent = _columns(network, orders, CubaFixed, "bias_mant", "bias_exp")
    bias = (mantissa << np.maximum(exponent, 0)) >> np.maximum(-exponent, 0)
    own = zip(network.populations, firsts.tolist(), strict=True)
    places = [first + np.arange(p.n) for p, first in own if isinstance(p.neuron, CubaFixed)]
    at = np.concatenate([np.zeros(0, np.int64), *places])
    columns = []
    for values, nobody in (4095 - du, 0), (4096 - dv, 0), (bias, 0), ((vth << 6) - inclusive, _NEVER):
        column = np.full(n_places, nobody, np.int32)
        column[at] = values
        columns.append(on_cache_lines(column))
    return CubaTable(*columns)


def _theta(network: Network, orders: Mapping[str, IntArray]) -> ThetaTable:
    cos, sin_a, sin_b, shift = _columns(network, orders, ThetaFixed, "cos", "sin_a", "sin_b", "shift")
    return ThetaTable(cos * 1.0, sin_a * 1.0, sin_b * 1.0, 2.0**-shift)


def _qif(network: Network, orders: Mapping[str, IntArray]) -> QifTable:
    names = ("du", "gain", "shift", "turn", "keep")
    du, gain, shift, turn, keep = _columns(network, orders, QifFixed, *names)
    return QifTable((4095 - du) / 4096, gain * 2.0**-shift, 21845 * turn * 2.0**-30, turn * 1.0, keep * 1.0)


def _columns(
    network: Network, orders: Mapping[str, IntArray], kind: type[FixedNeuron], *names: str
) -> list[IntArray]:
    """Parameters of all neurons of a type, by place."""
    groups = [p for p in network.populations if isinstance(p.neuron, kind)]
    nobody = np.zeros(0, np.int64)
    return [
        np.concatenate(
            [nobody, *(np.broadcast_to(getattr(p.neuron, name), (p.n,))[orders[p.name]] for p in groups)]
        )
        for name in names
    ]


def _begin(p: Population) -> tuple[AnyArray, AnyArray]:
    u: AnyArray = np.asarray(getattr(p.neuron, "u_init", 0))
    v = np.zeros((), np.int64)
    if isinstance(p.neuron, ThetaFixed | QifFixed):
        v = word(p.neuron.a_init, p.neuron.b_init)
    return np.broadcast_to(u.astype(np.int32), (p.n,)), np.broadcast_to(v.astype(np.int32), (p.n,))

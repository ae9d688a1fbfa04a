"""What the exact engine asks of a neuron, whatever its type: go on, take a kick, say when it spikes, reset.

A neuron is a column: its kind and parameters in ``p`` (`Cells.values`), up to three numbers of state in
``x`` (membrane and current, or a pair and a current), and a ``limit``: its threshold, or infinity once it is
silenced.
"""

from __future__ import annotations

import math
from typing import Any

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cuba_lif, if_exp, leaf, lif, membrane, qif_exp, ramp, theta
from spikec_cpu.lower_cells import (
    DOUBLE,
    EQUAL,
    EXP,
    KIND,
    LEAK,
    ONCE,
    QIF,
    RAMP,
    RESET,
    REST,
    START,
    SUBTRACTS,
    THETA,
    THRESHOLD,
    A,
    B,
    C,
)


@leaf
def begin(p: AnyArray, j: int, x: AnyArray, limit: AnyArray) -> None:
    """Bring neuron `j` to rest."""
    limit[j] = p[THRESHOLD, j]
    for k in range(3):
        x[k, j] = p[START + k, j]


@leaf
def crossing(p: AnyArray, j: int, x: AnyArray, limit: float, span: float) -> float:
    """Seconds until neuron `j` spikes; infinite if it does not within `span` (or perhaps later than that)."""
    if limit == math.inf:
        return math.inf
    kind = p[KIND, j]
    if kind == THETA:
        return theta.crossing(p[A, j], x[0, j], x[1, j])
    if kind == QIF:
        return qif_exp.crossing(p[A, j], x[0, j], x[1, j], x[2, j])
    v, i = x[0, j], x[1, j]
    if v > limit:
        return 0.0
    if kind == RAMP:
        return ramp.crossing(v, p[B, j] + i, limit)
    if kind == LEAK:
        return lif.crossing(p[A, j], p[REST, j], p[B, j], v, limit)
    if kind == EXP:
        return if_exp.crossing(p[C, j], v, i, limit)
    if kind == EQUAL:
        return cuba_lif.crossing_equal(p[A, j], p[REST, j], p[B, j], v, i, limit)
    if kind == DOUBLE:
        return cuba_lif.crossing_double(p[A, j], p[REST, j], p[B, j], v, i, limit)
    return cuba_lif.crossing_any(p[A, j], p[C, j], p[REST, j], p[B, j], v, i, limit, span)


@leaf
def advance(p: AnyArray, j: int, x: AnyArray, t: float, silenced: bool) -> None:
    """Bring neuron `j` a time `t` on, in which it does not spike, or only in silence."""
    kind = p[KIND, j]
    if t == 0.0:
        return
    if kind == THETA:
        x[0, j], x[1, j] = theta.advance(p[A, j], x[0, j], x[1, j], t, silenced)
    elif kind == QIF:
        x[0, j], x[1, j], x[2, j] = qif_exp.advance(p[A, j], x[0, j], x[1, j], x[2, j], t, silenced)
    else:
        x[0, j], x[1, j] = membrane.advance(p[A, j], p[C, j], p[REST, j], p[B, j], x[0, j], x[1, j], t)


@leaf
def kick(p: AnyArray, j: int, x: AnyArray, w: float) -> None:
    """Let an arrival of weight `w` act on neuron `j`."""
    kind = p[KIND, j]
    if kind == LEAK:
        x[0, j] += w
    elif kind == THETA:
        x[0, j] += w * p[B, j] * x[1, j]
    elif kind == QIF:
        x[2, j] += w
    else:
        x[1, j] += w


@leaf
def reset(p: AnyArray, j: int, x: AnyArray, limit: AnyArray) -> None:
    """Do to neuron `j` what a spike does; silence it if it spikes only once."""
    kind = p[KIND, j]
    if kind >= THETA:
        x[0, j], x[1, j] = -1.0, 0.0
    elif p[SUBTRACTS, j] != 0.0:
        x[0, j] -= p[THRESHOLD, j]
    else:
        x[0, j] = p[RESET, j]
    if p[ONCE, j] != 0.0:
        limit[j] = math.inf


@leaf
def potential(p: AnyArray, j: int, x: AnyArray) -> Any:
    """The membrane V of neuron `j`."""
    kind = p[KIND, j]
    if kind < THETA:
        return x[0, j]
    if x[1, j] == 0.0:
        return math.copysign(math.inf, x[0, j])
    if kind == QIF:
        return x[0, j] / x[1, j]
    return 0.5 + x[0, j] / x[1, j] / p[B, j]

r"""`Theta` neurons as pairs: :math:`(V - 1/2)/r = a/b`, b >= 0.

Between events a pair turns, and a kick shears it:

.. math:: (a, b) \to (a \cos d + b \sin d,\; b \cos d - a \sin d), \quad d = r t/\tau, \qquad
          a \to a + (w/r)\, b

V is infinite where b vanishes; behind that b is negative, and turning both signs is the reset. The next spike
is :math:`t^* = (\tau/r) \operatorname{atan2}(b, a)` away. No kick needs a transcendental function.
"""

from __future__ import annotations

import math

from spikec.arrays import AnyArray
from spikec_cpu.kernels import leaf
from spikec_cpu.lower_cells import A


@leaf
def crossing(rate: float, a: float, b: float) -> float:
    """Seconds until the next spike; `rate` is r/tau."""
    if b <= 0.0:
        return math.pi / rate if a < 0.0 else 0.0
    return math.atan2(b, a) / rate


@leaf
def advance(rate: float, a: float, b: float, t: float, silenced: bool) -> tuple[float, float]:
    """The pair a time `t` later, of length 1; only one that is silenced may pass through infinity."""
    cos, sin = math.cos(rate * t), math.sin(rate * t)
    size = math.hypot(a, b)
    a, b = (a * cos + b * sin) / size, (b * cos - a * sin) / size
    if b < 0.0:
        if silenced:
            return -a, -b
        return a, 0.0  # rounding, right before or after a spike
    return a, b


@leaf
def sweep(p: AnyArray, t: float, same: bool, x: AnyArray, after: AnyArray, excess: AnyArray) -> None:
    """Turn all neurons of a population by `t`, and tell those that spike.

    Args:
        p: `Cells.values`, of which row A is r/tau, per second.
        t: Seconds.
        same: Whether that is the same for all.
        x: Pairs, ``(3, n)``.
        after: Those afterwards, written; the second below zero after a spike.
        excess: Written; above zero for those that spike.
    """
    cos, sin, often = math.cos(p[A, 0] * t), math.sin(p[A, 0] * t), p[A, 0] * t >= math.pi
    for j in range(excess.size):
        if not same:
            cos, sin, often = math.cos(p[A, j] * t), math.sin(p[A, j] * t), p[A, j] * t >= math.pi
        after[0, j] = x[0, j] * cos + x[1, j] * sin
        after[1, j] = x[1, j] * cos - x[0, j] * sin
        excess[j] = 1.0 if often else x[0, j] * sin - x[1, j] * cos


@leaf
def shrink(x: AnyArray) -> None:
    """Bring pairs that kicks have made long back to about length 1."""
    for j in range(x.shape[1]):
        size = 1.0 / (abs(x[0, j]) + abs(x[1, j]))
        x[0, j] *= size
        x[1, j] *= size

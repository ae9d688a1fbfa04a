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
from spikec_cpu.kernels import inner


@inner
def crossing(rate: float, a: float, b: float) -> float:
    """Seconds until the next spike; `rate` is r/tau."""
    if b <= 0.0:
        return math.pi / rate if a < 0.0 else 0.0
    return math.atan2(b, a) / rate


@inner
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


@inner
def sweep(
    rate: AnyArray,
    t: float,
    same: bool,
    a: AnyArray,
    b: AnyArray,
    a_after: AnyArray,
    b_after: AnyArray,
    excess: AnyArray,
) -> None:
    """Turn all neurons of a population by `t`, and tell those that spike.

    Args:
        rate: r/tau, per second, ``(n,)``.
        t: Seconds.
        same: Whether `rate` is the same for all.
        a: First of each pair.
        b: Second of each pair.
        a_after: First, written.
        b_after: Second, written; negative after a spike.
        excess: Written; above zero for those that spike.
    """
    cos, sin, often = math.cos(rate[0] * t), math.sin(rate[0] * t), rate[0] * t >= math.pi
    for j in range(a.size):
        if not same:
            cos, sin, often = math.cos(rate[j] * t), math.sin(rate[j] * t), rate[j] * t >= math.pi
        a_after[j] = a[j] * cos + b[j] * sin
        b_after[j] = b[j] * cos - a[j] * sin
        excess[j] = 1.0 if often else a[j] * sin - b[j] * cos


@inner
def shrink(a: AnyArray, b: AnyArray) -> None:
    """Bring pairs that kicks have made long back to about length 1."""
    for j in range(a.size):
        size = 1.0 / (abs(a[j]) + abs(b[j]))
        a[j] *= size
        b[j] *= size

r"""`QifExp` neurons as pairs: V = a/b, b >= 0.

With :math:`E = e^{-t/\tau}` and :math:`s = 1 - E`, and x = I s^2,

.. math:: a \to E (C a + I S b), \qquad b \to C b - S a, \qquad I \to I E^2

where :math:`C = \cos(q s)`, :math:`S = \sin(q s)/q`, :math:`q = \sqrt I` for positive currents, hyperbolic
functions with :math:`q = \sqrt{-I}` for negative ones (both divided by cosh here: only a/b counts), and
:math:`C = 1 - x/2 + \dots`, :math:`S = s (1 - x/6 + \dots)` for small x. V is infinite where b vanishes; the
reset turns both signs. The next spike is at :math:`t^* = -\tau \ln(1 - s^*)` with :math:`s^* =`
:math:`\operatorname{atan2}(q b, a)/q`, or :math:`b/a`, or :math:`\operatorname{artanh}(q b/a)/q`, if that is
below 1.
"""

from __future__ import annotations

import math

from spikec_cpu.kernels import leaf


@leaf
def crossing(rate: float, a: float, b: float, i: float) -> float:
    """Seconds until the next spike, infinite if there is none; `rate` is 1/tau."""
    if b <= 0.0 and a >= 0.0:
        return 0.0
    if i > 0.0:
        q = math.sqrt(i)
        s = math.atan2(max(q * b, 0.0), a) / q
    elif i < 0.0:
        q = math.sqrt(-i)
        if a <= 0.0 or q * b >= a:
            return math.inf
        s = math.atanh(q * b / a) / q
    else:
        if a <= 0.0:
            return math.inf
        s = b / a
    if s >= 1.0:
        return math.inf
    return -math.log1p(-s) / rate


@leaf
def advance(
    rate: float, a: float, b: float, i: float, t: float, silenced: bool
) -> tuple[float, float, float]:
    """Pair and current a time `t` later; only a neuron that is silenced may pass through infinity."""
    s, keep = -math.expm1(-rate * t), math.exp(-rate * t)
    cos, sin = turn(i, s)
    a, b = keep * (cos * a + i * sin * b), cos * b - sin * a
    size = math.hypot(a, b)
    a, b, i = a / size, b / size, i * keep * keep
    if b < 0.0:
        if silenced:
            return -a, -b, i
        return a, 0.0, i  # rounding, right before or after a spike
    return a, b, i


@leaf
def turn(i: float, s: float) -> tuple[float, float]:
    """C and S."""
    x = i * s * s
    if abs(x) < 1e-4:
        return (
            1.0 - x / 2.0 * (1.0 - x / 12.0 * (1.0 - x / 30.0)),
            s * (1.0 - x / 6.0 * (1.0 - x / 20.0 * (1.0 - x / 42.0))),
        )
    if i > 0.0:
        q = math.sqrt(i)
        return math.cos(q * s), math.sin(q * s) / q
    q = math.sqrt(-i)
    return 1.0, math.tanh(q * s) / q

r"""The closed form that `Ramp`, `If`, `Lif`, `IfExp`, `CubaLif` and `LiReadout` follow between events.

With the rates :math:`a = 1/\tau_m` and :math:`c = 1/\tau_s` (0 for infinite ones), the distance from rest
:math:`u = V - V_l`, and :math:`E(t, r) = (1 - e^{-rt})/r`, :math:`E(t, 0) = t`,

.. math:: I(t) = I_0 e^{-ct}, \qquad
          u(t) = u_0 e^{-at} + I_0 K(t) + b\,E(t, a), \qquad
          K(t) = \int_0^t e^{-cs} e^{-a(t-s)} ds = e^{-\min(a, c) t} E(t, |c - a|)
"""

from __future__ import annotations

import math

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner


@inner
def shares(a: float, c: float, t: float) -> tuple[float, float, float, float]:
    r""":math:`e^{-at}`, :math:`e^{-ct}`, :math:`K(t)` and :math:`E(t, a)`."""
    return math.exp(-a * t), math.exp(-c * t), math.exp(-min(a, c) * t) * fading(t, abs(c - a)), fading(t, a)


@inner
def fading(t: float, r: float) -> float:
    """:math:`E(t, r)`, stable as r goes to 0."""
    if r == 0.0:
        return t
    return -math.expm1(-r * t) / r


@inner
def advance(a: float, c: float, rest: float, b: float, v: float, i: float, t: float) -> tuple[float, float]:
    """Membrane and current a time `t` later."""
    keep, left, driven, biased = shares(a, c, t)
    return rest + (v - rest) * keep + i * driven + b * biased, i * left


@inner
def sweep(
    a: AnyArray,
    c: AnyArray,
    rest: AnyArray,
    b: AnyArray,
    threshold: AnyArray,
    slack: float,
    t: float,
    same: bool,
    v: AnyArray,
    i: AnyArray,
    v_after: AnyArray,
    i_after: AnyArray,
    excess: AnyArray,
) -> bool:
    r"""Advance all neurons of a population by `t` as if none spiked, and tell those that may.

    A membrane that is above threshold neither before nor after can have been so in between only if it has
    a maximum there. Then its current is positive and its slope falls from the beginning on, so that
    :math:`V_0 + \dot V_0 t` is an upper bound.

    Args:
        a: Rates, per second, as all parameters ``(n,)``.
        c: Rates, per second.
        rest: :math:`V_l`.
        b: Bias, per second.
        threshold: Infinite for those that cannot spike.
        slack: What a membrane may lack to its threshold afterwards and still count as above.
        t: Seconds.
        same: Whether `a` and `c` are the same for all neurons.
        v: Membranes.
        i: Currents.
        v_after: Membranes, written.
        i_after: Currents, written.
        excess: Written: by how much each may exceed its threshold; above zero for those that may.

    Returns:
        Whether any may.
    """
    any_crosses = False
    if same:
        a0 = a[0]
        keep, left, driven, biased = shares(a0, c[0], t)
        for j in range(v.size):
            u = v[j] - rest[j]
            slope = b[j] - a0 * u + i[j]
            u_after = u * keep + i[j] * driven + b[j] * biased
            later = i[j] * left
            bound = v[j] + max(slope, 0.0) * t if b[j] - a0 * u_after + later < 0.0 else v[j]
            v_after[j] = rest[j] + u_after
            i_after[j] = later
            excess[j] = max(bound, rest[j] + u_after + slack) - threshold[j]
        for j in range(v.size):
            any_crosses |= excess[j] > 0.0
        return any_crosses
    for j in range(v.size):
        keep, left, driven, biased = shares(a[j], c[j], t)
        u = v[j] - rest[j]
        slope = b[j] - a[j] * u + i[j]
        u_after = u * keep + i[j] * driven + b[j] * biased
        later = i[j] * left
        bound = v[j] + max(slope, 0.0) * t if b[j] - a[j] * u_after + later < 0.0 else v[j]
        v_after[j] = rest[j] + u_after
        i_after[j] = later
        excess[j] = max(bound, rest[j] + u_after + slack) - threshold[j]
        any_crosses |= excess[j] > 0.0
    return any_crosses

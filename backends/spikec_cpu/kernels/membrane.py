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
from spikec_cpu.kernels import leaf
from spikec_cpu.lower_cells import REST, A, B, C


@leaf
def shares(a: float, c: float, t: float) -> tuple[float, float, float]:
    r""":math:`e^{-at}`, :math:`e^{-ct}` and :math:`K(t)`."""
    if c == 2.0 * a and a > 0.0:  # with one exponential instead of three
        lost = -math.expm1(-a * t)
        keep = 1.0 - lost
        return keep, keep * keep, keep * lost / a
    keep, left = math.exp(-a * t), math.exp(-c * t)
    return keep, left, (keep if a <= c else left) * fading(t, abs(c - a))


@leaf
def fading(t: float, r: float) -> float:
    """:math:`E(t, r)`, stable as r goes to 0."""
    if r == 0.0:
        return t
    return -math.expm1(-r * t) / r


@leaf
def top(a: float, c: float) -> float:
    """Where :math:`K` has its maximum; infinite if it rises for ever."""
    if a == 0.0 or c == 0.0:
        return math.inf
    return 1.0 / a if a == c else math.log(c / a) / (c - a)


@leaf
def advance(a: float, c: float, rest: float, b: float, v: float, i: float, t: float) -> tuple[float, float]:
    """Membrane and current a time `t` later."""
    keep, left, driven = shares(a, c, t)
    biased = fading(t, a) if b != 0.0 else 0.0
    return rest + (v - rest) * keep + i * driven + b * biased, i * left


@leaf
def sweep(
    p: AnyArray,
    limit: AnyArray,
    slack: float,
    steps: AnyArray,
    k: int,
    same: bool,
    x: AnyArray,
    after: AnyArray,
    excess: AnyArray,
) -> None:
    r"""Advance neurons from arrival `k` to the next as if none spiked, and tell those that may.

    A membrane that is above threshold neither before nor after can have been so in between only if it has
    a maximum there. Then its current is positive and its slope falls from the beginning on, so that
    :math:`V_0 + \dot V_0 t` is an upper bound.

    Args:
        p: `Cells.values`.
        limit: Thresholds, infinite for those that cannot spike, ``(n,)``.
        slack: What a membrane may lack to its threshold afterwards and still count as above.
        steps: As `slices.steps_of` gives them; only their seconds if rates differ.
        k: Which arrival.
        same: Whether all rates are the same.
        x: Membranes and currents, ``(3, n)``.
        after: Membranes and currents afterwards, written.
        excess: By how much each may exceed its threshold, written; above zero for those that may.
    """
    t, keep, left, driven, biased = steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3], steps[k, 4]
    for j in range(limit.size):
        v, i, rest, b = x[0, j], x[1, j], p[REST, j], p[B, j]
        if not same:
            keep, left, driven = shares(p[A, j], p[C, j], t)
            biased = fading(t, p[A, j]) if b != 0.0 else 0.0
        u = v - rest
        slope = b - p[A, j] * u + i
        u_after = u * keep + i * driven + b * biased
        turns = b - p[A, j] * u_after + i * left < 0.0
        bound = v + max(slope, 0.0) * t if turns else v
        after[0, j], after[1, j] = rest + u_after, i * left
        excess[j] = max(bound, rest + u_after + slack) - limit[j]

r"""The closed form that `Ramp`, `If`, `Lif`, `IfExp`, `CubaLif` and `LiReadout` follow between events.

With the rates :math:`a = 1/\tau_m` and :math:`c = 1/\tau_s` (0 for infinite ones), the distance from rest
:math:`u = V - V_l`, and :math:`E(t, r) = (1 - e^{-rt})/r`, :math:`E(t, 0) = t`,

.. math:: I(t) = I_0 e^{-ct}, \qquad
          u(t) = u_0 e^{-at} + I_0 K(t) + b\,E(t, a), \qquad
          K(t) = \int_0^t e^{-cs} e^{-a(t-s)} ds = e^{-\min(a, c) t} E(t, |c - a|)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner
from spikec_cpu.lower_exact import REST, A, B, C


@inner
def shares(a: float, c: float, t: float) -> tuple[float, float, float]:
    r""":math:`e^{-at}`, :math:`e^{-ct}` and :math:`K(t)`."""
    keep, left = math.exp(-a * t), math.exp(-c * t)
    return keep, left, (keep if a <= c else left) * fading(t, abs(c - a))


@inner
def fading(t: float, r: float) -> float:
    """:math:`E(t, r)`, stable as r goes to 0."""
    if r == 0.0:
        return t
    return -math.expm1(-r * t) / r


@inner
def advance(a: float, c: float, rest: float, b: float, v: float, i: float, t: float) -> tuple[float, float]:
    """Membrane and current a time `t` later."""
    keep, left, driven = shares(a, c, t)
    biased = fading(t, a) if b != 0.0 else 0.0
    return rest + (v - rest) * keep + i * driven + b * biased, i * left


@inner
def glide(
    p: AnyArray,
    limit: AnyArray,
    steps: AnyArray,
    row: AnyArray,
    weights: AnyArray,
    x: AnyArray,
    now: int,
    k: int,
    end: int,
) -> tuple[int, int]:
    r"""Bring neurons whose rates are the same from arrival to arrival, until one of them may spike.

    The membrane of one that does is above its threshold afterwards, or would be if its slope stayed what it
    is at the beginning, for where a membrane has a maximum its slope falls from the beginning on.

    Args:
        p: `Cells.values`.
        limit: Thresholds, infinite for those that cannot spike, ``(n,)``.
        steps: From each arrival to the next: seconds, :math:`e^{-at}`, :math:`e^{-ct}`, :math:`K(t)` and
            :math:`E(t, a)`, ``(n_arrivals, 5)``.
        row: Which row of weights arrives.
        weights: One row a presynaptic neuron.
        x: States, those of one moment and those of the next by turns, ``(2, 3, n)``.
        now: Where the state before arrival `k` is.
        k: The first arrival.
        end: The last, which is left.

    Returns:
        The arrival after which a neuron may spike, or `end`; where the state before it is in `x`.
    """
    a = p[A, 0]
    while k < end:
        t, keep, left, driven, biased = steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3], steps[k, 4]
        r, then = row[k], 1 - now
        found: Any = np.int64(0)  # a sum, which processors make for several neurons at once
        if t == 0.0:
            for j in range(limit.size):
                x[now, 1, j] += weights[r, j]
            k += 1
            continue
        for j in range(limit.size):
            v, i = x[now, 0, j], x[now, 1, j] + weights[r, j]
            u = v - p[REST, j]
            slope = p[B, j] - a * u + i
            v_after = p[REST, j] + (u * keep + i * driven + p[B, j] * biased)
            x[then, 0, j], x[then, 1, j] = v_after, i * left
            found += max(v + max(slope, 0.0) * t, v_after) > limit[j]
        if found > 0:
            break
        now, k = then, k + 1
    return k, now


@inner
def sweep(
    p: AnyArray,
    limit: AnyArray,
    slack: float,
    step: AnyArray,
    same: bool,
    x: AnyArray,
    kick: AnyArray,
    after: AnyArray,
    excess: AnyArray,
) -> None:
    r"""Kick neurons, advance them by a step as if none spiked, and tell those that may.

    A membrane that is above threshold neither before nor after can have been so in between only if it has
    a maximum there. Then its current is positive and its slope falls from the beginning on, so that
    :math:`V_0 + \dot V_0 t` is an upper bound.

    Args:
        p: `Cells.values`.
        limit: Thresholds, infinite for those that cannot spike, ``(n,)``.
        slack: What a membrane may lack to its threshold afterwards and still count as above.
        step: As one of the `steps` of `glide`; only its first number if rates differ.
        same: Whether all rates are the same.
        x: Membranes and currents, which take the kicks, ``(3, n)``.
        kick: What is added to the currents first, ``(n,)``.
        after: Membranes and currents afterwards, written.
        excess: By how much each may exceed its threshold, written; above zero for those that may.
    """
    t, keep, left, driven, biased = step[0], step[1], step[2], step[3], step[4]
    for j in range(limit.size):
        v, i, rest, b = x[0, j], x[1, j] + kick[j], p[REST, j], p[B, j]
        if not same:
            keep, left, driven = shares(p[A, j], p[C, j], t)
            biased = fading(t, p[A, j]) if b != 0.0 else 0.0
        x[1, j] = i
        u = v - rest
        slope = b - p[A, j] * u + i
        u_after = u * keep + i * driven + b * biased
        turns = b - p[A, j] * u_after + i * left < 0.0
        bound = v + max(slope, 0.0) * t if turns else v
        after[0, j], after[1, j] = rest + u_after, i * left
        excess[j] = max(bound, rest + u_after + slack) - limit[j]

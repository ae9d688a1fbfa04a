r"""When a `CubaLif` neuron exceeds its threshold, at any ratio of its time constants.

With :math:`g = \vartheta - V_0 \ge 0` and the slope :math:`\dot V_0 = b - a (V_0 - V_l) + I_0`:

* **ratio 2**, :math:`c = 2a`: in :math:`y = 1 - e^{-at}` the membrane is a parabola,
  :math:`V - V_0 = (\dot V_0/a) y - (I_0/a) y^2` (J. Goeltz et al., Nat. Mach. Intell. 3, 823 (2021));
* **ratio 1**, :math:`a = c`: in :math:`x = at` it is :math:`V - V_\infty = (w + J x) e^{-x}` with
  :math:`w = V_0 - V_\infty`, :math:`J = I_0/a`, and Lambert's function gives (ibid.)
  :math:`x^* = -w/J - W(-(G/J)\, e^{-w/J})`, :math:`G = \vartheta - V_\infty`;
* **any ratio**: the slope vanishes at most once, where :math:`E(t, c - a) = \dot V_0/(I_0 c)`. So a crossing
  lies before that extremum if the membrane exceeds the threshold there, and after it otherwise.

A membrane that only touches its threshold does not exceed it.
"""

from __future__ import annotations

import math

from spikec_cpu.kernels import leaf, lif, membrane
from spikec_cpu.kernels.lambert import lambert


@leaf
def crossing_double(a: float, rest: float, b: float, v: float, i: float, threshold: float) -> float:
    """Ratio 2: seconds until a membrane at or below its threshold exceeds it; infinite if it never does."""
    gap, slope, curve = threshold - v, (b + i) / a - (v - rest), -i / a
    discriminant = slope * slope + 4.0 * curve * gap
    if curve <= 0.0:
        if slope <= 0.0 or discriminant <= 0.0:
            return math.inf
        y = 2.0 * gap / (slope + math.sqrt(discriminant))
    elif slope > 0.0:
        y = 2.0 * gap / (slope + math.sqrt(discriminant))
    else:
        y = (math.sqrt(discriminant) - slope) / (2.0 * curve)
    return -math.log1p(-y) / a if y < 1.0 else math.inf


@leaf
def crossing_equal(a: float, rest: float, b: float, v: float, i: float, threshold: float) -> float:
    """Ratio 1: seconds until a membrane at or below its threshold exceeds it; infinite if it never does."""
    if i == 0.0:
        return lif.crossing(a, rest, b, v, threshold)
    settled = rest + b / a
    w, goal, j = v - settled, threshold - settled, i / a
    if j > 0.0:
        if goal > 0.0 and (w >= j or j * math.exp(w / j - 1.0) <= goal):
            return math.inf
        if goal == 0.0:
            return -w / j / a
    elif goal >= 0.0:
        return math.inf
    x = -w / j - lambert(math.log(abs(goal / j)) - w / j, goal < 0.0 < j, j < 0.0)
    # Where w/J is large the difference above is small: two of Newton's steps on what is left of it.
    for _ in range(2):
        keep = math.exp(-x)
        slope = (j - w - j * x) * keep
        if slope <= 0.0:
            break
        step = (w * math.expm1(-x) + j * x * keep - (threshold - v)) / slope
        if abs(step) > 0.1 * abs(x) + 1e-9:
            break
        x -= step
    return max(x, 0.0) / a


@leaf
def crossing_any(
    a: float, c: float, rest: float, b: float, v: float, i: float, threshold: float, span: float
) -> float:
    """Any ratio: seconds until a membrane at or below its threshold exceeds it, infinite if not in `span`."""
    turn = min(extremum(a, c, rest, b, v, i), span)
    if membrane.advance(a, c, rest, b, v, i, turn)[0] > threshold:
        return root(a, c, rest, b, v, i, threshold, 0.0, turn)
    if turn < span and membrane.advance(a, c, rest, b, v, i, span)[0] > threshold:
        return root(a, c, rest, b, v, i, threshold, turn, span)
    return math.inf


@leaf
def extremum(a: float, c: float, rest: float, b: float, v: float, i: float) -> float:
    """Where the membrane's slope vanishes; infinite if nowhere ahead."""
    fade, r = i * c, c - a
    if fade == 0.0:
        return math.inf
    q = (b - a * (v - rest) + i) / fade
    if q <= 0.0 or r * q >= 1.0:
        return math.inf
    if abs(r * q) < 1e-300:
        return q
    return -math.log1p(-r * q) / r


@leaf
def root(
    a: float,
    c: float,
    rest: float,
    b: float,
    v: float,
    i: float,
    threshold: float,
    low: float,
    high: float,
) -> float:
    """Where the membrane exceeds its threshold between `low`, where it does not, and `high`, where it does.

    Newton's method, and halving wherever that would leave the bracket or does not halve it.
    """
    t, width = low, high - low
    for _ in range(200):
        v_now, i_now = membrane.advance(a, c, rest, b, v, i, t)
        if v_now > threshold:
            high = t
        else:
            low = t
        slope = b - a * (v_now - rest) + i_now
        step = (threshold - v_now) / slope if slope > 0.0 else math.inf
        guess = t + step
        if not low <= guess <= high or abs(step) > 0.5 * width:
            guess = 0.5 * (low + high)
        width = abs(guess - t)
        t = guess
        if width <= 2e-16 * t or high - low <= 2e-16 * high:
            break
    return t

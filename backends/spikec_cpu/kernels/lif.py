r"""When an `If` or `Lif` neuron exceeds its threshold between two kicks: its bias alone can do that.

.. math:: V(t) = V_\infty + (V_0 - V_\infty) e^{-at}, \qquad V_\infty = V_l + b/a, \qquad
          t^* = \frac1a \ln\Big(1 + \frac{\vartheta - V_0}{V_\infty - \vartheta}\Big)
"""

from __future__ import annotations

import math

from spikec_cpu.kernels import leaf, ramp


@leaf
def crossing(a: float, rest: float, b: float, v: float, threshold: float) -> float:
    """Seconds until a membrane at or below its threshold exceeds it; infinite if it never does."""
    if a == 0.0:
        return ramp.crossing(v, b, threshold)
    ahead = rest + b / a - threshold
    if ahead <= 0.0:
        return math.inf
    return math.log1p((threshold - v) / ahead) / a

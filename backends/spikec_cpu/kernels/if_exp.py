r"""When an `IfExp` neuron without bias exceeds its threshold.

.. math:: V(t) = V_0 + \frac{I_0}{c} (1 - e^{-ct}), \qquad
          t^* = -\frac1c \ln\Big(1 - c\,\frac{\vartheta - V_0}{I_0}\Big)
"""

from __future__ import annotations

import math

from spikec_cpu.kernels import leaf


@leaf
def crossing(c: float, v: float, i: float, threshold: float) -> float:
    """Seconds until a membrane at or below its threshold exceeds it; infinite if it never does."""
    if i <= 0.0:
        return math.inf
    needed = (threshold - v) * c / i
    if needed >= 1.0:
        return math.inf
    return -math.log1p(-needed) / c

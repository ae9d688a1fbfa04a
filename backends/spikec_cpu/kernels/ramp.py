r"""When a `Ramp` neuron, or any membrane on a straight line, exceeds its threshold.

.. math:: V(t) = V_0 + (I + b) t, \qquad t^* = \frac{\vartheta - V_0}{I + b}
"""

from __future__ import annotations

import math

from spikec_cpu.kernels import leaf


@leaf
def crossing(v: float, slope: float, threshold: float) -> float:
    """Seconds until a membrane at or below its threshold exceeds it; infinite if it never does."""
    if slope <= 0.0:
        return math.inf
    return (threshold - v) / slope

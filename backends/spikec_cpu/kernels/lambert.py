r"""Lambert's function, :math:`W e^W = z`, from the logarithm of its argument.

:math:`z = \pm e^L` may be larger or smaller than a float can be. Taking logarithms,
:math:`\pm W > 0` solves :math:`\ln |W| + W = L`: for positive z and on the lower branch by Newton's steps in
W, where that function is concave and monotone; near the branch point z = -1/e by its series.
"""

from __future__ import annotations

import math

from spikec_cpu.kernels import leaf


@leaf
def lambert(log_z: float, positive: bool, lower: bool) -> float:
    """W of z.

    Args:
        log_z: Logarithm of the absolute value of z; for negative z at most -1.
        positive: Whether z is positive.
        lower: Of the two branches for negative z, that with W <= -1.
    """
    if positive:
        w = log_z - math.log(log_z) if log_z > 2.0 else math.log1p(math.exp(log_z)) + 1e-300
        for _ in range(30):
            step = (log_z - w - math.log(w)) * w / (1.0 + w)
            w = max(w + step, 1e-300 + 0.1 * w)
            if abs(step) <= 1e-15 * w:
                break
        return w
    # With p^2 = 2 (1 + e z): W = -1 +- p - p^2/3 +- 11 p^3/72 (Corless et al. 1996, eq. 4.22)
    p = math.sqrt(max(-2.0 * math.expm1(1.0 + log_z), 0.0))
    p = -p if lower else p
    w = -1.0 + p - p * p / 3.0 + 11.0 * p * p * p / 72.0
    if abs(p) < 1e-4:
        return w
    if log_z < -2.0:
        w = log_z - math.log(-log_z) if lower else -math.exp(log_z) * (1.0 + math.exp(log_z))
    for _ in range(30):
        step = (log_z - w - math.log(-w)) * w / (1.0 + w)
        after = w + step
        highest, lowest = (0.5 * (w - 1.0), -math.inf) if lower else (0.1 * w, 0.5 * (w - 1.0))
        after = max(min(after, highest), lowest)
        step, w = after - w, after
        if abs(step) <= 1e-15 * abs(w):
            break
    return w

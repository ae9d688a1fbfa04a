r"""One tick of `CubaFixed` neurons in 32-bit integers, Lava's ``PyLifModelBitAcc`` bit for bit.

With :math:`M = 2^{23}`, :math:`dec(x, d) = sign(x)\,((|x| (4096 - d)) \gg 12)` and all sums modulo
:math:`2^{32}`:

.. math:: u &\leftarrow wrap(dec(u, du + 1) + (a \ll 6)) \\
          v &\leftarrow clip(dec(v, dv) + u + b,\; -M + 1,\; M - 1) \\
          s &= v > (vth \ll 6), \qquad v[s] \leftarrow 0

where :math:`wrap` subtracts :math:`2M` once if :math:`u > M` and adds it once if :math:`u \le -M`.

The decay is a product of float64 that is cut off toward zero. This is the same: :math:`|x| \le 2^{31}` and
:math:`4096 - d \le 2^{12}`, so the product has at most 43 bits and is exact in the 53 of a float64, the
division by 4096 only changes its exponent, and the cut drops what the shift drops. It is faster than 64-bit
integers, which have no vector multiplication on most CPUs.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel

M = 1 << 23


@kernel
def update(
    u: AnyArray,
    v: AnyArray,
    a: AnyArray,
    keep_u: AnyArray,
    keep_v: AnyArray,
    bias: AnyArray,
    threshold: AnyArray,
    spiking: AnyArray,
) -> None:
    """Advance neurons by one tick; take the sums `a` and leave zeros in their place.

    Args:
        u: Currents, int32, changed.
        v: Membranes, int32, changed.
        a: What arrives in this tick, int32, cleared.
        keep_u: ``(4096 - du - 1) / 4096``, float64.
        keep_v: ``(4096 - dv) / 4096``, float64.
        bias: int32.
        threshold: ``vth << 6``, int32.
        spiking: Who spikes, uint8, written.
    """
    for j in range(u.size):
        current = np.int32(np.int32(u[j] * keep_u[j]) + (a[j] << 6))
        if current > M:
            current = np.int32(current - 2 * M)
        elif current <= -M:
            current = np.int32(current + 2 * M)
        membrane = np.int32(np.int32(v[j] * keep_v[j]) + current + bias[j])
        membrane = min(max(membrane, np.int32(1 - M)), np.int32(M - 1))
        spikes = membrane > threshold[j]
        a[j] = 0
        u[j] = current
        v[j] = np.int32(0) if spikes else membrane
        spiking[j] = spikes

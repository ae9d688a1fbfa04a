r"""One tick of `QifFixed` neurons, to the bit as `spikec.ir.fixed_neurons` defines them.

With :math:`M = 2^{23}`, :math:`P = 2^{15} - 1`, :math:`h = 2^{shift}/2`, rounded down, x what arrives in this
tick, and dec as in `cuba_fixed`, sums of u modulo :math:`2^{32}`:

.. math:: u &\leftarrow clip(dec(u, du + 1) + (x \ll 6),\; -M + 1,\; M - 1) \\
          p &= clip((u \cdot gain + h) \gg shift,\; -P,\; P) \\
          c &= 2^{14} - ((21845\, p \cdot turn + 2^{29}) \gg 30) \\
          (A, B) &= (keep\,(c\,a + p\,b),\;\; 2^{14} (c\,b - turn \cdot a))

and then `settle`. A rounded shift is :math:`\lfloor y\, 2^{-shift} + 1/2 \rfloor` in float64, exact: u has 23
bits, gain 15 and shift at most 47, p 15 and :math:`21845\, turn` 29; A and B have at most 46.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.pairs import settle

M = 1 << 23
P = (1 << 15) - 1
ONE = 1 << 14


@kernel
def update(
    u: AnyArray,
    v: AnyArray,
    x: AnyArray,
    keep_u: AnyArray,
    gain: AnyArray,
    curve: AnyArray,
    turn: AnyArray,
    keep: AnyArray,
    scratch: AnyArray,
    spiking: AnyArray,
) -> None:
    """Advance neurons by one tick; take the sums `x` and leave zeros in their place.

    Args:
        u: Currents, int32, changed.
        v: Pairs as words, int32, changed.
        x: What arrives in this tick, int32, cleared.
        keep_u: See `QifTable`, as the next four.
        gain: float64.
        curve: float64.
        turn: float64.
        keep: float64.
        scratch: float64, ``(3, n)`` or wider.
        spiking: Who spikes, uint8, written.
    """
    first, second, size = scratch[0][: v.size], scratch[1][: v.size], scratch[2][: v.size]
    for j in range(v.size):
        a, b = np.float64(v[j] >> 16), np.float64(v[j] & 65535)
        current = np.int32(np.int32(u[j] * keep_u[j]) + (x[j] << 6))
        current = min(max(current, np.int32(1 - M)), np.int32(M - 1))
        p = min(max(np.floor(current * gain[j] + 0.5), -1.0 * P), 1.0 * P)
        c = ONE - np.floor(p * curve[j] + 0.5)
        first[j] = keep[j] * (c * a + p * b)
        second[j] = ONE * (c * b - turn[j] * a)
        u[j] = current
        x[j] = 0
    settle(first, second, size, v, spiking)

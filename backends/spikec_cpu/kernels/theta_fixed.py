r"""One tick of `ThetaFixed` neurons, to the bit as `spikec.ir.fixed_neurons` defines them.

With :math:`M = 2^{23}`, :math:`h = 2^{shift} / 2`, rounded down, and x what arrives in this tick, modulo
:math:`2^{32}`:

.. math:: a &\leftarrow clip(a + ((x\,b + h) \gg shift),\; -M + 1,\; M - 1) \\
          (A, B) &= (\cos \cdot a + \sin_a \cdot b,\;\; \cos \cdot b - \sin_b \cdot a)

and then `settle`. The kick is :math:`\lfloor x\,b\,2^{-shift} + 1/2 \rfloor` in float64: :math:`x\,b` has at
most 46 bits and shift is at most 31, so that nothing is lost.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.pairs import settle

M = 1 << 23


@kernel
def update(
    v: AnyArray,
    x: AnyArray,
    cos: AnyArray,
    sin_a: AnyArray,
    sin_b: AnyArray,
    unit: AnyArray,
    scratch: AnyArray,
    spiking: AnyArray,
) -> None:
    """Advance neurons by one tick; take the sums `x` and leave zeros in their place.

    Args:
        v: Pairs as words, int32, changed.
        x: What arrives in this tick, int32, cleared.
        cos: See `ThetaTable`, as the next three.
        sin_a: float64.
        sin_b: float64.
        unit: float64.
        scratch: float64, ``(3, n)`` or wider.
        spiking: Who spikes, uint8, written.
    """
    first, second, size = scratch[0][: v.size], scratch[1][: v.size], scratch[2][: v.size]
    for j in range(v.size):
        a, b = np.float64(v[j] >> 16), np.float64(v[j] & 65535)
        a += np.floor(x[j] * b * unit[j] + 0.5)
        a = min(max(a, 1.0 - M), M - 1.0)
        first[j] = cos[j] * a + sin_a[j] * b
        second[j] = cos[j] * b - sin_b[j] * a
        x[j] = 0
    settle(first, second, size, v, spiking)

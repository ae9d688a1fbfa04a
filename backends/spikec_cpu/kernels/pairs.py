r"""Pairs of small integers and their normalisation, shared by `ThetaFixed` and `QifFixed`.

A tick makes of a pair two numbers A and B below :math:`2^{46}`. All arithmetic on the way is of float64, in
which such numbers and products are exact, for float64 has vector instructions where 64-bit integers have
none. So is the normalisation: with n the bits of :math:`max(|A|, |B|)`,

.. math:: norm(A, B) = \big(\lfloor A\, 2^{14 - n} + 1/2 \rfloor,\; \lfloor B\, 2^{14 - n} + 1/2 \rfloor\big)

is the rounded shift to the right and, for :math:`n < 14`, the shift to the left; :math:`1023 + n - 1` is the
exponent that the float64 :math:`max(|A|, |B|)` has in its bits 52 to 62.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel

EXPONENT = np.uint64(0x7FF << 52)
"""The bits of the exponent in a float64."""

REFLECTED = np.uint64((1023 + 1022 + 14) << 52)
"""What an exponent of 1022 + n is subtracted from to get 1023 + 14 - n, that of ``2**(14 - n)``."""


@kernel
def settle(a: AnyArray, b: AnyArray, size: AnyArray, v: AnyArray, spiking: AnyArray) -> None:
    """Turn pairs whose b is negative around, which are those that spike, and normalise all.

    Args:
        a: First numbers, whole, float64; a and b of a pair are not both zero.
        b: Second numbers.
        size: Scratch of the same length, float64.
        v: The pairs as words, int32, written.
        spiking: Who spikes, uint8, written.
    """
    for j in range(a.size):
        size[j] = max(abs(a[j]), abs(b[j]))
    bits = size.view(np.uint64)
    for j in range(a.size):
        bits[j] = REFLECTED - (bits[j] & EXPONENT)
    for j in range(a.size):
        spikes = b[j] < 0
        scale = -size[j] if spikes else size[j]
        first = np.int32(np.floor(a[j] * scale + 0.5))
        second = np.int32(np.floor(b[j] * scale + 0.5))
        v[j] = first * np.int32(65536) + second
        spiking[j] = spikes

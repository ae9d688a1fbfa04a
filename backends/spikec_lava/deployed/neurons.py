r"""The neurons of the fused flavour, one small class a type; network.json calls them by the class's name.

Everything is in integers. In the equations :math:`M = 2^{23}`, x is the sum that arrives in a tick,
:math:`\lfloor \cdot \rceil_0` cuts off toward zero, and :math:`round` rounds halves upward; x, and sums that
make u and v, are kept to 32 bits.

`ThetaFixed` and `QifFixed` hold V as the ratio of two integers a and b, recorded as :math:`2^{16} a + b`.
They spike where b changes its sign; then both change it, so that b is never negative. After every tick both
are rounded to as many bits as leave 14 to the larger one.

A further type needs a class here and its name in `NEURONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Parameters = Mapping[str, int | Array]
"""The parameters of a type by name, each an int or one integer a neuron, ``(n,)``."""

M = 1 << 23

PAIR_BITS = 14
"""Bits of the larger number of a pair (a, b)."""

_POWERS = 1 << np.arange(62)


class Neurons(Protocol):
    """A population of one type, in several samples at once: all arrays are ``(rows, n)``, int64."""

    def __init__(self, n: int, parameters: Parameters) -> None: ...

    @property
    def membrane(self) -> Array:
        """What is recorded."""

    def begin(self, rows: int) -> None:
        """Be as at the beginning of a sample, once for each of so many samples."""

    def update(self, x: Array) -> Array:
        """Advance by one tick, in which the sums `x` arrive, and tell who spikes."""


class CubaFixed:
    r"""Lava's ``LIF`` (lava-nc 0.10.0, ``proc/lif/models.py``): parameters du, dv, vth, bias_mant, bias_exp.

    A further one is not Lava's, inclusive: 1 where the threshold need only be met, 0 if it must be exceeded.

    .. math:: u &\leftarrow wrap(\lfloor u (4095 - d_u) / 4096 \rceil_0 + 2^6 x) \\
              v &\leftarrow clip(\lfloor v (4096 - d_v) / 4096 \rceil_0 + u + b,\; -M + 1,\; M - 1) \\
              s &= v > 2^6 \vartheta - inclusive, \qquad v[s] \leftarrow 0

    where :math:`wrap` turns u by :math:`2M` at most once.
    """

    def __init__(self, n: int, parameters: Parameters) -> None:
        self.n = n
        du, dv, vth, mantissa, exponent = _integers(parameters, "du", "dv", "vth", "bias_mant", "bias_exp")
        inclusive = np.asarray(parameters.get("inclusive", 0), np.int64)
        self.keep_u, self.keep_v, self.threshold = 4095 - du, 4096 - dv, vth * 64 - inclusive
        self.bias = np.where(exponent < 0, mantissa >> abs(exponent), mantissa << abs(exponent))

    @property
    def membrane(self) -> Array:
        """The membrane v."""
        return self.v

    def begin(self, rows: int) -> None:
        """Begin at rest."""
        self.u = self.v = np.zeros((rows, self.n), np.int64)

    def update(self, x: Array) -> Array:
        """Advance by one tick."""
        self.u = _wrapped(_current(self.u, self.keep_u, x))
        v = np.clip(_low32(_shrink(self.v * self.keep_v) + self.u + self.bias), 1 - M, M - 1)
        spiking: Array = v > self.threshold
        self.v = v * ~spiking
        return spiking


class ThetaFixed:
    r"""A theta neuron: parameters cos, sin_a, sin_b, a_init, b_init, shift.

    Input shears the pair, and a tick turns it:

    .. math:: a &\leftarrow clip(a + round(x b / 2^{shift}),\; -M + 1,\; M - 1) \\
              (a, b) &\leftarrow (\cos a + \sin_a b,\; \cos b - \sin_b a)
    """

    def __init__(self, n: int, parameters: Parameters) -> None:
        self.n = n
        self.cos, self.sin_a, self.sin_b = _integers(parameters, "cos", "sin_a", "sin_b")
        self.a_init, self.b_init, self.shift = _integers(parameters, "a_init", "b_init", "shift")

    @property
    def membrane(self) -> Array:
        """The pair in one word."""
        return _word(self.a, self.b)

    def begin(self, rows: int) -> None:
        """Begin with the pair given."""
        self.a, self.b = (_everywhere(x, rows, self.n) for x in (self.a_init, self.b_init))

    def update(self, x: Array) -> Array:
        """Advance by one tick."""
        a = np.clip(self.a + _rounded(_low32(x) * self.b, self.shift), 1 - M, M - 1)
        turned = self.cos * a + self.sin_a * self.b, self.cos * self.b - self.sin_b * a
        self.a, self.b, spiking = _settled(*turned)
        return spiking


class QifFixed:
    r"""A quadratic neuron with a current: parameters du, gain, shift, turn, keep, a_init, b_init, u_init.

    With :math:`q = 2^{15} - 1`, and 21845 for :math:`2^{16} / 3`:

    .. math:: u &\leftarrow clip(\lfloor u (4095 - d_u) / 4096 \rceil_0 + 2^6 x,\; -M + 1,\; M - 1) \\
              p &= clip(round(u\, gain / 2^{shift}),\; -q,\; q), \qquad
              c = 2^{14} - round(21845\, p\, turn / 2^{30}) \\
              (a, b) &\leftarrow (keep\,(c a + p b),\; 2^{14} (c b - turn\, a))
    """

    def __init__(self, n: int, parameters: Parameters) -> None:
        self.n = n
        du, self.gain, self.shift = _integers(parameters, "du", "gain", "shift")
        self.keep_u = 4095 - du
        self.turn, self.keep = _integers(parameters, "turn", "keep")
        self.initial = _integers(parameters, "a_init", "b_init", "u_init")

    @property
    def membrane(self) -> Array:
        """The pair in one word."""
        return _word(self.a, self.b)

    def begin(self, rows: int) -> None:
        """Begin with the pair and the current given."""
        self.a, self.b, self.u = (_everywhere(x, rows, self.n) for x in self.initial)

    def update(self, x: Array) -> Array:
        """Advance by one tick."""
        self.u = np.clip(_current(self.u, self.keep_u, x), 1 - M, M - 1)
        p = np.clip(_rounded(self.u * self.gain, self.shift), -32767, 32767)
        c = 16384 - _rounded(21845 * p * self.turn, 30)
        turned = self.keep * (c * self.a + p * self.b), 16384 * (c * self.b - self.turn * self.a)
        self.a, self.b, spiking = _settled(*turned)
        return spiking


NEURONS: Mapping[str, type[Neurons]] = {kind.__name__: kind for kind in (CubaFixed, ThetaFixed, QifFixed)}
"""Every type by its name in network.json."""


def _current(u: Array, keep: Array, x: Array) -> Array:
    """A current after a tick, before it is brought back to 24 bits; of 4096 parts it keeps `keep`."""
    return _low32(_shrink(u * keep) + x * 64)


def _wrapped(u: Array) -> Array:
    """A current turned around once if it is out of 24 bits."""
    turned = u - 2 * M * (u > M)
    return np.where(turned <= -M, u + 2 * M, turned)


def _settled(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Pairs with a positive b, scaled to `PAIR_BITS`; and of which b had been negative: they spike."""
    spiking: Array = b < 0
    sign = 1 - 2 * spiking
    a, b = a * sign, b * sign
    n_bits = np.searchsorted(_POWERS, np.maximum(abs(a), b), side="right")
    down, up = np.maximum(n_bits - PAIR_BITS, 0), np.maximum(PAIR_BITS - n_bits, 0)
    return _rounded(a << up, down), _rounded(b << up, down), spiking


def _word(a: Array, b: Array) -> Array:
    """Pairs as they are recorded."""
    return (a << 16) + b


def _rounded(x: Array, shift: Array | int) -> Array:
    """``x / 2**shift`` to the nearest integer, halves upward."""
    rounded: Array = (x + (np.left_shift(1, shift) >> 1)) >> shift
    return rounded


def _shrink(product: Array) -> Array:
    """A product divided by 4096, cut off toward zero."""
    shrunk: Array = (product + 4095 * (product < 0)) >> 12
    return shrunk


def _low32(x: Array) -> Array:
    """What 32 bits keep of a sum."""
    return x.astype(np.int32).astype(np.int64)


def _integers(parameters: Parameters, *names: str) -> list[Array]:
    return [np.asarray(parameters[name], np.int64) for name in names]


def _everywhere(values: Array, rows: int, n: int) -> Array:
    return np.broadcast_to(values, (rows, n))

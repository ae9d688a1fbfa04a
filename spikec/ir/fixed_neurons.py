r"""The neurons of the fixed dialect: a chip's integers, tick by tick.

`CubaFixed` is Loihi's own neuron. `ThetaFixed` and `QifFixed` are programs for a chip with programmable
neurons: they keep V as the ratio of a *pair* :math:`(a, b)` of small integers, so that V may pass through
infinity, which is their spike, without any number growing.

A pair has :math:`b \ge 0` and is scaled after every tick until the larger of :math:`|a|, b` has 14 bits. That
changes no ratio, so it changes nothing but the rounding: with :math:`k` the bits of
:math:`max(|A|, |B|)` beyond 14,

.. math:: norm(A, B) = \big((A + 2^{k-1}) \gg k,\; (B + 2^{k-1}) \gg k\big),

and for negative k both are shifted to the left instead. Sums that projections deliver, and the one that makes
a current, are kept to 32 bits, as Lava's. The membrane that engines record is the pair in one word of 32
bits, :math:`2^{16} a + b` (`word`, `pair`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikec.arrays import IntArray
from spikec.errors import NetworkError
from spikec.ir.parameters import Parameter, set_integers

PAIR_BITS = 14
"""Bits of the larger number of a pair."""

_PAIR = 1 << PAIR_BITS


@dataclass(frozen=True, eq=False)
class CubaFixed:
    r"""Loihi's current-based neuron in integers: Lava's ``PyLifModelBitAcc``, bit for bit.

    With :math:`M = 2^{23}` and :math:`dec(x, d) = sign(x)\,((|x| (4096 - d)) \gg 12)`:

    .. math:: u &\leftarrow wrap(dec(u, du + 1) + (x \ll 6)) \\
              v &\leftarrow clip(dec(v, dv) + u + b,\; -M + 1,\; M - 1) \\
              s &= v > (vth \ll 6) - inclusive, \qquad v[s] \leftarrow 0

    where :math:`x` is the sum that the projections deliver in this tick, :math:`b` is
    ``bias_mant << bias_exp`` (shifted right, toward minus infinity, for negative exponents), and
    :math:`wrap` subtracts :math:`2M` once if :math:`u > M` and adds it once if :math:`u \le -M`.

    Source: lava-nc 0.10.0, ``lava/proc/lif/models.py``.

    Attributes:
        du: Current decay as stored, 0 to 4095; the chip adds one.
        dv: Membrane decay, 0 to 4096.
        vth: Threshold mantissa, 0 to 131071.
        bias_mant: Bias mantissa, -4096 to 4095, in units 64 times finer than a weight bit.
        bias_exp: Bias exponent, -8 to 7.
        inclusive: 1 where a membrane that just reaches the threshold spikes, too, as in lava-dl's SLAYER
            until version 0.2; 0 where it must exceed it, as in Lava and on Loihi. No ``vth`` of 0 with 1.

    A readout is such a neuron with the largest threshold there is: its membrane is read, and it never
    spikes unless the membrane saturates.
    """

    du: Parameter
    dv: Parameter
    vth: Parameter
    bias_mant: Parameter = 0
    bias_exp: Parameter = 0
    inclusive: Parameter = 0

    spikes: ClassVar[bool] = True

    _RANGES: ClassVar[dict[str, tuple[int, int]]] = {
        "du": (0, 4095),
        "dv": (0, 4096),
        "vth": (0, 131071),
        "bias_mant": (-4096, 4095),
        "bias_exp": (-8, 7),
        "inclusive": (0, 1),
    }

    def __post_init__(self) -> None:
        set_integers(self, self._RANGES)
        reached, zero = np.asarray(self.inclusive) == 1, np.asarray(self.vth) == 0
        if reached.ndim == zero.ndim == 1 and reached.size != zero.size:
            raise NetworkError(
                f"CubaFixed has {zero.size} vth, but {reached.size} inclusive; give one of each a neuron"
            )
        if np.any(reached & zero):
            raise NetworkError(
                "CubaFixed has a threshold of 0, which a membrane at rest reaches: the neuron would spike in "
                "every tick; give a vth of 1 or more, or inclusive=0"
            )


@dataclass(frozen=True, eq=False)
class ThetaFixed:
    r"""`Theta` in integers: a kick shears the pair, a tick rotates it, and a spike is b changing its sign.

    With :math:`M = 2^{23}`, :math:`h = 2^{shift} / 2`, rounded down, and x the sum that the projections
    deliver in this tick:

    .. math:: a &\leftarrow clip(a + ((x\,b + h) \gg shift),\; -M + 1,\; M - 1) \\
              (A, B) &= (\cos \cdot a + \sin_a \cdot b,\;\; \cos \cdot b - \sin_b \cdot a) \\
              s &= B < 0, \qquad (A, B)[s] \leftarrow (-A, -B), \qquad (a, b) \leftarrow norm(A, B)

    The pair stands for :math:`a / b = \lambda (V - 1/2) / r`, so the rotation is one on an ellipse,
    :math:`\sin_a = \lambda \sin d`, :math:`\sin_b = \sin d / \lambda`, and whatever unit weights have goes
    into :math:`\lambda`. Only the ratios of the three coefficients count, for the pair is scaled anyway.

    Attributes:
        cos: :math:`\cos d` in any unit, 0 to 32767.
        sin_a: :math:`\lambda \sin d` in the same unit, 1 to 32767.
        sin_b: :math:`\sin d / \lambda` in the same unit, 1 to 32767.
        a_init: a at the beginning, -16384 to 16384.
        b_init: b at the beginning, 0 to 16384.
        shift: Bits of a weight behind the binary point, 0 to 31.
    """

    cos: Parameter
    sin_a: Parameter
    sin_b: Parameter
    a_init: Parameter
    b_init: Parameter
    shift: Parameter

    spikes: ClassVar[bool] = True

    _RANGES: ClassVar[dict[str, tuple[int, int]]] = {
        "cos": (0, 32767),
        "sin_a": (1, 32767),
        "sin_b": (1, 32767),
        "a_init": (-_PAIR, _PAIR),
        "b_init": (0, _PAIR),
        "shift": (0, 31),
    }

    def __post_init__(self) -> None:
        set_integers(self, self._RANGES)
        _check_pair(self)


@dataclass(frozen=True, eq=False)
class QifFixed:
    r"""`QifExp` in integers: a current that decays as in `CubaFixed`, but stops at 24 bits, turns the pair.

    With :math:`M = 2^{23}`, :math:`P = 2^{15} - 1`, :math:`h = 2^{shift}/2`, rounded down, and x the sum that
    the projections deliver in this tick:

    .. math:: u &\leftarrow clip(dec(u, du + 1) + (x \ll 6),\; -M + 1,\; M - 1) \\
              p &= clip((u \cdot gain + h) \gg shift,\; -P,\; P) \\
              c &= 2^{14} - ((21845\, p \cdot turn + 2^{29}) \gg 30) \\
              (A, B) &= (keep\,(c\,a + p\,b),\;\; 2^{14} (c\,b - turn \cdot a)) \\
              s &= B < 0, \qquad (A, B)[s] \leftarrow (-A, -B), \qquad (a, b) \leftarrow norm(A, B)

    It is the solution of the continuous equations over one tick,
    :math:`V \leftarrow E (V + I T) / (1 - V T)` with :math:`E = e^{-dt/\tau}`, :math:`s = 1 - E` and
    :math:`T = \tan(\sqrt I s)/\sqrt I`, with numerator and denominator multiplied by :math:`s/T`, which is
    :math:`1 - x/3 - x^2/45 - \ldots`, :math:`x = I s^2`; the first two terms are kept (21845 is
    :math:`2^{16}/3`). The pair stands for :math:`a/b = \lambda V`, and ``gain`` and ``turn`` hold
    :math:`\lambda`.

    Attributes:
        du: Current decay as stored, 0 to 4095; the chip adds one.
        gain: With ``shift``: :math:`2^{14} \lambda s` for one unit of u, 0 to 32767.
        shift: Bits of ``gain`` behind the binary point, 0 to 47.
        turn: :math:`2^{14} s / \lambda`, 1 to 16384.
        keep: :math:`2^{14} E`, 1 to 16384.
        a_init: a at the beginning, -16384 to 16384.
        b_init: b at the beginning, 0 to 16384.
        u_init: u before the first tick's decay, within 24 bits.
    """

    du: Parameter
    gain: Parameter
    shift: Parameter
    turn: Parameter
    keep: Parameter
    a_init: Parameter = 0
    b_init: Parameter = _PAIR
    u_init: Parameter = 0

    spikes: ClassVar[bool] = True

    _RANGES: ClassVar[dict[str, tuple[int, int]]] = {
        "du": (0, 4095),
        "gain": (0, 32767),
        "shift": (0, 47),
        "turn": (1, _PAIR),
        "keep": (1, _PAIR),
        "a_init": (-_PAIR, _PAIR),
        "b_init": (0, _PAIR),
        "u_init": (1 - (1 << 23), (1 << 23) - 1),
    }

    def __post_init__(self) -> None:
        set_integers(self, self._RANGES)
        _check_pair(self)


FixedNeuron = CubaFixed | ThetaFixed | QifFixed
FIXED: tuple[type[FixedNeuron], ...] = (CubaFixed, ThetaFixed, QifFixed)
PAIRS: tuple[type[FixedNeuron], ...] = (ThetaFixed, QifFixed)
"""Neurons whose recorded membrane is a `word`."""


def word(a: npt.ArrayLike, b: npt.ArrayLike) -> IntArray:
    """A pair in one word, ``2**16 * a + b``."""
    packed: IntArray = np.asarray(a, np.int64) * 65536 + np.asarray(b, np.int64)
    return packed


def pair(words: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """The pair in each word."""
    w = np.asarray(words, np.int64)
    return w >> 16, w & 65535


def _check_pair(neuron: ThetaFixed | QifFixed) -> None:
    a, b = np.asarray(neuron.a_init), np.asarray(neuron.b_init)
    if a.ndim == b.ndim == 1 and a.size != b.size:
        raise NetworkError(
            f"{type(neuron).__name__} has {a.size} a_init, but {b.size} b_init; give one of each a neuron"
        )
    if np.any((a == 0) & (b == 0)):
        raise NetworkError(
            f"{type(neuron).__name__} begins with the pair (0, 0), which is no state; give another a_init "
            "or b_init"
        )

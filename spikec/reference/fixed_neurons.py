"""One tick of every neuron of the fixed dialect, all samples at once.

Source of `CubaFixed`: lava-nc 0.10.0, ``lava/proc/lif/models.py``. The others are ours; their equations stand
in `spikec.ir.fixed_neurons`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from spikec.arrays import AnyArray, BoolArray, IntArray
from spikec.ir.fixed_neurons import PAIR_BITS, CubaFixed, FixedNeuron, QifFixed, ThetaFixed, word

M = 1 << 23
"""Half the range of the 24-bit state variables."""

LARGEST = (1 << 15) - 1
"""The largest factor of a pair."""


class FixedNeurons(Protocol):
    """State and update of one population."""

    @property
    def membrane(self) -> IntArray:
        """What is recorded of the state, ``(n_samples, n)``."""

    def update(self, x: AnyArray) -> BoolArray:
        """Advance one tick with the delivered sums `x`, and tell who spikes."""


def fixed_neurons(neuron: FixedNeuron, n_samples: int, n: int) -> FixedNeurons:
    """Neurons in their state at the beginning of a sample."""
    if isinstance(neuron, CubaFixed):
        return _Cuba(neuron, n_samples, n)
    if isinstance(neuron, ThetaFixed):
        return _Theta(neuron, n_samples, n)
    return _Qif(neuron, n_samples, n)


class _Cuba:
    """`CubaFixed`."""

    def __init__(self, neuron: CubaFixed, n_samples: int, n: int) -> None:
        self.du, self.dv = np.asarray(neuron.du), np.asarray(neuron.dv)
        self.threshold = (np.asarray(neuron.vth) << 6) - np.asarray(neuron.inclusive)
        exponent = np.asarray(neuron.bias_exp)
        mantissa = np.asarray(neuron.bias_mant)
        self.bias = np.where(
            exponent >= 0, mantissa << np.maximum(exponent, 0), mantissa >> np.maximum(-exponent, 0)
        )
        self.u = np.zeros((n_samples, n), np.int64)
        self.v = np.zeros((n_samples, n), np.int64)

    @property
    def membrane(self) -> IntArray:
        return self.v

    def update(self, x: AnyArray) -> BoolArray:
        self.u = wrap(int32(decay(self.u, self.du + 1) + (x << 6)))
        self.v = np.clip(int32(decay(self.v, self.dv) + self.u + self.bias), -M + 1, M - 1)
        spiking: BoolArray = self.v > self.threshold
        self.v = np.where(spiking, 0, self.v)
        return spiking


class _Theta:
    """`ThetaFixed`."""

    def __init__(self, neuron: ThetaFixed, n_samples: int, n: int) -> None:
        self.cos, self.sin_a, self.sin_b = _each(n, neuron.cos, neuron.sin_a, neuron.sin_b)
        (self.shift,) = _each(n, neuron.shift)
        self.a, self.b = (np.tile(x, (n_samples, 1)) for x in _each(n, neuron.a_init, neuron.b_init))

    @property
    def membrane(self) -> IntArray:
        return word(self.a, self.b)

    def update(self, x: AnyArray) -> BoolArray:
        kick = (int32(x) * self.b + half(self.shift)) >> self.shift
        a = np.clip(self.a + kick, -M + 1, M - 1)
        self.a, self.b, spiking = settle(
            self.cos * a + self.sin_a * self.b, self.cos * self.b - self.sin_b * a
        )
        return spiking


class _Qif:
    """`QifFixed`."""

    def __init__(self, neuron: QifFixed, n_samples: int, n: int) -> None:
        self.du, self.gain, self.shift = _each(n, neuron.du, neuron.gain, neuron.shift)
        self.turn, self.keep = _each(n, neuron.turn, neuron.keep)
        given = _each(n, neuron.a_init, neuron.b_init, neuron.u_init)
        self.a, self.b, self.u = (np.tile(x, (n_samples, 1)) for x in given)

    @property
    def membrane(self) -> IntArray:
        return word(self.a, self.b)

    def update(self, x: AnyArray) -> BoolArray:
        self.u = np.clip(int32(decay(self.u, self.du + 1) + (x << 6)), -M + 1, M - 1)
        p = np.clip((self.u * self.gain + half(self.shift)) >> self.shift, -LARGEST, LARGEST)
        c = (1 << PAIR_BITS) - ((21845 * p * self.turn + (1 << 29)) >> 30)
        a = self.keep * (c * self.a + p * self.b)
        b = (c * self.b - self.turn * self.a) << PAIR_BITS
        self.a, self.b, spiking = settle(a, b)
        return spiking


def decay(x: IntArray, d: IntArray) -> IntArray:
    """``sign(x) * ((|x| * (4096 - d)) >> 12)``: decay toward zero, cut off toward zero."""
    result: IntArray = np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)
    return result


def int32(x: AnyArray) -> IntArray:
    """What is left of a number in 32 bits: Lava adds in int32."""
    result: IntArray = (x + (1 << 31)) % (1 << 32) - (1 << 31)
    return result


def wrap(u: IntArray) -> IntArray:
    """The single wrap of the current: M itself stays, and what is more than one turn away stays outside."""
    once = np.where(u > M, u - 2 * M, u)
    return np.where(once <= -M, u + 2 * M, once)


def half(shift: IntArray) -> IntArray:
    """What must be added before a shift to the right for rounding to the nearest."""
    result: IntArray = (1 << shift) >> 1
    return result


def settle(a: IntArray, b: IntArray) -> tuple[IntArray, IntArray, BoolArray]:
    """A pair with b made positive, scaled until the larger number has `PAIR_BITS`, and whether b was not."""
    spiking: BoolArray = b < 0
    a, b = np.where(spiking, -a, a), np.where(spiking, -b, b)
    n_bits = np.frexp(np.maximum(np.abs(a), b).astype(np.float64))[1]  # exact: all are below 2**53
    excess = n_bits - PAIR_BITS
    down, up = np.maximum(excess, 0).astype(np.int64), np.maximum(-excess, 0).astype(np.int64)
    return ((a << up) + half(down)) >> down, ((b << up) + half(down)) >> down, spiking


def _each(n: int, *values: object) -> tuple[IntArray, ...]:
    return tuple(np.broadcast_to(np.asarray(v, np.int64), (n,)) for v in values)

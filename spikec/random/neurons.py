"""Random neurons of the fixed dialect: some as networks have them, some at the ends of what is legal.

How often neurons spike depends on what reaches them, so thresholds and shifts are drawn around the largest
sum that can (``drive``, in weight units): most neurons then spike now and then, a few never or always.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.ir.fixed_neurons import PAIR_BITS, CubaFixed, FixedNeuron, QifFixed, ThetaFixed

ONE = 1 << PAIR_BITS
LARGEST = (1 << 15) - 1
"""The largest coefficient."""

M = 1 << 23


def draw_types(rng: np.random.Generator, n: int, pairs: bool) -> list[type[FixedNeuron]]:
    """Draw the types of a network's populations; `pairs` says whether at least one has pairs, or none."""
    if not pairs:
        return [CubaFixed] * n
    every: list[type[FixedNeuron]] = [CubaFixed, ThetaFixed, QifFixed]
    types = [every[int(rng.choice(3, p=[0.3, 0.35, 0.35]))] for _ in range(n)]
    types[int(rng.integers(n))] = every[int(rng.integers(1, 3))]
    return types


def random_neuron(
    rng: np.random.Generator,
    kind: type[FixedNeuron],
    n: int,
    drive: float,
    storm: bool,
    special: bool = False,
) -> FixedNeuron:
    """Draw the neurons of one population.

    Args:
        rng: Where chance comes from.
        kind: Their type.
        n: How many.
        drive: Roughly the largest sum that reaches one of them in a tick, in weight units.
        storm: Whether currents shall add up without a leak.
        special: Whether neurons may be such as Loihi itself has not: with thresholds that need only be met.
    """
    if kind is CubaFixed:
        k = _cuba(rng, n, drive, storm)
        if special and np.min(np.asarray(k.vth)) > 0:
            return replace(k, inclusive=rng.integers(0, 1, shape_of(rng, n), endpoint=True))
        return k
    return _theta(rng, n, drive) if kind is ThetaFixed else _qif(rng, n, drive, storm)


def shape_of(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """One value for all neurons, or one for each."""
    return () if rng.random() < 0.5 else (n,)


def _cuba(rng: np.random.Generator, n: int, drive: float, storm: bool) -> CubaFixed:
    """Neurons whose threshold lies where the drive can reach it, or at one of the ends."""
    usual = drive * 2.0 ** rng.uniform(-8, 1, shape_of(rng, n))
    vth = [np.clip(np.rint(usual), 0, 131071).astype(np.int64), np.array(0), np.array(131071)]
    return CubaFixed(
        du=0 if storm else _decay(rng, n, 4095),
        dv=_decay(rng, n, 4096),
        vth=vth[int(rng.choice(3, p=[0.85, 0.05, 0.1]))],
        bias_mant=_bias(rng, n),
        bias_exp=rng.integers(-8, 7, shape_of(rng, n), endpoint=True),
    )


def _theta(rng: np.random.Generator, n: int, drive: float) -> ThetaFixed:
    """Neurons that a full drive shifts by a fraction of their period or by most of it."""
    angle = np.pi * 2.0 ** -rng.uniform(1.1, 8, shape_of(rng, n))
    stretch = 2.0 ** rng.uniform(-3, 3, shape_of(rng, n))
    top = 2.0 ** rng.uniform(6, 14.9)
    largest = np.maximum(np.cos(angle), np.sin(angle) * np.maximum(stretch, 1 / stretch))
    unit = top / largest
    a, b = _pair(rng, n)
    return ThetaFixed(
        cos=_mostly(rng, n, unit * np.cos(angle), 0, LARGEST),
        sin_a=_mostly(rng, n, unit * np.sin(angle) * stretch, 1, LARGEST),
        sin_b=_mostly(rng, n, unit * np.sin(angle) / stretch, 1, LARGEST),
        a_init=a,
        b_init=b,
        shift=_mostly(rng, n, np.log2(drive) + rng.uniform(-5, 3, shape_of(rng, n)), 0, 31),
    )


def _qif(rng: np.random.Generator, n: int, drive: float, storm: bool) -> QifFixed:
    """Neurons that a full drive brings to a spike in a few ticks, or never, or in every tick."""
    share = 2.0 ** -rng.uniform(0.5, 8, shape_of(rng, n))  # of V that a tick takes away
    gain = _mostly(rng, n, 2.0 ** rng.uniform(8, 15, shape_of(rng, n)), 0, LARGEST)
    span = np.log2(64 * drive * np.maximum(gain, 1) / ONE)
    a, b = _pair(rng, n)
    currents = [0, rng.integers(1 - M, M, shape_of(rng, n)), rng.choice([1 - M, M - 1], shape_of(rng, n))]
    return QifFixed(
        du=0 if storm else _decay(rng, n, 4095),
        gain=gain,
        shift=_mostly(rng, n, span + rng.uniform(-4, 4, shape_of(rng, n)), 0, 47),
        turn=_mostly(rng, n, ONE * share * 2.0 ** rng.uniform(-1, 1), 1, ONE),
        keep=_mostly(rng, n, ONE * (1 - share), 1, ONE),
        a_init=a,
        b_init=b,
        u_init=currents[int(rng.choice(3, p=[0.5, 0.35, 0.15]))],
    )


def _pair(rng: np.random.Generator, n: int) -> tuple[IntArray, IntArray]:
    """A state: one as the neuron itself would keep it, any other, or one of the ends."""
    angle = rng.uniform(0, np.pi, shape_of(rng, n))
    size = ONE / np.maximum(np.abs(np.cos(angle)), np.sin(angle))
    a = _mostly(rng, n, -size * np.cos(angle), -ONE, ONE)
    b = _mostly(rng, n, size * np.sin(angle), 0, ONE)
    nowhere = (a == 0) & (b == 0)
    return a, np.where(nowhere, 1, b) if np.any(nowhere) else b


def _mostly(rng: np.random.Generator, n: int, usual: FloatArray, low: int, high: int) -> IntArray:
    """Usual values in most cases, else any that are legal, or only the smallest and the largest."""
    choices: list[IntArray] = [
        np.clip(np.rint(usual), low, high).astype(np.int64),
        np.asarray(rng.integers(low, high, shape_of(rng, n), endpoint=True)),
        np.asarray(rng.choice([low, high], shape_of(rng, n))),
    ]
    return choices[int(rng.choice(3, p=[0.8, 0.12, 0.08]))]


def _decay(rng: np.random.Generator, n: int, largest: int) -> AnyArray:
    shape = shape_of(rng, n)
    slow = np.rint(4096 * 2.0 ** -rng.uniform(1, 12, shape)).astype(np.int64)
    any_one = rng.integers(0, largest, shape, endpoint=True)
    extreme = rng.choice([0, largest], shape)
    choices: list[IntArray] = [slow, any_one, extreme]
    return choices[int(rng.choice(3, p=[0.5, 0.25, 0.25]))]


def _bias(rng: np.random.Generator, n: int) -> AnyArray:
    if rng.random() < 0.5:
        return np.array(0)
    largest = int(rng.choice([16, 256, 4095]))
    return np.asarray(rng.integers(-largest, largest, shape_of(rng, n), endpoint=True))

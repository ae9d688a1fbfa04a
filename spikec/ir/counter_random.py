r"""Random numbers by counting: the i-th of a stream follows from its key and i alone, on any machine.

A stream is SplitMix64, started at its key: output i (from 0) is mix(key + (i + 1) :math:`\gamma`), modulo
2^64. Whoever knows i needs none of the numbers before it, so a network can be drawn in any order and by any
number of threads. Source: G. Steele, D. Lea and C. Flood, Fast splittable pseudorandom number generators,
OOPSLA 2014, with the constants of `mix64variant13` there and in S. Vigna's splitmix64.c.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GAMMA = 0x9E3779B97F4A7C15
"""What the generator's state grows by."""

FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""What it is multiplied with."""

SHIFTS = (30, 27, 31)
"""Bits that it is shifted by before each multiplication and after the last."""

_MASK = (1 << 64) - 1


def key_of(*numbers: int) -> int:
    """The key of a stream that some numbers name, for instance a seed, a sample and a tick.

    Each number, in turn, is mixed into the key, which begins at 0.

    Args:
        numbers: Whole numbers from 0 to 2^64 - 1.
    """
    key = 0
    for number in numbers:
        key = int(outputs(key ^ number, 0, 1)[0])
    return key


def outputs(key: int, first: int, n: int) -> npt.NDArray[np.uint64]:
    """Some numbers of a stream.

    Args:
        key: Of the stream.
        first: Which comes first.
        n: How many.

    Returns:
        64 random bits each, ``(n,)``.
    """
    with np.errstate(over="ignore"):
        steps = np.arange(n, dtype=np.uint64) * np.uint64(GAMMA)
        z = steps + np.uint64((key + (first + 1) * GAMMA) & _MASK)
        for shift, factor in zip(SHIFTS, FACTORS, strict=False):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        return z ^ (z >> np.uint64(SHIFTS[-1]))


def below(n: int, bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Whole numbers from 0 to `n` - 1, ``(k,)``, from 64 random bits each: the upper 32 as a share of `n`.

    None is more likely than another by more than n / 2^32. Source: D. Lemire, Fast random integer generation
    in an interval, ACM TOMACS 29, 3 (2019), without its rejection.
    """
    return ((bits >> np.uint64(32)) * np.uint64(n) >> np.uint64(32)).astype(np.int64)

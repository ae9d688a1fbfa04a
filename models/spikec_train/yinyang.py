"""The Yin-Yang data set: points of a disc in three classes, drawn anew whenever they are asked for.

A point ``(x, y)`` of the disc of radius 1/2 about (1/2, 1/2) is given as the four values
``(x, y, 1 - x, 1 - y)``, so that latencies carry it either way. The classes are the two halves of the symbol
(0 and 1) and its two dots (2). A linear classifier gets 64 % right, and 30 hidden neurons whose inputs are
not trained 85 %: the hidden layer has to learn.

Source: L. Kriener, J. Goeltz and M. A. Petrovici, The Yin-Yang dataset, NICE 2022
(doi:10.1145/3517343.3517380). Sizes and seeds of the splits are theirs, and so are the points, bit by bit.
"""

from __future__ import annotations

from math import hypot

import numpy as np

from spikec.arrays import FloatArray, IntArray

RADIUS = 0.5
"""Of the disc."""

DOT = 0.1
"""Radius of a dot."""

SIZE_AND_SEED = {"train": (5000, 42), "validation": (1000, 41), "test": (1000, 40)}
"""Of each split."""


def yinyang(n_samples: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Draw points: first a class, then points of the disc's square until one is of that class.

    The published points come from numpy's old generator, which draws the same numbers in every version.

    Args:
        n_samples: How many.
        seed: Of all chance.

    Returns:
        Values, ``(n_samples, 4)``, from 0 to 1, and classes, ``(n_samples,)``.
    """
    rng = np.random.RandomState(seed)
    labels = np.zeros(n_samples, np.int64)
    points = np.zeros((n_samples, 2))
    for k in range(n_samples):
        labels[k] = rng.randint(3)
        while True:
            x, y = rng.rand(2) * (2 * RADIUS)
            if hypot(x - RADIUS, y - RADIUS) <= RADIUS and class_of(x, y) == labels[k]:
                break
        points[k] = x, y
    return np.concatenate([points, 1.0 - points], axis=1), labels


def class_of(x: float, y: float) -> int:
    """The class of a point of the disc."""
    right, left = hypot(x - 1.5 * RADIUS, y - RADIUS), hypot(x - 0.5 * RADIUS, y - RADIUS)
    if right < DOT or left < DOT:
        return 2
    in_upper_half = y > RADIUS and right > 0.5 * RADIUS
    return int(right <= DOT or DOT < left <= 0.5 * RADIUS or in_upper_half)

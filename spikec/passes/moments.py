"""Moments: the sums of a least-squares problem, taken over samples piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over samples of features f, ``(p,)``, and targets y, ``(c,)``.

    Attributes:
        n: Number of samples.
        f: Sum of f, ``(p,)``.
        y: Sum of y, ``(c,)``.
        ff: Sum of f f^T, ``(p, p)``.
        fy: Sum of f y^T, ``(p, c)``.
        yy: Sum of y squared, ``(c,)``.
    """

    n: int
    f: FloatArray
    y: FloatArray
    ff: FloatArray
    fy: FloatArray
    yy: FloatArray

    def __add__(self, other: Moments) -> Moments:
        """The sums over the samples of both."""
        parts = ("n", "f", "y", "ff", "fy", "yy")
        return Moments(*(getattr(self, k) + getattr(other, k) for k in parts))

    def centred(self) -> tuple[FloatArray, FloatArray]:
        """The sums of squares and products of what deviates from the mean, ``(p, p)`` and ``(p, c)``."""
        ff = self.ff - np.outer(self.f, self.f) / self.n
        return ff, self.fy - np.outer(self.f, self.y) / self.n

    def squared_error(self, weights: FloatArray, bias: FloatArray) -> float:
        """Sum over samples and targets of ``(f weights + bias - y)**2``.

        Args:
            weights: ``(p, c)``.
            bias: ``(c,)``.
        """
        products = np.sum(weights * (self.ff @ weights - 2 * self.fy), axis=0) + self.yy
        offsets = bias * (2 * (self.f @ weights - self.y) + self.n * bias)
        return float(np.sum(products + offsets))


def moments(pieces: Iterable[tuple[FloatArray, FloatArray]], n_features: int, n_targets: int) -> Moments:
    """Take the sums over pieces of samples.

    Args:
        pieces: Features ``(n, p)`` and targets ``(n, c)`` of some samples at a time.
        n_features: p.
        n_targets: c.
    """
    p, c = n_features, n_targets
    total = Moments(0, np.zeros(p), np.zeros(c), np.zeros((p, p)), np.zeros((p, c)), np.zeros(c))
    for f, y in pieces:
        total += Moments(len(f), f.sum(0), y.sum(0), f.T @ f, f.T @ y, (y**2).sum(0))
    return total

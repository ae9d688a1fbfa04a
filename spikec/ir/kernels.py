r"""What one arrival leaves in a current and in a membrane, tick by tick: the kernels of `CubaTicks`.

An arrival of one raises the current to 1, and :math:`m` ticks later

.. math:: u(m) = r^m, \qquad \kappa(m) = \sum_{i=0}^{m} r^i\, b^{m-i}

are left of it in the current and in a membrane that was at rest; :math:`r` and :math:`b` are what a tick
leaves of each. Without a current's memory (:math:`r = 0`) the membrane jumps, :math:`\kappa(m) = b^m`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spikec.arrays import FloatArray, read_only


@dataclass(frozen=True, eq=False)
class Kernel:
    """What is left of one arrival, and what several arrivals can add up to.

    Attributes:
        left: What is left after 0, 1, ... ticks, shape ``(n_ticks + 1,)``.
        highest: The most that was left in any of these ticks so far, same shape.
        piled: What arrivals in every tick come to, those of earlier ticks included, same shape.
    """

    left: FloatArray
    highest: FloatArray
    piled: FloatArray

    def most(self, n_arrivals: float) -> FloatArray:
        """The most that so many arrivals in different ticks can leave, shape ``(n_ticks + 1,)``."""
        if np.isfinite(n_arrivals):
            return np.asarray(np.minimum(n_arrivals * self.highest, self.piled))
        return self.piled


@lru_cache(maxsize=64)
def current_kernel(r: float, n_ticks: int) -> Kernel:
    """The kernel of a current that keeps `r` of itself in a tick."""
    left = r ** np.arange(n_ticks + 1.0)
    piled = np.full(n_ticks + 1, left.sum())
    return Kernel(*(read_only(a, np.float64) for a in (left, np.ones(n_ticks + 1), piled)))


@lru_cache(maxsize=64)
def membrane_kernel(r: float, b: float, n_ticks: int) -> Kernel:
    """The kernel of a membrane that keeps `b`, below a current that keeps `r`.

    What arrived before the first tick has left the membrane, for it was reset, but not the current.
    """
    ticks = np.arange(n_ticks + 1.0)
    current = r**ticks
    left = np.convolve(current, b**ticks)[: n_ticks + 1]
    piled = np.cumsum(left) + left * (current.sum() - 1)
    return Kernel(*(read_only(a, np.float64) for a in (left, np.maximum.accumulate(left), piled)))


def repeated(left: FloatArray, starts: tuple[int, ...]) -> FloatArray:
    """What is left of arrivals of one that come so many ticks late, shape ``(n_ticks + 1,)``."""
    summed = np.zeros(left.size)
    for late in starts:
        summed[late:] += left[: max(left.size - late, 0)]
    return summed


def total(amounts: FloatArray, times: FloatArray) -> FloatArray:
    """Amounts that come so many times; nothing, without end, is nothing."""
    return np.asarray(amounts * times if np.all(np.isfinite(times)) else np.where(amounts > 0, np.inf, 0.0))

r"""Trajectories of an energy, by the implicit midpoint rule, and how well they keep it.

.. math:: x' = x + h\, J \nabla H\left(\frac{x + x'}{2}\right), \qquad J (H_q, H_p) = (H_p, -H_q)

The rule is symplectic for every energy, whether or not it parts into q and p, which a network's does not: the
error of the energy stays bounded instead of growing. Each step is a fixed point, found by iteration until
rounding in the gradient stops it.

Source: E. Hairer, C. Lubich, G. Wanner: Geometric Numerical Integration, Springer 2006, II.1 and VI.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec_train.energy_systems import turned

_ENOUGH, _ITERATIONS = 1e-14, 100


@dataclass(frozen=True)
class Drift:
    """How an energy changes along a trajectory, against its range.

    Attributes:
        largest: The largest distance from the first energy.
        last: The distance at the end.
    """

    largest: float
    last: float


def roll_out(
    gradient: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    step: float,
    n_steps: int,
    rounding: float = 1e-10,
) -> FloatArray:
    """Follow an energy.

    Args:
        gradient: dH/dx of states, ``(n, d)`` to ``(n, d)``.
        start: ``(d,)``.
        step: h, in the system's unit of time.
        n_steps: How many.
        rounding: How far rounding can take a value of the gradient; `HamiltonianNetwork.rounding`.

    Returns:
        All states, the first among them, ``(n_steps + 1, d)``.

    Raises:
        UsageError: A step has no fixed point that iteration finds.
    """
    found = np.empty((n_steps + 1, start.size))
    found[0] = start
    change = np.zeros((1, start.size))  # of the step before, a first guess
    for k in range(n_steps):
        at = found[k][None]
        size, before, moved = 1.0 + float(np.abs(at).max()), np.inf, np.inf
        for _ in range(_ITERATIONS):
            better = step * turned(gradient(at + change / 2))
            before, moved = moved, float(np.abs(better - change).max())
            change = better
            if moved <= _ENOUGH * size or not moved < before:
                break
        if not moved <= _ENOUGH * size + 2 * step * rounding:
            raise UsageError(f"step {k} of {step} finds no fixed point; make the step smaller")
        found[k + 1] = at + change
    return found


def drift(energies: FloatArray, scale: float) -> Drift:
    """How an energy changes along a trajectory.

    Args:
        energies: At each state, ``(n_steps + 1,)``.
        scale: What a change is measured by.
    """
    away = np.abs(energies - energies[0]) / scale
    return Drift(float(away.max()), float(away[-1]))

r"""Systems that conserve energy: their energies, exact gradients, and states to learn them from.

A state is :math:`x = (q, p)`, positions before momenta, and moves by Hamilton's equations

.. math:: \dot q = \frac{\partial H}{\partial p}, \qquad \dot p = -\frac{\partial H}{\partial q}

Boxes and constants are those of A. Rahma, C. Datar, F. Dietrich: "Training Hamiltonian neural networks
without backpropagation", arXiv:2411.17511 (2024). Nothing here has a unit: lengths, masses and gravity are 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError


@dataclass(frozen=True, eq=False)
class EnergySystem:
    """A system, and where its states are drawn.

    Attributes:
        name: What recipes call it.
        energy: H of states, ``(n, d)`` to ``(n,)``.
        gradient: dH/dx of states, ``(n, d)`` to ``(n, d)``.
        reach: States are drawn from minus to plus this, evenly, ``(d,)``.
    """

    name: str
    energy: Callable[[FloatArray], FloatArray]
    gradient: Callable[[FloatArray], FloatArray]
    reach: tuple[float, ...]

    @property
    def size(self) -> int:
        """Number of positions and momenta, d."""
        return len(self.reach)

    def velocities(self, states: FloatArray) -> FloatArray:
        """dx/dt of states, ``(n, d)``."""
        return turned(self.gradient(states))

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw states, ``(n, d)``."""
        reach = np.array(self.reach)
        return rng.uniform(-reach, reach, (n, self.size))


def turned(gradient: FloatArray) -> FloatArray:
    """Velocities from gradients of the energy: ``(dH/dp, -dH/dq)``, ``(n, d)``."""
    half = gradient.shape[1] // 2
    return np.hstack([gradient[:, half:], -gradient[:, :half]])


def gradients_of(velocities: FloatArray) -> FloatArray:
    """Gradients of the energy from velocities, the inverse of `turned`."""
    return -turned(velocities)


def energy_system(name: str) -> EnergySystem:
    """A system by name.

    Raises:
        UsageError: There is none.
    """
    for system in SYSTEMS:
        if system.name == name:
            return system
    known = ", ".join(system.name for system in SYSTEMS)
    raise UsageError(f"there is no system {name!r} that conserves energy; known are {known}")


def _pendulum(x: FloatArray) -> FloatArray:
    """H = p^2 / 2 + 1 - cos q."""
    q, p = x.T
    return np.asarray(p**2 / 2 + 1 - np.cos(q))


def _pendulum_gradient(x: FloatArray) -> FloatArray:
    q, p = x.T
    return np.stack([np.sin(q), p], axis=1)


def _lotka_volterra(x: FloatArray) -> FloatArray:
    """H = 2 q - e^q + p - e^p: predators and prey, by the logarithms of their numbers."""
    q, p = x.T
    return np.asarray(2 * q - np.exp(q) + p - np.exp(p))


def _lotka_volterra_gradient(x: FloatArray) -> FloatArray:
    q, p = x.T
    return np.stack([2 - np.exp(q), 1 - np.exp(p)], axis=1)


def _henon_heiles(x: FloatArray) -> FloatArray:
    """H = (p1^2 + p2^2 + q1^2 + q2^2) / 2 + q1^2 q2 - q2^3 / 3."""
    q1, q2, p1, p2 = x.T
    return np.asarray((p1**2 + p2**2 + q1**2 + q2**2) / 2 + q1**2 * q2 - q2**3 / 3)


def _henon_heiles_gradient(x: FloatArray) -> FloatArray:
    q1, q2, p1, p2 = x.T
    return np.stack([q1 + 2 * q1 * q2, q2 + q1**2 - q2**2, p1, p2], axis=1)


def _double_pendulum(x: FloatArray) -> FloatArray:
    r"""H = (p1^2 + 2 p2^2 - 2 p1 p2 cos(q1 - q2)) / (2 + 2 sin^2(q1 - q2)) - 2 cos q1 - cos q2."""
    q1, q2, p1, p2 = x.T
    kinetic = (p1**2 + 2 * p2**2 - 2 * p1 * p2 * np.cos(q1 - q2)) / (2 * (1 + np.sin(q1 - q2) ** 2))
    return np.asarray(kinetic - 2 * np.cos(q1) - np.cos(q2))


def _double_pendulum_gradient(x: FloatArray) -> FloatArray:
    q1, q2, p1, p2 = x.T
    s, c = np.sin(q1 - q2), np.cos(q1 - q2)
    inertia = 1 + s**2
    kinetic = (p1**2 + 2 * p2**2 - 2 * p1 * p2 * c) / (2 * inertia)
    by_angle = (p1 * p2 * s - 2 * kinetic * s * c) / inertia
    by_p1, by_p2 = (p1 - p2 * c) / inertia, (2 * p2 - p1 * c) / inertia
    return np.stack([by_angle + 2 * np.sin(q1), np.sin(q2) - by_angle, by_p1, by_p2], axis=1)


SYSTEMS = (
    EnergySystem("pendulum", _pendulum, _pendulum_gradient, (2 * np.pi, 6.0)),
    EnergySystem("lotka-volterra", _lotka_volterra, _lotka_volterra_gradient, (5.0, 5.0)),
    EnergySystem("double-pendulum", _double_pendulum, _double_pendulum_gradient, (np.pi, np.pi, 1.0, 1.0)),
    EnergySystem("henon-heiles", _henon_heiles, _henon_heiles_gradient, (5.0, 5.0, 5.0, 5.0)),
)

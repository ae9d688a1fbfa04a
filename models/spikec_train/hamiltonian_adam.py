r"""A Hamiltonian network trained by descent, to hold the sampled ones against: as large, all weights trained.

The loss of a state is :math:`|\nabla \hat H(x) - \nabla H(x)|^2`, with :math:`\hat H` as in `hamiltonian`;
:math:`w, b, c` are trained, and :math:`c_0` is set by the anchor at the end. With :math:`h = \tanh z` and the
error :math:`e` of a gradient,

.. math:: \frac{\partial L}{\partial c_j} = 2 (1 - h_j^2)\, w_j \cdot e, \qquad
          \frac{\partial L}{\partial z_j} = -4 h_j (1 - h_j^2)\, c_j\, w_j \cdot e, \qquad
          \frac{\partial L}{\partial w_j} = 2 c_j (1 - h_j^2)\, e + \frac{\partial L}{\partial z_j}\, x

Source: S. Greydanus, M. Dzamba, J. Yosinski: Hamiltonian neural networks, NeurIPS 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from time import process_time

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.container import digest
from spikec_train.exact_gradient import Problem
from spikec_train.hamiltonian import HamiltonianNetwork
from spikec_train.hamiltonian_recipes import HamiltonianTask
from spikec_train.optimisers import Adam, descend, no_moments

RATES, BATCH, FALLS = (1e-3, 3e-3, 1e-2), 256, 5
"""Rates to choose from, the samples of a step, and how often the rate falls to 1/e in a training."""

_POINTS = 50
"""Points of a curve, the last epoch among them."""


@dataclass(frozen=True, eq=False)
class HamiltonianProblem(Problem):
    """States and the gradients of their energy, as `exact_gradient.Problem` wants them.

    Parameters are the weights row by row, the biases, and the coefficients.

    Attributes:
        states: ``(n, d)``.
        gradients: ``(n, d)``.
        hidden: Number of hidden neurons, m.
    """

    states: FloatArray
    gradients: FloatArray
    hidden: int

    @property
    def n_samples(self) -> int:
        """Number of states."""
        return len(self.states)

    def key(self) -> str:
        """A digest of size and data."""
        return digest({"hidden": self.hidden, "states": self.states, "gradients": self.gradients})

    def network(self, parameters: FloatArray) -> HamiltonianNetwork:
        """The network of some parameters, its constant 0."""
        m, d = self.hidden, self.states.shape[1]
        weights, biases, coefficients = np.split(parameters, [m * d, m * d + m])
        return HamiltonianNetwork(weights.reshape(m, d), biases, coefficients, 0.0)

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw parameters."""
        m, d = self.hidden, self.states.shape[1]
        weights = rng.normal(size=m * d) / sqrt(d)
        return np.concatenate([weights, rng.uniform(-3.0, 3.0, m), rng.normal(size=m) / sqrt(m)])

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some states, and its gradient."""
        net, x = self.network(parameters), self.states[samples]
        h = np.tanh(x @ net.weights.T - net.biases)
        slopes = 1.0 - h * h
        error = (slopes * net.coefficients) @ net.weights - self.gradients[samples]
        along = error @ net.weights.T * slopes
        scale = 2.0 / len(x)
        by_z = -2.0 * h * along * net.coefficients
        by_weights = ((slopes * net.coefficients).T @ error + by_z.T @ x) * scale
        parts = [by_weights.ravel(), -by_z.sum(axis=0) * scale, along.sum(axis=0) * scale]
        return float(np.sum(error**2) / len(x)), np.concatenate(parts)

    def clip(self, parameters: FloatArray) -> None:
        """All parameters are allowed."""


def adam_curve(task: HamiltonianTask, hidden: int, epochs: int, rate: float) -> list[tuple[float, float]]:
    """Train for some time.

    Args:
        task: What to learn, and to test on.
        hidden: Number of hidden neurons.
        epochs: How often every state is shown.
        rate: Adam's at first.

    Returns:
        CPU seconds and relative L2 error of H on the test states, at the end of some epochs; the evaluation's
        time is left out.
    """
    problem = HamiltonianProblem(task.states, task.system.gradient(task.states), hidden)
    steps = epochs * -(-problem.n_samples // BATCH)
    optimiser = Adam(rate=rate, decay_steps=steps / FALLS)
    rng = np.random.default_rng(0)
    parameters, used = problem.initial(rng), 0.0
    moments = no_moments(parameters.size)
    curve: list[tuple[float, float]] = []
    every = max(1, epochs // _POINTS)
    for left in range(epochs - 1, -1, -1):
        began = process_time()
        order = rng.permutation(problem.n_samples)
        for first in range(0, order.size, BATCH):
            _, gradient = problem.gradient(parameters, order[first : first + BATCH], rng)
            parameters, moments = descend(optimiser, moments, parameters, gradient)
        used += process_time() - began
        if left % every:
            continue
        network = problem.network(parameters)
        shift = task.anchor_energy - float(network.energy(task.anchor[None])[0])
        curve.append((used, task.energy_error(network.energy(task.test) + shift)))
    return curve

r"""Sampled Hamiltonian networks: an energy from velocities, with one least-squares solve and no descent.

.. math:: \hat H(x) = \sum_j c_j \tanh(w_j \cdot x - b_j) + c_0

Hidden neurons are drawn in one of three ways:

* ``random``: each :math:`w` normal, each :math:`b` even over the values that the states take. Knows no data.
* ``uniform-pairs``: neuron j lies between two states, any pair as likely as another:
  :math:`w = \ln 3\,(x^{(2)} - x^{(1)}) / d^2`, so that it is -1/2 at one and 1/2 at the other.
* ``approximate-swim``: first a network as ``uniform-pairs``, with a quarter of the neurons; then pairs are
  drawn in proportion to :math:`|\hat H(x^{(2)}) - \hat H(x^{(1)})| / d`, by the energy it has found. No true
  energy is needed but the one at the anchor.

The readout solves the gradient equations (`gradient_equations`). These are networks of ordinary neurons, not
of spiking ones.

Source: A. Rahma, C. Datar, F. Dietrich: "Training Hamiltonian neural networks without backpropagation",
arXiv:2411.17511 (2024); pairs after E. Bolager et al., NeurIPS 2023. Four things differ: pairs are drawn
without putting back; the anchor sets :math:`c_0` alone, where it satisfies its equation exactly; weak
directions are damped by a ridge instead of cut off; and the first network of ``approximate-swim`` is smaller,
for all it has to say is which pairs are steep.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray, IntArray, finite
from spikec.errors import UsageError
from spikec_train.energy_systems import gradients_of
from spikec_train.gradient_equations import solve_gradients

Variant = Literal["random", "uniform-pairs", "approximate-swim"]
VARIANTS: tuple[Variant, ...] = ("random", "uniform-pairs", "approximate-swim")

_CANDIDATES = 4
"""Pairs to choose from for each neuron; as many as there are samples if that is more."""

_FIRST = 4
"""How many times fewer neurons the first network of ``approximate-swim`` has."""

_EVALUATED = 1 << 22
"""Values of hidden neurons that are held at a time when a network is evaluated."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampledHamiltonian:
    """How a network is made.

    Attributes:
        variant: How hidden neurons are drawn.
        hidden: Number of hidden neurons.
        ridge: Directions of the readout weaker than this, against all together, count as none.
    """

    variant: Variant = "approximate-swim"
    hidden: int = 1000
    ridge: float = 1e-13

    def __post_init__(self) -> None:
        if self.hidden < 1 or not 0 < self.ridge < 1:
            raise UsageError(
                f"{self.hidden} hidden neurons with a ridge of {self.ridge} were asked for; give 1 or more "
                "neurons, and a ridge between 0 and 1"
            )


@dataclass(frozen=True, eq=False)
class HamiltonianNetwork:
    """An energy of states.

    Attributes:
        weights: w, ``(m, d)``.
        biases: b, ``(m,)``.
        coefficients: c, ``(m,)``.
        offset: c0.
    """

    weights: FloatArray
    biases: FloatArray
    coefficients: FloatArray
    offset: float

    def energy(self, states: FloatArray) -> FloatArray:
        """H of states, ``(n, d)`` to ``(n,)``."""
        found = [self._hidden(part) @ self.coefficients + self.offset for part in self._parts(states)]
        return np.concatenate(found)

    def gradient(self, states: FloatArray) -> FloatArray:
        """dH/dx of states, ``(n, d)`` to ``(n, d)``."""
        found = [
            ((1.0 - self._hidden(part) ** 2) * self.coefficients) @ self.weights
            for part in self._parts(states)
        ]
        return np.concatenate(found)

    @property
    def rounding(self) -> float:
        """How far rounding can take a value of the gradient: coefficients can be large, and cancel."""
        return float(np.finfo(float).eps * np.max(np.abs(self.coefficients) @ np.abs(self.weights)))

    def _hidden(self, states: FloatArray) -> FloatArray:
        return np.tanh(states @ self.weights.T - self.biases)

    def _parts(self, states: FloatArray) -> list[FloatArray]:
        size = max(1, _EVALUATED // self.biases.size)
        return [states[k : k + size] for k in range(0, max(len(states), 1), size)]


@dataclass(frozen=True, eq=False)
class FittedHamiltonian:
    """A network, and what its training has to say.

    Attributes:
        network: The network.
        residual: The norm of what its gradients miss at the states it learned from, against the true ones'.
        notes: Where something else was done than asked for, and why, one sentence each.
    """

    network: HamiltonianNetwork
    residual: float
    notes: tuple[str, ...]


def fit_hamiltonian(
    states: FloatArray,
    velocities: FloatArray,
    anchor: FloatArray,
    anchor_energy: float,
    options: SampledHamiltonian,
    rng: np.random.Generator,
) -> FittedHamiltonian:
    """Learn an energy from states and how fast they change.

    Args:
        states: Positions, then as many momenta, ``(n, d)``.
        velocities: dx/dt of each, ``(n, d)``.
        anchor: A state whose energy is known, ``(d,)``; it sets the constant.
        anchor_energy: That energy.
        options: How.
        rng: Source of chance.

    Raises:
        UsageError: The samples have no such shape, or too little differs between them.
        NetworkError: A value is no finite number.
    """
    check_motion(states, velocities)
    _check_anchor(anchor, anchor_energy, states.shape[1])
    problem = _Problem(states, gradients_of(velocities), anchor, anchor_energy, options.ridge)
    notes: list[str] = []
    energies: FloatArray | None = None
    if options.variant == "approximate-swim":
        n_first = -(-options.hidden // _FIRST)
        first, _ = problem.solved(*_pair_neurons(states, None, n_first, rng, notes), rng)
        energies = first.energy(states)
    if options.variant == "random":
        weights, biases = random_neurons(states, options.hidden, rng)
    else:
        weights, biases = _pair_neurons(states, energies, options.hidden, rng, notes)
    network, residual = problem.solved(weights, biases, rng)
    if states.size < options.hidden:
        notes.append(
            f"{states.size} equations do not decide {options.hidden} coefficients; the shortest are taken"
        )
    return FittedHamiltonian(network, residual, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Problem:
    """What any hidden neurons are solved for: see `fit_hamiltonian`."""

    states: FloatArray
    gradients: FloatArray
    anchor: FloatArray
    anchor_energy: float
    ridge: float

    def solved(
        self, weights: FloatArray, biases: FloatArray, rng: np.random.Generator
    ) -> tuple[HamiltonianNetwork, float]:
        """The network of some hidden neurons, and what its gradients miss."""
        slopes = _slopes(self.states, weights, biases)
        fit = solve_gradients(slopes, self.gradients, weights, self.ridge, rng)
        found = HamiltonianNetwork(weights, biases, fit.coefficients, 0.0)
        offset = self.anchor_energy - float(found.energy(self.anchor[None])[0])
        return replace(found, offset=offset), fit.residual


def random_neurons(states: FloatArray, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Weights and biases that know no more of the data than its least and largest value."""
    return rng.normal(size=(n, states.shape[1])), rng.uniform(states.min(), states.max(), n)


def between_pairs(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights and biases of neurons that are -1/2 at one state and 1/2 at another.

    Args:
        first: One state of each pair, ``(m, d)``.
        second: The other, never the same.
    """
    step = second - first
    weights = np.log(3.0) * step / np.sum(step**2, axis=1, keepdims=True)
    biases: FloatArray = np.sum(weights * (first + second) / 2, axis=1)
    return weights, biases


def draw_state_pairs(
    states: FloatArray, energies: FloatArray | None, n_pairs: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, bool]:
    """Draw different pairs of different states.

    Args:
        states: ``(n, d)``.
        energies: Of each, ``(n,)``, so that steep pairs are favoured; None for none.
        n_pairs: How many.
        rng: Source of chance.

    Returns:
        Indices of both states of each pair, and whether `energies` decided; they cannot if too few pairs
        differ in them.

    Raises:
        UsageError: There are not as many pairs of different states.
    """
    n = len(states)
    wanted = max(n, _CANDIDATES * n_pairs)
    a = rng.integers(0, n, wanted)
    b = (a + rng.integers(1, n, wanted)) % n
    a, b = np.unique(np.sort(np.stack([a, b]), axis=0), axis=1)
    distance = np.linalg.norm(states[b] - states[a], axis=1)
    apart = distance > 0
    a, b, distance = a[apart], b[apart], distance[apart]
    if a.size < n_pairs:
        raise UsageError(
            f"{n_pairs} hidden neurons need as many pairs of different states, but {a.size} were found among "
            f"{n} samples; use fewer neurons or more samples"
        )
    steep = None if energies is None else np.abs(energies[b] - energies[a]) / distance
    decides = steep is not None and int(np.count_nonzero(steep)) >= n_pairs
    odds = steep / steep.sum() if steep is not None and decides else None
    drawn = rng.choice(a.size, n_pairs, replace=False, p=odds)
    return a[drawn], b[drawn], decides


def _pair_neurons(
    states: FloatArray,
    energies: FloatArray | None,
    n: int,
    rng: np.random.Generator,
    notes: list[str],
) -> tuple[FloatArray, FloatArray]:
    a, b, decided = draw_state_pairs(states, energies, n, rng)
    if energies is not None and not decided:
        notes.append("too few pairs of states differ in energy; pairs were drawn evenly")
    return between_pairs(states[a], states[b])


def _slopes(states: FloatArray, weights: FloatArray, biases: FloatArray) -> FloatArray:
    """1 - tanh^2 of each neuron at each state, ``(n, m)``, made in place: it is the largest array."""
    found: FloatArray = states @ weights.T
    found -= biases
    np.tanh(found, out=found)
    np.square(found, out=found)
    return np.subtract(1.0, found, out=found)


def check_motion(states: FloatArray, velocities: FloatArray) -> None:
    """Refuse states and velocities from which no motion can be learned.

    Raises:
        UsageError: They have no such shape, or too little differs between them.
        NetworkError: A value is no finite number.
    """
    if states.ndim != 2 or states.shape[1] % 2 or not states.shape[1]:
        raise UsageError(
            f"states have shape {states.shape}; give one row a state, as many momenta as positions"
        )
    if velocities.shape != states.shape:
        raise UsageError(
            f"states of shape {states.shape} come with velocities {velocities.shape}; give one a value"
        )
    if len(states) < 2:
        raise UsageError(f"{len(states)} states make no pair; give 2 or more")
    finite(states, "states")
    finite(velocities, "velocities")
    constant = np.flatnonzero(np.ptp(states, axis=0) == 0)
    if constant.size:
        raise UsageError(
            f"value {constant[0]} is the same in all states, so they do not show how the energy depends on "
            "it; vary it, or leave it and its momentum or position out"
        )


def _check_anchor(anchor: FloatArray, anchor_energy: float, size: int) -> None:
    if anchor.shape != (size,):
        raise UsageError(f"states of {size} values come with an anchor {anchor.shape}; give ({size},)")
    finite(anchor, "the anchor")
    finite(np.array(anchor_energy), "the anchor's energy")

"""Recipes of sampled Hamiltonian networks: one YAML file is one system, its sizes, a trajectory to follow.

They are no recipes of `spikec train`: what they make are networks of ordinary neurons. `train_hamiltonian`
makes one, and measures its energy on states it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from spikec.arrays import FloatArray
from spikec.catalogue import Catalogue
from spikec.errors import UsageError
from spikec_train.energy_systems import EnergySystem, energy_system
from spikec_train.hamiltonian import FittedHamiltonian, SampledHamiltonian, Variant, fit_hamiltonian


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class HamiltonianPromise:
    """What a recipe's network does with the recipe's seed; `bench/recipes.py` holds it to that.

    Attributes:
        variant: How hidden neurons are drawn.
        energy_error: The relative L2 error of H at most.
        seconds: CPU time of the training on an idle machine, about.
    """

    variant: Variant
    energy_error: float
    seconds: float


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class HamiltonianRecipe:
    """How the energy of one system is learned.

    Attributes:
        title: For people.
        system: One of `energy_systems.SYSTEMS`.
        hidden: Number of hidden neurons.
        samples: States to learn from, and as many to test on.
        seed: The first seed.
        ridge: See `SampledHamiltonian`.
        start: Where a trajectory starts.
        step: Its time step.
        expected: What comes of it.
    """

    title: str
    system: str
    hidden: int
    samples: int
    seed: int
    ridge: float
    start: tuple[float, ...]
    step: float
    expected: HamiltonianPromise | None = None

    def __post_init__(self) -> None:
        size = energy_system(self.system).size
        if len(self.start) != size:
            raise UsageError(
                f"start has {len(self.start)} values, but {self.system} has {size}; mend 'start'"
            )
        if self.samples < 2 or self.seed < 0 or not 0 < self.step < np.inf:
            raise UsageError(
                f"{self.samples} samples, seed {self.seed} and step {self.step} were asked for; give 2 or "
                "more samples, a seed from 0 on and a positive step"
            )


@dataclass(frozen=True, eq=False)
class HamiltonianTask:
    """What a seed of a recipe learns from, and is tested on.

    Attributes:
        system: The system.
        states: To learn from, ``(n, d)``.
        test: To test on, ``(n, d)``.
        anchor: The state whose energy is given, the origin, ``(d,)``.
        rng: What chance goes on with.
    """

    system: EnergySystem
    states: FloatArray
    test: FloatArray
    anchor: FloatArray
    rng: np.random.Generator

    @property
    def anchor_energy(self) -> float:
        """The true energy at the anchor."""
        return float(self.system.energy(self.anchor[None])[0])

    def energy_error(self, energies: FloatArray) -> float:
        """Relative L2 error of energies of the test states."""
        return relative_error(energies, self.system.energy(self.test))


@dataclass(frozen=True, eq=False)
class HamiltonianResult:
    """A network, and how good it is.

    Attributes:
        fitted: The network, and what its training has to say.
        cpu_seconds: CPU time of the training alone, on one thread.
        energy_error: Relative L2 error of H on the test states.
        gradient_error: That of its gradient.
    """

    fitted: FittedHamiltonian
    cpu_seconds: float
    energy_error: float
    gradient_error: float


_ADAPTER: TypeAdapter[HamiltonianRecipe] = TypeAdapter(HamiltonianRecipe)


def hamiltonian_recipe_names() -> list[str]:
    """Names of the recipes that ship."""
    return _catalogue().names()


def load_hamiltonian_recipe(name: str) -> HamiltonianRecipe:
    """Read a recipe by name, or from the path of a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    return _catalogue().load(name)


def hamiltonian_task(recipe: HamiltonianRecipe, seed: int) -> HamiltonianTask:
    """Draw the states of one seed."""
    system, rng = energy_system(recipe.system), np.random.default_rng(seed)
    states, test = system.draw(recipe.samples, rng), system.draw(recipe.samples, rng)
    return HamiltonianTask(system, states, test, np.zeros(system.size), rng)


def train_hamiltonian(recipe: HamiltonianRecipe, variant: Variant, seed: int) -> HamiltonianResult:
    """Make a recipe's network, on one thread.

    Args:
        recipe: The recipe.
        variant: How hidden neurons are drawn.
        seed: Of states and neurons.

    Raises:
        UsageError: The samples do not suffice.
    """
    task = hamiltonian_task(recipe, seed)
    system, options = task.system, SampledHamiltonian(variant, recipe.hidden, recipe.ridge)
    velocities = system.velocities(task.states)
    with threadpool_limits(1, "blas"):
        began = process_time()
        fitted = fit_hamiltonian(task.states, velocities, task.anchor, task.anchor_energy, options, task.rng)
        seconds = process_time() - began
        error = task.energy_error(fitted.network.energy(task.test))
        gradient = relative_error(fitted.network.gradient(task.test), system.gradient(task.test))
    return HamiltonianResult(fitted, seconds, error, gradient)


def relative_error(found: FloatArray, true: FloatArray) -> float:
    """The norm of the difference over that of the truth."""
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def _catalogue() -> Catalogue[HamiltonianRecipe]:
    package = Path(__file__).parent
    inside = package / "recipes"
    folder = (inside if inside.is_dir() else package.parent / "recipes") / "hamiltonian"
    return Catalogue("recipe of a Hamiltonian network", folder, _ADAPTER, "docs/training.md")

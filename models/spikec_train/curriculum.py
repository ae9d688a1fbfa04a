r"""Whether the order of examples matters: one pass over easy and hard samples, in one of three orders.

The samples are an XOR-like mixture of four Gaussians. Two values are relevant: their means are
:math:`\pm\mu e_1` for class 0 and :math:`\pm\mu e_2` for class 1, so no line parts the classes. All others
are noise that says nothing, of a small standard deviation in easy samples and of a large one in hard ones.
Every order has as many of both, half and half:

* ``mixed``: every other sample is hard.
* ``easy-first``: all easy ones before all hard ones.
* ``hard-first``: turned round.

What is trained are networks of one hidden layer, along exact derivatives of spike times: ramp neurons with a
linear readout (`ramp_descent`), or first-spike networks of `CubaLif` neurons (`cuba_training`), which get
each value twice, as :math:`x` and :math:`-x`.

Source of the task: S. Sarao Mannelli, Y. Ivashinka, A. Saxe, L. Saglietti: "Tilting the odds at the lottery",
ICML 2024, arXiv:2406.01589, with rate units and plain descent. What they found is that easy samples first
help small networks, and large ones the less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.catalogue import Catalogue
from spikec.errors import UsageError
from spikec_train.cuba_training import ExactCuba
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Problem
from spikec_train.first_spike import FirstSpikeProblem
from spikec_train.optimisers import Optimiser, descend, no_moments
from spikec_train.ramp_descent import RampDescent, descend_ramps, draw_networks

Order = Literal["mixed", "easy-first", "hard-first"]
ORDERS: tuple[Order, ...] = ("mixed", "easy-first", "hard-first")

_CHECKED = ConfigDict(extra="forbid")


@checked_dataclass(frozen=True, config=_CHECKED)
class XorMixture:
    r"""The mixture.

    Attributes:
        values: Number of values of a sample, the two relevant ones among them.
        distance: :math:`\mu`.
        spread: Standard deviation of relevant values about their means.
        easy: Standard deviation of the others in easy samples.
        hard: That in hard ones.
        reach: Values beyond plus or minus this count as at it.
    """

    values: int
    distance: float
    spread: float
    easy: float
    hard: float
    reach: float

    def __post_init__(self) -> None:
        sizes = (self.distance, self.spread, self.easy, self.hard)
        if self.values < 2 or not all(0 <= x < np.inf for x in sizes) or not 0 < self.reach < np.inf:
            raise UsageError(
                f"a mixture of {self.values} values with distance, spread, easy and hard {sizes} and reach "
                f"{self.reach} was asked for; give 2 or more values, none of the others negative, and a "
                "positive reach"
            )

    def draw(self, hard: BoolArray, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Draw samples.

        Args:
            hard: Whether each is hard, ``(n,)``.
            rng: Source of chance.

        Returns:
            Values, ``(n, values)``, and classes, ``(n,)``.
        """
        n = hard.size
        cluster = rng.integers(0, 4, n)
        x = rng.normal(size=(n, self.values))
        x[:, 2:] *= np.where(hard, self.hard, self.easy)[:, None]
        x[:, :2] *= self.spread
        x[np.arange(n), cluster // 2] += np.where(cluster % 2, -self.distance, self.distance)
        return x, cluster // 2

    def dataset(self, values: FloatArray, labels: IntArray) -> Dataset:
        """Samples as values from 0 to 1: where each lies from minus to plus the reach, then its negative."""
        at = np.clip(0.5 + values / (2.0 * self.reach), 0.0, 1.0)
        both = np.hstack([at, 1.0 - at])
        return Dataset("xor-mixture", "train", both, labels, (both.shape[1],), 1.0, 2)


@checked_dataclass(frozen=True, config=_CHECKED)
class CurriculumRecipe:
    """One experiment.

    Attributes:
        title: For people.
        mixture: The task.
        steps: Steps of one pass.
        tested: Hard samples that a network is tested on.
        success: The share of right answers from which a network counts as having learned.
        seed: The first seed.
        training: How networks are trained; `hidden` is replaced if it has one, and one epoch is the pass.
    """

    title: str
    mixture: XorMixture
    steps: int
    tested: int
    success: float
    seed: int
    training: Annotated[RampDescent | ExactCuba, Field(discriminator="method")]

    def __post_init__(self) -> None:
        if min(self.steps, self.tested) < 1 or self.seed < 0 or not 0 < self.success < 1:
            raise UsageError(
                f"{self.steps} steps, {self.tested} test samples, seed {self.seed} and success "
                f"{self.success} were asked for; the first two must be 1 or more, the seed not negative, and "
                "success between 0 and 1"
            )
        if isinstance(self.training, ExactCuba) and self.training.epochs != 1:
            raise UsageError(f"{self.training.epochs} epochs were asked for, but orders are of one pass")


@dataclass(frozen=True)
class Outcome:
    """What became of one network.

    Attributes:
        accuracy: Share of right answers on hard samples.
        early_share: Share of its hidden spikes that its training did not know, see `ramp_descent`.
    """

    accuracy: float
    early_share: float


def load_curriculum_recipe(name: str) -> CurriculumRecipe:
    """Read a recipe by name, or from the path of a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    package = Path(__file__).parent
    inside = package / "recipes"
    folder = (inside if inside.is_dir() else package.parent / "recipes") / "curriculum"
    adapter = TypeAdapter(CurriculumRecipe)
    tags = ("exact-ramp", "exact-cuba", "adam", "adabelief", "sgd")
    return Catalogue("recipe of a curriculum", folder, adapter, "docs/training.md", tags).load(name)


def hard_samples(order: Order, n: int) -> BoolArray:
    """Which of `n` samples are hard in an order, half of them."""
    k = np.arange(n)
    if order == "mixed":
        hard: BoolArray = k % 2 == 1
    else:
        hard = (k >= n - n // 2) if order == "easy-first" else (k < n // 2)
    return hard


def one_pass(
    problem: Problem, optimiser: Optimiser, batch: int, parameters: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Train on every sample once, in the order that they are in.

    Args:
        problem: What is trained.
        optimiser: How a step follows from a gradient.
        batch: Samples of a step.
        parameters: Where to begin.
        rng: Source of chance.
    """
    moments = no_moments(parameters.size)
    for first in range(0, problem.n_samples, batch):
        samples = np.arange(first, min(first + batch, problem.n_samples))
        _, gradient = problem.gradient(parameters, samples, rng)
        parameters, moments = descend(optimiser, moments, parameters, gradient)
        problem.clip(parameters)
    return parameters


def outcomes(recipe: CurriculumRecipe, hidden: int, order: Order, seeds: Sequence[int]) -> list[Outcome]:
    """Train networks, on one thread, and test them on hard samples.

    A seed decides the first weights, which are the same in all orders, and the samples.

    Args:
        recipe: The experiment.
        hidden: Number of hidden neurons, K.
        order: Which samples come first.
        seeds: Of all chance, one a network.
    """
    options = recipe.training
    if not seeds:
        return []
    if isinstance(options, ExactCuba):
        return [_cuba(recipe, replace(options, hidden=(hidden,)), order, seed) for seed in seeds]
    return _ramps(recipe, options, hidden, order, seeds)


def _ramps(
    recipe: CurriculumRecipe, options: RampDescent, hidden: int, order: Order, seeds: Sequence[int]
) -> list[Outcome]:
    mixture, rngs = recipe.mixture, [_generators(seed) for seed in seeds]
    first = draw_networks(hidden, mixture.values, options, [seen for seen, _ in rngs])
    hard = hard_samples(order, recipe.steps * options.batch)
    drawn = [mixture.draw(hard, seen) for seen, _ in rngs]
    values, labels = (np.stack(parts) for parts in zip(*drawn, strict=True))
    networks = descend_ramps(first, values, 2.0 * labels - 1.0, mixture.reach, options)
    found = []
    for k, (_, unseen) in enumerate(rngs):
        tests, right = mixture.draw(np.ones(recipe.tested, bool), unseen)
        answers, early = networks.answers(k, tests, mixture.reach)
        found.append(Outcome(float(np.mean((answers > 0) == (right == 1))), early))
    return found


def _cuba(recipe: CurriculumRecipe, options: ExactCuba, order: Order, seed: int) -> Outcome:
    mixture, (seen, unseen) = recipe.mixture, _generators(seed)
    model = options.model(2 * mixture.values, 2)
    first = options.initial(model, seen)
    data = mixture.dataset(*mixture.draw(hard_samples(order, recipe.steps * options.batch), seen))
    problem = FirstSpikeProblem(options, model, options.given(data), data.labels, n_threads=1)
    parameters = one_pass(problem, options.optimiser, options.batch, first, seen)
    test = mixture.dataset(*mixture.draw(np.ones(recipe.tested, bool), unseen))
    found = options.run(model, parameters, options.given(test), test.labels, False, 1)
    return Outcome(options.figures(model, found, test.labels)["accuracy"], 0.0)


def _generators(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """For first weights and samples, and for the test."""
    seen, unseen = np.random.SeedSequence(seed).spawn(2)
    return np.random.default_rng(seen), np.random.default_rng(unseen)

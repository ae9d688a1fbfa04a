"""Training that begins with few hidden neurons and adds others where the error is.

A stage trains some neurons along exact gradients, as `first_spike` does. Before the next one new neurons
enter: each looks from a sample that is answered wrongly towards one of the class that it was taken for, near
ones more often (as sampled networks place theirs, see `sampling`). Its weights lie along the difference of
the two, by how early inputs spike; their length, and how strongly the middle of the two drives the neuron,
are those of a neuron that is there already. Weights that lead on from new neurons begin at 0, so nothing
changes when they enter; exact gradients do the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.blocks import processors
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Problem, Trained, train
from spikec_train.first_spike import AnyLayers, FirstSpikeProblem, TrainedLayers
from spikec_train.layers import Layers, Part
from spikec_train.optimisers import Moments
from spikec_train.orders import Schedule


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Growth:
    """How a network grows.

    Attributes:
        first: Hidden neurons to begin with; the recipe's number is that at the end.
        stages: How often new ones enter; each time their number is multiplied by about the same.
        share: Part of the epochs after which all are there.
        enter: Whether new neurons are sampled where the error is, or drawn as the first ones are.
        candidates: Samples of which each new neuron's second one is chosen.
    """

    first: int
    stages: int = 2
    share: float = 0.2
    enter: Literal["sampled", "drawn"] = "sampled"
    candidates: int = 16

    def __post_init__(self) -> None:
        if min(self.first, self.stages, self.candidates) < 1 or not 0 < self.share < 1:
            raise UsageError(
                f"a growth from {self.first} neurons in {self.stages} stages with {self.candidates} "
                f"candidates and share {self.share} was asked for; the first three must be 1 or more, and "
                "the share of epochs lies between 0 and 1"
            )

    def check(self, hidden: tuple[int, ...], epochs: int) -> None:
        """Refuse what a recipe cannot do.

        Raises:
            UsageError: It has not one hidden layer, or begins with all neurons, or with the last epoch.
        """
        if len(hidden) != 1:
            raise UsageError(f"only one hidden layer can grow, but this recipe has {len(hidden)}")
        if self.first >= hidden[0]:
            raise UsageError(
                f"a network of {hidden[0]} hidden neurons cannot grow from {self.first}; begin with fewer"
            )
        if epochs < 2:
            raise UsageError("a network cannot grow within one epoch; give 2 or more")

    def widths(self, hidden: int, epochs: int) -> dict[int, int]:
        """From which epoch on, counted from 0, how many hidden neurons there are."""
        found = {0: self.first}
        for k in range(1, self.stages + 1):
            at = min(max(1, round(epochs * self.share * k / self.stages)), epochs - 1)
            found[at] = round(self.first * (hidden / self.first) ** (k / self.stages))
        return found


@dataclass(frozen=True, eq=False)
class Growing(Problem):
    """A problem whose network grows between epochs.

    Attributes:
        growth: How.
        stages: The problem by the epoch from which on it is trained, counted from 0.
    """

    growth: Growth
    stages: dict[int, FirstSpikeProblem]

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return self.stages[0].n_samples

    def key(self) -> str:
        """A digest of all that decides the outcome, the number of epochs included."""
        return f"{self.whole.key()} {self.growth} {list(self.stages)}"

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw the parameters of the first neurons."""
        return self.stages[0].initial(rng)

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, and its gradient."""
        return self.stage(parameters).gradient(parameters, samples, rng)

    def clip(self, parameters: FloatArray) -> None:
        """Bring parameters back to where they are allowed."""
        self.stage(parameters).clip(parameters)

    def order(self, done: int, rng: np.random.Generator) -> IntArray:
        """Which samples the next epoch shows."""
        return self.whole.order(done, rng)

    def prepared(self, state: Trained, rng: np.random.Generator) -> Trained:
        """The state with the neurons that enter before the next epoch."""
        now, wanted = self.stage(state.parameters), self.stages.get(state.losses.size)
        if wanted is None or wanted.model.sizes == now.model.sizes:
            return state
        parameters = widened(now, wanted, state.parameters, self.growth, rng)
        moments = widened_moments(now.model, wanted.model, state.moments)
        return replace(state, parameters=parameters, moments=moments)

    @property
    def whole(self) -> FirstSpikeProblem:
        """The problem of the whole network."""
        return self.stages[max(self.stages)]

    def stage(self, parameters: FloatArray) -> FirstSpikeProblem:
        """The problem that parameters are of."""
        return next(s for s in self.stages.values() if s.model.n_parameters == parameters.size)


def growing(whole: FirstSpikeProblem, growth: Growth) -> Growing:
    """The problem of a network that grows to that of another problem.

    Raises:
        UsageError: The recipe does not allow it, see `Growth.check`.
    """
    options = whole.options
    growth.check(options.hidden, options.epochs)
    stages = {}
    for epoch, n in growth.widths(options.hidden[0], options.epochs).items():
        narrow = replace(options, hidden=(n,))
        model = narrow.model(whole.model.sizes[0], whole.model.sizes[-1])
        stages[epoch] = FirstSpikeProblem(
            narrow, model, whole.given, whole.labels, whole.n_threads, whole.schedule
        )
    return Growing(growth, stages)


def widened(
    narrow: FirstSpikeProblem,
    wide: FirstSpikeProblem,
    parameters: FloatArray,
    growth: Growth,
    rng: np.random.Generator,
) -> FloatArray:
    """Parameters of a wider network that does what the narrow one does.

    Args:
        narrow: The problem as it was.
        wide: The one to come.
        parameters: Those of the narrow one.
        growth: How new neurons are made.
        rng: Source of chance.
    """
    before, found = narrow.model.sizes[1], wide.initial(rng)
    for old, new in zip(narrow.model.parts(parameters), wide.model.parts(found), strict=True):
        if old.weights and old.axes == (1, 0) and growth.enter == "sampled":
            n = len(new.values) - before
            new.values[before:] = sampled_weights(narrow, parameters, old.values, n, growth.candidates, rng)
        if old.weights and old.axes == (2, 1):
            new.values[:, before:] = 0.0
        new.values[_corner(old)] = old.values
    return found


def widened_moments(narrow: Layers, wide: Layers, moments: Moments) -> Moments:
    """What an optimiser remembers of a network that has become wider: of new parameters nothing.

    Adam and AdaBelief count the steps of all parameters together, so the first steps of new ones are longer
    than the others', up to 6.6 times at the usual constants. That is wanted: where new parameters began with
    the others' mean squares, networks ended less accurate.

    Args:
        narrow: The network as it was.
        wide: As it is.
        moments: Of the narrow one.
    """
    mean, square = np.zeros(wide.n_parameters), np.zeros(wide.n_parameters)
    for before, after in ((moments.mean, mean), (moments.square, square)):
        for old, new in zip(narrow.parts(before), wide.parts(after), strict=True):
            new.values[_corner(old)] = old.values
    return Moments(moments.step, mean, square)


def sampled_weights(
    problem: FirstSpikeProblem,
    parameters: FloatArray,
    present: FloatArray,
    n: int,
    candidates: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Weights into new neurons, ``(n, n_inputs)``.

    Args:
        problem: The network and its samples.
        parameters: Of the network.
        present: Weights into the neurons that are there, ``(n_present, n_inputs)``.
        n: How many are to enter.
        candidates: Samples of which the second one of each pair is chosen.
        rng: Source of chance.
    """
    drive = _drive(problem.given)
    wrong, other = confused_pairs(problem, parameters, drive, n, candidates, rng)
    step = drive[other] - drive[wrong]
    step *= np.where(rng.random(n) < 0.5, -1.0, 1.0)[:, None] / np.linalg.norm(step, axis=1)[:, None]
    model = rng.integers(0, len(present), n)
    centred = present - present.mean(axis=1, keepdims=True)
    step *= np.linalg.norm(centred, axis=1)[model, None]
    middle = 0.5 * (drive[wrong] + drive[other])
    lacks = (present @ drive.mean(axis=0))[model] - np.sum(step * middle, axis=1)
    return step + (lacks / np.maximum(middle.sum(axis=1), np.finfo(float).tiny))[:, None]


def confused_pairs(
    problem: FirstSpikeProblem,
    parameters: FloatArray,
    drive: FloatArray,
    n: int,
    candidates: int,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Samples that a network answers wrongly, each with one of the class that it takes it for.

    If fewer are wrong than pairs are wanted, those right ones take part that have the largest losses, with
    samples of any other class.

    Args:
        problem: The network and its samples.
        parameters: Of the network.
        drive: Where samples lie, ``(n_samples, n_inputs)``.
        n: How many pairs.
        candidates: Samples of which the second one of each pair is chosen, near ones more often.
        rng: Source of chance.

    Returns:
        Indices of the two, each ``(n,)``.

    Raises:
        UsageError: All samples are of one class, or alike.
    """
    labels = problem.labels
    found = problem.options.run(problem.model, parameters, problem.given, labels, False, problem.n_threads)
    answers = found.times.argmin(axis=1)
    worst = np.argsort(-np.where(answers != labels, np.inf, found.losses), kind="stable")
    worst = worst[: max(n, int(np.count_nonzero(answers != labels)))]
    first = rng.permutation(np.resize(worst, max(n, worst.size)))[:n]
    second = np.empty(n, np.int64)
    for k, i in enumerate(first):
        taken_for = labels == answers[i] if answers[i] != labels[i] else labels != labels[i]
        others = np.flatnonzero(taken_for) if taken_for.any() else np.flatnonzero(labels != labels[i])
        if not others.size:
            raise UsageError("all training samples are of one class, so no neuron can tell them apart")
        near = rng.choice(others, min(candidates, others.size), replace=False)
        distance = np.linalg.norm(drive[near] - drive[i], axis=1)
        if not distance.any():
            raise UsageError(f"training sample {i} is like others of another class; mend its label")
        weight = np.divide(1.0, distance, out=np.zeros_like(distance), where=distance > 0)
        second[k] = rng.choice(near, p=weight / weight.sum())
    return first, second


def train_growing(
    data: Dataset,
    options: AnyLayers,
    growth: Growth,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
    schedule: Schedule | None = None,
) -> TrainedLayers:
    """Train a network that grows on labelled samples; else as `first_spike.train_layers`.

    Raises:
        UsageError: The checkpoint is of another training, the training diverged, or the network cannot grow.
    """
    model = options.model(data.samples.shape[1], data.n_classes)
    whole = FirstSpikeProblem(options, model, options.given(data), data.labels, processors(), schedule)
    done = train(
        growing(whole, growth), options.optimiser, options.epochs, options.batch, seed, checkpoint, progress
    )
    return TrainedLayers(options.network(model, done.parameters, data), options, model, done)


def _corner(part: Part) -> tuple[slice, ...]:
    """Where a narrow network's parameters stand among a wide one's."""
    return tuple(slice(n) for n in part.values.shape)


def _drive(given: AnyArray) -> FloatArray:
    """Where samples lie: how long before the last spike each input spikes; or 1 for a spike, 0 for none."""
    if given.dtype == np.bool_:
        return given.astype(np.float64)
    spiked = np.isfinite(given)
    return np.where(spiked, given.max(where=spiked, initial=0.0) - given, 0.0)

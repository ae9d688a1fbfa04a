"""Training by exact gradients: epochs of batches, an optimiser, and checkpoints to go on from.

What is trained is a `Problem`: it draws its parameters, and tells loss and gradient of a batch. All chance
comes from one generator, whose state is in every checkpoint: a training that was killed and taken up again
ends with the same network, to the last bit, as one that ran through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.container import digest, load, save
from spikec.errors import FileFormatError, UsageError
from spikec_train.optimisers import Moments, Optimiser, descend, no_moments

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_KIND = "spikec training checkpoint"


class Problem(Protocol):
    """What is trained, and what an epoch shows of it."""

    @property
    def n_samples(self) -> int:
        """Number of training samples."""

    def key(self) -> str:
        """A digest of all that decides the outcome, data included, but for the seed."""

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw parameters, ``(n,)``."""

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, and its gradient."""

    def clip(self, parameters: FloatArray) -> None:
        """Bring parameters back to where they are allowed, in place."""

    def order(self, done: int, rng: np.random.Generator) -> IntArray:
        """Which samples the next epoch shows, one after another: each once, unless a problem says otherwise.

        Args:
            done: Epochs done.
            rng: Source of chance.
        """
        return rng.permutation(self.n_samples)

    def prepared(self, state: Trained, rng: np.random.Generator) -> Trained:
        """The state that the next epoch begins with: as it is, unless a problem says otherwise."""
        return state


@dataclass(frozen=True, eq=False)
class Trained:
    """The end of a training, or the state of one after an epoch.

    Attributes:
        parameters: As the problem has them.
        moments: What the optimiser remembers.
        losses: Mean loss of each epoch done, over its batches as they were when trained, ``(n_epochs,)``.
        seconds: Processor time of all epochs, of all threads together.
        rng_state: State of the generator, as numpy gives it.
    """

    parameters: FloatArray
    moments: Moments
    losses: FloatArray
    seconds: float
    rng_state: dict[str, Any]


def problem_key(options: DataclassInstance, **others: Any) -> str:
    """A digest of options, but for the number of epochs, and of what else decides the outcome."""
    kept = {name: value for name, value in asdict(options).items() if name != "epochs"}
    return digest({"options": kept, **others})


def train(
    problem: Problem,
    optimiser: Optimiser,
    epochs: int,
    batch: int,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
) -> Trained:
    """Train from the beginning, or from where a checkpoint ends.

    Args:
        problem: What is trained.
        optimiser: How a step follows from a gradient.
        epochs: How often every sample is shown.
        batch: Samples of a step; the last step of an epoch takes what is left.
        seed: Of all chance.
        checkpoint: A file that is written after every epoch, and read first if it exists.
        progress: Is called with a sentence after every epoch.

    Raises:
        UsageError: The checkpoint is of another training, or the loss is no number any more.
        FileFormatError: The checkpoint is damaged, or cannot be written.
    """
    key = f"{problem.key()} {optimiser} batch {batch} seed {seed}"
    rng = np.random.default_rng(seed)
    if checkpoint is not None and checkpoint.exists():
        state = read_checkpoint(checkpoint, key)
        if state.losses.size > epochs:
            raise UsageError(
                f"checkpoint {checkpoint} has done {state.losses.size} epochs, but {epochs} are asked for; "
                "name another file"
            )
        rng.bit_generator.state = state.rng_state
    else:
        state = begun(problem, rng)
    while state.losses.size < epochs:
        state = next_epoch(problem, optimiser, batch, state, rng)
        if checkpoint is not None:
            write_checkpoint(checkpoint, key, state)
        if progress is not None:
            done = f"epoch {state.losses.size} of {epochs}"
            progress(f"{done}: loss {state.losses[-1]:.4g}, {state.seconds:.1f} s so far")
    return state


def write_checkpoint(path: Path, key: str, state: Trained) -> None:
    """Write a training's state; the file is there whole or not at all.

    Args:
        path: Where.
        key: What is trained, so that no other training takes it up.
        state: After an epoch.
    """
    moments = state.moments
    save(
        {
            "kind": _KIND,
            "key": key,
            "parameters": state.parameters,
            "step": moments.step,
            "mean": moments.mean,
            "square": moments.square,
            "losses": state.losses,
            "seconds": state.seconds,
            "rng_state": state.rng_state,
        },
        path,
    )


def read_checkpoint(path: Path, key: str) -> Trained:
    """Read a training's state.

    Raises:
        UsageError: It is of another training.
        FileFormatError: It is damaged.
    """
    try:
        found = load(path)
    except FileFormatError as error:
        raise FileFormatError(f"checkpoint {path} is damaged; delete it to begin anew") from error
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        raise UsageError(f"{path} is no checkpoint of a training; name another file")
    if found["key"] != key:
        raise UsageError(
            f"checkpoint {path} is of another training (recipe, data or seed differ); name another file, "
            "or delete it to begin anew"
        )
    moments = Moments(found["step"], found["mean"], found["square"])
    return Trained(found["parameters"], moments, found["losses"], found["seconds"], found["rng_state"])


def begun(problem: Problem, rng: np.random.Generator) -> Trained:
    """The state before the first epoch."""
    parameters = problem.initial(rng)
    return Trained(parameters, no_moments(parameters.size), np.zeros(0), 0.0, dict(rng.bit_generator.state))


def next_epoch(
    problem: Problem, optimiser: Optimiser, batch: int, state: Trained, rng: np.random.Generator
) -> Trained:
    """Train for one epoch more.

    Args:
        problem: What is trained.
        optimiser: How a step follows from a gradient.
        batch: Samples of a step.
        state: After the epoch before.
        rng: Source of chance, in the state that `state` has of it.

    Raises:
        UsageError: The loss is no number any more.
    """
    began, done = process_time(), state.losses.size
    state = problem.prepared(state, rng)
    parameters, moments, total = state.parameters, state.moments, 0.0
    order = problem.order(done, rng)
    for first in range(0, order.size, batch):
        samples = order[first : first + batch]
        loss, gradient = problem.gradient(parameters, samples, rng)
        if not isfinite(loss):
            raise UsageError(
                f"the loss is {loss} after {moments.step} steps; lower the learning rate or the weights"
            )
        parameters, moments = descend(optimiser, moments, parameters, gradient)
        problem.clip(parameters)
        total += loss * samples.size
    losses = np.append(state.losses, total / order.size)
    seconds = state.seconds + process_time() - began
    return Trained(parameters, moments, losses, seconds, dict(rng.bit_generator.state))

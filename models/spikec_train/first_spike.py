"""Training of layered networks whose answer is the output that spikes first, whatever their neurons.

Options of a recipe make a `FirstSpikeProblem` of labelled samples; `train_layers` trains it, and the problem
makes a network of what was found. A new kind of neuron brings a subclass of each class here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.coding import Decoding, Encoding, Readout
from spikec.errors import UsageError
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Neuron, Source
from spikec_train.blocks import processors
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Problem, Trained, train
from spikec_train.layers import Layers
from spikec_train.optimisers import Optimiser

OUTPUT = "output"
"""What the output population is called; those before it are called hidden1, hidden2 and so on."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ExactLayers:
    """What recipes of layered networks have in common.

    Attributes:
        hidden: Neurons of each hidden layer.
        optimiser: One of `optimisers`.
        epochs: How often every sample is shown.
        batch: Samples of a step.
    """

    hidden: tuple[int, ...]
    optimiser: Annotated[Optimiser, Field(discriminator="method")]
    epochs: int
    batch: int

    def __post_init__(self) -> None:
        if min(self.hidden, default=1) < 1 or self.epochs < 1 or self.batch < 1:
            raise UsageError(
                f"layers of {self.hidden} neurons, {self.epochs} epochs and batches of {self.batch} were "
                "asked for; all must be 1 or more"
            )

    def disturbed(self, given: AnyArray, rng: np.random.Generator) -> AnyArray:
        """The samples as one step sees them."""
        raise NotImplementedError

    def problem(self, data: Dataset, n_threads: int) -> AnyProblem:
        """The training of a network on some samples."""
        raise NotImplementedError


Options = TypeVar("Options", bound=ExactLayers)
Model = TypeVar("Model", bound=Layers)


@dataclass(frozen=True, eq=False)
class FirstSpikeProblem(Problem, Generic[Options, Model]):
    """A recipe and its training samples, as `exact_gradient.Problem` wants them.

    Attributes:
        options: The recipe.
        model: The network.
        given: What the network gets of each sample, ``(n_samples, n_inputs)``.
        labels: Their classes, ``(n_samples,)``.
        n_threads: How many threads share a batch; the result does not depend on it.
    """

    options: Options
    model: Model
    given: AnyArray
    labels: IntArray
    n_threads: int

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return int(self.labels.size)

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, disturbed, and its gradient."""
        given = self.options.disturbed(self.given[samples], rng)
        losses, gradient = self.differentiate(parameters, given, self.labels[samples])
        assert gradient is not None
        return float(losses.mean()), gradient / samples.size

    def differentiate(
        self, parameters: FloatArray, given: AnyArray, labels: IntArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """The loss of each sample, and the gradient of their sum."""
        raise NotImplementedError

    def trained(self, training: Trained, data: Dataset) -> AnyTrained:
        """The network of what a training found, which encodes samples as those of some data."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class TrainedLayers(Generic[Options, Model]):
    """A trained network and how its training went.

    Attributes:
        network: In the continuous dialect.
        options: How it was made.
        model: The network as the training has it.
        training: Parameters and losses.
    """

    network: Network
    options: Options
    model: Model
    training: Trained

    def figures(self, data: Dataset) -> dict[str, float]:
        """What the network does with samples as they are."""
        raise NotImplementedError


AnyProblem = FirstSpikeProblem[Any, Any]
AnyTrained = TrainedLayers[Any, Any]


def train_layers(
    data: Dataset,
    options: ExactLayers,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
) -> AnyTrained:
    """Train a network on labelled samples.

    Args:
        data: The samples.
        options: How.
        seed: Of all chance.
        checkpoint: A file to go on from, and to write after every epoch.
        progress: Is called with a sentence after every epoch.

    Raises:
        UsageError: The checkpoint is of another training, or the training diverged.
    """
    problem = options.problem(data, processors())
    done = train(problem, options.optimiser, options.epochs, options.batch, seed, checkpoint, progress)
    return problem.trained(done, data)


def layered_network(
    neurons: Sequence[Neuron],
    sizes: Sequence[int],
    weights: Sequence[FloatArray],
    delays: Sequence[Delays],
    encoding: Encoding,
    shape: tuple[int, ...],
) -> Network:
    """A network of layers, in seconds, that answers with the output that spikes first.

    Args:
        neurons: Of each layer.
        sizes: Their numbers.
        weights: Into each layer, ``(n_post, n_pre)``.
        delays: Into each layer.
        encoding: How samples become spikes.
        shape: Of one sample.
    """
    hidden = [f"hidden{k}" for k in range(1, len(sizes))]
    names = (encoding.population, *hidden, OUTPUT)
    layers = zip(names[1:], neurons, sizes, strict=True)
    between = zip(pairwise(names), weights, delays, strict=True)
    return Network(
        populations=(
            Population(encoding.population, Source(one_spike=True), shape),
            *(Population(name, neuron, (n,)) for name, neuron, n in layers),
        ),
        projections=tuple(
            Projection(f"{pre}-{post}", pre, post, Dense(w), delay) for (pre, post), w, delay in between
        ),
        inputs=(encoding.population,),
        outputs=(OUTPUT,),
        clock=Continuous(),
        encoding=encoding,
        decoding=Decoding(OUTPUT, Readout.FIRST),
    )

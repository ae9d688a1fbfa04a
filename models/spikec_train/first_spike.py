"""Training of layered networks whose answer is the output that spikes first, whatever their neurons.

Options of a recipe and labelled samples are a `FirstSpikeProblem`; `train_layers` trains it, and the options
make a network of what was found. A new kind of neuron brings a subclass of `ExactLayers` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, Protocol, TypeVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.coding import Decoding, Encoding, Readout
from spikec.errors import UsageError
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Neuron, Source
from spikec_train.blocks import Memory, processors
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Problem, Trained, problem_key, train
from spikec_train.layers import Layers
from spikec_train.optimisers import Optimiser
from spikec_train.orders import Schedule

OUTPUT = "output"
"""What the output population is called; those before it are called hidden1, hidden2 and so on."""


class Differentiated(Protocol):
    """What training wants to know of samples that a network has run."""

    @property
    def losses(self) -> FloatArray:
        """Of each sample, ``(n_samples,)``."""

    @property
    def times(self) -> FloatArray:
        """When each output spikes first, or is taken to, ``(n_samples, n_outputs)``."""

    @property
    def gradient(self) -> FloatArray | None:
        """Of the summed losses, as the parameters; None if it was not asked for."""


Model = TypeVar("Model", bound=Layers)
Answers = TypeVar("Answers", bound=Differentiated)


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ExactLayers(Generic[Model, Answers]):
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

    def model(self, n_inputs: int, n_outputs: int) -> Model:
        """The network of this recipe for some data, in the unit of time that it trains in."""
        raise NotImplementedError

    def given(self, data: Dataset) -> AnyArray:
        """What a network gets of each sample, ``(n_samples, n_inputs)``."""
        raise NotImplementedError

    def disturbed(self, given: AnyArray, rng: np.random.Generator) -> AnyArray:
        """The samples as one step sees them."""
        raise NotImplementedError

    def initial(self, model: Model, rng: np.random.Generator) -> FloatArray:
        """Draw parameters, ``(n_parameters,)``."""
        raise NotImplementedError

    def begun(self, model: Model, given: AnyArray, labels: IntArray, rng: np.random.Generator) -> FloatArray:
        """The parameters to begin with: drawn, unless the samples have a say."""
        return self.initial(model, rng)

    def clip(self, model: Model, parameters: FloatArray) -> None:
        """Bring parameters back to where they are allowed, in place."""
        raise NotImplementedError

    def run(
        self,
        model: Model,
        parameters: FloatArray,
        given: AnyArray,
        labels: IntArray,
        gradient: bool,
        n_threads: int,
        memory: Memory[Any] | None = None,
    ) -> Answers:
        """Run samples, and differentiate their losses if `gradient` is set."""
        raise NotImplementedError

    def figures(self, model: Model, found: Answers, labels: IntArray) -> dict[str, float]:
        """What a network did with samples, by name."""
        raise NotImplementedError

    def network(self, model: Model, parameters: FloatArray, data: Dataset) -> Network:
        """The network of some parameters, in seconds, which encodes samples as those of some data."""
        raise NotImplementedError


AnyLayers = ExactLayers[Any, Any]


@dataclass(frozen=True, eq=False)
class FirstSpikeProblem(Problem):
    """A recipe and its training samples, as `exact_gradient.Problem` wants them.

    Attributes:
        options: The recipe.
        model: The network.
        given: What the network gets of each sample, ``(n_samples, n_inputs)``.
        labels: Their classes, ``(n_samples,)``.
        n_threads: How many threads share a batch; the result does not depend on it.
        schedule: In which order they are shown; None for all mixed in every epoch.
        memory: What all steps work in.
    """

    options: AnyLayers
    model: Layers
    given: AnyArray
    labels: IntArray
    n_threads: int
    schedule: Schedule | None = None
    memory: Memory[Any] = field(default_factory=Memory)

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return int(self.labels.size)

    def key(self) -> str:
        """A digest of options, but for the number of epochs, data, and schedule."""
        if self.schedule is None:
            return problem_key(self.options, given=self.given, labels=self.labels)
        first, ordered = self.schedule.first, self.schedule.epochs
        return problem_key(self.options, given=self.given, labels=self.labels, first=first, ordered=ordered)

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw parameters, or take what the samples suggest."""
        return self.options.begun(self.model, self.given, self.labels, rng)

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, disturbed, and its gradient."""
        given, labels = self.options.disturbed(self.given[samples], rng), self.labels[samples]
        found = self.options.run(self.model, parameters, given, labels, True, self.n_threads, self.memory)
        return float(found.losses.mean()), found.gradient / samples.size

    def clip(self, parameters: FloatArray) -> None:
        """Bring parameters back to where they are allowed."""
        self.options.clip(self.model, parameters)

    def order(self, done: int, rng: np.random.Generator) -> IntArray:
        """Which samples the next epoch shows."""
        return super().order(done, rng) if self.schedule is None else self.schedule.order(done, rng)


@dataclass(frozen=True, eq=False)
class TrainedLayers:
    """A trained network and how its training went.

    Attributes:
        network: In the continuous dialect.
        options: How it was made.
        model: The network as the training has it.
        training: Parameters and losses.
    """

    network: Network
    options: AnyLayers
    model: Layers
    training: Trained

    def figures(self, data: Dataset) -> dict[str, float]:
        """What the network does with samples as they are."""
        given, parameters = self.options.given(data), self.training.parameters
        found = self.options.run(self.model, parameters, given, data.labels, False, processors())
        return self.options.figures(self.model, found, data.labels)


def train_layers(
    data: Dataset,
    options: AnyLayers,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
    schedule: Schedule | None = None,
) -> TrainedLayers:
    """Train a network on labelled samples.

    Args:
        data: The samples.
        options: How.
        seed: Of all chance.
        checkpoint: A file to go on from, and to write after every epoch.
        progress: Is called with a sentence after every epoch.
        schedule: In which order samples are shown; None for all mixed in every epoch.

    Raises:
        UsageError: The checkpoint is of another training, or the training diverged.
    """
    model = options.model(data.samples.shape[1], data.n_classes)
    problem = FirstSpikeProblem(options, model, options.given(data), data.labels, processors(), schedule)
    done = train(problem, options.optimiser, options.epochs, options.batch, seed, checkpoint, progress)
    return TrainedLayers(options.network(model, done.parameters, data), options, model, done)


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

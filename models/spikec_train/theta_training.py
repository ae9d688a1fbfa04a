"""Recipes of theta networks: samples as spikes, trained by exact gradients, become a `Network` in seconds.

Samples are binary (all values that are at least half of the largest spike at one moment, the others not at
all) or latencies (all values spike, the larger the earlier); the answer is the output that spikes first.
Times of a recipe are seconds. Inside, and in the published recipe, they are counted in the `unit` on which
the loss tells answers apart: the phases are trained in it, so it also says what a learning rate means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import pi, sqrt
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.coding import BinaryEncoding, Decoding, LatencyEncoding, Readout, encode
from spikec.container import digest
from spikec.errors import UsageError
from spikec.events import from_dense_times
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Source, Theta
from spikec_train.blocks import processors
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Trained, train
from spikec_train.optimisers import Optimiser
from spikec_train.theta_gradient import Memory, Pulses, ThetaModel, pulses_at, pulses_of, run

INPUT = {"binary": "pixels", "latency": "values"}
"""What the input population is called."""

OUTPUT = "output"


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ExactTheta:
    """How a theta network is trained.

    Attributes:
        method: What a recipe calls this.
        hidden: Neurons of each hidden layer.
        optimiser: Adam or AdaBelief.
        epochs: How often every sample is shown.
        batch: Samples of a step.
        unit: The scale on which the loss tells answers apart, seconds.
        period: Time between two spikes of an undisturbed neuron, seconds.
        current: :math:`I_0` of the neurons.
        duration: T, the length of a trial, seconds.
        encoding: How values become spikes, binary or latency.
        input_time: Binary: when the values that are on spike, seconds.
        window: Latency: values from largest to smallest spike from 0 to this, seconds.
        weight_scale: Initial weights lie evenly within this over the root of the number of inputs.
        gamma: Weight of the loss's second term.
        flips: Binary: share of values that are turned over whenever a sample is shown.
        jitter: Latency: standard deviation of noise on input times whenever a sample is shown, seconds.
    """

    hidden: tuple[int, ...]
    optimiser: Annotated[Optimiser, Field(discriminator="method")]
    epochs: int
    batch: int
    method: Literal["exact-theta"] = "exact-theta"
    unit: float = 0.01
    period: float = 0.06
    current: float = 1.25
    duration: float = 0.02
    input_time: float = 0.000201006717070029
    weight_scale: float = 0.5
    gamma: float = 0.01
    flips: float = 0.0
    encoding: Literal["binary", "latency"] = "binary"
    window: float = 0.01
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if min(self.hidden, default=1) < 1 or self.epochs < 1 or self.batch < 1:
            raise UsageError(
                f"layers of {self.hidden} neurons, {self.epochs} epochs and batches of {self.batch} were "
                "asked for; all must be 1 or more"
            )
        times = (self.unit, self.period, self.duration, self.weight_scale)
        if not all(0 < x < np.inf for x in times) or not 0 <= self.input_time <= self.duration:
            raise UsageError(
                f"unit {self.unit}, period {self.period}, duration {self.duration} and weight_scale "
                f"{self.weight_scale} must be positive and finite, and input_time {self.input_time} within "
                "the duration"
            )
        if not (0.25 < self.current < np.inf and 0 <= self.gamma < np.inf and 0 <= self.flips <= 1):
            raise UsageError(
                f"current is {self.current}, gamma {self.gamma}, flips {self.flips}; allowed are currents "
                "above 1/4, no negative gamma, and a share of flips from 0 to 1"
            )
        if self.encoding == "latency" and not 0 < self.window <= self.duration:
            raise UsageError(
                f"window is {self.window}; it must be positive and at most the duration, {self.duration}"
            )
        foreign = self.flips if self.encoding == "latency" else self.jitter
        if foreign or not 0 <= self.jitter < np.inf:
            raise UsageError(
                f"the encoding is {self.encoding}, flips are {self.flips} and jitter {self.jitter}; binary "
                "samples can be flipped, latencies jittered by 0 or more seconds"
            )

    def model(self, n_inputs: int, n_outputs: int) -> ThetaModel:
        """The network of this recipe for some data, in units of `unit`."""
        tau = self.period / self.unit * sqrt(self.current - 0.25) / pi
        sizes = (n_inputs, *self.hidden, n_outputs)
        return ThetaModel(sizes, tau, self.current, self.duration / self.unit, self.gamma)

    def network_encoding(self, x_max: float) -> BinaryEncoding | LatencyEncoding:
        """How values from 0 to `x_max` become spikes, in seconds."""
        if self.encoding == "binary":
            return BinaryEncoding(INPUT[self.encoding], x_max / 2, self.input_time, self.duration)
        return LatencyEncoding(INPUT[self.encoding], self.window, x_max, True, None, self.duration)

    def given(self, data: Dataset) -> BoolArray | FloatArray:
        """What a network gets of each sample, ``(n_samples, n_inputs)``.

        Binary: which inputs spike; latency: when each does, in units of `unit`.
        """
        if self.encoding == "binary":
            on: BoolArray = data.samples >= data.x_max / 2
            return on
        events = encode(self.network_encoding(data.x_max), data.samples)[INPUT[self.encoding]]
        return events.first_times() / self.unit

    def pulses(self, given: BoolArray | FloatArray) -> Pulses:
        """The input spikes of samples as `given` has them, in units of `unit`."""
        if self.encoding == "binary":
            return pulses_at(given.astype(np.bool_, copy=False), self.input_time / self.unit)
        return pulses_of(from_dense_times(given))

    def disturbed(self, given: BoolArray | FloatArray, rng: np.random.Generator) -> BoolArray | FloatArray:
        """The samples, some of their values flipped, or their spikes jittered."""
        if self.encoding == "binary":
            return np.logical_xor(given, _flips(self.flips, (given.shape[0], given.shape[1]), rng))
        if self.jitter == 0:
            return given
        noise = rng.normal(0.0, self.jitter / self.unit, given.shape)
        return np.clip(given + noise, 0.0, self.duration / self.unit)


@dataclass(frozen=True, eq=False)
class ThetaProblem:
    """A recipe and its training samples, as `exact_gradient.Problem` wants them.

    Attributes:
        options: The recipe.
        model: The network.
        given: Samples as `ExactTheta.given` has them.
        labels: Their classes, ``(n_samples,)``.
        n_threads: How many threads share a batch; the result does not depend on it.
        memory: What all steps work in.
    """

    options: ExactTheta
    model: ThetaModel
    given: BoolArray | FloatArray
    labels: IntArray
    n_threads: int
    memory: Memory = field(default_factory=Memory)

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return int(self.labels.size)

    def key(self) -> str:
        """A digest of options, but for the number of epochs, and data."""
        options = {k: v for k, v in asdict(self.options).items() if k != "epochs"}
        return digest({"options": options, "given": self.given, "labels": self.labels})

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw weights; all phases are half a period, so that nothing spikes without input."""
        return self.model.initial(self.options.weight_scale, rng)

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, disturbed, and its gradient."""
        pulses = self.options.pulses(self.options.disturbed(self.given[samples], rng))
        labels = self.labels[samples]
        found = run(self.model, parameters, pulses, labels, True, self.n_threads, self.memory)
        assert found.gradient is not None
        return float(found.losses.mean()), found.gradient / samples.size

    def clip(self, parameters: FloatArray) -> None:
        """Bring phases back into 0 to the period."""
        self.model.clip(parameters)


@dataclass(frozen=True, eq=False)
class TrainedTheta:
    """A trained network and how its training went.

    Attributes:
        network: In the continuous dialect.
        options: How it was made.
        model: The network as the training has it.
        training: Parameters and losses.
    """

    network: Network
    options: ExactTheta
    model: ThetaModel
    training: Trained

    def figures(self, data: Dataset) -> dict[str, float]:
        """What the network does with samples as they are.

        ``accuracy`` is that of spikes alone, ``accuracy_with_pseudospikes`` that of the network as trained.
        """
        pulses = self.options.pulses(self.options.given(data))
        found = run(self.model, self.training.parameters, pulses, data.labels, n_threads=processors())
        hidden = found.counts[: self.model.n_hidden] / max(data.n_samples, 1)
        return {
            "accuracy": float(np.mean(found.classes(False) == data.labels)),
            "accuracy_with_pseudospikes": float(np.mean(found.classes(True) == data.labels)),
            "loss": float(found.losses.mean()),
            "decided_share": float(found.spiked.any(axis=1).mean()),
            "spikes_per_hidden_neuron": float(hidden.mean()) if hidden.size else 0.0,
            "silent_hidden_share": float(np.mean(hidden == 0)) if hidden.size else 0.0,
        }


def train_theta(
    data: Dataset,
    options: ExactTheta,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
) -> TrainedTheta:
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
    model = options.model(data.samples.shape[1], data.n_classes)
    problem = ThetaProblem(options, model, options.given(data), data.labels, processors())
    done = train(problem, options.optimiser, options.epochs, options.batch, seed, checkpoint, progress)
    return TrainedTheta(theta_network(model, options, done.parameters, data), options, model, done)


def theta_network(model: ThetaModel, options: ExactTheta, parameters: FloatArray, data: Dataset) -> Network:
    """The network of some parameters, in seconds, with its encoding and decoding."""
    source = INPUT[options.encoding]
    names = (source, *(f"hidden{k}" for k in range(1, len(options.hidden) + 1)), OUTPUT)
    populations = [Population(source, Source(one_spike=True), data.shape)]
    for name, phases in zip(names[1:], model.phases(parameters), strict=True):
        free = Theta(model.tau * options.unit, model.current)
        phase = np.minimum(phases * options.unit, free.period)  # rounding must not lift it above
        populations.append(Population(name, Theta(free.tau, free.current, phase), phases.shape))
    projections = [
        Projection(f"{pre}-{post}", pre, post, Dense(weights.T))
        for pre, post, weights in zip(names[:-1], names[1:], model.weights(parameters), strict=True)
    ]
    return Network(
        populations=tuple(populations),
        projections=tuple(projections),
        inputs=(source,),
        outputs=(OUTPUT,),
        clock=Continuous(),
        encoding=options.network_encoding(data.x_max),
        decoding=Decoding(OUTPUT, Readout.FIRST),
    )


def _flips(share: float, shape: tuple[int, int], rng: np.random.Generator) -> BoolArray:
    """Each value is true with a probability, by drawing how many, then which: few draws if few are true."""
    n = shape[0] * shape[1]
    flips = np.zeros(n, np.bool_)
    flips[rng.choice(n, rng.binomial(n, share), replace=False, shuffle=False)] = True
    return flips.reshape(shape)

"""Recipes of `CubaLif` networks that spike once: exact gradients train weights and delays.

Every value of a sample is one spike, the larger the earlier; the answer is the output that spikes first.
Times of a recipe are seconds. Inside, they are counted in synaptic time constants, in which delays are
trained beside the weights: so both are of the order of 1 and share one learning rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray, IntArray
from spikec.coding import Decoding, LatencyEncoding, Readout, encode
from spikec.container import digest
from spikec.errors import UsageError
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Source
from spikec_train.blocks import processors
from spikec_train.cuba_gradient import CubaModel, Delayed, Memory, run
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Trained, train
from spikec_train.optimisers import Optimiser

VALUES, OUTPUT = "values", "output"


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ExactCuba:
    """How a `CubaLif` network is trained.

    Attributes:
        method: What a recipe calls this.
        hidden: Neurons of each hidden layer.
        optimiser: One of `optimisers`.
        epochs: How often every sample is shown.
        batch: Samples of a step.
        delays: Which delays are trained: none, axonal, or synaptic.
        longest_delay: Delays stay from 0 to this, seconds.
        first_delay: Initial delays lie evenly from 0 to this, seconds.
        tau_mem: Membrane time constant, seconds.
        tau_syn: Synaptic time constant, seconds.
        window: Values from largest to smallest spike from 0 to this, seconds.
        duration: T, the length of a trial, seconds.
        weight_means: Mean of each layer's initial weights times the number of its inputs, thresholds per
            `tau_syn`.
        weight_spreads: Standard deviation of each layer's initial weights times the root of that number.
        temperature: The scale on which the loss tells answers apart, seconds.
        gamma: Weight of the loss's second term, which wants right answers early.
        wake: Weight of what silent hidden neurons lack to their threshold.
        flattest: Floor under the slope at a spike, thresholds per `tau_syn`.
        jitter: Standard deviation of noise on input times whenever a sample is shown, seconds.
    """

    hidden: tuple[int, ...]
    optimiser: Annotated[Optimiser, Field(discriminator="method")]
    epochs: int
    batch: int
    weight_means: tuple[float, ...]
    weight_spreads: tuple[float, ...]
    method: Literal["exact-cuba"] = "exact-cuba"
    delays: Delayed = Delayed.NONE
    longest_delay: float = 0.01
    first_delay: float = 0.005
    tau_mem: float = 0.01
    tau_syn: float = 0.005
    window: float = 0.01
    duration: float = 0.05
    temperature: float = 5e-4
    gamma: float = 0.02
    wake: float = 0.2
    flattest: float = 0.6
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if min(self.hidden, default=1) < 1 or self.epochs < 1 or self.batch < 1:
            raise UsageError(
                f"layers of {self.hidden} neurons, {self.epochs} epochs and batches of {self.batch} were "
                "asked for; all must be 1 or more"
            )
        n_layers = len(self.hidden) + 1
        if len(self.weight_means) != n_layers or len(self.weight_spreads) != n_layers:
            raise UsageError(
                f"{n_layers} layers, the outputs among them, have {len(self.weight_means)} weight_means and "
                f"{len(self.weight_spreads)} weight_spreads; give one of each a layer"
            )
        times = (self.tau_syn, self.window, self.duration, self.temperature, self.longest_delay)
        if not all(0 < x < np.inf for x in times) or not self.tau_syn <= self.tau_mem < np.inf:
            raise UsageError(
                f"tau_syn {self.tau_syn}, window {self.window}, duration {self.duration}, temperature "
                f"{self.temperature} and longest_delay {self.longest_delay} must be positive and finite, and "
                f"tau_mem, {self.tau_mem}, at least tau_syn"
            )
        if self.window > self.duration or not 0 <= self.first_delay <= self.longest_delay:
            raise UsageError(
                f"window {self.window} must not exceed the duration, {self.duration}, and first_delay "
                f"{self.first_delay} must lie from 0 to longest_delay, {self.longest_delay}"
            )
        others = (self.gamma, self.wake, self.flattest, self.jitter, *self.weight_spreads)
        if not all(0 <= x < np.inf for x in others) or not np.isfinite(self.weight_means).all():
            raise UsageError(
                f"gamma {self.gamma}, wake {self.wake}, flattest {self.flattest}, jitter {self.jitter} and "
                f"weight_spreads {self.weight_spreads} must not be negative, and all of them finite like "
                f"weight_means, {self.weight_means}"
            )

    def model(self, n_inputs: int, n_outputs: int) -> CubaModel:
        """The network of this recipe for some data, in units of `tau_syn`."""
        return CubaModel(
            sizes=(n_inputs, *self.hidden, n_outputs),
            ratio=self.tau_mem / self.tau_syn,
            duration=self.duration / self.tau_syn,
            delays=self.delays,
            temperature=self.temperature / self.tau_syn,
            gamma=self.gamma,
            wake=self.wake,
            flattest=self.flattest,
        )

    def encoding(self, x_max: float) -> LatencyEncoding:
        """How values from 0 to `x_max` become spikes."""
        return LatencyEncoding(VALUES, self.window, x_max, True, None, self.duration)


@dataclass(frozen=True, eq=False)
class CubaProblem:
    """A recipe and its training samples, as `exact_gradient.Problem` wants them.

    Attributes:
        options: The recipe.
        model: The network.
        inputs: When each input spikes, units of `tau_syn`, ``(n_samples, n_inputs)``.
        labels: The samples' classes, ``(n_samples,)``.
        n_threads: How many threads share a batch; the result does not depend on it.
        memory: What all steps work in.
    """

    options: ExactCuba
    model: CubaModel
    inputs: FloatArray
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
        return digest({"options": options, "inputs": self.inputs, "labels": self.labels})

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Draw weights, then delays."""
        given = zip(
            pairwise(self.model.sizes), self.options.weight_means, self.options.weight_spreads, strict=True
        )
        weights = [rng.normal(mean / n, spread / sqrt(n), n * m) for (n, m), mean, spread in given]
        delays = rng.uniform(0.0, self.options.first_delay / self.options.tau_syn, self.model.n_delays)
        return np.concatenate([*weights, delays])

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, their spikes jittered, and its gradient."""
        inputs = self.inputs[samples]
        if self.options.jitter:
            noise = rng.normal(0.0, self.options.jitter / self.options.tau_syn, inputs.shape)
            inputs = np.maximum(inputs + noise, 0.0)
        labels = self.labels[samples]
        found = run(self.model, parameters, inputs, labels, True, self.n_threads, self.memory)
        assert found.gradient is not None
        return float(found.losses.mean()), found.gradient / samples.size

    def clip(self, parameters: FloatArray) -> None:
        """Bring delays back into 0 to the longest."""
        delays = parameters[self.model.n_weights :]
        np.clip(delays, 0.0, self.options.longest_delay / self.options.tau_syn, out=delays)


@dataclass(frozen=True, eq=False)
class TrainedCuba:
    """A trained network and how its training went.

    Attributes:
        network: In the continuous dialect.
        options: How it was made.
        model: The network as the training has it.
        training: Parameters and losses.
    """

    network: Network
    options: ExactCuba
    model: CubaModel
    training: Trained

    def figures(self, data: Dataset) -> dict[str, float]:
        """What the network does with samples as they are."""
        inputs = _inputs(data, self.options)
        found = run(self.model, self.training.parameters, inputs, data.labels, n_threads=processors())
        spiked = np.isfinite(found.spikes[:, : self.model.n_hidden])
        return {
            "accuracy": float(np.mean(found.classes() == data.labels)),
            "loss": float(found.losses.mean()),
            "decided_share": float(found.decided.mean()),
            "spikes_per_hidden_neuron": float(spiked.mean()) if spiked.size else 0.0,
            "silent_hidden_share": float(np.mean(~spiked.any(axis=0))) if spiked.size else 0.0,
        }


def train_cuba(
    data: Dataset,
    options: ExactCuba,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
) -> TrainedCuba:
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
    problem = CubaProblem(options, model, _inputs(data, options), data.labels, processors())
    done = train(problem, options.optimiser, options.epochs, options.batch, seed, checkpoint, progress)
    return TrainedCuba(cuba_network(model, options, done.parameters, data), options, model, done)


def cuba_network(model: CubaModel, options: ExactCuba, parameters: FloatArray, data: Dataset) -> Network:
    """The network of some parameters, in seconds, with its encoding and decoding.

    In units of `tau_syn`, a spike makes the current jump by w and the membrane's slope with it; so in seconds
    it jumps by w / `tau_syn`.
    """
    names = (VALUES, *(f"hidden{k}" for k in range(1, len(options.hidden) + 1)), OUTPUT)
    neuron = CubaLif(options.tau_mem, options.tau_syn, threshold=1.0, one_spike=True)
    populations = [
        Population(VALUES, Source(one_spike=True), data.shape),
        *(Population(name, neuron, (n,)) for name, n in zip(names[1:], model.sizes[1:], strict=True)),
    ]
    weights, delays = model.layer_weights(parameters), model.layer_delays(parameters)
    projections = [
        Projection(
            f"{pre}-{post}",
            pre,
            post,
            Dense(weights[k] / options.tau_syn),
            Delays(delays[k] * options.tau_syn, DelayKind(options.delays.value)) if delays else Delays(),
        )
        for k, (pre, post) in enumerate(pairwise(names))
    ]
    return Network(
        populations=tuple(populations),
        projections=tuple(projections),
        inputs=(VALUES,),
        outputs=(OUTPUT,),
        clock=Continuous(),
        encoding=options.encoding(data.x_max),
        decoding=Decoding(OUTPUT, Readout.FIRST),
    )


def _inputs(data: Dataset, options: ExactCuba) -> FloatArray:
    """When each input spikes, units of `tau_syn`, ``(n_samples, n_inputs)``."""
    return encode(options.encoding(data.x_max), data.samples)[VALUES].first_times() / options.tau_syn

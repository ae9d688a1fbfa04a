"""Recipes of `CubaLif` networks that spike once: exact gradients train weights and delays.

Every value of a sample is one spike, the larger the earlier; the answer is the output that spikes first.
Times of a recipe are seconds. Inside, they are counted in synaptic time constants, in which delays are
trained beside the weights: so both are of the order of 1 and share one learning rate.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.coding import LatencyEncoding, encode
from spikec.errors import UsageError
from spikec.ir.connectivity import DelayKind, Delays
from spikec.ir.network import Network
from spikec.ir.neurons import CubaLif
from spikec_train.blocks import Memory
from spikec_train.cuba_gradient import Answers, CubaModel, Delayed, run
from spikec_train.cuba_pairs import CubaPairs, sampled_start
from spikec_train.datasets import Dataset
from spikec_train.first_spike import ExactLayers, layered_network

VALUES = "values"
"""What the input population is called."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ExactCuba(ExactLayers[CubaModel, Answers]):
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
        start: Where the neurons of a first layer are placed by samples (`cuba_pairs`); None to draw weights
            and delays.
    """

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
    start: CubaPairs | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
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

        if self.start is not None and (len(self.hidden) != 1 or self.start.answer > self.duration):
            raise UsageError(
                f"a sampled start is for one hidden layer and answers within the duration, {self.duration} "
                f"s; the recipe has hidden {self.hidden} and answers at {self.start.answer} s"
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

    def network_encoding(self, x_max: float) -> LatencyEncoding:
        """How values from 0 to `x_max` become spikes, in seconds."""
        return LatencyEncoding(VALUES, self.window, x_max, True, None, self.duration)

    def given(self, data: Dataset) -> FloatArray:
        """When each input spikes, units of `tau_syn`, ``(n_samples, n_inputs)``."""
        spikes = encode(self.network_encoding(data.x_max), data.samples)[VALUES]
        return spikes.first_times() / self.tau_syn

    def disturbed(self, given: AnyArray, rng: np.random.Generator) -> AnyArray:
        """The samples, their spikes jittered."""
        if self.jitter == 0:
            return given
        return np.maximum(given + rng.normal(0.0, self.jitter / self.tau_syn, given.shape), 0.0)

    def initial(self, model: CubaModel, rng: np.random.Generator) -> FloatArray:
        """Draw weights, then delays."""
        drawn = zip(pairwise(model.sizes), self.weight_means, self.weight_spreads, strict=True)
        weights = [rng.normal(mean / n, spread / sqrt(n), n * m) for (n, m), mean, spread in drawn]
        delays = rng.uniform(0.0, self.first_delay / self.tau_syn, model.n_delays)
        return np.concatenate([*weights, delays])

    def begun(
        self, model: CubaModel, given: AnyArray, labels: IntArray, rng: np.random.Generator
    ) -> FloatArray:
        """Drawn parameters, or those of a sampled start."""
        if self.start is None:
            return self.initial(model, rng)
        return sampled_start(model, self.start, self.tau_syn, given, labels, rng)

    def clip(self, model: CubaModel, parameters: FloatArray) -> None:
        """Bring delays back into 0 to the longest."""
        delays = parameters[model.n_weights :]
        np.clip(delays, 0.0, self.longest_delay / self.tau_syn, out=delays)

    def run(
        self,
        model: CubaModel,
        parameters: FloatArray,
        given: AnyArray,
        labels: IntArray,
        gradient: bool,
        n_threads: int,
        memory: Memory[Any] | None = None,
    ) -> Answers:
        """Run samples, and differentiate their losses if `gradient` is set."""
        return run(model, parameters, given, labels, gradient, n_threads, memory)

    def figures(self, model: CubaModel, found: Answers, labels: IntArray) -> dict[str, float]:
        """What a network did with samples, by name."""
        spiked = np.isfinite(found.spikes[:, : model.n_hidden])
        return {
            "accuracy": float(np.mean(found.classes() == labels)),
            "loss": float(found.losses.mean()),
            "decided_share": float(found.decided.mean()),
            "spikes_per_hidden_neuron": float(spiked.mean()) if spiked.size else 0.0,
            "silent_hidden_share": float(np.mean(~spiked.any(axis=0))) if spiked.size else 0.0,
        }

    def network(self, model: CubaModel, parameters: FloatArray, data: Dataset) -> Network:
        """The network of some parameters, in seconds, with its encoding and decoding.

        In units of `tau_syn`, a spike makes the current jump by w and the membrane's slope with it; so in
        seconds it jumps by w / `tau_syn`.
        """
        neuron = CubaLif(self.tau_mem, self.tau_syn, threshold=1.0, one_spike=True)
        n_layers = len(model.sizes) - 1
        delays = [
            Delays(d * self.tau_syn, DelayKind(self.delays.value)) for d in model.layer_delays(parameters)
        ]
        return layered_network(
            [neuron] * n_layers,
            model.sizes[1:],
            [w / self.tau_syn for w in model.layer_weights(parameters)],
            delays or [Delays()] * n_layers,
            self.network_encoding(data.x_max),
            data.shape,
        )

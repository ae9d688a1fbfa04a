"""Recipes of theta networks: samples as spikes, trained by exact gradients, become a `Network` in seconds.

Samples are binary (all values that are at least half of the largest spike at one moment, the others not at
all) or latencies (all values spike, the larger the earlier); the answer is the output that spikes first.
Times of a recipe are seconds. Inside, and in the published recipe, they are counted in the `unit` on which
the loss tells answers apart: the phases are trained in it, so it also says what a learning rate means.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from spikec.coding import BinaryEncoding, LatencyEncoding, encode
from spikec.errors import UsageError
from spikec.events import from_dense_times
from spikec.ir.connectivity import Delays
from spikec.ir.network import Network
from spikec.ir.neurons import Theta
from spikec_train.blocks import Memory
from spikec_train.datasets import Dataset
from spikec_train.first_spike import ExactLayers, layered_network
from spikec_train.theta_gradient import Answers, Pulses, ThetaModel, pulses_at, pulses_of, run

INPUT = {"binary": "pixels", "latency": "values"}
"""What the input population is called."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ExactTheta(ExactLayers[ThetaModel, Answers]):
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
        super().__post_init__()
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

    def given(self, data: Dataset) -> AnyArray:
        """What a network gets of each sample, ``(n_samples, n_inputs)``.

        Binary: which inputs spike; latency: when each does, in units of `unit`.
        """
        if self.encoding == "binary":
            on: BoolArray = np.asarray(data.samples) >= data.x_max / 2
            return on
        events = encode(self.network_encoding(data.x_max), data.samples)[INPUT[self.encoding]]
        return events.first_times() / self.unit

    def pulses(self, given: AnyArray) -> Pulses:
        """The input spikes of samples as `given` has them, in units of `unit`."""
        if self.encoding == "binary":
            return pulses_at(given.astype(np.bool_, copy=False), self.input_time / self.unit)
        return pulses_of(from_dense_times(given))

    def disturbed(self, given: AnyArray, rng: np.random.Generator) -> AnyArray:
        """The samples, some of their values flipped, or their spikes jittered."""
        if self.encoding == "binary":
            return np.logical_xor(given, _flips(self.flips, (given.shape[0], given.shape[1]), rng))
        if self.jitter == 0:
            return given
        noise = rng.normal(0.0, self.jitter / self.unit, given.shape)
        return np.clip(given + noise, 0.0, self.duration / self.unit)

    def initial(self, model: ThetaModel, rng: np.random.Generator) -> FloatArray:
        """Draw weights; all phases are half a period, so that nothing spikes without input."""
        return model.initial(self.weight_scale, rng)

    def clip(self, model: ThetaModel, parameters: FloatArray) -> None:
        """Bring phases back into 0 to the period."""
        model.clip(parameters)

    def run(
        self,
        model: ThetaModel,
        parameters: FloatArray,
        given: AnyArray,
        labels: IntArray,
        gradient: bool,
        n_threads: int,
        memory: Memory[Any] | None = None,
    ) -> Answers:
        """Run samples, and differentiate their losses if `gradient` is set."""
        return run(model, parameters, self.pulses(given), labels, gradient, n_threads, memory)

    def figures(self, model: ThetaModel, found: Answers, labels: IntArray) -> dict[str, float]:
        """What a network did with samples, by name.

        ``accuracy`` is that of spikes alone, ``accuracy_with_pseudospikes`` that of the network as trained.
        """
        hidden = found.counts[: model.n_hidden] / max(labels.size, 1)
        return {
            "accuracy": float(np.mean(found.classes(False) == labels)),
            "accuracy_with_pseudospikes": float(np.mean(found.classes(True) == labels)),
            "loss": float(found.losses.mean()),
            "decided_share": float(found.spiked.any(axis=1).mean()),
            "spikes_per_hidden_neuron": float(hidden.mean()) if hidden.size else 0.0,
            "silent_hidden_share": float(np.mean(hidden == 0)) if hidden.size else 0.0,
        }

    def network(self, model: ThetaModel, parameters: FloatArray, data: Dataset) -> Network:
        """The network of some parameters, in seconds, with its encoding and decoding."""
        free = Theta(model.tau * self.unit, model.current)
        # no later than the period, above which rounding must not lift them
        phases = [np.minimum(p * self.unit, free.period) for p in model.phases(parameters)]
        weights = model.weights(parameters)
        return layered_network(
            [Theta(free.tau, free.current, phase) for phase in phases],
            model.sizes[1:],
            [w.T for w in weights],
            [Delays()] * len(weights),
            self.network_encoding(data.x_max),
            data.shape,
        )


def _flips(share: float, shape: tuple[int, int], rng: np.random.Generator) -> BoolArray:
    """Each value is true with a probability, by drawing how many, then which: few draws if few are true."""
    n = shape[0] * shape[1]
    flips = np.zeros(n, np.bool_)
    flips[rng.choice(n, rng.binomial(n, share), replace=False, shuffle=False)] = True
    return flips.reshape(shape)

"""Networks of `CubaLif` neurons that spike once, without descent: placed between samples, the readout solved.

Every value is one spike, the larger the earlier. Hidden neurons are placed by `cuba_pairs`; how long before
the end they really spike, event-exact, is what the readout is fitted to: it adds up what their spikes tilt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray
from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.errors import UsageError
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, LiReadout, Source
from spikec_train.cuba_pairs import Membrane, Placing, sample_cuba_layer
from spikec_train.datasets import Dataset
from spikec_train.readout import LinearReadout, fit_pieces

VALUES, HIDDEN, READOUT = "values", "hidden", "readout"

_VALUES = 1 << 22
"""Features, or values of samples, that are held at a time: 32 MB."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampledCuba(Placing):
    """How a sampled network is made.

    Attributes:
        method: What a recipe calls this.
        hidden: Number of hidden neurons.
        tau_mem: Membrane time constant, seconds.
        tau_syn: Synaptic time constant, seconds.
        window: Values from largest to smallest spike from 0 to this, seconds.
        read: When the membranes of a pair lie on either side of the threshold, seconds.
        duration: When the answer is read, seconds.
        penalties: Ridge penalties to choose from, in units of the features' mean eigenvalue.
    """

    method: Literal["sampled-cuba"] = "sampled-cuba"
    hidden: int = 120
    tau_mem: float = 0.01
    tau_syn: float = 0.005
    window: float = 0.01
    read: float = 0.01125
    duration: float = 0.01525
    penalties: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden < 1:
            raise UsageError(f"{self.hidden} hidden neurons were asked for; give 1 or more")
        if not 0 < self.tau_syn <= self.tau_mem < np.inf:
            raise UsageError(
                f"tau_syn is {self.tau_syn} s and tau_mem {self.tau_mem} s; both must be positive and "
                "finite, and tau_mem at least tau_syn"
            )
        if not (0 < self.read < self.duration < np.inf and 0 < self.window <= self.duration):
            raise UsageError(
                f"window {self.window} s, read {self.read} s and duration {self.duration} s must be positive "
                "and finite, and the duration longer than read and no shorter than the window"
            )

    @property
    def membrane(self) -> Membrane:
        """In units of `tau_syn`."""
        return Membrane(self.tau_mem / self.tau_syn, self.duration / self.tau_syn)

    def times(self, samples: FloatArray, x_max: float) -> FloatArray:
        """When values spike, units of `tau_syn`; `LatencyEncoding`."""
        scaled: FloatArray = 1.0 - np.clip(np.asarray(samples, np.float64), 0.0, x_max) / x_max
        return scaled * (self.window / self.tau_syn)

    def features(self, weights: FloatArray, samples: FloatArray, x_max: float) -> FloatArray:
        """How long before the end hidden neurons spike, seconds, 0 for never, ``(n_samples, n)``."""
        lead = self.duration - self.tau_syn * self.membrane.first_spikes(weights, self.times(samples, x_max))
        return np.maximum(lead, 0.0, out=lead)


@dataclass(frozen=True, eq=False)
class SampledCubaNetwork:
    """A network and what its training knew of it.

    Attributes:
        network: In the continuous dialect.
        options: How it was made.
        weights: Of the hidden layer, thresholds per `tau_syn`, ``(n, n_inputs)``.
        readout: The fit; its features are those of `SampledCuba.features`.
        spike_share: Share of hidden neurons that spike, mean over the training samples.
    """

    network: Network
    options: SampledCuba
    weights: FloatArray
    readout: LinearReadout
    spike_share: float

    @property
    def figures(self) -> dict[str, float]:
        """What a recipe tells of it."""
        return {"hidden_spike_share": self.spike_share}

    def scores(self, samples: FloatArray) -> FloatArray:
        """The readout's membrane at the end, ``(n_samples, n_classes)``, event-exact."""
        assert isinstance(self.network.encoding, LatencyEncoding)
        x_max = self.network.encoding.x_max
        scores = np.empty((len(samples), self.readout.bias.size))
        for rows in _pieces(len(samples), max(len(self.weights), samples.shape[1])):
            found = self.options.features(self.weights, samples[rows], x_max)
            scores[rows] = found @ self.readout.weights + self.readout.bias
        return scores


def sampled_cuba(data: Dataset, options: SampledCuba, rng: np.random.Generator) -> SampledCubaNetwork:
    """Train a network on labelled samples.

    Features are made of some samples at a time; neurons are placed between some, if all are too many to hold.

    Raises:
        UsageError: The data have too few pairs of samples that differ in value and class.
    """
    n_values = data.samples.shape[1]
    placed = slice(None)
    if data.n_samples * n_values > _VALUES:
        placed = np.sort(rng.choice(data.n_samples, max(2, _VALUES // n_values), replace=False))
    since = options.read / options.tau_syn - options.times(data.samples[placed], data.x_max)
    responses = options.membrane.responses(since)
    weights = sample_cuba_layer(responses, data.labels[placed], options.hidden, options, rng)
    targets = np.eye(data.n_classes)
    spikes = 0

    def pieces() -> Iterator[tuple[FloatArray, FloatArray]]:
        nonlocal spikes
        for rows in _pieces(data.n_samples, max(options.hidden, n_values)):
            found = options.features(weights, data.samples[rows], data.x_max)
            spikes += int(np.count_nonzero(found))
            yield found, targets[data.labels[rows]]

    readout = fit_pieces(pieces(), data.n_samples, options.penalties)
    network = _network(options, weights, readout, data)
    return SampledCubaNetwork(network, options, weights, readout, spikes / (data.n_samples * options.hidden))


def _network(options: SampledCuba, weights: FloatArray, readout: LinearReadout, data: Dataset) -> Network:
    """In seconds: a spike makes the current jump by its weight over `tau_syn`; the bias acts all the time."""
    neuron = CubaLif(options.tau_mem, options.tau_syn, threshold=1.0, one_spike=True)
    return Network(
        populations=(
            Population(VALUES, Source(one_spike=True), data.shape),
            Population(HIDDEN, neuron, (options.hidden,)),
            Population(READOUT, LiReadout(bias=readout.bias / options.duration), readout.bias.shape),
        ),
        projections=(
            Projection(f"{VALUES}-{HIDDEN}", VALUES, HIDDEN, Dense(weights / options.tau_syn)),
            Projection(f"{HIDDEN}-{READOUT}", HIDDEN, READOUT, Dense(readout.weights.T)),
        ),
        inputs=(VALUES,),
        outputs=(READOUT,),
        clock=Continuous(),
        encoding=LatencyEncoding(VALUES, options.window, data.x_max, True, None, options.duration),
        decoding=Decoding(READOUT, Readout.MEMBRANE),
    )


def _pieces(n_samples: int, n_values: int) -> Iterator[slice]:
    """Samples whose features, or values, are held together."""
    size = max(1, _VALUES // n_values)
    return (slice(first, first + size) for first in range(0, n_samples, size))

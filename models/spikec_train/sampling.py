r"""Networks without back-propagation: hidden neurons are placed between samples, the readout is solved.

A hidden neuron lies between two samples of different classes (Bolager, Burak, Datar, Sun, Dietrich: "Sampling
weights of deep neural networks", NeurIPS 2023); which two `pairs` draws, where it lies says `ramp_layer`. A
further hidden layer is drawn in the same way from the spike times of the one before. The readout adds up what
the spikes of all hidden layers have tilted, so its membrane at the end is linear in the spike times, and its
weights follow from the samples in closed form (`readout`): for the times that really happen, whatever an
idealised formula says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray
from spikec.coding import LatencyEncoding
from spikec.errors import UsageError
from spikec.ir.network import Network
from spikec_train.datasets import Dataset
from spikec_train.pairs import draw_pairs
from spikec_train.ramp_layer import RampLayer, earliness, midpoint_layer, pushed
from spikec_train.ramp_network import REST, hidden_features, ramp_network, readout_features
from spikec_train.readout import LinearReadout, fit_pieces
from spikec_train.stored import StoredSamples

MOST_LAYERS = 3

_FEATURES = 1 << 22
"""Features, or values of samples, that are held at a time: 32 MB."""

_PUSHED = 2000
"""Samples that a push follows from; in others, neurons may spike after the clock of the next layer."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampledRamp:
    """How a sampled network is made.

    Attributes:
        method: What a recipe calls this.
        hidden: Number of hidden neurons; of several layers, up to three, that of each.
        window: T, seconds; inputs spike in 0 to T, a hidden layer up to 2 T, when the answer is read.
        gain: g; the two samples of a pair lie g T on either side of the point where a neuron starts to spike.
        candidates: Pairs drawn for each hidden neuron, of which those are taken that the distance favours.
        penalties: Ridge penalties to choose from, in units of the features' mean eigenvalue.
    """

    method: Literal["sampled-ramp"] = "sampled-ramp"
    hidden: int | tuple[int, ...] = 512
    window: float = 0.016
    gain: float = 1.0
    candidates: int = 4
    penalties: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)

    def __post_init__(self) -> None:
        if min(self.layers, default=0) < 1 or self.candidates < 1:
            raise UsageError(
                f"{self.hidden} hidden neurons with {self.candidates} candidates each were asked for; "
                "both must be 1 or more"
            )
        if len(self.layers) > MOST_LAYERS:
            raise UsageError(
                f"{len(self.layers)} hidden layers were asked for, which must be {MOST_LAYERS} at most"
            )
        if not (0 < self.window < np.inf and 0 < self.gain < np.inf):
            raise UsageError(
                f"the window is {self.window} s and the gain {self.gain}; both must be positive and finite"
            )

    @property
    def layers(self) -> tuple[int, ...]:
        """Number of neurons of each hidden layer."""
        return (self.hidden,) if isinstance(self.hidden, int) else self.hidden


@dataclass(frozen=True, eq=False)
class SampledNetwork:
    """A network and what its training knew of it.

    Attributes:
        network: In the continuous dialect.
        layers: The hidden layers.
        readout: The fit; its features are those of `ramp_network.readout_features`.
        spike_share: Share of hidden neurons that spike without being pushed, mean over the training samples.
        early_share: Share of these spikes before their layer's clock, which the affine formula does not know.
    """

    network: Network
    layers: tuple[RampLayer, ...]
    readout: LinearReadout
    spike_share: float
    early_share: float

    @property
    def figures(self) -> dict[str, float]:
        """What a recipe tells of it."""
        return {"hidden_spike_share": self.spike_share, "early_spike_share": self.early_share}

    def scores(self, samples: FloatArray | StoredSamples) -> FloatArray:
        """The readout's membrane at the end, ``(n_samples, n_classes)``, event-exact."""
        assert isinstance(self.network.encoding, LatencyEncoding)
        n_inputs = self.layers[0].weights.shape[1]
        if samples.shape[1] != n_inputs:
            raise UsageError(f"the network has {n_inputs} inputs, but the samples have {samples.shape[1]}")
        scores = np.empty((len(samples), self.readout.bias.size))
        for rows in _pieces(len(samples), max(len(self.readout.weights), samples.shape[1])):
            early = earliness(samples[rows], self.network.encoding.x_max, self.layers[0].window)
            found = readout_features(self.layers, hidden_features(self.layers, early))
            scores[rows] = found @ self.readout.weights + self.readout.bias
        return scores


def sampled_network(data: Dataset, options: SampledRamp, rng: np.random.Generator) -> SampledNetwork:
    """Train a network on labelled samples.

    Samples are read, and hidden features made, some at a time: neither need fit into memory.

    Raises:
        UsageError: The data have too few pairs of samples that differ in value and class.
    """
    layers = sample_layers(data, options, rng)
    targets = np.eye(data.n_classes)
    in_all = spikes = early_spikes = 0

    def pieces() -> Iterator[tuple[FloatArray, FloatArray]]:
        nonlocal in_all, spikes, early_spikes
        for rows in _pieces(data.n_samples, max(sum(options.layers), data.samples.shape[1])):
            found = hidden_features(layers, earliness(data.samples[rows], data.x_max, options.window))
            in_all += sum(f.size for f in found)
            spikes += sum(int(np.count_nonzero(f > 0)) for f in found)
            early_spikes += sum(int(np.count_nonzero(f > options.window)) for f in found)
            yield readout_features(layers, found), targets[data.labels[rows]]

    readout = fit_pieces(pieces(), data.n_samples, options.penalties)
    return SampledNetwork(
        network=ramp_network(layers, readout, data.shape, data.x_max),
        layers=layers,
        readout=readout,
        spike_share=spikes / in_all,
        early_share=early_spikes / max(spikes, 1),
    )


def sample_layers(data: Dataset, options: SampledRamp, rng: np.random.Generator) -> tuple[RampLayer, ...]:
    """Draw the hidden layers, each from when the one before spikes.

    Layers behind the first are drawn from some of the samples, if the features of all are too many to hold.
    """
    layers: list[RampLayer] = []
    low, high = draw_pairs(data.samples, data.labels, options.layers[0], options.candidates, rng)
    a, b = (earliness(data.samples[rows], data.x_max, options.window) for rows in (low, high))
    layers.append(midpoint_layer(a, b, options.window, options.gain))
    if len(options.layers) == 1:
        return tuple(layers)
    few = min(data.n_samples, _FEATURES // max(options.layers))
    drawn = np.sort(rng.choice(data.n_samples, few, replace=False))
    early, labels = earliness(data.samples[drawn], data.x_max, options.window), data.labels[drawn]
    for n in options.layers[1:]:
        layers[-1] = pushed(layers[-1], early[:_PUSHED], REST * options.window)
        early = hidden_features(layers[-1:], early)[0] + REST * options.window
        low, high = draw_pairs(early, labels, n, options.candidates, rng)
        layers.append(midpoint_layer(early[low], early[high], options.window, options.gain))
    return tuple(layers)


def _pieces(n_samples: int, n_values: int) -> Iterator[slice]:
    """Samples whose features, or values, are held together."""
    size = max(1, _FEATURES // max(n_values, 1))
    return (slice(first, first + size) for first in range(0, n_samples, size))

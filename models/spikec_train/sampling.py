r"""Networks without back-propagation: hidden neurons are placed between samples, the readout is solved.

A hidden neuron lies between two samples of different classes (Bolager, Burak, Datar, Sun, Dietrich: "Sampling
weights of deep neural networks", NeurIPS 2023); which two is drawn here, where it lies says `ramp_layer`. The
readout adds up what the hidden spikes have tilted, so its membrane at the end is linear in the spike times,
and its weights follow from the samples in closed form (`readout`): for the times that really happen, whatever
an idealised formula says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray, IntArray
from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.errors import UsageError
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import LiReadout, Ramp, Source
from spikec_train.datasets import Dataset
from spikec_train.ramp_layer import RampLayer, earliness, features, midpoint_layer
from spikec_train.readout import LinearReadout, fit_readout

PIXELS, CLOCK, HIDDEN, READOUT = "pixels", "clock", "hidden", "readout"


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampledRamp:
    """How a sampled network is made.

    Attributes:
        method: What a recipe calls this.
        hidden: Number of hidden neurons.
        window: T, seconds; inputs spike in 0 to T, hidden neurons up to 2 T, when the answer is read.
        gain: g; the two samples of a pair lie g T on either side of the point where a neuron starts to spike.
        candidates: Pairs drawn for each hidden neuron, of which those are taken that the distance favours.
        penalties: Ridge penalties to choose from, in units of the features' mean eigenvalue.
    """

    method: Literal["sampled-ramp"] = "sampled-ramp"
    hidden: int = 512
    window: float = 0.016
    gain: float = 1.0
    candidates: int = 4
    penalties: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.candidates < 1:
            raise UsageError(
                f"{self.hidden} hidden neurons with {self.candidates} candidates each were asked for; "
                "both must be 1 or more"
            )
        if not (0 < self.window < np.inf and 0 < self.gain < np.inf):
            raise UsageError(
                f"the window is {self.window} s and the gain {self.gain}; both must be positive and finite"
            )


@dataclass(frozen=True, eq=False)
class SampledNetwork:
    """A network and what its training knew of it.

    Attributes:
        network: In the continuous dialect.
        layer: The hidden layer.
        readout: The fit; its features are the hidden neurons' ``2 T - t`` in seconds, 0 if silent.
        spike_share: Share of hidden neurons that spike, mean over the training samples.
        early_share: Share of hidden spikes before T, which the affine formula does not know.
    """

    network: Network
    layer: RampLayer
    readout: LinearReadout
    spike_share: float
    early_share: float

    def scores(self, samples: FloatArray) -> FloatArray:
        """The readout's membrane at 2 T, ``(n_samples, n_classes)``, event-exact."""
        assert isinstance(self.network.encoding, LatencyEncoding)
        early = earliness(samples, self.network.encoding.x_max, self.layer.window)
        result: FloatArray = features(self.layer, early) @ self.readout.weights + self.readout.bias
        return result


def sampled_network(data: Dataset, options: SampledRamp, rng: np.random.Generator) -> SampledNetwork:
    """Train a network with one hidden layer on labelled samples.

    Raises:
        UsageError: The data have too few pairs of samples that differ in value and class.
    """
    early = earliness(data.samples, data.x_max, options.window)
    low, high = draw_pairs(early, data.labels, options.hidden, options.candidates, rng)
    layer = midpoint_layer(early[low], early[high], options.window, options.gain)
    lead = features(layer, early)
    readout = fit_readout(lead, np.eye(data.n_classes)[data.labels], options.penalties)
    spikes = int(np.count_nonzero(lead))
    return SampledNetwork(
        network=ramp_network(layer, readout, data.shape, data.x_max),
        layer=layer,
        readout=readout,
        spike_share=spikes / lead.size,
        early_share=int(np.count_nonzero(lead > options.window)) / spikes,
    )


def pair_weights(points: FloatArray, labels: IntArray, first: IntArray, second: IntArray) -> FloatArray:
    """Weight of each pair in the draw: one over its distance, or 0 if it has one class or one place.

    Args:
        points: Shape ``(n_samples, n_values)``.
        labels: Shape ``(n_samples,)``.
        first: One sample of each pair, ``(n_pairs,)``.
        second: The other, ``(n_pairs,)``.
    """
    distance = np.linalg.norm(points[second] - points[first], axis=1)
    useful = (labels[first] != labels[second]) & (distance > 0)
    return np.divide(1.0, distance, out=np.zeros_like(distance), where=useful)


def draw_pairs(
    points: FloatArray, labels: IntArray, n_pairs: int, candidates: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw different pairs of samples of different classes, near ones more often.

    Candidates are drawn uniformly, at least as many as there are samples; among them pairs are drawn without
    putting back, each next one with a probability in proportion to `pair_weights`.

    Args:
        points: Shape ``(n_samples, n_values)``.
        labels: Shape ``(n_samples,)``.
        n_pairs: How many.
        candidates: Candidates for each of them.
        rng: Source of chance.

    Returns:
        Indices of the sample with the smaller norm and of the one with the larger, each ``(n_pairs,)``.

    Raises:
        UsageError: There are not as many different pairs among the candidates.
    """
    n = len(points)
    if n < 2:
        raise UsageError(f"{n} training samples make no pair; give 2 or more")
    wanted = max(n, n_pairs * candidates)
    a = rng.integers(0, n, wanted)
    b = (a + rng.integers(1, n, wanted)) % n
    a, b = np.unique(np.sort(np.stack([a, b]), axis=0), axis=1)
    weights = pair_weights(points, labels, a, b)
    useful = int(np.count_nonzero(weights))
    if useful < n_pairs:
        raise UsageError(
            f"{n_pairs} hidden neurons need as many pairs of samples that differ in class and value, but "
            f"{useful} were found; use fewer neurons, more candidates or more samples"
        )
    drawn = rng.choice(a.size, n_pairs, replace=False, p=weights / weights.sum())
    a, b = a[drawn], b[drawn]
    norms = np.sum(points**2, axis=1)
    turned = norms[a] > norms[b]
    return np.where(turned, b, a), np.where(turned, a, b)


def ramp_network(layer: RampLayer, readout: LinearReadout, shape: tuple[int, ...], x_max: float) -> Network:
    """The network of a hidden layer and its readout, which reads samples of some shape.

    Args:
        layer: The hidden layer.
        readout: What its spike times are read by.
        shape: Of one sample.
        x_max: The largest value of a sample.
    """
    end = 2.0 * layer.window
    bias = readout.bias / end  # acts from 0 to 2 T, where the fit's constant is reached
    return Network(
        populations=(
            Population(PIXELS, Source(one_spike=True), shape),
            Population(CLOCK, Source(one_spike=True), (1,)),
            Population(HIDDEN, Ramp(layer.thresholds, one_spike=True), layer.thresholds.shape),
            Population(READOUT, LiReadout(bias=bias), readout.bias.shape),
        ),
        projections=(
            Projection(f"{PIXELS}-{HIDDEN}", PIXELS, HIDDEN, Dense(layer.weights)),
            Projection(f"{CLOCK}-{HIDDEN}", CLOCK, HIDDEN, Dense(layer.clock_weights[:, None])),
            Projection(f"{HIDDEN}-{READOUT}", HIDDEN, READOUT, Dense(readout.weights.T)),
        ),
        inputs=(PIXELS, CLOCK),
        outputs=(READOUT,),
        clock=Continuous(),
        encoding=LatencyEncoding(PIXELS, layer.window, x_max, True, CLOCK, end),
        decoding=Decoding(READOUT, Readout.MEMBRANE),
    )

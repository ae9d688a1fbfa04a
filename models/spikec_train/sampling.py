r"""Networks without back-propagation: hidden neurons are placed between samples, the readout is solved.

A hidden neuron lies between two samples of different classes (Bolager, Burak, Datar, Sun, Dietrich: "Sampling
weights of deep neural networks", NeurIPS 2023). Here it is a `Ramp` neuron that spikes at most once. Inputs
spike in a window of :math:`T` seconds, the larger the earlier, by :math:`e_i = T - t_i` before its end; each
adds :math:`w_i` to the slope of the membrane, which at :math:`T` stands at :math:`w \cdot e`. A clock spike
at :math:`T` then makes the slope 1 membrane unit a second. For this all inputs must have spiked, zeros at
:math:`T` itself. So

.. math:: t = T + \vartheta - w \cdot e, \qquad a = 2T - t = w \cdot e - b, \qquad \vartheta = T + b

if :math:`a > 0`, and no spike before the answer is read at :math:`2T` otherwise. A membrane that passes its
threshold before :math:`T` spikes earlier than the formula says: `spike_times` finds that moment, and the
readout is fitted to the times that happen.

**Midpoint.** The neuron of the pair :math:`e^{(1)}, e^{(2)}` has :math:`a = 0` halfway, and without clipping
would have :math:`\mp gT` at the two. (With :math:`a = 0` at one of them it would spike for nearly all inputs,
for in many dimensions all samples are about equally far from each other.)

**Orientation.** :math:`e^{(2)}` is the sample with the larger norm. So

.. math:: w = \frac{2 g T}{d^2} (e^{(2)} - e^{(1)}), \qquad
          b = \frac{g T}{d^2} \left(|e^{(2)}|^2 - |e^{(1)}|^2\right) \ge 0, \qquad d = |e^{(2)} - e^{(1)}|

and no threshold is below :math:`T`: none is negative, and no neuron needs another input that lifts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.errors import UsageError
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import LiReadout, Ramp, Source
from spikec_train.datasets import Dataset
from spikec_train.readout import LinearReadout, fit_readout

PIXELS, CLOCK, HIDDEN, READOUT = "pixels", "clock", "hidden", "readout"

_SCAN_VALUES = 1 << 18
"""Values of one block in the search for early spikes, so that its arrays stay in the cache."""


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
class RampLayer:
    """Ramp neurons whose total slope is one membrane unit a second once all inputs and the clock have spiked.

    Attributes:
        weights: Membrane units per second, ``(n, n_inputs)``.
        thresholds: Membrane units, ``(n,)``.
        window: T, seconds.
    """

    weights: FloatArray
    thresholds: FloatArray
    window: float

    @property
    def clock_weights(self) -> FloatArray:
        """What the clock spike adds to each neuron's slope, ``(n,)``."""
        slope: FloatArray = 1.0 - self.weights.sum(axis=1)
        return slope


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
        assert self.network.encoding is not None
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
        network=_network(data, layer, readout),
        layer=layer,
        readout=readout,
        spike_share=spikes / lead.size,
        early_share=int(np.count_nonzero(lead > options.window)) / spikes,
    )


def earliness(samples: FloatArray, x_max: float, window: float) -> FloatArray:
    """How long before the end of the window each input spikes, seconds; `LatencyEncoding` turned round."""
    early: FloatArray = np.clip(samples, 0.0, x_max) * (window / x_max)
    return early


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


def midpoint_layer(low: FloatArray, high: FloatArray, window: float, gain: float) -> RampLayer:
    """Place a neuron between the two samples of each pair.

    Args:
        low: Earliness of the sample with the smaller norm, seconds, ``(n, n_inputs)``.
        high: Of the one with the larger norm.
        window: T, seconds.
        gain: g.
    """
    step = high - low
    scale = gain * window / np.sum(step**2, axis=1)
    offset = np.maximum(scale * np.sum(step * (high + low), axis=1), 0.0)  # rounding can turn equal norms
    return RampLayer(2.0 * scale[:, None] * step, offset + window, window)


def features(layer: RampLayer, early: FloatArray) -> FloatArray:
    """How long before 2 T each neuron spikes, seconds, 0 if it does not, ``(n_samples, n)``."""
    lead: FloatArray = np.maximum(2.0 * layer.window - spike_times(layer, early), 0.0)
    return lead


def spike_times(layer: RampLayer, early: FloatArray) -> FloatArray:
    """First spike of each neuron in each sample, seconds, infinite if there is none up to 2 T.

    Args:
        layer: The neurons.
        early: How long before T each input spikes, seconds from 0 to T, ``(n_samples, n_inputs)``.

    Returns:
        Shape ``(n_samples, n)``.
    """
    end = 2.0 * layer.window
    times: FloatArray = layer.window + layer.thresholds - early @ layer.weights.T
    times[times > end] = np.inf
    order = np.argsort(-early, axis=1, kind="stable")
    samples, neurons = np.nonzero(_may_spike_early(layer, early))
    size = max(1, _SCAN_VALUES // max(early.shape[1], 1))
    for start in range(0, samples.size, size):
        i, j = samples[start : start + size], neurons[start : start + size]
        found = _times_before_window(layer, early, order, i, j)
        seen = np.isfinite(found)
        times[i[seen], j[seen]] = found[seen]
    return times


def _may_spike_early(layer: RampLayer, early: FloatArray) -> BoolArray:
    """Whether a neuron can pass its threshold before T; an upper bound, ``(n_samples, n)``.

    What excites and what inhibits a neuron both only grow. So up to a time s its membrane is at most the
    excitation at s, and from s to T at most the excitation at T less the inhibition at s.
    """
    part = 0.75  # s / T; of the fractions tried on digits the one that leaves fewest
    so_far = np.maximum(early - (1.0 - part) * layer.window, 0.0)
    excite, inhibit = np.maximum(layer.weights, 0.0).T, np.maximum(-layer.weights, 0.0).T
    highest = np.maximum(so_far @ excite, early @ excite - so_far @ inhibit)
    may: BoolArray = highest > layer.thresholds * (1.0 - 1e-9)  # so that rounding hides no crossing
    return may


def _times_before_window(
    layer: RampLayer, early: FloatArray, order: IntArray, samples: IntArray, neurons: IntArray
) -> FloatArray:
    """When neurons pass their threshold before T in samples, one time a pair; infinite if they do not.

    The membrane is a line between two input spikes, so the first line that ends above the threshold has the
    crossing.
    """
    sequence = order[samples]
    starts = layer.window - early[samples[:, None], sequence]
    slopes = np.cumsum(layer.weights[neurons[:, None], sequence], axis=1)
    lengths = np.diff(starts, axis=1, append=layer.window)
    ends = np.cumsum(slopes * lengths, axis=1)
    thresholds = layer.thresholds[neurons]
    above = ends > thresholds[:, None]
    row, line = np.arange(neurons.size), np.argmax(above, axis=1)
    before = np.where(line > 0, ends[row, line - 1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = starts[row, line] + (thresholds - before) / slopes[row, line]
    return np.where(above[row, line], crossing, np.inf)


def _network(data: Dataset, layer: RampLayer, readout: LinearReadout) -> Network:
    end = 2.0 * layer.window
    bias = readout.bias / end  # acts from 0 to 2 T, where the fit's constant is reached
    return Network(
        populations=(
            Population(PIXELS, Source(one_spike=True), data.shape),
            Population(CLOCK, Source(one_spike=True), (1,)),
            Population(HIDDEN, Ramp(layer.thresholds, one_spike=True), layer.thresholds.shape),
            Population(READOUT, LiReadout(bias=bias), (data.n_classes,)),
        ),
        projections=(
            Projection(f"{PIXELS}-{HIDDEN}", PIXELS, HIDDEN, Dense(layer.weights)),
            Projection(f"{CLOCK}-{HIDDEN}", CLOCK, HIDDEN, Dense(layer.clock_weights[:, None])),
            Projection(f"{HIDDEN}-{READOUT}", HIDDEN, READOUT, Dense(readout.weights.T)),
        ),
        inputs=(PIXELS, CLOCK),
        outputs=(READOUT,),
        clock=Continuous(),
        encoding=LatencyEncoding(PIXELS, layer.window, data.x_max, True, CLOCK, end),
        decoding=Decoding(READOUT, Readout.MEMBRANE),
    )

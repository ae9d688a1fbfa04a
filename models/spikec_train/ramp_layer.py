r"""Neurons that tell two samples apart by one spike, and the moments at which they spike.

The neurons are `Ramp`. Inputs spike in a window of :math:`T` seconds, the larger the earlier, by
:math:`e_i = T - t_i` before its end; each adds :math:`w_i` to the slope of the membrane, which at :math:`T`
stands at :math:`w \cdot e`. A clock spike at :math:`T` then makes the slope 1 membrane unit a second. For
this all inputs must have spiked, zeros at :math:`T` itself. So

.. math:: t = T + \vartheta - w \cdot e, \qquad a = 2T - t = w \cdot e - b, \qquad \vartheta = T + b

if :math:`a > 0`, and no spike before :math:`2T` otherwise. A membrane that passes its threshold before
:math:`T` spikes earlier than the formula says: `spike_times` finds that moment.

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

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray

_SCAN_VALUES = 1 << 18
"""Values of one block in the search for early spikes, so that its arrays stay in the cache."""


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


def earliness(samples: FloatArray, x_max: float, window: float) -> FloatArray:
    """How long before the end of the window each input spikes, seconds; `LatencyEncoding` turned round."""
    early: FloatArray = np.clip(samples, 0.0, x_max) * (window / x_max)
    return early


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

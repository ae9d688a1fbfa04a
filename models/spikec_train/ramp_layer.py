r"""Neurons that tell two samples apart by one spike, and the moments at which they spike.

The neurons are `Ramp`. Inputs spike in a window of :math:`T` seconds, the larger the earlier, by
:math:`e_i = T - t_i` before its end; each adds :math:`w_i` to the slope of the membrane, which at :math:`T`
stands at :math:`w \cdot e`. A clock spike at :math:`T` then makes the slope 1 membrane unit a second. For
this all inputs must have spiked, zeros at :math:`T` itself. So

.. math:: t = T + \vartheta - w \cdot e, \qquad a = 2T - t = w \cdot e - b, \qquad \vartheta = T + b

if :math:`a > 0`, and no spike before :math:`2T` otherwise. A membrane that passes its threshold before
:math:`T` spikes earlier than the formula says, and an input that comes after the clock bends the line: then
`spike_times` follows the membrane from spike to spike.

**Midpoint.** The neuron of the pair :math:`e^{(1)}, e^{(2)}` has :math:`a = 0` halfway, and without clipping
would have :math:`\mp gT` at the two. (With :math:`a = 0` at one of them it would spike for nearly all inputs,
for in many dimensions all samples are about equally far from each other.)

**Orientation.** :math:`e^{(2)}` is the sample with the larger norm. So

.. math:: w = \frac{2 g T}{d^2} (e^{(2)} - e^{(1)}), \qquad
          b = \frac{g T}{d^2} \left(|e^{(2)}|^2 - |e^{(1)}|^2\right) \ge 0, \qquad d = |e^{(2)} - e^{(1)}|

and no threshold is below :math:`T`: none is negative, and no neuron needs another input that lifts it.

**Layers on layers.** The next layer, too, counts on the spikes of all its inputs. So the neurons of a layer
that is read by another one are *pushed*: a second clock spike at :math:`2T` adds a steep slope :math:`p`,
and who has not spiked yet does so soon after, at :math:`2T + |a| / (1 + p)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spikec.arrays import BoolArray, FloatArray
from spikec_train.kernel_arguments import plain
from spikec_train.kernels.ramp import crossings


@dataclass(frozen=True, eq=False)
class RampLayer:
    """Ramp neurons whose total slope is one membrane unit a second once all inputs and the clock have spiked.

    Attributes:
        weights: Membrane units per second, ``(n, n_inputs)``.
        thresholds: Membrane units, ``(n,)``.
        window: T, seconds.
        push: What a second clock spike at 2 T adds to the slope of each neuron; 0 if there is none.
    """

    weights: FloatArray
    thresholds: FloatArray
    window: float
    push: float = 0.0

    @property
    def clock_weights(self) -> FloatArray:
        """What the clock spike adds to each neuron's slope, ``(n,)``."""
        slope: FloatArray = 1.0 - self.weights.sum(axis=1)
        return slope


def earliness(samples: npt.ArrayLike, x_max: float, window: float) -> FloatArray:
    """How long before the end of the window each input spikes, seconds; `LatencyEncoding` turned round."""
    early: FloatArray = np.clip(np.asarray(samples, np.float64), 0.0, x_max) * (window / x_max)
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


def pushed(layer: RampLayer, early: FloatArray, within: float) -> RampLayer:
    """The layer with a push by which all neurons have spiked some time after 2 T, in the samples given.

    Args:
        layer: Without a push.
        early: As for `spike_times`.
        within: That time, seconds.
    """
    late = float(np.max(layer.thresholds - layer.window - early @ layer.weights.T))
    return replace(layer, push=max(late / within - 1.0, 1.0))


def features(layer: RampLayer, early: FloatArray) -> FloatArray:
    """How long before 2 T each neuron spikes, seconds, ``(n_samples, n)``.

    It is 0 if a neuron does not spike, and negative if it had to be pushed.
    """
    lead = spike_times(layer, early)
    np.subtract(2.0 * layer.window, lead, out=lead)
    return lead if layer.push else np.maximum(lead, 0.0, out=lead)


def spike_times(layer: RampLayer, early: FloatArray) -> FloatArray:
    """First spike of each neuron in each sample, seconds since the beginning of the window.

    Args:
        layer: The neurons.
        early: How long before T each input spikes, seconds; negative if it comes after the clock,
            ``(n_samples, n_inputs)``.

    Returns:
        Shape ``(n_samples, n)``; infinite where there is none up to 2 T, if the layer has no push.
    """
    end = 2.0 * layer.window
    times: FloatArray = early @ layer.weights.T
    np.subtract(layer.window + layer.thresholds, times, out=times)
    if layer.push:
        times = np.where(times > end, end + (times - end) / (1.0 + layer.push), times)
    asked = _may_bend(layer, early)
    samples = np.flatnonzero(asked.any(axis=1))
    if samples.size:
        clocks = np.broadcast_to([0.0, -layer.window], (samples.size, 2))
        given = np.hstack([early[samples], clocks])
        ends = np.stack([layer.clock_weights, np.full(len(layer.weights), layer.push)], axis=1)
        order = np.argsort(-given, axis=1)
        weights, thresholds = plain(layer.weights), plain(layer.thresholds)
        crossings(given, order, weights, ends, thresholds, samples, asked, float(layer.window), times)
    if not layer.push:
        times[times > end] = np.inf
    return times


def _may_bend(layer: RampLayer, early: FloatArray) -> BoolArray:
    """Whether the formula may not hold, an upper bound, ``(n_samples, n)``.

    Before T a membrane is at most what excites its neuron in the whole window; that is added up in 32 bits,
    with room for their rounding. Inputs after the clock bend the line of all neurons.
    """
    excite = np.maximum(layer.weights, 0.0).astype(np.float32).T
    room = 1.0 - 4.0 * max(early.shape[1], 1) * float(np.finfo(np.float32).eps)
    may: BoolArray = early.astype(np.float32) @ excite > (layer.thresholds * room).astype(np.float32)
    late = np.any(early < 0, axis=1)
    may[late] = True
    return may


def compile_ramps() -> None:
    """Compile what `spike_times` calls, so that no training pays for it."""
    spike_times(RampLayer(np.full((1, 1), 3.0), np.ones(1), 1.0), np.ones((1, 1)))

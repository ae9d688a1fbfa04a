"""First crossings of ramp neurons, whose membranes are straight between inputs, and their derivatives."""

from __future__ import annotations

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec_train.kernels import inner, kernel


@kernel
def crossings(
    early: FloatArray,
    order: IntArray,
    weights: FloatArray,
    ends: FloatArray,
    thresholds: FloatArray,
    samples: IntArray,
    asked: BoolArray,
    window: float,
    times: FloatArray,
) -> None:
    """When neurons pass their thresholds first, of the neurons asked for.

    Args:
        early: How long before the end of the window each input spikes, then the clock and what ends the wait,
            seconds, ``(n_rows, n_inputs + 2)``.
        order: The columns of `early` from the first spike to the last, ``(n_rows, n_inputs + 2)``.
        weights: Of the inputs, membrane units a second, ``(n, n_inputs)``.
        ends: Of the two others, ``(n, 2)``.
        thresholds: ``(n,)``.
        samples: The sample of each row, ``(n_rows,)``.
        asked: Which neurons of which samples, ``(n_samples, n)``.
        window: The window, seconds.
        times: Is written where asked for, infinite where there is no crossing, ``(n_samples, n)``.
    """
    for k in range(samples.size):
        i = samples[k]
        for j in range(thresholds.size):
            if asked[i, j]:
                found = crossing(early[k], order[k], weights[j], ends[j], thresholds[j])
                times[i, j] = window - found


@kernel
def back_through_crossings(
    early: FloatArray,
    found: FloatArray,
    weights: FloatArray,
    d_found: FloatArray,
    flattest: float,
    d_weights: FloatArray,
    d_thresholds: FloatArray,
) -> None:
    r"""Derivatives of a loss for weights and thresholds, by crossings before the end of the window.

    A membrane that stands at its threshold :math:`\vartheta` a time f before the window's end has
    :math:`\sum_i w_i (e_i - f) = \vartheta`, summed over the inputs that have spiked, :math:`e_i > f`. So

    .. math:: \frac{\partial f}{\partial w_i} = \frac{e_i - f}{W}, \qquad
              \frac{\partial f}{\partial \vartheta} = -\frac{1}{W}, \qquad W = \sum_{e_i > f} w_i

    Args:
        early: How long before the end of the window each input spikes, ``(n_samples, n_inputs)``.
        found: f of each neuron; those of 0 or less are left out, ``(n_samples, n)``.
        weights: ``(n, n_inputs)``.
        d_found: Derivative of a loss for each f, ``(n_samples, n)``.
        flattest: A floor under W, the slope with which the threshold is reached; 0 for exact derivatives.
        d_weights: The loss's derivatives, added to, ``(n, n_inputs)``.
        d_thresholds: Likewise, ``(n,)``.
    """
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            f, d = found[i, j], d_found[i, j]
            if f <= 0.0 or d == 0.0:
                continue
            slope = 0.0
            for k in range(weights.shape[1]):
                if early[i, k] > f:
                    slope += weights[j, k]
            d /= max(slope, flattest)
            d_thresholds[j] -= d
            for k in range(weights.shape[1]):
                if early[i, k] > f:
                    d_weights[j, k] += d * (early[i, k] - f)


@inner
def crossing(
    early: FloatArray, order: IntArray, weights: FloatArray, ends: FloatArray, threshold: float
) -> float:
    """One sample, one neuron."""
    v, slope, at = 0.0, 0.0, early[order[0]]
    for column in order:
        reached = v + slope * (at - early[column])
        if reached > threshold:
            break
        v, at = reached, early[column]
        slope += weights[column] if column < weights.size else ends[column - weights.size]
    if slope <= 0.0:
        return -np.inf
    return float(at - (threshold - v) / slope)

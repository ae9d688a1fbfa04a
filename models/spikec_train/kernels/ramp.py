"""First crossings of ramp neurons, line by line: between two input spikes the membrane is a straight line."""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec_train.kernels import inner, kernel


@kernel
def crossings(
    early: FloatArray,
    order: IntArray,
    weights: FloatArray,
    ends: FloatArray,
    thresholds: FloatArray,
    samples: IntArray,
    neurons: IntArray,
    found: FloatArray,
) -> None:
    """When neurons pass their thresholds first, as time before the end of the window.

    Args:
        early: How long before it each input spikes, then the clock and what ends the wait, seconds,
            ``(n_samples, n_inputs + 2)``.
        order: The columns of `early` from the first spike to the last, ``(n_samples, n_inputs + 2)``.
        weights: Of the inputs, membrane units a second, ``(n, n_inputs)``.
        ends: Of the two others, ``(n, 2)``.
        thresholds: ``(n,)``.
        samples: One sample for each crossing asked for, ``(n_asked,)``.
        neurons: One neuron each, ``(n_asked,)``.
        found: Is written; minus infinity where there is no crossing, ``(n_asked,)``.
    """
    for k in range(samples.size):
        i, j = samples[k], neurons[k]
        found[k] = crossing(early[i], order[i], weights[j], ends[j], thresholds[j])


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

r"""Descent along the exact spike times of one hidden layer of ramp neurons, many small networks at once.

Inputs spike in a window of T, the larger the earlier, :math:`e_i = T (x_i + r) / 2 r` before its end for a
value :math:`x_i` between plus and minus the reach r. A hidden neuron spikes :math:`a` before 2 T
(`ramp_layer`), a readout adds these up:

.. math:: a = \min(\max(w \cdot e - b, 0), T), \qquad o = v \cdot a + c

The spike time is linear in w and b where the neuron spikes between T and 2 T, so its derivatives there are
exact; a neuron that is silent, or as early as T, has none. A spike before T, which the formula does not know,
is found when a network is tested (`ramp_layer.features`), and their share is told.

Labels are -1 and 1; the loss of a sample is :math:`(o - y)^2 / 2`, or 0 if :math:`y\, o > 1`. Weights act on
:math:`x`, and are drawn small: networks begin where all neurons are nearly alike, and have to find out which
values matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec_train.ramp_layer import RampLayer, features


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RampDescent:
    """How a network is trained.

    Attributes:
        method: What a recipe calls this.
        rate: Learning rate of the readout; that of the hidden layer is larger by the root of its size.
        batch: Samples of a step.
        weight_spread: Standard deviation of initial weights times the root of the number of inputs.
        offset: Initial biases are normal, with this mean below 0 and this standard deviation.
    """

    method: Literal["exact-ramp"] = "exact-ramp"
    rate: float = 0.01
    batch: int = 8
    weight_spread: float = 0.1
    offset: float = 0.05

    def __post_init__(self) -> None:
        if self.batch < 1 or not 0 < self.rate < np.inf or not 0 < self.weight_spread < np.inf:
            raise UsageError(
                f"batches of {self.batch}, rate {self.rate} and weight_spread {self.weight_spread} were "
                "asked for; all must be positive and finite"
            )
        if not 0 <= self.offset < np.inf:
            raise UsageError(f"offset is {self.offset}; it must be finite and not negative")


@dataclass(frozen=True, eq=False)
class RampNetworks:
    """Networks of one size, as they are trained.

    Attributes:
        weights: On values, ``(n_networks, n, n_values)``.
        biases: ``(n_networks, n)``.
        readouts: v, ``(n_networks, n)``.
        constants: c, ``(n_networks,)``.
    """

    weights: FloatArray
    biases: FloatArray
    readouts: FloatArray
    constants: FloatArray

    def layer(self, k: int, reach: float) -> RampLayer:
        """The hidden layer of network k, in units in which T is twice the reach."""
        window = 2.0 * reach
        thresholds = window + self.biases[k] + reach * self.weights[k].sum(axis=1)
        return RampLayer(self.weights[k], thresholds, window)

    def answers(self, k: int, values: FloatArray, reach: float) -> tuple[FloatArray, float]:
        """What network k says to samples, by event-exact spike times.

        Args:
            k: Which network.
            values: ``(n_samples, n_values)``; beyond the reach they count as at it.
            reach: The reach, r.

        Returns:
            Readouts, ``(n_samples,)``, and the share of spikes before T.
        """
        window = 2.0 * reach
        lead = features(self.layer(k, reach), np.clip(values + reach, 0.0, window))
        spikes = max(1, int(np.count_nonzero(lead)))
        return lead @ self.readouts[k] + self.constants[k], int(np.count_nonzero(lead > window)) / spikes


def draw_networks(
    n: int, n_values: int, options: RampDescent, rngs: Sequence[np.random.Generator]
) -> RampNetworks:
    """Draw a network of n hidden neurons from each generator."""
    scale = options.weight_spread / sqrt(n_values)
    weights, biases, readouts = [], [], []
    for rng in rngs:
        weights.append(rng.normal(size=(n, n_values)) * scale)
        biases.append(options.offset * (rng.normal(size=n) - 1.0))
        readouts.append(np.where(rng.random(n) < 0.5, -1.0, 1.0) / sqrt(n))
    return RampNetworks(np.stack(weights), np.stack(biases), np.stack(readouts), np.zeros(len(rngs)))


def descend_ramps(
    networks: RampNetworks, values: FloatArray, labels: FloatArray, reach: float, options: RampDescent
) -> RampNetworks:
    """Train each network on samples of its own, once, in the order that they are in.

    Args:
        networks: Where to begin.
        values: ``(n_networks, n_samples, n_values)``; beyond the reach they count as at it.
        labels: -1 or 1, ``(n_networks, n_samples)``.
        reach: The reach, r.
        options: How.
    """
    w, b, v, c = (
        part.copy() for part in (networks.weights, networks.biases, networks.readouts, networks.constants)
    )
    hidden_rate = options.rate * sqrt(b.shape[1])
    for first in range(0, values.shape[1], options.batch):
        x = np.clip(values[:, first : first + options.batch], -reach, reach)
        y = labels[:, first : first + options.batch]
        z = x @ w.transpose(0, 2, 1) - b[:, None]
        a = np.clip(z, 0.0, 2.0 * reach)
        o = np.squeeze(a @ v[:, :, None], axis=2) + c[:, None]
        error = np.where(y * o > 1.0, 0.0, o - y) / y.shape[1]
        d = error[:, :, None] * v[:, None] * ((z > 0) & (z < 2.0 * reach))
        v -= options.rate * np.squeeze(error[:, None] @ a, axis=1)
        c -= options.rate * error.sum(axis=1)
        w -= hidden_rate * (d.transpose(0, 2, 1) @ x)
        b += hidden_rate * d.sum(axis=1)
    return RampNetworks(w, b, v, c)

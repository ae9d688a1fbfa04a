r"""Descent along exact spike times of one hidden layer of ramp neurons, from a drawn or a sampled start.

In units in which the window T is 1, inputs spike :math:`e_i` before the window's end and hidden neurons
:math:`a` before 2 T (`ramp_layer`); a readout for each class adds these up:

.. math:: a = \max(w \cdot e - b, 0), \qquad o = V a + c

The spike time is linear in w and b where a neuron spikes after T, so its derivatives there are exact; one
that is silent has none. A spike before T comes earlier than the formula says, which training does not know;
`accuracy` does, it asks event-exact times. The loss of a sample is the cross entropy of
:math:`\mathrm{softmax}(S o)` with its class, with the sharpness S, for a solved readout says 1 for the right
class and 0 for others. Biases stay at 0 or above, so that no threshold, :math:`1 + b`, is below T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.container import digest
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Problem
from spikec_train.ramp_layer import RampLayer, earliness, features
from spikec_train.sampling import SampledNetwork

SHARPNESS = 10.0
"""S."""


@dataclass(frozen=True, eq=False)
class RampProblem(Problem):
    """Labelled samples and a network of one hidden layer.

    Attributes:
        early: How long before T inputs spike, in units of T, ``(n_samples, n_inputs)``.
        labels: ``(n_samples,)``.
        n_classes: Number of classes.
        hidden: Number of hidden neurons.
        start: A network to begin at; None to draw weights.
    """

    early: FloatArray
    labels: IntArray
    n_classes: int
    hidden: int
    start: SampledNetwork | None = None

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return int(self.labels.size)

    def key(self) -> str:
        """A digest of all that decides the outcome, data included, but for the seed."""
        start = None if self.start is None else digest(self.start.network)
        return digest({"early": self.early, "labels": self.labels, "hidden": self.hidden, "start": start})

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """The start's parameters, or drawn ones: neurons that begin to spike at the mean sample."""
        if self.start is not None:
            layer, readout = self.start.layers[0], self.start.readout
            scaled = layer.thresholds / layer.window - 1.0
            parts = (layer.weights, scaled, readout.weights.T * layer.window, readout.bias)
            return np.concatenate([part.ravel() for part in parts])
        n = self.early.shape[1]
        w, mean = rng.normal(0.0, np.sqrt(2.0 / n), (self.hidden, n)), self.early.mean(axis=0)
        w *= np.where(w @ mean < 0, -1.0, 1.0)[:, None]
        v = rng.normal(0.0, 1.0 / np.sqrt(self.hidden), (self.n_classes, self.hidden))
        return np.concatenate([w.ravel(), w @ mean, v.ravel(), np.zeros(self.n_classes)])

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, and its gradient."""
        w, b, v, c = self.parts(parameters)
        e, y = self.early[samples], self.labels[samples]
        z = e @ w.T - b
        a = np.maximum(z, 0.0)
        o = SHARPNESS * (a @ v.T + c)
        o -= o.max(axis=1, keepdims=True)
        p = np.exp(o)
        total = p.sum(axis=1)
        rows = np.arange(y.size)
        loss = float(np.mean(np.log(total) - o[rows, y]))
        p /= total[:, None]
        p[rows, y] -= 1.0
        p *= SHARPNESS / y.size
        d = (p @ v) * (z > 0)
        parts = (d.T @ e, -d.sum(axis=0), p.T @ a, p.sum(axis=0))
        return loss, np.concatenate([part.ravel() for part in parts])

    def clip(self, parameters: FloatArray) -> None:
        """Keep biases at 0 or above, in place."""
        b = self.parts(parameters)[1]
        np.maximum(b, 0.0, out=b)

    def parts(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Views: w ``(hidden, n_inputs)``, b ``(hidden,)``, V ``(n_classes, hidden)``, c ``(n_classes,)``."""
        m, n, k = self.hidden, self.early.shape[1], self.n_classes
        w, b, v, c = np.split(parameters, np.cumsum([m * n, m, k * m]))
        return w.reshape(m, n), b, v.reshape(k, m), c

    def leads(self, parameters: FloatArray, early: FloatArray) -> FloatArray:
        """How long before 2 T hidden neurons spike, event-exact, in units of T, ``(n, hidden)``."""
        w, b, _, _ = self.parts(parameters)
        return features(RampLayer(w, 1.0 + b, 1.0), early)

    def accuracy(self, parameters: FloatArray, data: Dataset) -> float:
        """Share of right answers, by event-exact spike times."""
        _, _, v, c = self.parts(parameters)
        scores = self.leads(parameters, earliness(data.samples, data.x_max, 1.0)) @ v.T + c
        return float(np.mean(scores.argmax(axis=1) == data.labels))


def ramp_problem(data: Dataset, hidden: int, start: SampledNetwork | None = None) -> RampProblem:
    """The problem of a data set.

    Args:
        data: Labelled samples.
        hidden: Number of hidden neurons, those of the start if there is one.
        start: A network of one hidden layer that was made for the same data.
    """
    return RampProblem(earliness(data.samples, data.x_max, 1.0), data.labels, data.n_classes, hidden, start)

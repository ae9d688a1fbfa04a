r"""Descent along exact spike times of one hidden layer of ramp neurons, from a drawn or a sampled start.

In units in which the window T is 1, inputs spike :math:`e_i` before the window's end and hidden neurons
:math:`a` before 2 T (`ramp_layer`); a readout for each class adds these up:

.. math:: a = \max(w \cdot e - b, 0), \qquad o = V a + c

where the neuron spikes after T; one that passes its threshold, 1 + b, before T spikes earlier than that.
Times are event-exact, and so are their derivatives, before T by `kernels.ramp.back_through_crossings`; a
silent neuron has none. (A descent that takes the formula for all spikes undoes a sampled network: on Yin-Yang
37 % of its spikes come before T, and its readout was fitted to the true ones.)

The loss of a sample is the cross entropy of :math:`\mathrm{softmax}(S o)` with its class. The sharpness S
does not change. A solved readout says 1 for the right class and 0 for others, whatever its margins are worth,
so of a sampled start it is the S with the smallest loss in some training samples. Biases stay at 0 or above,
so that no threshold is below T.

Parameters of a kind are counted in what they measure in a sampled start, root mean square, so that one
learning rate is a share of each: the readout of 512 neurons has small weights, and steps that move w at all
would undo them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar

from spikec.arrays import FloatArray, IntArray
from spikec.container import digest
from spikec_train.datasets import Dataset
from spikec_train.exact_gradient import Problem
from spikec_train.kernel_arguments import plain
from spikec_train.kernels.ramp import back_through_crossings
from spikec_train.ramp_layer import RampLayer, earliness, features
from spikec_train.sampling import SampledNetwork

SHARPNESS = 10.0
"""S of a drawn start."""

SHARPEST = 100.0
"""The largest S of a sampled start: if all samples are right, the loss falls with S for ever."""

ENOUGH = 1000
"""Training samples, the first ones, that S follows from."""

FLATTEST = 0.5
"""A floor under the slope with which thresholds are reached before T; after T the slope is 1."""


@dataclass(frozen=True, eq=False)
class RampProblem(Problem):
    """Labelled samples and a network of one hidden layer.

    Attributes:
        early: How long before T inputs spike, in units of T, ``(n_samples, n_inputs)``.
        labels: ``(n_samples,)``.
        n_classes: Number of classes.
        hidden: Number of hidden neurons.
        start: A network to begin at; None to draw weights.
        sharpness: S.
        flattest: A floor under the slope with which thresholds are reached; with 0 derivatives are exact.
    """

    early: FloatArray
    labels: IntArray
    n_classes: int
    hidden: int
    start: SampledNetwork | None = None
    sharpness: float = SHARPNESS
    flattest: float = FLATTEST

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return int(self.labels.size)

    def key(self) -> str:
        """A digest of all that decides the outcome, data included, but for the seed."""
        start = None if self.start is None else digest(self.start.network)
        numbers = (self.hidden, self.sharpness, self.flattest)
        return digest({"early": self.early, "labels": self.labels, "numbers": numbers, "start": start})

    @cached_property
    def units(self) -> tuple[float, float, float, float]:
        """What w, b, V and c are counted in."""
        if self.start is None:
            return 1.0, 1.0, 1.0, 1.0
        w, b, v, _ = (float(np.sqrt(np.mean(part**2))) or 1.0 for part in self._solved())
        return w, b, v, v

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """The start's parameters, or drawn ones: neurons that begin to spike at the mean sample."""
        if self.start is not None:
            return self._joined(self._solved(), 1)
        n, mean = self.early.shape[1], self.early.mean(axis=0)
        w = rng.normal(0.0, np.sqrt(2.0 / n), (self.hidden, n))
        w *= np.where(w @ mean < 0, -1.0, 1.0)[:, None]
        v = rng.normal(0.0, 1.0 / np.sqrt(self.hidden), (self.n_classes, self.hidden))
        return self._joined((w, w @ mean, v, np.zeros(self.n_classes)), 1)

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Mean loss of some samples, and its gradient."""
        w, _, v, c = self.parts(parameters)
        e, y = self.early[samples], self.labels[samples]
        a = self.leads(parameters, e)
        loss, p = cross_entropy(self.sharpness * (a @ v.T + c), y)
        p *= self.sharpness
        d = p @ v
        found = a - 1.0
        after = np.where((a > 0) & (found <= 0), d, 0.0)
        d_w, d_b = after.T @ e, -after.sum(axis=0)
        back_through_crossings(e, found, plain(w), d, self.flattest, d_w, d_b)
        return loss, self._joined((d_w, d_b, p.T @ a, p.sum(axis=0)), -1)

    def clip(self, parameters: FloatArray) -> None:
        """Keep biases at 0 or above, in place."""
        b = self._split(parameters)[1]
        np.maximum(b, 0.0, out=b)

    def parts(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Parts w ``(hidden, n_inputs)``, b ``(hidden,)``, V ``(n_classes, hidden)``, c ``(n_classes,)``."""
        w, b, v, c = (part * unit for part, unit in zip(self._split(parameters), self.units, strict=True))
        return w.reshape(self.hidden, -1), b, v.reshape(self.n_classes, -1), c

    def _split(self, parameters: FloatArray) -> list[FloatArray]:
        """Views of w, b, V and c in their units, each flat."""
        m, n, k = self.hidden, self.early.shape[1], self.n_classes
        return np.split(parameters, np.cumsum([m * n, m, k * m]))

    def _joined(self, parts: Sequence[FloatArray], power: int) -> FloatArray:
        """Parameters of parts, power 1, or derivatives for parameters of those for parts, power -1."""
        scaled = (part.ravel() / unit**power for part, unit in zip(parts, self.units, strict=True))
        return np.concatenate(list(scaled))

    def _solved(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The start's w, b, V and c."""
        assert self.start is not None
        layer, readout = self.start.layers[0], self.start.readout
        b = layer.thresholds / layer.window - 1.0
        return layer.weights, b, readout.weights.T * layer.window, readout.bias

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
    early = earliness(data.samples, data.x_max, 1.0)
    if start is None:
        return RampProblem(early, data.labels, data.n_classes, hidden)
    some = slice(0, ENOUGH)
    sharpness = best_sharpness(start.scores(data.samples[some]), data.labels[some])
    return RampProblem(early, data.labels, data.n_classes, hidden, start, sharpness)


def best_sharpness(scores: FloatArray, labels: IntArray) -> float:
    """The S from 1 to `SHARPEST` with the smallest mean loss: a convex function of S.

    Args:
        scores: o, ``(n_samples, n_classes)``.
        labels: ``(n_samples,)``.
    """
    best = minimize_scalar(
        lambda s: cross_entropy(s * scores, labels)[0], bounds=(1.0, SHARPEST), method="bounded"
    )
    return float(best.x)


def cross_entropy(logits: FloatArray, labels: IntArray) -> tuple[float, FloatArray]:
    """Mean cross entropy of softmax with the right classes, and its derivatives for the logits.

    Args:
        logits: ``(n_samples, n_classes)``.
        labels: ``(n_samples,)``.
    """
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(labels.size)
    loss = -float(np.mean(np.log(np.maximum(p[rows, labels], np.finfo(float).tiny))))
    p[rows, labels] -= 1.0
    p /= labels.size
    return loss, p

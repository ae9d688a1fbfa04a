r"""Layers of `CubaLif` neurons that spike once, placed between samples: no descent.

The membrane of a neuron that has not spiked is linear in its weights, :math:`V(t) = \sum_i w_i K(t - t_i)`,
with the K of `kernels.cuba_lif`. So at one moment :math:`t^*` a sample is the vector
:math:`\varphi_i = K(t^* - t_i)`, and a neuron's threshold a plane between such vectors. For a pair of samples
of different classes (`pairs`), the neuron with

.. math:: w \cdot \varphi^{(1)} = 1 - g, \qquad w \cdot \varphi^{(2)} = 1 + g, \qquad
          w = c_1 \varphi^{(1)} + c_2 \varphi^{(2)}

has the smallest such weights. At :math:`t^*` it has spiked for one of the two and, unless its membrane went
through the threshold and came back, not for the other; which of the two is drawn. No clock lifts it, and a
threshold of 1 serves all. The two equations are solved with a ridge (`Placing`), which bounds the weights of
pairs that nearly coincide.

When a neuron really spikes, before :math:`t^*` or after it, follows from its membrane: whoever reads the
layer is fitted to the event-exact spikes (`Membrane.first_spikes`). All times are in units of
:math:`\tau_s`, membranes in units of the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.cuba_gradient import CubaModel, Delayed, run
from spikec_train.pairs import draw_pairs

OUTPUT_RIDGE = 1e-4
"""The ridge of output weights, in units of the features' mean eigenvalue."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Placing:
    """How hidden neurons are placed.

    Attributes:
        gain: g, how far from the threshold both samples of a pair are.
        ridge: In units of the mean square length of their two vectors.
        candidates: Pairs drawn for each neuron, of which those are taken that the distance favours.
    """

    gain: float = 0.1
    ridge: float = 1e-3
    candidates: int = 4

    def __post_init__(self) -> None:
        if not (0 < self.gain < 1 and 0 < self.ridge < np.inf and self.candidates >= 1):
            raise UsageError(
                f"a gain of {self.gain}, a ridge of {self.ridge} and {self.candidates} candidates a neuron "
                "were asked for; the gain lies between 0 and 1, the ridge is positive, and there is 1 "
                "candidate or more"
            )


@checked_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CubaPairs(Placing):
    """A sampled start of a descent: hidden neurons that are placed, and outputs behind them.

    Attributes:
        read: When membranes of a pair lie on either side of the threshold, seconds.
        answer: When outputs are to have spiked if they are right, and not to if they are not, seconds.
    """

    read: float
    answer: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.read <= self.answer < np.inf:
            raise UsageError(
                f"a sampled start is read at {self.read} s and answers at {self.answer} s; both must be "
                "positive and finite, and the answer no earlier"
            )


@dataclass(frozen=True)
class Membrane:
    r"""What decides when neurons of a layer spike, besides their weights.

    Attributes:
        ratio: :math:`\tau_m / \tau_s`, at least 1.
        duration: After this no spike counts.
    """

    ratio: float
    duration: float

    def responses(self, since: FloatArray) -> FloatArray:
        """K, what a spike of weight 1 makes of a membrane some time later; 0 before it and without it."""
        t = np.clip(since, 0.0, None)
        rest = 1.0 - 1.0 / self.ratio
        keep = np.exp(-t / self.ratio)
        found: FloatArray = t * keep if rest == 0 else -np.expm1(-rest * t) / rest * keep
        return found

    def first_spikes(self, weights: FloatArray, times: FloatArray) -> FloatArray:
        """When neurons spike, event-exact, ``(n_samples, n)``; infinite for never.

        Args:
            weights: ``(n, n_inputs)``.
            times: When each input spikes, infinite for never, ``(n_samples, n_inputs)``.
        """
        model = CubaModel(
            weights.shape[::-1], self.ratio, self.duration, Delayed.NONE, temperature=1.0, gamma=0.0, wake=0.0
        )
        return run(model, weights.ravel(), times, np.zeros(len(times), np.int64)).spikes


def midpoint_weights(low: FloatArray, high: FloatArray, gain: float, ridge: float) -> FloatArray:
    """Weights for which membranes are `gain` below and above the threshold, ``(n, n_inputs)``.

    Args:
        low: Responses to the sample below, ``(n, n_inputs)``.
        high: To the one above.
        gain: g.
        ridge: As in `Placing`.
    """
    ll, lh, hh = (np.sum(a * b, axis=1) for a, b in ((low, low), (low, high), (high, high)))
    own = ridge * (ll + hh) / 2.0
    ll, hh = ll + own, hh + own
    below, above = 1.0 - gain, 1.0 + gain
    scale = 1.0 / (ll * hh - lh**2)
    weights: FloatArray = ((below * hh - above * lh) * scale)[:, None] * low
    weights += ((above * ll - below * lh) * scale)[:, None] * high
    return weights


def sample_cuba_layer(
    responses: FloatArray, labels: IntArray, n: int, placing: Placing, rng: np.random.Generator
) -> FloatArray:
    """Draw the weights of a layer, ``(n, n_inputs)``.

    Args:
        responses: Of each input to each sample, at the moment of reading, ``(n_samples, n_inputs)``.
        labels: ``(n_samples,)``.
        n: How many neurons.
        placing: How they are placed.
        rng: Source of chance.

    Raises:
        UsageError: There are too few pairs of samples that differ in class and response.
    """
    one, other = draw_pairs(responses, labels, n, placing.candidates, rng)
    turned = rng.random(n) < 0.5
    low, high = np.where(turned, other, one), np.where(turned, one, other)
    return midpoint_weights(responses[low], responses[high], placing.gain, placing.ridge)


def sampled_start(
    model: CubaModel,
    pairs: CubaPairs,
    unit: float,
    times: FloatArray,
    labels: IntArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Parameters of a network of one hidden layer to begin a descent with: placed neurons, solved outputs.

    Outputs have no bias, so their weights are a ridge regression without one: at the moment of the answer the
    right output's membrane is to be the gain above the threshold, all others below. Delays are 0.

    Args:
        model: The network.
        pairs: Where neurons are placed.
        unit: Seconds that the model counts in.
        times: When each input spikes, units, ``(n_samples, n_inputs)``.
        labels: ``(n_samples,)``.
        rng: Source of chance.
    """
    membrane = Membrane(model.ratio, pairs.answer / unit)
    responses = membrane.responses(pairs.read / unit - times)
    hidden = sample_cuba_layer(responses, labels, model.sizes[1], pairs, rng)
    found = membrane.responses(membrane.duration - membrane.first_spikes(hidden, times))
    targets = 1.0 + pairs.gain * (2.0 * np.eye(model.sizes[-1])[labels] - 1.0)
    squares = found.T @ found
    squares[np.diag_indices_from(squares)] += OUTPUT_RIDGE * max(np.trace(squares) / len(squares), 1e-300)
    outputs = np.linalg.solve(squares, found.T @ targets).T
    return np.concatenate([hidden.ravel(), outputs.ravel(), np.zeros(model.n_delays)])


def compile_cuba() -> None:
    """Compile what `Membrane.first_spikes` calls, so that no training pays for it."""
    Membrane(2.0, 1.0).first_spikes(np.ones((1, 1)), np.zeros((1, 1)))

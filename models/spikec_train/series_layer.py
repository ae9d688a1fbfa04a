r"""Neurons that tell two spike trains apart at one moment, by delays and a time constant that fit the two.

A neuron is `CubaTicks`: in a tick :math:`u \leftarrow r u + x`, :math:`v \leftarrow b v + u`, and a spike
where :math:`v > 1`, to :math:`v = 0`. A spike of an input leaves a trace :math:`\varphi` in such a membrane.
Of two samples, (1) and (2), and a moment :math:`k`, every input c takes the delay at which their traces
differ most,

.. math:: d_c = \arg\max_{d \le D} |\varphi^{(2)}_c(k - d) - \varphi^{(1)}_c(k - d)|, \qquad
          w_c \propto \varphi^{(2)}_c(k - d_c) - \varphi^{(1)}_c(k - d_c)

and the threshold lies halfway between the membranes of the two samples at that moment, but not below `LEAST`
of the distance between them: weights of all neurons should be of one size. Weights change their sign if it
would be negative. Which neuron fires elsewhere, or for other samples, nobody asks: it is fitted.

The time constants are drawn from several, and the moment from all ticks: the more the traces of the two
samples differ, of time constants as a share of the traces themselves, the likelier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError

LEAST = 0.1
"""Lowest threshold, as a part of the distance between the membranes of a pair."""

SIZES = 3
"""Groups by size of weights: on a chip the neurons of a group share a scale, and small weights beside large
ones are lost."""


@dataclass(frozen=True)
class Constants:
    """Time constants of a group of neurons, as a chip has them.

    Attributes:
        decay_u: What a tick takes of the current, in 1/4096.
        decay_v: Of the membrane.
    """

    decay_u: int
    decay_v: int

    @staticmethod
    def of(tau_mem: float, tau_syn: float, dt: float) -> Constants:
        """The nearest decays of time constants in seconds; of 0 a tick takes all."""
        u, v = (round(4096 * -np.expm1(-dt / tau)) if tau else 4096 for tau in (tau_syn, tau_mem))
        return Constants(max(u, 1), max(v, 1))


@dataclass(frozen=True, eq=False)
class SeriesLayer:
    """Neurons with one threshold, 1.

    Attributes:
        constants: Of all of them.
        weights: ``(n, n_inputs)``.
        delays: Ticks, ``(n, n_inputs)``.
    """

    constants: Constants
    weights: FloatArray
    delays: IntArray


def traces(rasters: FloatArray, constants: Constants) -> FloatArray:
    """What spikes leave in a membrane that nothing resets, ``(..., n_ticks, n_inputs)``."""
    from scipy.signal import lfilter  # late, for it takes longer than other recipes do

    r, b = 1.0 - constants.decay_u / 4096, 1.0 - constants.decay_v / 4096
    left: FloatArray = lfilter([1.0], np.polymul([1.0, -r], [1.0, -b]), rasters, axis=-2)
    return left


def series_layers(
    first: FloatArray,
    second: FloatArray,
    choices: Sequence[Constants],
    longest: int,
    rng: np.random.Generator,
) -> list[SeriesLayer]:
    """A neuron for each pair of samples, in groups of one time constant and about one size of weights.

    Args:
        first: Spikes of one sample of each pair, 0 or 1, ``(n, n_ticks, n_inputs)``.
        second: Of the other.
        choices: Time constants to choose from.
        longest: Longest delay, ticks.
        rng: Source of chance.

    Raises:
        UsageError: The two samples of a pair have the same spikes.
    """
    made: list[list[tuple[FloatArray, IntArray]]] = [[] for _ in choices]
    for a, b in zip(first, second, strict=True):
        both = [traces(np.stack([a, b]), c) for c in choices]
        shares = [float(np.sum((x[1] - x[0]) ** 2) / max(np.sum(x**2), 1e-300)) for x in both]
        if not any(shares):
            raise UsageError("two samples of different classes have the same spikes; use a finer change")
        k = int(rng.choice(len(choices), p=np.array(shares) / sum(shares)))
        made[k].append(_neuron(both[k][0], both[k][1], longest, rng))
    groups = []
    for c, neurons in zip(choices, made, strict=True):
        neurons.sort(key=lambda neuron: float(np.abs(neuron[0]).max()))
        for k in range(SIZES):
            some = neurons[k * len(neurons) // SIZES : (k + 1) * len(neurons) // SIZES]
            if some:
                groups.append(SeriesLayer(c, *(np.stack(part) for part in zip(*some, strict=True))))
    return groups


def _neuron(
    first: FloatArray, second: FloatArray, longest: int, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Weights and delays for the traces of two samples, ``(n_ticks, n_inputs)`` each."""
    from scipy.ndimage import maximum_filter1d

    step = second - first
    reach = maximum_filter1d(np.abs(step), longest + 1, axis=0, origin=longest // 2, mode="constant")
    there = np.sum(reach**2, axis=1)
    k = int(rng.choice(there.size, p=there / there.sum()))
    recent = step[max(0, k - longest) : k + 1][::-1]
    delays = np.abs(recent).argmax(axis=0)
    inputs = np.arange(delays.size)
    weights = recent[delays, inputs]
    middle = float(weights @ (first + second)[k - delays, inputs]) / 2.0
    apart = float(weights @ weights)
    return weights * (np.sign(middle) or 1.0) / max(abs(middle), LEAST * apart), delays

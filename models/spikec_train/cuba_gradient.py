r"""Feed-forward networks of `CubaLif` neurons that spike once: loss, and its exact gradient, delays included.

What a network answers is the time of each output's spike. The loss of a sample is

.. math:: L = -\ln \frac{e^{-t_y / \xi}}{e^{-T / \xi} + \sum_k e^{-t_k / \xi}}
              + \gamma \left(e^{t_y / T} - 1\right) + \omega \sum_i (1 - V^*_i)

with the answers :math:`t_k`, the right one :math:`t_y`, and the end of the trial T, which competes with the
answers as one that is always wrong. The last sum runs over the hidden neurons that stay silent,
:math:`V^*` being the highest value of their membranes in units of the threshold. An output that stays silent
is taken to answer at :math:`T + \tau_m (1 - V^*)`. So all that is silent has an exact gradient, which raises
the highest membrane as in the tempotron (R. Guetig and H. Sompolinsky, Nat. Neurosci. 9, 420 (2006)); no
weight is bumped. Still the loss jumps where a spike comes or goes, and no gradient sees that.

All times are in units of :math:`\tau_s`. Samples run in blocks, each with its own gradient: the result does
not depend on how many threads there are. `kernels.cuba_lif` computes, and has the sources of the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.blocks import Memory, in_blocks
from spikec_train.kernel_arguments import check_labels, check_parameters, plain
from spikec_train.layers import Layers, Part

if TYPE_CHECKING:
    from spikec_train.kernels.cuba_room import Room


class Delayed(str, Enum):
    """Which delays there are, all of them trained."""

    NONE = "none"
    AXONAL = "axonal"
    SYNAPTIC = "synaptic"


@dataclass(frozen=True)
class CubaModel(Layers):
    r"""A network up to its parameters, and its loss.

    Parameters are one vector: the weights of all layers one after another, each ``(n_post, n_pre)`` row by
    row, then the delays likewise: ``(n_pre,)`` a layer if axonal, as the weights if synaptic.

    Attributes:
        sizes: Neurons of each layer, the inputs first.
        ratio: :math:`\tau_m / \tau_s`, at least 1.
        duration: T, after which no spike counts, units of :math:`\tau_s` as all times.
        delays: Which delays there are.
        temperature: :math:`\xi`, the scale on which the loss tells answers apart.
        gamma: Weight of the loss's second term.
        wake: :math:`\omega`.
        flattest: A floor under the slope with which a membrane reaches its threshold, thresholds per
            :math:`\tau_s`: the derivatives of spikes whose membrane is flatter are made that much smaller,
            for they diverge where it just touches. With 0 they are exact.
    """

    ratio: float
    duration: float
    delays: Delayed
    temperature: float
    gamma: float
    wake: float
    flattest: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (1 <= self.ratio < np.inf and 0 < self.duration < np.inf and 0 < self.temperature < np.inf):
            raise UsageError(
                f"the ratio of time constants is {self.ratio}, the duration {self.duration}, the temperature "
                f"{self.temperature}; all must be finite, the ratio at least 1 and the others positive"
            )
        if min(self.gamma, self.wake, self.flattest) < 0:
            raise UsageError(
                f"gamma is {self.gamma}, wake {self.wake} and flattest {self.flattest}; none may be negative"
            )

    @property
    def n_delays(self) -> int:
        """Number of delays."""
        if self.delays is Delayed.NONE:
            return 0
        return self.n_weights if self.delays is Delayed.SYNAPTIC else sum(self.sizes[:-1])

    @property
    def n_parameters(self) -> int:
        """Number of weights and delays."""
        return self.n_weights + self.n_delays

    def layer_weights(self, parameters: FloatArray) -> list[FloatArray]:
        """Views of each layer's weights, ``(n_post, n_pre)``."""
        return self._matrices(parameters[: self.n_weights])

    def layer_delays(self, parameters: FloatArray) -> list[FloatArray]:
        """Views of each layer's delays: ``(n_pre,)``, ``(n_post, n_pre)``, or none."""
        delays = parameters[self.n_weights :]
        if self.delays is Delayed.NONE:
            return []
        if self.delays is Delayed.SYNAPTIC:
            return self._matrices(delays)
        return np.split(delays, np.cumsum(self.sizes[:-2]))

    def parts(self, parameters: FloatArray) -> list[Part]:
        """All parameters: weights, then delays."""
        weights = [Part(w, (k + 1, k), True) for k, w in enumerate(self.layer_weights(parameters))]
        delays = enumerate(self.layer_delays(parameters))
        return weights + [Part(d, (k + 1, k) if d.ndim == 2 else (k,), False) for k, d in delays]

    def synapse_delays(self, parameters: FloatArray) -> FloatArray:
        """The delay of every synapse, in the weights' order, ``(n_weights,)``."""
        layers = self.layer_delays(parameters)
        if not layers:
            return np.zeros(self.n_weights)
        shapes = [(m, n) for n, m in pairwise(self.sizes)]
        return np.concatenate([np.broadcast_to(d, s).ravel() for d, s in zip(layers, shapes, strict=True)])

    def gather(self, gradient: FloatArray) -> FloatArray:
        """Derivatives for the parameters from those for weights and delays, ``(2, n_weights)``."""
        weights: FloatArray = gradient[0]
        delays: FloatArray = gradient[1]
        if self.delays is Delayed.NONE:
            return weights
        if self.delays is Delayed.AXONAL:
            delays = np.concatenate([layer.sum(axis=0) for layer in self._matrices(delays)])
        return np.concatenate([weights, delays])

    def _matrices(self, values: FloatArray) -> list[FloatArray]:
        parts = self.by_layer(values)
        return [p.reshape(m, n) for p, (n, m) in zip(parts, pairwise(self.sizes), strict=True)]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network did with samples.

    Attributes:
        losses: Of each sample, ``(n_samples,)``.
        times: When each output spikes, or is taken to, ``(n_samples, n_outputs)``.
        spikes: When each neuron spikes, infinite for never, ``(n_samples, n_neurons)``.
        gradient: Of the summed losses, as the parameters; None if it was not asked for.
        d_inputs: Derivative of the losses for the time of each input, ``(n_samples, n_inputs)``, or None.
    """

    losses: FloatArray
    times: FloatArray
    spikes: FloatArray
    gradient: FloatArray | None
    d_inputs: FloatArray | None

    @property
    def outputs(self) -> FloatArray:
        """When each output spikes, infinite for never, ``(n_samples, n_outputs)``."""
        return self.spikes[:, self.spikes.shape[1] - self.times.shape[1] :]

    @property
    def decided(self) -> BoolArray:
        """Whether any output spikes, ``(n_samples,)``."""
        found: BoolArray = np.isfinite(self.outputs).any(axis=1)
        return found

    def classes(self) -> IntArray:
        """The output that spikes first, -1 if none does, ``(n_samples,)``; of equals the first."""
        return np.where(self.decided, np.argmin(self.outputs, axis=1), -1)


def run(
    model: CubaModel,
    parameters: FloatArray,
    inputs: FloatArray,
    labels: IntArray,
    gradient: bool = False,
    n_threads: int = 1,
    memory: Memory[Room] | None = None,
) -> Answers:
    """Run samples, and differentiate their losses.

    Args:
        model: The network.
        parameters: Its weights and delays.
        inputs: When each input spikes, infinite for never, ``(n_samples, n_inputs)``.
        labels: The right output of each, ``(n_samples,)``.
        gradient: Whether the derivatives are wanted.
        n_threads: How many threads share the blocks; the result does not depend on it.
        memory: What an earlier call with the same network worked in, or None.

    Raises:
        UsageError: The samples do not fit the network, or the parameters are no numbers.
    """
    from spikec_train.kernels.cuba_lif import run_samples  # numba is slow to import
    from spikec_train.kernels.cuba_room import room

    _check(model, parameters, inputs, labels)
    n = labels.size
    answers = Answers(
        losses=np.zeros(n),
        times=np.zeros((n, model.sizes[-1])),
        spikes=np.zeros((n, model.n_neurons)),
        gradient=np.zeros(parameters.size) if gradient else None,
        d_inputs=np.zeros(inputs.shape) if gradient else None,
    )
    sizes = np.array(model.sizes, np.int64)
    given = (
        plain(parameters[: model.n_weights]),
        model.synapse_delays(parameters),
        sizes,
        plain(inputs),
        plain(labels, np.int64),
        1.0 / model.ratio,
        float(model.duration),
        float(model.temperature),
        float(model.gamma),
        float(model.wake),
        float(model.flattest),
    )
    kept: Memory[Room] = Memory() if memory is None else memory
    d_inputs = np.zeros((0, 0)) if answers.d_inputs is None else answers.d_inputs

    def work(k: int, first: int, last: int) -> FloatArray:
        if k not in kept.rooms:
            kept.rooms[k] = room(sizes)
        part = kept.no_gradient_yet(k, (2, model.n_weights)) if gradient else np.zeros((2, 0))
        run_samples(
            first, last, *given, answers.losses, answers.times, answers.spikes, part, d_inputs, kept.rooms[k]
        )
        return part

    parts = in_blocks(n, n_threads, work)
    if answers.gradient is not None and parts:
        total = parts[0]
        for part in parts[1:]:
            total += part
        answers.gradient[:] = model.gather(total)
    return answers


def _check(model: CubaModel, parameters: FloatArray, inputs: FloatArray, labels: IntArray) -> None:
    check_parameters(parameters, model.n_parameters)
    if parameters[model.n_weights :].min(initial=0.0) < 0:
        raise UsageError("a delay is negative; a spike cannot arrive before it left: use 0 or more")
    if inputs.ndim != 2 or inputs.shape[1] != model.sizes[0]:
        raise UsageError(f"inputs have shape {inputs.shape}; the network needs (n_samples, {model.sizes[0]})")
    check_labels(labels, inputs.shape[0], model.sizes[-1])
    if not inputs.min(initial=0.0) >= 0:  # NaN among them
        raise UsageError("an input spikes before 0 or at no time at all; give times from 0 on, or infinity")

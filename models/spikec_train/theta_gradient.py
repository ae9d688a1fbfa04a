r"""Feed-forward networks of `Theta` neurons: loss, exact gradient, pseudospikes.

What a network answers is the time of each output's first spike; an output that does not spike before the
trial ends has a *pseudospike* instead, which moves on smoothly where spikes vanish. So nothing jumps when a
spike comes or goes, and silent neurons have gradients. The loss of a sample is

.. math:: L = -\ln \frac{e^{-t_y}}{\sum_k e^{-t_k}} + \gamma \left(e^{t_y / T} - 1\right)

with the answers :math:`t_k` and the right one :math:`t_y`. All times, the neurons' phases among them, are in
one unit, the scale on which the loss tells answers apart; `theta_training` says how long it is in seconds.

Samples run in a fixed number of blocks, each with its own gradient, which are added up in order: the result
does not depend on how many threads there are. `kernels.theta` computes.

Source: C. Klos and R.-M. Memmesheimer, Smooth exact gradient descent learning in spiking neural networks,
Phys. Rev. Lett. 134, 027301 (2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from spikec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from spikec.errors import UsageError
from spikec.events import Events
from spikec_train.blocks import Memory, in_blocks
from spikec_train.kernel_arguments import check_labels, check_parameters, plain
from spikec_train.layers import Layers, Part

if TYPE_CHECKING:
    from spikec_train.kernels.theta_room import Room

MAX_EVENTS = 1 << 15
"""Most spikes of one layer in one sample; a network that needs more has exploded."""

_FIRST_CAPACITY = 256

_Given = tuple[AnyArray, AnyArray, AnyArray, AnyArray, AnyArray, AnyArray, AnyArray, AnyArray]
"""Weights to labels, as `kernels.theta.run_samples` takes them."""


@dataclass(frozen=True)
class ThetaModel(Layers):
    """A network up to its parameters, and its loss.

    Parameters are one vector: the weights of all layers one after another, each ``(n_pre, n_post)`` row by
    row, then the initial phases of all neurons.

    Attributes:
        sizes: Neurons of each layer, the inputs first.
        tau: Time constant of the neurons, units of time.
        current: :math:`I_0`, above 1/4.
        duration: T, units of time.
        gamma: Weight of the loss's second term.
    """

    tau: float
    current: float
    duration: float
    gamma: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.tau < np.inf and 0.25 < self.current < np.inf and 0 < self.duration < np.inf):
            raise UsageError(
                f"tau is {self.tau}, the current {self.current}, the duration {self.duration}; "
                "all must be finite, the times positive and the current above 1/4"
            )

    @property
    def radius(self) -> float:
        r""":math:`r = \sqrt{I_0 - 1/4}`."""
        return sqrt(self.current - 0.25)

    @property
    def period(self) -> float:
        """Time from spike to spike of an undisturbed neuron."""
        return pi * self.tau / self.radius

    @property
    def n_parameters(self) -> int:
        """Number of weights and phases."""
        return self.n_weights + self.n_neurons

    def weights(self, parameters: FloatArray) -> list[FloatArray]:
        """Views of each layer's weights, ``(n_pre, n_post)``."""
        parts = self.by_layer(parameters[: self.n_weights])
        return [p.reshape(shape) for p, shape in zip(parts, pairwise(self.sizes), strict=True)]

    def phases(self, parameters: FloatArray) -> list[FloatArray]:
        """Views of each layer's initial phases, ``(n,)``, units of time."""
        return np.split(parameters[self.n_weights :], np.cumsum(self.sizes[1:-1]))

    def parts(self, parameters: FloatArray) -> list[Part]:
        """All parameters: weights, then phases."""
        weights = [Part(w.T, (k + 1, k), True) for k, w in enumerate(self.weights(parameters))]
        return weights + [Part(p, (k + 1,), False) for k, p in enumerate(self.phases(parameters))]

    def initial(self, weight_scale: float, rng: np.random.Generator) -> FloatArray:
        """Draw weights evenly from -s to s, s = `weight_scale` / sqrt(n_pre); all phases half a period."""
        drawn = [rng.uniform(-1.0, 1.0, n * m) * (weight_scale / sqrt(n)) for n, m in pairwise(self.sizes)]
        return np.concatenate([*drawn, np.full(self.n_neurons, self.period / 2)])

    def clip(self, parameters: FloatArray) -> None:
        """Bring initial phases back into 0 to the period, in place."""
        phases = parameters[self.n_weights :]
        np.clip(phases, 0.0, self.period, out=phases)


@dataclass(frozen=True, eq=False)
class Pulses:
    """Input spikes of many samples; spikes of one moment are one pulse, for their kicks add up.

    Attributes:
        sample_starts: Where each sample's pulses begin, ``(n_samples + 1,)``.
        times: When each comes, units of time, not falling within a sample, ``(n_pulses,)``.
        starts: Where the members of each begin, ``(n_pulses + 1,)``.
        members: The inputs that spike, ``(n_spikes,)``.
        n_inputs: Number of inputs.
    """

    sample_starts: IntArray
    times: FloatArray
    starts: IntArray
    members: AnyArray
    n_inputs: int

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.sample_starts.size - 1)


def pulses_at(on: BoolArray, time: float) -> Pulses:
    """Pulses of inputs that spike all at one time, or not at all.

    Args:
        on: Which spike, ``(n_samples, n_inputs)``.
        time: When, units of time.
    """
    n, width = on.shape
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(on, axis=1))])
    members = np.flatnonzero(on) % width
    return Pulses(np.arange(n + 1), np.full(n, time), starts, members, width)


def pulses_of(events: Events, unit: float = 1.0) -> Pulses:
    """Pulses of any input spikes.

    Args:
        events: In seconds.
        unit: The unit of time, seconds.
    """
    sample, times = events.sample_of_event(), events.times
    first = np.ones(times.size, np.bool_)
    first[1:] = (np.diff(sample) != 0) | (np.diff(times) != 0)
    at = np.flatnonzero(first)
    counts = np.bincount(sample[at], minlength=events.n_samples)
    return Pulses(
        sample_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        times=times[at] / unit,
        starts=np.append(at, times.size).astype(np.int64),
        members=events.neurons.astype(np.int64),
        n_inputs=events.n_neurons,
    )


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network did with samples.

    Attributes:
        losses: Of each sample, ``(n_samples,)``.
        times: First spike or pseudospike of each output, units of time, ``(n_samples, n_outputs)``.
        spiked: Whether it was a spike.
        counts: Spikes of each neuron in all samples together, ``(n_neurons,)``.
        gradient: Of the summed losses, as the parameters; None if it was not asked for.
        d_pulses: Derivative of the losses for the time of each pulse, ``(n_pulses,)``, or None.
    """

    losses: FloatArray
    times: FloatArray
    spiked: BoolArray
    counts: IntArray
    gradient: FloatArray | None
    d_pulses: FloatArray | None

    def classes(self, pseudospikes: bool) -> IntArray:
        """The output that answers first, ``(n_samples,)``; of equals the first.

        Args:
            pseudospikes: Whether pseudospikes count; if not, the answer is -1 where no output spiked.
        """
        if pseudospikes:
            return np.argmin(self.times, axis=1)
        first = np.argmin(np.where(self.spiked, self.times, np.inf), axis=1)
        return np.where(self.spiked.any(axis=1), first, -1)


def run(
    model: ThetaModel,
    parameters: FloatArray,
    pulses: Pulses,
    labels: IntArray,
    gradient: bool = False,
    n_threads: int = 1,
    memory: Memory[Room] | None = None,
) -> Answers:
    """Run samples, and differentiate their losses.

    Args:
        model: The network.
        parameters: Its weights and phases.
        pulses: The samples.
        labels: The right output of each, ``(n_samples,)``.
        gradient: Whether the derivatives are wanted.
        n_threads: How many threads share the blocks; the result does not depend on it.
        memory: What an earlier call with the same network worked in, or None.

    Raises:
        UsageError: The samples do not fit the network, or a layer spikes more than `MAX_EVENTS` times.
    """
    _check(model, parameters, pulses, labels)
    n = pulses.n_samples
    answers = Answers(
        losses=np.zeros(n),
        times=np.zeros((n, model.sizes[-1])),
        spiked=np.zeros((n, model.sizes[-1]), np.bool_),
        counts=np.zeros(model.n_neurons, np.int64),
        gradient=np.zeros(parameters.size) if gradient else None,
        d_pulses=np.zeros(pulses.times.size) if gradient else None,
    )
    angles = parameters[model.n_weights :] * (pi / model.period)
    given: _Given = (
        plain(parameters[: model.n_weights]),
        np.stack([-np.cos(angles), np.maximum(np.sin(angles), 0.0)]),
        np.array(model.sizes, np.int64),
        plain(pulses.sample_starts, np.int64),
        plain(pulses.times),
        plain(pulses.starts, np.int64),
        plain(pulses.members, np.int64),
        plain(labels, np.int64),
    )
    kept: Memory[Room] = Memory() if memory is None else memory

    def work(k: int, first: int, last: int) -> tuple[IntArray, FloatArray]:
        return _run_block(model, given, answers, kept, k, (first, last))

    for counts, part in in_blocks(n, n_threads, work):
        answers.counts[:] += counts
        if answers.gradient is not None:
            answers.gradient[:] += part
    return answers


def _run_block(
    model: ThetaModel, given: _Given, answers: Answers, memory: Memory[Room], k: int, block: tuple[int, int]
) -> tuple[IntArray, FloatArray]:
    """Run a block, again with more memory if a sample needs it. Returns spike counts and gradient."""
    from spikec_train.kernels.theta import run_samples  # numba is slow to import
    from spikec_train.kernels.theta_room import room

    sizes = np.array(model.sizes, np.int64)
    d_pulses = np.zeros(0) if answers.d_pulses is None else answers.d_pulses
    if k not in memory.rooms:
        memory.rooms[k] = room(sizes, _FIRST_CAPACITY)
    while True:
        counts = np.zeros(model.n_neurons, np.int64)
        wanted = answers.gradient is not None
        gradient = memory.no_gradient_yet(k, (model.n_parameters,)) if wanted else np.zeros(0)
        failed = run_samples(
            *block, *given, model.tau, model.radius, model.duration, model.gamma,
            answers.losses, answers.times, answers.spiked, counts, gradient, d_pulses, memory.rooms[k],
        )  # fmt: skip
        if failed < 0:
            return counts, gradient
        capacity = 2 * memory.rooms[k].times.shape[1]
        if capacity > MAX_EVENTS:
            break
        memory.rooms[k] = room(sizes, capacity)
    raise UsageError(
        f"the network explodes: in sample {failed} a layer has more than {MAX_EVENTS} spikes; "
        "use smaller weights or a shorter trial"
    )


def _check(model: ThetaModel, parameters: FloatArray, pulses: Pulses, labels: IntArray) -> None:
    check_parameters(parameters, model.n_parameters)
    if pulses.n_inputs != model.sizes[0]:
        raise UsageError(f"the network has {model.sizes[0]} inputs, but the samples have {pulses.n_inputs}")
    check_labels(labels, pulses.n_samples, model.sizes[-1])
    times = pulses.times
    if times.size and not (0 <= times.min() and times.max() <= model.duration):
        raise UsageError(
            f"inputs spike from {times.min():g} to {times.max():g}, but a trial goes from 0 to "
            f"{model.duration:g} units of time"
        )

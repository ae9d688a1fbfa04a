r"""Recurrent networks of `QifExp` neurons that are to spike at given times: loss and exact gradient.

One trial is one run of the network from 0 to T on given input spikes. A target wants the n-th spike of a
neuron at :math:`t^*`. A neuron with fewer spikes has *pseudospikes* after T instead, which move on smoothly
where spikes vanish, so every neuron has a gradient, silent ones too. The loss is :math:`\sum f (t - t^*)^2`
with a factor f of each target.

Times are in units of the neurons' time constant; V, I and weights have no unit. `kernels.qif` computes.

Source: C. Klos and R.-M. Memmesheimer, Smooth exact gradient descent learning in spiking neural networks,
Phys. Rev. Lett. 134, 027301 (2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.kernel_arguments import check_parameters, plain

if TYPE_CHECKING:
    from spikec_train.kernels.qif_room import Room

MAX_SPIKES = 1 << 14
"""Most spikes in a trial; a network that needs more has exploded."""

LARGEST = 1e100
"""Parameters must be below this; squares of larger ones could be no number."""

_FIRST_CAPACITY = 64

_TARGET_TYPES = {
    "neurons": np.int64, "ranks": np.int64, "times": np.float64, "factors": np.float64, "one_sided": np.bool_,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class QifModel:
    """A network up to its parameters.

    Every input reaches one neuron; what reaches several is several inputs. Parameters are one vector: the
    recurrent weights, ``(n_pre, n_post)`` row by row, V and I of all neurons at time 0, the weights of the
    inputs, and the times of their spikes.

    Attributes:
        n_neurons: Number of neurons; each can reach every other one, but not itself.
        receivers: The neuron that each input reaches, ``(n_inputs,)``.
        sources: Which input each input spike is of, ``(n_arrivals,)``.
        duration: T, units of time.
        alpha: How softly currents are made positive after T.
    """

    n_neurons: int
    receivers: IntArray
    sources: IntArray
    duration: float
    alpha: float = 10.0

    def __post_init__(self) -> None:
        if self.n_neurons < 1 or not (0 < self.duration < np.inf and 0 < self.alpha < np.inf):
            raise UsageError(
                f"{self.n_neurons} neurons, a duration of {self.duration} and alpha {self.alpha} were asked "
                "for; all must be positive and finite"
            )
        for name, limit in (("receivers", self.n_neurons), ("sources", len(self.receivers))):
            found: IntArray = np.array(getattr(self, name), np.int64)
            object.__setattr__(self, name, found)
            if found.size and not (0 <= found.min() and found.max() < limit):
                raise UsageError(
                    f"{name} of the inputs run from {found.min()} to {found.max()}; allowed are 0 to "
                    f"{limit - 1}"
                )

    @property
    def n_parameters(self) -> int:
        """Length of the vector of parameters."""
        return self.n_neurons * (self.n_neurons + 2) + self.receivers.size + self.sources.size

    def split(self, parameters: AnyArray) -> Parts:
        """Views of the parts of a vector of parameters, or of one that says something of each of them."""
        n, m = self.n_neurons, self.receivers.size
        square, end = n * n, n * (n + 2)
        return Parts(
            weights=parameters[:square].reshape(n, n),
            v=parameters[square : square + n],
            current=parameters[square + n : end],
            input_weights=parameters[end : end + m],
            times=parameters[end + m :],
        )


class Parts(NamedTuple):
    """The parts of a vector of parameters, in the form in which kernels take them, too.

    Attributes:
        weights: Of the recurrent synapses, ``(n_pre, n_post)``; the diagonal is never looked at.
        v: V at time 0, ``(n_neurons,)``.
        current: I at time 0, ``(n_neurons,)``.
        input_weights: ``(n_inputs,)``.
        times: Of the input spikes in any order, from 0 to T, units of time, ``(n_arrivals,)``.
    """

    weights: FloatArray
    v: FloatArray
    current: FloatArray
    input_weights: FloatArray
    times: FloatArray


@dataclass(frozen=True, eq=False)
class Targets:
    """Spikes that are wanted.

    Attributes:
        neurons: Whose spike, ``(n_targets,)``.
        ranks: Which of its spikes, counted from 0.
        times: :math:`t^*`, units of time.
        factors: f, what a squared unit of time costs.
        one_sided: Whether only a spike before :math:`t^*` costs anything.
    """

    neurons: IntArray
    ranks: IntArray
    times: FloatArray
    factors: FloatArray
    one_sided: BoolArray

    def __post_init__(self) -> None:
        for name, dtype in _TARGET_TYPES.items():
            object.__setattr__(self, name, np.array(getattr(self, name), dtype))
            shape = getattr(self, name).shape
            if shape != (self.neurons.size,):
                raise UsageError(
                    f"{self.neurons.size} targets have {name} of shape {shape}; each needs one value"
                )
        if (
            np.any(self.ranks < 0)
            or np.any(self.neurons < 0)
            or not (np.isfinite(self.times).all() and np.isfinite(self.factors).all())
        ):
            raise UsageError(
                "targets have negative neurons or ranks, or times or factors that are not finite; mend them"
            )


@dataclass(frozen=True, eq=False)
class Trial:
    """What a network did.

    Attributes:
        loss: Of all targets together.
        answers: The spike or pseudospike of each target, units of time, ``(n_targets,)``.
        spiked: Whether it was a spike.
        spike_times: Of all spikes, in order, ``(n_spikes,)``.
        spike_neurons: Whose they are.
        gradient: Derivatives of the loss, as the parameters; None if they were not asked for.
    """

    loss: float
    answers: FloatArray
    spiked: BoolArray
    spike_times: FloatArray
    spike_neurons: IntArray
    gradient: FloatArray | None


@dataclass(eq=False)
class Memory:
    """What `run` works in, kept from step to step.

    Attributes:
        room: For one model, or None before the first step.
    """

    room: Room | None = None


def run(
    model: QifModel,
    parameters: FloatArray,
    targets: Targets,
    gradient: bool = False,
    memory: Memory | None = None,
) -> Trial:
    """Run a trial, and differentiate its loss.

    Args:
        model: The network.
        parameters: As `QifModel` says.
        targets: The spikes that are wanted.
        gradient: Whether the derivatives are wanted.
        memory: What an earlier call with the same model worked in, or None.

    Raises:
        UsageError: Parameters or targets do not fit the network, or it spikes more than `MAX_SPIKES` times.
    """
    from spikec_train.kernels.qif import run_trial  # numba is slow to import
    from spikec_train.kernels.qif_room import Arrivals, Wanted, room

    parts = _check(model, parameters, targets)
    kept = Memory() if memory is None else memory
    derivatives = np.zeros(model.n_parameters)
    answers, spiked = np.empty(targets.times.size), np.empty(targets.times.size, np.bool_)
    arrivals = Arrivals(_in_order(model, parts.times), model.sources, model.receivers)
    wanted = Wanted(
        targets.neurons, targets.ranks, targets.times, targets.factors, targets.one_sided, answers, spiked
    )
    if kept.room is None:
        kept.room = room(model.n_neurons, model.sources.size, _FIRST_CAPACITY)
    while True:
        loss, n_spikes = run_trial(
            parts, arrivals, float(model.duration), float(model.alpha), wanted,
            gradient, model.split(derivatives), kept.room,
        )  # fmt: skip
        if n_spikes >= 0:
            break
        capacity = 2 * kept.room.spikes.size
        if capacity > MAX_SPIKES:
            raise UsageError(
                f"the network explodes: it has more than {kept.room.spikes.size} spikes in one trial; use "
                "smaller weights, a lower learning rate or a shorter trial"
            )
        kept.room = room(model.n_neurons, model.sources.size, capacity)
    times, neurons = kept.room.spike_times[:n_spikes].copy(), kept.room.spikes[:n_spikes].copy()
    return Trial(loss, answers, spiked, times, neurons, derivatives if gradient else None)


def _check(model: QifModel, parameters: FloatArray, targets: Targets) -> Parts:
    check_parameters(parameters, model.n_parameters, LARGEST)
    if targets.neurons.max(initial=-1) >= model.n_neurons:
        raise UsageError(
            f"a target is for neuron {targets.neurons.max()}, but there are {model.n_neurons}, counted from 0"
        )
    return model.split(plain(parameters))


def _in_order(model: QifModel, times: FloatArray) -> IntArray:
    """The input spikes by time."""
    order = np.argsort(times, kind="stable")
    if times.size and not (0 <= times[order[0]] and times[order[-1]] <= model.duration):
        raise UsageError(
            f"inputs spike from {times.min():g} to {times.max():g}, but a trial goes from 0 to "
            f"{model.duration:g} units of time"
        )
    return order

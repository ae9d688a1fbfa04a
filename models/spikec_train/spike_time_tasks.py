"""Two tasks of spike times to learn, drawn by chance: of one neuron, and of a recurrent network.

A task is a network of `QifExp` neurons with its input spikes, the spikes that are wanted, and which of its
parameters may change. Times of a recipe are seconds and rates are hertz; in a task all times are in units of
the neurons' time constant, as in the paper.

Source: C. Klos and R.-M. Memmesheimer, Phys. Rev. Lett. 134, 027301 (2025), and the notebooks of the authors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.optimisers import Optimiser
from spikec_train.qif_gradient import QifModel, Targets

_CHECKED = ConfigDict(extra="forbid")


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learned, and from where.

    Attributes:
        model: The network.
        targets: The spikes that are wanted.
        start: Parameters before training.
        trained: Which of them may change, ``(n_trained,)``.
    """

    model: QifModel
    targets: Targets
    start: FloatArray
    trained: IntArray


@checked_dataclass(frozen=True, config=_CHECKED)
class _SpikeTimes:
    r"""What both have.

    Attributes:
        optimiser: How a step follows from a gradient.
        epochs: After each there is a checkpoint.
        steps: Of an epoch; each shows the one trial.
        tau: Time constant of the neurons, seconds.
        duration: T, the length of the trial, seconds.
        alpha: :math:`\alpha` of the pseudospikes.
    """

    optimiser: Annotated[Optimiser, Field(discriminator="method")]
    epochs: int
    steps: int
    tau: float = 0.01
    duration: float = 0.1
    alpha: float = 10.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.steps < 1:
            raise UsageError(
                f"{self.epochs} epochs of {self.steps} steps were asked for; both must be 1 or more"
            )
        if not all(0 < x < np.inf for x in (self.tau, self.duration, self.alpha)):
            raise UsageError(
                f"tau is {self.tau}, the duration {self.duration}, alpha {self.alpha}; all must be positive "
                "and finite"
            )

    def task(self, rng: np.random.Generator) -> Task:
        """Draw a task."""
        raise NotImplementedError


@checked_dataclass(frozen=True, config=_CHECKED)
class ExactQifNeuron(_SpikeTimes):
    """One neuron learns when to spike, by the times and weights of a few of its input spikes.

    The loss is the mean square of the distances to the targets, in units of `tau`.

    Attributes:
        method: What a recipe calls this.
        targets: When it is to spike, seconds.
        fixed_inputs: How many inputs do not change; each spikes once, evenly anywhere in the trial.
        weight_spread: Standard deviation of their weights.
        trained_times: When the others spike before training, seconds; their weights begin at 0.
    """

    method: Literal["exact-qif-neuron"] = "exact-qif-neuron"
    targets: tuple[float, ...] = (0.025, 0.075)
    fixed_inputs: int = 20
    weight_spread: float = 1.0
    trained_times: tuple[float, ...] = (0.01, 0.09)

    def __post_init__(self) -> None:
        super().__post_init__()
        times = (*self.targets, *self.trained_times)
        if not self.targets or not all(0 <= t <= self.duration for t in times):
            raise UsageError(
                f"targets {self.targets} and trained_times {self.trained_times} are needed within the "
                f"duration, {self.duration} s, and one target at least"
            )
        if self.fixed_inputs < 0 or not 0 <= self.weight_spread < np.inf:
            raise UsageError(
                f"fixed_inputs is {self.fixed_inputs} and weight_spread {self.weight_spread}; neither may be "
                "negative or infinite"
            )

    def task(self, rng: np.random.Generator) -> Task:
        """Draw times and weights of the fixed inputs."""
        n, duration = self.fixed_inputs, self.duration / self.tau
        n_trained = len(self.trained_times)
        model = QifModel(1, np.zeros(n + n_trained, np.int64), np.arange(n + n_trained), duration, self.alpha)
        start = np.zeros(model.n_parameters)
        parts = model.split(start)
        parts.times[:n] = rng.uniform(0.0, duration, n)
        parts.times[n:] = np.array(self.trained_times) / self.tau
        parts.input_weights[:n] = self.weight_spread * rng.standard_normal(n)
        index = model.split(np.arange(model.n_parameters))
        trained = np.concatenate([index.input_weights[n:], index.times[n:]])
        wanted = np.sort(self.targets) / self.tau
        k = wanted.size
        targets = Targets(
            np.zeros(k, np.int64), np.arange(k), wanted, np.full(k, 1 / k), np.zeros(k, np.bool_)
        )
        return Task(model, targets, start, trained)


@checked_dataclass(frozen=True, config=_CHECKED)
class ExactQifRnn(_SpikeTimes):
    r"""Some neurons of a recurrent network learn when to spike, by all its weights and its initial state.

    Every neuron reaches every other one, at first with weight 0, and has an excitatory and an inhibitory
    input that spike by chance. The loss is the mean of :math:`((t - t^*) / (t^* + \text{offset}))^2` over the
    targets; a spike of a target neuron beyond its last target costs as much if it comes before `quiet` times
    T.

    Attributes:
        method: What a recipe calls this.
        neurons: Number of neurons.
        target_rates: The first neurons are to spike as often as this after `refractory`, hertz.
        refractory: Least time between two targets of a neuron, seconds.
        input_rate: Of each input, hertz.
        input_weight: Of the excitatory inputs; the inhibitory ones have its negative.
        offset: Of the loss, seconds.
        quiet: Until when target neurons are to have no further spike, in units of T.
    """

    method: Literal["exact-qif-rnn"] = "exact-qif-rnn"
    neurons: int = 10
    target_rates: tuple[float, ...] = (100.0, 50.0)
    refractory: float = 0.01
    input_rate: float = 100.0
    input_weight: float = 5.0
    offset: float = 0.02
    quiet: float = 1.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.target_rates) <= self.neurons:
            raise UsageError(
                f"{len(self.target_rates)} of {self.neurons} neurons have a target rate; one at least "
                "must, and no more than there are"
            )
        rates = (*self.target_rates, self.input_rate, self.offset, self.quiet)
        if not (all(0 < x < np.inf for x in rates) and 0 <= self.refractory < np.inf):
            raise UsageError(
                f"target_rates {self.target_rates}, input_rate {self.input_rate}, offset {self.offset} and "
                f"quiet {self.quiet} must be positive and finite, refractory {self.refractory} not negative"
            )
        if not np.isfinite(self.input_weight):
            raise UsageError(f"input_weight is {self.input_weight}; give a finite number")

    def task(self, rng: np.random.Generator) -> Task:
        """Draw input spikes and targets."""
        n, duration = self.neurons, self.duration / self.tau
        spikes = [_poisson(self.input_rate * self.tau, duration, rng) for _ in range(2 * n)]
        sources = np.repeat(np.arange(2 * n), [s.size for s in spikes])
        model = QifModel(n, np.arange(2 * n) % n, sources, duration, self.alpha)
        start = np.zeros(model.n_parameters)
        parts = model.split(start)
        parts.times[:] = np.concatenate(spikes)
        parts.input_weights[:] = self.input_weight * np.repeat([1.0, -1.0], n)
        index = model.split(np.arange(model.n_parameters))
        others = index.weights[~np.eye(n, dtype=np.bool_)]
        return Task(model, self._targets(rng), start, np.concatenate([others, index.v, index.current]))

    def _targets(self, rng: np.random.Generator) -> Targets:
        """Draw targets; each neuron gets one more, which is one-sided."""
        duration, quiet = self.duration / self.tau, self.quiet * self.duration / self.tau
        refractory = self.refractory / self.tau
        wanted = [_poisson(r * self.tau, duration, rng, refractory) for r in self.target_rates]
        times = np.concatenate([np.append(w, quiet) for w in wanted])
        ranks = np.concatenate([np.arange(w.size + 1) for w in wanted])
        neurons = np.repeat(np.arange(len(wanted)), [w.size + 1 for w in wanted])
        last = np.append(neurons[1:] != neurons[:-1], True)
        n_wanted = max(int(np.count_nonzero(~last)), 1)
        factors = 1 / ((times + self.offset / self.tau) ** 2 * n_wanted)
        return Targets(neurons, ranks, times, factors, last)


def _poisson(rate: float, duration: float, rng: np.random.Generator, refractory: float = 0.0) -> FloatArray:
    """Times of a Poisson process up to `duration`; after each one it rests."""
    times: list[float] = []
    t = rng.exponential(1 / rate)
    while t <= duration:
        times.append(t)
        t += refractory + rng.exponential(1 / rate)
    return np.array(times)

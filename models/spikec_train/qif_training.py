"""Recipes of `QifExp` networks that are to spike at given times: a task becomes a `Network` in seconds.

There are no samples and labels: the input spikes are part of the task, are drawn with it from the seed, and
go with the network. Training shows the one trial again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.events import Events, from_rows
from spikec.ir.connectivity import sparse
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import QifExp, Source
from spikec_train.exact_gradient import Problem, Trained, problem_key, train
from spikec_train.qif_gradient import Memory, run
from spikec_train.spike_time_tasks import ExactQifNeuron, ExactQifRnn, Task

INPUTS, END, NEURONS = "inputs", "end", "neurons"

MATCHED = 0.1
"""Units of tau, 1 ms in the published recipes: a target is matched by a spike that is nearer than this."""

ExactQif = ExactQifNeuron | ExactQifRnn


@dataclass(frozen=True, eq=False)
class SpikeTimeProblem(Problem):
    """A task, as `exact_gradient.Problem` wants it.

    Attributes:
        options: The recipe.
        task: Drawn for it.
        memory: What all steps work in.
    """

    options: ExactQif
    task: Task
    memory: Memory = field(default_factory=Memory)

    @property
    def n_samples(self) -> int:
        """How often an epoch shows the one trial."""
        return self.options.steps

    def key(self) -> str:
        """A digest of options, but for the number of epochs, and task."""
        return problem_key(self.options, start=self.task.start, targets=self.task.targets.times)

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Those parameters that may change; nothing is drawn."""
        return self.task.start[self.task.trained]

    def gradient(
        self, parameters: FloatArray, samples: IntArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """The trial's loss, and its gradient."""
        everything = self.everything(parameters)
        found = run(self.task.model, everything, self.task.targets, True, self.memory)
        assert found.gradient is not None
        return found.loss, found.gradient[self.task.trained]

    def clip(self, parameters: FloatArray) -> None:
        """Bring input spikes back into the trial."""
        everything = self.everything(parameters)
        times = self.task.model.split(everything).times
        np.clip(times, 0.0, self.task.model.duration, out=times)
        parameters[:] = everything[self.task.trained]

    def everything(self, parameters: FloatArray) -> FloatArray:
        """All parameters of the network."""
        found = self.task.start.copy()
        found[self.task.trained] = parameters
        return found


@dataclass(frozen=True, eq=False)
class TrainedQif:
    """A trained network, its input, and how its training went.

    Attributes:
        network: In the continuous dialect.
        inputs: The trial's input spikes, seconds, by population.
        options: How it was made.
        task: What it was to learn.
        parameters: All parameters of the network.
        training: Those that were trained, and losses.
    """

    network: Network
    inputs: Mapping[str, Events]
    options: ExactQif
    task: Task
    parameters: FloatArray
    training: Trained

    def figures(self) -> dict[str, float]:
        """What the network does in the trial; times in seconds."""
        targets = self.task.targets
        found = run(self.task.model, self.parameters, targets)
        wanted = ~targets.one_sided
        errors = np.abs(found.answers - targets.times)[wanted]
        matched = found.spiked[wanted] & (errors < MATCHED)
        is_target = np.isin(found.spike_neurons, targets.neurons)
        return {
            "loss": found.loss,
            "targets": errors.size,
            "targets_matched": int(np.count_nonzero(matched)),
            "largest_error": float(errors.max(initial=0.0)) * self.options.tau,
            "mean_error": float(errors.mean()) * self.options.tau if errors.size else 0.0,
            "surplus_spikes": int(np.count_nonzero(is_target)) - int(np.count_nonzero(found.spiked[wanted])),
            "spikes": found.spike_times.size,
        }


def train_qif(
    options: ExactQif,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[str], Any] | None = None,
) -> TrainedQif:
    """Draw a task and train a network for it.

    Args:
        options: How.
        seed: Of the task.
        checkpoint: A file to go on from, and to write after every epoch.
        progress: Is called with a sentence after every epoch.

    Raises:
        UsageError: The checkpoint is of another training, or the training diverged.
    """
    task = options.task(np.random.default_rng(seed))
    problem = SpikeTimeProblem(options, task)
    done = train(problem, options.optimiser, options.epochs, 1, seed, checkpoint, progress)
    parameters = problem.everything(done.parameters)
    network = qif_network(task, options.tau, parameters)
    return TrainedQif(network, input_spikes(task, options.tau, parameters), options, task, parameters, done)


def qif_network(task: Task, tau: float, parameters: FloatArray) -> Network:
    """The network of some parameters, in seconds.

    The source `END` reaches nothing: its spike says in the input when the trial ends.
    """
    model, parts = task.model, task.model.split(parameters)
    n, m = model.n_neurons, model.receivers.size
    populations = [
        Population(INPUTS, Source(), (m,)),
        Population(END, Source(one_spike=True), (1,)),
        Population(NEURONS, QifExp(tau, parts.v, parts.current), (n,)),
    ]
    projections = [
        Projection(
            f"{INPUTS}-{NEURONS}",
            INPUTS,
            NEURONS,
            sparse(m, n, np.arange(m), model.receivers, parts.input_weights),
        )
    ]
    if n > 1:
        pre, post = np.nonzero(~np.eye(n, dtype=np.bool_))
        recurrent = sparse(n, n, pre, post, parts.weights[pre, post])
        projections.append(Projection(f"{NEURONS}-{NEURONS}", NEURONS, NEURONS, recurrent))
    return Network(tuple(populations), tuple(projections), (INPUTS, END), (NEURONS,), Continuous())


def input_spikes(task: Task, tau: float, parameters: FloatArray) -> dict[str, Events]:
    """The spikes of all inputs in the trial, in seconds."""
    model, times = task.model, task.model.split(parameters).times
    m = model.receivers.size
    return {
        INPUTS: from_rows(np.zeros(times.size), times * tau, model.sources, n_samples=1, n_neurons=m),
        END: from_rows([0], [model.duration * tau], [0], n_samples=1, n_neurons=1),
    }

"""Benchmark F: training, samples of MNIST's network a second and steps of a recurrent task.

`theta` are 784-100-100-10 theta neurons as in the recipe mnist-theta; 1000 generated images with 100 of 784
pixels on. Random weights, whose means make the neurons of each hidden layer spike 0.42 times a sample as in
the trained network. `rnn` is loss and gradient in a task of the recipe rnn-spike-times after 1000 steps: ten
`QifExp` neurons, 222 input spikes, 31 of their own. An answer is right if some derivatives are those of
central differences; on two threads, too, if it is that of one to the bit.

    python bench/train.py --only F:theta
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from harness import Case, Work, main, per_second

from spikec_train.blocks import Memory
from spikec_train.qif_gradient import run as run_trial
from spikec_train.qif_training import SpikeTimeProblem, train_qif
from spikec_train.recipes import load_recipe
from spikec_train.theta_gradient import Answers, Pulses, ThetaModel, pulses_at, run

PIXELS_ON = 100
SPIKES = 0.42
STEPS = 200
RNN_SEED = 29  # 222 input spikes; the authors' program drew 218

NEAR = 1e-6
"""How far derivatives may be from central differences, in units of the largest one."""


def theta(threads: int, gradient: bool) -> Callable[[bool], Work]:
    """Loss and gradient of the layers, or what they answer alone."""

    def prepare(quick: bool) -> Work:
        rng, n = np.random.default_rng(0), 200 if quick else 1000
        training = load_recipe("mnist-theta").training
        model = training.model(784, 10)
        on = rng.permuted(np.arange(784) < PIXELS_ON * np.ones((n, 1)), axis=1)
        pulses = pulses_at(on, training.input_time / training.unit)
        labels = rng.integers(0, 10, n)
        parameters = spiking_parameters(model, pulses, labels, rng)
        memory = Memory()

        def answers() -> Answers:
            return run(model, parameters, pulses, labels, gradient, threads, memory)

        one = run(model, parameters, pulses, labels, True, 1)
        error = gradient_error(model, parameters, pulses, labels, one)
        hidden = one.counts[: model.n_hidden].reshape(2, -1).mean(axis=1) / n

        def check(found: Answers) -> Mapping[str, Any]:
            same = np.array_equal(found.losses, one.losses)
            if gradient:
                assert found.gradient is not None
                same &= np.array_equal(found.gradient, one.gradient)
            return {"answer_ok": bool(same) and error < NEAR, "gradient_error": error}

        facts = {"samples": n, "spikes_per_hidden_neuron": hidden.tolist()}
        return Work(answers, check, {"samples/s": per_second(n)}, facts=facts)

    return prepare


def recurrent(quick: bool) -> Work:
    """Steps of the recurrent task."""
    made = train_qif(replace(load_recipe("rnn-spike-times").training, epochs=10), RNN_SEED)
    problem, at, one = SpikeTimeProblem(made.options, made.task), made.training.parameters, np.zeros(1, int)
    rng, steps = np.random.default_rng(0), STEPS // 10 if quick else STEPS

    def run_steps() -> np.ndarray:
        for _ in range(steps):
            _, gradient = problem.gradient(at, one, rng)
        return gradient

    def check(gradient: np.ndarray) -> Mapping[str, Any]:
        errors = []
        for i in np.linspace(0, at.size - 1, 12).astype(int):
            step = 1e-6 * (np.arange(at.size) == i)
            losses = [problem.gradient(at + d, one, rng)[0] for d in (step, -step)]
            errors.append(abs((losses[0] - losses[1]) / 2e-6 - gradient[i]))
        error = float(max(errors) / np.abs(gradient).max())
        return {"answer_ok": error < NEAR, "gradient_error": error}

    facts = {
        "input_spikes": made.task.model.sources.size,
        "spikes": run_trial(made.task.model, made.parameters, made.task.targets).spike_times.size,
    }
    return Work(run_steps, check, {"steps/s": per_second(steps)}, facts=facts)


def spiking_parameters(
    model: ThetaModel, pulses: Pulses, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Random weights as large as trained ones, each hidden layer's mean set for the wanted activity."""
    parameters = model.initial(1.0, rng)
    layers = model.weights(parameters)
    for weights, size in zip(layers, (6.0, 5.0, 5.0), strict=True):
        weights *= size
    first = 0
    for weights, n in zip(layers[:-1], model.sizes[1:-1], strict=True):
        spread = weights.copy()
        low, high = -0.5, 0.5
        for _ in range(20):
            middle = (low + high) / 2
            weights[:] = spread + middle
            counts = run(model, parameters, pulses, labels).counts[first : first + n]
            low, high = (middle, high) if counts.mean() / pulses.n_samples < SPIKES else (low, middle)
        first += n
    return parameters


def gradient_error(
    model: ThetaModel, parameters: np.ndarray, pulses: Pulses, labels: np.ndarray, found: Answers
) -> float:
    """Largest difference to central differences over 12 parameters, in units of the largest derivative."""
    chosen = np.linspace(0, parameters.size - 1, 12).astype(int)
    assert found.gradient is not None
    errors = []
    for i in chosen:
        losses = []
        for step in (1e-5, -1e-5):
            moved = parameters.copy()
            moved[i] += step
            losses.append(run(model, moved, pulses, labels).losses)
        errors.append(abs((losses[0] - losses[1]).sum() / 2e-5 - found.gradient[i]))
    return float(max(errors) / np.abs(found.gradient).max())


CASES = [
    *(Case("F", "theta 784-100-100-10 gradient", theta(threads, True), threads) for threads in (1, 2)),
    Case("F", "theta 784-100-100-10 forward", theta(1, False)),
    Case("F", "rnn of 10 QifExp", recurrent),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

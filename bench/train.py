"""Training: CPU time of loss and gradient, for a sample of MNIST and for a step of the recurrent task.

784-100-100-10 theta neurons as in the recipe mnist-theta; 1000 generated images with 100 of 784 pixels on.
Random weights, whose means make the neurons of each hidden layer spike 0.42 times a sample as in the trained
network. `us_per_sample` is the median of CPU time, all threads together, for that depends less on what else
the machine does; `speedup` is how much less time passes on two threads, best run against best run, and needs
two idle cores. Checks its own answer: some derivatives against central differences, one thread against two to
the bit.

`ms_per_step.rnn` is CPU milliseconds of loss and gradient, on one thread, in a task of the recipe
rnn-spike-times after 1000 steps: ten `QifExp` neurons, 222 input spikes, 31 of their own. Checked as above.

    python bench/train.py --json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter, process_time

import numpy as np

from spikec_train.blocks import Memory
from spikec_train.qif_gradient import run as run_trial
from spikec_train.qif_training import SpikeTimeProblem, train_qif
from spikec_train.recipes import load_recipe
from spikec_train.theta_gradient import Answers, Pulses, ThetaModel, pulses_at, run

N_SAMPLES = 1000
PIXELS_ON = 100
SPIKES = 0.42
STEPS = 200
RNN_SEED = 29  # 222 input spikes; the authors' program drew 218


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else, as always")
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    training = load_recipe("mnist-theta").training
    model = training.model(784, 10)
    on = rng.permuted(np.arange(784) < PIXELS_ON * np.ones((N_SAMPLES, 1)), axis=1)
    pulses = pulses_at(on, training.input_time / training.unit)
    labels = rng.integers(0, 10, N_SAMPLES)
    parameters = spiking_parameters(model, pulses, labels, rng)

    memory = Memory()

    def gradient(n_threads: int) -> Answers:
        return run(model, parameters, pulses, labels, True, n_threads, memory)

    one, two = gradient(1), gradient(2)
    cpu_one, wall_one = timed(lambda: gradient(1), args.repeats)
    cpu_two, wall_two = timed(lambda: gradient(2), args.repeats)
    cpu_forward, _ = timed(lambda: run(model, parameters, pulses, labels, memory=memory), args.repeats)
    hidden = one.counts[: model.n_hidden].reshape(2, -1).mean(axis=1) / N_SAMPLES
    rnn_step, rnn = recurrent_step(args.repeats)
    figures = {
        "benchmark": "train",
        "ms_per_step": {"rnn": rnn_step},
        "rnn": rnn,
        "us_per_sample": {"one_thread": cpu_one, "two_threads": cpu_two},
        "speedup": wall_one / wall_two,
        "forward_us_per_sample": cpu_forward,
        "spikes_per_hidden_neuron": hidden.tolist(),
        "samples": N_SAMPLES,
        "repeats": args.repeats,
        "gradient_error": gradient_error(model, parameters, pulses, labels, one),
        "threads_agree": bool(np.array_equal(one.gradient, two.gradient)),
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(figures))


def timed(work: Callable[[], Answers], repeats: int) -> tuple[float, float]:
    """Median CPU time and shortest wall time, microseconds a sample."""
    cpu, wall = [], []
    for _ in range(repeats):
        began_cpu, began = process_time(), perf_counter()
        work()
        cpu.append(process_time() - began_cpu)
        wall.append(perf_counter() - began)
    return statistics.median(cpu) / N_SAMPLES * 1e6, min(wall) / N_SAMPLES * 1e6


def recurrent_step(repeats: int) -> tuple[float, dict[str, float]]:
    """Median CPU time of a step of the recurrent task, milliseconds, and what happens in it."""
    made = train_qif(replace(load_recipe("rnn-spike-times").training, epochs=10), RNN_SEED)
    problem, at, one = SpikeTimeProblem(made.options, made.task), made.training.parameters, np.zeros(1, int)
    rng = np.random.default_rng(0)
    _, gradient = problem.gradient(at, one, rng)
    cpu = []
    for _ in range(repeats):
        began = process_time()
        for _ in range(STEPS):
            problem.gradient(at, one, rng)
        cpu.append((process_time() - began) / STEPS)
    errors = []
    for i in np.linspace(0, at.size - 1, 12).astype(int):
        step = 1e-6 * (np.arange(at.size) == i)
        losses = [problem.gradient(at + d, one, rng)[0] for d in (step, -step)]
        errors.append(abs((losses[0] - losses[1]) / 2e-6 - gradient[i]))
    happens = {
        "input_spikes": made.task.model.sources.size,
        "spikes": run_trial(made.task.model, made.parameters, made.task.targets).spike_times.size,
        "gradient_error": float(max(errors) / np.abs(gradient).max()),
    }
    return statistics.median(cpu) * 1e3, happens


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


if __name__ == "__main__":
    main()

"""Easy samples first, and networks that grow: what training costs to an accuracy, with and without.

Recipes with exact gradients are trained as `spikec train` does, in fewer epochs, over which the learning rate
falls as far as over the recipe's:

* `plain`: the recipe;
* `easy first`, `hard first`: `--curriculum`, and turned round; `a third, easy first`: the order is kept for
  that part of the epochs;
* `growing`: `--grow` from a quarter of the hidden neurons, the others sampled where the error is; `growing,
  drawn`: they are drawn as first ones are;
* `both`: a third easy first, and growing.

Digits are also trained from larger first weights: those of the recipe are too small for so few epochs.

Test samples are asked after every epoch. Time is `process_time` on one thread, what says which samples are
easy and where new neurons enter included, testing not. A synaptic event is a spike at a synapse, counted
forward and once more going back. `goals` says what a training cost until its answers first were as accurate
as that: a seed that never was counts with all it spent, and `reached` says how many were. `less_plain` are
differences seed by seed. All come with the standard error of their mean.

    python bench/growing.py --json --picture docs/growing.png
    python bench/growing.py --tasks yinyang-ttfs --ways plain "easy first" growing --seeds 6 --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikec_train.datasets import Dataset, load_dataset
from spikec_train.exact_gradient import begun, next_epoch
from spikec_train.first_spike import AnyLayers, ExactLayers, FirstSpikeProblem
from spikec_train.growing import Growth, growing
from spikec_train.orders import Curriculum, schedule
from spikec_train.recipes import load_recipe


@dataclass(frozen=True)
class Task:
    """What is trained.

    Attributes:
        recipe: Its recipe.
        goals: The accuracies that are asked for.
        seeds: How many, unless another number is asked for.
        changes: Options that differ from the recipe's.
    """

    recipe: str
    goals: tuple[float, float]
    seeds: int = 10
    changes: dict[str, float] = field(default_factory=dict)


LARGER = {"weight_scale": 4.0}
"""Of 0.5 (the recipe's), 1, 2, 4 and 8 what `plain` does best with, on a fifth of the training samples."""

TASKS = {
    "digits-theta": Task("digits-theta", (0.85, 0.90)),
    "digits-theta, larger weights": Task("digits-theta", (0.85, 0.90), changes=LARGER),
    "yinyang-theta": Task("yinyang-theta", (0.95, 0.97), seeds=20),
    "yinyang-ttfs": Task("yinyang-ttfs", (0.90, 0.93)),
}

PLAIN = "plain"
COLOURS = {PLAIN: "0.35", "easy first": "#2171b5", "a third, easy first": "#6baed6", "hard first": "#e6550d",
           "growing": "#238b45", "growing, drawn": "#a1d99b", "both": "#6a51a3"}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A state of a training: what it cost so far, and what it is worth."""

    seconds: float
    events: float
    accuracy: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS)[:3], choices=list(TASKS))
    parser.add_argument("--ways", nargs="+", default=list(COLOURS), choices=list(COLOURS))
    parser.add_argument("--seeds", type=int, help="another number of seeds")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object with mean curves, too")
    a = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for task in a.tasks:
        rows += of_task(task, a.ways, range(a.seeds or TASKS[task].seeds), a.epochs)
    if a.picture:
        draw(rows, a.picture)
    if a.json:
        print(json.dumps({"bench": "growing", "epochs": a.epochs, "rows": rows}))
        return
    for row in rows:
        print(json.dumps({k: v for k, v in row.items() if k != "curve"}))


def of_task(name: str, ways: Sequence[str], seeds: Sequence[int], epochs: int) -> list[dict[str, Any]]:
    """A row for each way of training."""
    task = TASKS[name]
    recipe = load_recipe(task.recipe)
    options = recipe.training
    assert isinstance(options, ExactLayers)
    slower = replace(options.optimiser, decay_steps=options.optimiser.decay_steps * epochs / options.epochs)
    options = replace(options, epochs=epochs, optimiser=slower, **task.changes)
    data, test = load_dataset(f"{recipe.data}:train"), load_dataset(f"{recipe.data}:test")
    trained(replace(options, epochs=2), data.first(options.batch), test.first(10), "both", 0)  # compiles
    curves = {way: [trained(options, data, test, way, seed) for seed in seeds] for way in ways}
    plain = np.array([c[-1].accuracy for c in curves.get(PLAIN, curves[ways[0]])])
    return [
        {
            "task": name, "way": way, "seeds": len(seeds),
            "accuracy": with_error([c[-1].accuracy for c in found]),
            "less_plain": with_error(np.array([c[-1].accuracy for c in found]) - plain),
            "seconds": with_error([c[-1].seconds for c in found]),
            "events": with_error([c[-1].events for c in found]),
            "goals": [goal(found, accuracy) for accuracy in task.goals],
            "curve": np.mean([[[p.seconds, p.events, p.accuracy] for p in c] for c in found], 0).tolist(),
        }
        for way, found in curves.items()
    ]  # fmt: skip


def trained(options: AnyLayers, data: Dataset, test: Dataset, way: str, seed: int) -> list[Point]:
    """One training, a point an epoch."""
    third = Curriculum(share=1 / 3)
    curriculum = {
        "easy first": Curriculum(), "hard first": Curriculum(first="hard"), "a third, easy first": third,
        "both": third,
    }.get(way)  # fmt: skip
    quarter = options.hidden[0] // 4
    growth = {
        "growing": Growth(quarter), "growing, drawn": Growth(quarter, enter="drawn"), "both": Growth(quarter)
    }.get(way)  # fmt: skip
    seconds = events = 0.0
    plan = None
    if curriculum is not None:
        plan = schedule(data, curriculum, options.epochs, seed)
        seconds += plan.seconds
        # at most: every neuron of the sampled network gets all inputs and the clock, and spikes
        events += data.n_samples * curriculum.judges * (data.samples.shape[1] + 1 + data.n_classes)
    model = options.model(data.samples.shape[1], data.n_classes)
    whole = FirstSpikeProblem(options, model, options.given(data), data.labels, 1, plan)
    grown = None if growth is None else growing(whole, growth)
    problem = grown or whole
    given = options.given(test)
    in_spikes = np.count_nonzero(whole.given if given.dtype == np.bool_ else np.isfinite(whole.given))
    rng = np.random.default_rng(seed)
    state, points, width, a_neuron = begun(problem, rng), [], 0, 0.0
    for _ in range(options.epochs):
        state = next_epoch(problem, options.optimiser, options.batch, state, rng)
        stage = whole if grown is None else grown.stage(state.parameters)
        found = stage.options.run(stage.model, state.parameters, given, test.labels, False, 1)
        figures = stage.options.figures(stage.model, found, test.labels)
        if width not in (0, stage.model.sizes[1]):
            events += width * a_neuron  # the samples that were run to see where the error is
        width = stage.model.sizes[1]
        a_neuron = in_spikes + data.n_samples * figures["spikes_per_hidden_neuron"] * data.n_classes
        events += 2 * width * a_neuron
        points.append(Point(seconds + state.seconds, events, figures["accuracy"]))
    return points


def goal(curves: Sequence[Sequence[Point]], accuracy: float) -> dict[str, Any]:
    """What it cost until an accuracy was reached."""
    there = [next((p for p in c if p.accuracy >= accuracy), None) for c in curves]
    spent = [c[-1] if p is None else p for p, c in zip(there, curves, strict=True)]
    return {
        "accuracy": accuracy,
        "reached": sum(p is not None for p in there),
        "seconds": with_error([p.seconds for p in spent]),
        "events": with_error([p.events for p in spent]),
    }


def with_error(values: Sequence[float]) -> list[float]:
    """The mean and its standard error."""
    return [float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))]


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Error against synaptic events, a picture a task."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    tasks = list(dict.fromkeys(r["task"] for r in rows))
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(4.8 * len(tasks), 3.6), layout="constrained", squeeze=False
    )
    for task, place in zip(tasks, axes[0], strict=True):
        for row in (r for r in rows if r["task"] == task):
            _, events, accuracy = np.array(row["curve"]).T
            place.loglog(events, 100 * (1 - accuracy), color=COLOURS[row["way"]], label=row["way"], lw=1.5)
        place.set_title(task, fontsize=10)
        place.set(xlabel="synaptic events of training", ylabel="wrong on test samples, %")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()

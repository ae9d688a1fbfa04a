"""What training costs: accuracy against processor time, and against synaptic events, four ways.

* `sampled`: `spikec_train.sampling` with ever more hidden neurons; a point a width;
* `gradient`: the same ramp neurons by Adam along exact spike times (`ramp_training`) from drawn weights, a
  point an epoch, event-exact on test samples;
* `gradient after sampling`: the same from the sampled network, whose cost is counted in;
* `mlp`: scikit-learn's MLPClassifier of the same width, a point an epoch.

Methods with a learning rate are run with each of --rates; the one that is first at the sampled network's
accuracy counts, or else the most accurate. Points are means over seeds. Time is `process_time` on one thread
of what trains, without loading, compiling and testing. A synaptic event is a spike at a synapse: forward
passes over the training samples, and as many again going back along them; an MLP has none.

`ratio` is the time, or events, that a method needs to be as accurate as the sampled network of the full
width, over what that took: null if it never was. `as_gradient` are the seconds and events until a method is
as accurate as `gradient` is at its end.

    python bench/training_cost.py --picture docs/training_cost.png --json
    SPIKEC_DATA=DIR python bench/training_cost.py --tasks mnist --seeds 1 --epochs 10 --json
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from spikec_train.datasets import Dataset, load_dataset
from spikec_train.optimisers import Adam, descend, no_moments
from spikec_train.ramp_layer import compile_ramps
from spikec_train.ramp_training import RampProblem, ramp_problem
from spikec_train.recipes import load_recipe
from spikec_train.sampling import SampledNetwork, SampledRamp, sampled_network

TASKS = {"yinyang": 200, "digits": 60, "mnist": 10}
"""Epochs of each; the MLP has `MLP_TIMES` as many."""

MLP_TIMES = 4

BATCH = 100
GRADIENT, AFTER = "gradient", "gradient after sampling"
COLOURS = {"sampled": "#d94801", GRADIENT: "#2171b5", AFTER: "#6a51a3", "mlp": "0.45"}


@dataclass(frozen=True)
class Point:
    """A state of a training: what it cost so far, and what it is worth."""

    seconds: float
    events: float | None
    accuracy: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["yinyang", "digits"], choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="another number of epochs")
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 1e-2])
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object with all points, too")
    a = parser.parse_args()
    compile_ramps()
    rows: list[dict[str, Any]] = []
    for task in a.tasks:
        epochs = a.epochs or (5 if a.quick else TASKS[task])
        rows += of_task(task, range(1 if a.quick else a.seeds), epochs, a.rates)
    if a.picture:
        draw(rows, a.picture)
    if a.json:
        print(json.dumps({"bench": "training_cost", "rows": rows}))
        return
    for row in rows:
        print(json.dumps({k: v for k, v in row.items() if k != "points"}))


def of_task(task: str, seeds: Sequence[int], epochs: int, rates: Sequence[float]) -> list[dict[str, Any]]:
    """A row for each method."""
    data, test = load_dataset(f"{task}:train"), load_dataset(f"{task}:test")
    options = load_recipe(f"{task}-sampled").training
    assert isinstance(options, SampledRamp)
    (width,) = options.layers
    widths = sorted({max(width // 2**k, 1) for k in range(6)})
    swept = [[sampled(data, test, options, w, seed) for w in widths] for seed in seeds]
    starts = [of_seed[-1] for of_seed in swept]
    curves = {"sampled": mean([[point for _, point in of_seed] for of_seed in swept])}
    goal = curves["sampled"][-1]
    tried: dict[str, list[list[Point]]] = {GRADIENT: [], AFTER: [], "mlp": []}
    for rate in rates:
        drawn = ramp_problem(data, width)
        tried[GRADIENT].append(mean([descent(drawn, test, rate, epochs, s) for s in seeds]))
        after = zip(starts, seeds, strict=True)
        tried[AFTER].append(
            mean([descent(ramp_problem(data, width, n), test, rate, epochs, s, p) for (n, p), s in after])
        )
        tried["mlp"].append(mean([mlp(data, test, width, rate, MLP_TIMES * epochs, s) for s in seeds]))
    chosen = {}
    for name, of_rates in tried.items():
        wanted = np.inf if name == AFTER else goal.accuracy  # where that begins, so its best decides
        k = min(range(len(rates)), key=lambda i, c=of_rates, a=wanted: rank(c[i], a))
        curves[name], chosen[name] = of_rates[k], rates[k]
    end = curves[GRADIENT][-1].accuracy
    return [
        {
            "task": task, "method": name, "hidden": width, "rate": chosen.get(name), "seeds": len(seeds),
            "seconds": points[-1].seconds, "events": points[-1].events, "accuracy": points[-1].accuracy,
            "best": max(p.accuracy for p in points),
            "ratio": None if name == "sampled" else ratios(points, goal),
            "as_gradient": costs(points, end),
            "points": [[p.seconds, p.events, p.accuracy] for p in points],
        }
        for name, points in curves.items()
    ]  # fmt: skip


def sampled(
    data: Dataset, test: Dataset, options: SampledRamp, width: int, seed: int
) -> tuple[SampledNetwork, Point]:
    """A sampled network of some width."""
    some = SampledRamp(
        hidden=width, window=options.window, gain=options.gain, candidates=options.candidates,
        penalties=options.penalties,
    )  # fmt: skip
    began = process_time()
    made = sampled_network(data, some, np.random.default_rng(seed))
    seconds = process_time() - began
    inputs = data.samples.shape[1] + 1  # all of which spike, and the clock
    a_sample = width * (inputs + made.spike_share * data.n_classes)
    right = float(np.mean(made.scores(test.samples).argmax(axis=1) == test.labels))
    return made, Point(seconds, a_sample * data.n_samples, right)


def descent(
    problem: RampProblem, test: Dataset, rate: float, epochs: int, seed: int, start: Point | None = None
) -> list[Point]:
    """Adam along exact spike times, a point an epoch and one before the first."""
    rng, optimiser = np.random.default_rng(seed), Adam(rate=rate)
    began = process_time()
    parameters = problem.initial(rng)
    moments = no_moments(parameters.size)
    seconds, events = process_time() - began + (start.seconds if start else 0.0), 0.0
    events += (start.events or 0.0) if start else 0.0
    points = [Point(seconds, events, problem.accuracy(parameters, test))]
    probe = problem.early[:500]
    for _ in range(epochs):
        began = process_time()
        order = rng.permutation(problem.n_samples)
        for first in range(0, order.size, BATCH):
            _, gradient = problem.gradient(parameters, order[first : first + BATCH], rng)
            parameters, moments = descend(optimiser, moments, parameters, gradient)
            problem.clip(parameters)
        seconds += process_time() - began
        share = float(np.mean(problem.leads(parameters, probe) > 0))
        a_sample = problem.hidden * (problem.early.shape[1] + 1 + share * problem.n_classes)
        events += 2.0 * a_sample * problem.n_samples
        points.append(Point(seconds, events, problem.accuracy(parameters, test)))
    return points


def mlp(data: Dataset, test: Dataset, width: int, rate: float, epochs: int, seed: int) -> list[Point]:
    """scikit-learn's network with Adam, a point an epoch."""
    from sklearn.neural_network import MLPClassifier

    x, unseen = data.samples / data.x_max, test.samples / test.x_max
    model = MLPClassifier((width,), learning_rate_init=rate, batch_size=BATCH, random_state=seed)
    classes, seconds, points = np.arange(data.n_classes), 0.0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(epochs):
            began = process_time()
            model.partial_fit(x, data.labels, classes=classes)
            seconds += process_time() - began
            points.append(Point(seconds, None, float(model.score(unseen, test.labels))))
    return points


def mean(curves: Sequence[Sequence[Point]]) -> list[Point]:
    """Point by point."""
    return [
        Point(
            float(np.mean([p.seconds for p in at])),
            None if at[0].events is None else float(np.mean([p.events for p in at if p.events is not None])),
            float(np.mean([p.accuracy for p in at])),
        )
        for at in zip(*curves, strict=True)
    ]


def rank(points: Sequence[Point], accuracy: float) -> tuple[float, float]:
    """When a curve is at an accuracy first, and then how far it comes: the smaller the better."""
    reached = [p.seconds for p in points if p.accuracy >= accuracy]
    return (reached[0] if reached else np.inf, -max(p.accuracy for p in points))


def costs(points: Sequence[Point], accuracy: float) -> dict[str, float | None]:
    """Seconds and events until an accuracy is reached."""
    first = next((p for p in points if p.accuracy >= accuracy), Point(np.nan, None, 0.0))
    return {"seconds": None if np.isnan(first.seconds) else first.seconds, "events": first.events}


def ratios(points: Sequence[Point], goal: Point) -> dict[str, float | None]:
    """Time and events at the goal's accuracy, over the goal's own."""
    found = costs(points, goal.accuracy)
    own = {"seconds": goal.seconds, "events": goal.events or np.nan}
    return {k: None if cost is None else cost / own[k] for k, cost in found.items()}


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Error against time and against events, a row of pictures a task."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    tasks = list(dict.fromkeys(r["task"] for r in rows))
    figure, axes = plt.subplots(
        len(tasks), 2, figsize=(9, 3.2 * len(tasks)), layout="constrained", squeeze=False
    )
    for task, (left, right) in zip(tasks, axes, strict=True):
        for row in (r for r in rows if r["task"] == task):
            points = np.array([[np.nan if x is None else x for x in p] for p in row["points"]])
            kept = points[:, 0] > 0
            error = 100 * (1 - points[kept, 2])
            look = {"color": COLOURS[row["method"]], "label": row["method"], "lw": 1.5}
            look |= {"marker": "o", "ms": 3} if row["method"] == "sampled" else {}
            left.loglog(points[kept, 0], error, **look)
            spent = points[kept, 1] > 0
            right.loglog(points[kept, 1][spent], error[spent], **look)
        left.set_title(f"{task}, {row['hidden']} hidden neurons", fontsize=10)
        left.set_xlabel("processor seconds of training")
        right.set_xlabel("synaptic events of training")
        left.set_ylabel("wrong on test samples, %")
        left.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main()

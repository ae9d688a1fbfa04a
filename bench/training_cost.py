"""What training costs: accuracy against processor time, and against synaptic events, five ways.

* `sampled`: `spikec_train.sampling` with ever more hidden neurons; a point a width;
* `gradient`: the same ramp neurons by Adam along exact spike times (`ramp_training`) from drawn weights, a
  point an epoch, event-exact on test samples;
* `gradient after sampling`: the same from the sampled network, whose cost is counted in;
* `mlp`: scikit-learn's MLPClassifier of the same width, batches of 100, a point an epoch, with the one of
  --rates that is first, on test samples, at the sampled network's accuracy, or else comes nearest;
* `mlp, defaults`: the same with scikit-learn's own rate and batches, at most its 200 epochs.

Gradients are run with the one of --rates that is most accurate at its end on a fifth of the training samples
that was held out, with other seeds; it falls to 1/e three times. What the search for a rate costs is not
counted, for any method. Points are means over seeds. Time is `process_time` on one thread of what trains,
without loading, compiling and testing. A synaptic event is a spike at a synapse: forward passes over the
training samples, and as many again going back along them; an MLP has none.

`ratio` is the time, or events, that a method needs to be as accurate as the sampled network of the full
width, over what that took: null if it never was. `ratio_at_best` is the same at the method's own best
accuracy, if that is lower; and `any_width` the time over that of the first sampled network, of whatever
width, that is as accurate. `as_gradient` are seconds and events until a method is as accurate as `gradient`
is at its end.

    python bench/training_cost.py --log curves.jsonl --picture docs/training_cost.png --json
    SPIKEC_DATA=DIR python bench/training_cost.py --tasks yinyang digits mnist --log curves.jsonl --json

With --log a curve that is in the file is not made again; MNIST has one seed and the first of --rates.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from spikec_train.datasets import Dataset, load_dataset
from spikec_train.optimisers import Adam, descend, no_moments
from spikec_train.ramp_layer import compile_ramps
from spikec_train.ramp_training import ENOUGH, ramp_problem
from spikec_train.recipes import load_recipe
from spikec_train.sampling import SampledNetwork, SampledRamp, sampled_network


class Point(NamedTuple):
    """A state of a training: what it cost so far, and what it is worth."""

    seconds: float
    events: float | None
    accuracy: float


@dataclass(frozen=True)
class Task:
    """A data set and how much of it is asked for.

    Attributes:
        name: Of the data set.
        epochs: Of gradients.
        mlp_epochs: Of MLPs.
        seeds: At most.
        rates: At most.
    """

    name: str
    epochs: int
    mlp_epochs: int
    seeds: int = 100
    rates: int = 100


TASKS = {t.name: t for t in (Task("yinyang", 60, 240), Task("digits", 25, 100), Task("mnist", 2, 3, 1, 1))}

BATCH = 100
SAMPLED, GRADIENT, AFTER = "sampled", "gradient", "gradient after sampling"
MLP, DEFAULTS = "mlp", "mlp, defaults"
COLOURS = {SAMPLED: "#d94801", GRADIENT: "#2171b5", AFTER: "#6a51a3", MLP: "0.35", DEFAULTS: "0.7"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["yinyang", "digits"], choices=list(TASKS))
    parser.add_argument("--methods", nargs="+", default=list(COLOURS), choices=list(COLOURS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3, 1e-2, 3e-2])
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs")
    parser.add_argument(
        "--log", type=Path, help="a file of curves, a line each: to go on from, and to add to"
    )
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object with all points, too")
    a = parser.parse_args()
    compile_ramps()
    curves = [json.loads(line) for line in a.log.open()] if a.log and a.log.exists() else []
    for task in (TASKS[name] for name in a.tasks):
        if a.quick:
            task = replace(task, epochs=2, mlp_epochs=4, seeds=1)
        for method in a.methods:
            if not any((c["task"], c["method"]) == (task.name, method) for c in curves):
                curve = curve_of(task, method, range(min(a.seeds, task.seeds)), a.rates[: task.rates], curves)
                curves.append(curve)
                if a.log:
                    with a.log.open("a") as log:
                        print(json.dumps(curve), file=log)
    rows = with_ratios([c for c in curves if c["task"] in a.tasks])
    if a.picture:
        draw(rows, a.picture)
    if a.json:
        print(json.dumps({"bench": "training_cost", "rows": rows}))
        return
    for row in rows:
        print(json.dumps({k: v for k, v in row.items() if k != "points"}))


def curve_of(
    task: Task, method: str, seeds: Sequence[int], rates: Sequence[float], others: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Points of one method, and how they were made."""
    data, test = load_dataset(f"{task.name}:train"), load_dataset(f"{task.name}:test")
    options = load_recipe(f"{task.name}-sampled").training
    assert isinstance(options, SampledRamp)
    (width,) = options.layers
    rate: float | None = None
    if method == SAMPLED:
        widths = sorted({max(width // 2**k, 1) for k in range(6)})
        points = mean([[sampled(data, test, options, w, seed)[1] for w in widths] for seed in seeds])
    elif method in (GRADIENT, AFTER):
        rate, points = descended(data, test, options, method == AFTER, task.epochs, seeds, rates)
    elif method == MLP:
        goal = max(
            (c["points"][-1][2] for c in others if c["task"] == task.name and c["method"] == SAMPLED),
            default=1.0,
        )
        tried = {
            r: mean([mlp(data, test, width, task.mlp_epochs, s, r, BATCH) for s in seeds]) for r in rates
        }
        rate = min(tried, key=lambda r: rank(tried[r], goal))
        points = tried[rate]
    else:
        points = mean([mlp(data, test, width, min(task.mlp_epochs, 200), s) for s in seeds])
    return {
        "task": task.name, "method": method, "hidden": width, "rate": rate, "seeds": len(seeds),
        "points": points,
    }  # fmt: skip


def sampled(
    data: Dataset, test: Dataset, options: SampledRamp, width: int, seed: int
) -> tuple[SampledNetwork, Point]:
    """A sampled network of some width."""
    some = replace(options, hidden=width)
    began = process_time()
    made = sampled_network(data, some, np.random.default_rng(seed))
    seconds = process_time() - began
    right = float(np.mean(made.scores(test.samples).argmax(axis=1) == test.labels))
    return made, Point(seconds, forward_events(data, width, made.spike_share), right)


def forward_events(data: Dataset, hidden: int, spike_share: float) -> float:
    """Spikes at synapses, of all samples once; inputs all spike, and the clock."""
    return float(hidden * (data.samples.shape[1] + 1 + spike_share * data.n_classes) * data.n_samples)


def descended(
    data: Dataset,
    test: Dataset,
    options: SampledRamp,
    after: bool,
    epochs: int,
    seeds: Sequence[int],
    rates: Sequence[float],
) -> tuple[float, list[Point]]:
    """The rate chosen, and the mean of all seeds' descents with it."""
    (width,) = options.layers

    def descent(some: Dataset, others: Dataset, rate: float, seed: int) -> list[Point]:
        start, so_far = sampled(some, others, options, width, seed) if after else (None, Point(0.0, 0.0, 0.0))
        return descent_from(some, others, width, start, so_far, rate, epochs, seed)

    rate = rates[0]
    if len(rates) > 1:
        fifth = np.arange(data.n_samples) % 5 == 0
        some, held_out = (
            replace(data, samples=data.samples[rows], labels=data.labels[rows]) for rows in (~fifth, fifth)
        )
        tried = {r: mean([descent(some, held_out, r, 1000 + s) for s in seeds]) for r in rates}
        rate = max(rates, key=lambda r: tried[r][-1].accuracy)
    return rate, mean([descent(data, test, rate, seed) for seed in seeds])


def descent_from(
    data: Dataset,
    test: Dataset,
    hidden: int,
    start: SampledNetwork | None,
    so_far: Point,
    rate: float,
    epochs: int,
    seed: int,
) -> list[Point]:
    """Adam along exact spike times, a point an epoch and one before the first."""
    rng = np.random.default_rng(seed)
    began = process_time()
    problem = ramp_problem(data, hidden, start)
    parameters = problem.initial(rng)
    moments = no_moments(parameters.size)
    seconds, events = so_far.seconds + process_time() - began, so_far.events or 0.0
    if start is not None:  # its sharpness was found with some samples
        events += forward_events(data.first(min(data.n_samples, ENOUGH)), hidden, start.spike_share)
    points = [Point(seconds, events, problem.accuracy(parameters, test))]
    steps = -(-data.n_samples // BATCH)
    optimiser = Adam(rate=rate, decay_steps=steps * epochs / 3)
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
        events += 2.0 * forward_events(data, hidden, share)
        points.append(Point(seconds, events, problem.accuracy(parameters, test)))
    return points


def mlp(
    data: Dataset,
    test: Dataset,
    width: int,
    epochs: int,
    seed: int,
    rate: float = 1e-3,
    batch: int | str = "auto",
) -> list[Point]:
    """scikit-learn's network with Adam, a point an epoch."""
    from sklearn.neural_network import MLPClassifier

    x, unseen = data.samples / data.x_max, test.samples / test.x_max
    model = MLPClassifier((width,), learning_rate_init=rate, batch_size=batch, random_state=seed)
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
    first = at(points, accuracy)
    return (first.seconds if first else np.inf, -max(p.accuracy for p in points))


def at(points: Sequence[Point], accuracy: float) -> Point | None:
    """The first point that is as accurate."""
    return next((p for p in points if p.accuracy >= accuracy), None)


def over(point: Point | None, other: Point | None) -> dict[str, float | None]:
    """Time and events of one over those of the other."""
    if point is None or other is None:
        return {"seconds": None, "events": None}
    known = point.events is not None and other.events
    return {
        "seconds": point.seconds / other.seconds,
        "events": point.events / other.events if known else None,
    }


def with_ratios(curves: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each curve: where it ends, and how it compares with those of its task."""
    rows = []
    for curve in curves:
        points = [Point(*p) for p in curve["points"]]
        of_task = {
            c["method"]: [Point(*p) for p in c["points"]] for c in curves if c["task"] == curve["task"]
        }
        best = max(p.accuracy for p in points)
        row = {
            **curve, "seconds": points[-1].seconds, "events": points[-1].events,
            "accuracy": points[-1].accuracy, "best": best,
        }  # fmt: skip
        if GRADIENT in of_task:
            first = at(points, of_task[GRADIENT][-1].accuracy)
            row["as_gradient"] = first and {"seconds": first.seconds, "events": first.events}
        if SAMPLED in of_task and curve["method"] != SAMPLED:
            widths, goal = of_task[SAMPLED], of_task[SAMPLED][-1]
            row["ratio"] = over(at(points, goal.accuracy), goal)
            equal = min(best, goal.accuracy)
            row["ratio_at_best"] = over(at(points, equal), goal)
            row["any_width"] = over(at(points, equal), at(widths, equal))
        rows.append(row)
    return rows


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
            look |= {"marker": "o", "ms": 3} if row["method"] == SAMPLED else {}
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

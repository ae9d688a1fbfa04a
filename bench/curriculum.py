"""The order of examples: share of networks that learn an XOR-like mixture, by order and by hidden neurons.

Networks of K hidden neurons that spike once see easy and hard samples once, mixed, easy first or hard first,
and are tested on hard ones (`spikec_train/curriculum.py`). A cell is one K and one order:

* `success`: share of networks right on more than 90 % of the test samples, with Wilson's 95 % interval;
* `accuracy`, with its standard error;
* `easy_first_less_mixed`: the difference of accuracies, seed by seed, with its standard error: the same first
  weights, the same number of samples.

Every network takes one line of --log, and is not trained again if its line is there: a run that was stopped
goes on, and --only-log gives the figures of what is there.

    python bench/curriculum.py --seeds 200 --log FILE --picture docs/curriculum.png --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from spikec.answers import wilson
from spikec_train.curriculum import ORDERS, Order, Outcome, load_curriculum_recipe, outcomes

TOGETHER = 20
"""Networks that are trained at a time; their samples take 5 MB each."""

COLOURS = {"mixed": "0.35", "easy-first": "#2171b5", "hard-first": "#e6550d"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="xor-mixture")
    parser.add_argument("--hidden", type=int, nargs="+", default=[2, 3, 4, 6, 8, 16, 32, 64])
    parser.add_argument("--orders", nargs="+", default=list(ORDERS), choices=ORDERS)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, help="another than the recipe's")
    parser.add_argument("--log", type=Path, help="a line of JSON a network, read first")
    parser.add_argument("--only-log", action="store_true", help="train nothing, count what the log has")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    recipe = load_curriculum_recipe(a.recipe)
    first = recipe.seed if a.first_seed is None else a.first_seed
    seeds = range(first, first + a.seeds)
    known = read(a.log)
    firsts = range(0, 0 if a.only_log else a.seeds, TOGETHER)
    for k in firsts:  # seeds last, so that a run that was stopped has all cells
        for hidden, order in product(a.hidden, a.orders):
            missing = [s for s in seeds[k : k + TOGETHER] if (a.recipe, hidden, order, s) not in known]
            for seed, found in zip(missing, outcomes(recipe, hidden, order, missing), strict=True):
                known[a.recipe, hidden, order, seed] = found
                write(a.log, (a.recipe, hidden, order, seed), found)
    cells = [
        cell(known, a.recipe, hidden, order, seeds, recipe.success)
        for hidden, order in product(a.hidden, a.orders)
    ]
    both = {"mixed", "easy-first"} <= set(a.orders)
    gaps = [gap(known, a.recipe, hidden, seeds) for hidden in a.hidden] if both else []
    found = {"bench": "curriculum", "recipe": a.recipe, "cells": cells, "easy_first_less_mixed": gaps}
    if a.picture:
        draw(cells, gaps, a.picture)
    if a.json:
        print(json.dumps(found))
        return
    for c in cells:
        low, high = c["success_interval"]
        right = f"accuracy {100 * c['accuracy']:.1f} +- {100 * c['standard_error']:.1f}"
        learned = f"success {c['success']:.3f} ({low:.3f} to {high:.3f})"
        print(f"K={c['hidden']:<3} {c['order']:10} n={c['seeds']} {right} {learned}")
    for g in gaps:
        points, error = 100 * g["accuracy"], 100 * g["standard_error"]
        print(f"K={g['hidden']:<3} easy-first less mixed {points:+.2f} +- {error:.2f} points")


Known = dict[tuple[Any, ...], Outcome]
"""Networks by recipe, K, order and seed."""


def read(path: Path | None) -> Known:
    """Networks that were trained before."""
    if path is None or not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {tuple(line["key"]): Outcome(line["accuracy"], line["early_share"]) for line in lines}


def write(path: Path | None, key: tuple[Any, ...], found: Outcome) -> None:
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps({"key": key, **asdict(found)}) + "\n")


def cell(
    known: Known, name: str, hidden: int, order: Order, seeds: Sequence[int], success: float
) -> dict[str, Any]:
    rows = [known[name, hidden, order, s] for s in seeds if (name, hidden, order, s) in known]
    got = np.array([r.accuracy for r in rows])
    share = float(np.mean(got > success))
    return {
        "hidden": hidden,
        "order": order,
        "seeds": got.size,
        "accuracy": float(got.mean()),
        "standard_error": standard_error(got),
        "success": share,
        "success_interval": wilson(share, got.size),
        "largest_early_share": max(r.early_share for r in rows),
    }


def gap(known: Known, name: str, hidden: int, seeds: Sequence[int]) -> dict[str, Any]:
    pairs = [
        (known.get((name, hidden, "easy-first", s)), known.get((name, hidden, "mixed", s))) for s in seeds
    ]
    got = np.array([first.accuracy - mixed.accuracy for first, mixed in pairs if first and mixed])
    error = standard_error(got)
    return {"hidden": hidden, "seeds": got.size, "accuracy": float(got.mean()), "standard_error": error}


def standard_error(got: np.ndarray) -> float:
    """Of a mean."""
    return float(got.std(ddof=1) / sqrt(got.size)) if got.size > 1 else float("nan")


def draw(cells: list[dict[str, Any]], gaps: list[dict[str, Any]], path: Path) -> None:
    """Success over K, a line an order, and what easy-first gains on mixed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    sizes = sorted({c["hidden"] for c in cells})
    for order in sorted({c["order"] for c in cells}, key=ORDERS.index):
        rows = [c for c in cells if c["order"] == order]
        share = np.array([c["success"] for c in rows])
        away = np.abs(np.array([c["success_interval"] for c in rows]).T - share)
        left.errorbar([c["hidden"] for c in rows], share, away, fmt="o-", ms=4, lw=1.4, capsize=2,
                      color=COLOURS[order], label=order)  # fmt: skip
    left.set(ylabel="share of networks that learn", ylim=(-0.03, 1.03))
    fewest, most = (of(c["seeds"] for c in cells) for of in (min, max))
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    left.set_title(f"{seeds} seeds a cell, 95 % intervals", fontsize=10)
    left.legend(frameon=False, fontsize=9, loc="center right")
    points = [100 * g["accuracy"] for g in gaps]
    bars = [200 * g["standard_error"] for g in gaps]
    right.axhline(0, color="0.7", lw=1)
    right.errorbar([g["hidden"] for g in gaps], points, bars, fmt="s-", ms=4, lw=1.4, capsize=2, color="0.2")
    right.set(ylabel="easy first less mixed, points")
    right.set_title("bars: two standard errors", fontsize=10)
    for axes in (left, right):
        axes.set(xscale="log", xticks=sizes, xlabel="hidden neurons")
        axes.set_xticklabels([str(k) for k in sizes])
        axes.minorticks_off()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()

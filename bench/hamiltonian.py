"""Sampled Hamiltonian networks: the error of the energy, CPU time, and drift of the energy on trajectories.

For each system and each way to draw hidden neurons: the relative L2 error of H on states that were not seen,
mean and largest of all seeds, and CPU seconds on one thread. Then, with the first seed's network of the last
of --variants, 10,000 steps of the implicit midpoint rule: how far the true energy drifts along that
trajectory, and along the true system's with the same steps, in units of the energy's standard deviation over
the box.

Every fit takes one line of --log, and is not done again if its line is there: a run that was stopped goes on.
Those of 5000 neurons (double-pendulum, henon-heiles) take half a minute each, so they are not in the default.

--adam EPOCHS trains a network of the same size by Adam for so long, and gives its best error, the CPU seconds
until then, and how many times the CPU time of each sampled network that is. Its rate is the one of three that
does best in a quarter of the epochs; what that search takes is not counted. A training of 5000 neurons takes
about 5 s an epoch.

    python bench/hamiltonian.py --json
    python bench/hamiltonian.py --systems double-pendulum henon-heiles --log FILE --json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from spikec.errors import UsageError
from spikec_train.hamiltonian import VARIANTS, HamiltonianNetwork, Variant
from spikec_train.hamiltonian_adam import RATES, adam_curve
from spikec_train.hamiltonian_recipes import (
    HamiltonianRecipe,
    hamiltonian_recipe_names,
    hamiltonian_task,
    load_hamiltonian_recipe,
    train_hamiltonian,
)
from spikec_train.roll_out import drift, roll_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = f"recipes: {', '.join(hamiltonian_recipe_names())}, or YAML files of your own"
    parser.add_argument("--systems", nargs="+", default=["pendulum", "lotka-volterra"], help=names)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10_000, help="of the trajectory; 0 for none")
    parser.add_argument("--adam", type=int, default=0, metavar="EPOCHS", help="0 for none")
    parser.add_argument("--log", type=Path, help="a line of JSON a fit, read first")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    log = Log(a.log)
    found: dict[str, Any] = {"bench": "hamiltonian"}
    for name in a.systems:
        recipe = load_hamiltonian_recipe(name)
        seeds = range(recipe.seed, recipe.seed + a.seeds)
        for seed in seeds:
            for variant in a.variants:
                fitted(log, recipe, variant, seed, a.steps if variant == a.variants[-1] else 0)
        row: dict[str, Any] = {v: summary(log, recipe, v) for v in a.variants}
        if a.adam:
            row["adam"] = adam(log, recipe, a.adam, row)
        found[name] = row
        if not a.json:
            print(f"{name}: {json.dumps(row, indent=1)}")
    if a.json:
        print(json.dumps(found))


class Log:
    """Results by a key, each a line of a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.lines = path, {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                self.lines[tuple(entry["key"])] = entry

    def add(self, key: tuple[Any, ...], entry: dict[str, Any]) -> None:
        self.lines[key] = entry
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, **entry}) + "\n")


def fitted(log: Log, recipe: HamiltonianRecipe, variant: Variant, seed: int, n_steps: int) -> None:
    """One fit, and the trajectory if the seed is the first one and `n_steps` are asked for."""
    key = (recipe.system, recipe.hidden, recipe.samples, variant, seed)
    wanted = n_steps if seed == recipe.seed else 0
    followed = (log.lines.get(key, {}).get("trajectory") or {}).get("steps", 0)
    if key in log.lines and (not wanted or followed == wanted):
        return
    made = train_hamiltonian(recipe, variant, seed)
    network = made.fitted.network
    entry: dict[str, Any] = {
        "energy_error": made.energy_error,
        "gradient_error": made.gradient_error,
        "cpu_seconds": made.cpu_seconds,
        "residual": made.fitted.residual,
        "notes": made.fitted.notes,
        "trajectory": None,
    }
    log.add(key, entry)
    if wanted:
        log.add(key, {**entry, "trajectory": trajectory(recipe, network, n_steps)})


def trajectory(recipe: HamiltonianRecipe, network: HamiltonianNetwork, n_steps: int) -> dict[str, Any]:
    """Drift of the true energy along the network's trajectory and along the true one, same steps."""
    task = hamiltonian_task(recipe, recipe.seed)
    system, start = task.system, np.array(recipe.start)
    scale = float(np.std(system.energy(task.test)))
    found: dict[str, Any] = {"steps": n_steps, "step": recipe.step, "energy_scale": scale}
    paths = {}
    with threadpool_limits(1, "blas"):
        for name, along in (("true", system.gradient), ("network", network.gradient)):
            try:
                paths[name] = roll_out(along, start, recipe.step, n_steps, network.rounding)
            except UsageError as error:
                return {**found, "failed": f"{name}: {error}"}
            kept = drift(system.energy(paths[name]), scale)
            found[name] = {"largest_drift": kept.largest, "last_drift": kept.last}
    found["left_box"] = bool((np.abs(paths["network"]) > np.array(system.reach)).any())
    found["largest_distance"] = float(np.abs(paths["network"] - paths["true"]).max())
    return found


def summary(log: Log, recipe: HamiltonianRecipe, variant: Variant) -> dict[str, Any]:
    """All seeds in the log of one way to draw neurons."""
    wanted = (recipe.system, recipe.hidden, recipe.samples, variant)
    rows = [entry for key, entry in log.lines.items() if key[:4] == wanted]
    errors = [r["energy_error"] for r in rows]
    trajectories = [r["trajectory"] for r in rows if r["trajectory"]]
    return {
        "seeds": len(rows),
        "mean_energy_error": float(np.mean(errors)),
        "largest_energy_error": max(errors),
        "mean_gradient_error": float(np.mean([r["gradient_error"] for r in rows])),
        "mean_cpu_seconds": float(np.mean([r["cpu_seconds"] for r in rows])),
        "notes": sorted({note for r in rows for note in r["notes"]}),
        "trajectory": trajectories[0] if trajectories else None,
    }


def adam(log: Log, recipe: HamiltonianRecipe, epochs: int, row: dict[str, Any]) -> dict[str, Any]:
    """Adam's best error, and how much more CPU time it took than each sampled network."""
    search = {rate: best_of(log, recipe, max(1, epochs // 4), rate)[1] for rate in RATES}
    rate = min(search, key=lambda r: search[r])
    at, best = best_of(log, recipe, epochs, rate)
    curve = log.lines[(recipe.system, recipe.hidden, recipe.samples, "adam", epochs, rate)]["curve"]
    return {
        "rate": rate,
        "epochs": epochs,
        "search": {str(r): error for r, error in search.items()},
        "best_energy_error": best,
        "cpu_seconds": at,
        "cpu_seconds_in_all": curve[-1][0],
        "times_the_cpu_of": {v: at / row[v]["mean_cpu_seconds"] for v in row},
    }


def best_of(log: Log, recipe: HamiltonianRecipe, epochs: int, rate: float) -> tuple[float, float]:
    """CPU seconds until the best error of a training, and that error."""
    key = (recipe.system, recipe.hidden, recipe.samples, "adam", epochs, rate)
    if key not in log.lines:
        with threadpool_limits(1, "blas"):
            task = hamiltonian_task(recipe, recipe.seed)
            log.add(key, {"curve": adam_curve(task, recipe.hidden, epochs, rate)})
    seconds, best = min(log.lines[key]["curve"], key=lambda point: point[1])
    return seconds, best


if __name__ == "__main__":
    main()

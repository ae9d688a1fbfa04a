"""Spiking networks that say how fast a state changes: error and energy drift, exact and in a chip's integers.

Sampled ramp neurons learn the velocities of a system from 5000 states (`spikec_train/sampled_field.py`).
Given are, with exact spike times, compiled for Loihi 2 with 8-bit weights as any network is (`plain`), and
with the readout solved again for the spikes of the integers (`refitted`, `spikec_train/compiled_field.py`),
for each number of ticks to the input's window:

* `error`: relative L2 error of the velocity on 1000 states that were not seen; `exact_rounded` is that of
  exact spike times whose inputs alone are rounded to ticks;
* `largest_drift`: how far the true energy comes from its first value on a trajectory, in standard deviations
  of the energy over the box. The explicit midpoint rule asks the network twice a step; `true` is the same
  rule with the true velocities. In integers each question is a run of the CPU engine. The trajectory is of
  the first seed and the number of ticks of --trajectory.

    python bench/spiking_field.py --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

from spikec.backend import find_backend
from spikec.targets.target import load_target
from spikec_train.compiled_field import compile_field, refit_field
from spikec_train.energy_systems import EnergySystem, energy_system
from spikec_train.hamiltonian_recipes import hamiltonian_recipe_names, load_hamiltonian_recipe, relative_error
from spikec_train.roll_out import drift
from spikec_train.sampled_field import FittedField, SampledField, encoded, fit_field

N_STATES, N_TEST = 5000, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = hamiltonian_recipe_names()
    parser.add_argument("--systems", nargs="+", default=["pendulum", "lotka-volterra"], choices=names)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ticks", type=int, nargs="+", default=[32, 64, 128, 256], help="of the window")
    parser.add_argument("--trajectory", type=int, default=128, help="ticks of the network that is followed")
    parser.add_argument("--steps", type=int, default=1000, help="of the trajectory; 0 for none")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    found: dict[str, Any] = {"bench": "spiking_field", "hidden": a.hidden}
    for name in a.systems:
        rows = [measure(name, a, seed) for seed in range(a.seeds)]
        found[name] = rows
        if not a.json:
            print(f"{name}: {json.dumps(rows, indent=1)}")
    if a.json:
        print(json.dumps(found))


def measure(name: str, a: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One network of one system."""
    system, rng = energy_system(load_hamiltonian_recipe(name).system), np.random.default_rng(seed)
    states, test = system.draw(N_STATES, rng), system.draw(N_TEST, rng)
    velocities, options = system.velocities(states), SampledField(hidden=a.hidden)
    began = process_time()
    field = fit_field(states, velocities, np.array(system.reach), options, rng)
    found: dict[str, Any] = {
        "seed": seed,
        "cpu_seconds": process_time() - began,
        "penalty": field.readout.penalty,
        "spike_share": field.spike_share,
        "error": relative_error(field.velocities(test), system.velocities(test)),
        "ticks": {},
    }
    followed = {"true": system.velocities, "exact": field.velocities}
    for ticks in sorted({*a.ticks, a.trajectory}):
        plain = compile_field(field, load_target("loihi2"), ticks, find_backend("cpu"))
        began = process_time()
        refitted = refit_field(plain, states, velocities, options.penalties)
        seconds = process_time() - began
        ways = {
            "plain": plain.velocities,
            "refitted": refitted.velocities,
            "exact_rounded": rounded(field, ticks),
        }
        errors = {way: relative_error(ask(test), system.velocities(test)) for way, ask in ways.items()}
        found["ticks"][ticks] = {
            "of_a_sample": plain.program.n_ticks,
            "cpu_seconds": seconds,
            "error": errors,
        }
        if ticks == a.trajectory:
            followed |= {"plain": plain.velocities, "refitted": refitted.velocities}
    if a.steps and not seed:
        scale, recipe = float(np.std(system.energy(test))), load_hamiltonian_recipe(name)
        found["trajectory"] = {"steps": a.steps, "step": recipe.step, "ticks": a.trajectory}
        for way, ask in followed.items():
            path = explicit_midpoint(ask, np.array(recipe.start), recipe.step, a.steps)
            found["trajectory"][way] = drift_of(system, path, scale)
    return found


def rounded(field: FittedField, ticks: int) -> Callable[[np.ndarray], np.ndarray]:
    """The field with exact spike times, asked about states rounded as inputs are to ticks."""

    def ask(states: np.ndarray) -> np.ndarray:
        at = np.rint(encoded(states, field.reach)[:, : states.shape[1]] * ticks) / ticks
        return field.velocities((at - 0.5) * 2 * field.reach)

    return ask


def explicit_midpoint(
    velocities: Callable[[np.ndarray], np.ndarray], start: np.ndarray, step: float, n_steps: int
) -> np.ndarray:
    """All states of a trajectory, ``(n_steps + 1, d)``."""
    path = [start[None]]
    for _ in range(n_steps):
        half = path[-1] + step / 2 * velocities(path[-1])
        path.append(path[-1] + step * velocities(half))
    return np.concatenate(path)


def drift_of(system: EnergySystem, path: np.ndarray, scale: float) -> dict[str, float | bool]:
    kept = drift(system.energy(path), scale)
    left = bool((np.abs(path) > np.array(system.reach)).any())
    return {"largest_drift": kept.largest, "last_drift": kept.last, "left_box": left}


if __name__ == "__main__":
    main()

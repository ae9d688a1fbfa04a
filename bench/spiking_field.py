"""Spiking networks that say how fast a state changes: error and energy drift, exact and in a chip's integers.

Sampled ramp neurons learn the velocities of a system from 5000 states (`spikec_train/sampled_field.py`).
Given are, with exact spike times and compiled for Loihi 2 (8-bit weights, 32 ticks to the input's window):

* `error`: relative L2 error of the velocity on 1000 states that were not seen;
* `largest_drift`: how far the true energy comes from its first value on a trajectory, in standard deviations
  of the energy over the box. The explicit midpoint rule asks the network twice a step; `true` is the same
  rule with the true velocities. In integers each question is a run of the CPU engine.

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
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target
from spikec_train.energy_systems import EnergySystem, energy_system
from spikec_train.hamiltonian_recipes import hamiltonian_recipe_names, load_hamiltonian_recipe, relative_error
from spikec_train.roll_out import drift
from spikec_train.sampled_field import SampledField, compiled_velocities, fit_field

N_STATES, N_TEST, TICKS = 5000, 1000, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = hamiltonian_recipe_names()
    parser.add_argument("--systems", nargs="+", default=["pendulum", "lotka-volterra"], choices=names)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000, help="of the trajectory, first seed alone")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    found: dict[str, Any] = {"bench": "spiking_field", "hidden": a.hidden}
    for name in a.systems:
        rows = [measure(name, a.hidden, seed, a.steps if seed == 0 else 0) for seed in range(a.seeds)]
        found[name] = rows
        if not a.json:
            print(f"{name}: {json.dumps(rows, indent=1)}")
    if a.json:
        print(json.dumps(found))


def measure(name: str, hidden: int, seed: int, n_steps: int) -> dict[str, Any]:
    """One network of one system."""
    system, rng = energy_system(name), np.random.default_rng(seed)
    states, test = system.draw(N_STATES, rng), system.draw(N_TEST, rng)
    options = SampledField(hidden=hidden)
    began = process_time()
    field = fit_field(states, system.velocities(states), np.array(system.reach), options, rng)
    seconds = process_time() - began
    compile_options = CompileOptions(dt=options.window / TICKS, max_ticks=4 * TICKS)
    program = compile_network(field.network, load_target("loihi2"), compile_options)
    engine = find_backend("cpu")

    def integers(x: np.ndarray) -> np.ndarray:
        return compiled_velocities(program, engine, x, field.reach)

    ways = {"exact": field.velocities, "integers": integers}
    true = system.velocities(test)
    found: dict[str, Any] = {
        "seed": seed,
        "cpu_seconds": seconds,
        "penalty": field.readout.penalty,
        "spike_share": field.spike_share,
        "ticks": program.n_ticks,
        **{way: {"error": relative_error(ask(test), true)} for way, ask in ways.items()},
    }
    if n_steps:
        scale, recipe = float(np.std(system.energy(test))), load_hamiltonian_recipe(name)
        found["trajectory"] = {"steps": n_steps, "step": recipe.step}
        for way, ask in {"true": system.velocities, **ways}.items():
            path = explicit_midpoint(ask, np.array(recipe.start), recipe.step, n_steps)
            found["trajectory"][way] = drift_of(system, path, scale)
    return found


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

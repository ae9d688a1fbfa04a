"""Every recipe made again, and its figures held against what its file promises.

Those of Hamiltonian networks are among them, under their names with "hamiltonian/" before.

One JSON line a recipe: what was promised, what came out, and whether that is within the promise (`ok`, which
is null where a data set is not there; `said` tells why). Recipes that take a minute or longer by their own
word are left out without --long. Exit code 1 if a promise is broken.

    python bench/recipes.py
    python bench/recipes.py --long --data-dir DIR
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from spikec.commands.train import train_file
from spikec.errors import UsageError
from spikec_train.hamiltonian_recipes import (
    HamiltonianRecipe,
    hamiltonian_recipe_names,
    load_hamiltonian_recipe,
    train_hamiltonian,
)
from spikec_train.recipes import Recipe, load_recipe, recipe_names

HAMILTONIAN = "hamiltonian/"

QUICK = 60.0
"""Seconds of training under which a recipe is a quick one."""


def row(name: str, recipe: Recipe, data_dir: Path | None) -> dict[str, object]:
    """Train by a recipe with its own seed, and compare."""
    promised = recipe.expected
    found: dict[str, object] = {
        "bench": "recipes",
        "recipe": name,
        "promised": promised.loss if promised.accuracy is None else promised.accuracy,
        "tolerance": promised.tolerance,
        "promised_seconds": promised.seconds,
    }
    try:
        made = train_file(name, None, None, 1, data_dir if recipe.data else None, None, lambda sentence: None)
    except UsageError as error:
        return {**found, "ok": None, "said": str(error)}
    value = made["loss"] if promised.accuracy is None else made["accuracy"]["test"]
    seconds = made["seconds"]["train"]
    return {
        **found,
        "value": value,
        "seconds": seconds,
        "ok": made["shortfall"] is None,
        "said": made["shortfall"],
    }


def hamiltonian_row(name: str, recipe: HamiltonianRecipe) -> dict[str, object]:
    """Learn an energy by a recipe with its own seed, and compare."""
    promised = recipe.expected
    assert promised is not None
    made = train_hamiltonian(recipe, promised.variant, recipe.seed)
    ok = made.energy_error <= promised.energy_error
    return {
        "bench": "recipes",
        "recipe": HAMILTONIAN + name,
        "promised": promised.energy_error,
        "promised_seconds": promised.seconds,
        "value": made.energy_error,
        "seconds": made.cpu_seconds,
        "ok": ok,
        "said": None if ok else f"the energy is wrong by {made.energy_error:.2g}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="those that take minutes, too")
    parser.add_argument("--only", nargs="*", help="names of recipes")
    parser.add_argument(
        "--data-dir", type=Path, default=os.environ.get("SPIKEC_DATA"), help="of MNIST and fsdd"
    )
    a = parser.parse_args()
    names = a.only or [*recipe_names(), *(HAMILTONIAN + name for name in hamiltonian_recipe_names())]
    broken = False
    for name in names:
        short = name.removeprefix(HAMILTONIAN)
        recipe = load_recipe(name) if short == name else load_hamiltonian_recipe(short)
        seconds = recipe.expected.seconds if recipe.expected else 0.0
        if a.long or a.only or seconds < QUICK:
            if isinstance(recipe, HamiltonianRecipe):
                found = hamiltonian_row(short, recipe)
            else:
                found = row(name, recipe, a.data_dir)
            broken |= found["ok"] is False
            print(json.dumps(found), flush=True)
    sys.exit(int(broken))


if __name__ == "__main__":
    main()

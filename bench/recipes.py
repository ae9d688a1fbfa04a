"""Every recipe made again, and its figures held against what its file promises.

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
from spikec_train.recipes import Recipe, load_recipe, recipe_names

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="those that take minutes, too")
    parser.add_argument("--only", nargs="*", help="names of recipes")
    parser.add_argument(
        "--data-dir", type=Path, default=os.environ.get("SPIKEC_DATA"), help="of MNIST and fsdd"
    )
    a = parser.parse_args()
    recipes = {name: load_recipe(name) for name in a.only or recipe_names()}
    broken = False
    for name, recipe in recipes.items():
        if a.long or a.only or recipe.expected.seconds < QUICK:
            found = row(name, recipe, a.data_dir)
            broken |= found["ok"] is False
            print(json.dumps(found), flush=True)
    sys.exit(int(broken))


if __name__ == "__main__":
    main()

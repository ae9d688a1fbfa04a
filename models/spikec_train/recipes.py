"""Recipes: one YAML file is one network that anybody can make again: data, method, seed, figures to expect.

A recipe names its data set; it trains on the split ``train``, and its figures are those of ``test``. The
entry ``method`` says how it trains; a new method is a new options class with its own ``method`` in `Training`
and a line in `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from spikec.errors import UsageError
from spikec.ir.network import Network
from spikec_train.datasets import load_dataset
from spikec_train.sampling import SampledRamp, sampled_network

Training = SampledRamp

_CHECKED = ConfigDict(extra="forbid")


@checked_dataclass(frozen=True, config=_CHECKED)
class Expected:
    """What a recipe promises.

    Attributes:
        accuracy: Share of right answers on the test split, exact spike times.
        tolerance: How far another seed or machine may be off.
        seconds: Training time, a guide only.
    """

    accuracy: float
    tolerance: float
    seconds: float

    def __post_init__(self) -> None:
        if not (0 <= self.accuracy <= 1 and 0 <= self.tolerance <= 1 and self.seconds > 0):
            raise UsageError(
                f"it expects accuracy {self.accuracy} with tolerance {self.tolerance} in {self.seconds} s; "
                "shares lie between 0 and 1, and seconds are positive"
            )


@checked_dataclass(frozen=True, config=_CHECKED)
class Recipe:
    """How one network is made.

    Attributes:
        title: For people.
        data: Name of the data set.
        seed: Seed of all chance in the training.
        training: The method and its options.
        expected: Figures.
    """

    title: str
    data: str
    seed: int
    training: Training
    expected: Expected

    def __post_init__(self) -> None:
        _check_seed(self.seed)


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network and how its training went.

    Attributes:
        network: In the continuous dialect.
        recipe: What it was made by.
        seed: The seed used.
        seconds: Wall time of the training alone, without loading data and without evaluation.
        figures: What the training measured, on training samples alone, by name.
    """

    network: Network
    recipe: Recipe
    seed: int
    seconds: float
    figures: Mapping[str, float]


_ADAPTER: TypeAdapter[Recipe] = TypeAdapter(Recipe)


def recipe_names() -> list[str]:
    """Names of the recipes that ship."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """Read a recipe by name, or from the path of a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    is_file = name.endswith((".yaml", ".yml"))
    path = Path(name) if is_file else _folder() / f"{name}.yaml"
    if not (path.is_file() if is_file else name in recipe_names()):
        known = ", ".join(recipe_names())
        raise UsageError(f"there is no recipe {name!r}; give a name ({known}) or a .yaml file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"recipe {name} cannot be read: {error}") from error
    return parse_recipe(text, name)


def parse_recipe(text: str, name: str) -> Recipe:
    """Make a recipe from YAML text.

    Raises:
        UsageError: The text is no YAML or breaks the schema; the message names every fault.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"recipe {name} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(given, Mapping):
        raise UsageError(f"recipe {name} holds no table of settings; take {recipe_names()[0]} as a pattern")
    try:
        return _ADAPTER.validate_python(given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"recipe {name} has wrong entries: {faults}; correct the file") from error
    except UsageError as error:
        raise UsageError(f"recipe {name}: {error}") from error


def train(
    recipe: Recipe, seed: int | None = None, progress: Callable[[str], Any] | None = None
) -> TrainingResult:
    """Make a recipe's network.

    Args:
        recipe: The recipe.
        seed: Another seed than the recipe's.
        progress: Is called with a sentence when a stage begins.

    Raises:
        UsageError: The data set is unknown, or its samples do not suffice.
    """
    used = recipe.seed if seed is None else _check_seed(seed)
    tell = progress or (lambda sentence: None)
    tell(f"loading {recipe.data}:train")
    data = load_dataset(f"{recipe.data}:train")
    tell(f"training {recipe.training.hidden} hidden neurons on {data.n_samples} samples")
    began = perf_counter()
    with threadpool_limits(1, "blas"):  # sums in one order on any number of cores: one seed, one network
        sampled = sampled_network(data, recipe.training, np.random.default_rng(used))
    seconds = perf_counter() - began
    right = sampled.readout.held_out.argmax(axis=1) == data.labels
    figures = {
        "held_out_accuracy": float(right.mean()),
        "penalty": sampled.readout.penalty,
        "hidden_spike_share": sampled.spike_share,
        "early_spike_share": sampled.early_share,
    }
    return TrainingResult(sampled.network, recipe, used, seconds, figures)


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise UsageError(f"the seed is {seed}; give a whole number from 0 on")
    return seed


def _folder() -> Path:
    """Where the recipes lie: inside the package in a wheel, beside it in the repository."""
    package = Path(__file__).parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"

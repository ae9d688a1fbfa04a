"""Train a recipe's network, for one seed or several, and write the best down.

A network without a data set has input spikes of its own, which are written beside it: ``net.npz`` and
``net.inputs.npz``, for ``spikec run net.npz --input net.inputs.npz``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikec.arrays import FloatArray
from spikec.commands.files import check_output
from spikec.container import save, write_atomically
from spikec.errors import UsageError
from spikec.provenance import option_words, trained_by
from spikec.report.plots import curves, format_of, to_bytes

if TYPE_CHECKING:
    from spikec_train.datasets import Dataset
    from spikec_train.recipes import Recipe, TrainingResult


@dataclass(frozen=True)
class Changes:
    """What the command line changes in a recipe.

    Attributes:
        curriculum: Whether easy samples come first.
        grow: Hidden neurons to begin with; None for all of them, or what the recipe says.
        data: Another data set than the recipe's, of which it promises nothing.
    """

    curriculum: bool = False
    grow: int | None = None
    data: str | None = None

    def of(self, recipe: Recipe) -> Recipe:
        """The recipe with them.

        Raises:
            UsageError: It has no data set that could be another.
        """
        from spikec_train.growing import Growth
        from spikec_train.orders import Curriculum

        if self.curriculum and recipe.curriculum is None:
            recipe = replace(recipe, curriculum=Curriculum())
        if self.grow is not None:
            growth = Growth(self.grow) if recipe.growth is None else replace(recipe.growth, first=self.grow)
            recipe = replace(recipe, growth=growth)
        if self.data is not None and recipe.data is None:
            raise UsageError("this recipe draws its input and has no data set; leave out --data")
        return recipe if self.data is None else replace(recipe, data=self.data)


def train_file(
    name: str,
    output: Path | None,
    seed: int | None,
    n_seeds: int,
    data_dir: Path | None,
    checkpoint: Path | None,
    progress: Callable[[str], None],
    plot: Path | None = None,
    changes: Changes = Changes(),
) -> dict[str, Any]:
    """Train networks by a recipe, and save the one that does best on the *training* samples.

    Args:
        name: Name of a recipe, or a YAML file.
        output: Where the network goes; None to keep its figures alone.
        seed: The first seed; None for the recipe's.
        n_seeds: How many seeds, counted up from the first.
        data_dir: Where data sets lie that do not ship.
        checkpoint: Where an interrupted training goes on; of several seeds, each has a file of its own.
        progress: Told what happens.
        plot: Where a picture of the loss over the epochs goes, a line a seed.
        changes: What is to be otherwise than in the recipe.

    Returns:
        As JSON values: figures of the saved network and, of several seeds, those of each and their means.

    Raises:
        UsageError: No seeds, no folder to write to, a picture of what has no epochs or of no known format, or
            what `spikec_train.recipes.train` raises.
    """
    from spikec_train.recipes import load_recipe, train

    if n_seeds < 1:
        raise UsageError(f"{n_seeds} seeds were asked for; give 1 or more")
    if output is None:
        progress("no network will be written, for no --output says where")
    _check_places(output, checkpoint, plot)
    recipe = changes.of(load_recipe(name))
    first = recipe.seed if seed is None else seed
    data, test = _data(recipe.data, data_dir, progress)
    best: TrainingResult | None = None
    records: list[dict[str, Any]] = []
    losses: list[tuple[str, FloatArray]] = []
    for used in range(first, first + n_seeds):
        of_seed = checkpoint if n_seeds == 1 else _of_seed(checkpoint, used)
        made = train(recipe, used, _with_seed(progress, used), data, of_seed)
        records.append(_record(made, test))
        if plot is not None:
            losses.append((f"seed {used}", _losses(made, name)))
        if best is None or made.score > best.score:
            best = made
    assert best is not None
    if output is not None:
        save(best.network, output, origin=trained_by(name, best.seed, *option_words(changes)))
    if plot is not None:
        picture = curves(losses, recipe.title, "mean loss of an epoch")
        write_atomically(plot, to_bytes(picture, format_of(plot)))
    figures = records[best.seed - first]
    other = {"data": changes.data} if changes.data else {}
    found = {"recipe": name, **other, **figures, "output": None if output is None else str(output)}
    accuracy = None if changes.data else figures.get("accuracy", {}).get("test")
    found["shortfall"] = recipe.expected.shortfall(accuracy, None if recipe.data else figures.get("loss"))
    if best.notes:
        found["notes"] = list(best.notes)
    if best.inputs is not None and output is not None:
        inputs = output.with_suffix(f".inputs{output.suffix}")
        save(dict(best.inputs), inputs)
        found["inputs"] = str(inputs)
    return {**found, **_of_all(records)} if n_seeds > 1 else found


def _check_places(output: Path | None, checkpoint: Path | None, plot: Path | None) -> None:
    """Refuse what cannot be written, before anything is trained."""
    for path in (output, checkpoint):
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder} to write {path.name} to; make it first")
    check_output(plot, output, checkpoint)
    if plot is not None:
        format_of(plot)


def _of_all(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of each seed, and their means."""
    return {"mean": _mean([{k: v for k, v in r.items() if k != "seed"} for r in records]), "seeds": records}


def _mean(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Figure by figure, and within those that are of several kinds kind by kind."""
    columns = {name: [r[name] for r in records] for name in records[0]}
    return {k: _mean(v) if isinstance(v[0], dict) else float(np.mean(v)) for k, v in columns.items()}


def _data(
    name: str | None, folder: Path | None, progress: Callable[[str], None]
) -> tuple[Dataset | None, Dataset | None]:
    """What to train with and what to test with, if there is a data set."""
    from spikec_train.datasets import load_dataset

    if name is None:
        if folder is not None:
            raise UsageError("this recipe draws its input and has no data set; leave out --data-dir")
        return None, None
    progress(f"loading {name}")
    return load_dataset(f"{name}:train", folder), load_dataset(f"{name}:test", folder)


def _record(made: TrainingResult, test: Dataset | None) -> dict[str, Any]:
    """Figures of one seed; those that training and test samples both have stand together."""
    measured = {} if made.measure is None or test is None else made.measure(test)
    record: dict[str, Any] = {"seed": made.seed, "seconds": {"train": made.seconds}}
    for name, value in [*made.figures.items(), *((f"test_{k}", v) for k, v in measured.items())]:
        split, _, what = name.partition("_")
        if split in ("train", "test"):
            record.setdefault(what, {})[split] = value
        else:
            record[name] = value
    return record


def _losses(made: TrainingResult, name: str) -> FloatArray:
    if made.losses is None:
        raise UsageError(f"recipe {name} trains in one step and has no curve to draw; leave out --plot")
    return made.losses


def _of_seed(checkpoint: Path | None, seed: int) -> Path | None:
    if checkpoint is None:
        return None
    return checkpoint.with_name(f"{checkpoint.stem}.{seed}{checkpoint.suffix}")


def _with_seed(progress: Callable[[str], None], seed: int) -> Callable[[str], None]:
    return lambda sentence: progress(f"seed {seed}: {sentence}")

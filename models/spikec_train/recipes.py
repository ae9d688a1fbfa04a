"""Recipes: one YAML file is one network that anybody can make again: data, method, seed, figures to expect.

A recipe names its data set; it trains on the split ``train``, and its figures are those of ``test``. Networks
that are to spike at given times have none: their input is drawn from the seed. The entry ``method`` says how
a recipe trains; a new method is a new options class with its own ``method`` in `Training`, and a function
beside `_train_layers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from spikec.arrays import FloatArray
from spikec.catalogue import Catalogue
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.network import Network
from spikec_train.cuba_pairs import compile_cuba
from spikec_train.cuba_training import ExactCuba
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.first_spike import AnyLayers, ExactLayers, TrainedLayers, train_layers
from spikec_train.growing import Growth, train_growing
from spikec_train.orders import Curriculum, schedule
from spikec_train.qif_training import ExactQif, TrainedQif, train_qif
from spikec_train.ramp_layer import compile_ramps
from spikec_train.sampled_cuba import SampledCuba, SampledCubaNetwork, sampled_cuba
from spikec_train.sampled_series import SampledSeries, SampledSeriesNetwork, sampled_series
from spikec_train.sampling import SampledNetwork, SampledRamp, sampled_network
from spikec_train.spike_time_tasks import ExactQifNeuron, ExactQifRnn
from spikec_train.theta_training import ExactTheta
from spikec_train.trainable import check_trainable

Sampled = SampledRamp | SampledCuba | SampledSeries

Training = Annotated[
    Sampled | ExactTheta | ExactCuba | ExactQifNeuron | ExactQifRnn,
    Field(discriminator="method"),
]

_METHODS = (
    "sampled-ramp", "sampled-cuba", "sampled-series", "exact-theta", "exact-cuba", "exact-qif-neuron",
    "exact-qif-rnn", "adam", "adabelief", "sgd", "int", "tuple[int, ...]",
)  # fmt: skip

_CHECKED = ConfigDict(extra="forbid")


@checked_dataclass(frozen=True, config=_CHECKED)
class Expected:
    """What a recipe promises: an accuracy if it has a data set, else a loss.

    Attributes:
        seconds: Processor time of the training, a guide only.
        accuracy: Share of right answers on the test split, exact spike times.
        tolerance: How far another seed or machine may be off.
        loss: The largest loss of the trained network with the recipe's own seed.
    """

    seconds: float
    accuracy: float | None = None
    tolerance: float = 0.0
    loss: float | None = None

    def __post_init__(self) -> None:
        if not (0 <= (self.accuracy or 0.0) <= 1 and 0 <= self.tolerance <= 1 and self.seconds > 0):
            raise UsageError(
                f"it expects accuracy {self.accuracy} with tolerance {self.tolerance} in {self.seconds} s; "
                "shares lie between 0 and 1, and seconds are positive"
            )

    def shortfall(self, accuracy: float | None, loss: float | None) -> str | None:
        """What a training lacks of this promise, in one sentence; None if nothing.

        Args:
            accuracy: On the test split, if there is one.
            loss: Of the trained network.
        """
        if self.accuracy is not None and accuracy is not None:
            least = self.accuracy - self.tolerance
            if not accuracy >= least:
                got = f"{100 * accuracy:.2f} %"
                return f"the recipe promises {100 * least:.2f} % right or more, but this is {got}"
        if self.loss is not None and loss is not None and not loss <= self.loss:
            return f"the recipe promises a loss of {self.loss:g} at most, but this is {loss:g}"
        return None


@checked_dataclass(frozen=True, config=_CHECKED)
class Recipe:
    """How one network is made.

    Attributes:
        title: For people.
        seed: Seed of all chance in the training.
        training: The method and its options.
        expected: Figures.
        data: Name of the data set, or None if the method draws its own input.
        curriculum: Which samples come first; None for all mixed in every epoch.
        growth: How the hidden layer grows; None if it is whole from the beginning.
    """

    title: str
    seed: int
    training: Training
    expected: Expected
    data: str | None = None
    curriculum: Curriculum | None = None
    growth: Growth | None = None

    def __post_init__(self) -> None:
        _check_seed(self.seed)
        if not isinstance(self.training, ExactLayers) and (self.curriculum or self.growth):
            raise UsageError(
                f"{self.training.method} does not show samples in epochs, so there is no order to choose and "
                "no time to grow; leave out curriculum and growth"
            )
        if isinstance(self.training, ExactLayers) and self.growth:
            self.growth.check(self.training.hidden, self.training.epochs)
        draws = isinstance(self.training, ExactQif)
        if draws != (self.data is None):
            has, needs = ("a", "draws its input from the seed") if draws else ("no", "needs one")
            raise UsageError(f"it names {has} data set, but {self.training.method} {needs}; mend 'data'")
        if draws != (self.expected.accuracy is None) or draws != (self.expected.loss is not None):
            wanted = "a loss and no accuracy" if draws else "an accuracy and no loss"
            raise UsageError(f"{self.training.method} can promise {wanted}; mend 'expected'")


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network and how its training went.

    Attributes:
        network: In the continuous dialect.
        recipe: What it was made by.
        seed: The seed used.
        seconds: Processor time of the training alone, of all its threads together, without loading data,
            compiling and evaluation.
        figures: What the training measured, on training samples alone, by name.
        score: The figure by which the best of several seeds is chosen, the larger the better.
        measure: Figures of the network on other samples, ``accuracy`` among them: exact spike times. None
            if there can be no others.
        inputs: Input spikes that belong to the network, by population, if it has no data set.
        losses: Mean loss of each epoch, ``(n_epochs,)``; None if the method has no epochs.
        notes: What is odd about the samples, one sentence each.
    """

    network: Network
    recipe: Recipe
    seed: int
    seconds: float
    figures: Mapping[str, float]
    score: float
    measure: Callable[[Dataset], Mapping[str, float]] | None
    inputs: Mapping[str, Events] | None = None
    losses: FloatArray | None = None
    notes: tuple[str, ...] = ()


_ADAPTER: TypeAdapter[Recipe] = TypeAdapter(Recipe)


def recipe_names() -> list[str]:
    """Names of the recipes that ship."""
    return _catalogue().names()


def load_recipe(name: str) -> Recipe:
    """Read a recipe by name, or from the path of a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    return _catalogue().load(name)


def parse_recipe(text: str, name: str) -> Recipe:
    """Make a recipe from YAML text.

    Raises:
        UsageError: The text is no YAML or breaks the schema; the message names every fault.
    """
    return _catalogue().parse(text, name)


def train(
    recipe: Recipe,
    seed: int | None = None,
    progress: Callable[[str], Any] | None = None,
    data: Dataset | None = None,
    checkpoint: Path | None = None,
) -> TrainingResult:
    """Make a recipe's network.

    Args:
        recipe: The recipe.
        seed: Another seed than the recipe's.
        progress: Is called with a sentence when a stage begins.
        data: The training samples, if they are loaded already.
        checkpoint: A file to go on from and to write after every epoch, where a method has epochs.

    Raises:
        UsageError: The data set is unknown, its samples do not suffice, or the checkpoint does not fit.
    """
    used = recipe.seed if seed is None else _check_seed(seed)
    tell = progress or (lambda sentence: None)
    options = recipe.training
    if isinstance(options, ExactQif):
        return _train_qif(recipe, options, used, checkpoint, tell)
    if data is None:
        tell(f"loading {recipe.data}:train")
        data = load_dataset(f"{recipe.data}:train")
    notes = tuple(check_trainable(data))
    for sentence in notes:
        tell(sentence)
    if isinstance(options, ExactLayers):
        return replace(_train_layers(recipe, options, data, used, checkpoint, tell), notes=notes)
    if checkpoint is not None:
        raise UsageError("this recipe trains in one step and has no checkpoints; leave out --checkpoint")
    return replace(_train_sampled(recipe, options, data, used, tell), notes=notes)


def _train_sampled(
    recipe: Recipe, options: Sampled, data: Dataset, seed: int, tell: Callable[[str], Any]
) -> TrainingResult:
    """Networks whose readout is solved for."""
    n = sum(options.layers) if isinstance(options, SampledRamp) else options.hidden
    tell(f"training {n} hidden neurons on {data.n_samples} samples")
    compile_ramps()
    if isinstance(options, SampledCuba):
        compile_cuba()
    rng = np.random.default_rng(seed)
    with threadpool_limits(1, "blas"):  # sums in one order on any number of cores: one seed, one network
        began = process_time()
        made: SampledNetwork | SampledCubaNetwork | SampledSeriesNetwork
        if isinstance(options, SampledSeries):
            made = sampled_series(data, options, rng)
        elif isinstance(options, SampledCuba):
            made = sampled_cuba(data, options, rng)
        else:
            made = sampled_network(data, options, rng)
        seconds = process_time() - began

    def measure(other: Dataset) -> dict[str, float]:
        with threadpool_limits(1, "blas"):
            right = (
                made.scores(other.samples[rows]).argmax(axis=1) == other.labels[rows]
                for rows in other.pieces()
            )
            return {"accuracy": sum(int(np.count_nonzero(r)) for r in right) / other.n_samples}

    figures = {
        "train_accuracy": measure(data)["accuracy"],
        "held_out_error": made.readout.held_out_error,
        "penalty": made.readout.penalty,
        **made.figures,
    }
    score = -made.readout.held_out_error
    return TrainingResult(made.network, recipe, seed, seconds, figures, score, measure)


def _train_layers(
    recipe: Recipe,
    options: AnyLayers,
    data: Dataset,
    seed: int,
    checkpoint: Path | None,
    tell: Callable[[str], Any],
) -> TrainingResult:
    shown, growth = None, recipe.growth
    if recipe.curriculum is not None:
        tell(f"judging {data.n_samples} samples by {recipe.curriculum.judges} sampled neurons")
        shown = schedule(data, recipe.curriculum, options.epochs, seed)
    tell(f"training {sum(options.hidden)} hidden neurons on {data.n_samples} samples")
    if growth is None:
        made = train_layers(data, options, seed, checkpoint, tell, shown)
    else:
        made = train_growing(data, options, growth, seed, checkpoint, tell, shown)
    figures = {f"train_{name}": value for name, value in made.figures(data).items()}
    jumps = isinstance(options, ExactCuba)  # its loss does, and weighs silence beside answers
    score = figures["train_accuracy"] if jumps else -figures["train_loss"]
    judging = 0.0 if shown is None else shown.seconds
    return _result(recipe, seed, made, figures, score, measure=made.figures, judging=judging)


def _train_qif(
    recipe: Recipe, options: ExactQif, seed: int, checkpoint: Path | None, tell: Callable[[str], Any]
) -> TrainingResult:
    tell(f"training {options.epochs * options.steps} steps")
    made = train_qif(options, seed, checkpoint, tell)
    figures = made.figures()
    return _result(recipe, seed, made, figures, -figures["loss"], inputs=made.inputs)


def _result(
    recipe: Recipe,
    seed: int,
    made: TrainedLayers | TrainedQif,
    figures: Mapping[str, float],
    score: float,
    measure: Callable[[Dataset], Mapping[str, float]] | None = None,
    inputs: Mapping[str, Events] | None = None,
    judging: float = 0.0,
) -> TrainingResult:
    """What an exact gradient has trained, after some seconds of telling easy samples from hard ones."""
    seconds, losses = judging + made.training.seconds, made.training.losses
    return TrainingResult(made.network, recipe, seed, seconds, figures, score, measure, inputs, losses)


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise UsageError(f"the seed is {seed}; give a whole number from 0 on")
    return seed


def _folder() -> Path:
    """Where the recipes lie: inside the package in a wheel, beside it in the repository."""
    package = Path(__file__).parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def _catalogue() -> Catalogue[Recipe]:
    return Catalogue("recipe", _folder(), _ADAPTER, "docs/training.md", _METHODS)

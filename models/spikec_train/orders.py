"""The order in which a training shows its samples: easy ones first, or hard ones.

How hard a sample is says a sampled network (`sampling`), which takes a fraction of a second to make: by the
margin of the right class, its score less the highest of the others. The half with larger margins is easy. Of
the epochs that keep an order, the first half shows easy samples alone, each twice an epoch, the second half
hard ones: every sample is shown as often as it would be without an order. That is the schedule of
S. Sarao Mannelli, Y. Ivashinka, A. Saxe, L. Saglietti: "Tilting the odds at the lottery", ICML 2024,
arXiv:2406.01589, for many epochs. Epochs after those show all samples mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.datasets import Dataset
from spikec_train.ramp_layer import compile_ramps
from spikec_train.sampling import SampledRamp, sampled_network


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Curriculum:
    """Which samples come first.

    Attributes:
        first: The easy or the hard half.
        share: Part of the epochs that keep the order.
        judges: Hidden neurons of the sampled network that says how hard samples are.
    """

    first: Literal["easy", "hard"] = "easy"
    share: float = 1.0
    judges: int = 32

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.judges < 1:
            raise UsageError(
                f"a curriculum with share {self.share} and {self.judges} judges was asked for; the share of "
                "epochs lies above 0 and up to 1, and there must be 1 neuron or more"
            )


@dataclass(frozen=True, eq=False)
class Schedule:
    """What each epoch shows.

    Attributes:
        first: The half that comes first.
        last: The other half.
        epochs: How many epochs keep the order.
        seconds: Processor time that telling the halves apart took.
    """

    first: IntArray
    last: IntArray
    epochs: int
    seconds: float = 0.0

    def order(self, done: int, rng: np.random.Generator) -> IntArray:
        """The samples of the epoch after `done` others; each half shuffled whenever it is shown."""
        if done >= self.epochs:
            return rng.permutation(self.first.size + self.last.size)
        halves = [self.first if k < self.epochs else self.last for k in (2 * done, 2 * done + 1)]
        return np.concatenate([rng.permutation(half) for half in halves])


def schedule(data: Dataset, curriculum: Curriculum, epochs: int, seed: int) -> Schedule:
    """Tell easy samples from hard ones.

    Args:
        data: The training samples.
        curriculum: What is wanted.
        epochs: Epochs of the whole training.
        seed: Of the sampled network.

    Raises:
        UsageError: The samples do not suffice for the sampled network.
    """
    compile_ramps()
    began = process_time()
    hardest_first = np.argsort(margins(data, curriculum.judges, seed), kind="stable")
    hard, easy = np.split(hardest_first, [data.n_samples // 2])
    halves = (easy, hard) if curriculum.first == "easy" else (hard, easy)
    return Schedule(*halves, max(1, round(curriculum.share * epochs)), process_time() - began)


def margins(data: Dataset, judges: int, seed: int) -> FloatArray:
    """By how much a sampled network's score of the right class exceeds all others, ``(n_samples,)``.

    Args:
        data: The samples, which also train the network.
        judges: Its hidden neurons.
        seed: Of all chance.
    """
    with threadpool_limits(1, "blas"):  # sums in one order on any number of cores
        judge = sampled_network(data, SampledRamp(hidden=judges), np.random.default_rng(seed))
        scores = judge.scores(data.samples)
    rows = np.arange(data.n_samples)
    right: FloatArray = scores[rows, data.labels].copy()
    scores[rows, data.labels] = -np.inf
    return right - scores.max(axis=1)

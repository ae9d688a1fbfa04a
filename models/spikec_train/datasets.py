"""Data sets by name: ``digits:train``, ``digits:test``, ``digits:test:20`` for the first 20, ``mnist:test``.

A split never depends on the seed of a training: whatever network is asked, ``digits:test`` are images that no
training of ours has seen. Digits come with scikit-learn; Yin-Yang is drawn; MNIST and the spoken digits are
read from the user's own folder. Nothing is downloaded. ``PATH:SPLIT`` is a data set of the user's (`stored`),
whose samples stay on the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from spikec.arrays import FloatArray, IntArray, read_only
from spikec.errors import UsageError
from spikec_train.digits import read_digits
from spikec_train.fsdd import FRAMES, SPLITS, read_fsdd
from spikec_train.log_mel import BANDS
from spikec_train.mnist import read_mnist
from spikec_train.stored import StoredSamples, open_split
from spikec_train.yinyang import SIZE_AND_SEED, yinyang

DATA_VARIABLE = "SPIKEC_DATA"
"""The environment variable that names the folder of data sets that do not ship."""


_VALUES = 1 << 22
"""Values of samples that are held at a time: 32 MB."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled samples.

    Attributes:
        name: Name of the data set, for instance ``"digits"``.
        split: ``"train"``, ``"test"``, or another that the data set has, such as ``"validation"``.
        samples: One sample a row, ``(n_samples, n_values)``, in the data's own units, from 0 to ``x_max``: an
            array, or rows of files, which are read when they are asked for.
        labels: Class of each sample, from 0, ``(n_samples,)``.
        shape: The values' arrangement in a sample, row-major.
        x_max: The largest value there can be.
        n_classes: Number of classes.
    """

    name: str
    split: str
    samples: FloatArray | StoredSamples
    labels: IntArray
    shape: tuple[int, ...]
    x_max: float
    n_classes: int

    def __post_init__(self) -> None:
        if not isinstance(self.samples, StoredSamples):
            object.__setattr__(self, "samples", read_only(self.samples, np.float64))
            _check_finite(self.samples, self.name)
        object.__setattr__(self, "labels", read_only(self.labels, np.int64))
        n = self.labels.size
        if self.samples.shape != (n, prod(self.shape)) or self.labels.shape != (n,):
            raise UsageError(
                f"data set {self.name} has samples {self.samples.shape} of shape {self.shape} and labels "
                f"{self.labels.shape}; one row and one label a sample are needed"
            )
        if n and not (0 <= self.labels.min() and self.labels.max() < self.n_classes):
            raise UsageError(
                f"data set {self.name} has labels from {self.labels.min()} to {self.labels.max()}, "
                f"but {self.n_classes} classes, counted from 0"
            )

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.labels.size)

    def first(self, n: int) -> Dataset:
        """The first `n` samples."""
        samples = self.samples
        first = samples.first(n) if isinstance(samples, StoredSamples) else samples[:n]
        return replace(self, samples=first, labels=self.labels[:n])

    def pieces(self) -> Iterator[slice]:
        """Samples whose values are held together, a few at a time."""
        size = max(1, _VALUES // max(prod(self.shape), 1))
        return (slice(first, first + size) for first in range(0, self.n_samples, size))


def dataset_names() -> list[str]:
    """What `load_dataset` takes, without the number of samples."""
    return [f"{name}:{split}" for name in sorted(_LOADERS) for split in _LOADERS[name][1]]


def load_dataset(spec: str, folder: Path | None = None) -> Dataset:
    """Load a split of a data set.

    Args:
        spec: ``NAME:SPLIT`` or, for its first ``N`` samples, ``NAME:SPLIT:N`` or ``NAME:SPLIT[:N]``; the path
            of a folder or an ``.npz`` may stand for ``NAME``: ``./digits`` is a folder, ``digits`` is not.
        folder: Where data sets lie that do not ship; None for what `DATA_VARIABLE` says.

    Raises:
        UsageError: There is no such data set or split, or it has fewer samples, or its files are missing.
        FileFormatError: Its files are damaged.
    """
    given = re.fullmatch(r"([^:\[\]]+):([^:\[\]]+)(?::(\d+)|\[:(\d+)\])?", spec.strip())
    own = given is not None and is_path(given[1])
    if spec.strip() and ":" not in spec and is_path(spec.strip()):
        raise UsageError(f"{spec} does not say which samples; give {spec}:train or {spec}:test")
    if given is None or not (own or f"{given[1]}:{given[2]}" in dataset_names()):
        raise UsageError(
            f"there is no data set {spec!r}; known are {', '.join(dataset_names())}, "
            f"each with :N after it for its first N samples, and PATH:train of your own"
        )
    if own:
        data = _stored(Path(given[1]), given[2])
    else:
        load, _ = _LOADERS[given[1]]
        data = load(given[2], _folder() if folder is None else folder)
    number = given[3] or given[4]
    if number is None:
        return data
    if not 1 <= int(number) <= data.n_samples:
        raise UsageError(
            f"data set {spec!r} asks for {number} samples; {data.name}:{data.split} has 1 to {data.n_samples}"
        )
    return data.first(int(number))


def is_path(name: str) -> bool:
    """Whether a data set is one of the user's, on the disk."""
    if "/" in name or os.sep in name or name.endswith(".npz"):
        return True
    return name not in _LOADERS and Path(name).is_dir()


def _check_finite(samples: FloatArray, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(samples).all(axis=tuple(range(1, samples.ndim))))
    if bad.size:
        raise UsageError(
            f"data set {name} has {bad.size} samples with NaN or infinite values, the first is sample "
            f"{bad[0]}; give finite ones"
        )


def _stored(path: Path, split: str) -> Dataset:
    found = open_split(path, split)
    return Dataset(path.stem, split, found.samples, found.labels, found.shape, found.x_max, found.n_classes)


def _folder() -> Path | None:
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else None


def _digits(split: str, folder: Path | None) -> Dataset:
    """Handwritten digits, 8 by 8 pixels of 17 grey levels: 1347 to train with, 450 to test with."""
    samples, labels = read_digits(split)
    return Dataset("digits", split, samples, labels, shape=(8, 8), x_max=16.0, n_classes=10)


def _mnist(split: str, folder: Path | None) -> Dataset:
    """Handwritten digits, 28 by 28 pixels of 256 grey levels: 60,000 to train with, 10,000 to test with.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
    """
    images, labels = read_mnist(folder, split)
    return Dataset("mnist", split, images, labels, shape=(28, 28), x_max=255.0, n_classes=10)


def _yinyang(split: str, folder: Path | None) -> Dataset:
    """Points of the Yin-Yang symbol, four values from 0 to 1: 5000 to train with, 1000 to test with.

    Another 1000, ``validation``, are there to choose options by.
    """
    samples, labels = yinyang(*SIZE_AND_SEED[split])
    return Dataset("yinyang", split, samples, labels, shape=(4,), x_max=1.0, n_classes=3)


def _fsdd(split: str, folder: Path | None) -> Dataset:
    """Spoken digits, 24 bands by 100 frames of 10 ms: 2700 recordings to train with, 300 to test with.

    ``theo`` are those of one of the six speakers, ``without-theo`` all others.
    """
    bands, digits = read_fsdd(folder, split)
    return Dataset("fsdd", split, bands, digits, shape=(FRAMES, BANDS), x_max=1.0, n_classes=10)


_LOADERS: dict[str, tuple[Callable[[str, Path | None], Dataset], tuple[str, ...]]] = {
    "digits": (_digits, ("train", "test")),
    "fsdd": (_fsdd, SPLITS),
    "mnist": (_mnist, ("train", "test")),
    "yinyang": (_yinyang, tuple(SIZE_AND_SEED)),
}
"""How each data set is loaded, and its splits."""

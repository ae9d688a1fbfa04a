"""Samples in files of the user's: arrays on the disk, of which only the rows that are asked for are read.

A data set is a folder of ``.npy`` files, or one ``.npz``, with arrays ``x_train``, ``y_train``, ``x_test``
and ``y_test``: of each sample its values, from 0 on, in any arrangement, and its class. Another split has
another name behind the ``_``. Samples may lie in several files, ``x_train_0.npy``, ``x_train_1.npy``, which
follow each other in the order of their names. Of an ``.npz`` those that are packed
(`numpy.savez_compressed`) are held in memory, for their rows cannot be found; others are not.

The largest value there can be is the array ``x_max`` if there is one, 255 for bytes, else the largest value
of ``x_train``. Labels are held: 8 bytes a sample.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import FileFormatError, UsageError
from spikec.zip_files import array_of, opened_zip, read_header

_VALUES = 1 << 19
"""Values that are looked at together: 4 MB."""


@dataclass(frozen=True, eq=False)
class ArrayPart:
    """Rows in a row somewhere in a file.

    Attributes:
        path: The file.
        start: Where they begin, bytes.
        dtype: Of their values.
        shape: ``(n, ...)``.
        held: The rows, if they are in memory.
    """

    path: Path
    start: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    held: AnyArray | None = None

    @property
    def n_values(self) -> int:
        """Values of a row."""
        return prod(self.shape[1:])

    def read(self, rows: IntArray) -> AnyArray:
        """Some rows, ``(n, n_values)``.

        Raises:
            FileFormatError: The file was cut or taken away since it was opened.
        """
        if self.held is not None:
            return self.held.reshape(-1, self.n_values)[rows]
        found = np.empty((rows.size, self.n_values), self.dtype)
        if not found.size:
            return found
        runs = np.flatnonzero(np.diff(rows, prepend=-2) != 1)  # each is read at once
        size = self.n_values * self.dtype.itemsize
        try:
            with self.path.open("rb") as file:
                for first, last in zip(runs, [*runs[1:], rows.size], strict=True):
                    file.seek(self.start + int(rows[first]) * size)
                    if file.readinto(memoryview(found[first:last]).cast("B")) != (last - first) * size:
                        raise FileFormatError(f"{self.path} ends too early; make it again")
        except OSError as error:
            raise FileFormatError(f"{self.path} cannot be read: {error.strerror or error}") from error
        return found


class StoredSamples:
    """Samples that are read when they are asked for: ``samples[rows]`` is an array, one sample a row.

    Args:
        parts: Where they are, all of one shape but for the number of rows.

    Attributes:
        shape: ``(n_samples, n_values)``.

    Raises:
        FileFormatError: The parts differ in the shape of a sample.
    """

    def __init__(self, parts: Sequence[ArrayPart]) -> None:
        for part in parts:
            if part.shape[1:] != parts[0].shape[1:]:
                raise FileFormatError(
                    f"{part.path} has samples of shape {part.shape[1:]}, but {parts[0].path} of "
                    f"{parts[0].shape[1:]}; all must be of one shape"
                )
        self._parts = tuple(parts)
        self._ends = np.cumsum([part.shape[0] for part in parts])
        self.shape = (int(self._ends[-1]), parts[0].n_values)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | IntArray) -> FloatArray:
        """Some samples, ``(n, n_values)``.

        Raises:
            UsageError: A value is NaN or infinite.
            FileFormatError: A file was cut or taken away since it was opened.
        """
        wanted = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        part = np.searchsorted(self._ends, wanted, side="right")
        found = np.empty((wanted.size, self.shape[1]))
        for k in np.unique(part):
            chosen, first = part == k, self._ends[k] - self._parts[k].shape[0]
            found[chosen] = self._parts[k].read(wanted[chosen] - first)
        bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if bad.size:
            raise UsageError(
                f"sample {wanted[bad[0]]} of {self._parts[part[bad[0]]].path} holds NaN or infinite values; "
                "give finite ones"
            )
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All samples in memory."""
        return np.asarray(self[:], dtype)

    def first(self, n: int) -> StoredSamples:
        """The first `n` samples."""
        left, parts = n, []
        for part in self._parts:
            rows = min(left, part.shape[0])
            held = None if part.held is None else part.held[:rows]
            parts.append(ArrayPart(part.path, part.start, part.dtype, (rows, *part.shape[1:]), held))
            left -= rows
        return StoredSamples(parts)

    def pieces(self) -> Iterator[FloatArray]:
        """All samples, some at a time."""
        step = max(1, _VALUES // max(self.shape[1], 1))
        return (self[first : first + step] for first in range(0, len(self), step))


@dataclass(frozen=True, eq=False)
class StoredSplit:
    """What the files say of a split.

    Attributes:
        samples: ``(n, n_values)``.
        labels: ``(n,)``.
        shape: Of a sample, as the files have it.
        x_max: The largest value there can be.
        n_classes: One more than the largest label of the split ``train``.
    """

    samples: StoredSamples
    labels: IntArray
    shape: tuple[int, ...]
    x_max: float
    n_classes: int


def open_split(path: Path, split: str) -> StoredSplit:
    """Open a split of a data set on the disk, and look once at all its values.

    Raises:
        UsageError: There is no such split, or values that no sample can have.
        FileFormatError: The files are missing, damaged, or hold something else.
    """
    parts, labels = _parts(path, f"x_{split}"), _labels(path, split)
    n = sum(part.shape[0] for part in parts)
    if not n or labels.shape != (n,) or min(len(part.shape) for part in parts) < 2:
        shapes = [part.shape for part in parts]
        raise UsageError(
            f"{path} has samples {shapes} and labels {labels.shape} of {split}; one row of values and one "
            "label a sample are needed"
        )
    samples, training = StoredSamples(parts), labels if split == "train" else _labels(path, "train")
    n_classes = int(training.max(initial=0)) + 1
    if n_classes > training.size:
        raise UsageError(
            f"{path} has label {n_classes - 1}, but {training.size} training samples; classes are counted "
            "from 0, each with samples"
        )
    return StoredSplit(
        samples, labels, parts[0].shape[1:], _x_max(path, split, _highest(parts, path)), n_classes
    )


def _highest(parts: Sequence[ArrayPart], path: Path) -> float:
    """The largest value, 255 for bytes, once it is sure that none is negative."""
    if all(part.dtype == np.uint8 for part in parts):
        return 255.0
    highest = 0.0
    for piece in StoredSamples(parts).pieces():
        if piece.min(initial=0.0) < 0:
            raise UsageError(
                f"{path} has samples with negative values, as {piece.min():g}; values go from 0 on, so move "
                "them up"
            )
        highest = max(highest, float(piece.max(initial=0.0)))
    return highest


def _x_max(path: Path, split: str, highest: float) -> float:
    """The largest value there can be, if `highest` is the largest that there is in the split."""
    given = highest
    if _names(path, "x_max"):
        (part,) = _parts(path, "x_max")
        if prod(part.shape) != 1:
            raise UsageError(f"{path} has x_max of shape {part.shape}; one number is needed")
        given = float(part.read(np.arange(1)).ravel()[0])
    elif split != "train":
        given = _highest(_parts(path, "x_train"), path)
    if not 0 < given < np.inf:
        raise UsageError(f"the largest value of {path} is {given:g}; it must be positive")
    return given


def _labels(path: Path, split: str) -> IntArray:
    parts = _parts(path, f"y_{split}")
    for part in parts:
        if part.dtype.kind not in "iu" or len(part.shape) != 1:
            raise UsageError(
                f"{part.path} has labels of type {part.dtype} and shape {part.shape}; whole numbers from 0 "
                "on, one a sample, are needed"
            )
    found = np.concatenate([part.read(np.arange(part.shape[0]))[:, 0] for part in parts])
    if found.size and int(found.min()) < 0:
        raise UsageError(f"{path} has label {found.min()}; classes are counted from 0")
    return found.astype(np.int64)


def _parts(path: Path, name: str) -> list[ArrayPart]:
    """The files or the member that hold an array."""
    names = _names(path, name)
    if not names:
        raise UsageError(
            f"{path} has no array {name}; x_train, y_train, x_test and y_test are needed, as .npy files of a "
            "folder or in one .npz"
        )
    if path.is_dir():
        return [_part(path / each, each) for each in names]
    with opened_zip(path, ".npz of arrays") as archive:
        info = archive.getinfo(names[0])
        if info.compress_type == zipfile.ZIP_STORED:
            return [_part(path, names[0], _start(path, info), info.file_size)]
        held = array_of(archive, names[0], path)
        return [ArrayPart(path, 0, held.dtype, held.shape, held)]


def _names(path: Path, name: str) -> list[str]:
    """Files of a folder, or members of a zip, that hold an array or parts of it."""
    if path.is_dir():
        given = sorted(p.name for p in path.glob(f"{name}*.npy"))
        return [n for n in given if re.fullmatch(rf"{re.escape(name)}(_\d+)?\.npy", n)]
    with opened_zip(path, ".npz of arrays") as archive:
        return [n for n in archive.namelist() if n == f"{name}.npy"]


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member that is not packed begin: behind its own header, name and extra field."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
    if len(header) != 30 or header[:4] != b"PK\x03\x04":
        raise FileFormatError(f"{path} is no intact .npz; make it again")
    return info.header_offset + 30 + sum(int.from_bytes(header[k : k + 2], "little") for k in (26, 28))


def _part(path: Path, name: str, start: int = 0, size: int | None = None) -> ArrayPart:
    """An array that begins with its header, in so many bytes of a file, or in all of it."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            shape, dtype = read_header(file, name, path)
            begins, ends = file.tell(), file.seek(0, 2)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    rest = min(ends, ends if size is None else start + size) - begins
    if rest != prod(shape) * dtype.itemsize:
        raise FileFormatError(f"{path} claims an array of shape {shape}, but its data differ; make it again")
    return ArrayPart(path, begins, dtype, shape)

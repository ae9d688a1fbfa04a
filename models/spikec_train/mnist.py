"""MNIST from a folder of the user's: one ``mnist.npz``, or the four idx files, packed or not."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from spikec.arrays import AnyArray
from spikec.errors import FileFormatError, UsageError

PACKED = "mnist.npz"
"""Arrays x_train, y_train, x_test, y_test, as Keras distributes them."""

IDX = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""Images and labels of each split, as the authors distribute them."""

_UNSIGNED_BYTES = 0x08


def read_mnist(folder: Path | None, split: str) -> tuple[AnyArray, AnyArray]:
    """Read one split.

    Args:
        folder: Where the files lie; None if nobody said.
        split: ``"train"`` or ``"test"``.

    Returns:
        Images ``(n, 784)``, 0 to 255, and labels ``(n,)``.

    Raises:
        UsageError: There are no such files.
        FileFormatError: They are damaged, or hold something else.
    """
    if folder is None:
        raise UsageError(
            "MNIST does not ship; name its folder in SPIKEC_DATA, or to `spikec train` with --data-dir, and "
            f"{_wanted(split)}"
        )
    if (folder / PACKED).is_file():
        images, labels = _read_npz(folder / PACKED, split)
    else:
        images, labels = (_read_idx(_find(folder, name, split)) for name in IDX[split])
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != (len(images),):
        raise FileFormatError(
            f"the MNIST files in {folder} hold images {images.shape} and labels {labels.shape}; "
            "(n, 28, 28) and (n,) are needed: get them again"
        )
    return images.reshape(len(images), 784), labels


def _wanted(split: str) -> str:
    return f"put {PACKED}, or {IDX[split][0]} and {IDX[split][1]} (.gz or not), there"


def _find(folder: Path, name: str, split: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise UsageError(f"there is no MNIST in {folder}; {_wanted(split)}")


def _read_npz(path: Path, split: str) -> tuple[AnyArray, AnyArray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[f"x_{split}"], arrays[f"y_{split}"]
    except Exception as error:  # damaged zips raise errors of all kinds
        raise FileFormatError(f"{path} is no MNIST, or damaged ({error}); get it again") from error


def _read_idx(path: Path) -> AnyArray:
    """Two zero bytes, the type, the number of axes, their lengths as 32 bits each, and the values."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path} cannot be read ({error}); get it again") from error
    n_axes = data[3] if len(data) > 3 else 0
    start = 4 + 4 * n_axes
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if data[:3] != bytes([0, 0, _UNSIGNED_BYTES]) or len(data) != start + prod(shape):
        raise FileFormatError(f"{path} is no idx file of bytes, or truncated; get it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)

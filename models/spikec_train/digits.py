"""Handwritten digits as scikit-learn bundles them, read without importing it: that takes longer than runs."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError

N_TRAIN, N_TEST = 1347, 450
SPLIT = "digits_split.npy"
"""Numbers of the images to train with, then of those to test with: scikit-learn's ``train_test_split`` with
450 to test, stratified by label, ``random_state=0`` (`tests/models/spikec_train/test_digits.py`)."""


def read_digits(split: str) -> tuple[FloatArray, IntArray]:
    """The images of a split, ``(n, 64)`` from 0 to 16, and their labels.

    Source: UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998), the part that
    scikit-learn bundles.

    Raises:
        UsageError: scikit-learn is not installed.
    """
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise UsageError("the digits come with scikit-learn; install it with `pip install scikit-learn`")
    rows = np.loadtxt(Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    with files(__package__).joinpath(SPLIT).open("rb") as file:
        numbers = np.load(file, allow_pickle=False)
    chosen = rows[numbers[:N_TRAIN] if split == "train" else numbers[N_TRAIN:]]
    return chosen[:, :-1], chosen[:, -1].astype(np.int64)

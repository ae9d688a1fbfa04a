"""Whether anything can be learned from samples, whatever is to learn it."""

from __future__ import annotations

import numpy as np

from spikec.errors import UsageError
from spikec_train.datasets import Dataset

SMALL = 0.25
"""Samples whose largest value is below this part of the full one may be told a wrong one."""

LOOKED_AT = 8192
"""Samples whose values are looked at for their largest."""


def check_trainable(data: Dataset) -> list[str]:
    """Refuse samples that tell no classes apart; say what is odd about others.

    Of samples in files only the first `LOOKED_AT` are looked at, and all labels.

    Returns:
        Sentences; none if all is well.

    Raises:
        UsageError: There are no samples or values, all are of one class, or all are the same.
    """
    if not data.n_samples or not data.samples.shape[1]:
        raise UsageError(
            f"data set {data.name} has {data.n_samples} training samples of {data.samples.shape[1]} values; "
            "both must be 1 or more"
        )
    count = np.bincount(data.labels, minlength=data.n_classes)
    if np.count_nonzero(count) == 1:
        raise UsageError(
            f"all {data.n_samples} training samples are of class {data.labels[0]}, so there is nothing to "
            "tell apart; give samples of two classes or more"
        )
    said = []
    missing = np.flatnonzero(count == 0)
    if missing.size:
        names = ", ".join(map(str, missing[:10])) + (", ..." if missing.size > 10 else "")
        said.append(f"there are no training samples of class {names}: nothing will be answered so")
    highest = float(np.max(data.samples[:LOOKED_AT]))
    if 0 < highest < SMALL * data.x_max:
        said.append(
            f"the largest value is {highest:g}, though {data.x_max:g} counts as full: if there cannot be "
            "such values, give the data their largest one as x_max"
        )
    if isinstance(data.samples, np.ndarray):
        if not np.ptp(data.samples, axis=0).any():
            raise UsageError(
                f"all {data.n_samples} training samples have the same values, so there is nothing to tell "
                "them apart by; give samples that differ"
            )
        beyond = int(np.count_nonzero((data.samples < 0) | (data.samples > data.x_max)))
        if beyond:
            said.append(
                f"{beyond} values are not from 0 to {data.x_max:g} and are taken as the nearer of the two"
            )
    return said

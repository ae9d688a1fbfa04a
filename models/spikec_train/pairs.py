"""Pairs of samples of different classes, near ones more often: between them hidden neurons are placed."""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError
from spikec_train.stored import StoredSamples

MOST_CANDIDATES = 1 << 18
"""Pairs that are looked at, unless more neurons are asked for: samples may be read from the disk for each."""

_VALUES = 1 << 18
"""Values of samples that are compared at a time, so that they stay in the cache."""


def pair_weights(
    points: FloatArray | StoredSamples, labels: IntArray, first: IntArray, second: IntArray
) -> FloatArray:
    """Weight of each pair in the draw: one over its distance, or 0 if it has one class or one place.

    Args:
        points: Shape ``(n_samples, n_values)``.
        labels: Shape ``(n_samples,)``.
        first: One sample of each pair, ``(n_pairs,)``.
        second: The other, ``(n_pairs,)``.
    """
    distance, size = np.empty(first.size), max(1, _VALUES // max(points.shape[1], 1))
    for k in range(0, first.size, size):
        step = points[second[k : k + size]] - points[first[k : k + size]]
        distance[k : k + size] = np.linalg.norm(step, axis=1)
    useful = (labels[first] != labels[second]) & (distance > 0)
    return np.divide(1.0, distance, out=np.zeros_like(distance), where=useful)


def draw_pairs(
    points: FloatArray | StoredSamples,
    labels: IntArray,
    n_pairs: int,
    candidates: int,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Draw different pairs of samples of different classes, near ones more often.

    Candidates are drawn uniformly, at least as many as there are samples, up to `MOST_CANDIDATES`; among them
    pairs are drawn without putting back, each next one with a probability in proportion to `pair_weights`.

    Args:
        points: Shape ``(n_samples, n_values)``.
        labels: Shape ``(n_samples,)``.
        n_pairs: How many.
        candidates: Candidates for each of them.
        rng: Source of chance.

    Returns:
        Indices of the sample with the smaller norm and of the one with the larger, each ``(n_pairs,)``.

    Raises:
        UsageError: All samples are of one class, or there are not as many different pairs among the
            candidates.
    """
    n = len(points)
    if n < 2:
        raise UsageError(f"{n} training samples make no pair; give 2 or more")
    if np.all(labels == labels[0]):
        raise UsageError(
            f"all {n} training samples are of class {labels[0]}, so there is nothing to tell apart; "
            "give samples of two classes or more"
        )
    wanted = max(min(n, MOST_CANDIDATES), n_pairs * candidates)
    a = rng.integers(0, n, wanted)
    b = (a + rng.integers(1, n, wanted)) % n
    a, b = np.divmod(np.unique(np.minimum(a, b) * n + np.maximum(a, b)), n)
    weights = pair_weights(points, labels, a, b)
    useful = int(np.count_nonzero(weights))
    if useful < n_pairs:
        raise UsageError(
            f"{n_pairs} hidden neurons need as many pairs of samples that differ in class and value, but "
            f"{useful} were found; use fewer neurons, more candidates or more samples"
        )
    drawn = rng.choice(a.size, n_pairs, replace=False, p=weights / weights.sum())
    a, b = a[drawn], b[drawn]
    turned = np.sum(np.square(points[a]), axis=1) > np.sum(np.square(points[b]), axis=1)
    return np.where(turned, b, a), np.where(turned, a, b)

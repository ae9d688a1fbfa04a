"""How many answers were right, and whether two networks differ in it by more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

_Z_95 = 1.959963984540054
"""Half-width of a 95 % interval of the normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Accuracy:
    """How many answers were right.

    Attributes:
        value: Share of right answers.
        n_samples: Answers given; None if unknown.
        interval: Wilson's 95 % interval of the share; None if the number of answers is unknown.
    """

    value: float
    n_samples: int | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Discordant:
    """Samples that the float network and its program answer differently right.

    Attributes:
        only_float: Right in the float network alone.
        only_compiled: Right in the program alone.
        p_value: McNemar's exact test, two-sided: how likely so uneven a split of these samples is by chance.
    """

    only_float: int
    only_compiled: int
    p_value: float


def accuracy_of(meta: Mapping[str, Any]) -> Accuracy | None:
    """The accuracy that a result's meta tells, or that follows from its answers and labels; else None."""
    labels, predictions = tuple(meta.get("labels") or ()), tuple(meta.get("predictions") or ())
    value, n = meta.get("accuracy"), len(labels) or None
    if value is None and n and n == len(predictions):
        value = sum(p == y for p, y in zip(predictions, labels, strict=True)) / n
    if value is None:
        return None
    return Accuracy(float(value), n, wilson(float(value), n) if n else None)


def wilson(right: float, n: int) -> tuple[float, float]:
    r"""Wilson's 95 % interval of a share of `n` answers.

    .. math:: \frac{p + z^2/2n \pm z \sqrt{p (1 - p)/n + z^2/4n^2}}{1 + z^2/n}
    """
    z2 = _Z_95**2 / n
    centre, half = right + z2 / 2, sqrt(z2 * (right * (1 - right) + z2 / 4))
    low, high = (centre - half) / (1 + z2), (centre + half) / (1 + z2)
    return max(0.0, min(low, right)), min(1.0, max(high, right))


def discordant(a: Sequence[int], b: Sequence[int], labels: Sequence[int]) -> Discordant:
    """McNemar's exact test of two sets of answers to the same samples.

    Source: Q. McNemar, Psychometrika 12, 153 (1947); exact as a binomial test of the samples that only one of
    the two has right.
    """
    from scipy.stats import binomtest

    right_a, right_b = np.equal(a, labels), np.equal(b, labels)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    p = float(binomtest(min(only_a, only_b), only_a + only_b).pvalue) if only_a + only_b else 1.0
    return Discordant(only_a, only_b, p)

r"""A linear readout in closed form: ridge regression, its penalty chosen by samples that were held out.

All that a fit needs are sums over samples (the normal equations), so features need never be in memory all at
once: `fit_pieces` takes some samples at a time. Sample i belongs to part i mod 5; the sums of each part are
kept apart, and those of the others without it give the fit that part is predicted by. The squared error of
these predictions follows from the same sums,

.. math:: \sum |F B + \beta - Y|^2 = tr(B^T F^T F B) - 2\, tr(B^T F^T Y) + \ldots

so no sample is looked at twice. It is this error that is compared: the share of right answers moves in steps
of whole samples and is too coarse to tell neighbouring penalties apart. Parts are predicted until `ENOUGH`
samples were: more would not move the choice, only cost time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil
from operator import add

import numpy as np
from scipy.linalg.lapack import dposv

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.passes.moments import Moments, moments

PARTS = 5
"""Parts of the samples, each of which can be held out."""

ENOUGH = 500
"""Samples to predict before a penalty is chosen, if there are so many."""

_ROUNDING = 1e-12
"""Features whose deviations are this part of their means do not differ."""


@dataclass(frozen=True, eq=False)
class LinearReadout:
    """Scores that are linear in the features, ``features @ weights + bias``.

    Attributes:
        weights: Shape ``(n_features, n_outputs)``.
        bias: Shape ``(n_outputs,)``.
        penalty: The penalty chosen, in units of the features' mean eigenvalue ``s``.
        held_out_error: Mean squared error on samples that the fit did not see.
        held_out: How many those were.
    """

    weights: FloatArray
    bias: FloatArray
    penalty: float
    held_out_error: float
    held_out: int


def fit_readout(features: FloatArray, targets: FloatArray, penalties: Sequence[float]) -> LinearReadout:
    """Fit a readout to samples that are all there: `fit_pieces` with one piece.

    Args:
        features: Shape ``(n_samples, n_features)``.
        targets: Shape ``(n_samples, n_outputs)``.
        penalties: Candidates, positive, in units of ``s``.
    """
    return fit_pieces([(features, targets)], len(features), penalties)


def fit_pieces(
    pieces: Iterable[tuple[FloatArray, FloatArray]], n_samples: int, penalties: Sequence[float]
) -> LinearReadout:
    """Fit a readout to all samples, with the penalty that predicts held-out samples best.

    The bias carries no penalty. Of penalties that do equally well the largest is taken, for its weights are
    the smallest and so the easiest to quantise. They are tried from the largest on, until two in a row did
    worse than one before. A penalty too small for the equations to be solved in 64 bits takes no part.

    Args:
        pieces: Features ``(n, n_features)`` and targets ``(n, n_outputs)`` of some samples at a time.
        n_samples: How many samples all pieces have.
        penalties: Candidates, positive, in units of ``s``.

    Raises:
        UsageError: There are fewer than two samples, no feature differs between them, a penalty is not
            positive, or all are too small.
    """
    if not penalties or not all(0 < p < np.inf for p in penalties):
        raise UsageError(f"the penalties are {tuple(penalties)}; give one or more positive numbers")
    if n_samples < 2:
        raise UsageError(f"a readout cannot be fitted to {n_samples} samples; give 2 or more")
    parts = min(PARTS, n_samples)
    judged = min(parts, ceil(ENOUGH * parts / n_samples))
    centre, sums = _sums_of_parts(pieces, parts, judged)
    whole = reduce(add, sums)
    equations = _Equations.of(whole)
    least = n_samples * (_ROUNDING * float(np.abs(centre).max(initial=0.0))) ** 2
    if np.diag(equations.squares).max(initial=0.0) <= least:
        raise UsageError("no feature differs between the training samples, so nothing can be read out")
    folds = [(s, _Equations.of(reduce(add, [o for o in sums if o is not s]))) for s in sums[:judged]]
    errors: dict[float, float] = {}
    for penalty in sorted(penalties, reverse=True):
        errors[penalty] = sum(_error(held_out, others.solved(penalty)) for held_out, others in folds)
        if min(list(errors.values())[-2:]) > min(errors.values()):
            break
    best = min(errors, key=lambda p: errors[p])
    found = equations.solved(best)
    if found is None or not np.isfinite(errors[best]):
        raise UsageError(
            f"the penalties {tuple(penalties)} are too small for the readout's equations to be solved in 64 "
            "bits; give larger ones"
        )
    weights, bias = found
    n = sum(s.n for s in sums[:judged])
    return LinearReadout(weights, bias - centre @ weights, best, errors[best] / (n * whole.y.size), n)


def _sums_of_parts(
    pieces: Iterable[tuple[FloatArray, FloatArray]], parts: int, judged: int
) -> tuple[FloatArray, list[Moments]]:
    """The sums of each part that is judged, then of all others together.

    Sums of squares lose what is small beside its mean, so features are counted from the mean of the first
    piece, the centre.
    """
    centre: FloatArray | None = None
    sums: list[Moments] = []
    at = 0
    for features, targets in pieces:
        if centre is None:
            centre = features.mean(axis=0)
            empty = moments([], features.shape[1], targets.shape[1])
            sums = [empty] * min(judged + 1, parts)
        part = np.minimum((at + np.arange(len(features))) % parts, judged)
        for k in range(len(sums)):
            some = part == k
            f, y = features[some], targets[some]
            f -= centre
            sums[k] += Moments(len(f), f.sum(0), y.sum(0), f.T @ f, f.T @ y, (y**2).sum(0))
        at += len(features)
    assert centre is not None
    return centre, sums


@dataclass(frozen=True, eq=False)
class _Equations:
    """Normal equations of what deviates from the mean.

    Attributes:
        sums: Of the samples.
        squares: ``(n_features, n_features)``.
        products: ``(n_features, n_outputs)``.
    """

    sums: Moments
    squares: FloatArray
    products: FloatArray

    @staticmethod
    def of(sums: Moments) -> _Equations:
        return _Equations(sums, *sums.centred())

    def solved(self, penalty: float) -> tuple[FloatArray, FloatArray] | None:
        """Weights and bias; None if rounding makes the equations singular."""
        sums, s = self.sums, float(np.trace(self.squares)) / self.sums.f.size
        if s == 0:
            return np.zeros_like(self.products), sums.y / sums.n
        squares = self.squares.copy()
        squares[np.diag_indices_from(squares)] += penalty * s
        _, weights, failed = dposv(squares.T, self.products, lower=1, overwrite_a=1)  # .T: as LAPACK stores
        if failed:
            return None
        return weights, (sums.y - sums.f @ weights) / sums.n


def _error(sums: Moments, found: tuple[FloatArray, FloatArray] | None) -> float:
    """Squared error of a fit on other samples, summed; infinite if there is no fit."""
    return np.inf if found is None else max(sums.squared_error(*found), 0.0)

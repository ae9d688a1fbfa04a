r"""A linear readout in closed form: ridge regression, its penalty chosen by samples that were held out.

Each sample is held out once, and exactly: for ridge regression the prediction of a sample by the fit to all
others follows from the one fit to all (Allen 1974, PRESS),

.. math:: y_i - \hat y_i^{(-i)} = \frac{y_i - \hat y_i}{1 - h_i}, \qquad
          h_i = \frac1n + \sum_k \frac{z_{ik}^2}{e_k + \lambda s}

with the eigenvalues :math:`e` of the centred features' Gram matrix, the features :math:`z_i` in the basis of
its eigenvectors, and the mean eigenvalue :math:`s`. So one eigendecomposition serves all penalties and the
final fit, and no random split has a say. The error that is compared is the squared one: the share of right
answers moves in steps of whole samples and is too coarse to tell neighbouring penalties apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError


@dataclass(frozen=True, eq=False)
class LinearReadout:
    """Scores that are linear in the features, ``features @ weights + bias``.

    Attributes:
        weights: Shape ``(n_features, n_outputs)``.
        bias: Shape ``(n_outputs,)``.
        penalty: The penalty chosen, in units of the features' mean eigenvalue ``s``.
        held_out: Prediction for each sample by the fit to all others, ``(n_samples, n_outputs)``.
        held_out_error: Its mean squared error.
    """

    weights: FloatArray
    bias: FloatArray
    penalty: float
    held_out: FloatArray
    held_out_error: float


def fit_readout(features: FloatArray, targets: FloatArray, penalties: Sequence[float]) -> LinearReadout:
    """Fit a readout to all samples, with the penalty that predicts held-out samples best.

    The bias carries no penalty. Of penalties that do equally well the largest is taken, for its weights are
    the smallest and so the easiest to quantise.

    Args:
        features: Shape ``(n_samples, n_features)``.
        targets: Shape ``(n_samples, n_outputs)``.
        penalties: Candidates, positive, in units of ``s``.

    Raises:
        UsageError: No feature differs between samples, or a penalty is not positive.
    """
    if not penalties or not all(0 < p < np.inf for p in penalties):
        raise UsageError(f"the penalties are {tuple(penalties)}; give one or more positive numbers")
    n, width = features.shape
    mean_x, mean_y = features.mean(axis=0), targets.mean(axis=0)
    centred = features - mean_x
    gram = centred.T @ centred
    s = float(np.trace(gram)) / max(width, 1)
    if s == 0:
        raise UsageError("no feature differs between the training samples, so nothing can be read out")
    e, basis = np.linalg.eigh(gram)
    e = np.maximum(e, 0.0)
    z = centred @ basis
    z_squared, z_y = z**2, z.T @ (targets - mean_y)
    best: LinearReadout | None = None
    for penalty in sorted(penalties, reverse=True):
        shrunk = 1.0 / (e + penalty * s)
        coefficients = shrunk[:, None] * z_y
        leverage = 1.0 / n + z_squared @ shrunk
        residual = targets - mean_y - z @ coefficients
        residual /= np.maximum(1.0 - leverage, np.finfo(np.float64).eps)[:, None]
        error = float(np.mean(residual**2))
        if best is None or error < best.held_out_error:
            weights = basis @ coefficients
            best = LinearReadout(weights, mean_y - mean_x @ weights, penalty, targets - residual, error)
    assert best is not None
    return best

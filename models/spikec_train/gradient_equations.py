r"""The linear equations of an energy's gradient, solved by orthogonal triangles, samples in blocks.

An energy :math:`\hat H(x) = \sum_j c_j \varphi(w_j \cdot x - b_j) + c_0` has to have given gradients at N
states of d coordinates, one equation each:

.. math:: \sum_j \varphi'(z_{ij})\, w_{jk}\, c_j = \frac{\partial H}{\partial x_k}(x_i), \qquad
          z_{ij} = w_j \cdot x_i - b_j

The block of coordinate k is the matrix of slopes :math:`S_{ij} = \varphi'(z_{ij})` with its columns scaled
by :math:`w_{jk}`. So one triangle :math:`S = QR` serves all coordinates: what is left are the d triangles
:math:`R\, \mathrm{diag}(w_{\cdot k})`, which are merged to one. Against a decomposition of all N d rows at
once that saves half of the work or more for d = 4, and the matrix of N d rows is never made. Squared (normal)
equations would be cheaper still, but lose half of all digits: 1e-6 where this finds 1e-9.

:math:`c_0` is in no gradient; one known energy sets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, lstsq, qr
from scipy.linalg.lapack import dtpqrt

from spikec.arrays import FloatArray
from spikec.errors import UsageError

_PANEL = 64
"""Columns that LAPACK takes together; 64 merges triangles three times as fast as 16."""


@dataclass(frozen=True, eq=False)
class GradientFit:
    """What solves the equations.

    Attributes:
        coefficients: c, ``(m,)``; of all that do equally well the shortest.
        rank: How many of its directions the samples decide; fewer than m if features repeat one another.
    """

    coefficients: FloatArray
    rank: int


def solve_gradients(
    blocks: Iterable[tuple[FloatArray, FloatArray]], weights: FloatArray, cut: float
) -> GradientFit:
    """Solve for the coefficients, in the sense of least squares.

    Args:
        blocks: Slopes and given gradients of some samples after others, each ``(n, m)`` and ``(n, d)``.
        weights: w, ``(m, d)``.
        cut: Directions in which the equations are weaker than this, against the strongest, count as none.

    Raises:
        UsageError: The equations decide nothing, or hold a value that is no number.
    """
    m, d = weights.shape
    slopes, rights = _triangle_of_slopes(blocks, m)
    merged = np.zeros((m + 1, m + 1), order="F")
    for k in range(d):
        triangle = np.zeros((m + 1, m + 1), order="F")
        triangle[:m, :m] = slopes * weights[:, k]
        triangle[:m, m] = rights[:, k]
        merged = triangle if k == 0 else dtpqrt(m + 1, min(_PANEL, m + 1), merged, triangle, 1, 1)[0]
    try:
        found, _, rank, _ = lstsq(merged[:m, :m], merged[:m, m], cond=cut, lapack_driver="gelsy")
    except (ValueError, LinAlgError) as error:
        raise UsageError(f"the gradient equations cannot be solved ({error}); give finite samples") from error
    if rank == 0:
        raise UsageError("no feature changes where the samples are; draw hidden neurons where they are")
    return GradientFit(found, int(rank))


def _triangle_of_slopes(
    blocks: Iterable[tuple[FloatArray, FloatArray]], m: int
) -> tuple[FloatArray, FloatArray]:
    """R of all slopes, ``(m, m)``, and the gradients turned as they are, ``(m, d)``."""
    triangle: FloatArray | None = None
    for slopes, gradients in blocks:
        rows = np.hstack([slopes, gradients])
        stacked = rows if triangle is None else np.vstack([triangle, rows])
        triangle = qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][: m + gradients.shape[1]]
    if triangle is None:
        raise UsageError("there are no samples to solve for; give some")
    square = np.zeros((m, triangle.shape[1]))
    n = min(m, triangle.shape[0])  # fewer samples than features leave rows of zeros
    square[:n] = triangle[:n]
    return square[:, :m], square[:, m:]

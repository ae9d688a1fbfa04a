r"""The linear equations of an energy's gradient, in the sense of least squares: a sketch, then a few steps.

An energy :math:`\hat H(x) = \sum_j c_j \varphi(w_j \cdot x - b_j) + c_0` has to have given gradients at N
states of d coordinates, one equation each:

.. math:: \sum_j \varphi'(z_{ij})\, w_{jk}\, c_j = \frac{\partial H}{\partial x_k}(x_i), \qquad
          z_{ij} = w_j \cdot x_i - b_j

The block of coordinate k is the matrix of slopes :math:`S_{ij} = \varphi'(z_{ij})` with its columns scaled
by :math:`w_{jk}`; the matrix A of all N d rows is never made. What is minimised is

.. math:: |A c - g|^2 + \lambda^2 |c|^2

* **Sketch.** Rows of S, with random signs, are added up to far fewer, :math:`S' = QR`. One triangle serves
  all coordinates: :math:`R\, \mathrm{diag}(w_{\cdot k})` and :math:`\lambda I` are merged to a triangle T,
  whose solution is about as good as the one sought.
* **Steps.** :math:`A T^{-1}` has singular values near 1, so conjugate gradients (CGLS) with all rows take
  away most of what the sketch left at every step.

Decomposing S whole takes three times as long for d = 4. Squared (normal) equations would be as cheap, but
lose half of all digits: 1e-5 where this finds 1e-7. :math:`c_0` is in no gradient; one known energy sets it.

Source: V. Rokhlin, M. Tygert: A fast randomized algorithm for overdetermined linear least-squares regression,
PNAS 105 (2008); A. Bjorck: Numerical Methods for Least Squares Problems, SIAM 1996, 7.4 (CGLS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.linalg.lapack import dtpqrt

from spikec.arrays import FloatArray
from spikec.errors import UsageError

_PANEL = 64
"""Columns that LAPACK takes together; 64 merges triangles three times as fast as 16."""

_OVERSAMPLING, _MORE = 4, 64
"""Rows of the sketch, those of all coordinates together, for each unknown, and how many more there are."""

_STEPS, _ENOUGH, _ROUNDING = 24, 1e-3, 1e-14
"""Steps at most, the part of the first gradient (in T's coordinates) at which they end, and the part of the
given gradients below which there is only rounding."""


@dataclass(frozen=True, eq=False)
class GradientFit:
    """What solves the equations.

    Attributes:
        coefficients: c, ``(m,)``.
        residual: The norm of what the equations leave, against that of the given gradients.
    """

    coefficients: FloatArray
    residual: float


def solve_gradients(
    slopes: FloatArray, gradients: FloatArray, weights: FloatArray, ridge: float, rng: np.random.Generator
) -> GradientFit:
    r"""Solve for the coefficients.

    Args:
        slopes: S, ``(n, m)``.
        gradients: Given gradients, ``(n, d)``.
        weights: w, ``(m, d)``.
        ridge: :math:`\lambda`, against the Frobenius norm of A. Directions in which the equations are weaker
            count as none.
        rng: Source of the sketch's signs.

    Raises:
        UsageError: The equations decide nothing.
    """
    scale = float(np.sqrt(np.einsum("nm,nm->m", slopes, slopes) @ np.sum(weights**2, axis=1)))
    if scale == 0.0:
        raise UsageError("no feature changes where the samples are; draw hidden neurons where they are")
    penalty = ridge * scale
    triangle, right = _sketched(slopes, gradients, weights, penalty, rng)
    found = solve_triangular(triangle, right, check_finite=False)
    equations = _Equations(slopes, weights, penalty, triangle)
    return equations.improved(found, gradients)


@dataclass(frozen=True, eq=False)
class _Equations:
    """All equations, and a triangle that makes their unknowns about equally easy to find.

    Attributes:
        slopes: S.
        weights: w.
        penalty: The ridge's own equations are this times c = 0.
        triangle: T.
    """

    slopes: FloatArray
    weights: FloatArray
    penalty: float
    triangle: FloatArray

    def improved(self, found: FloatArray, gradients: FloatArray) -> GradientFit:
        """Coefficients after steps of CGLS."""
        left, ridge_left = gradients - self._given_by(found), -self.penalty * found
        gradient = self._descent(left, ridge_left)
        way, size = gradient, float(gradient @ gradient)
        given = float(np.linalg.norm(gradients))
        enough = max(_ENOUGH**2 * size, (_ROUNDING * given) ** 2)
        for _ in range(_STEPS):
            if size <= enough:
                break
            step = solve_triangular(self.triangle, way, check_finite=False)
            moved, ridge_moved = self._given_by(step), self.penalty * step
            by = size / (float(np.vdot(moved, moved)) + float(ridge_moved @ ridge_moved))
            found = found + by * step
            left -= by * moved
            ridge_left = ridge_left - by * ridge_moved
            gradient = self._descent(left, ridge_left)
            before, size = size, float(gradient @ gradient)
            way = gradient + size / before * way
        return GradientFit(found, float(np.linalg.norm(left)) / given if given else 0.0)

    def _given_by(self, coefficients: FloatArray) -> FloatArray:
        """A c, ``(n, d)``."""
        return self.slopes @ (self.weights * coefficients[:, None])

    def _descent(self, left: FloatArray, ridge_left: FloatArray) -> FloatArray:
        """Where squares of what is left fall most, in T's coordinates, ``(m,)``."""
        along = np.sum((self.slopes.T @ left) * self.weights, axis=1) + self.penalty * ridge_left
        found: FloatArray = solve_triangular(self.triangle, along, trans="T", check_finite=False)
        return found


def _sketched(
    slopes: FloatArray, gradients: FloatArray, weights: FloatArray, penalty: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """The triangle T of a sketch, ``(m, m)``, and its right side, ``(m,)``."""
    m, d = weights.shape
    n_rows = max(m, _OVERSAMPLING * m // d) + _MORE
    turned = qr(_sketch(slopes, gradients, n_rows, rng), mode="r", overwrite_a=True)[0]
    merged = np.zeros((m + 1, m + 1), order="F")
    merged[np.arange(m), np.arange(m)] = penalty
    n = min(m, len(turned))  # fewer samples than features leave rows of zeros
    for k in range(d):
        triangle = np.zeros((m + 1, m + 1), order="F")
        triangle[:n, :m] = turned[:n, :m] * weights[:, k]
        triangle[:n, m] = turned[:n, m + k]
        merged = dtpqrt(m + 1, min(_PANEL, m + 1), merged, triangle, 1, 1)[0]
    return np.asfortranarray(merged[:m, :m]), merged[:m, m]


def _sketch(slopes: FloatArray, gradients: FloatArray, n_rows: int, rng: np.random.Generator) -> FloatArray:
    """Slopes and gradients, beside each other, added up with random signs to `n_rows` or fewer."""
    n, m = slopes.shape
    signs = rng.choice([-1.0, 1.0], (n, 1)).astype(np.float64)
    found = np.zeros((min(n, n_rows), m + gradients.shape[1]))
    for first in range(0, n, n_rows):
        part = slice(first, first + n_rows)
        rows = len(signs[part])
        found[:rows, :m] += signs[part] * slopes[part]
        found[:rows, m:] += signs[part] * gradients[part]
    return found

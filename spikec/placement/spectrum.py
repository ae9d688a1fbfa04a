r"""How many cores a list of synapses must reach, by its largest singular value (the expander mixing lemma).

Let :math:`A_{st}` be 1 for a synapse from s to t, :math:`D` the rates :math:`r_s` on a diagonal, :math:`c
\ge 0`, and :math:`\sigma` at least the largest singular value of :math:`M = D^{1/2} (A - c\, \mathbf 1
\mathbf 1^T)`. Let core :math:`b` hold :math:`n_b \le m` of the :math:`n` neurons t, and :math:`T_b` be the
neurons that reach it. All spikes at synapses arrive in this way:

.. math:: E = \sum_s r_s d_s = \sum_b (D^{1/2} 1_{T_b})^T D^{1/2} A\, 1_b
          \le \sum_b \left( c\, n_b\, r(T_b) + \sigma \sqrt{r(T_b)\, n_b} \right)
          \le c\, m P + \sigma \sqrt{P n},

the last by Cauchy and Schwarz, with the pairs of a spike and a core that it reaches :math:`P = \sum_b
r(T_b)`. So :math:`\sqrt P` is at least the positive root of :math:`c m x^2 + \sigma \sqrt n\, x - E`.

Source of the lemma: N. Alon and F. Chung, Discrete Mathematics 72, 1988; two sets: F. Chung, Spectral Graph
    Theory.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from scipy.linalg import LinAlgError, cholesky
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackError, eigsh

from spikec.arrays import FloatArray
from spikec.ir.synapses import Sparse

LARGEST = 5000
"""Of more postsynaptic neurons nothing is worked out: a table of their pairs is needed."""

STEPS = 30
"""How often a vector is multiplied for a first estimate."""

FEW = 50
"""Of fewer all eigenvalues are worked out."""

MARGIN = 1e-3
"""By so much more than was found the largest eigenvalue is taken, before it is proven."""


_KNOWN: WeakKeyDictionary[Sparse, tuple[FloatArray, float]] = WeakKeyDictionary()
"""Rates and the eigenvalue found for them: a network is often placed in several ways."""


def fewest_pairs(c: Sparse, rate: FloatArray, most: int) -> float:
    """Pairs of a spike and a core that it reaches, of which no placement has fewer; 0 if nothing is known.

    Args:
        c: The synapses.
        rate: Of each presynaptic neuron, ``(n_pre,)``.
        most: Postsynaptic neurons that a core holds.
    """
    spikes, events = float(rate.sum()), float(rate @ np.diff(c.starts))
    if not events or not 1 < c.n_post <= LARGEST or most >= c.n_post:
        return 0.0
    mean = events / (spikes * c.n_post)

    def pairs(square: float) -> float:
        a, b = mean * most, np.sqrt(square * c.n_post)
        return float(((np.sqrt(b * b + 4 * a * events) - b) / (2 * a)) ** 2)

    if pairs(_length(c, rate, mean)) <= spikes:
        return 0.0
    known, square = _KNOWN.get(c, (None, 0.0))
    if known is None or not np.array_equal(known, rate):
        square = _largest(_squared(c, rate, mean))
        _KNOWN[c] = rate.copy(), square
    return 0.0 if square == np.inf else pairs(square)


def _length(c: Sparse, rate: FloatArray, mean: float) -> float:
    """At most the largest eigenvalue of `_squared`, in no time: how much it makes random vectors longer."""
    joined = csr_array((np.ones(c.n_synapses), c.posts, c.starts), shape=(c.n_pre, c.n_post))
    x = np.random.default_rng(0).standard_normal(c.n_post)
    longer = 0.0
    for _ in range(STEPS):
        x /= max(float(np.linalg.norm(x)), 1e-300)
        y = rate * (joined @ x - mean * x.sum())
        x = joined.T @ y - mean * y.sum()
        longer = float(np.linalg.norm(x))
    return longer


def _squared(c: Sparse, rate: FloatArray, mean: float) -> FloatArray:
    """`M.T @ M` of the lemma, ``(n_post, n_post)``."""
    joined = csr_array((np.ones(c.n_synapses), c.posts, c.starts), shape=(c.n_pre, c.n_post))
    weighted = csr_array(joined.multiply(rate[:, None]))
    arrives = weighted.sum(axis=0)
    found: FloatArray = (joined.T @ weighted).toarray()
    found += mean * mean * rate.sum() - mean * (arrives[:, None] + arrives)
    return found


def _largest(square: FloatArray) -> float:
    """At least the largest eigenvalue of a symmetric matrix, infinite if that could not be proven.

    What Lanczos finds, and a little more, is an upper bound if the matrix less than so much of the identity
    is positive definite, that is, if it has a Cholesky factor. The margin is far above what rounding may
    hide.
    """
    n = square.shape[0]
    try:
        if n < FEW:
            top = np.linalg.eigvalsh(square)[-1]
        else:
            first = np.random.default_rng(0).standard_normal(n)
            top = eigsh(square, 1, v0=first, return_eigenvectors=False)[0]
        above = float(top) * (1 + MARGIN) + 1e-9 * float(np.abs(square).max())
        cholesky(np.diag(np.full(n, above)) - square, overwrite_a=True, check_finite=False)
    except (LinAlgError, ArpackError):
        return np.inf
    return above

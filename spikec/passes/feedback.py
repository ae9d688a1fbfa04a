r"""Rounding with feedback: what one weight loses, the neuron's other weights make up for.

Weights are rounded one after the other. When weight i has been rounded by e, those that are still to come
move to where the membrane's mean square error :math:`\delta^T H \delta` is least, given all errors so far
(E. Frantar and others: "GPTQ", ICLR 2023; H is ours, `spikec.passes.excitation`). For
:math:`H = diag(\sigma^2) + \mu\mu^T` the move has a closed form,

.. math:: \delta_k = -e\, \frac{\mu_i\, \mu_k / \sigma_k^2}{1 + \sum_{l > i} \mu_l^2 / \sigma_l^2},

so one number a row carries it, and rows may take any order: the largest weights come first, since what was
clipped needs the others most.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.fixed_point import FixedFormat
from spikec.passes.excitation import Rows


def spread(weights: FloatArray, rows: Rows, form: FixedFormat) -> IntArray:
    """Round weights, errors spread over the rest of their row.

    Args:
        weights: In units of the weight bit, ``(n_entries,)``.
        rows: Which of them belong together, and how they are excited.
        form: What mantissas exist.

    Returns:
        Mantissas, ``(n_entries,)``.
    """
    order = np.lexsort((-np.abs(weights), rows.row))
    row, w, mu = rows.row[order], weights[order], rows.mean[order]
    lean = mu / rows.variance[order]
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if row.size else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, row.size])
    so_far = np.cumsum(mu * lean)
    to_come = np.repeat(so_far[starts + lengths - 1], lengths) - so_far
    mantissa, moved, unit = np.zeros(row.size, np.int64), np.zeros(starts.size), 2.0**form.exponent
    for rank in range(int(lengths.max(initial=0))):
        some = np.flatnonzero(lengths > rank)
        at = starts[some] + rank
        wanted = w[at] + moved[some] * lean[at]
        mantissa[at] = form.nearest(wanted)
        error = mantissa[at] * unit - wanted
        moved[some] -= error * mu[at] / (1 + to_come[at])
    found = np.empty_like(mantissa)
    found[order] = mantissa
    return found


def fed_back(weights: FloatArray, moments: FloatArray, form: FixedFormat) -> IntArray:
    """Round the rows of a matrix, errors moved to correlated inputs; those that excite most come first.

    Args:
        weights: In units of the weight bit, ``(n_post, n_pre)``.
        moments: H, ``(n_pre, n_pre)``, positive definite.
        form: What mantissas exist.

    Returns:
        Mantissas, ``(n_post, n_pre)``.
    """
    order = np.argsort(-np.diag(moments), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(moments[np.ix_(order, order)])).T
    w, mantissa = weights[:, order].copy(), np.zeros(weights.shape, np.int64)
    for i in range(order.size):
        mantissa[:, order[i]] = form.nearest(w[:, i])
        error = (w[:, i] - mantissa[:, order[i]] * 2.0**form.exponent) / upper[i, i]
        w[:, i:] -= np.outer(error, upper[i, i:])
    return mantissa

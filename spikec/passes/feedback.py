r"""Rounding with feedback: what one weight loses, the neuron's other weights make up for.

Weights are rounded one after the other. When weight i has been rounded by e, those that are still to come
move to where the membrane's mean square error :math:`\delta^T H \delta` is least, given all errors so far
(E. Frantar and others: "GPTQ", ICLR 2023; H is ours, `spikec.passes.excitation`). For
:math:`H = diag(\sigma^2) + \mu\mu^T` the move has a closed form,

.. math:: \delta_k = -e\, \frac{\mu_i\, \mu_k / \sigma_k^2}{1 + \sum_{l > i} \mu_l^2 / \sigma_l^2},

so one number a row carries it, and rows may take any order: the largest weights come first, since what was
clipped needs the others most. What others have moved the membrane by already is made up for likewise.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.fixed_point import FixedFormat
from spikec.passes.excitation import Rows


def spread(weights: FloatArray, rows: Rows, form: FixedFormat, owed: FloatArray | None = None) -> IntArray:
    """Round weights, errors spread over the rest of their row.

    Args:
        weights: In units of the weight bit, ``(n_entries,)``.
        rows: Which of them belong together, and how they are excited.
        form: What mantissas exist.
        owed: How far others have moved each row's membrane on average, ``(n_rows,)``; None for not at all.

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
    mantissa, unit = np.zeros(row.size, np.int64), 2.0**form.exponent
    due = np.zeros(starts.size) if owed is None else owed[row[starts]]
    moved = -due / (1 + so_far[starts + lengths - 1] - so_far[starts] + (mu * lean)[starts])
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

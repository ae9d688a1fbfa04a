"""Rounding several synapses for one: what one loses the next makes up for.

Where a synapse was cut in two of neighbouring delays (`spikec.passes.between_ticks`), a membrane soon takes
both for one, so that what counts is the rounding of their sum. Those of divided inputs are rounded so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.connectivity import Convolution
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Projection


def rounded_together(
    real: Collection[Projection], rounded: Mapping[str, Projection], s: float
) -> dict[str, Projection]:
    """Projections in integers in which synapses between the same two neurons are rounded one after the other.

    Args:
        real: A population's projections of real weights, which may be rounded so.
        rounded: The same in integers, by name; formats stay.
        s: The population's scale.
    """
    changed = dict(rounded)
    for pre in {q.pre for q in real}:
        group = [q for q in real if q.pre == pre and not isinstance(q.connectivity, Convolution)]
        if len(group) < 2:
            continue
        c = group[0].connectivity
        owed = np.zeros((c.n_pre, c.n_post))
        for q in sorted(group, key=lambda q: -_grid(rounded[q.name])):
            changed[q.name] = _rounded(q, rounded[q.name], s, owed)
    return changed


def _rounded(real: Projection, rounded: Projection, s: float, owed: FloatArray) -> Projection:
    """A projection rounded again, so that it makes up for what is owed; `owed` is brought up to date."""
    weights = rounded.connectivity.weights
    assert isinstance(weights, Fixed)
    pairs = real.connectivity.synapses()
    wanted = s * np.asarray(real.connectivity.stored(), np.float64)
    mantissa = weights.format.nearest(wanted + owed[pairs])
    owed[pairs] += wanted - mantissa * 2.0**weights.format.exponent
    fixed = Fixed(mantissa.reshape(weights.shape), weights.format)
    return replace(rounded, connectivity=rounded.connectivity.with_weights(fixed))


def _grid(q: Projection) -> float:
    """The distance between neighbouring weights."""
    assert isinstance(q.connectivity.weights, Fixed)
    form = q.connectivity.weights.format
    return float(form.step * 2.0**form.exponent)

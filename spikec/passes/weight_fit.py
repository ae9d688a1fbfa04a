r"""Weights and a grid that fit each other: how far to clip, at which scale, and what to round to.

A population's projections share its scale s and have an exponent e each, so a projection's grid is set by
:math:`s\,2^{-e}`. Weights beyond the grid are clipped: a coarser grid clips fewer, a finer one rounds the
others better. Here the choice goes by what is left of either in the membranes
(`spikec.passes.excitation`), not by the weights' own errors, together with what rounding takes from
thresholds, and from sums of which a negative exponent cuts off what is less than one: always downward, so
that many small cuts add up where roundings cancel, and a grid of whole numbers may be the better one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.convolution import Convolution
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.passes.excitation import Excitation, Rows, rows
from spikec.passes.feedback import spread
from spikec.passes.grid_fit import Grid, fitted
from spikec.passes.integers import filling_scale, fixed_projection, holding_exponent, sign_of
from spikec.passes.taps import Together, rounded_together
from spikec.targets.target import Formats

PHASES = 8
"""Scales tried in an octave."""

CLIPS = 4
"""Octaves by which a grid may be finer than one that holds all weights."""

LEAST_BITS = 4
"""What the largest weight keeps on a grid that is coarser than it need be, so that no sum is cut off."""

MANY = 16
"""Synapses of a neuron from which on their sum counts more than each of them."""

MOST_TRIED = 1 << 17
"""Entries of a projection by which a grid is chosen; of more, every so many-th row."""


class Rounding(str, Enum):
    """How weights become mantissas.

    Attributes:
        NEAREST: The grid holds the largest weight of the widest projection; each weight goes to the nearest.
        CLIPPED: The grid is the one with the least error of membranes; each weight goes to the nearest.
        FEEDBACK: Likewise, and what a weight loses the neuron's others make up for.
    """

    NEAREST = "nearest"
    CLIPPED = "clipped"
    FEEDBACK = "feedback"


@dataclass(frozen=True, eq=False)
class WeightFit:
    """One population's way from real weights to mantissas.

    Attributes:
        formats: The chip's.
        bits: Of the mantissas.
        rounding: How.
        excitations: Of each incoming projection, by name.
        n_ticks: Length of a sample; sums are cut off once a tick at most.
        bits_of: Bits of projections that have others, by their names; parts of them (``NAME.part``) follow.
        together: Populations of which several neurons tell one time (`spikec.passes.taps`).
    """

    formats: Formats
    bits: int
    rounding: Rounding
    excitations: Mapping[str, Excitation]
    n_ticks: int
    bits_of: Mapping[str, int] = field(default_factory=dict)
    together: Together = field(default_factory=dict)

    def bits_for(self, q: Projection) -> int:
        """The bits of a projection's mantissas."""
        named = [name for name in self.bits_of if q.name == name or q.name.startswith(f"{name}.")]
        return self.bits_of[max(named, key=len)] if named else self.bits

    def scale(self, p: Population, incoming: tuple[Projection, ...], largest: float) -> float:
        """The best scale up to a given one, and above half of it where weights are clipped."""
        if self.rounding is Rounding.NEAREST or not any(self.is_free(q) for q in incoming):
            return filling_scale(incoming, self.bits, largest)
        tried = [_Tried(q, self) for q in incoming if np.any(q.connectivity.stored()) and not holds(q)]
        scales = largest * 2.0 ** (-np.arange(PHASES) / PHASES)
        costs = [_threshold_cost(p, s) + sum(t.best(s)[0] for t in tried) for s in scales]
        return float(scales[int(np.argmin(costs))])

    def fixed(self, incoming: tuple[Projection, ...], s: float) -> dict[str, Projection]:
        """A population's projections with weights ``s * W`` as mantissas, by name.

        Those that cannot make up for anything come first, and the others make up for them, too.
        """
        found: dict[str, Projection] = {}
        owed = np.zeros(incoming[0].connectivity.n_post if incoming else 0)
        for q in sorted(incoming, key=self.is_free):
            found[q.name] = self._fixed(q, s, owed)
            if self.rounding is Rounding.FEEDBACK and not holds(q):
                owed = owed + self._moved(q, found[q.name], s)
        if self.rounding is not Rounding.FEEDBACK:
            return found
        cut = [q for q in incoming if self._is_cut(q) and not self.is_free(q)]
        return rounded_together(cut, found, s, self.together)

    def is_free(self, q: Projection) -> bool:
        """Whether a projection may be clipped and fed back: only if its neurons have many synapses.

        Those that hold a neuron silent after its spike, or repeat one, are single: no other weight makes up
        for what they lose. Of a few inputs each counts by itself, not their sum. And synapses of several
        neurons for one make up for each other.
        """
        if self.rounding is Rounding.NEAREST or q.pre == q.post or q.pre in self.together:
            return False
        parts = self.excitations[q.name].parts
        return q.connectivity.n_synapses >= MANY * q.connectivity.n_post * parts

    def _is_cut(self, q: Projection) -> bool:
        """Whether several synapses stand for one, so that they are rounded together."""
        return q.pre != q.post and (self.excitations[q.name].parts > 1 or q.pre in self.together)

    def _fixed(self, q: Projection, s: float, owed: FloatArray) -> Projection:
        if self.rounding is Rounding.NEAREST:
            return fixed_projection(q, s, self.formats, self.bits_for(q))
        _, form = _Tried(q, self).best(s)
        real = np.asarray(q.connectivity.weights, np.float64) * s
        excitation = self.excitations[q.name]
        if holds(q):  # at least as strong as wanted: one that is weaker may hold nothing
            steps = np.floor(np.ldexp(real, -form.exponent) / form.step + 1e-9)
            mantissa = np.maximum(steps * form.step, form.minimum).astype(np.int64)
        elif self.rounding is Rounding.CLIPPED or not self.is_free(q):
            mantissa = form.nearest(real)
        elif excitation.moments is not None:
            mantissa = fed_back(real, excitation, form, owed)
        else:
            by_row = rows(q, excitation)
            by_channel = owed.reshape(_n_rows(q), -1).mean(axis=1)
            mantissa = spread(real.ravel(), by_row, form, by_channel).reshape(real.shape)
        return replace(q, connectivity=q.connectivity.with_weights(Fixed(mantissa, form)))

    def _moved(self, real: Projection, q: Projection, s: float) -> FloatArray:
        """How far rounding moves each membrane on average, in units of the weight bit, ``(n_post,)``."""
        assert isinstance(q.connectivity.weights, Fixed)
        errors = q.connectivity.weights.value - np.asarray(real.connectivity.weights, np.float64) * s
        moved: FloatArray = q.connectivity.by_post(errors, self.excitations[q.name].mean)
        return moved


def fed_back(
    weights: FloatArray, excitation: Excitation, form: FixedFormat, owed: FloatArray | None = None
) -> IntArray:
    """Round the rows of a matrix with regard to how their inputs excite together.

    Args:
        weights: In units of the weight bit, ``(n_post, n_pre)``.
        excitation: With moments.
        form: What mantissas exist.
        owed: How far others have moved each row's membrane on average, ``(n_post,)``; None for not at all.

    Returns:
        Mantissas, ``(n_post, n_pre)``.
    """
    assert excitation.moments is not None
    best, unit = weights, 2.0**form.exponent
    if owed is not None:
        best = weights - np.outer(owed, np.linalg.solve(excitation.moments, excitation.mean))
    step, lowest, highest = (
        np.full(weights.shape[1], x * unit) for x in (form.step, form.minimum, form.maximum)
    )
    grid = Grid(step, lowest, highest)
    values = fitted(excitation.moments, best.T, grid).T
    return np.rint(values / unit).astype(np.int64)


def _n_rows(q: Projection) -> int:
    c = q.connectivity
    return c.weights.shape[0] if isinstance(c, Convolution) else c.n_post


class _Tried:
    """A projection's weights on one grid after the other."""

    def __init__(self, q: Projection, fit: WeightFit) -> None:
        self._q, self._fit, self._free = q, fit, fit.is_free(q)
        weights = np.asarray(q.connectivity.weights, np.float64).ravel()
        whole = rows(q, fit.excitations[q.name])
        some = whole.row % (1 + weights.size // MOST_TRIED) == 0
        self._weights, self._sign = weights[some], sign_of(weights)
        self._rows = Rows(whole.row[some], whole.mean[some], whole.variance[some])
        self._share = float(np.mean(some))
        each = np.maximum(np.bincount(self._rows.row), 1) if self._rows.row.size else np.ones(1)
        excited = np.bincount(self._rows.row, self._rows.mean, each.size)
        self._cut = float(np.sum((excited * np.minimum(fit.n_ticks / each, 1.0)) ** 2))

    def best(self, s: float) -> tuple[float, FixedFormat]:
        """The least cost at a scale, in the membrane's own unit, and the format that has it."""
        low = int(self._fit.formats.weight_exponent_min.value)
        bits = self._fit.bits_for(self._q)
        held = holding_exponent(self._q, s, self._fit.formats, bits)
        lowest = max(held - CLIPS, low) if self._free else held
        uncut = 1 - FixedFormat(bits, self._sign).step.bit_length()
        highest = max(held, min(uncut, held + bits - LEAST_BITS)) if held > low else held
        forms = [FixedFormat(bits, self._sign, e) for e in range(highest, lowest - 1, -1)]
        costs = [self._cost(s, form) for form in forms]
        least = int(np.argmin(costs))
        return costs[least], forms[least]

    def _cost(self, s: float, form: FixedFormat) -> float:
        errors = form.nearest(s * self._weights) * 2.0**form.exponent / s - self._weights
        cut_off = max(1 - form.step * 2.0**form.exponent, 0.0) / 2 / s
        return (self._rows.cost(errors) + self._cut * cut_off**2) / self._share


def holds(q: Projection) -> bool:
    """Whether a projection does nothing but inhibit, one synapse a neuron: enough is as good as exact."""
    return q.connectivity.n_synapses <= q.connectivity.n_post and bool(np.all(q.connectivity.stored() <= 0))


def _threshold_cost(p: Population, s: float) -> float:
    """What rounding takes from thresholds, squared and summed."""
    if not isinstance(p.neuron, CubaTicks):
        return 0.0
    threshold = np.broadcast_to(np.asarray(p.neuron.threshold), (p.n,))
    wanted: FloatArray = threshold[np.isfinite(threshold)]
    return float(np.sum((np.rint(wanted * s) / s - wanted) ** 2))

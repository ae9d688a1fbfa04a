r"""A readout solved anew on the chip's grid: least squares for the spikes that integers give.

Only differences between classes change an answer, so a feature's weights may all be shifted by one number:
they fill a lopsided grid, as two bits have (-2, -1, 0, 1), as well as an even one
(`spikec.passes.grid_fit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.ir.fixed_point import FixedFormat
from spikec.passes.grid_fit import Grid, fitted
from spikec.passes.judgement import centred
from spikec.passes.linear_readout import LinearReadout
from spikec.passes.moments import Moments
from spikec.program import Program
from spikec.targets.target import Formats

CONSTANT = 1e-9
"""A feature is constant if what deviates from its mean is no more than this part of its squares."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A readout on a grid.

    Attributes:
        formats: Of each projection.
        values: Weights in units of the weight bit, ``(n_features, n)``.
        intercept: Membrane without any spike, ``(n,)``.
        scale: Integer membrane units that stand for one unit of the targets.
    """

    formats: tuple[FixedFormat, ...]
    values: FloatArray
    intercept: FloatArray
    scale: float

    def squared_error(self, sums: Moments) -> float:
        """The squared error in the targets' unit, but for what all classes have in common."""
        weights, bias = (centred(a / self.scale) for a in (self.values, self.intercept))
        return sums.squared_error(weights, bias)

    def smaller(self, powers: int) -> Fit:
        """The same mantissas with exponents, and so a scale, that are so many powers of two lower."""
        forms = tuple(replace(f, exponent=f.exponent - powers) for f in self.formats)
        part = 0.5**powers
        return Fit(forms, self.values * part, self.intercept * part, self.scale * part)


def varying(sums: Moments) -> BoolArray:
    """Which features differ between samples, by more than rounding, ``(n_features,)``."""
    differ: BoolArray = np.diag(sums.centred()[0]) > CONSTANT * np.diag(sums.ff)
    return differ


def solutions(sums: Moments, penalties: Sequence[float]) -> list[tuple[FloatArray, FloatArray]]:
    """Real weights ``(n_features, n)`` and intercepts ``(n,)`` that fit best, for each penalty.

    Args:
        sums: Of features and targets.
        penalties: In units of the features' mean eigenvalue.
    """
    squares, products = sums.centred()
    values, vectors = np.linalg.eigh(squares)
    turned = vectors.T @ products
    found = []
    for penalty in penalties:
        weights = vectors @ (
            turned / (np.maximum(values, 0.0) + penalty * _mean_eigenvalue(squares))[:, None]
        )
        found.append((weights, (sums.y - sums.f @ weights) / sums.n))
    return found


def fits(
    readout: LinearReadout, sums: Moments, penalty: float, spans: Sequence[float], formats: Formats
) -> list[Fit]:
    """The readouts on grids of several spans that fit best.

    Args:
        readout: As it is; the bits and signs of its formats stay.
        sums: Of features and targets.
        penalty: In units of the features' mean eigenvalue.
        spans: Part of the widest range of a feature's weights that the grid is as wide as: wider ranges are
            clipped, narrower ones finer.
        formats: The chip's.
    """
    squares, products = sums.centred()
    some = varying(sums)
    a = squares[np.ix_(some, some)] + penalty * _mean_eigenvalue(squares) * np.eye(int(some.sum()))
    best = np.zeros_like(products)
    best[some] = np.linalg.solve(a, products[some])
    scaled = [_scaled(readout, best, span, formats) for span in spans]
    scale = np.array([s for s, _ in scaled])
    values = np.zeros((len(spans), *products.shape))
    grid = _grid(readout, [forms for _, forms in scaled], some)
    values[:, some] = fitted(a, scale[:, None, None] * best[some], grid)
    intercepts = (scale[:, None] * sums.y - sums.f @ values) / sums.n
    return [
        Fit(forms, w, intercept, s)
        for (s, forms), w, intercept in zip(scaled, values, intercepts, strict=True)
    ]


def placed(
    program: Program, readout: LinearReadout, whole: Fit, formats: Formats
) -> tuple[Program, float] | None:
    """The program with the readout solved anew, as large as nothing can wrap; None if it fits at no scale.

    Returns:
        The program, and the integer membrane units of one unit of the targets.
    """
    lowest = int(formats.weight_exponent_min.value)
    for lower in range(min(f.exponent for f in whole.formats) - lowest + 1):
        fit = whole.smaller(lower)
        bias = fit.intercept / readout.bias_gain
        exponent = int(np.ceil(np.log2(max(float(np.abs(bias).max()) / formats.bias_max.value, 1.0)) - 1e-12))
        if exponent > formats.bias_exponent_max.value:
            continue
        mantissa = np.rint(bias / 2.0**exponent).astype(np.int64)
        changed = readout.with_values(fit.formats, fit.values, mantissa, exponent)
        there = changed.placed(program)
        if changed.holds(there):
            return there, fit.scale
    return None


def _mean_eigenvalue(squares: FloatArray) -> float:
    return float(np.trace(squares)) / len(squares)


def _scaled(
    readout: LinearReadout, best: FloatArray, span: float, formats: Formats
) -> tuple[float, tuple[FixedFormat, ...]]:
    """A scale at which the grid is as wide as a part of the widest range of weights, and formats for it."""
    given = readout.formats()
    low, high = int(formats.weight_exponent_min.value), int(formats.weight_exponent_max.value)
    widths, start = [], 0
    for q, form in zip(readout.projections, given, strict=True):
        rows = best[start : start + q.connectivity.n_pre]
        start += len(rows)
        widths.append(span * float(np.ptp(rows, axis=1).max(initial=0.0)) / (form.maximum - form.minimum))
    widest = int(np.argmax([q.connectivity.n_synapses * (w > 0) for q, w in
                            zip(readout.projections, widths, strict=True)]))  # fmt: skip
    exponent = max(given[widest].exponent, 0)
    scale = 2.0**exponent / max(widths[widest], 1e-300)
    needed = [int(np.ceil(np.log2(max(scale * w, 2.0**-40)) - 1e-9)) for w in widths]
    return scale, tuple(
        replace(form, exponent=min(max(k, low), high)) for form, k in zip(given, needed, strict=True)
    )


def _grid(readout: LinearReadout, formats: Sequence[tuple[FixedFormat, ...]], some: BoolArray) -> Grid:
    """What the weights of some features may be for each choice of formats, in units of the weight bit."""
    n_pre = [q.connectivity.n_pre for q in readout.projections]

    def bounds(forms: tuple[FixedFormat, ...]) -> FloatArray:
        each = np.array([(f.step, f.minimum, f.maximum) for f in forms], np.float64)
        units = 2.0 ** np.array([f.exponent for f in forms])
        return np.repeat(each * units[:, None], n_pre, axis=0)[some].T

    step, lowest, highest = np.stack([bounds(forms) for forms in formats], axis=1)
    return Grid(step, lowest, highest, differences=True)

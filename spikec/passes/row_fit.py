r"""Row fit: the weights, scale and bias of each neuron for which it crosses its threshold in time.

What a neuron that spikes once does is said by one moment, that of its crossing. So its row need not stand at
the scale of its population: with any scale s of its own, mantissas q that fill the grid, and a bias b,

.. math:: \sum_i q_i x_i + b B = \vartheta + s\,(V - \theta)

says the same of the moment, where :math:`x_i` and B are what input i and a bias of one have left in the
membrane by then, :math:`\vartheta` is the threshold that the population shares and :math:`V - \theta` how far
the float membrane is above its own. Every sample gives one such equation (`spikec.passes.crossings`). For
each s, the least squares on the grid are found (`spikec.passes.grid_fit`) with b at its best.

Such a row is right at the moment of the crossing, which does not keep it from crossing before: a bias can
carry the membrane to its threshold while inputs are still to come that were to hold it back. So which s is
taken, and whether any is, is decided by when rows really cross, tick by tick; a row is changed only if its
spikes miss by more than ticks do, and come clearly nearer on samples that took no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.ir.bounds import current_bound, once_spiking
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.kernels import current_kernel
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.ir.own_inhibition import inhibition_left, own_inhibitions
from spikec.ir.synapses import Dense
from spikec.passes.crossings import Crossings, Rows, sums_of_products
from spikec.passes.grid_fit import Grid, fitted
from spikec.passes.integers import bias_mantissas
from spikec.passes.replay import CLEARLY, TICK, held_out
from spikec.program import Program
from spikec.targets.target import Formats

SCALES = 2.0 ** (np.arange(-5, 5) / 4)
"""Scales tried for a row, as multiples of its population's."""

PENALTY = 1e-3
"""What holds weights that no sample decides at their real values, as a part of the mean eigenvalue."""

FEWEST = 8
"""Crossings that a row is fitted to, at least."""

CHUNK = 1 << 22
"""Numbers of the sums of rows that are solved at once."""


def with_fitted_rows(
    before: Program, network: Network, p: Population, s: float, found: Crossings, formats: Formats
) -> tuple[Network, int]:
    """Fit the rows of one population in integers, where no limit and no promise is broken by it.

    Args:
        before: The program in float ticks.
        network: The same, with this population in integers, and those that reach it.
        p: The population in float ticks.
        s: Integer weight units that stand for one unit of its membrane.
        found: How its neurons come to cross their thresholds.
        formats: The chip's.

    Returns:
        The network, and how many rows were changed.
    """
    integers = network.population(p.name).neuron
    if not isinstance(integers, CubaFixed):
        return network, 0
    now = {q.name: q for q in network.incoming(p.name)}
    pairs = {q.name: (q, now[q.name]) for q in before.network.incoming(p.name) if q.name in found.names}
    outweighed = _outweighed(network, network.population(p.name), found.n_ticks)
    rows, neuron, n = refitted(p, found, pairs, integers, s, formats, outweighed)
    changed = network.with_projections(rows).with_populations({p.name: replace(p, neuron=neuron)})
    once = p.name in once_spiking(changed, found.n_ticks, before.once)
    share = current_bound(changed, changed.population(p.name), found.n_ticks, before.once).share
    return (changed, n) if once and share < 1 else (network, 0)


def refitted(
    p: Population,
    found: Crossings,
    projections: Mapping[str, tuple[Projection, Projection]],
    neuron: CubaFixed,
    s: float,
    formats: Formats,
    outweighed: FloatArray,
) -> tuple[dict[str, Projection], CubaFixed, int]:
    """Fit the rows of a population that has been put into integers.

    Args:
        p: The population in float ticks.
        found: How its neurons come to cross their thresholds.
        projections: Of each name there, the projection in real weights, and in mantissas.
        neuron: The integers of the neurons.
        s: Integer weight units that stand for one unit of the membrane.
        formats: The chip's.
        outweighed: Up to where rows may raise currents, in units of the weight bit, ``(n,)``.

    Returns:
        The projections, the neurons, and how many rows were changed.
    """
    assert isinstance(p.neuron, CubaTicks)
    pairs = [projections[name] for name in found.names]
    weights = s * np.concatenate([np.asarray(q.connectivity.weights, np.float64) for q, _ in pairs], axis=1)
    real = Rows(weights, *(_full(s * np.asarray(a), p.n) for a in (p.neuron.bias, p.neuron.threshold)))
    fixed = [_fixed(q) for _, q in pairs]
    old_bias = np.ldexp(np.asarray(neuron.bias_mant, np.float64), np.asarray(neuron.bias_exp)) / 64
    now = Rows(np.hstack([w.value for w in fixed]), _full(old_bias, p.n), _full(neuron.vth, p.n))
    bounds = np.maximum(raised(now), outweighed), np.full(p.n, raised(now.negative).max())
    rows, bias, taken = now.weights.copy(), now.bias.copy(), 0
    lacking = np.flatnonzero(_lacking(found, now))
    step = max(1, CHUNK // weights.shape[1] ** 2)
    for some in np.split(lacking, range(step, lacking.size, step)) if lacking.size else ():
        inside = (bounds[0][some], bounds[1][some])
        new, better = solve(found.of(some), real.of(some), now.of(some), _grid(fixed), inside)
        rows[some], bias[some] = new.weights, new.bias
        taken += int(np.count_nonzero(better))
    mantissa, exponent = bias_mantissas(64 * bias, formats)
    changed, start = dict[str, Projection](), 0
    for (_, q), w in zip(pairs, fixed, strict=True):
        values = rows[:, start : start + w.shape[1]]
        start += w.shape[1]
        stored = Fixed(np.rint(values / 2.0**w.format.exponent).astype(np.int64), w.format)
        changed[q.name] = replace(q, connectivity=Dense(stored))
    return changed, replace(neuron, bias_mant=mantissa, bias_exp=exponent), taken


def _outweighed(network: Network, p: Population, n_ticks: int) -> FloatArray:
    """How high a current its neuron's own inhibition outweighs, in units of the weight bit, ``(n,)``."""
    assert isinstance(p.neuron, CubaFixed)
    left = current_kernel(1 - (float(np.ravel(p.neuron.du)[0]) + 1) / 4096, n_ticks).left
    neurons, ticks = np.arange(p.n), np.arange(n_ticks + 1)
    least = inhibition_left(own_inhibitions(network, p), left, neurons, ticks).min(axis=1)
    return np.asarray((least - left.sum()) / 64)


def _lacking(found: Crossings, now: Rows) -> BoolArray:
    """Which rows miss by so much more than ticks do that they can come clearly nearer, ``(n,)``.

    Rows that seldom cross are not fitted.
    """
    decides = held_out(len(found.first))
    if not decides.any():
        return np.zeros(len(now.bias), np.bool_)
    deciding, enough = found.on(decides), np.isfinite(found.first[~decides]).sum(axis=0) >= FEWEST
    least = TICK**2 * np.isfinite(deciding.first).mean(axis=0)
    lacking: BoolArray = enough & (CLEARLY**2 * deciding.off((now,))[0] > least)
    return lacking


def raised(rows: Rows) -> FloatArray:
    """How far all that excites can raise each neuron's current, the bias included, ``(n,)``."""
    most: FloatArray = np.maximum(rows.weights, 0.0).sum(axis=1) + np.maximum(rows.bias, 0.0)
    return most


def solve(
    found: Crossings, real: Rows, now: Rows, grid: Grid, bounds: tuple[FloatArray, FloatArray]
) -> tuple[Rows, BoolArray]:
    """Fit rows, and keep those that there are where they cross as well.

    Args:
        found: How the neurons come to cross.
        real: Their real rows, in units of the weight bit.
        now: Their rows in integers.
        grid: What weights exist.
        bounds: How far rows may raise currents, and how far lower them, ``(n,)`` each.

    Returns:
        The rows, and which of them are new.
    """
    decides = held_out(len(found.first))
    fitting, deciding = found.on(~decides), found.on(decides)
    sums = sums_of_products(fitting, real)
    at_scales = zip(points(sums, real, now.threshold, grid), SCALES, strict=True)
    tried = [Rows(q, best_bias(sums, q, t, now.threshold), now.threshold) for q, t in at_scales]
    off = np.where([_inside(t, bounds) for t in tried], fitting.off(tried), np.inf)
    best = picked(tried, np.argmin(off, axis=0))
    before, after = deciding.off((now, best))
    better = np.isfinite(off.min(axis=0)) & (after < CLEARLY**2 * before)
    return picked((now, best), better.astype(np.int64)), better


def picked(tried: Sequence[Rows], which: IntArray) -> Rows:
    """Of each neuron the row of the one of several that is told, ``(n,)``."""
    each = np.arange(which.size)
    weights, bias, threshold = (
        np.stack([getattr(t, name) for t in tried])[which, each] for name in ("weights", "bias", "threshold")
    )
    return Rows(weights, bias, threshold)


def _inside(rows: Rows, bounds: tuple[FloatArray, FloatArray]) -> BoolArray:
    inside: BoolArray = (raised(rows) <= bounds[0]) & (raised(rows.negative) <= bounds[1])
    return inside


def points(sums: FloatArray, real: Rows, shared: FloatArray, grid: Grid) -> FloatArray:
    """The grid points of least squares at each of `SCALES`, ``(n_scales, n, n_inputs)``.

    Args:
        sums: As `sums_of_products` gives them.
        real: The real rows.
        shared: The neurons' thresholds in integers, ``(n,)``.
        grid: What exists.
    """
    n = real.weights.shape[1]
    of_bias = sums[:, n]
    free = sums - of_bias[:, :, None] * of_bias[:, None, :] / np.maximum(of_bias[:, n], 1e-300)[:, None, None]
    mean = np.trace(free[:, :n, :n], axis1=1, axis2=2)[:, None, None] / n
    a = free[:, :n, :n] + (PENALTY * mean + 1e-12) * np.eye(n)
    wanted = free[:, :n, n + 1, None] * SCALES + free[:, :n, n + 2, None] * shared[:, None, None]
    best = np.linalg.solve(a, wanted + PENALTY * mean * real.weights[:, :, None] * SCALES)
    return np.moveaxis(fitted(a, best, grid), -1, 0)


def best_bias(sums: FloatArray, weights: FloatArray, scale: float, shared: FloatArray) -> FloatArray:
    """The best bias of rows that are given, ``(n,)``."""
    n = weights.shape[1]
    wanted = scale * sums[:, n, n + 1] + shared * sums[:, n, n + 2]
    best: FloatArray = (wanted - np.sum(sums[:, n, :n] * weights, axis=1)) / np.maximum(sums[:, n, n], 1e-300)
    return best


def _grid(fixed: list[Fixed]) -> Grid:
    """What the weights of all inputs may be, in units of the weight bit."""
    each = np.array([(w.format.step, w.format.minimum, w.format.maximum) for w in fixed], np.float64)
    units = 2.0 ** np.array([w.format.exponent for w in fixed])
    step, lowest, highest = np.repeat(each * units[:, None], [w.shape[1] for w in fixed], axis=0).T
    return Grid(step, lowest, highest)


def _fixed(q: Projection) -> Fixed:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights


def _full(values: npt.ArrayLike, n: int) -> FloatArray:
    return np.broadcast_to(np.asarray(values, np.float64), (n,)).copy()

r"""Row fit: the weights, scale and bias of each neuron for which it crosses its threshold in time.

What a neuron that spikes once does is said by one moment, that of its crossing. So its row need not stand at
the scale of its population: with any scale s of its own, mantissas q that fill the grid, and a bias b,

.. math:: \sum_i q_i x_i + b B = \vartheta + s\,(V - \theta)

says the same of the moment, where :math:`x_i` and B are what input i and a bias of one have left in the
membrane by then, :math:`\vartheta` is the threshold that the population shares and :math:`V - \theta` how far
the float membrane is above its own. Every sample gives one such equation: of the crossing, or where there is
none, of the moment at which the membrane comes nearest; the farther below, the less it weighs. For each s,
the least squares on the grid are found (`spikec.passes.grid_fit`) with b at its best, and the s is taken that
misses the crossings by the least time. A row is changed only if it misses by more than ticks do, and comes
clearly nearer on samples that took no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.calibration import Calibration
from spikec.ir.bounds import current_bound, once_spiking
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.kernels import current_kernel, membrane_kernel
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks, Source
from spikec.ir.own_inhibition import inhibition_left, own_inhibitions
from spikec.ir.synapses import Dense
from spikec.passes.excitation import MOMENTS, first_ticks
from spikec.passes.grid_fit import Grid, fitted
from spikec.passes.integers import bias_mantissas
from spikec.passes.replay import CLEARLY, HELD_OUT, held_out
from spikec.passes.weight_fit import holds
from spikec.program import Program
from spikec.targets.target import Formats

SCALES = 2.0 ** np.linspace(-1.5, 1.5, 13)
"""Scales tried for a row, as multiples of its population's."""

NEAR = 4.0
"""Ticks below a threshold within which a membrane weighs 1/e of one that crosses."""

PENALTY = 1e-3
"""What holds weights that no sample decides at their real values, as a part of the mean eigenvalue."""

TICK = 12**-0.5
"""Ticks by which a moment misses when it is rounded, root mean square: rows that miss by less are left."""

LEAST_DECAY = 1
"""Of a current on the chip, of 4096: Lava takes one more than its parameter says."""

FEWEST = 8
"""Crossings that a row is fitted to, at least."""

MOST = 1 << 27
"""Samples times synapses of a population that are looked at; of more, every so many-th sample."""

CHUNK = 1 << 22
"""Numbers of the sums of rows that are solved at once."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """How a population's neurons come to cross their thresholds in the float network.

    Attributes:
        names: The projections that bring them there.
        arrivals: When spikes of their inputs act, ticks, infinite for never, ``(n_samples, n_inputs)``.
        waits: What each neuron's own delays add to them, ``(n, n_inputs)``.
        first: When each neuron spikes first, ticks, infinite for never, ``(n_samples, n)``.
    """

    names: tuple[str, ...]
    arrivals: FloatArray
    waits: FloatArray
    first: FloatArray


def crossings(program: Program, p: Population, calibration: Calibration) -> Crossings | None:
    """What samples show of a population; None if its rows cannot be fitted.

    They can if its neurons promise to spike once, as all do that reach them, are reached through dense
    projections, and leak no more than the chip's least: a leaking membrane that is right at one moment may
    well cross before, and first-spike networks that leak lost 25 points so.
    """
    k, first = p.neuron, first_ticks(program, p.name, calibration)
    if p.name not in program.once or first is None or not isinstance(k, CubaTicks):
        return None
    if first.shape[1] != p.n or np.any(np.asarray(k.decay_u) > LEAST_DECAY) or np.any(np.asarray(k.decay_v)):
        return None
    read = [q for q in program.network.incoming(p.name) if not holds(q)]
    times = [_only_times(program, q.pre, calibration) for q in read]
    known = [t for t in times if t is not None]
    if not read or len(known) < len(times) or not all(isinstance(q.connectivity, Dense) for q in read):
        return None
    waits = [q.delays.per_synapse(q.connectivity).reshape(p.n, q.connectivity.n_pre) for q in read]
    wait = np.concatenate(waits, axis=1).astype(np.float64)
    some = slice(None, None, 1 + first.shape[0] * wait.size // MOST)
    arrivals = np.concatenate([np.rint(t[some]) + 1 for t in known], axis=1)
    return Crossings(tuple(q.name for q in read), arrivals, wait, first[some])


def _only_times(program: Program, name: str, calibration: Calibration) -> FloatArray | None:
    """When neurons spike, if they do so once at most."""
    neuron = program.network.population(name).neuron
    once = name in program.once or (isinstance(neuron, Source) and neuron.one_spike)
    times = first_ticks(program, name, calibration) if once else None
    return times if times is not None and times.shape[1] == program.network.population(name).n else None


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
    if before.n_ticks is None or not isinstance(integers, CubaFixed):
        return network, 0
    now = {q.name: q for q in network.incoming(p.name)}
    pairs = {q.name: (q, now[q.name]) for q in before.network.incoming(p.name) if q.name in found.names}
    outweighed = _outweighed(network, network.population(p.name), before.n_ticks)
    rows, neuron, n = refitted(p, found, pairs, integers, s, before.n_ticks, formats, outweighed)
    changed = network.with_projections(rows).with_populations({p.name: replace(p, neuron=neuron)})
    once = p.name in once_spiking(changed, before.n_ticks, before.once)
    share = current_bound(changed, changed.population(p.name), before.n_ticks, before.once).share
    return (changed, n) if once and share < 1 else (network, 0)


def refitted(
    p: Population,
    found: Crossings,
    projections: Mapping[str, tuple[Projection, Projection]],
    neuron: CubaFixed,
    s: float,
    n_ticks: int,
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
        n_ticks: Length of a sample.
        formats: The chip's.
        outweighed: Up to where rows may raise currents, in units of the weight bit, ``(n,)``.

    Returns:
        The projections, the neurons, and how many rows were changed.
    """
    pairs = [projections[name] for name in found.names]
    real = s * np.concatenate([np.asarray(q.connectivity.weights, np.float64) for q, _ in pairs], axis=1)
    fixed = [_fixed(q) for _, q in pairs]
    given = np.concatenate([w.value for w in fixed], axis=1)
    shared = np.broadcast_to(np.asarray(neuron.vth, np.float64), (p.n,))
    old_bias = np.ldexp(np.asarray(neuron.bias_mant, np.float64), np.asarray(neuron.bias_exp)) / 64
    rows, bias, taken = given.copy(), np.broadcast_to(old_bias, (p.n,)).copy(), 0
    highest = np.maximum(raised(rows, bias), outweighed)
    lowest = np.full(p.n, raised(-rows, -bias).max())
    step = max(1, CHUNK // real.shape[1] ** 2)
    for start in range(0, p.n, step):
        some = np.arange(start, min(start + step, p.n))
        sums = row_sums(p, found, real, s, n_ticks, some)
        new, new_bias, scale = solve(
            sums.fitting, real[some], _grid(fixed), shared[some], (highest[some], lowest[some])
        )
        before = missed(sums.deciding, rows[some], bias[some], np.ones(some.size), shared[some])
        after = missed(sums.deciding, new, new_bias, np.maximum(scale, SCALES[0]), shared[some])
        counts = before > TICK**2 * sums.crossings / (HELD_OUT - 1)
        better = (scale > 0) & (after < CLEARLY**2 * before) & (sums.crossings >= FEWEST) & counts
        rows[some[better]], bias[some[better]] = new[better], new_bias[better]
        taken += int(better.sum())
    mantissa, exponent = bias_mantissas(64 * bias, formats)
    changed, start = dict[str, Projection](), 0
    for (_, q), w in zip(pairs, fixed, strict=True):
        values = rows[:, start : start + w.shape[1]]
        start += w.shape[1]
        stored = Fixed(np.rint(values / 2.0**w.format.exponent).astype(np.int64), w.format)
        changed[q.name] = replace(q, connectivity=Dense(stored))
    return changed, replace(neuron, bias_mant=mantissa, bias_exp=exponent), taken


@dataclass(frozen=True, eq=False)
class RowSums:
    r"""Sums over samples of the products of all that the equation of a row holds.

    Its terms are what the inputs have left, what a bias of one has, :math:`V - \theta`, and one.

    Attributes:
        fitting: Over samples that are fitted, ``(n, n_inputs + 3, n_inputs + 3)``.
        deciding: Over those that decide.
        crossings: How many of the fitted ones cross, ``(n,)``.
    """

    fitting: FloatArray
    deciding: FloatArray
    crossings: FloatArray


def row_sums(
    p: Population, found: Crossings, real: FloatArray, s: float, n_ticks: int, neurons: IntArray
) -> RowSums:
    """Take the sums of each neuron's equations.

    Args:
        p: The population in float ticks.
        found: How its neurons come to cross their thresholds.
        real: Their weights, in units of the weight bit, ``(n, n_inputs)``.
        s: Those units that stand for one unit of the membrane.
        n_ticks: Length of a sample.
        neurons: Which of them.
    """
    k = p.neuron
    assert isinstance(k, CubaTicks)
    r, b = (1 - float(np.ravel(d)[0]) / 4096 for d in (k.decay_u, k.decay_v))
    kernel = np.concatenate([[0.0], membrane_kernel(r, b, n_ticks).left])
    of_bias = np.cumsum(b ** np.arange(float(n_ticks)))
    threshold, bias = (s * np.broadcast_to(np.asarray(a, np.float64), (p.n,)) for a in (k.threshold, k.bias))
    crosses = np.isfinite(found.first)
    looks = np.quantile(found.first[crosses], MOMENTS) if crosses.any() else np.zeros(0)
    looks = np.unique(np.rint(np.append(np.minimum(looks, n_ticks - 1), n_ticks - 1)))
    decides = held_out(len(found.first))
    size = real.shape[1] + 3
    fitting, deciding = np.zeros((neurons.size, size, size)), np.zeros((neurons.size, size, size))
    for row, j in enumerate(neurons):
        arrivals = found.arrivals + found.waits[j]

        def left(at: FloatArray | float, arrivals: FloatArray = arrivals) -> FloatArray:
            since = np.clip(np.reshape(at, (-1, 1)) - arrivals, -1.0, n_ticks)
            return kernel[since.astype(np.int64) + 1]

        at = np.clip(np.rint(found.first[:, j]), 0, n_ticks - 1)
        above = np.stack([left(t) @ real[j] + bias[j] * of_bias[int(t)] for t in looks]) - threshold[j]
        at = np.where(crosses[:, j], at, looks[np.argmax(above, axis=0)])
        x, before = left(at), left(at - 1)
        slope = _slope((x - before) @ real[j] + bias[j], crosses[:, j])
        late = np.where(crosses[:, j], at + 0.5 - found.first[:, j], 0.0)
        y = np.where(crosses[:, j], slope * late, np.minimum(above.max(axis=0), 0.0))
        weight = np.where(crosses[:, j], 1.0, np.exp(y / (NEAR * slope))) / slope**2
        terms = np.column_stack([x, of_bias[at.astype(np.int64)], y, np.ones(len(x))])
        fitting[row], deciding[row] = (
            (terms[chosen] * weight[chosen, None]).T @ terms[chosen] for chosen in (~decides, decides)
        )
    return RowSums(fitting, deciding, crosses[~decides][:, neurons].sum(axis=0))


def _slope(rises: FloatArray, crosses: BoolArray) -> float:
    """How far a membrane rises in a tick when it crosses: the median."""
    rising = rises[crosses & (rises > 0)]
    return float(np.median(rising)) if rising.size else float(np.max(np.abs(rises), initial=1.0))


def _outweighed(network: Network, p: Population, n_ticks: int) -> FloatArray:
    """How high a current its neuron's own inhibition outweighs, in units of the weight bit, ``(n,)``."""
    assert isinstance(p.neuron, CubaFixed)
    left = current_kernel(1 - (float(np.ravel(p.neuron.du)[0]) + 1) / 4096, n_ticks).left
    neurons, ticks = np.arange(p.n), np.arange(n_ticks + 1)
    least = inhibition_left(own_inhibitions(network, p), left, neurons, ticks).min(axis=1)
    return np.asarray((least - left.sum()) / 64)


def raised(rows: FloatArray, bias: FloatArray) -> FloatArray:
    """How far all that excites can raise each neuron's current, the bias included, ``(n,)``."""
    most: FloatArray = np.maximum(rows, 0.0).sum(axis=1) + np.maximum(bias, 0.0)
    return most


def solve(
    sums: FloatArray, real: FloatArray, grid: Grid, shared: FloatArray, bounds: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The best grid points of each row, its bias, and its scale; a scale of 0 where none is within bounds.

    Args:
        sums: As `RowSums.fitting`.
        real: Weights, in units of the weight bit, ``(n, n_inputs)``.
        grid: What exists.
        shared: The neurons' thresholds in integers, ``(n,)``.
        bounds: How far rows may raise currents, and how far lower them, ``(n,)`` each.
    """
    n = real.shape[1]
    of_bias = sums[:, n]
    free = sums - of_bias[:, :, None] * of_bias[:, None, :] / np.maximum(of_bias[:, n], 1e-300)[:, None, None]
    mean = np.trace(free[:, :n, :n], axis1=1, axis2=2)[:, None, None] / n
    a = free[:, :n, :n] + (PENALTY * mean + 1e-12) * np.eye(n)
    wanted = free[:, :n, n + 1, None] * SCALES + free[:, :n, n + 2, None] * shared[:, None, None]
    best = np.linalg.solve(a, wanted + PENALTY * mean * real[:, :, None] * SCALES)
    points = fitted(a, best, grid)
    costs = np.full((SCALES.size, len(real)), np.inf)
    for c, t in enumerate(SCALES):
        q, scale = points[:, :, c], np.full(len(real), t)
        b = _bias(sums, q, scale, shared)
        inside = (raised(q, b) <= bounds[0]) & (raised(-q, -b) <= bounds[1])
        costs[c] = np.where(inside, missed(sums, q, b, scale, shared), np.inf)
    least = np.argmin(costs, axis=0)
    rows = np.take_along_axis(points, least[:, None, None], axis=2)[:, :, 0]
    scale = np.where(np.isfinite(costs.min(axis=0)), SCALES[least], 0.0)
    return rows, _bias(sums, rows, scale, shared), scale


def _bias(sums: FloatArray, rows: FloatArray, scale: FloatArray, shared: FloatArray) -> FloatArray:
    """The best bias of rows that are given."""
    n = rows.shape[1]
    wanted = scale * sums[:, n, n + 1] + shared * sums[:, n, n + 2]
    bias: FloatArray = (wanted - np.sum(sums[:, n, :n] * rows, axis=1)) / np.maximum(sums[:, n, n], 1e-300)
    return bias


def missed(
    sums: FloatArray, rows: FloatArray, bias: FloatArray, scale: FloatArray, shared: FloatArray
) -> FloatArray:
    """Sums of squares of what rows miss in time, ``(n,)``.

    Args:
        sums: As `RowSums.fitting`.
        rows: In units of the weight bit, ``(n, n_inputs)``.
        bias: In the same unit, ``(n,)``.
        scale: Of each row, as a multiple of its population's, ``(n,)``.
        shared: As for `solve`.
    """
    terms = np.column_stack([rows, bias, -scale, -shared])
    squares: FloatArray = np.einsum("ni,nij,nj->n", terms, sums, terms) / scale**2
    return squares


def _grid(fixed: list[Fixed]) -> Grid:
    """What the weights of all inputs may be, in units of the weight bit."""
    each = np.array([(w.format.step, w.format.minimum, w.format.maximum) for w in fixed], np.float64)
    units = 2.0 ** np.array([w.format.exponent for w in fixed])
    step, lowest, highest = np.repeat(each * units[:, None], [w.shape[1] for w in fixed], axis=0).T
    return Grid(step, lowest, highest)


def _fixed(q: Projection) -> Fixed:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights

r"""How neurons that spike once come to cross their thresholds, and by how much rows of weights miss that.

A membrane is linear in its weights, so what samples show of it gives equations for them: at the crossing it
is at the threshold, and where a neuron does not cross, it stays below it at the moment at which it comes
nearest; the farther below, the less that equation weighs. When a row really crosses is another matter, found
by letting its membrane run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.calibration import Calibration
from spikec.events import Events
from spikec.ir.kernels import membrane_kernel
from spikec.ir.network import Population
from spikec.ir.neurons import CubaTicks, Source
from spikec.ir.synapses import Dense
from spikec.passes.excitation import MOMENTS, first_ticks
from spikec.passes.weight_fit import holds
from spikec.program import Program

NEAR = 4.0
"""Ticks below a threshold within which a membrane weighs 1/e of one that crosses."""

ALIKE = 2.0
"""Quotient of the rises of a fast and of a slow crossing up to which all count as one."""

LEAST_DECAY = 1
"""Of a current on the chip, of 4096: Lava takes one more than its parameter says."""

MOST = 1 << 27
"""Samples times synapses of a population that are looked at; of more, every so many-th sample."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What decides when neurons cross, in units of the weight bit.

    Attributes:
        weights: ``(n, n_inputs)``.
        bias: ``(n,)``.
        threshold: ``(n,)``.
    """

    weights: FloatArray
    bias: FloatArray
    threshold: FloatArray

    @property
    def negative(self) -> Rows:
        """The same with weights and biases of the other sign."""
        return Rows(-self.weights, -self.bias, self.threshold)

    def of(self, neurons: IntArray) -> Rows:
        """The rows of some neurons."""
        return Rows(self.weights[neurons], self.bias[neurons], self.threshold[neurons])


@dataclass(frozen=True, eq=False)
class Crossings:
    """How a population's neurons come to cross their thresholds in the float network.

    Attributes:
        names: The projections that bring them there.
        arrivals: Ticks in which spikes of their inputs act, `n_ticks` for never, ``(n_samples, n_inputs)``.
        waits: Ticks that each neuron's own delays add to them, ``(n, n_inputs)``.
        first: When each neuron spikes first, ticks, infinite for never, ``(n_samples, n)``.
        left: What a tick leaves of a current and of a membrane.
        n_ticks: Length of a sample.
    """

    names: tuple[str, ...]
    arrivals: IntArray
    waits: IntArray
    first: FloatArray
    left: tuple[float, float]
    n_ticks: int

    def of(self, neurons: IntArray) -> Crossings:
        """Those of some neurons."""
        return replace(self, waits=self.waits[neurons], first=self.first[:, neurons])

    def on(self, samples: BoolArray) -> Crossings:
        """Those of some samples."""
        return replace(self, arrivals=self.arrivals[samples], first=self.first[samples])

    def off(self, tried: Sequence[Rows]) -> FloatArray:
        """By how many ticks neurons cross at other times with some rows, mean square, ``(n_tried, n)``.

        Neurons that do not cross count as crossing when the sample ends.
        """
        from spikec.passes.kernels import squared_misses  # late, for it loads numba

        weights, biases = (
            np.stack([t.weights for t in tried], axis=-1),
            np.stack([t.bias for t in tried], axis=-1),
        )
        threshold = np.ascontiguousarray(tried[0].threshold)
        arrivals, waits = np.ascontiguousarray(self.arrivals), np.ascontiguousarray(self.waits)
        wanted = np.minimum(self.first, self.n_ticks)
        off = np.empty(biases.shape)
        squared_misses(weights, biases, threshold, arrivals, waits, wanted, self.left, self.n_ticks, off)
        return off.T / len(wanted)


def crossings(
    program: Program, p: Population, calibration: Calibration, integers: Mapping[str, Events] | None = None
) -> Crossings | None:
    """What samples show of a population; None if its rows cannot be fitted.

    They can if its neurons promise to spike once, as all do that reach them, are reached through dense
    projections, and leak no more than the chip's least: a leaking membrane that is right at one moment may
    well cross before, and first-spike networks that leak lost 25 points so.

    Args:
        program: In float ticks.
        p: One of its populations.
        calibration: Samples and the float network's run on them.
        integers: Spikes of populations that reach it, in ticks, where they are in integers already; those of
            the float network for others.
    """
    k, first = p.neuron, first_ticks(program, p.name, calibration)
    if p.name not in program.once or first is None or not isinstance(k, CubaTicks) or program.n_ticks is None:
        return None
    if first.shape[1] != p.n or np.any(np.asarray(k.decay_u) > LEAST_DECAY) or np.any(np.asarray(k.decay_v)):
        return None
    read = [q for q in program.network.incoming(p.name) if not holds(q)]
    times = [_only_times(program, q.pre, calibration, integers or {}) for q in read]
    known = [t for t in times if t is not None]
    if not read or len(known) < len(times) or not all(isinstance(q.connectivity, Dense) for q in read):
        return None
    waits = np.hstack([q.delays.per_synapse(q.connectivity).reshape(p.n, q.connectivity.n_pre) for q in read])
    some = slice(None, None, 1 + first.shape[0] * waits.size // MOST)
    arrivals = np.minimum(np.rint(np.hstack([t[some] for t in known])) + 1, program.n_ticks)
    r, b = (1 - float(np.ravel(d)[0]) / 4096 for d in (k.decay_u, k.decay_v))
    names = tuple(q.name for q in read)
    return Crossings(
        names, arrivals.astype(np.int64), waits.astype(np.int64), first[some], (r, b), program.n_ticks
    )


def _only_times(
    program: Program, name: str, calibration: Calibration, integers: Mapping[str, Events]
) -> FloatArray | None:
    """When neurons spike, if they do so once at most."""
    neuron = program.network.population(name).neuron
    if name not in program.once and not (isinstance(neuron, Source) and neuron.one_spike):
        return None
    known = name in integers
    times = integers[name].first_times() if known else first_ticks(program, name, calibration)
    return times if times is not None and times.shape[1] == program.network.population(name).n else None


def sums_of_products(found: Crossings, real: Rows) -> FloatArray:
    r"""Take the sums of each neuron's equations, ``(n, n_inputs + 3, n_inputs + 3)``.

    The terms of an equation, whose products are summed over samples, are what the inputs have left in the
    membrane, what a bias of one has, :math:`V - \theta`, and one.

    Args:
        found: How the neurons come to cross.
        real: Their real rows.
    """
    r, b = found.left
    kernel = np.concatenate([[0.0], membrane_kernel(r, b, found.n_ticks).left])
    of_bias = np.cumsum(b ** np.arange(float(found.n_ticks)))
    crosses, last = np.isfinite(found.first), found.n_ticks - 1
    looks = np.quantile(found.first[crosses], MOMENTS) if crosses.any() else np.zeros(0)
    looks = np.unique(np.rint(np.append(np.minimum(looks, last), last))).astype(np.int64)
    size = real.weights.shape[1] + 3
    sums = np.zeros((len(real.weights), size, size))
    for j in range(len(real.weights)):
        w, bias, crossed = real.weights[j], real.bias[j], crosses[:, j]
        at_looks = [_left(found, j, np.full(len(crosses), t), kernel) @ w + bias * of_bias[t] for t in looks]
        above = np.stack(at_looks) - real.threshold[j]
        at = np.clip(np.rint(np.where(crossed, found.first[:, j], 0.0)), 0, last).astype(np.int64)
        at = np.where(crossed, at, looks[np.argmax(above, axis=0)])
        x = _left(found, j, at, kernel)
        slope = _slopes((x - _left(found, j, at - 1, kernel)) @ w + bias, crossed)
        late = np.where(crossed, at + 0.5 - np.where(crossed, found.first[:, j], 0.0), 0.0)
        y = np.where(crossed, slope * late, np.minimum(above.max(axis=0), 0.0))
        weight = np.where(crossed, 1.0, np.exp(y / (NEAR * slope))) / slope**2
        terms = np.column_stack([x, of_bias[at], y, np.ones(len(x))])
        sums[j] = (terms * weight[:, None]).T @ terms
    return sums


def _left(found: Crossings, neuron: int, at: IntArray, kernel: FloatArray) -> FloatArray:
    """What a weight of one leaves of each input in a tick of each sample, ``(n_samples, n_inputs)``."""
    from spikec.passes.kernels import look_up  # late, for it loads numba

    left = np.empty(found.arrivals.shape)
    look_up(found.arrivals, found.waits[neuron], at, kernel, left)
    return left


def _slopes(rises: FloatArray, crosses: BoolArray) -> FloatArray:
    """How far a membrane rises in the tick of each crossing, ``(n_samples,)``; the median for none.

    An error of a membrane that rises fast moves its crossing little. The slowest tenth count as one; where
    most rise alike, as behind one clock spike, the median is taken for all.
    """
    rising = rises[crosses & (rises > 0)]
    if not rising.size:
        return np.full(rises.size, float(np.max(np.abs(rises), initial=1.0)))
    slow, median, fast = np.quantile(rising, (0.1, 0.5, 0.9))
    apart = crosses if fast > ALIKE * slow else np.zeros_like(crosses)
    slopes: FloatArray = np.where(apart, np.maximum(rises, slow), median)
    return slopes

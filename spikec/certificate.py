r"""Certificates: samples whose class cannot have changed when weights were put into integers.

**Theorem.** Let a feed-forward network of one-spike neurons in ticks have real weights, thresholds and biases
:math:`w` before `quantize-weights` and integers :math:`\hat w` after it (both in the chip's unit). For
:math:`0 \le \lambda \le 1` let :math:`N_\lambda` be the network with :math:`w + \lambda (\hat w - w)`, whose
currents and membranes may lose or gain less than one unit a tick by rounding, and whose sums may be cut off
as the chip does. If a sample is certified with class c, every :math:`N_\lambda` answers it with c: so do the
real network (:math:`\lambda = 0`) and the integers (:math:`\lambda = 1`).

*Proof.* Until its first spike a neuron's membrane is :math:`\sum_i w_i\,\kappa(k - k_i)`, what its bias
adds, and rounding, with the kernel :math:`\kappa` of `spikec.ir.kernels` and the arrivals' ticks
:math:`k_i`. By induction over the layers every :math:`k_i` lies in an interval that holds for all
:math:`\lambda`; for inputs it is one tick. The sum is linear in :math:`\lambda` for arrivals that are
certain, and for the others linear in :math:`\lambda` and in :math:`\kappa` apart, so it lies between values
at the ends: :math:`L_k \le v_k \le U_k`. No neuron can spike before the first k with :math:`U_k` above
the lowest threshold, and each has spiked by the first with :math:`L_k` above the highest. That is its
interval. A membrane that could stop at the lower end of 24 bits is higher from then on than the sum says, so
its interval begins there. A readout's class is certain if its membrane minus any other's, a sum of the same
form, is above 0 at the end; a first spike's, if its interval lies before all others'.

Later spikes reach nobody, for the program is proven to spike once. What was lost before, in going from
seconds to ticks, is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.certifiable import checked, decays
from spikec.coding import Readout, earliest_of_parts
from spikec.events import Events
from spikec.ir.bounds import M
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.kernels import Kernel, membrane_kernel
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.program import Program


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is certain of each sample.

    Attributes:
        classes: The class that no rounding on the way to the integers can change, -1 if none is certain,
            ``(n_samples,)``.
        earliest: For each population the first tick in which each neuron may spike, ``(n_samples, n)``; the
            number of ticks for never.
        latest: Likewise, the tick by which it has spiked.
    """

    classes: IntArray
    earliest: Mapping[str, IntArray]
    latest: Mapping[str, IntArray]

    @property
    def share(self) -> float:
        """Share of samples with a certain class."""
        return float(np.mean(self.classes >= 0))


def certify(real: Program, program: Program, inputs: Mapping[str, Events]) -> Certificate:
    """Certify samples.

    Args:
        real: The program before `quantize-weights`.
        program: The same, after it, repaired or not.
        inputs: Input spikes, in ticks.

    Raises:
        UsageError: It is no feed-forward network of `CubaTicks` that spike once, its length is not known, or
            its answer is none that can be certified.
    """
    n_ticks, order = checked(real, program)
    earliest: dict[str, IntArray] = {}
    latest: dict[str, IntArray] = {}
    for name, e in inputs.items():
        first = np.minimum(e.first_times(), n_ticks)
        earliest[name] = latest[name] = first.astype(np.int64)
    for p in order:
        ends = _Ends(real, program, p, n_ticks)
        if ends.spikes:
            earliest[p.name], latest[p.name] = _first_spikes(ends, earliest, latest)
    return Certificate(_classes(real, program, n_ticks, earliest, latest), earliest, latest)


Spans = Mapping[str, tuple[IntArray, IntArray]]
"""In one sample the first tick in which each neuron may spike, and that by which it has, by population."""


class _Ends:
    """One population at both ends of the way, real first and integers second, in units of its integers.

    Attributes:
        n: Neurons.
        n_ticks: Length of a sample.
        spikes: Whether they can.
        thresholds: At both ends, each ``(n,)``.
        biases: What a tick adds to each membrane, likewise.
        parts: Incoming synapses, but for those that bring a neuron's own spike back.
    """

    def __init__(self, real: Program, program: Program, p: Population, n_ticks: int) -> None:
        k, fixed = p.neuron, program.network.population(p.name).neuron
        assert isinstance(k, CubaTicks)
        assert isinstance(fixed, CubaFixed)
        before = np.broadcast_to(real.scales.get(p.name, np.ones(())), (p.n,))
        scale = float(np.broadcast_to(program.scales[p.name], (p.n,))[0] / before[0])
        self.n, self.n_ticks = p.n, n_ticks
        self.spikes = bool(np.all(np.isfinite(np.asarray(k.threshold))))
        thresholds = np.asarray(k.threshold) * scale, np.asarray(fixed.vth) * 64.0
        self.thresholds = tuple(np.broadcast_to(t, (p.n,)) for t in thresholds)
        bias = np.floor(np.ldexp(np.asarray(fixed.bias_mant, np.float64), np.asarray(fixed.bias_exp)))
        self.biases = tuple(np.broadcast_to(b, (p.n,)) for b in (np.asarray(k.bias) * scale, bias))
        self._decays = np.stack([np.broadcast_to(d, (p.n,)) for d in decays(k)])
        own = next(c for c in real.network.components() if p.name in c)
        outside = (q for q in real.network.incoming(p.name) if q.pre not in own)
        self.parts = [part for q in outside for part in _parts(q, program, scale)]

    def alike(self) -> Iterator[tuple[IntArray, _Sums]]:
        """Neurons with the same decays, and their membranes."""
        pairs, which = np.unique(self._decays, axis=1, return_inverse=True)
        for j in range(pairs.shape[1]):
            neurons = np.flatnonzero(which.ravel() == j)
            yield neurons, self.sums(np.eye(self.n)[neurons])

    def sums(self, mix: FloatArray) -> _Sums:
        """Sums of membranes, each taken as often as `mix` says, ``(n_sums, n)``; all of the same decays."""
        decay_u, decay_v = self._decays[:, mix.any(axis=0).argmax()]
        r, b = 1 - float(decay_u) / 4096, 1 - float(decay_v) / 4096
        weights = [(mix @ before, mix @ after) for before, after in (part.weights for part in self.parts)]
        return _Sums(
            self.n_ticks,
            membrane_kernel(r, b, self.n_ticks),
            np.cumsum(b ** np.arange(float(self.n_ticks))),
            (r > 0, b < 1),
            [replace(part, weights=w) for part, w in zip(self.parts, weights, strict=True)],
            [mix @ bias for bias in self.biases],
            (np.maximum(mix, 0).sum(axis=1), np.maximum(-mix, 0).sum(axis=1)),
        )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of membranes of neurons with the same decays, linear in arrivals as each of them.

    Attributes:
        n_ticks: Length of a sample.
        kernel: What is left of an arrival.
        kept: What is left of one in every tick so far, ``(n_ticks,)``, in a membrane that has no current.
        rounded: Whether rounding moves currents, and membranes.
        parts: Incoming synapses, their weights ``(n_sums, n_pre)``.
        biases: What a tick adds at both ends of the way, each ``(n_sums,)``.
        taken: How often membranes are taken, with a plus and with a minus, each ``(n_sums,)``.
    """

    n_ticks: int
    kernel: Kernel
    kept: FloatArray
    rounded: tuple[bool, bool]
    parts: list[_Part]
    biases: list[FloatArray]
    taken: tuple[FloatArray, FloatArray]

    def between(self, spans: Spans) -> tuple[FloatArray, FloatArray]:
        """Between what the sums lie for every weight on the way, each ``(n_ticks, n_sums)``."""
        certain = [self.kept[:, None] * bias for bias in self.biases]
        low, high = np.zeros((2, *certain[0].shape))
        lost = np.zeros(self.n_ticks)
        for part in self.parts:
            first, last = (k + 1 + part.delay for k in spans[part.pre])
            comes = first < self.n_ticks
            sure = np.flatnonzero(comes & (first == last))
            left = self._left(first[sure])
            certain = [c + left @ w[:, sure].T for c, w in zip(certain, part.weights, strict=True)]
            for i in np.flatnonzero(comes & (first != last)):
                left = self._left(np.arange(first[i], min(last[i], self.n_ticks) + 1))
                ends = [w[:, i] * x[:, None] for w in part.weights for x in (left.min(1), left.max(1))]
                low += np.minimum.reduce(ends)
                high += np.maximum.reduce(ends)
            if part.cut:
                lost += part.cut * self._ever(first[part.touched], last[part.touched])
        currents, membranes = self.rounded
        moved = np.cumsum(self.kernel.left)[: self.n_ticks] * currents + self.kept * membranes
        plus, minus = self.taken
        low += np.minimum(*certain) - np.outer(moved + lost, plus) - np.outer(moved, minus)
        high += np.maximum(*certain) + np.outer(moved, plus) + np.outer(moved + lost, minus)
        return low, high

    def _left(self, arrivals: IntArray) -> FloatArray:
        """What is left in each tick of arrivals in some ticks, ``(n_ticks, n_arrivals)``."""
        since = np.arange(self.n_ticks)[:, None] - arrivals
        return np.where(since >= 0, self.kernel.left[np.maximum(since, 0)], 0.0)

    def _ever(self, first: IntArray, last: IntArray) -> FloatArray:
        """What is left of one in every tick in which something may arrive, ``(n_ticks,)``."""
        may = np.zeros(self.n_ticks + 1)
        for begin, end in zip(first, last, strict=True):
            may[min(begin, self.n_ticks) : min(end, self.n_ticks - 1) + 1] = 1
        return np.convolve(may[: self.n_ticks], self.kernel.left)[: self.n_ticks]


@dataclass(frozen=True, eq=False)
class _Part:
    """The synapses of one projection with one delay.

    Attributes:
        pre: Where they come from.
        delay: Ticks.
        weights: At both ends of the way, each ``(n_post, n_pre)``.
        cut: By how much less a tick's sum may be than its weights say; negative exponents cut it off.
        touched: Whether a presynaptic neuron has any of them, ``(n_pre,)``.
    """

    pre: str
    delay: int
    weights: tuple[FloatArray, FloatArray]
    cut: float
    touched: BoolArray


def _parts(q: Projection, program: Program, scale: float) -> Iterator[_Part]:
    fixed = next((f for f in program.network.projections if f.name == q.name), None)
    pre, post = q.connectivity.synapses()
    delay = q.delays.per_synapse(q.connectivity)
    before = np.asarray(q.connectivity.stored(), np.float64) * scale
    after, cut = np.zeros(before.size), 0.0
    if fixed is not None:
        assert isinstance(fixed.connectivity.weights, Fixed)
        exponent = fixed.connectivity.weights.format.exponent
        after = np.asarray(fixed.connectivity.stored(), np.float64) * 2.0 ** (6 + exponent)
        cut = 64 * max(1 - 2.0**exponent, 0.0)
    for d in np.unique(delay):
        chosen = delay == d
        weights = np.zeros((2, q.connectivity.n_post, q.connectivity.n_pre))
        weights[0, post[chosen], pre[chosen]] = before[chosen]
        weights[1, post[chosen], pre[chosen]] = after[chosen]
        touched = np.any(weights != 0, axis=(0, 1))
        yield _Part(q.pre, int(d), (weights[0], weights[1]), cut, touched)


def _first_spikes(
    ends: _Ends, earliest: Mapping[str, IntArray], latest: Mapping[str, IntArray]
) -> tuple[IntArray, IntArray]:
    n_samples = len(next(iter(earliest.values())))
    first, last = np.zeros((2, n_samples, ends.n), np.int64)
    lowest, highest = np.minimum(*ends.thresholds), np.maximum(*ends.thresholds)
    for neurons, membranes in ends.alike():
        for sample in range(n_samples):
            low, high = membranes.between(_spans(earliest, latest, sample))
            first[sample, neurons] = _first_true((high > lowest[neurons]) | (low <= 1 - M))
            last[sample, neurons] = _first_true(low > highest[neurons])
    return first, last


def _spans(earliest: Mapping[str, IntArray], latest: Mapping[str, IntArray], sample: int) -> Spans:
    return {name: (earliest[name][sample], latest[name][sample]) for name in earliest}


def _first_true(condition: BoolArray) -> IntArray:
    """The first row in which each column holds; the number of rows if in none."""
    return np.where(condition.any(axis=0), condition.argmax(axis=0), len(condition))


def _classes(
    real: Program,
    program: Program,
    n_ticks: int,
    earliest: Mapping[str, IntArray],
    latest: Mapping[str, IntArray],
) -> IntArray:
    """The class that is certain, or -1."""
    decoding = real.network.decoding
    assert decoding is not None
    if decoding.readout is Readout.FIRST:
        first, last = (_of_all_parts(real, ticks, n_ticks) for ticks in (earliest, latest))
        return _earliest_class(first, last, n_ticks)
    p = real.network.population(decoding.population)
    ends, n_samples = _Ends(real, program, p, n_ticks), len(next(iter(earliest.values())))
    found = np.full(n_samples, -1)
    ((_, membranes),) = ends.alike()
    for sample in range(n_samples):
        spans = _spans(earliest, latest, sample)
        low, high = membranes.between(spans)
        if np.min(low) <= 1 - M or np.max(high) >= M - 1:
            continue
        c = int(np.argmax(low[-1] + high[-1]))
        others = np.delete(np.arange(p.n), c)
        lead = np.zeros((others.size, p.n))
        lead[:, c], lead[np.arange(others.size), others] = 1, -1
        ahead, _ = ends.sums(lead).between(spans)
        if np.all(ahead[-1] > 0):
            found[sample] = c
    return found


def _of_all_parts(real: Program, ticks: Mapping[str, IntArray], n_ticks: int) -> FloatArray:
    """The earliest that neurons and those added for them tell of first spikes; infinite for never."""
    never = {name: np.where(k < n_ticks, k, np.inf) for name, k in ticks.items()}
    assert real.network.decoding is not None
    name = real.network.decoding.population
    return earliest_of_parts(never[name], never[real.copies[name]]) if name in real.copies else never[name]


def _earliest_class(earliest: FloatArray, latest: FloatArray, n_ticks: int) -> IntArray:
    """Whose latest first spike is before all others' earliest; ties go to the lowest."""
    found = np.full(len(latest), -1)
    neurons = np.arange(latest.shape[1])
    for sample, (first, last) in enumerate(zip(earliest, latest, strict=True)):
        for c in np.flatnonzero(last < n_ticks):
            behind = np.where(neurons > c, first >= last[c], first > last[c])
            if np.all(behind | (neurons == c)):
                found[sample] = c
    return found

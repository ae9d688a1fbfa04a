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
from dataclasses import dataclass

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.coding import Readout, earliest_of_parts
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.bounds import M, once_spiking
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.kernels import membrane_kernel
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks, Source
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
        program: The same, after it.
        inputs: Input spikes, in ticks.

    Raises:
        UsageError: It is no feed-forward network of `CubaTicks` that spike once, its length is not known, or
            its answer is none that can be certified.
    """
    n_ticks, order = _check(real, program)
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


class _Ends:
    """One population's weights, thresholds and biases at both ends of the way, in units of its integers."""

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
        self.decays = [np.broadcast_to(np.asarray(d), (p.n,)) for d in _decays(k)]
        own = next(c for c in real.network.components() if p.name in c)
        outside = (q for q in real.network.incoming(p.name) if q.pre not in own)
        self.parts = [part for q in outside for part in _parts(q, program, scale)]

    def alike(self) -> Iterator[tuple[IntArray, float, float]]:
        """Neurons with the same decays, and what a tick leaves of their current and membrane."""
        pairs, which = np.unique(np.stack(self.decays), axis=1, return_inverse=True)
        for j, (u, v) in enumerate(pairs.T):
            yield np.flatnonzero(which.ravel() == j), 1 - float(u) / 4096, 1 - float(v) / 4096

    def membranes(
        self,
        sample: int,
        earliest: Mapping[str, IntArray],
        latest: Mapping[str, IntArray],
        mix: FloatArray | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Between what each membrane lies, ``(n_ticks, n)``; with `mix`, sums of them, ``(n_ticks, m)``."""
        if mix is not None:
            ((_, r, b),) = self.alike()
            return self._between(np.arange(self.n), r, b, sample, earliest, latest, mix)
        low, high = np.zeros((2, self.n_ticks, self.n))
        for neurons, r, b in self.alike():
            found = self._between(neurons, r, b, sample, earliest, latest, None)
            low[:, neurons], high[:, neurons] = found
        return low, high

    def _between(
        self,
        neurons: IntArray,
        r: float,
        b: float,
        sample: int,
        earliest: Mapping[str, IntArray],
        latest: Mapping[str, IntArray],
        mix: FloatArray | None,
    ) -> tuple[FloatArray, FloatArray]:
        """See `membranes`; of neurons with the same decays."""
        mixed = np.eye(neurons.size) if mix is None else mix
        n_ticks, kernel = self.n_ticks, membrane_kernel(r, b, self.n_ticks)
        padded = np.concatenate([np.zeros(n_ticks), kernel.left])  # [n_ticks + m] is kappa(m), 0 before
        kept = np.cumsum(b ** np.arange(float(n_ticks)))[:, None]
        certain = [kept * (mixed @ bias[neurons]) for bias in self.biases]
        low, high = np.zeros((2, n_ticks, len(mixed)))
        lost = np.zeros((n_ticks, 1))
        ticks = np.arange(n_ticks)[:, None]
        for part in self.parts:
            first, last = (side[part.pre][sample] + 1 + part.delay for side in (earliest, latest))
            weights = [mixed @ w[neurons] for w in part.weights]
            sure = np.flatnonzero((first == last) & (first < n_ticks))
            left = padded[np.clip(n_ticks + ticks - first[sure], 0, 2 * n_ticks)]
            certain = [c + left @ w[:, sure].T for c, w in zip(certain, weights, strict=True)]
            for i in np.flatnonzero((first != last) & (first < n_ticks)):
                least, most = _range(padded, n_ticks, int(first[i]), int(last[i]))
                ends = [w[:, i] * x[:, None] for w in weights for x in (least, most)]
                low += np.minimum.reduce(ends)
                high += np.maximum.reduce(ends)
            if part.cut:
                lost += part.cut * _arrivals(first, last, part.touched, kernel.left, n_ticks)
        spread = np.abs(mixed).sum(axis=1)
        rounding = np.cumsum(kernel.left)[:n_ticks, None] * (r > 0) + kept * (b < 1)
        down, up = (np.maximum(sign * mixed, 0).sum(axis=1) for sign in (1, -1))
        low = np.minimum(*certain) + low - rounding * spread - lost * down
        return low, np.maximum(*certain) + high + rounding * spread + lost * up


@dataclass(frozen=True, eq=False)
class _Part:
    """The synapses of one projection with one delay: weights at both ends, ``(n_post, n_pre)``."""

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


def _range(padded: FloatArray, n_ticks: int, first: int, last: int) -> tuple[FloatArray, FloatArray]:
    """The least and the most that is left in each tick of an arrival that comes between two ticks."""
    late = np.arange(first, min(last, n_ticks) + 1)
    left = padded[np.clip(n_ticks + np.arange(n_ticks)[:, None] - late, 0, 2 * n_ticks)]
    return left.min(axis=1), left.max(axis=1)


def _arrivals(
    first: IntArray, last: IntArray, touched: BoolArray, left: FloatArray, n_ticks: int
) -> FloatArray:
    """What one unit, lost in each tick in which something may arrive, has taken off by each tick."""
    may = np.zeros(n_ticks + 1)
    for a, b in zip(first[touched], last[touched], strict=True):
        may[min(a, n_ticks) : min(b, n_ticks - 1) + 1] = 1
    return np.convolve(may[:n_ticks], left)[:n_ticks, None]


def _first_spikes(
    ends: _Ends, earliest: Mapping[str, IntArray], latest: Mapping[str, IntArray]
) -> tuple[IntArray, IntArray]:
    n_samples = len(next(iter(earliest.values())))
    first, last = np.zeros((2, n_samples, ends.n), np.int64)
    for sample in range(n_samples):
        low, high = ends.membranes(sample, earliest, latest)
        may = (high > np.minimum(*ends.thresholds)) | (low <= 1 - M)
        first[sample] = _first_true(may)
        last[sample] = _first_true(low > np.maximum(*ends.thresholds))
    return first, last


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
    for sample in range(n_samples):
        low, high = ends.membranes(sample, earliest, latest)
        if np.min(low) <= 1 - M or np.max(high) >= M - 1:
            continue
        c = int(np.argmax(low[-1] + high[-1]))
        others = np.delete(np.arange(p.n), c)
        lead = np.zeros((others.size, p.n))
        lead[:, c], lead[np.arange(others.size), others] = 1, -1
        ahead, _ = ends.membranes(sample, earliest, latest, lead)
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


def _check(real: Program, program: Program) -> tuple[int, list[Population]]:
    """The program's length, and who computes in the order in which spikes flow."""
    network, decoding = real.network, real.network.decoding
    if not program.is_compiled or program.n_ticks is None:
        raise UsageError("certificates need a program in integers that knows how long a sample is")
    if decoding is None or decoding.readout not in (Readout.FIRST, Readout.MEMBRANE):
        raise UsageError("certificates are for answers by a first spike or by a membrane at the end")
    once = once_spiking(program.network, program.n_ticks)
    order = []
    for component in network.components():
        echoes = _echoes(real, component)
        for p in (network.population(name) for name in component if name not in echoes):
            if isinstance(p.neuron, Source):
                if not p.neuron.one_spike:
                    raise UsageError(
                        f"input {p.name} may spike several times; certificates are for one spike"
                    )
                continue
            if not isinstance(p.neuron, CubaTicks) or np.any(np.asarray(p.neuron.current_bias)):
                raise UsageError(
                    f"certificates are for CubaTicks without a constant current, not for {p.name}"
                )
            if p.neuron.spikes and p.name not in once and network.outgoing(p.name):
                raise UsageError(f"population {p.name} is not proven to spike once a sample")
            if not p.neuron.spikes and any(np.unique(np.asarray(d)).size > 1 for d in _decays(p.neuron)):
                raise UsageError(f"readout {p.name} has several decays; certificates are for one")
            order.append(p)
    if decoding.population not in {p.name for p in order}:
        raise UsageError(f"population {decoding.population}, which answers, was split or repeats others")
    return program.n_ticks, order


def _echoes(real: Program, component: tuple[str, ...]) -> set[str]:
    """Populations that only bring a neuron's own spike back to it; nothing else may be recurrent.

    Raises:
        UsageError: Something else is.
    """
    network = real.network
    inside = [q for q in network.projections if q.pre in component and q.post in component]
    reached = {q.post for q in network.projections if q.post in component and q.pre not in component}
    echoes = set(component) - reached if inside and len(component) > 1 else set()
    for q in inside:
        pre, post = q.connectivity.synapses()
        if np.any(pre != post):
            raise UsageError(f"projection {q.name} is recurrent; certificates are for feed-forward networks")
    leaves = [q.name for q in network.projections if q.pre in echoes and q.post not in component]
    if len(component) - len(echoes) > 1 or leaves or any(_biased(network.population(e)) for e in echoes):
        raise UsageError(
            f"{', '.join(component)} feed each other; certificates are for feed-forward networks"
        )
    return echoes


def _decays(neuron: CubaTicks) -> tuple[IntArray, IntArray]:
    return np.asarray(neuron.decay_u), np.asarray(neuron.decay_v)


def _biased(p: Population) -> bool:
    return not isinstance(p.neuron, CubaTicks) or bool(np.any(np.asarray(p.neuron.bias)))

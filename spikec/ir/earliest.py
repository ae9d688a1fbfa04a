r"""Before which tick no spike can come, and what later arrivals can leave in a membrane at most.

A membrane that starts at 0 is never above what excitation alone leaves in it when all of it comes as early as
it can, and stays: an arrival in tick k or later has left at most :math:`\max_{m \le t - k} \kappa(m)` by
tick t (`spikec.ir.kernels`). Rounding toward zero only lowers what is positive, and inhibition lifts nobody.
So a neuron's first spike is not before the tick in which that sum, with its bias, exceeds its threshold.
Inputs may spike in the first tick, and so may neurons of a cycle, and those that are not in integers. All of
it holds where no current wraps around: inhibition that leaves 24 bits excites. `spikec.ir.bounds` proves that
none does, without these ticks, and a program is finished only then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.connectivity import DelayKind
from spikec.ir.fan_in import alike, bias_of, mantissa, most_at_once, unit_of
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.kernels import Kernel, membrane_kernel
from spikec.ir.network import Network, Population, Projection

AT_ONCE = 2_000_000
"""Numbers of a table of ticks and neurons that is made at once."""

SLACK = 1 + 1e-9
"""By how much float arithmetic may be off."""


def earliest_spikes(network: Network, n_ticks: int, once: Collection[str]) -> dict[str, IntArray]:
    """The first tick in which each neuron may spike, `n_ticks` if in none, by population.

    Args:
        network: In the fixed dialect, or on the way there.
        n_ticks: Length of a sample.
        once: Populations that spike once.
    """
    found = {p.name: np.zeros(p.n, np.int64) for p in network.populations}
    for component in network.components():
        name = component[0]
        p = network.population(name)
        incoming = [q for q in network.incoming(name) if q.pre != name]
        ready = all(isinstance(q.connectivity.weights, Fixed) for q in incoming)
        own = (q for q in network.outgoing(name) if q.post == name)
        inhibits = all(isinstance(q.connectivity.weights, Fixed) and not np.any(mantissa(q) > 0) for q in own)
        if len(component) == 1 and isinstance(p.neuron, CubaFixed) and ready and inhibits:
            found[name] = _first_crossing(network, p, n_ticks, once, found)
    return found


def membrane_reach(
    network: Network,
    q: Projection,
    kernel: Kernel,
    ticks: IntArray,
    once: bool,
    earliest: Mapping[str, IntArray],
    sign: int = 1,
) -> FloatArray:
    """The most that one projection's excitation can leave in each membrane by some ticks.

    Args:
        network: The network.
        q: One of its projections, in integers.
        kernel: What a membrane keeps of arrivals.
        ticks: Which ticks, ``(n,)``.
        once: Whether presynaptic neurons spike once.
        earliest: The first tick in which each neuron may spike, by population.
        sign: 1 for excitation, -1 for inhibition, whose amount is given.

    Returns:
        In units of ``u``, ``(n, n_post)``.
    """
    n_ticks = kernel.left.size - 1
    course = kernel.highest if once else np.cumsum(kernel.left)
    begins = earliest[q.pre] + 1 + _least_delays(q)
    since = ticks[:, None] - begins
    silent = (since < 0) | (earliest[q.pre] >= n_ticks)
    left = np.where(silent, 0.0, course[np.clip(since, 0, n_ticks)])
    weights = np.maximum(sign * mantissa(q), 0)
    return np.asarray(q.connectivity.by_post(weights, left) * (unit_of(q) * most_at_once(network, q)))


def _first_crossing(
    network: Network,
    p: Population,
    n_ticks: int,
    once: Collection[str],
    earliest: Mapping[str, IntArray],
) -> IntArray:
    k, found = p.neuron, np.full(p.n, n_ticks, np.int64)
    assert isinstance(k, CubaFixed)
    must_exceed = np.broadcast_to(np.asarray(k.vth) * 64.0 - np.asarray(k.inclusive), (p.n,))
    incoming = [q for q in network.incoming(p.name) if q.pre != p.name]
    largest = max((network.population(q.pre).n for q in incoming), default=0) + p.n
    for neurons, r, b in alike(p):
        kernel = membrane_kernel(r, b, n_ticks)
        kept = np.cumsum(b ** np.arange(n_ticks + 0.0))
        for ticks in _portions(n_ticks, largest):
            reach = kept[ticks, None] * bias_of(p)[neurons]
            for q in incoming:
                reach += membrane_reach(network, q, kernel, ticks, q.pre in once, earliest)[:, neurons]
            may = reach * SLACK > must_exceed[neurons]
            first = np.where(may.any(axis=0), ticks[0] + may.argmax(axis=0), n_ticks)
            found[neurons] = np.minimum(found[neurons], first)
            if np.all(found[neurons] < n_ticks):
                break
    return found


def _portions(n_ticks: int, width: int) -> Iterator[IntArray]:
    size = max(AT_ONCE // max(width, 1), 1)
    for start in range(0, n_ticks, size):
        yield np.arange(start, min(start + size, n_ticks))


def _least_delays(q: Projection) -> IntArray:
    """The shortest delay of each presynaptic neuron's synapses, ticks, ``(n_pre,)`` or ``()``."""
    if not q.delays.in_ticks:
        return np.zeros((), np.int64)
    if q.delays.kind in (DelayKind.UNIFORM, DelayKind.AXONAL):
        return np.asarray(q.delays.values, np.int64)
    least = np.full(q.connectivity.n_pre, int(q.delays.longest), np.int64)
    np.minimum.at(least, q.connectivity.synapses()[0], q.delays.per_synapse(q.connectivity))
    return least

"""Message-hops that no placement avoids: a bound for each population that spikes, added up.

The messages of two populations are not the same, so what each must send at least adds up; of several bounds
for one population the largest holds.

* Neuron by neuron (`_of_single_neurons`): what it reaches fills so many cores.
* Populations joined all to all with themselves (`compact`): all reach the same cores, which lie apart.
* Lists of synapses (`spikec.placement.spectrum`): no core is what most neurons reach.
* Convolutions (`spikec.placement.halo`): cores read a border around their pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.connectivity import Convolution, Dense, Sparse
from spikec.ir.network import Population
from spikec.placement.apart import least_apart
from spikec.placement.grid import Grid
from spikec.placement.halo import halo
from spikec.placement.rates import Rates, rates_of
from spikec.placement.rules import Assignment, axon_bits, limit_of, synapse_bits
from spikec.placement.spectrum import fewest_pairs


class Distances(NamedTuple):
    """The fewest routers to so many cores, 0 to all places, ``(n_places + 1,)`` each.

    Attributes:
        near: From a neuron to cores, of which its own is one and costs nothing.
        entry: From the entry to cores.
    """

    near: FloatArray
    entry: FloatArray


def lower_bound(a: Assignment, grid: Grid, rates: Rates | None = None) -> float:
    """Message-hops that no placement of the network can avoid."""
    ways = distances(grid)
    onto = {name: _memory_of_neurons(a, name) for name in a.cores}
    together = {name: _most_together(a, name) for name in a.cores}
    total = 0.0
    for p in a.network.populations:
        rate = rates_of(a.network, p.name, rates)
        found = [_of_single_neurons(a, p, rate, ways, onto, together)]
        for q in a.network.outgoing(p.name):
            c, limit = q.connectivity, limit_of(a.target, "neurons_per_core") or p.n + q.connectivity.n_post
            most = min(together[q.post], limit)
            if isinstance(c, Convolution) and q.post != p.name:
                found.append(halo(c, rate, limit, ways.entry if p.is_source else None))
            elif isinstance(c, Sparse):
                pairs = fewest_pairs(c, rate, most)
                found.append(pairs if p.is_source else _apart(pairs, float(rate.sum()), ways.near))
            elif isinstance(c, Dense) and q.post == p.name:
                found.append(compact(grid, rate, most, ways.near))
        total += max(found)
    return total


def distances(grid: Grid) -> Distances:
    """The fewest routers that messages to so many cores pass."""
    ring = np.arange(1, grid.n_places + 1)
    of_ring = np.concatenate([[max(grid.cores_per_tile - 1, 0)], 4 * grid.cores_per_tile * ring])
    steps = np.repeat(np.arange(1, of_ring.size + 1), np.minimum(of_ring, grid.n_places))[: grid.n_places - 1]
    near = np.concatenate([[0, 0], np.cumsum(steps)]).astype(np.float64)
    entry = np.concatenate([[0], np.cumsum(np.sort(grid.from_outside))]).astype(np.float64)
    return Distances(near, entry)


def _apart(pairs: float, spikes: float, near: FloatArray) -> float:
    """Message-hops of pairs of a spike and a core that it reaches, spread evenly: `near` is convex."""
    return spikes * float(np.interp(pairs / spikes, np.arange(near.size), near)) if spikes else 0.0


def _of_single_neurons(
    a: Assignment,
    p: Population,
    rate: FloatArray,
    ways: Distances,
    onto: dict[str, FloatArray],
    together: dict[str, int],
) -> float:
    r"""Message-hops of a population whose neurons could each have the best of all placements.

    The neurons that :math:`s` reaches lie on at least as many cores as their number, and the memory of the
    synapses onto them, fill; those of one population that is joined all to all on as many as hold them in
    whole words. One of these cores may be its own; of the others three at best are in its tile, then come
    those of the four tiles next to it, and so on. Inputs have no core of their own. Kernels are shared, and
    cost no memory.
    """
    most, memory = (limit_of(a.target, n) for n in ("neurons_per_core", "synapse_bytes_per_core"))
    reached, stored, cores = np.zeros((3, p.n))
    for post in {q.post for q in a.network.outgoing(p.name)}:
        parts = [q.connectivity for q in a.network.outgoing(p.name) if q.post == post]
        ones = [np.ones(c.weights.shape, np.bool_) for c in parts]
        fan_out = np.max([c.by_pre(one) for c, one in zip(parts, ones, strict=True)], axis=0)
        reached += fan_out
        cores = np.maximum(cores, np.ceil(fan_out / together[post]))
        bits = [c.by_pre(one, onto[post]) for c, one in zip(parts, ones, strict=True)]
        stored += np.max(bits, axis=0)
    if most is not None:
        cores = np.maximum(cores, np.ceil(reached / most))
    if memory is not None:
        cores = np.maximum(cores, np.ceil(stored / (8 * memory)))
    fewest = ways.entry if p.is_source else ways.near
    return float(rate @ fewest[cores.astype(np.int64).clip(max=fewest.size - 1)])


def compact(grid: Grid, rate: FloatArray, most: int, near: FloatArray) -> float:
    r"""Message-hops of a population whose neurons all reach each other, at most so many of them on a core.

    With :math:`w_c` spikes of the neurons on core :math:`c` and :math:`D_c` the routers from there to all
    other cores of the population, the cost is :math:`\sum_c w_c D_c`, where :math:`w_c \le W`, the largest
    sum of so many rates. It is linear in :math:`w`, so least where all cores but one, with the rest
    :math:`w'`, have :math:`W` or nothing. Let :math:`k` cores have :math:`W`: among themselves they cost
    :math:`W S(k)` with `least_apart`, and if there is a rest, its core costs :math:`W + w'` times the
    fewest routers to :math:`k` others. Cores without neurons that spike only cost more.
    """
    whole = float(np.sort(rate)[-most:].sum())
    k = int(rate.sum() / whole * (1 + 1e-12)) if whole else 0
    if not 1 <= k <= grid.n_places:
        return 0.0
    rest = max(float(rate.sum()) - k * whole, 0.0)
    last = (whole + rest) * float(near[min(k + 1, near.size - 1)]) if rest > 1e-9 * whole else 0.0
    return whole * max(least_apart(grid, k), k * float(near[k])) + last


def _memory_of_neurons(a: Assignment, name: str) -> FloatArray:
    """Bits that the synapses onto each neuron take, without headers and rounding, ``(n,)``."""
    total = np.zeros(a.network.population(name).n)
    for q in a.network.incoming(name):
        if not isinstance(q.connectivity, Convolution):
            every = np.ones(q.connectivity.weights.shape, np.bool_)
            total += synapse_bits(q, a.target) * q.connectivity.by_post(every)
    return total


def _most_together(a: Assignment, name: str) -> int:
    """Neurons of a population that a core holds at best, if all of its synapses join all to all."""
    n, memory = a.network.population(name).n, limit_of(a.target, "synapse_bytes_per_core")
    incoming = a.network.incoming(name)
    if memory is None or not all(isinstance(q.connectivity, Dense) for q in incoming):
        return n
    m: IntArray = np.arange(n + 1)
    bits = sum((q.connectivity.n_pre * axon_bits(m, synapse_bits(q, a.target)) for q in incoming), 0 * m)
    return max(int(np.searchsorted(bits, 8 * memory, side="right")) - 1, 1)

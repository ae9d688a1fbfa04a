r"""What a placement costs: messages between cores, the routers on their way, and the slowest core's work.

A spike of neuron :math:`s` is one message to each core that holds a neuron it reaches. With its rate
:math:`r_s`, its core :math:`k_s`, the set of cores :math:`C_s` that it reaches, and :math:`h` the hops
between the tiles of two cores,

.. math:: messages = \sum_s r_s |C_s|, \qquad
          message\_hops = \sum_s r_s \sum_{c \in C_s,\; c \ne k_s} (1 + h(k_s, c)).

So a message to the core it came from costs no hop, one within a tile passes one router, and each hop between
tiles one more. Spikes of inputs enter at the router of the first tile.

Source of the form: messages are the connectivity of hyperedges, one a neuron (arXiv 2601.16118).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from spikec.arrays import FloatArray, IntArray
from spikec.errors import UsageError
from spikec.ir.connectivity import Convolution, Dense
from spikec.ir.network import Network
from spikec.placement.grid import Grid
from spikec.placement.rules import Assignment, axon_bits, limit_of, synapse_bits

Rates = Mapping[str, npt.ArrayLike]
"""Spikes of each neuron a tick, by population, ``()`` or ``(n,)``; 1 where a population is left out."""


@dataclass(frozen=True)
class Cost:
    """Of a placement; all for one tick in which neurons spike at their rates.

    Attributes:
        message_hops: Routers that messages to other cores pass.
        messages: One for a spike and a core that it reaches, its own included.
        hops_east_west: Of all messages, between tiles.
        hops_north_south: Likewise.
        busiest: Synaptic events and neuron updates of the core that has most of them together.
        bound: No placement has fewer message-hops (`lower_bound`).
    """

    message_hops: float
    messages: float
    hops_east_west: float
    hops_north_south: float
    busiest: float
    bound: float


class Traffic(NamedTuple):
    """Messages a tick between cores.

    Attributes:
        between: From core to core, its own included, sparse ``(n_cores, n_cores)``.
        from_outside: From inputs to every core, ``(n_cores,)``.
    """

    between: Any
    from_outside: FloatArray


def cost(a: Assignment, grid: Grid, place: IntArray, rates: Rates | None = None) -> Cost:
    """Count what a placement costs, from scratch.

    Args:
        a: Which core neurons are on.
        grid: The places.
        place: Of every core, ``(n_cores,)``.
        rates: How often neurons spike.
    """
    t = traffic(a, rates)
    _, east, north = _hops(t, grid, place)
    x, y = (of_tile[place] for of_tile in grid.tiles)
    return Cost(
        message_hops=message_hops(t, grid, place),
        messages=float(t.between.sum() + t.from_outside.sum()),
        hops_east_west=float(east + t.from_outside @ x),
        hops_north_south=float(north + t.from_outside @ y),
        busiest=float(work(a, rates).max(initial=0)),
        bound=lower_bound(a, grid, rates),
    )


def message_hops(t: Traffic, grid: Grid, place: IntArray) -> float:
    """Routers that messages pass with cores at their places, ``(n_cores,)``."""
    return float(sum(_hops(t, grid, place)) + t.from_outside @ grid.from_outside[place])


def _hops(t: Traffic, grid: Grid, place: IntArray) -> tuple[float, float, float]:
    """Messages to other cores, and their hops east or west, and north or south."""
    sent = coo_array(t.between)
    here, there = sent.row, sent.col
    east, north = grid.hops(place[here], place[there])
    return float(sent.data[here != there].sum()), float(sent.data @ east), float(sent.data @ north)


def traffic(a: Assignment, rates: Rates | None = None) -> Traffic:
    """The messages between cores."""
    between, outside = csr_array((a.n_cores, a.n_cores)), np.zeros(a.n_cores)
    for name, r in a.axons.items():
        rate, reached = rates_of(a.network, name, rates), (r.counts > 0).astype(np.float64)
        if name in a.cores:
            sent = coo_array((rate, (a.cores[name], r.kind)), shape=(a.n_cores, r.counts.shape[0])).tocsr()
            between = between + sent @ reached
        else:
            outside += np.bincount(r.kind, rate, minlength=r.counts.shape[0]) @ reached
    return Traffic(between, outside)


def work(a: Assignment, rates: Rates | None = None) -> FloatArray:
    """Synaptic events and neuron updates of every core a tick, ``(n_cores,)``."""
    total = np.zeros(a.n_cores)
    for core in a.cores.values():
        total += np.bincount(core, minlength=a.n_cores)
    for q in a.network.projections:
        r = a.reaches[q.name]
        rate = rates_of(a.network, q.pre, rates)
        total += np.bincount(r.kind, rate, minlength=r.counts.shape[0]) @ r.counts
    return total


def lower_bound(a: Assignment, grid: Grid, rates: Rates | None = None) -> float:
    r"""Message-hops that no placement of the network can avoid.

    The neurons that :math:`s` reaches lie on at least as many cores as their number, and the memory of the
    synapses onto them, fill; those of one population that is joined all to all on as many as hold them in
    whole words. One of these cores may be its own; of the others three at best are in its tile, then come
    those of the four tiles next to it, and so on. Inputs have no core of their own. Every neuron is taken
    for itself, so what is best for one may be impossible for all; kernels are shared, and cost no memory.
    """
    most, memory = (limit_of(a.target, n) for n in ("neurons_per_core", "synapse_bytes_per_core"))
    onto = {name: _memory_of_neurons(a, name) for name in a.cores}
    together = {name: _most_together(a, name) for name in a.cores}
    ring = np.arange(1, grid.n_places + 1)
    of_ring = np.concatenate([[max(grid.cores_per_tile - 1, 0)], 4 * grid.cores_per_tile * ring])
    steps = np.repeat(np.arange(1, of_ring.size + 1), np.minimum(of_ring, grid.n_places))[: grid.n_places]
    near = np.concatenate([[0, 0], np.cumsum(steps)])
    entry = np.concatenate([[0], np.cumsum(np.sort(grid.from_outside))])
    total = 0.0
    for p in a.network.populations:
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
        fewest = (entry if p.is_source else near)[cores.astype(np.int64).clip(max=grid.n_places)]
        total += float(rates_of(a.network, p.name, rates) @ fewest)
    return total


def rates_of(network: Network, name: str, rates: Rates | None) -> FloatArray:
    """Spikes of each neuron of a population a tick, ``(n,)``.

    Raises:
        UsageError: They do not fit the population, or are no numbers from 0 on.
    """
    n = network.population(name).n
    given = np.asarray((rates or {}).get(name, 1.0), np.float64)
    if given.shape not in ((), (n,)) or not np.all(np.isfinite(given)) or np.any(given < 0):
        raise UsageError(
            f"rates of {name} have shape {given.shape}; give () or ({n},), finite and not negative"
        )
    return np.broadcast_to(given, (n,))


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
    m = np.arange(n + 1)
    bits = sum((q.connectivity.n_pre * axon_bits(m, synapse_bits(q, a.target)) for q in incoming), 0 * m)
    return max(int(np.searchsorted(bits, 8 * memory, side="right")) - 1, 1)

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

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from spikec.arrays import FloatArray, IntArray
from spikec.placement.bound import lower_bound
from spikec.placement.grid import Grid
from spikec.placement.rates import Rates, rates_of
from spikec.placement.rules import Assignment


@dataclass(frozen=True)
class Cost:
    """Of a placement; all for one tick in which neurons spike at their rates.

    Attributes:
        message_hops: Routers that messages to other cores pass.
        messages: One for a spike and a core that it reaches, its own included.
        hops_east_west: Of all messages, between tiles.
        hops_north_south: Likewise.
        busiest: Synaptic events and neuron updates of the core that has most of them together.
        bound: No placement has fewer message-hops (`spikec.placement.bound`).
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

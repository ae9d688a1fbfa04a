"""Count the events of a run from its spikes: the definition of every counter, as arithmetic on spike counts.

Engines that touch synapses one by one count for themselves; this is what they must come to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from spikec.arrays import IntArray
from spikec.events import Events
from spikec.ir.connectivity import DelayKind
from spikec.ir.fixed_point import mantissas
from spikec.ir.network import Network, Projection
from spikec.result import Counters, PopulationCounts, ProjectionCounts


def count(
    network: Network,
    spikes: Mapping[str, Events],
    n_samples: int,
    n_ticks: int,
    known: Mapping[str, Touched] | None = None,
) -> Counters:
    """Count all events of a run.

    Args:
        network: In a tick dialect.
        spikes: Spikes of every population within the run.
        n_samples: Samples run.
        n_ticks: Ticks of each sample.
        known: What `touched` says of projections for which it is known already, by name.
    """
    known = known or {}
    populations = {
        p.name: PopulationCounts(
            spikes=spikes[p.name].n_events, neuron_updates=0 if p.is_source else p.n * n_ticks * n_samples
        )
        for p in network.populations
    }
    spikes_of: dict[str, IntArray] = {
        p.name: np.bincount(spikes[p.name].neurons, minlength=p.n) for p in network.populations
    }
    projections = {
        q.name: _count_projection(known.get(q.name) or touched(q), spikes_of[q.pre])
        for q in network.projections
    }
    return Counters(n_samples, n_ticks, populations, projections)


class Touched(NamedTuple):
    """What one spike of each presynaptic neuron of a projection touches, each ``(..., n_pre)`` int64.

    Attributes:
        events: Stored synapses with a weight other than zero.
        zeros: Stored synapses with weight zero.
        delayed: Synapses with a weight other than zero and a delay.
    """

    events: IntArray
    zeros: IntArray
    delayed: IntArray


def touched(q: Projection, onto: IntArray | None = None) -> Touched:
    """Count what spikes touch; a convolution's synapses are counted by its kernel, not listed.

    Args:
        q: The projection.
        onto: Which postsynaptic neurons count, 0 or 1, ``(..., n_post)``; None for all.
    """
    c, late = q.connectivity, q.delays.values > 0
    some = mantissas(c.weights) != 0
    events = c.by_pre(some, onto)
    if q.delays.kind is DelayKind.UNIFORM or q.delays.kind is DelayKind.AXONAL:
        delayed = events * late
    elif q.delays.kind is DelayKind.DENDRITIC:
        delayed = c.by_pre(some, late * (1 if onto is None else onto))
    else:
        delayed = c.by_pre(some & late, onto)
    return Touched(events, c.by_pre(~some, onto), delayed)


def _count_projection(one: Touched, spikes_of_pre: IntArray) -> ProjectionCounts:
    return ProjectionCounts(
        synaptic_events=int(spikes_of_pre @ one.events),
        zero_weight_events=int(spikes_of_pre @ one.zeros),
        messages=int(spikes_of_pre @ (one.events + one.zeros > 0)),
        delay_writes=int(spikes_of_pre @ one.delayed),
    )

"""Inputs of which several spikes come in a tick, for engines whose inputs spike once.

A source becomes as many as the highest count, each with the projections of the first; the k-th spikes where k
or more were counted. What arrives in a tick is the same sum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import IntArray
from spikec.events import Events
from spikec.ir.network import Network, Population, Projection

COPY = "{name}#{k}"
"""What the k-th source is called, from the second on."""


def most_at_once(events: Events) -> int:
    """The highest count of a neuron in a tick."""
    return int(_ranks(events).max(initial=0)) + 1


def with_copies(network: Network, source: str, n: int) -> Network:
    """The network with `n` sources instead of one."""
    ways = [q for q in network.projections if q.pre == source]
    copies = [COPY.format(name=source, k=k) for k in range(2, n + 1)]
    shape, neuron = network.population(source).shape, network.population(source).neuron
    return replace(
        network,
        populations=(*(Population(c, neuron, shape) for c in copies), *network.populations),
        projections=(*network.projections, *(_copied(q, c, source) for c in copies for q in ways)),
        inputs=(*network.inputs, *copies),
        encoding=None,
    )


def dealt(events: Events, source: str, n: int) -> dict[str, Events]:
    """The spikes of each of `n` sources."""
    ranks = _ranks(events)
    names = [source, *(COPY.format(name=source, k=k) for k in range(2, n + 1))]
    parts = {name: events.keep(ranks == k) for k, name in enumerate(names)}
    return {name: replace(e, multiple=False) for name, e in parts.items()}


def _copied(q: Projection, copy: str, source: str) -> Projection:
    return replace(q, name=q.name + copy.removeprefix(source), pre=copy)


def _ranks(events: Events) -> IntArray:
    """For each event how many of its neuron and tick stand before it."""
    first = np.flatnonzero(~events.repeats())
    return np.arange(events.n_events) - np.repeat(first, np.diff(first, append=events.n_events))

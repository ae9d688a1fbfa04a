"""Prune: leave out what no spike of an output can depend on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import networkx as nx
import numpy as np

from spikec.ir.connectivity import Convolution, DelayKind, Delays, Dense, sparse
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Continuous, Network, Projection
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class Prune:
    """Remove projections whose weights are all zero and populations that reach no output; store few as few.

    Attributes:
        dense_above: A dense projection stays dense while at least this share of its weights is not zero;
            below, only the others are stored, and no spike touches a zero any more. A convolution keeps its
            kernel.
    """

    dense_above: float = 0.5

    name: ClassVar[str] = "prune"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        before = program.network
        network = _without_dead_ends(program)
        network = network.with_projections(
            {q.name: without_zeros(q) for q in network.projections if self._is_thin(q)}
        )
        summary = (
            f"{several(len(before.populations) - len(network.populations), 'population')} and "
            f"{several(len(before.projections) - len(network.projections), 'projection')} left out, "
            f"{several(before.n_synapses - network.n_synapses, 'synapse')} less to store"
        )
        left = {p.name for p in network.populations}
        shards = {name: parts for name, parts in program.shards.items() if parts[0].population in left}
        return program.logged(LogEntry(self.name, True, summary), network=network, shards=shards)

    def _is_thin(self, q: Projection) -> bool:
        stored = mantissas(q.connectivity.weights)
        if isinstance(q.connectivity, Convolution):
            return False
        if isinstance(q.connectivity, Dense):
            return bool(np.count_nonzero(stored) < self.dense_above * stored.size)
        return bool(np.any(stored == 0))


def without_zeros(q: Projection) -> Projection:
    """The projection as a list of its synapses that are not zero."""
    pre, post = q.connectivity.synapses()
    weights = q.connectivity.weights
    kept = np.flatnonzero(mantissas(weights).ravel())
    values = (
        Fixed(weights.mantissa.ravel()[kept], weights.format)
        if isinstance(weights, Fixed)
        else weights.ravel()[kept]
    )
    listed = sparse(q.connectivity.n_pre, q.connectivity.n_post, pre[kept], post[kept], values)
    delays = q.delays
    if delays.kind is DelayKind.SYNAPTIC:
        order = np.lexsort((post[kept], pre[kept]))
        delays = Delays(delays.values.ravel()[kept][order], DelayKind.SYNAPTIC)
    return replace(q, connectivity=listed, delays=delays)


def _without_dead_ends(program: Program) -> Network:
    network = program.network
    kept = _cycle_closers(network)
    alive = tuple(
        q for q in network.projections if q.name in kept or np.any(mantissas(q.connectivity.weights) != 0)
    )
    graph = nx.DiGraph()
    graph.add_nodes_from(p.name for p in network.populations)
    graph.add_edges_from((q.pre, q.post) for q in alive)
    for parts in program.shards.values():  # the parts of one population stay or go together
        nx.add_cycle(graph, [s.population for s in parts])
    wanted = {*network.outputs, *network.inputs}
    if network.decoding is not None:
        answer = network.decoding.population
        wanted |= {s.population for s in program.shards[answer]} if answer in program.shards else {answer}
    useful = wanted.union(*(nx.ancestors(graph, name) for name in wanted))
    return replace(
        network,
        populations=tuple(p for p in network.populations if p.name in useful),
        projections=tuple(q for q in alive if q.post in useful),
    )


def _cycle_closers(network: Network) -> set[str]:
    """Projections that must stay, whatever they hold, because the others' timing hangs on them.

    Where a hop takes no tick, projections that close a cycle take one; without one of them, the others might
    close none.
    """
    if isinstance(network.clock, Continuous) or network.clock.convention.hop_delay:
        return set()
    component = {name: k for k, names in enumerate(network.components()) for name in names}
    return {q.name for q in network.projections if q.pre != q.post and component[q.pre] == component[q.post]}

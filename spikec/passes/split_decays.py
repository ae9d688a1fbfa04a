"""Split decays: cut populations so that none has more different decays than the target allows.

Neurons with the same pair of decays stay together; a shard takes as many pairs as fit. Nothing computes
differently afterwards, and results come back under the population's own name and numbers (`Program.shards`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spikec.arrays import IntArray
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks, parameters
from spikec.passes.base import rename_free
from spikec.program import LogEntry, Program, Shard
from spikec.units import several


@dataclass(frozen=True)
class SplitDecays:
    """Split populations by their decays."""

    name: ClassVar[str] = "split-decays"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        limit = program.target.limits.decays_per_population
        figures: dict[str, object] = {}
        for p in program.network.populations if limit else ():
            assert limit is not None
            groups = decay_groups(p, int(limit.value))
            if len(groups) > 1:
                program = split(program, p, groups)
                figures[f"{p.name}.shards"] = len(groups)
        summary = f"{several(len(figures), 'population')} split by decays"
        return program.logged(LogEntry(self.name, True, summary, figures))


def decay_groups(population: Population, limit: int) -> list[IntArray]:
    """Cut a population's neurons into groups of at most `limit` different pairs of decays."""
    k = population.neuron
    if not isinstance(k, CubaTicks):
        return []
    pairs = np.stack([np.broadcast_to(np.asarray(d), (population.n,)) for d in (k.decay_u, k.decay_v)])
    _, which = np.unique(pairs, axis=1, return_inverse=True)
    which = which.ravel()
    return [np.flatnonzero(which // limit == g) for g in range(int(which.max()) // limit + 1)]


def split(program: Program, population: Population, groups: list[IntArray]) -> Program:
    """Replace a population by one shard a group; inputs, outputs, scales and projections follow."""
    network = program.network
    names = [rename_free(network, f"{population.name}.{i}") for i in range(len(groups))]
    shards = [_shard(population, name, g) for name, g in zip(names, groups, strict=True)]
    projections: list[Projection] = []
    for q in network.projections:
        projections.extend(_parts(network, q, population.name, names, groups))
    populations: list[Population] = []
    for p in network.populations:
        populations.extend(shards if p.name == population.name else [p])
    outputs = [n for o in network.outputs for n in (names if o == population.name else [o])]
    changed = replace(
        network, populations=tuple(populations), projections=tuple(projections), outputs=tuple(outputs)
    )
    scales = {k: v for k, v in program.scales.items() if k != population.name}
    if population.name in program.scales:
        whole = np.broadcast_to(program.scales[population.name], (population.n,))
        scales.update({n: whole[g] for n, g in zip(names, groups, strict=True)})
    kept = tuple(Shard(n, g) for n, g in zip(names, groups, strict=True))
    once = tuple(n for o in program.once for n in (names if o == population.name else [o]))
    parts = {**program.shards, population.name: kept}
    return replace(program, network=changed, scales=scales, shards=parts, once=once)


def _shard(population: Population, name: str, group: IntArray) -> Population:
    chosen: dict[str, Any] = {k: v[group] for k, v in parameters(population.neuron).items() if v.ndim}
    for k in ("decay_u", "decay_v"):
        if k in chosen and np.all(chosen[k] == chosen[k][0]):
            chosen[k] = chosen[k][0]
    assert isinstance(population.neuron, CubaTicks)
    return Population(name, replace(population.neuron, **chosen), (group.size,))


def _parts(
    network: Network, q: Projection, name: str, names: list[str], groups: list[IntArray]
) -> list[Projection]:
    """A projection cut where its ends are cut; parts without synapses are left out."""
    ends = {
        end: list(zip(names, groups, strict=True))
        if end == name
        else [(end, np.arange(network.population(end).n))]
        for end in (q.pre, q.post)
    }
    if q.pre != name and q.post != name:
        return [q]
    parts = []
    for i, (pre, pre_group) in enumerate(ends[q.pre]):
        for j, (post, post_group) in enumerate(ends[q.post]):
            connectivity = q.connectivity.select(post_group, pre_group)
            if connectivity.n_synapses:
                delays = q.delays.select(q.connectivity, post_group, pre_group)
                part = rename_free(network, f"{q.name}.{i}.{j}")
                parts.append(Projection(part, pre, post, connectivity, delays))
    return parts

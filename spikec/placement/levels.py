"""Coarser and coarser groups: a large network is placed by its coarsest groups, then bettered level by level.

Source of the scheme: G. Karypis et al., "Multilevel hypergraph partitioning", IEEE Trans. VLSI 7(1), 1999.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import IntArray
from spikec.placement.groups import Groups, Nets, grouped, transposed
from spikec.placement.kernels import pairs
from spikec.placement.kernels.state import AXONS_IN, BITS, NEURONS

SHRINKS = 3
"""Groups are joined in pairs until there are fewer by this factor: that is a level."""

STUCK = 0.95
"""If joining leaves a larger share of the groups, no more can be joined."""


class Level(NamedTuple):
    """The network in groups of one size.

    Attributes:
        groups: Which neurons stay together.
        nets: What they share.
        parent: For each group of the level before, the group that it is part of here.
    """

    groups: Groups
    nets: Nets
    parent: IntArray


def levels(groups: Groups, nets: Nets, most: int, rng: np.random.Generator) -> list[Level]:
    """The groups, and coarser ones until there are few enough or no more can be joined.

    Args:
        groups: The finest.
        nets: What they share.
        most: So few groups are enough.
        rng: Draws the order in which groups are joined.
    """
    found = [Level(groups, nets, np.arange(groups.n, dtype=np.int64))]
    while (n := found[-1].groups.n) > most:
        groups, nets, parent = found[-1]
        whole = np.arange(n, dtype=np.int64)
        while groups.n > max(most, n // SHRINKS):
            parent = _parents(groups, nets, rng)
            if parent.max() + 1 > STUCK * groups.n:
                break
            groups, nets, whole = _joined_groups(groups, parent), joined_nets(nets, parent), parent[whole]
        if groups.n == n:
            break
        found.append(Level(groups, nets, whole))
    return found


def _parents(groups: Groups, nets: Nets, rng: np.random.Generator) -> IntArray:
    """Number the pairs into which groups are joined; the number of every group's."""
    partner = pairs.match(nets, rng.permutation(groups.n), _most(nets))
    first = np.minimum(partner, np.arange(groups.n))
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


def joined_nets(nets: Nets, parent: IntArray) -> Nets:
    """Nets between joined groups.

    Args:
        nets: Between the groups.
        parent: The joined group of each.
    """
    n = int(parent.max()) + 1
    pins_at, pins = pairs.pins_of_parents(nets, parent, n)
    in_at, into = transposed(pins_at, pins, n)
    inner = np.flatnonzero(nets.source >= 0)
    source = nets.source.copy()
    source[inner] = parent[nets.source[inner]]
    out_at, out = grouped(source[inner], inner, n)
    n_labels = max(nets.label_kind.size, 1)
    labelled = np.unique(np.repeat(parent, np.diff(nets.labels_at)) * n_labels + nets.labels)
    labels_at, labels = grouped(labelled // n_labels, labelled % n_labels, n)
    return nets._replace(
        neurons=_sums(nets.neurons, parent),
        bits=_sums(nets.bits, parent),
        labels_at=labels_at,
        labels=labels,
        source=source,
        pins_at=pins_at,
        pins=pins,
        in_at=in_at,
        into=into,
        out_at=out_at,
        out=out,
    )


def _most(nets: Nets) -> IntArray:
    """What joined groups may hold: a part of a core, or they would leave gaps."""
    limits = nets.limits
    return np.array([limits[NEURONS] // 4, limits[BITS] // 4, limits[AXONS_IN] // 2])


def _joined_groups(groups: Groups, parent: IntArray) -> Groups:
    """Joined groups lie where their groups lie in the middle, in the first one's population."""
    n = int(parent.max()) + 1
    size = np.bincount(parent, minlength=n)
    population = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(population, parent, groups.population)
    return Groups(
        of={name: parent[of] for name, of in groups.of.items()},
        n=n,
        order=np.bincount(parent, groups.order, minlength=n) / size,
        population=population,
    )


def _sums(of_group: IntArray, parent: IntArray) -> IntArray:
    joined = np.zeros(int(parent.max()) + 1, np.int64)
    np.add.at(joined, parent, of_group)
    return joined

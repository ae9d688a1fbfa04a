"""Placements by METIS, the usual partitioner of graphs, where pymetis is installed.

A graph has no hyperedges: a net becomes edges from its source to all that it reaches, and those of inputs are
left out. Source of METIS: G. Karypis and V. Kumar, SIAM J. Sci. Comput. 20(1), 1998.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from scipy.sparse import csr_array

from spikec.arrays import IntArray
from spikec.errors import UsageError
from spikec.placement import starts
from spikec.placement.groups import Groups, Nets
from spikec.placement.kernels.state import AXONS_OUT, BITS, NEURONS

WEIGHT = 1000
"""The largest weight of an edge, and of a group: METIS takes whole numbers."""

STEP = 20
"""One part in so many is tried in addition if a part does not fit its core."""


def check_installed() -> None:
    """Check that METIS can be called.

    Raises:
        UsageError: It cannot.
    """
    if find_spec("pymetis") is None:
        raise UsageError("placing by metis needs pymetis, which is not installed; pip install pymetis")


def partitioned(groups: Groups, nets: Nets, seed: int) -> IntArray:
    """Cut the graph of the groups into the fewest parts that each fit a core.

    Args:
        groups: What is placed.
        nets: What they share.
        seed: Of METIS.

    Returns:
        The core of every group; single groups if they fit in no number of parts.
    """
    graph, weight = _graph(groups, nets), _weights(nets)
    limits = nets.limits[: AXONS_OUT + 1]
    parts = 1
    while parts < groups.n:
        core = _cut(graph, weight, parts, seed)
        use = starts.filled(nets, core, parts).use
        if np.all(use <= nets.limits):
            return core
        least = -(-use[:, : limits.size].sum(axis=0) // np.maximum(limits, 1))
        parts = max(parts + max(1, parts // STEP), int(least.max()))
    return np.arange(groups.n, dtype=np.int64)


def _graph(groups: Groups, nets: Nets) -> csr_array:
    """Messages between every two groups, in both directions, ``(n, n)``."""
    net = np.repeat(np.arange(nets.source.size), np.diff(nets.pins_at))
    source = nets.source[net]
    inner = (source >= 0) & (source != nets.pins)
    ends = (source[inner], nets.pins[inner].astype(np.int64))
    one = csr_array((nets.weight[net[inner]], ends), shape=(groups.n, groups.n))
    return csr_array(one + one.T)


def _weights(nets: Nets) -> IntArray:
    """How much of a core each group fills."""
    shares = (nets.neurons / nets.limits[NEURONS], nets.bits / nets.limits[BITS])
    most = np.maximum(*shares)
    return _whole(most)


def _whole(x: np.ndarray) -> IntArray:
    return np.maximum(np.rint(WEIGHT * x / max(float(x.max(initial=0)), 1e-300)), 1).astype(np.int64)


def _cut(graph: csr_array, weight: IntArray, parts: int, seed: int) -> IntArray:
    import pymetis  # late, for it is optional

    if parts == 1:
        return np.zeros(weight.size, np.int64)
    _, part = pymetis.part_graph(
        parts,
        pymetis.CSRAdjacency(graph.indptr.astype(np.int64), graph.indices.astype(np.int64)),
        eweights=_whole(graph.data),
        vweights=weight,
        options=pymetis.Options(seed=seed),
    )
    return np.asarray(part, np.int64)

"""First placements of groups (`spikec.placement.groups`): random, filled in order, and by connectivity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikec.arrays import BoolArray, IntArray
from spikec.placement.groups import Groups, Nets
from spikec.placement.kernels import fill, state
from spikec.placement.kernels.state import State

LESS = 0.85
"""Share of the neurons of the largest core that any is given next if axons out were too many."""

MORE = 1.2
"""If there were too few cores, so many times what the groups that are left would take."""


def packed(groups: Groups, nets: Nets, order: IntArray, breaks: BoolArray | None = None) -> IntArray:
    """Fill one core after the other with groups in an order; the core of every group."""
    starts = np.zeros(order.size, np.bool_) if breaks is None else breaks
    return _filled_up(groups, nets, lambda tight, s: int(fill.pack(tight, s, order, starts)))


def greedy(groups: Groups, nets: Nets, first: IntArray) -> IntArray:
    """Fill cores one by one with the groups that share most messages with them; the core of every group."""
    return _filled_up(groups, nets, lambda tight, s: int(fill.gather_greedily(tight, s, first)))


def empty(nets: Nets, n_cores: int) -> State:
    """Cores with nothing on them."""
    n_nets = nets.source.size
    most = np.minimum(np.diff(nets.pins_at), n_cores)
    at = np.concatenate([[0], np.cumsum(most)]).astype(np.int64)
    return State(
        core=np.full(nets.neurons.size, -1, np.int64),
        at=at,
        fan=np.zeros(n_nets, np.int64),
        reached=np.zeros(at[-1], np.int32),
        groups=np.zeros(at[-1], np.int32),
        use=np.zeros((n_cores, nets.limits.size), np.int64),
        labelled=np.zeros((n_cores, nets.label_kind.size), np.int64),
        overflowing=np.zeros(1, np.int64),
    )


def filled(nets: Nets, core: IntArray, n_cores: int) -> State:
    """Cores with groups on them."""
    s = empty(nets, n_cores)
    state.put_all(nets, s, core)
    return s


def by_population(groups: Groups) -> IntArray:
    """Groups one population after the other, images along a Hilbert curve."""
    return np.lexsort((np.arange(groups.n), groups.order, groups.population))


def interleaved(groups: Groups) -> IntArray:
    """Groups of all populations side by side, by how far along its population each lies."""
    return np.lexsort((np.arange(groups.n), groups.population, groups.order))


def _filled_up(groups: Groups, nets: Nets, fill_cores: Callable[[Nets, State], int]) -> IntArray:
    """Fill cores, and again with fewer neurons on each as long as some have too many axons out.

    How many axons leave a core is known only when all it reaches is placed.
    """
    first: IntArray | None = None
    most = int(min(nets.limits[state.NEURONS], nets.neurons.sum()))
    n_cores = int(1.5 * filled_cores(nets)) + 8
    while True:
        tight = nets._replace(limits=nets.limits.copy())
        tight.limits[state.NEURONS] = most
        s = empty(nets, n_cores)
        if fill_cores(tight, s) < 0:
            placed = max(int(np.count_nonzero(s.core >= 0)), 1)
            n_cores = min(int(MORE * n_cores * groups.n / placed) + 1, groups.n + 1)
            continue
        over = s.use > nets.limits
        first = s.core if first is None else first
        if not over.any():
            return s.core
        largest, least = int(s.use[:, state.NEURONS].max()), int(nets.neurons.max())
        if largest <= least or not over[:, state.AXONS_OUT].any():
            return first
        most = max(int(largest * LESS), least)


def filled_cores(nets: Nets) -> float:
    """Cores that the neurons and their memory fill, whole or not."""
    needed = [nets.neurons.sum() / nets.limits[state.NEURONS], nets.bits.sum() / nets.limits[state.BITS]]
    return float(max(needed))

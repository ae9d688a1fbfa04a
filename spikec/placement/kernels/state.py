"""Where groups are, and what follows from it, kept up as they move: `put` one, weigh what is there.

`State` is changed in place; `Nets` never. All costs are those of `spikec.placement.cost`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IndexArray, IntArray
from spikec.placement.groups import Nets
from spikec.placement.kernels import inner, kernel

NEURONS, BITS, AXONS_IN, AXONS_OUT, KINDS = 0, 1, 2, 3, 4
"""Columns of `State.use` and places in `Nets.limits`; four kinds of labels come last."""


class State(NamedTuple):
    """Where groups are, and what follows from it.

    Of every net only the cores that it reaches are kept, in no order: `fan` of them from `at` on.

    Attributes:
        core: Of every group; -1 if it is nowhere yet.
        at: Where the cores of each net begin in `reached`, ``(n_nets + 1,)``.
        fan: Cores that each net reaches, ``(n_nets,)``.
        reached: Those cores.
        groups: Groups that the net reaches on each of them.
        use: What each core holds, in the order of `Nets.limits`, ``(n_cores, 8)``.
        labelled: Groups with each label on each core, ``(n_cores, n_labels)``.
        overflowing: How many cores have too many axons out, ``(1,)``.
    """

    core: IntArray
    at: IntArray
    fan: IntArray
    reached: IndexArray
    groups: IndexArray
    use: IntArray
    labelled: IntArray
    overflowing: IntArray


@kernel
def put(nets: Nets, s: State, g: int, to: int) -> None:
    """Take a group from its core to another."""
    remove(nets, s, g)
    add(nets, s, g, to)


@kernel
def add(nets: Nets, s: State, g: int, to: int) -> None:
    """Take a group that is nowhere to a core."""
    _count_group(nets, s, g, to, 1)
    s.core[g] = to
    for k in range(nets.in_at[g], nets.in_at[g + 1]):
        e = nets.into[k]
        if _arrive(s, e, to):
            _count_net(nets, s, e, to, 1)


@kernel
def remove(nets: Nets, s: State, g: int) -> None:
    """Take a group away from its core."""
    at = s.core[g]
    for k in range(nets.in_at[g], nets.in_at[g + 1]):
        e = nets.into[k]
        if _leave(s, e, at):
            _count_net(nets, s, e, at, -1)
    _count_group(nets, s, g, at, -1)
    s.core[g] = -1


@inner
def _count_group(nets: Nets, s: State, g: int, core: int, sign: int) -> None:
    """Add a group to what its core holds, or take it off; but for the nets that reach it."""
    s.use[core, NEURONS] += sign * nets.neurons[g]
    s.use[core, BITS] += sign * nets.bits[g]
    for k in range(nets.labels_at[g], nets.labels_at[g + 1]):
        label = nets.labels[k]
        before = s.labelled[core, label]
        s.labelled[core, label] += sign
        if before == 0 or before + sign == 0:
            s.use[core, KINDS + nets.label_kind[label]] += sign
            s.use[core, BITS] += sign * nets.label_bits[label]
    more = 0
    for k in range(nets.out_at[g], nets.out_at[g + 1]):
        e = nets.out[k]
        more += sign * nets.axons[e] * s.fan[e]
    _send(nets, s, core, more)


@inner
def _count_net(nets: Nets, s: State, e: int, core: int, sign: int) -> None:
    """Add a net to what a core and the core where it begins hold, or take it off."""
    s.use[core, AXONS_IN] += sign * nets.axons[e]
    s.use[core, BITS] += sign * nets.over[e]
    source = nets.source[e]
    if source >= 0 and s.core[source] >= 0:
        _send(nets, s, s.core[source], sign * nets.axons[e])


@inner
def _send(nets: Nets, s: State, core: int, more: int) -> None:
    """Add axons out."""
    limit = nets.limits[AXONS_OUT]
    s.overflowing[0] -= s.use[core, AXONS_OUT] > limit
    s.use[core, AXONS_OUT] += more
    s.overflowing[0] += s.use[core, AXONS_OUT] > limit


@inner
def _arrive(s: State, e: int, core: int) -> bool:
    """Let a net reach one group more on a core; tells whether it is the first there."""
    end = s.at[e] + s.fan[e]
    for i in range(s.at[e], end):
        if s.reached[i] == core:
            s.groups[i] += 1
            return False
    s.reached[end] = core
    s.groups[end] = 1
    s.fan[e] += 1
    return True


@inner
def _leave(s: State, e: int, core: int) -> bool:
    """Let a net reach one group less on a core; tells whether it was the last there."""
    i = s.at[e]
    while s.reached[i] != core:
        i += 1
    s.groups[i] -= 1
    if s.groups[i] > 0:
        return False
    s.fan[e] -= 1
    last = s.at[e] + s.fan[e]
    s.reached[i] = s.reached[last]
    s.groups[i] = s.groups[last]
    return True


@kernel
def put_all(nets: Nets, s: State, core: IntArray) -> None:
    """Take every group, all of which are nowhere, to its core."""
    for g in range(core.size):
        add(nets, s, g, core[g])


@inner
def holds(nets: Nets, s: State, core: int) -> bool:
    """Whether a core can hold what is on it."""
    broken = 0
    for k in range(nets.limits.size):
        broken += s.use[core, k] > nets.limits[k]
    return broken == 0


@inner
def fits(nets: Nets, s: State, core: int) -> bool:
    """Whether a core can hold what is on it, and no core has too many axons out."""
    return s.overflowing[0] == 0 and holds(nets, s, core)


@kernel
def merge(nets: Nets, s: State, away: int, to: int) -> bool:
    """Take all groups of one core to another, if they fit there; tells whether they did."""
    moved = np.flatnonzero(s.core == away)
    for g in moved:
        put(nets, s, int(g), to)
    if fits(nets, s, to):
        return True
    for g in moved:
        put(nets, s, int(g), away)
    return False


@kernel
def message_hops(nets: Nets, s: State, routers: FloatArray, entry: FloatArray) -> float:
    """All message-hops, from scratch.

    Args:
        nets: The groups.
        s: Where they are.
        routers: Between cores, ``(n_cores, n_cores)``.
        entry: From the entry to cores, ``(n_cores,)``.
    """
    total = 0.0
    for e in range(nets.source.size):
        source = nets.source[e]
        for i in range(s.at[e], s.at[e] + s.fan[e]):
            c = s.reached[i]
            total += nets.weight[e] * (entry[c] if source < 0 else routers[s.core[source], c])
    return total


@kernel
def messages(nets: Nets, s: State) -> tuple[FloatArray, FloatArray]:
    """Messages from core to core, and from inputs to cores."""
    n_cores = s.use.shape[0]
    between, outside = np.zeros((n_cores, n_cores)), np.zeros(n_cores)
    for e in range(nets.source.size):
        source = nets.source[e]
        for i in range(s.at[e], s.at[e] + s.fan[e]):
            c = s.reached[i]
            if source < 0:
                outside[c] += nets.weight[e]
            else:
                between[s.core[source], c] += nets.weight[e]
    return between, outside

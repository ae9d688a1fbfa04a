"""First placements: cores filled one after the other, in an order or by what shares most messages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.placement.groups import Nets
from spikec.placement.kernels import inner, kernel
from spikec.placement.kernels.state import State, add, holds, remove

REFUSED = 3
"""A core is full when so many groups did not fit, the best first."""


@kernel
def pack(nets: Nets, s: State, order: IntArray, breaks: BoolArray) -> int:
    """Fill one core after the other with groups in an order.

    Args:
        nets: The groups.
        s: With nothing anywhere.
        order: Of groups.
        breaks: Before which of them a new core begins anyway.

    Returns:
        Cores used; -1 if there are too few. A group that fits no core is left alone on one.
    """
    core = 0
    alone = True
    for k in range(order.size):
        g = order[k]
        if breaks[k] and not alone:
            core += 1
            alone = True
        if core == s.use.shape[0]:
            return -1
        add(nets, s, g, core)
        if not alone and not holds(nets, s, core):
            remove(nets, s, g)
            core += 1
            if core == s.use.shape[0]:
                return -1
            add(nets, s, g, core)
        alone = False
    return core + 1


class Waiting(NamedTuple):
    """Groups that share messages with the core that is being filled.

    Attributes:
        share: Messages that every group shares with it, ``(n,)``.
        listed: Whether each group is on the list.
        refused: Whether it did not fit.
        list: Groups with a share, ``(n,)``; those after the first `n` are no part of it.
        n: How many there are, ``(1,)``.
    """

    share: FloatArray
    listed: BoolArray
    refused: BoolArray
    list: IntArray
    n: IntArray


@kernel
def gather_greedily(nets: Nets, s: State, first: IntArray) -> int:
    """Fill cores one by one, each time with the group that shares most messages with the core.

    Args:
        nets: The groups.
        s: With nothing anywhere.
        first: The order in which groups begin a new core, and in which ties are broken.

    Returns:
        Cores used; -1 if there are too few.
    """
    n = s.core.size
    tie = np.empty(n, np.int64)
    tie[first] = np.arange(n)
    begun = 0
    for core in range(s.use.shape[0]):
        _gather(nets, s, first[begun], core, tie)
        while begun < n and s.core[first[begun]] >= 0:
            begun += 1
        if begun == n:
            return core + 1
    return -1


@inner
def _gather(nets: Nets, s: State, first: int, core: int, tie: IntArray) -> None:
    """Fill one core, beginning with a group."""
    n = s.core.size
    waiting = Waiting(
        np.zeros(n),
        np.zeros(n, np.bool_),
        np.zeros(n, np.bool_),
        np.empty(n, np.int64),
        np.zeros(1, np.int64),
    )
    g = first
    add(nets, s, g, core)
    n_refused = 0
    while True:
        _add_shares(nets, s, g, core, waiting)
        while True:
            g = _best(s, waiting, tie)
            if g < 0:
                return
            add(nets, s, g, core)
            if holds(nets, s, core):
                break
            remove(nets, s, g)
            waiting.refused[g] = True
            n_refused += 1
            if n_refused == REFUSED:
                return


@inner
def _add_shares(nets: Nets, s: State, g: int, core: int, waiting: Waiting) -> None:
    """Let others share messages with a group that has come to the core: those of nets that are new there."""
    for k in range(nets.in_at[g], nets.in_at[g + 1]):
        e = nets.into[k]
        source = nets.source[e]
        if _groups_there(s, e, core) == 1:
            for i in range(nets.pins_at[e], nets.pins_at[e + 1]):
                _add_share(waiting, int(nets.pins[i]), nets.weight[e])
            if source >= 0:
                _add_share(waiting, source, nets.weight[e])
    for k in range(nets.out_at[g], nets.out_at[g + 1]):
        e = nets.out[k]
        for i in range(nets.pins_at[e], nets.pins_at[e + 1]):
            _add_share(waiting, int(nets.pins[i]), nets.weight[e])


@inner
def _add_share(waiting: Waiting, h: int, weight: float) -> None:
    waiting.share[h] += weight
    if not waiting.listed[h]:
        waiting.listed[h] = True
        waiting.list[waiting.n[0]] = h
        waiting.n[0] += 1


@inner
def _groups_there(s: State, e: int, core: int) -> int:
    """Groups that a net reaches on a core."""
    for i in range(s.at[e], s.at[e] + s.fan[e]):
        if s.reached[i] == core:
            return int(s.groups[i])
    return 0


@inner
def _best(s: State, waiting: Waiting, tie: IntArray) -> int:
    """The group with the largest share that is nowhere yet, -1 if there is none; shortens the list."""
    best, kept, share = -1, 0, waiting.share
    for i in range(waiting.n[0]):
        h = waiting.list[i]
        if s.core[h] >= 0 or waiting.refused[h]:
            continue
        waiting.list[kept] = h
        kept += 1
        if best < 0 or share[h] > share[best] or (share[h] == share[best] and tie[h] < tie[best]):
            best = h
    waiting.n[0] = kept
    return best

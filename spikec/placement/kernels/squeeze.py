"""Cores that have too many axons are relieved of them by exchanges of groups."""

from __future__ import annotations

import numpy as np

from spikec.arrays import BoolArray, IntArray
from spikec.placement.groups import Nets
from spikec.placement.kernels import inner, kernel
from spikec.placement.kernels.moves import members_of
from spikec.placement.kernels.state import AXONS_IN, AXONS_OUT, State, put

TRIED = 20
"""Groups that are tried for an exchange with one that leaves."""

FAILED = 30
"""A core is given up when so many nets, one after the other, could not leave it."""

PASSES = 8
"""How often all cores are gone through."""


@kernel
def relieve(nets: Nets, s: State, draws: IntArray) -> bool:
    """Empty cores that have too many axons of nets, those first of which a core has the fewest groups.

    A net's groups on the core are exchanged one by one with groups of cores that it reaches anyway. An
    exchange counts if the two cores have no more axons than before, together and above their limits. So a net
    may leave although none of its groups alone gains anything by a move, which local search does not find.

    Args:
        nets: The groups.
        s: Where they are; each core holds what it has but for its axons.
        draws: Which groups are tried, ``(n,)``.

    Returns:
        Whether no core has too many axons in the end.
    """
    n_cores = s.use.shape[0]
    members = members_of(s.core, n_cores)[1]
    place = np.empty(members.size, np.int64)
    place[members] = np.arange(members.size)
    of_net, at = np.zeros(s.core.size, np.bool_), 0
    for _ in range(PASSES):
        emptied = 0
        for c in range(n_cores):
            if _excess(nets, s, c) == 0:
                continue
            left, failed = _those_of_a_core(nets, s, c), 0
            for k in np.argsort(left[:, 0], kind="mergesort"):
                if failed == FAILED or _excess(nets, s, c) == 0:
                    break
                gone, at = _empty(nets, s, left[k, 1], left[k, 2], members, place, of_net, draws, at)
                emptied += gone
                failed = 0 if gone else failed + 1
        over = 0
        for c in range(n_cores):
            over += _excess(nets, s, c)
        if over == 0 or emptied == 0:
            return over == 0
    return False


@inner
def _excess(nets: Nets, s: State, c: int) -> int:
    """Axons of a core above the limits."""
    into = s.use[c, AXONS_IN] - nets.limits[AXONS_IN]
    out = s.use[c, AXONS_OUT] - nets.limits[AXONS_OUT]
    return int(max(into, 0) + max(out, 0))


@inner
def _those_of_a_core(nets: Nets, s: State, c: int) -> IntArray:
    """Pairs of a net and a core that it reaches, which count as axons of a core that has too many.

    Returns:
        For each pair the net's groups on the core, the net, and the core, ``(n, 3)``.
    """
    into = s.use[c, AXONS_IN] > nets.limits[AXONS_IN]
    out = s.use[c, AXONS_OUT] > nets.limits[AXONS_OUT]
    found = np.empty((s.reached.size, 3), np.int64)
    n = 0
    for e in range(s.fan.size):
        sends = out and nets.source[e] >= 0 and s.core[nets.source[e]] == c
        for i in range(s.at[e], s.at[e] + s.fan[e]):
            if sends or (into and s.reached[i] == c):
                found[n, 0], found[n, 1], found[n, 2] = s.groups[i], e, s.reached[i]
                n += 1
    return found[:n]


@inner
def _empty(
    nets: Nets,
    s: State,
    e: int,
    c: int,
    members: IntArray,
    place: IntArray,
    of_net: BoolArray,
    draws: IntArray,
    at: int,
) -> tuple[bool, int]:
    """Take all groups of a net from a core; whether that worked, and how many draws are used up."""
    pins = nets.pins[nets.pins_at[e] : nets.pins_at[e + 1]]
    for g in pins:
        of_net[g] = True
    gone = True
    for g in pins:
        if s.core[g] != c:
            continue
        gone = False
        for _ in range(TRIED):
            h = members[draws[at % draws.size] % members.size]
            at += 1
            if not of_net[h] and s.core[h] != c and _reaches(s, e, s.core[h]) and _exchanged(nets, s, g, h):
                members[place[g]], members[place[h]] = h, g
                place[g], place[h] = place[h], place[g]
                gone = True
                break
        if not gone:
            break
    for g in pins:
        of_net[g] = False
    return gone, at


@inner
def _reaches(s: State, e: int, c: int) -> bool:
    there = False
    for i in range(s.at[e], s.at[e] + s.fan[e]):
        there |= s.reached[i] == c
    return bool(there)


@inner
def _exchanged(nets: Nets, s: State, g: int, h: int) -> bool:
    """Exchange two groups of two cores, if both fit but for axons, of which there may be no more."""
    a, b = s.core[g], s.core[h]
    axons = s.use[a, AXONS_IN] + s.use[b, AXONS_IN]
    over = _excess(nets, s, a) + _excess(nets, s, b)
    put(nets, s, g, b)
    put(nets, s, h, a)
    more = s.use[a, AXONS_IN] + s.use[b, AXONS_IN] > axons
    if not more and _excess(nets, s, a) + _excess(nets, s, b) <= over:
        broken = 0
        for k in range(nets.limits.size):
            if k != AXONS_IN and k != AXONS_OUT:
                broken += s.use[a, k] > nets.limits[k] or s.use[b, k] > nets.limits[k]
        if broken == 0:
            return True
    put(nets, s, g, a)
    put(nets, s, h, b)
    return False

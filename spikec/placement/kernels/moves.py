"""Local search: every group goes where it costs least, or changes places with one there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.placement.groups import Nets
from spikec.placement.kernels import inner, kernel
from spikec.placement.kernels.state import State, fits, put

TRIED = 3
"""Cores that are tried for a group, the best first."""

ALL = 128
"""Up to so many cores all are weighed for every group; of more only those that share most with it."""

NEAR = 8
"""So many are weighed then."""


class Ways(NamedTuple):
    """Routers that messages pass.

    Attributes:
        routers: Between cores, ``(n_cores, n_cores)``.
        entry: From the entry to cores, ``(n_cores,)``.
    """

    routers: FloatArray
    entry: FloatArray


class Pull(NamedTuple):
    """What the cost of a group depends on, whatever core it is on.

    Attributes:
        to: Messages a tick between the group and each core, as if every one were needed, ``(n_cores,)``.
        spared: Message-hops that are not, for other groups on a core get the same messages, ``(n_cores,)``.
        outside: Messages from inputs, ``(1,)``.
        cores: Those with messages in `to`, ``(n_cores,)``; those after the first `n` are no part of it.
        n: How many there are, ``(1,)``.
    """

    to: FloatArray
    spared: FloatArray
    outside: FloatArray
    cores: IntArray
    n: IntArray


@kernel
def no_pull(n_cores: int) -> Pull:
    """Room for what `feel` finds."""
    return Pull(
        np.zeros(n_cores), np.zeros(n_cores), np.zeros(1), np.zeros(n_cores, np.int64), np.zeros(1, np.int64)
    )


@kernel
def feel(nets: Nets, s: State, g: int, ways: Ways, pull: Pull) -> None:
    """Find what pulls at a group; it counts as being nowhere."""
    at = s.core[g]
    pull.to[:] = 0.0
    pull.spared[:] = 0.0
    pull.outside[0] = 0.0
    for k in range(nets.out_at[g], nets.out_at[g + 1]):
        e = nets.out[k]
        for i in range(s.at[e], s.at[e] + s.fan[e]):
            pull.to[s.reached[i]] += nets.weight[e]
    for k in range(nets.in_at[g], nets.in_at[g + 1]):
        e = nets.into[k]
        w, source = nets.weight[e], nets.source[e]
        begins = s.core[source] if source >= 0 else -1
        if source < 0:
            pull.outside[0] += w
        elif source != g:
            pull.to[begins] += w
        for i in range(s.at[e], s.at[e] + s.fan[e]):
            c = s.reached[i]
            alone = c == at and s.groups[i] == 1
            if source == g:
                pull.to[c] -= w if alone else 0.0
            elif not alone:
                pull.spared[c] += w * (ways.entry[c] if source < 0 else ways.routers[begins, c])
    pull.n[0] = 0
    for c in range(pull.to.size):
        if pull.to[c] != 0.0:
            pull.cores[pull.n[0]] = c
            pull.n[0] += 1


@kernel
def cost_on(pull: Pull, ways: Ways, core: int) -> float:
    """Message-hops of a group on a core."""
    total = pull.outside[0] * ways.entry[core] - pull.spared[core]
    for c in pull.cores[: pull.n[0]]:
        total += pull.to[c] * ways.routers[core, c]
    return float(total)


@kernel
def weigh(pull: Pull, ways: Ways, at: int, total: FloatArray) -> None:
    """What a group costs on the core where it is and on all others, or on those that share most with it.

    Args:
        pull: Of the group.
        ways: Between cores.
        at: Where it is.
        total: Takes the result, infinite where nothing was weighed, ``(n_cores,)``.
    """
    n_cores = total.size
    if n_cores <= ALL:  # cost_on for each of them, in an order that is quicker
        for b in range(n_cores):
            total[b] = pull.outside[0] * ways.entry[b] - pull.spared[b]
        for pulling in pull.cores[: pull.n[0]]:
            for b in range(n_cores):
                total[b] += pull.to[pulling] * ways.routers[pulling, b]
        return
    best = np.full(NEAR, -1, np.int64)
    share = np.zeros(NEAR)
    for c in range(n_cores):
        mine = pull.to[c] + pull.spared[c]
        if mine > share[NEAR - 1]:
            k = NEAR - 1
            while k > 0 and share[k - 1] < mine:
                share[k], best[k] = share[k - 1], best[k - 1]
                k -= 1
            share[k], best[k] = mine, c
    total[:] = np.inf
    total[at] = cost_on(pull, ways, at)
    for near in best:
        if near >= 0 and near != at:
            total[near] = cost_on(pull, ways, int(near))


@inner
def members_of(core: IntArray, n_cores: int) -> tuple[IntArray, IntArray]:
    """Groups by core: where those of each core begin, and all of them."""
    first = np.zeros(n_cores + 1, np.int64)
    for c in core:
        first[c + 1] += 1
    first = np.cumsum(first)
    at, members = first[:-1].copy(), np.empty(core.size, np.int64)
    for g in range(core.size):
        members[at[core[g]]] = g
        at[core[g]] += 1
    return first, members


@kernel
def sweep(nets: Nets, s: State, ways: Ways, order: IntArray, draws: IntArray, least: float) -> float:
    """Move every group once to where it costs least, or exchange it with one there if that core is full.

    Args:
        nets: The groups.
        s: Where they are.
        ways: Between cores.
        order: Of groups.
        draws: For each group, which of a full core's groups are tried, ``(n, n_tried)``.
        least: A gain must be more than this.

    Returns:
        Message-hops that were gained.
    """
    n_cores = s.use.shape[0]
    first, members = members_of(s.core, n_cores)
    pull, total = no_pull(n_cores), np.empty(n_cores)
    gained = 0.0
    for g in order:
        a = s.core[g]
        feel(nets, s, g, ways, pull)
        weigh(pull, ways, a, total)
        for _ in range(TRIED):
            b = int(np.argmin(total))
            gain = total[a] - total[b]
            if gain <= least:
                break
            put(nets, s, g, b)
            if fits(nets, s, b):
                gained += gain
                break
            both = exchange(nets, s, ways, g, a, gain, members[first[b] : first[b + 1]], draws[g], least)
            if both > 0:
                gained += both
                break
            put(nets, s, g, a)
            total[b] = np.inf
    return gained


@inner
def exchange(
    nets: Nets,
    s: State,
    ways: Ways,
    g: int,
    a: int,
    gain: float,
    there: IntArray,
    draws: IntArray,
    least: float,
) -> float:
    """Take the best of some groups of a core that has become too full to where the new one came from.

    Args:
        nets: The groups.
        s: With the new group on the core.
        ways: Between cores.
        g: The new group.
        a: Where it came from.
        gain: What its move gains.
        there: Groups that were on the core when the sweep began.
        draws: Which of them are tried.
        least: A gain must be more than this.

    Returns:
        Message-hops that both moves gain; 0 if no exchange is worth it or fits.
    """
    b = s.core[g]
    pull = no_pull(s.use.shape[0])
    best, best_gain = -1, least
    for draw in draws[: there.size]:
        h = there[draw % there.size]
        if s.core[h] != b or h == g:
            continue
        feel(nets, s, h, ways, pull)
        both = gain + cost_on(pull, ways, b) - cost_on(pull, ways, a)
        if both > best_gain:
            put(nets, s, h, a)
            if fits(nets, s, a) and fits(nets, s, b):
                best, best_gain = h, both
            put(nets, s, h, b)
    if best < 0:
        return 0.0
    put(nets, s, best, a)
    return best_gain

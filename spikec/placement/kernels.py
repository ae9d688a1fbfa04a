"""The search's inner loops in numba: put a group on a core, weigh it, and try to better a placement.

Imported only when something is placed. `State` is changed in place; `Nets` never. All costs are those of
`spikec.placement.cost`, kept up as groups move.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.placement.groups import Nets

NEURONS, BITS, AXONS_IN, AXONS_OUT, KINDS = 0, 1, 2, 3, 4
"""Columns of `State.use` and places in `Nets.limits`; four kinds of labels come last."""

EPSILON = 1e-9
"""A gain smaller than this share of all messages is rounding."""

TRIED = 3
"""Cores that are tried for a group, the best first."""


class State(NamedTuple):
    """Where groups are, and what follows from it.

    Attributes:
        core: Of every group; -1 if it is nowhere yet.
        there: Groups that each net reaches on each core, ``(n_nets, n_cores)``.
        fan: Cores that each net reaches.
        use: What each core holds, in the order of `Nets.limits`, ``(n_cores, 8)``.
        labelled: Groups with each label on each core, ``(n_cores, n_labels)``.
    """

    core: IntArray
    there: IntArray
    fan: IntArray
    use: IntArray
    labelled: IntArray


@njit(cache=True)
def put(nets: Nets, s: State, g: int, to: int) -> None:
    """Take a group to a core, or away from all with -1."""
    at = s.core[g]
    for sign, c in ((-1, at), (1, to)):
        if c < 0:
            continue
        s.use[c, NEURONS] += sign * nets.neurons[g]
        s.use[c, BITS] += sign * nets.bits[g]
        for k in range(nets.labels_at[g], nets.labels_at[g + 1]):
            label = nets.labels[k]
            before = s.labelled[c, label]
            s.labelled[c, label] += sign
            if before == 0 or before + sign == 0:
                s.use[c, KINDS + nets.label_kind[label]] += sign
                s.use[c, BITS] += sign * nets.label_bits[label]
        for k in range(nets.out_at[g], nets.out_at[g + 1]):
            e = nets.out[k]
            s.use[c, AXONS_OUT] += sign * nets.axons[e] * s.fan[e]
    s.core[g] = to
    for k in range(nets.in_at[g], nets.in_at[g + 1]):
        e = nets.into[k]
        source = nets.source[e]
        begins = s.core[source] if source >= 0 else -1
        for sign, c in ((-1, at), (1, to)):
            if c < 0:
                continue
            before = s.there[e, c]
            s.there[e, c] += sign
            if before == 0 or before + sign == 0:
                s.fan[e] += sign
                s.use[c, AXONS_IN] += sign * nets.axons[e]
                s.use[c, BITS] += sign * nets.over[e]
                if begins >= 0:
                    s.use[begins, AXONS_OUT] += sign * nets.axons[e]


@njit(cache=True)
def holds(nets: Nets, s: State, core: int) -> bool:
    """Whether a core can hold what is on it."""
    return bool(np.all(s.use[core] <= nets.limits))


@njit(cache=True)
def fits(nets: Nets, s: State, core: int) -> bool:
    """Whether a core can hold what is on it, and no core has too many axons out."""
    return holds(nets, s, core) and bool(s.use[:, AXONS_OUT].max() <= nets.limits[AXONS_OUT])


@njit(cache=True)
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
        put(nets, s, g, core)
        if not alone and not holds(nets, s, core):
            put(nets, s, g, -1)
            core += 1
            if core == s.use.shape[0]:
                return -1
            put(nets, s, g, core)
        alone = False
    return core + 1


@njit(cache=True)
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
    core, begun = 0, 0
    while True:
        while begun < n and s.core[first[begun]] >= 0:
            begun += 1
        if begun == n:
            return core
        if core == s.use.shape[0]:
            return -1
        share = np.zeros(n)
        refused = np.zeros(n, np.bool_)
        waiting = np.empty(n, np.int64)
        listed = np.zeros(n, np.bool_)
        n_waiting = 0
        g = first[begun]
        put(nets, s, g, core)
        n_refused = 0
        while n_refused < TRIED:
            for k in range(nets.in_at[g], nets.in_at[g + 1]):
                e = nets.into[k]
                source = nets.source[e]
                if s.there[e, core] == 1:
                    for i in range(nets.pins_at[e], nets.pins_at[e + 1]):
                        h = nets.pins[i]
                        share[h] += nets.weight[e]
                        if not listed[h]:
                            listed[h] = True
                            waiting[n_waiting] = h
                            n_waiting += 1
                    if source >= 0:
                        share[source] += nets.weight[e]
                        if not listed[source]:
                            listed[source] = True
                            waiting[n_waiting] = source
                            n_waiting += 1
            for k in range(nets.out_at[g], nets.out_at[g + 1]):
                e = nets.out[k]
                for i in range(nets.pins_at[e], nets.pins_at[e + 1]):
                    h = nets.pins[i]
                    share[h] += nets.weight[e]
                    if not listed[h]:
                        listed[h] = True
                        waiting[n_waiting] = h
                        n_waiting += 1
            found = False
            while not found and n_refused < TRIED:
                best = -1
                kept = 0
                for i in range(n_waiting):
                    h = waiting[i]
                    if s.core[h] >= 0 or refused[h]:
                        continue
                    waiting[kept] = h
                    kept += 1
                    if best < 0 or share[h] > share[best] or (share[h] == share[best] and tie[h] < tie[best]):
                        best = h
                n_waiting = kept
                if best < 0:
                    n_refused = TRIED
                    break
                put(nets, s, best, core)
                if holds(nets, s, core):
                    g = best
                    found = True
                else:
                    put(nets, s, best, -1)
                    refused[best] = True
                    n_refused += 1
        core += 1


@njit(cache=True)
def weigh(nets: Nets, s: State, g: int, routers: FloatArray, entry: FloatArray, total: FloatArray) -> None:
    """Message-hops of nets that begin or end in a group, but for what stays, for each core it may be on.

    Args:
        nets: The groups.
        s: Where they are.
        g: The group; it counts as being nowhere.
        routers: Between cores, ``(n_cores, n_cores)``.
        entry: From the entry to cores, ``(n_cores,)``.
        total: Takes the result, ``(n_cores,)``.
    """
    at = s.core[g]
    n_cores = total.size
    total[:] = 0.0
    for k in range(nets.in_at[g], nets.in_at[g + 1]):
        e = nets.into[k]
        source = nets.source[e]
        if source == g:
            continue
        w = nets.weight[e]
        way = entry if source < 0 else routers[s.core[source]]
        there = s.there[e]
        for c in range(n_cores):
            if there[c] == 0 or (c == at and there[c] == 1):
                total[c] += w * way[c]
    for k in range(nets.out_at[g], nets.out_at[g + 1]):
        e = nets.out[k]
        w = nets.weight[e]
        itself = 0
        for i in range(nets.in_at[g], nets.in_at[g + 1]):
            if nets.into[i] == e:
                itself = 1
        for c in range(n_cores):
            if s.there[e, c] - (itself if c == at else 0) > 0:
                for b in range(n_cores):
                    total[b] += w * routers[b, c]


@njit(cache=True)
def message_hops(nets: Nets, s: State, routers: FloatArray, entry: FloatArray) -> float:
    """All message-hops, from scratch."""
    total = 0.0
    for e in range(nets.source.size):
        source = nets.source[e]
        for c in range(s.use.shape[0]):
            if s.there[e, c] > 0:
                total += nets.weight[e] * (entry[c] if source < 0 else routers[s.core[source], c])
    return total


@njit(cache=True)
def sweep(
    nets: Nets,
    s: State,
    routers: FloatArray,
    entry: FloatArray,
    order: IntArray,
    draws: IntArray,
    least: float,
) -> float:
    """Move every group once to where it costs least, or exchange it with one there if that core is full.

    Args:
        nets: The groups.
        s: Where they are.
        routers: Between cores.
        entry: From the entry to cores.
        order: Of groups.
        draws: For each group, which of a full core's groups are tried, ``(n, n_tried)``.
        least: A gain must be more than this.

    Returns:
        Message-hops that were gained.
    """
    n, n_cores = s.core.size, s.use.shape[0]
    first = np.zeros(n_cores + 1, np.int64)
    for g in range(n):
        first[s.core[g] + 1] += 1
    for c in range(n_cores):
        first[c + 1] += first[c]
    at = first[:-1].copy()
    members = np.empty(n, np.int64)
    for g in range(n):
        members[at[s.core[g]]] = g
        at[s.core[g]] += 1
    total, back = np.empty(n_cores), np.empty(n_cores)
    gained = 0.0
    for g in order:
        a = s.core[g]
        weigh(nets, s, g, routers, entry, total)
        for _ in range(TRIED):
            b = int(np.argmin(total))
            gain = total[a] - total[b]
            if gain <= least:
                break
            put(nets, s, g, b)
            if fits(nets, s, b):
                gained += gain
                break
            best_h, best_gain = -1, least
            size = first[b + 1] - first[b]
            for i in range(draws.shape[1] if size > 0 else 0):
                h = members[first[b] + draws[g, i] % size]
                if s.core[h] != b or h == g:
                    continue
                weigh(nets, s, h, routers, entry, back)
                both = gain + back[b] - back[a]
                if both > best_gain:
                    put(nets, s, h, a)
                    if fits(nets, s, a) and fits(nets, s, b):
                        best_h, best_gain = h, both
                    put(nets, s, h, b)
            if best_h >= 0:
                put(nets, s, best_h, a)
                gained += best_gain
                break
            put(nets, s, g, a)
            total[b] = np.inf
    return gained


@njit(cache=True)
def exchange_gain(
    between: FloatArray,
    outside: FloatArray,
    routers: FloatArray,
    entry: FloatArray,
    place: IntArray,
    i: int,
    j: int,
) -> float:
    """Message-hops saved when core i and core j (an empty place from n_cores on) change places."""
    p, q, n = place[i], place[j], between.shape[0]
    gain = float((outside[i] - (outside[j] if j < n else 0.0)) * (entry[p] - entry[q]))
    for k in range(n):
        if k != i and k != j:
            messages_more = between[i, k] - (between[j, k] if j < n else 0.0)
            gain += float(messages_more * (routers[p, place[k]] - routers[q, place[k]]))
    return gain


@njit(cache=True)
def anneal_places(
    between: FloatArray,
    outside: FloatArray,
    routers: FloatArray,
    entry: FloatArray,
    place: IntArray,
    pairs: IntArray,
    luck: FloatArray,
    hot: float,
) -> None:
    """Exchange cores' places at random, losses ever less likely, then take every exchange that gains.

    Args:
        between: Messages between cores in either direction, symmetric, ``(n_cores, n_cores)``.
        outside: Messages from inputs, ``(n_cores,)``.
        routers: Between places.
        entry: From the entry to places.
        place: Of every core, then the empty ones; changed.
        pairs: Cores to exchange, ``(n_steps, 2)``.
        luck: Exponentially distributed, ``(n_steps,)``.
        hot: Loss that is likely at the beginning.
    """
    n = place.size
    for k in range(pairs.shape[0]):
        i, j = pairs[k]
        if i == j:
            continue
        heat = hot * (1e-3 ** (k / pairs.shape[0]))
        if exchange_gain(between, outside, routers, entry, place, i, j) > -heat * luck[k]:
            place[i], place[j] = place[j], place[i]
    least = EPSILON * (between.sum() + outside.sum())
    better = True
    while better:
        better = False
        for i in range(between.shape[0]):
            for j in range(i + 1, n):
                if exchange_gain(between, outside, routers, entry, place, i, j) > least:
                    place[i], place[j] = place[j], place[i]
                    better = True


@njit(cache=True)
def put_all(nets: Nets, s: State, core: IntArray) -> None:
    """Take every group to its core."""
    for g in range(core.size):
        put(nets, s, g, core[g])


@njit(cache=True)
def merge(nets: Nets, s: State, away: int, to: int) -> bool:
    """Take all groups of one core to another, if they fit there; tells whether they did."""
    moved: list[int] = [g for g in range(s.core.size) if s.core[g] == away]
    for g in moved:
        put(nets, s, g, to)
    if fits(nets, s, to):
        return True
    for g in moved:
        put(nets, s, g, away)
    return False


@njit(cache=True)
def messages(nets: Nets, s: State) -> tuple[FloatArray, FloatArray]:
    """Messages from core to core, and from inputs to cores."""
    n_cores = s.use.shape[0]
    between, outside = np.zeros((n_cores, n_cores)), np.zeros(n_cores)
    for e in range(nets.source.size):
        source = nets.source[e]
        for c in range(n_cores):
            if s.there[e, c] > 0:
                if source < 0:
                    outside[c] += nets.weight[e]
                else:
                    between[s.core[source], c] += nets.weight[e]
    return between, outside

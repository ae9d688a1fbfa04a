"""Strongly connected components of a graph of names, in an order in which spikes flow forward.

networkx finds the same, but its import alone takes longer than a small run, and every run asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter
from heapq import heapify, heappop, heappush


def components(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Components in topological order: of those that may come next, the one whose first name is earliest.

    Args:
        names: All nodes; those of a component come in this order.
        edges: From where to where; an edge may come twice, or lead back to its own node.
    """
    place = {name: k for k, name in enumerate(names)}
    after: list[list[int]] = [[] for _ in names]
    for start, end in edges:
        after[place[start]].append(place[end])
    first = _first_of_component(after)
    members: defaultdict[int, list[str]] = defaultdict(list)
    before: dict[int, set[int]] = {k: set() for k in first}
    for k, ends in enumerate(after):
        members[first[k]].append(names[k])
        for end in ends:
            if first[k] != first[end]:
                before[first[end]].add(first[k])
    return [tuple(members[k]) for k in _earliest_first(before)]


def feed_themselves(edges: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The components of the nodes from which edges lead back to themselves."""
    found = set(edges)
    names = sorted({name for edge in found for name in edge})
    return [c for c in components(names, found) if len(c) > 1 or (c[0], c[0]) in found]


def _first_of_component(after: Sequence[Sequence[int]]) -> list[int]:
    """For every node the lowest of its component: Tarjan, SIAM J. Comput. 1 (1972) 146, without recursion."""
    n = len(after)
    found, lowest, first = [-1] * n, [0] * n, [-1] * n
    still_open: list[int] = []
    time = 0
    for root in range(n):
        walk = [] if found[root] >= 0 else [(root, iter(after[root]))]
        while walk:
            node, ends = walk[-1]
            if found[node] < 0:
                found[node] = lowest[node] = time
                time += 1
                still_open.append(node)
            for end in ends:
                if found[end] < 0:
                    walk.append((end, iter(after[end])))
                    break
                if first[end] < 0:
                    lowest[node] = min(lowest[node], found[end])
            else:
                walk.pop()
                if walk:
                    above = walk[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == found[node]:
                    whole = [still_open.pop()]
                    while whole[-1] != node:
                        whole.append(still_open.pop())
                    earliest = min(whole)
                    for member in whole:
                        first[member] = earliest
    return first


def _earliest_first(before: dict[int, set[int]]) -> list[int]:
    """Nodes after all of those before them, the lowest of the ready ones next."""
    order = TopologicalSorter(before)
    order.prepare()
    ready = list(order.get_ready())
    heapify(ready)
    found = []
    while ready:
        found.append(heappop(ready))
        order.done(found[-1])
        for k in order.get_ready():
            heappush(ready, k)
    return found

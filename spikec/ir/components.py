"""Strongly connected components of a graph of names, in an order in which spikes flow forward.

networkx finds them, and is imported only for graphs with cycles of several nodes: its import alone takes
longer than a small run, and every run asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush


def components(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Components in topological order: of those that may come next, the one whose first name is earliest.

    Args:
        names: All nodes; those of a component come in this order.
        edges: From where to where; an edge may come twice, or lead back to its own node.
    """
    place = {name: k for k, name in enumerate(names)}
    before: dict[int, set[int]] = {k: set() for k in range(len(names))}
    for start, end in edges:
        if start != end:
            before[place[end]].add(place[start])
    try:
        return [(names[k],) for k in _earliest_first(before)]
    except CycleError:
        whole, before = _condensed(before)
        return [tuple(names[k] for k in whole[first]) for first in _earliest_first(before)]


def feed_themselves(edges: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The components of the nodes from which edges lead back to themselves."""
    found = set(edges)
    names = sorted({name for edge in found for name in edge})
    return [c for c in components(names, found) if len(c) > 1 or (c[0], c[0]) in found]


def _condensed(before: Mapping[int, set[int]]) -> tuple[dict[int, list[int]], dict[int, set[int]]]:
    """The nodes of every component, and the components before it, each under its first node."""
    import networkx as nx

    graph = nx.DiGraph([(start, end) for end, starts in before.items() for start in starts])
    graph.add_nodes_from(before)
    whole = {min(members): sorted(members) for members in nx.strongly_connected_components(graph)}
    first = {k: begin for begin, members in whole.items() for k in members}
    outside = {
        begin: {first[k] for member in members for k in before[member]} - {begin}
        for begin, members in whole.items()
    }
    return whole, outside


def _earliest_first(before: Mapping[int, set[int]]) -> list[int]:
    """Nodes after all of those before them, the lowest of the ready ones next.

    Raises:
        CycleError: Some are before themselves.
    """
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

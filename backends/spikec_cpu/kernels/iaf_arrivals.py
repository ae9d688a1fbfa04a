"""From spikes to arrivals in parts of networks of `spikec.ir.iaf` neurons: counted, added up, or few.

Numbers of arrivals need no order; sums of weights are made in the order that defines them.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import leaf
from spikec_cpu.kernels.iaf import U
from spikec_cpu.kernels.prefetch import prefetch
from spikec_cpu.lower import Record
from spikec_cpu.lower_iaf import FEW, Part

LINE = U(32)
"""Synapses of a line of the cache."""

MOST_AHEAD = U(1024)
"""Synapses that are fetched ahead."""


@leaf
def count_arrivals(
    starts: AnyArray,
    posts: AnyArray,
    block: Record,
    lists: AnyArray,
    begin: int,
    end: int,
    counts: AnyArray,
    of: int,
) -> None:
    """Count the arrivals of some spikes through a rule.

    Args:
        starts: See `Part`.
        posts: See `Part`.
        block: The rule's, a `BLOCK`.
        lists: Presynaptic neurons that spiked, among others.
        begin: Where they begin.
        end: Where they end.
        counts: See `State`; changed.
        of: Which tick of the round they arrive in.
    """
    into, t, rows = U(block.into), U(of), U(block.starts)
    for e in range(begin, end):
        if e + 2 < end:
            prefetch(starts, rows + U(lists[e + 2]))
        if e + 1 < end:
            after = rows + U(lists[e + 1])
            ahead = U(starts[after])
            for line in range(ahead, min(U(starts[after + U(1)]), ahead + MOST_AHEAD), LINE):
                prefetch(posts, line)
        row = rows + U(lists[e])
        for s in range(U(starts[row]), U(starts[row + U(1)])):
            counts[t, into + posts[s]] += 1


@leaf
def add_arrivals(
    starts: AnyArray,
    posts: AnyArray,
    weights: AnyArray,
    block: Record,
    lists: AnyArray,
    begin: int,
    end: int,
    shift: int,
    sums: AnyArray,
    of: int,
) -> None:
    """Add up the weights of arrivals; who spikes several times is listed as often, side by side.

    Args:
        starts: See `Part`.
        posts: See `Part`.
        weights: See `Part`.
        block: A `BLOCK`.
        lists: Presynaptic neurons that spiked, among others.
        begin: Where they begin.
        end: Where they end.
        shift: What a place in `weights` and in `posts` differ by.
        sums: See `State`; changed.
        of: Which tick of the round they arrive in.
    """
    e = begin
    while e < end:
        row, often = block.starts + lists[e], 1
        while e + often < end and lists[e + often] == lists[e]:
            often += 1
        for s in range(starts[row], starts[row + 1]):
            sums[of, block.into + posts[s]] += np.float32(often) * weights[s + shift]
        e += often


@leaf
def are_few(part: Part, block: Record, n_spikes: int) -> bool:
    """Whether the arrivals of some spikes of the network's own are worth to be added one by one."""
    pre = part.populations[block.pre]
    n_synapses = part.starts[block.starts + pre.whole] - part.starts[block.starts]
    return not pre.is_source and FEW * n_spikes * n_synapses < block.n * pre.whole


@leaf
def take_few(
    weight: float,
    starts: AnyArray,
    posts: AnyArray,
    block: Record,
    lists: AnyArray,
    begin: int,
    end: int,
    counts: AnyArray,
    of: int,
    u: AnyArray,
    first: int,
) -> None:
    """As `take_counts` for all neurons of a part, but only where something arrived.

    Args:
        weight: The weight.
        starts: As for `count_arrivals`, as the next six.
        posts: See `Part`.
        block: The rule's, a `BLOCK`.
        lists: Presynaptic neurons that spiked, among others.
        begin: Where they begin.
        end: Where they end.
        counts: Changed.
        of: Which row of them.
        u: States.
        first: The first of them.
    """
    t, into, at = U(of), U(block.into), U(first)
    for e in range(begin, end):
        row = U(block.starts) + U(lists[e])
        for s in range(U(starts[row]), U(starts[row + U(1)])):
            post = U(posts[s])
            arrived = np.float32(counts[t, into + post])
            if arrived > 0:
                counts[t, into + post] = 0
                u[at + post] += weight * arrived

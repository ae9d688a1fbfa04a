"""From the spikes of one tick to sums in a ring: only rows of neurons that spiked are touched.

The ring of a population is flat, slot after slot, ``(slots * width,)`` int32; sums are modulo 2**32, as
Lava's.
An exponent of zero or more multiplies every weight. A negative one shifts, toward minus infinity, the sum of
all spikes of one tick that have one delay: those sums are made in a scratch first (`spread`).
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import leaf
from spikec_cpu.kernels.rows import MOST_ROWS, add_rows
from spikec_cpu.kernels.windows import add_entries
from spikec_cpu.lower import Record, Tables
from spikec_cpu.lower_parts import KERNEL, MATRIX, TILE


@leaf
def spread(
    tables: Tables,
    block: Record,
    arena: AnyArray,
    begin: int,
    end: int,
    ring: AnyArray,
    start: int,
    width: int,
    scratch: AnyArray,
) -> None:
    """Add what the spikes of one tick bring through one block.

    Args:
        tables: All synapses.
        block: A `BLOCK`.
        arena: Presynaptic places, int32.
        begin: Where those that spiked begin in it.
        end: Where they end.
        ring: The postsynaptic population's ring, added to.
        start: Where in it the slot of this tick begins.
        width: Postsynaptic places.
        scratch: int32 zeros, at least ``(spread + 1) * width`` and 8 more; zeros again afterwards.
    """
    sums, at = ring, start
    if block.right > 0:
        sums, at = scratch[: (block.spread + 1) * width], 0
    rows = tables.rows[block.first_row :]
    if block.form == MATRIX:
        add_matrix(tables.words, block, rows, arena, begin, end, sums, at, width)
    elif block.form == KERNEL:
        add_entries(tables, block, rows, arena, begin, end, sums, at, width)
    else:
        add_lists(tables.weights, tables.reach, rows, arena, begin, end, sums, at, block.gain)
    if block.right > 0:
        add_shifted(sums, block.right, ring, start)


@leaf
def add_matrix(
    words: AnyArray,
    block: Record,
    rows: AnyArray,
    arena: AnyArray,
    begin: int,
    end: int,
    sums: AnyArray,
    start: int,
    width: int,
) -> None:
    """Add rows of a matrix; neighbours in the list of spikes whose delay is the same go together."""
    e = begin
    while e < end:
        last = min(end, e + MOST_ROWS)
        extra = 0
        if block.spread > 0:
            extra, limit = rows[arena[e]].extra, last
            last = e + 1
            while last < limit and rows[arena[last]].extra == extra:
                last += 1
        at = (start + extra * width) % sums.size
        for k in range(0, width, TILE):
            base = block.words + k // 2 * block.n_pre
            add_rows(words, base, arena, e, last, sums, at + k, block.gain, block.zero)
        e = last


@leaf
def add_lists(
    weights: AnyArray,
    reach: AnyArray,
    rows: AnyArray,
    arena: AnyArray,
    begin: int,
    end: int,
    sums: AnyArray,
    start: int,
    gain: np.int32,
) -> None:
    """Add lists of synapses, each to its place in the ring."""
    size, at = np.uint64(sums.size), np.uint64(start)
    for e in range(begin, end):
        row = rows[arena[e]]
        for s in range(row.begin, row.end):
            place = at + reach[s]
            if place >= size:
                place -= size
            sums[place] += np.int32(weights[s]) * gain


@leaf
def add_shifted(sums: AnyArray, right: int, ring: AnyArray, start: int) -> None:
    """Shift sums toward minus infinity, add them to the ring from `start` on, and clear them."""
    before_end = min(sums.size, ring.size - start)
    for k in range(before_end):
        ring[start + k] += sums[k] >> right
        sums[k] = 0
    for k in range(before_end, sums.size):
        ring[k - before_end] += sums[k] >> right
        sums[k] = 0

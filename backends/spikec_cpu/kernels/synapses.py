"""From the spikes of one tick to sums in a ring: only rows of neurons that spiked are touched.

The ring of a population is flat, slot after slot, ``(slots * n,)`` int32; sums are modulo 2**32, as Lava's.
An exponent of zero or more multiplies every weight. A negative one shifts, toward minus infinity, the sum of
all spikes of one tick that have one delay: those sums are made in a scratch first (`spread`).
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.windows import add_entries
from spikec_cpu.lower import Record, Tables
from spikec_cpu.lower_parts import KERNEL, MATRIX


@kernel
def spread(
    block: Record,
    rows: AnyArray,
    tables: Tables,
    spikes: AnyArray,
    ring: AnyArray,
    start: int,
    n: int,
    scratch: AnyArray,
) -> None:
    """Add what the spikes of one tick bring through one block.

    Args:
        block: A `BLOCK`.
        rows: The rows of this block, `ROW`.
        tables: All synapses.
        spikes: The presynaptic neurons that spiked, int32.
        ring: The postsynaptic population's ring, added to.
        start: Where in it the slot of this tick begins.
        n: Postsynaptic neurons.
        scratch: int32 zeros, at least ``(spread + 1) * n`` of them; zeros again afterwards.
    """
    if block.exponent >= 0:
        sums, at, gain = ring, start, np.int32(1 << block.exponent)
    else:
        sums, at, gain = scratch[: (block.spread + 1) * n], 0, np.int32(1)
    if block.form == MATRIX:
        add_rows(tables.matrices, block, rows, spikes, sums, at, n, gain)
    elif block.form == KERNEL:
        entries = tables.matrices[block.weights :]
        add_entries(tables.windows, block.window, entries, rows, spikes, sums, at, n, gain)
    else:
        add_lists(tables.weights, tables.reach, rows, spikes, sums, at, gain)
    if block.exponent < 0:
        add_shifted(sums, -block.exponent, ring, start)


@kernel
def add_rows(
    matrices: AnyArray,
    block: Record,
    rows: AnyArray,
    spikes: AnyArray,
    sums: AnyArray,
    start: int,
    n: int,
    gain: np.int32,
) -> None:
    """Add rows of a matrix; neighbours in the list of spikes whose delay is the same go together."""
    e = 0
    while e < spikes.size:
        extra = rows[spikes[e]].extra
        end = e + 1
        while end < spikes.size and rows[spikes[end]].extra == extra:
            end += 1
        at = (start + extra * n) % sums.size
        add_equal_rows(matrices, block.weights, block.n_pre, spikes[e:end], sums[at : at + n], gain)
        e = end


@kernel
def add_equal_rows(
    matrices: AnyArray, base: int, zero: int, spikes: AnyArray, sums: AnyArray, gain: np.int32
) -> None:
    """Add rows of a matrix to the same sums, four at a time; the row of zeros stands in where none is left.

    Four mantissas are at most ``4 * 256`` and fit 16 bits, so most additions are of 16 bits.
    """
    n = sums.size
    for e in range(0, spikes.size, 4):
        r0 = matrices[base + spikes[e] * n :][:n]
        r1 = matrices[base + (spikes[e + 1] if e + 1 < spikes.size else zero) * n :][:n]
        r2 = matrices[base + (spikes[e + 2] if e + 2 < spikes.size else zero) * n :][:n]
        r3 = matrices[base + (spikes[e + 3] if e + 3 < spikes.size else zero) * n :][:n]
        for j in range(n):
            total = np.int16(np.int16(r0[j] + r1[j]) + np.int16(r2[j] + r3[j]))
            sums[j] += np.int32(total) * gain


@kernel
def add_lists(
    weights: AnyArray,
    reach: AnyArray,
    rows: AnyArray,
    spikes: AnyArray,
    sums: AnyArray,
    start: int,
    gain: np.int32,
) -> None:
    """Add lists of synapses, each to its place in the ring."""
    size, at = np.uint64(sums.size), np.uint64(start)
    for i in spikes:
        w = weights[rows[i].begin : rows[i].end]
        r = reach[rows[i].begin : rows[i].end]
        for s in range(w.size):
            place = at + r[s]
            if place >= size:
                place -= size
            sums[place] += np.int32(w[s]) * gain


@kernel
def add_shifted(sums: AnyArray, right: int, ring: AnyArray, start: int) -> None:
    """Shift sums toward minus infinity, add them to the ring from `start` on, and clear them."""
    before_end = min(sums.size, ring.size - start)
    for k in range(before_end):
        ring[start + k] += sums[k] >> right
        sums[k] = 0
    for k in range(before_end, sums.size):
        ring[k - before_end] += sums[k] >> right
        sums[k] = 0


@kernel
def count_rows(rows: AnyArray, spikes: AnyArray, counts: AnyArray) -> None:
    """Count what spikes touch: synaptic events, zero-weight events, messages, delay writes.

    Args:
        rows: The rows of one block, `ROW`.
        spikes: The presynaptic neurons that spiked.
        counts: int64, shape ``(4,)``, added to.
    """
    for i in spikes:
        row = rows[i]
        counts[0] += row.events
        counts[1] += row.zeros
        counts[2] += row.events + row.zeros > 0
        counts[3] += row.delayed

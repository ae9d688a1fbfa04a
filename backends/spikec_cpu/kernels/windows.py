"""From the spikes of one tick through a kernel that slides over an image: only who spiked is walked."""

from __future__ import annotations

from spikec.arrays import AnyArray
from spikec_cpu.kernels import leaf
from spikec_cpu.kernels.rows import add_bytes
from spikec_cpu.lower import Record, Tables


@leaf
def add_entries(
    tables: Tables,
    block: Record,
    rows: AnyArray,
    arena: AnyArray,
    begin: int,
    end: int,
    sums: AnyArray,
    start: int,
    width: int,
) -> None:
    """Add what neurons that spiked bring to all pixels that read them.

    Postsynaptic places go pixel by pixel, so that an entry's weights to all channels of a group and the sums
    of these channels lie side by side. Entries are filled up with weights of 0 to multiples of 8 channels,
    which may add nothing to as many places after the last.

    Args:
        tables: All kernels.
        block: A `BLOCK`.
        rows: The rows of the block, `ROW`: how late each neuron's spikes are.
        arena: Presynaptic places.
        begin: Where those that spiked begin in it.
        end: Where they end.
        sums: The slots of a ring, flat, with 8 places more in memory; added to.
        start: Where in it the slot of this tick begins.
        width: Postsynaptic places.
    """
    windows = tables.windows
    w = windows.shapes[block.window]
    outer, inner_ = windows.starts[w.outer :], windows.starts[w.inner :]
    order = tables.order[tables.populations[block.pre].first :]
    group = (w.c_group + 7) // 8 * 8
    for e in range(begin, end):
        i = order[arena[e]]
        channel, pixel = divmod(i, w.n_outer * w.n_inner)
        y, x = divmod(pixel, w.n_inner)
        first = (start + rows[i].extra * width) % sums.size + channel // w.c_read * w.c_group
        for a in range(outer[y], outer[y + 1]):
            line = windows.taps[a, 1] * w.out_inner
            entry = block.entries + (channel * w.k_outer + windows.taps[a, 0]) * w.k_inner * group
            for b in range(inner_[x], inner_[x + 1]):
                to = first + (line + windows.taps[b, 1]) * w.c_out
                by = entry + windows.taps[b, 0] * group
                add_bytes(tables.entries, by, sums, to, group, block.gain, block.zero)

"""From the spikes of a tick to sums, in the order that defines them: one presynaptic neuron after another.

A block's ring is flat, slot after slot, ``(slots * n,)``. Rows of a matrix are added four at a time, but to
each sum one by one; sums of a kernel are transposed, so that a pixel's channels lie side by side.
"""

from __future__ import annotations

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner
from spikec_cpu.lower import Record
from spikec_cpu.lower_float import BY_ENTRY, BY_ROW


@inner
def gather(spikes: AnyArray, who: AnyArray, often: AnyArray) -> int:
    """List each neuron once that spikes in a tick.

    Args:
        spikes: Neurons, ascending, one that spikes several times as often.
        who: Neurons, written.
        often: How many times each spikes, written.

    Returns:
        How many neurons spike.
    """
    n = -1
    for e in range(spikes.size):
        if n >= 0 and who[n] == spikes[e]:
            often[n] += 1
        else:
            n += 1
            who[n], often[n] = spikes[e], 1
    return n + 1


@inner
def add_rows(
    weights: AnyArray, rows: AnyArray, who: AnyArray, often: AnyArray, ring: AnyArray, start: int, n: int
) -> None:
    """Add rows of a matrix, four at a time where their delay is the same.

    Args:
        weights: The matrix, row by row.
        rows: The block's rows, `ROW`.
        who: Neurons that spike, ascending.
        often: How many times.
        ring: The block's ring, added to.
        start: Where in it the slot of this tick begins.
        n: Postsynaptic neurons.
    """
    e = 0
    while e < who.size:
        extra = rows[who[e]].extra
        at = (start + extra * n) % ring.size
        sums = ring[at : at + n]
        r0, a0 = weights[who[e] * n :][:n], often[e]
        together = 1
        while together < 4 and e + together < who.size and rows[who[e + together]].extra == extra:
            together += 1
        if together == 4:
            r1, a1 = weights[who[e + 1] * n :][:n], often[e + 1]
            r2, a2 = weights[who[e + 2] * n :][:n], often[e + 2]
            r3, a3 = weights[who[e + 3] * n :][:n], often[e + 3]
            for j in range(n):
                sums[j] = (((sums[j] + a0 * r0[j]) + a1 * r1[j]) + a2 * r2[j]) + a3 * r3[j]
            e += 4
        else:
            for j in range(n):
                sums[j] += a0 * r0[j]
            e += 1


@inner
def add_lists(
    weights: AnyArray,
    reach: AnyArray,
    rows: AnyArray,
    who: AnyArray,
    often: AnyArray,
    ring: AnyArray,
    start: int,
) -> None:
    """Add lists of synapses, each to its place in the ring; arguments as in `add_rows`, and `reach`."""
    for e in range(who.size):
        row = rows[who[e]]
        w, r, a = weights[row.begin : row.end], reach[row.begin : row.end], often[e]
        for s in range(w.size):
            place = start + r[s]
            if place >= ring.size:
                place -= ring.size
            ring[place] += a * w[s]


@inner
def add_kernel(
    block: Record,
    shape: Record,
    starts: AnyArray,
    taps: AnyArray,
    weights: AnyArray,
    reach: AnyArray,
    rows: AnyArray,
    who: AnyArray,
    often: AnyArray,
    ring: AnyArray,
    start: int,
    n: int,
) -> None:
    """Walk a kernel from every neuron that spikes: along the outer axes, the last one, and the channels.

    Args:
        block: A `BLOCK`.
        shape: Its `WINDOW`.
        starts: See `Windows`.
        taps: See `Windows`.
        weights: The block's.
        reach: The block's.
        rows: The block's, `ROW`.
        who: Neurons that spike, ascending.
        often: How many times.
        ring: The block's ring, added to.
        start: Where in it the slot of this tick begins.
        n: Postsynaptic neurons.
    """
    n_inner, size = shape.n_inner, shape.c_group
    for e in range(who.size):
        channel, pixel = divmod(who[e], shape.n_outer * n_inner)
        y, x = divmod(pixel, n_inner)
        kernel = channel * shape.k_outer * shape.k_inner
        shift = channel // shape.c_read * size
        at, a = (start + rows[who[e]].extra * n) % ring.size, often[e]
        for i in range(starts[shape.outer + y], starts[shape.outer + y + 1]):
            for j in range(starts[shape.inner + x], starts[shape.inner + x + 1]):
                first = (kernel + taps[i, 0] * shape.k_inner + taps[j, 0]) * size
                post = (taps[i, 1] * shape.out_inner + taps[j, 1]) * shape.c_out + shift
                if block.delays == BY_ROW:
                    sums, w = ring[at + post :][:size], weights[first:][:size]
                    for o in range(size):
                        sums[o] += a * w[o]
                else:
                    later = first if block.delays == BY_ENTRY else post
                    for o in range(size):
                        place = (start + reach[later + o] * n + post + o) % ring.size
                        ring[place] += a * weights[first + o]


@inner
def take(sums: AnyArray, x: AnyArray) -> None:
    """Add the sums of a tick to `x`, and clear them."""
    for j in range(x.size):
        x[j] += sums[j]
        sums[j] = 0


@inner
def take_transposed(sums: AnyArray, channels: int, x: AnyArray) -> None:
    """The same of a kernel, whose sums lie pixel by pixel."""
    n_out = x.size // channels
    for c in range(channels):
        for pixel in range(n_out):
            x[c * n_out + pixel] += sums[pixel * channels + c]
            sums[pixel * channels + c] = 0

"""From the spikes of one tick through a kernel that slides over an image: only who spiked is walked."""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import kernel
from spikec_cpu.lower_windows import Windows


@kernel
def add_entries(
    windows: Windows,
    which: int,
    weights: AnyArray,
    rows: AnyArray,
    spikes: AnyArray,
    sums: AnyArray,
    start: int,
    n: int,
    gain: np.int32,
) -> None:
    """Add what neurons that spiked bring to all pixels that read them.

    Args:
        windows: How kernels slide.
        which: The place of this one.
        weights: Mantissas, in the order of `lower_windows.by_window`.
        rows: The rows of the block, `ROW`: how late each neuron's spikes are.
        spikes: The neurons that spiked.
        sums: The slots of a ring, flat; added to.
        start: Where in it the slot of this tick begins.
        n: Postsynaptic neurons.
        gain: What every mantissa is multiplied with.
    """
    w = windows.shapes[which]
    outer, inner = windows.starts[w.outer :], windows.starts[w.inner :]
    n_out = w.out_outer * w.out_inner
    for i in spikes:
        channel, pixel = divmod(i, w.n_outer * w.n_inner)
        y, x = divmod(pixel, w.n_inner)
        first = (start + rows[i].extra * n) % sums.size + channel // w.c_read * w.c_group * n_out
        for a in range(outer[y], outer[y + 1]):
            line = first + windows.taps[a, 1] * w.out_inner
            entry = (channel * w.k_outer + windows.taps[a, 0]) * w.k_inner
            for b in range(inner[x], inner[x + 1]):
                to, by = line + windows.taps[b, 1], (entry + windows.taps[b, 0]) * w.c_group
                for o in range(w.c_group):
                    sums[to + o * n_out] += np.int32(weights[by + o]) * gain

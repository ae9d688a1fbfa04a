"""The maxima of readouts: between two arrivals a membrane turns once at most, and where is known exactly."""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import kernel
from spikec_cpu.kernels.cuba_lif import extremum
from spikec_cpu.kernels.layers import by_neuron, incoming_list
from spikec_cpu.kernels.membrane import advance
from spikec_cpu.lower_cells import REST, A, B, C, Cells
from spikec_cpu.lower_exact import Lists, Spikes


@kernel
def run_peaks(
    cells: Cells, lists: Lists, spikes: Spikes, bounds: AnyArray, until: float, peaks: AnyArray
) -> None:
    """Find the maxima of a readout's membranes once all spikes are known.

    Args:
        cells: The readout's neurons, none of which spikes.
        lists: What reaches them.
        spikes: All spikes of the network.
        bounds: Where those of a population and sample lie, ``(n_populations, n_samples, 2)``.
        until: End of a sample, seconds.
        peaks: Maxima from 0 to the end, ``(n_samples, n)``, written.
    """
    n_samples, n = peaks.shape
    p, x, limit = cells.values, np.zeros((3, n)), np.zeros(n)
    arrivals, synapses = np.empty(1024, np.float64), np.empty(1024, np.int64)
    for sample in range(n_samples):
        starts, sent = by_neuron(lists, spikes, bounds, sample)
        for j in range(n):
            neuron.begin(p, j, x, limit)
            arrivals, synapses, m = incoming_list(lists, starts, sent, j, until, arrivals, synapses)
            now, v, i = 0.0, x[0, j], x[1, j]
            peak = v
            for k in range(m + 1):
                stop = until if k == m else arrivals[k]
                a, c, rest, b = p[A, j], p[C, j], p[REST, j], p[B, j]
                turn = extremum(a, c, rest, b, v, i)
                if turn < stop - now:
                    peak = max(peak, advance(a, c, rest, b, v, i, turn)[0])
                v, i = advance(a, c, rest, b, v, i, stop - now)
                peak, now = max(peak, v), stop
                if k < m:
                    i += lists.weights[synapses[k]]
            peaks[sample, j] = peak

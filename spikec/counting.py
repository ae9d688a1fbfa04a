"""Count the events of a run from its spikes: the definition of every counter, as arithmetic on spike counts.

Engines that touch synapses one by one count for themselves; this is what they must come to.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.arrays import IntArray
from spikec.events import Events
from spikec.ir.fixed_point import mantissas
from spikec.ir.network import Network, Projection
from spikec.result import Counters, PopulationCounts, ProjectionCounts


def count(network: Network, spikes: Mapping[str, Events], n_samples: int, n_ticks: int) -> Counters:
    """Count all events of a run.

    Args:
        network: In a tick dialect.
        spikes: Spikes of every population within the run.
        n_samples: Samples run.
        n_ticks: Ticks of each sample.
    """
    populations = {
        p.name: PopulationCounts(
            spikes=spikes[p.name].n_events, neuron_updates=0 if p.is_source else p.n * n_ticks * n_samples
        )
        for p in network.populations
    }
    spikes_of = {p.name: np.bincount(spikes[p.name].neurons, minlength=p.n) for p in network.populations}
    projections = {q.name: _count_projection(q, spikes_of[q.pre]) for q in network.projections}
    return Counters(n_samples, n_ticks, populations, projections)


def _count_projection(q: Projection, spikes_of_pre: IntArray) -> ProjectionCounts:
    pre, _ = q.connectivity.synapses()
    zero = mantissas(q.connectivity.weights).ravel() == 0
    delayed = q.delays.per_synapse(q.connectivity) > 0
    n = q.connectivity.n_pre
    stored = np.bincount(pre, minlength=n)
    return ProjectionCounts(
        synaptic_events=int(spikes_of_pre @ np.bincount(pre[~zero], minlength=n)),
        zero_weight_events=int(spikes_of_pre @ np.bincount(pre[zero], minlength=n)),
        messages=int(spikes_of_pre @ (stored > 0)),
        delay_writes=int(spikes_of_pre @ np.bincount(pre[delayed & ~zero], minlength=n)),
    )

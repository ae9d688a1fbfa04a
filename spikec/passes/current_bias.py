"""Current bias: a constant input to the current becomes a neuron that spikes in every tick.

Chips have a bias on the membrane only. A layer's bias that is filtered by the synapse differs from one on the
membrane for a few synaptic time constants; one neuron that always spikes, with the bias as its weights, is
the same at every tick but the first. It costs a synaptic event a neuron and tick, and the log says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.ir.connectivity import Dense
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.passes.base import rename_free
from spikec.program import LogEntry, Program
from spikec.units import several

ALWAYS = CubaTicks(decay_u=4096, decay_v=4095, threshold=0.5, bias=1.0)
"""Spikes in every tick, from the first."""


@dataclass(frozen=True)
class CurrentBias:
    """Give every population with a current bias a neuron that always spikes."""

    name: ClassVar[str] = "current-bias"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        figures: dict[str, object] = {}
        for p in network.populations:
            k = p.neuron
            if not isinstance(k, CubaTicks) or not np.any(np.asarray(k.current_bias)):
                continue
            name = rename_free(network, f"{p.name}.bias")
            out = rename_free(network, f"{name}.out")
            weights = np.broadcast_to(np.asarray(k.current_bias, np.float64), (p.n,))[:, None]
            silent = replace(p, neuron=replace(k, current_bias=0.0))
            network = replace(
                network.with_populations({p.name: silent}),
                projections=(*network.projections, Projection(out, name, p.name, Dense(weights))),
                populations=(
                    *network.with_populations({p.name: silent}).populations,
                    Population(name, ALWAYS, (1,)),
                ),
            )
            figures[f"{p.name}.synaptic_events_per_tick"] = p.n
        summary = (
            f"a neuron that always spikes added for the current bias of {several(len(figures), 'population')}"
        )
        return program.logged(LogEntry(self.name, not figures, summary, figures), network=network)

"""One spike: make a second spike impossible by construction where a neuron may spike only once.

A chip has no "once only". A synapse from each neuron to itself, so negative that no input can outweigh it,
does the same: the spike's own tick resets the membrane, and from the next tick on the current is below
zero. It works where what arrives stays (the current of `Ramp`, the membrane of `If`); where it fades, the
program says that the promise is broken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import Violation
from spikec.ir.connectivity import one_to_one
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.base import rename_free
from spikec.program import LogEntry, Program
from spikec.units import several

MARGIN = 2.0
"""How often the self-inhibition outweighs the strongest excitation: covers a current that leaks to half
(2838 ticks at Loihi's least decay of 1/4096 a tick) and all rounding."""


@dataclass(frozen=True)
class OneSpike:
    """Give every population of one-spike neurons a self-inhibition."""

    name: ClassVar[str] = "one-spike"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        figures: dict[str, object] = {}
        broken = tuple(v for p in network.populations if (v := unenforceable(network, p)) is not None)
        for p in network.populations:
            if _promises(p) and p.name not in {v.where for v in broken}:
                inhibition = MARGIN * float(np.max(strongest_excitation(network, p)))
                name = rename_free(network, f"{p.name}.once")
                q = Projection(name, p.name, p.name, one_to_one(p.n, -inhibition))
                network = replace(network, projections=(*network.projections, q))
                figures[f"{p.name}.synapses"] = p.n
        network = network.with_populations(
            {
                p.name: replace(p, neuron=replace(p.neuron, one_spike=False))
                for p in network.populations
                if isinstance(p.neuron, CubaTicks) and p.neuron.one_spike
            }
        )
        summary = f"self-inhibition after the first spike added to {several(len(figures), 'population')}"
        violations = (*program.violations, *broken)
        return program.logged(
            LogEntry(self.name, True, summary, figures), network=network, violations=violations
        )


def unenforceable(network: Network, population: Population) -> Violation | None:
    """Why a population's promise of one spike cannot be kept on a chip; None if it can, or makes none."""
    k = population.neuron
    if not _promises(population):
        return None
    assert isinstance(k, CubaTicks)
    stays = np.all(
        (np.asarray(k.decay_u) == 1) | ((np.asarray(k.decay_u) == 4096) & (np.asarray(k.decay_v) == 0))
    )
    if not stays:
        return Violation(
            "one spike a sample",
            population.name,
            "a current or membrane that fades",
            "neurons whose input stays (Ramp, If)",
            "allow several spikes, or use a network without leak",
        )
    if not np.all(np.isfinite(strongest_excitation(network, population))):
        return Violation(
            "one spike a sample",
            population.name,
            "input from neurons that may spike any number of times",
            "input from neurons that spike once",
            "give the inputs one_spike=True if they keep to it",
        )
    return None


def strongest_excitation(network: Network, population: Population) -> FloatArray:
    """The largest current that inputs and bias can ever raise, membrane units per tick, ``(n,)``.

    Infinite where an excitatory input may spike more than once.
    """
    assert isinstance(population.neuron, CubaTicks)
    strongest = np.broadcast_to(np.maximum(np.asarray(population.neuron.bias), 0.0), (population.n,)).copy()
    for q in network.incoming(population.name):
        _, post = q.connectivity.synapses()
        positive = np.maximum(np.asarray(q.connectivity.weights, np.float64).ravel(), 0.0)
        total = np.bincount(post, positive, minlength=population.n)
        if not _spikes_once(network.population(q.pre)):
            total = np.where(total > 0, np.inf, 0.0)
        strongest += total
    return strongest


def _promises(population: Population) -> bool:
    return isinstance(population.neuron, CubaTicks) and population.neuron.one_spike


def _spikes_once(population: Population) -> bool:
    return isinstance(population.neuron, Source | CubaTicks) and population.neuron.one_spike

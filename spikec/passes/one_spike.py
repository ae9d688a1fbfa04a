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

from spikec.arrays import BoolArray, FloatArray
from spikec.errors import Violation
from spikec.ir.connectivity import one_to_one
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.base import rename_free
from spikec.program import LogEntry, Program
from spikec.units import several

MARGIN = 2.0
"""How often the self-inhibition outweighs the strongest excitation, once its own leak (Loihi's least decay is
1/4096 a tick) is made up for: covers the rounding of weights. Where nobody knows how long a sample is, it
covers the leak of 2838 ticks."""


@dataclass(frozen=True)
class OneSpike:
    """Give every population of one-spike neurons a self-inhibition."""

    name: ClassVar[str] = "one-spike"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        figures: dict[str, object] = {}
        found = (unenforceable(network, p, program.n_ticks) for p in network.populations)
        broken = tuple(v for v in found if v is not None)
        inhibited = []
        for p in network.populations:
            if _promises(p) and p.name not in {v.where for v in broken}:
                inhibited.append(p.name)
                strongest = float(np.max(strongest_excitation(network, p, program.n_ticks)))
                inhibition = MARGIN * strongest * (4096 / 4095) ** (program.n_ticks or 0)
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
        violations, once = (*program.violations, *broken), (*program.once, *inhibited)
        entry = LogEntry(self.name, True, summary, figures)
        return program.logged(entry, network=network, violations=violations, once=once)


def unenforceable(network: Network, population: Population, n_ticks: int | None) -> Violation | None:
    """Why a population's promise of one spike cannot be kept on a chip; None if it can, or makes none."""
    k = population.neuron
    if not _promises(population):
        return None
    assert isinstance(k, CubaTicks)
    if not np.all(_current_stays(k) | ((np.asarray(k.decay_u) == 4096) & (np.asarray(k.decay_v) == 0))):
        got, limit = "a current or membrane that fades", "neurons whose input stays (Ramp, If)"
        advice = "allow several spikes, or use a network without leak"
    elif not np.all(np.isfinite(_lasting_drive(k, n_ticks))):
        got, limit = "a bias that lifts the membrane without end", "samples of a known length"
        advice = "give the length of a sample (--ticks)"
    elif not np.all(np.isfinite(strongest_excitation(network, population, n_ticks))):
        got, limit = "input from neurons that may spike again", "input from neurons that spike once"
        advice = "give the inputs one_spike=True if they keep to it"
    else:
        return None
    return Violation("one spike a sample", population.name, got, limit, advice)


def strongest_excitation(network: Network, population: Population, n_ticks: int | None) -> FloatArray:
    """What inhibition must outweigh to keep every later spike away, membrane units per tick, ``(n,)``.

    Where the current stays, that is the largest current that all inputs together can ever raise, and the
    bias; where the membrane stays, the largest sum of all jumps, and of the bias in every tick. What lies
    below a negative threshold comes on top. Infinite where an excitatory input may spike more than once.
    """
    assert isinstance(population.neuron, CubaTicks)
    below = np.maximum(-np.asarray(population.neuron.threshold), 0.0)
    strongest = np.broadcast_to(_lasting_drive(population.neuron, n_ticks) + below, (population.n,)).copy()
    for q in network.incoming(population.name):
        _, post = q.connectivity.synapses()
        positive = np.maximum(np.asarray(q.connectivity.weights, np.float64).ravel(), 0.0)
        total = np.bincount(post, positive, minlength=population.n)
        if not _spikes_once(network.population(q.pre)):
            total = np.where(total > 0, np.inf, 0.0)
        strongest += total
    return strongest


def _current_stays(k: CubaTicks) -> BoolArray:
    stays: BoolArray = np.asarray(k.decay_u) == 1
    return stays


def _lasting_drive(k: CubaTicks, n_ticks: int | None) -> FloatArray:
    """What bias and current bias come to, in a current that leaks 1/4096 a tick or a membrane that stays."""
    ticks = np.inf if n_ticks is None else float(n_ticks)
    bias, drive = (np.maximum(np.asarray(b, np.float64), 0.0) for b in (k.bias, k.current_bias))
    in_current = bias + drive * min(ticks, 4096.0)
    in_membrane = (bias + drive) * ticks if np.isfinite(ticks) else np.where(bias + drive > 0, np.inf, 0.0)
    return np.where(_current_stays(k), in_current, in_membrane)


def _promises(population: Population) -> bool:
    return isinstance(population.neuron, CubaTicks) and population.neuron.one_spike


def _spikes_once(population: Population) -> bool:
    return isinstance(population.neuron, Source | CubaTicks) and population.neuron.one_spike

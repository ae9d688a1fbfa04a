"""Fold: bring a float network to its plainest form, without changing a spike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.ir.connectivity import simplest
from spikec.ir.network import Population
from spikec.ir.neurons import CubaLif, Lif, LiReadout
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class Fold:
    """Move every membrane so that it rests at 0, and write delays in their simplest form.

    A membrane is measured from an arbitrary zero: taking ``v_leak`` off membrane, threshold and reset changes
    no spike. A matrix of equal delays becomes one delay, one that depends on one side only a list.
    """

    name: ClassVar[str] = "fold"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        moved = {p.name: at_rest_zero(p) for p in network.populations if _rests_elsewhere(p)}
        tidied = {
            q.name: replace(q, delays=simplest(q.delays, q.connectivity))
            for q in network.projections
            if simplest(q.delays, q.connectivity) is not q.delays
        }
        network = network.with_populations(moved).with_projections(tidied)
        rested, simpler = several(len(moved), "membrane"), several(len(tidied), "delay table")
        summary = f"{rested} moved to rest at 0, {simpler} simplified"
        return program.logged(LogEntry(self.name, True, summary), network=network)


def at_rest_zero(population: Population) -> Population:
    """The population with ``v_leak`` taken off membrane, threshold and reset."""
    k = population.neuron
    assert isinstance(k, Lif | CubaLif | LiReadout)
    rest = np.asarray(k.v_leak)
    if isinstance(k, LiReadout):
        return replace(population, neuron=replace(k, v_leak=0.0))
    shifted = replace(k, v_leak=0.0, threshold=k.threshold - rest, v_reset=k.v_reset - rest)
    return replace(population, neuron=shifted)


def _rests_elsewhere(population: Population) -> bool:
    k = population.neuron
    return isinstance(k, Lif | CubaLif | LiReadout) and bool(np.any(np.asarray(k.v_leak) != 0))

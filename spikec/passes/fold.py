"""Fold: bring a float network to its plainest form, without changing a spike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.errors import Violation
from spikec.ir.connectivity import simplest
from spikec.ir.network import Network, Population, Reset, Ticks
from spikec.ir.neurons import CubaLif, Lif, LiReadout
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class Fold:
    """Move every membrane so that it rests at 0, and write delays in their simplest form.

    A membrane is measured from an arbitrary zero: taking ``v_leak`` off membrane, threshold and reset changes
    no spike, unless the threshold itself is taken off, counted or a measure of the lowest membrane: such a
    membrane stays. A matrix of equal delays
    becomes one delay, one that depends on one side only a list.
    """

    name: ClassVar[str] = "fold"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        moved = {p.name: at_rest_zero(p) for p in network.populations if _can_move(p, network)}
        tidied = {
            q.name: replace(q, delays=simplest(q.delays, q.connectivity))
            for q in network.projections
            if simplest(q.delays, q.connectivity) is not q.delays
        }
        network = network.with_populations(moved).with_projections(tidied)
        rested, simpler = several(len(moved), "membrane"), several(len(tidied), "delay table")
        summary = f"{rested} moved to rest at 0, {simpler} simplified"
        violations = (*program.violations, *_lost_rests(program.network))
        return program.logged(LogEntry(self.name, True, summary), network=network, violations=violations)


def at_rest_zero(population: Population) -> Population:
    """The population with ``v_leak`` taken off membrane, threshold and reset."""
    k = population.neuron
    assert isinstance(k, Lif | CubaLif | LiReadout)
    rest = np.asarray(k.v_leak)
    if isinstance(k, LiReadout):
        return replace(population, neuron=replace(k, v_leak=0.0))
    shifted = replace(k, v_leak=0.0, threshold=k.threshold - rest, v_reset=k.v_reset - rest)
    return replace(population, neuron=shifted)


def _can_move(population: Population, network: Network) -> bool:
    """Whether a membrane rests elsewhere than at 0, and no spike needs it there."""
    k = population.neuron
    if not isinstance(k, Lif | CubaLif | LiReadout) or not np.any(np.asarray(k.v_leak) != 0):
        return False
    if isinstance(k, LiReadout):
        return True
    if isinstance(network.clock, Ticks) and network.clock.convention.clamp is not None:
        return False
    counted = isinstance(network.clock, Ticks) and network.clock.convention.multi_spike
    return k.one_spike or (network.reset is Reset.VALUE and not counted)


def _lost_rests(network: Network) -> Iterator[Violation]:
    """A chip's membranes all start at 0, so an answer that compares them cannot rest on different values."""
    decoding = network.decoding
    if decoding is None or decoding.record is None:
        return
    name = decoding.population
    rest = np.asarray(getattr(network.population(name).neuron, "v_leak", 0.0))
    if rest.min() < rest.max():
        yield Violation(
            "resting membrane",
            name,
            f"{rest.min():g} to {rest.max():g}",
            "one value for all neurons of a readout",
            "train the readout with one v_leak, or with a bias instead",
        )

"""Strict thresholds: a chip whose neurons must exceed their threshold gets neurons that do.

lava-dl's SLAYER trained neurons that spike where they reach it (`CubaFixed.inclusive`). Loihi's own neuron
cannot do that, and no threshold can say it: they are multiples of 64 membrane units, so the next one below
would let 64 further values spike instead of one. The threshold therefore stays, and only a membrane that hits
it exactly behaves otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.network import Population
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class StrictThresholds:
    """Let neurons spike only above their threshold, where the chip knows nothing else."""

    name: ClassVar[str] = "strict-thresholds"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        formats = program.target.formats
        if formats is None or (formats.programmable_neurons and formats.programmable_neurons.value):
            return program.logged(LogEntry(self.name, True, f"{program.target.name} takes either comparison"))
        changed: dict[str, Population] = {}
        for p in program.network.populations:
            if isinstance(p.neuron, CubaFixed) and np.any(p.neuron.inclusive):
                changed[p.name] = replace(p, neuron=replace(p.neuron, inclusive=0))
        n = sum(p.n for p in changed.values())
        summary = f"{several(n, 'neuron')} no longer spike where they just reach their threshold"
        notes = (*program.network.notes, *([f"for {program.target.name} {summary}"] if changed else []))
        network = replace(program.network.with_populations(changed), notes=notes)
        return program.logged(LogEntry(self.name, not changed, summary, {"neurons": n}), network=network)

"""Graded input: let inputs spike several times in a tick, as frames of event counts do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from spikec.ir.network import Population
from spikec.ir.neurons import Source
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class GradedInput:
    """Allow the inputs several spikes of a neuron in a tick.

    The proof that no current overflows counts with them. Inputs that promise one spike a sample keep it.

    Attributes:
        most: How many.
    """

    most: int

    name: ClassVar[str] = "graded-input"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`.

        Raises:
            NetworkError: `most` is out of range.
        """
        changed = {
            p.name: self._graded(p)
            for p in program.network.populations
            if isinstance(p.neuron, Source) and not p.neuron.one_spike
        }
        summary = f"up to {self.most} spikes of a neuron in a tick from {several(len(changed), 'input')}"
        network = program.network.with_populations(changed)
        return program.logged(LogEntry(self.name, True, summary), network=network)

    def _graded(self, p: Population) -> Population:
        assert isinstance(p.neuron, Source)
        return replace(p, neuron=replace(p.neuron, most_at_once=self.most))

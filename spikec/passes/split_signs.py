"""Split signs: excitatory and inhibitory synapses into projections of their own, which hold finer weights.

A chip's 8 bits hold -256 to 254 in steps of two where signs are mixed, and 0 to 255 in steps of one where
they are not: apart, each half gets twice the resolution and an exponent of its own. No synapse is added, so
events stay as many; but a neuron with targets of both kinds sends two messages, and a list of synapses takes
more memory than a matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import BoolArray
from spikec.ir.connectivity import DelayKind, Delays, simplest, sparse
from spikec.ir.network import Projection
from spikec.ir.neurons import CubaTicks
from spikec.passes.base import rename_free
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class SplitSigns:
    """Cut projections with weights of both signs in two; synapses of weight zero are left out."""

    name: ClassVar[str] = "split-signs"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        figures: dict[str, object] = {}
        for q in network.projections:
            weights = np.asarray(q.connectivity.stored(), np.float64)
            mixed = np.any(weights > 0) and np.any(weights < 0)
            if not (mixed and isinstance(network.population(q.post).neuron, CubaTicks)):
                continue
            names = [rename_free(network, f"{q.name}.{sign}") for sign in ("excitatory", "inhibitory")]
            parts = (part(q, names[0], weights > 0), part(q, names[1], weights < 0))
            kept = [p for r in network.projections for p in (parts if r.name == q.name else (r,))]
            network = replace(network, projections=tuple(kept))
            figures[f"{q.name}.more_senders"] = _senders(*parts) - _senders(q)
        summary = f"{several(len(figures), 'projection')} split into excitatory and inhibitory ones"
        return program.logged(LogEntry(self.name, True, summary, figures), network=network)


def part(q: Projection, name: str, chosen: BoolArray) -> Projection:
    """Some synapses of a projection of real weights, in a projection of their own.

    Args:
        q: The projection.
        name: Of the part.
        chosen: Which synapses, in the weights' order, ``(n_synapses,)``.
    """
    pre, post = (side[chosen] for side in q.connectivity.synapses())
    weights = np.asarray(q.connectivity.stored(), np.float64)[chosen]
    listed = sparse(q.connectivity.n_pre, q.connectivity.n_post, pre, post, weights)
    delays = q.delays.per_synapse(q.connectivity)[chosen][np.lexsort((post, pre))]
    return Projection(name, q.pre, q.post, listed, simplest(Delays(delays, DelayKind.SYNAPTIC), listed))


def _senders(*projections: Projection) -> int:
    """Neurons that store a synapse, summed over projections: each spike of theirs is a message."""
    return sum(np.unique(q.connectivity.synapses()[0]).size for q in projections)

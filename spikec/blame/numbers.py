"""A program's numbers at the synapses and neurons of the network that it was made of."""

from __future__ import annotations

from dataclasses import dataclass

from spikec.arrays import FloatArray, IntArray
from spikec.ir.fixed_point import FixedFormat


@dataclass(frozen=True, eq=False)
class StoredProjection:
    """One projection of the program, and the synapses of the network that it stands for.

    Attributes:
        name: In the program.
        projection: In the network.
        synapses: Which of its synapses, in the order of `Connectivity.synapses`, ``(n,)``.
        posts: The postsynaptic neurons, numbered as in the network, ``(n,)``.
        mantissas: What is stored, ``(n,)``.
        format: In which format.
        unit: What a mantissa of one is in tick units, ``(n,)``.
        delays: Ticks on the way beside the hop, those of relays among them, ``(n,)``.
        share: What of the network's weight should be stored here, ``(n,)``: 1, or less where two synapses
            stand for one whose delay ends between two ticks (`spikec.passes.between_ticks`).
        worth: What a weight stored here is of the network's, ``(n,)``; of two for one, by what both leave in
            the current.
    """

    name: str
    projection: str
    synapses: IntArray
    posts: IntArray
    mantissas: IntArray
    format: FixedFormat
    unit: FloatArray
    delays: IntArray
    share: FloatArray
    worth: FloatArray

    @property
    def weights(self) -> FloatArray:
        """What is stored, in tick units, ``(n,)``."""
        return self.mantissas * self.unit


@dataclass(frozen=True, eq=False)
class StoredNeurons:
    """The numbers of one population of current-based neurons, each ``(n,)``, in the user's units.

    Attributes:
        threshold: Half a unit above the last integer that does not spike; infinite for readouts.
        bias: Membrane units a tick.
        alpha: What is left of the current after a tick.
        beta: What is left of the membrane.
        scale: Integer membrane units that make one of the user's.
    """

    threshold: FloatArray
    bias: FloatArray
    alpha: FloatArray
    beta: FloatArray
    scale: FloatArray

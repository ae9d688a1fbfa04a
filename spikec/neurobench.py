"""A run in the names of NeuroBench 2.3, computed from exact counts instead of hooks in torch.

Definitions as in ``neurobench/metrics``: the footprint is the bytes of parameters and buffers; connection
sparsity is the share of zeros among the weights, in four decimals; activation sparsity is the share of
neurons times steps without a spike; synaptic operations are per sample, with biases left out. NeuroBench's
other metrics (membrane updates, neuron operations) need membranes and are not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikec.result import Counters

NOTES = (
    "Layers are projections. A list of synapses counts what it stores: a pruned Linear layer counts less "
    "than with its zeros in place, and an unrolled convolution has the operations of the convolution.",
    "Activations are those of populations that can spike; inputs and readouts are left out.",
    "Spikes are binary, so there are no effective MACs.",
)


@dataclass(frozen=True)
class NeuroBench:
    """NeuroBench's metrics; None where the run gives no counts.

    Attributes:
        footprint: Bytes.
        connection_sparsity: Share of zeros among the stored weights, four decimals.
        activation_sparsity: Share of neurons times ticks without a spike.
        effective_macs: Multiply-accumulates a sample with inputs that are not binary: none.
        effective_acs: Accumulates a sample with binary inputs: spikes times weights other than zero.
        dense: Operations a sample if all weights and all inputs of every tick were ones.
    """

    footprint: int
    connection_sparsity: float
    activation_sparsity: float | None
    effective_macs: float | None
    effective_acs: float | None
    dense: int | None

    def to_json(self) -> dict[str, Any]:
        """The metrics under NeuroBench's own names."""
        return {
            "Footprint": self.footprint,
            "ConnectionSparsity": self.connection_sparsity,
            "ActivationSparsity": self.activation_sparsity,
            "SynapticOperations": {
                "Effective_MACs": self.effective_macs,
                "Effective_ACs": self.effective_acs,
                "Dense": self.dense,
            },
        }


def neurobench(facts: Mapping[str, Any], counters: Counters | None) -> NeuroBench:
    """Name a run's figures as NeuroBench does.

    Args:
        facts: Of the network, from `spikec.facts.facts`.
        counters: Of the run; None for a continuous network.
    """
    footprint = int(facts["footprint_bytes"])
    sparsity = round(float(facts["connection_sparsity"]), 4)
    if counters is None or not counters.n_samples:
        return NeuroBench(footprint, sparsity, None, None, None, None)
    return NeuroBench(
        footprint=footprint,
        connection_sparsity=sparsity,
        activation_sparsity=_activation_sparsity(facts, counters),
        effective_macs=0.0,
        effective_acs=counters.total("synaptic_events") / counters.n_samples,
        dense=int(facts["n_synapses"]) * counters.n_ticks,
    )


def _activation_sparsity(facts: Mapping[str, Any], counters: Counters) -> float:
    names = [p["name"] for p in facts["populations"] if p["spikes"] and not p["input"]]
    counted = [counters.populations[name] for name in names if name in counters.populations]
    total = sum(c.neuron_updates for c in counted)
    return (total - sum(c.spikes for c in counted)) / total if total else 0.0

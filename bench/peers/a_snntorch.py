"""Benchmark A in snnTorch: `Linear` and `Synaptic` neurons, a tick at a time, as its tutorials do."""

from __future__ import annotations

import snntorch
import torch
from harness import main
from tick_tensors import CURRENT_KEPT, MEMBRANE_KEPT, Network, cases, relative_weights
from workloads import TickLayers


def build(work: TickLayers) -> Network:
    weights = relative_weights(work)
    options = {"threshold": 1.0, "reset_mechanism": "zero", "reset_delay": False}
    layers = [snntorch.Synaptic(alpha=CURRENT_KEPT, beta=MEMBRANE_KEPT, **options) for _ in weights]

    def network(spikes: torch.Tensor) -> torch.Tensor:
        states = [layer.reset_mem() for layer in layers]
        total = torch.zeros(())
        for s in spikes:
            for k, (layer, w) in enumerate(zip(layers, weights, strict=True)):
                s, *states[k] = layer(torch.nn.functional.linear(s, w), *states[k])
            total = total + s
        return total

    return network


CASES = cases("snntorch", build, 250, ("snntorch",))

if __name__ == "__main__":
    main(__doc__ or "", CASES)

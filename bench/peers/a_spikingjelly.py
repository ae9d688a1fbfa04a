"""Benchmark A in SpikingJelly: multi-step layers, the whole input through one layer after the other.

Its `LIFNode` has no synaptic current, so the current is a small multi-step module of its own.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from harness import main
from spikingjelly.activation_based import base, functional, layer, neuron
from tick_tensors import CURRENT_KEPT, MEMBRANE_KEPT, Network, cases, relative_weights
from workloads import TickLayers


class Current(base.MemoryModule):
    """u of every tick from what arrives in it."""

    def __init__(self) -> None:
        super().__init__()
        self.step_mode = "m"

    def multi_step_forward(self, arriving: torch.Tensor) -> torch.Tensor:
        for before, now in pairwise(arriving):
            now.add_(before, alpha=CURRENT_KEPT)
        return arriving


def build(work: TickLayers) -> Network:
    modules: list[torch.nn.Module] = []
    for w in relative_weights(work):
        linear = layer.Linear(w.shape[1], w.shape[0], bias=False, step_mode="m")
        linear.weight.data = w
        lif = neuron.LIFNode(tau=1 / (1 - MEMBRANE_KEPT), decay_input=False, v_reset=0.0, step_mode="m")
        modules += [linear, Current(), lif]
    stack = torch.nn.Sequential(*modules).eval()

    def network(spikes: torch.Tensor) -> torch.Tensor:
        functional.reset_net(stack)
        return stack(spikes).sum(0)

    return network


CASES = cases("spikingjelly", build, 250, ("spikingjelly",))

if __name__ == "__main__":
    main(__doc__ or "", CASES)

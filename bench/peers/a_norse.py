"""Benchmark A in Norse: `LIFCell` after a linear layer, a tick at a time.

Norse's cell multiplies the current by dt/tau_mem where ours adds it whole, so weights are divided by that.
"""

from __future__ import annotations

import torch
from harness import main
from norse.torch import LIFCell, LIFParameters
from tick_tensors import CURRENT_KEPT, MEMBRANE_KEPT, Network, cases, relative_weights
from workloads import TickLayers

DT = 1e-3


def build(work: TickLayers) -> Network:
    weights = [w / (1 - MEMBRANE_KEPT) for w in relative_weights(work)]
    parameters = LIFParameters(
        tau_syn_inv=torch.tensor((1 - CURRENT_KEPT) / DT),
        tau_mem_inv=torch.tensor((1 - MEMBRANE_KEPT) / DT),
        v_leak=torch.tensor(0.0),
        v_th=torch.tensor(1.0),
        v_reset=torch.tensor(0.0),
    )
    cells = [LIFCell(p=parameters, dt=DT) for _ in weights]

    def network(spikes: torch.Tensor) -> torch.Tensor:
        states, total = [None] * len(cells), torch.zeros(())
        for s in spikes:
            for k, (cell, w) in enumerate(zip(cells, weights, strict=True)):
                s, states[k] = cell(torch.nn.functional.linear(s, w), states[k])
            total = total + s
        return total

    return network


CASES = cases("norse", build, 250, ("norse",))

if __name__ == "__main__":
    main(__doc__ or "", CASES)

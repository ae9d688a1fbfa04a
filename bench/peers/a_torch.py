"""Benchmark A in plain torch, in the three forms a user would try: two of them fast, one exact.

`torch layers`: one product a layer over all ticks of a batch, then the ticks in place. `torch compiled`: the
same, each tick one kernel of `torch.compile`. `torch exact`: as the first, with decays that round toward
zero; every number is below 2^24, so float32 has all of them exactly, and so are the answers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from harness import main
from tick_tensors import CURRENT_KEPT, MEMBRANE_KEPT, Network, cases, thresholds_of, weights_of
from workloads import TickLayers

Tick = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], None]
"""Advances u and v in place, and puts the spikes where the current was."""


def tick(u: torch.Tensor, v: torch.Tensor, current: torch.Tensor, threshold: float) -> None:
    u.mul_(CURRENT_KEPT).add_(current)
    v.mul_(MEMBRANE_KEPT).add_(u)
    spikes = v > threshold
    v.masked_fill_(spikes, 0)
    current.copy_(spikes)


def exact_tick(u: torch.Tensor, v: torch.Tensor, current: torch.Tensor, threshold: float) -> None:
    u.mul_(CURRENT_KEPT).trunc_().add_(current)
    v.mul_(MEMBRANE_KEPT).trunc_().add_(u)
    spikes = v > threshold
    v.masked_fill_(spikes, 0)
    current.copy_(spikes)


def layered(work: TickLayers, advance: Tick) -> Network:
    """The network, a layer after the other."""
    weights, thresholds = weights_of(work), thresholds_of(work)

    def network(spikes: torch.Tensor) -> torch.Tensor:
        for w, threshold in zip(weights, thresholds, strict=True):
            spikes = spikes @ w.t()
            u, v = torch.zeros_like(spikes[0]), torch.zeros_like(spikes[0])
            for current in spikes:
                advance(u, v, current, threshold)
        return spikes.sum(0)

    return network


CASES = [
    *cases("torch layers", lambda work: layered(work, tick), ()),
    *cases("torch compiled", lambda work: layered(work, torch.compile(tick)), ()),
    *cases("torch exact", lambda work: layered(work, exact_tick), ()),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

"""Benchmark A in plain torch, in the forms a user would try: two of them fast, one exact.

`torch layers`: one product a layer over all ticks of a batch, then the ticks in place. `torch compiled`: the
same, ten ticks in one kernel of `torch.compile`. `torch exact`: as the first, with decays that round toward
zero; every number is below 2^24, so float32 has all of them exactly, and so are the answers. Batches of 50
are faster than of 25, 100 and 250.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from harness import main
from tick_tensors import CURRENT_KEPT, MEMBRANE_KEPT, Network, cases, thresholds_of, weights_of
from workloads import TickLayers

BATCH = 50
TICKS_A_KERNEL = 10


def fast_ticks(current: torch.Tensor, threshold: float) -> torch.Tensor:
    """Spikes in the place of the currents that arrive, ``(n_ticks, n_samples, n)``."""
    u, v = torch.zeros_like(current[0]), torch.zeros_like(current[0])
    for now in current:
        u.mul_(CURRENT_KEPT).add_(now)
        v.mul_(MEMBRANE_KEPT).add_(u)
        spikes = v > threshold
        v.masked_fill_(spikes, 0)
        now.copy_(spikes)
    return current


def exact_ticks(current: torch.Tensor, threshold: float) -> torch.Tensor:
    """The same, with decays as the chip has them."""
    u, v = torch.zeros_like(current[0]), torch.zeros_like(current[0])
    for now in current:
        u.mul_(CURRENT_KEPT).trunc_().add_(now)
        v.mul_(MEMBRANE_KEPT).trunc_().add_(u)
        spikes = v > threshold
        v.masked_fill_(spikes, 0)
        now.copy_(spikes)
    return current


def compiled_ticks() -> Callable[[torch.Tensor, float], torch.Tensor]:
    """As `fast_ticks`, by kernels for some ticks each."""

    @torch.compile
    def some(u: torch.Tensor, v: torch.Tensor, current: torch.Tensor, threshold: torch.Tensor) -> Any:
        made = []
        for k in range(TICKS_A_KERNEL):
            u = u * CURRENT_KEPT + current[k]
            v = v * MEMBRANE_KEPT + u
            spikes = v > threshold
            v = torch.where(spikes, 0.0, v)
            made.append(spikes.float())
        return u, v, torch.stack(made)

    def ticks(current: torch.Tensor, threshold: float) -> torch.Tensor:
        u, v, made = torch.zeros_like(current[0]), torch.zeros_like(current[0]), []
        for part in current.split(TICKS_A_KERNEL):
            u, v, spikes = some(u, v, part, torch.tensor(threshold))
            made.append(spikes)
        return torch.cat(made)

    return ticks


def layered(work: TickLayers, ticks: Callable[[torch.Tensor, float], torch.Tensor]) -> Network:
    """The network, a layer after the other."""
    weights, thresholds = weights_of(work), thresholds_of(work)

    def network(spikes: torch.Tensor) -> torch.Tensor:
        for w, threshold in zip(weights, thresholds, strict=True):
            spikes = ticks(spikes @ w.t(), threshold)
        return spikes.sum(0)

    return network


CASES = [
    *cases("torch layers", lambda work: layered(work, fast_ticks), BATCH),
    *cases("torch compiled", lambda work: layered(work, compiled_ticks()), BATCH),
    *cases("torch exact", lambda work: layered(work, exact_ticks), BATCH),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

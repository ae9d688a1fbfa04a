"""Benchmark A on networks of torch tensors: batches in, output counts out.

The frameworks compute in float32, without the floor in Loihi's decays, so a membrane now and then crosses its
threshold in another tick. Their answers count as right if the outputs' spikes are as many as the right ones
within 2 %, and counts are off by 0.5 on average at most; the row says how many samples are exact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from harness import Case, Work, per_second
from workloads import CURRENT_DECAY, MEMBRANE_DECAY, TICK_CASES, TickLayers, tick_layers

CURRENT_KEPT, MEMBRANE_KEPT = 1 - CURRENT_DECAY / 4096, 1 - MEMBRANE_DECAY / 4096
Network = Callable[[torch.Tensor], torch.Tensor]
"""Spikes ``(n_ticks, n_samples, n_in)`` to output counts ``(n_samples, n_out)``."""


def weights_of(work: TickLayers) -> list[torch.Tensor]:
    """What a spike adds to currents, ``(n_post, n_pre)`` each."""
    return [torch.tensor(64 * w, dtype=torch.float32) for w in work.weights]


def thresholds_of(work: TickLayers) -> list[float]:
    """Of membranes."""
    return [64.0 * threshold for threshold in work.thresholds]


def relative_weights(work: TickLayers) -> list[torch.Tensor]:
    """What a spike adds to currents, in thresholds: for frameworks whose threshold is 1."""
    return [w / threshold for w, threshold in zip(weights_of(work), thresholds_of(work), strict=True)]


def cases(
    simulator: str, build: Callable[[TickLayers], Network], batch: int, packages: tuple[str, ...] = ()
) -> list[Case]:
    """Every case of benchmark A on one framework, on a single thread.

    Args:
        simulator: Its name in rows.
        build: Makes the network.
        batch: Samples at a time, as many as are fastest.
        packages: Those whose versions matter, but torch.
    """
    return [
        Case("A", name, _prepared(name, build, batch), simulator=simulator, packages=("torch", *packages))
        for name in TICK_CASES
    ]


def _prepared(name: str, build: Callable[[TickLayers], Network], batch: int) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        torch.set_num_threads(1)
        sizes, p = TICK_CASES[name]
        work = tick_layers(sizes, p, 50 if quick else 1000 if len(sizes) == 3 else 250)
        network = build(work)
        return Work(
            run=lambda: _run(network, work.raster, batch),
            check=lambda counts: _check(work, counts),
            figures={"samples/s": per_second(work.n_samples)},
            facts={"samples": work.n_samples, "batch": batch},
        )

    return prepare


def _run(network: Network, raster: np.ndarray, batch: int) -> np.ndarray:
    counts = []
    with torch.inference_mode():
        for first in range(0, len(raster), batch):
            spikes = torch.from_numpy(raster[first : first + batch]).transpose(0, 1)
            counts.append(network(spikes.float().contiguous()).numpy())
    return np.concatenate(counts)


def _check(work: TickLayers, counts: np.ndarray) -> dict[str, float]:
    agreement = work.agreement(counts)
    enough = abs(agreement["spikes_to_right_spikes"] - 1) < 0.02 and agreement["mean_count_error"] < 0.5
    return {"answer_ok": enough, **agreement}

"""Benchmark B in plain torch: every causal set of every neuron at once, as published float64 solvers do.

Inputs are sorted, and sums over the first of them are cumulative: with A and B the sums of w exp(t/2) and
w exp(t), the membrane is V(t) = 2 (A exp(-t/2) - B exp(-t)), a quadratic in exp(-t/2). A neuron spikes at the
earliest solution of V = 1 that lies before the next input.
"""

from __future__ import annotations

import torch
from harness import Case, Work, main, per_second
from workloads import CHECKSUM, CHECKSUM_SAMPLES, checksum, first_spikes

BATCH = 2
"""The fastest of 1, 2, 5 and 20: what a sample needs then fits the cache."""


def layer(times: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """First spikes, ``(n_samples, n_post)``, infinite where there is none."""
    t, order = times.sort(dim=1)
    following = torch.cat([t[:, 1:], torch.full_like(t[:, :1], torch.inf)], dim=1)
    spiked = torch.isfinite(t)
    finite = torch.where(spiked, t, 0.0)
    w = weights[order]
    a = (w * (torch.exp(finite / 2) * spiked)[..., None]).cumsum(dim=1)
    b = (w * (torch.exp(finite) * spiked)[..., None]).cumsum(dim=1)
    root = torch.sqrt(a * a - 2 * b)
    x = torch.where(b > 0, a + root, a - root) / (2 * b)
    crossing = -2 * torch.log(x)
    valid = (crossing >= t[..., None]) & (crossing < following[..., None]) & (a > 0)
    return torch.where(valid, crossing, torch.inf).amin(dim=1)


def prepare(quick: bool) -> Work:
    torch.set_num_threads(1)
    weights, times = first_spikes(20 if quick else 100)
    tensors = [torch.from_numpy(w) for w in weights]

    def run() -> torch.Tensor:
        found = []
        with torch.inference_mode():
            for first in range(0, len(times), BATCH):
                spikes = torch.from_numpy(times[first : first + BATCH])
                for w in tensors:
                    spikes = layer(spikes, w)
                found.append(spikes)
        return torch.cat(found)

    def check(found: torch.Tensor) -> dict[str, float]:
        total = checksum(found.numpy())
        return {"answer_ok": abs(total - CHECKSUM) < 1e-5, "checksum": total}

    facts = {"samples": len(times), "batch": BATCH, "checked_samples": CHECKSUM_SAMPLES}
    return Work(run, check, {"samples/s": per_second(len(times))}, facts=facts)


CASES = [Case("B", "784-400-10", prepare, simulator="torch", packages=("torch",))]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

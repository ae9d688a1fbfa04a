"""Run the modules of the frameworks named on the command line, and spikec, on the same inputs; print JSON.

Run by ``run.py`` in an environment that has the frameworks. A bin is one neuron in one tick of one sample.
Each module runs in float32, as users run it, and in float64 (``module.double()``); spikec runs what
`from_torch` reads from either, in the reference and in the CPU engine, with 32 and 64 bits.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

import spikec
import spikec.reference.ticks as ticks

sys.path.insert(0, __file__.rpartition("/")[0])
from networks import CASES, N_TICKS, Case, run, sample_of

N_SAMPLES, RATE = 100, 0.25
NEAR = 16
"""Units in the last place of float32, at the threshold, within which rounding may decide."""


def main() -> None:
    torch.set_num_threads(1)
    rows = [measured(case) for name in sys.argv[1:] for case in CASES[name]()]
    found = {name: version(name) for name in ("torch", "numpy", *sys.argv[1:])}
    json.dump(
        {"versions": found, "samples": N_SAMPLES, "ticks": N_TICKS, "near": NEAR, "rows": rows}, sys.stdout
    )


def measured(case: Case) -> dict[str, Any]:
    """One row of the table."""
    rng = np.random.default_rng(7)
    n = int(np.prod(case.shape))
    raster = rng.random((N_SAMPLES, N_TICKS, n)) < RATE
    row: dict[str, Any] = {"framework": case.framework, "kind": case.kind}
    for bits, dtype in ((32, torch.float32), (64, torch.float64)):
        with in_double(bits == 64):
            torch.manual_seed(3)
            module = case.make().eval().to(dtype)
            net = spikec.from_torch(module, sample_of(case, raster[:1], dtype))
            known = dict(module.named_modules())
            names = [p.name for p in net.network.populations if p.name in known]
            layers = [name.removesuffix(".sub_module") for name in names]
            found = run(case, module, layers, raster, dtype)
        theirs = {name: found[layer] for name, layer in zip(names, layers, strict=True)}
        ours, margins = reference(net, names, raster, bits)
        wrong = differing(theirs, ours)
        cpu = net.run(raster, backend="cpu", precision=bits)
        row |= {
            "habits": net.network.notes[1],
            "bins": sum(o.size for o in ours.values()),
            "spikes": sum(int(o.sum()) for o in ours.values()),
            "met": sum(int(np.sum(m == 0)) for m in margins.values()),
            f"wrong{bits}": wrong,
            f"cpu{bits}": differing(theirs, {name: cpu.raster(name) for name in ours}),
            f"first{bits}": first_differences(theirs, ours, margins, net),
        }
    return row


@contextmanager
def in_double(wanted: bool) -> Iterator[None]:
    """Let ``tensor.float()`` give float64: snnTorch and sinabs make their spikes by it."""
    single = torch.Tensor.float
    if wanted:
        torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.Tensor.float = single


def reference(net: spikec.Program, names: list[str], raster: np.ndarray, bits: int) -> tuple[dict, dict]:
    """Spikes of some populations, and how far membranes were from their thresholds before any reset."""
    seen: dict[str, list[np.ndarray]] = {}
    spikes = ticks._Neurons.spikes

    def watched(neurons: Any) -> Any:
        seen.setdefault(neurons.name, []).append(np.asarray(neurons.v - neurons.tick.threshold, np.float64))
        return spikes(neurons)

    ticks._Neurons.spikes = watched
    try:
        result = net.run(raster, backend="reference", precision=bits)
    finally:
        ticks._Neurons.spikes = spikes
    return {name: result.raster(name) for name in names}, {
        name: np.stack(seen[name], axis=1) for name in names
    }


def differing(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> int:
    return sum(int(np.sum(a[name] != b[name])) for name in b)


def first_differences(theirs: dict, ours: dict, margins: dict, net: spikec.Program) -> dict[str, int]:
    """Of each sample that differs, the first bins that do: how many, and how many lie at the threshold.

    All later differences of a sample may follow from these.
    """
    thresholds = {p.name: p.neuron.threshold for p in net.network.populations if not p.is_source}
    samples = found = near = 0
    for k in range(N_SAMPLES):
        wrong = {name: theirs[name][k] != ours[name][k] for name in ours}
        if not any(w.any() for w in wrong.values()):
            continue
        samples += 1
        tick = min(int(np.argmax(w.any(axis=1))) for w in wrong.values() if w.any())
        name = next(n for n in ours if wrong[n][tick].any())  # spikes flow in this order within a tick
        neurons = np.flatnonzero(wrong[name][tick])
        threshold = np.broadcast_to(np.asarray(thresholds[name]), wrong[name].shape[1:])[neurons]
        found += neurons.size
        distance = np.abs(margins[name][k, tick, neurons]) % threshold  # of a multiple, with several spikes
        distance = np.minimum(distance, threshold - distance)
        near += int(np.sum(distance <= NEAR * np.spacing(threshold.astype(np.float32))))
    return {"samples": samples, "bins": found, "near": near}


if __name__ == "__main__":
    main()

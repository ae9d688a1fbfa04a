"""Training on data that stay on the disk: peak memory against the size of the data.

Training sets of three sizes are drawn and written to a folder of ``.npy`` files, piece by piece; on each, a
process of its own trains a small network by `spikec_train.recipes.train` and answers test samples. The peak
with the largest set must not exceed that with the second by more than labels take, and `ROOM`; the smallest
set's pieces need not be full.

    python bench/stored_data.py
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spikec_train.datasets import load_dataset
from spikec_train.recipes import parse_recipe, train

RECIPE = """
title: Data on the disk
data: {path}
seed: 0
training: {{method: {method}, hidden: {hidden}, penalties: [0.01, 0.1], {more}}}
expected: {{accuracy: 0.9, tolerance: 0.1, seconds: 10}}
"""

KINDS: dict[str, tuple[tuple[int, ...], int, tuple[int, ...]]] = {
    "sampled-ramp": ((28, 28), 64, (20_000, 80_000, 320_000)),
    "sampled-series": ((40, 16), 32, (5_000, 20_000, 80_000)),
}
"""Of each method the shape of a sample, the hidden neurons, and numbers of training samples."""

MORE = {"sampled-ramp": "window: 0.016", "sampled-series": "change: 40"}
"""Other options: the data are bytes."""

N_CLASSES, N_TEST, PIECE = 10, 1000, 5000

ROOM = 128.0
"""MB; 20 of them are for pairs, of which there are more up to `spikec_train.pairs.MOST_CANDIDATES`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        print(json.dumps(trained(a.one[0], Path(a.one[1]))))
        return
    fine = True
    for method, (shape, _, sizes) in KINDS.items():
        peaks = []
        for n in [size // 10 if a.quick else size for size in sizes]:
            with TemporaryDirectory(prefix="spikec-bench-stored-") as folder:
                size = write(Path(folder), shape, n)
                command = [sys.executable, __file__, "--one", method, folder]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found = json.loads(done.stdout)
            peaks.append(found["peak_mb"])
            row = {"bench": "stored_data", "method": method, "samples": n, "file_mb": round(size / 1e6, 1)}
            print(json.dumps({**row, "as_float64_mb": round(8 * size / 1e6, 1), **found}), flush=True)
        fine &= peaks[-1] - peaks[-2] <= 8e-6 * sizes[-1] + ROOM
    sys.exit(not fine)


def write(folder: Path, shape: tuple[int, ...], n: int) -> int:
    """Samples around one point a class, as bytes; the size of the training samples, in bytes."""
    rng = np.random.default_rng(0)
    centres = rng.integers(60, 200, (N_CLASSES, shape[0] // 4, shape[1])).repeat(4, axis=1)
    for split, size in (("train", n), ("test", N_TEST)):
        x = np.lib.format.open_memmap(folder / f"x_{split}.npy", "w+", np.uint8, (size, *shape))
        y = rng.integers(0, N_CLASSES, size)
        for first in range(0, size, PIECE):
            labels = y[first : first + PIECE]
            noise = rng.normal(0, 20, (labels.size, *shape))
            x[first : first + labels.size] = np.clip(centres[labels] + noise, 0, 255)
        np.save(folder / f"y_{split}.npy", y.astype(np.uint8))
        x.flush()
    return n * int(np.prod(shape))


def trained(method: str, folder: Path) -> dict[str, float]:
    """Train a network on a folder; what it took at most."""
    recipe = parse_recipe(
        RECIPE.format(path=folder, method=method, hidden=KINDS[method][1], more=MORE[method]), "stored"
    )
    made = train(recipe)
    assert made.measure is not None
    accuracy = made.measure(load_dataset(f"{folder}:test"))["accuracy"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    return {"peak_mb": round(peak, 1), "accuracy": accuracy, "cpu_seconds": round(made.seconds, 1)}


if __name__ == "__main__":
    main()

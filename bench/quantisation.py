"""Accuracy after quantisation: float, and compiled with rounding alone, with the weights pass, with repair.

Each row is the mean of its seeds on all test samples. Methods: `naive` rounds each weight to the nearest on a
grid that holds the largest; `weights` is the weights pass with calibration; `repair` adds the repair of
docs/quantisation.md. All calibrate on training data, repair takes their labels. The networks of digits are
trained here; mnist-theta (needs mnist.npz) and yinyang-ttfs-delays ship, one seed each. `float` and
`compiled` are shares of right answers, `lost_points` is their difference in points.

    python bench/quantisation.py --json --quick          # digits only
    python bench/quantisation.py --json --data-dir DIR
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikec.backend import find_backend
from spikec.calibration import Calibration, calibrate
from spikec.container import load
from spikec.errors import TargetError
from spikec.ir.network import Network
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.replay import replay
from spikec.passes.weight_fit import Rounding
from spikec.program import encode_samples
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

BITS = (8, 6, 4, 3, 2)
QUICK_BITS = (8, 4, 2)
METHODS = ("naive", "weights", "repair")
SEEDS = (0, 1, 2)
NETS = Path(__file__).parent.parent / "models" / "nets"


@dataclass(frozen=True)
class Case:
    """A network of several seeds, its data, and how it is compiled.

    Attributes:
        name: In the table.
        data: Name of its data set.
        networks: How the network of each seed is had.
        n_samples: Training samples to calibrate with; None for all.
        options: Of the compiler, besides bits and method.
    """

    name: str
    data: str
    networks: tuple[Callable[[], Network], ...]
    n_samples: int | None = None
    options: CompileOptions = field(default_factory=CompileOptions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", type=Path, help="folder of mnist.npz; without it mnist-theta is left out"
    )
    parser.add_argument("--quick", action="store_true", help="digits only, at 8, 4 and 2 bits")
    parser.add_argument("--networks", nargs="*", help="only these")
    parser.add_argument("--bits", type=int, nargs="*")
    parser.add_argument("--json", action="store_true", help="one JSON object, as always")
    args = parser.parse_args()
    wanted = [c for c in cases(args.data_dir, args.quick) if not args.networks or c.name in args.networks]
    bits = args.bits or (QUICK_BITS if args.quick else BITS)
    table = [row for case in wanted for row in rows(case, tuple(bits), args.data_dir)]
    print(json.dumps({"benchmark": "quantisation", "target": "loihi2", "table": table}))


def cases(data_dir: Path | None, quick: bool) -> list[Case]:
    """What is measured."""
    digits = [
        Case(f"digits-sampled-{hidden}", "digits", tuple(partial(sampled, hidden, s) for s in SEEDS))
        for hidden in (128, 512)
    ]
    digits.append(Case("digits-theta", "digits", tuple(partial(trained, "digits-theta", s) for s in SEEDS)))
    if quick:
        return digits
    fine = CompileOptions(max_ticks=140)
    shipped = [Case("yinyang-ttfs-delays", "yinyang", (partial(stored, "yinyang-ttfs-delays"),), 1000, fine)]
    if data_dir is not None:
        shipped.append(Case("mnist-theta", "mnist", (partial(stored, "mnist-theta"),), 1000))
    return digits + shipped


def sampled(hidden: int, seed: int) -> Network:
    recipe = load_recipe("digits-sampled")
    return train(replace(recipe, training=replace(recipe.training, hidden=hidden)), seed).network


def trained(recipe: str, seed: int) -> Network:
    return train(load_recipe(recipe), seed).network


def stored(name: str) -> Network:
    network: Network = load(NETS / f"{name}.npz", Network)
    return network


def rows(case: Case, bits: tuple[int, ...], data_dir: Path | None) -> Iterator[dict[str, Any]]:
    """The rows of one network."""
    networks = [make() for make in case.networks]
    found = [calibrated(n, f"{case.data}:train", data_dir, case.n_samples) for n in networks]
    tests = [calibrated(n, f"{case.data}:test", data_dir) for n in networks]
    floats = [share(t.predictions, t) for t in tests]
    for b in bits:
        for method in METHODS:
            compiled = [
                accuracy(n, options(case, method, b, c), t)
                for n, c, t in zip(networks, found, tests, strict=True)
            ]
            if any(a is None for a in compiled):
                yield {"network": case.name, "bits": b, "method": method, "refused": True}
                continue
            yield {
                "network": case.name,
                "bits": b,
                "method": method,
                "float": float(np.mean(floats)),
                "compiled": float(np.mean(compiled)),
                "seeds": len(networks),
                "samples": tests[0].n_samples,
                "lost_points": 100 * float(np.mean(floats) - np.mean(compiled)),
                "compiled_by_seed": compiled,
            }


def options(case: Case, method: str, bits: int, found: Calibration) -> CompileOptions:
    if method == "naive":
        return replace(case.options, bits=bits, rounding=Rounding.NEAREST)
    repair = find_backend("cpu") if method == "repair" else None
    return replace(case.options, bits=bits, calibration=found, repair=repair)


def accuracy(network: Network, options: CompileOptions, test: Calibration) -> float | None:
    """The share of right answers in integers; None if the network cannot be compiled so."""
    try:
        program = compile_network(network, load_target("loihi2"), options)
    except TargetError:
        return None
    return share(replay(program, test, find_backend("cpu")).predictions, test)


def calibrated(network: Network, spec: str, data_dir: Path | None, n: int | None = None) -> Calibration:
    data = load_dataset(spec if n is None else f"{spec}:{n}", data_dir)
    return calibrate(network, find_backend("cpu"), encode_samples(network, data.samples), data.labels)


def share(predictions: Any, test: Calibration) -> float:
    return float(np.mean(predictions == test.labels))


if __name__ == "__main__":
    main()

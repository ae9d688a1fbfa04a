"""Layers behind others after quantisation: what fitting them to the integers before them brings.

Two hidden layers of `digits-sampled` (128 neurons each), trained here; mean of 3 seeds on all test samples.
Methods: `naive` and `weights` as in `bench/quantisation.py`; `readout` refits the readout, too; `layers` the
second hidden layer before it (`spikec.passes.refit_layers`); `all` is `compile --repair`. `spike_error` is by
how many ticks first spikes of each hidden layer miss the float network's, root mean square.

    python bench/quantised_layers.py --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from time import process_time
from typing import Any

import numpy as np
from quantisation import SEEDS, Measured, share, trained

from spikec.backend import find_backend
from spikec.passes.base import run_pipeline
from spikec.passes.pipelines import CompileOptions, loihi
from spikec.passes.prune import Prune
from spikec.passes.quantize_and_repair import QuantizeAndRepair
from spikec.passes.refit_layers import RefitLayers
from spikec.passes.refit_readout import RefitReadout
from spikec.passes.replay import leads, replay
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.targets.target import load_target

HIDDEN = (128, 128)
LAYERS = ("hidden1", "hidden2")
BITS = (8, 4, 3, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bits", type=int, nargs="*", default=BITS)
    parser.add_argument("--json", action="store_true", help="one JSON object, as always")
    args = parser.parse_args()
    seeds = [trained("digits-sampled", s, HIDDEN) for s in SEEDS]
    table = [row for bits in args.bits for row in rows(seeds, bits)]
    print(json.dumps({"benchmark": "quantised layers", "target": "loihi2", "table": table}))


def rows(seeds: list[Measured], bits: int) -> Iterator[dict[str, Any]]:
    """The rows of some bits, one a method."""
    exact = float(np.mean([share(s.test.predictions, s.test) for s in seeds]))
    each = [compiled(s, bits) for s in seeds]
    for method in each[0]:
        programs = [e[method][0] for e in each]
        runs = [replay(p, s.test, find_backend("cpu")) for p, s in zip(programs, seeds, strict=True)]
        right = [share(r.predictions, s.test) for r, s in zip(runs, seeds, strict=True)]
        errors = [spike_error(p, s) for p, s in zip(programs, seeds, strict=True)]
        yield {
            "network": "digits-sampled-128-128",
            "bits": bits,
            "method": method,
            "float": exact,
            "compiled": float(np.mean(right)),
            "compiled_by_seed": right,
            "seeds": len(seeds),
            "ticks": programs[0].n_ticks,
            "spike_error": {name: float(np.mean([e[name] for e in errors])) for name in LAYERS},
            "cpu_seconds": sum(e[method][1] for e in each),
        }


def compiled(s: Measured, bits: int) -> dict[str, tuple[Program, float]]:
    """The program of each method, and the CPU time that it took after what it goes on from."""
    cpu = find_backend("cpu")
    options = CompileOptions(bits=bits)
    start = Program(s.network, load_target("loihi2"))
    passes = loihi(replace(options, calibration=s.found, repair=cpu))
    at, step = next((k, p) for k, p in enumerate(passes) if isinstance(p, QuantizeAndRepair))
    real = run_pipeline(start, passes[:at])
    ways = step.weights.ways(real)
    times = [process_time()]
    kept = step.weights.chosen(ways)
    times.append(process_time())
    layers, readout = RefitLayers(real, s.found, cpu), RefitReadout(s.found, cpu)
    made: dict[str, Program] = {"weights": run_pipeline(kept[1], (Prune(),))}
    others = {
        "naive": partial(run_pipeline, start, loihi(replace(options, rounding=Rounding.NEAREST))),
        "readout": partial(run_pipeline, kept[1], (readout, Prune())),
        "layers": partial(run_pipeline, kept[1], (layers, readout, Prune())),
        "all": lambda: run_pipeline(step.repaired(real, ways, *kept), passes[at + 1 :]),
    }
    for method, make in others.items():
        made[method] = make()
        times.append(process_time())
    return dict(zip(made, zip(made.values(), np.diff(times).tolist(), strict=True), strict=True))


def spike_error(program: Program, s: Measured) -> dict[str, float]:
    """By how many ticks each hidden layer's first spikes miss on the test samples, root mean square."""
    run = replay(program, s.test, find_backend("cpu"))
    errors = {}
    for name in LAYERS:
        wanted = s.test.first_times(name) / program.network.dt + program.late.get(name, 0.0)
        miss = leads(run.spikes[name].first_times(), run.n_ticks) - leads(wanted, run.n_ticks)
        errors[name] = float(np.sqrt(np.mean(miss**2)))
    return errors


if __name__ == "__main__":
    main()

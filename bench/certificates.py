"""How many samples are certain to keep their class through rounding, and that every one of them does.

    .venv/bin/python bench/certificates.py --json

Networks, bits and calibration are those of `bench/quantisation.py`, of each the seeds that are named (the
first, if none is); a network that no certificate is for has a row that says why (`spikec/certificate.py` has
the theorem). Of all test samples, `certified` is the number whose class is the same for all weights between
the real ones and the integers, `as_exact` that of those which are classed so in continuous time, too.
`changed` counts certified samples that the integers, or the ticks with real weights, class otherwise: it must
be 0, else the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from quantisation import Case, Measured, digits, others, stored

from spikec.backend import find_backend
from spikec.certificate import certify
from spikec.errors import UsageError
from spikec.inputs import in_own_time
from spikec.passes.base import run_pipeline
from spikec.passes.pipelines import CompileOptions, loihi
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.replay import replay
from spikec.program import Program
from spikec.targets.target import load_target

BITS = (8, 6, 4)
NETS = Path(__file__).parents[1] / "models" / "nets"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="folder of mnist.npz; without it no mnist-theta")
    parser.add_argument("--nets", type=Path, help="folder of N-MNIST; else none of it")
    parser.add_argument("--networks", nargs="*", help="only these")
    parser.add_argument("--bits", type=int, nargs="*", default=BITS)
    parser.add_argument("--seeds", type=int, nargs="*", default=(0,), help="of each network, those it has")
    parser.add_argument("--json", action="store_true", help="one JSON object a row, as always")
    args = parser.parse_args()
    changed = 0
    for case in (*digits(), *others(args.data_dir, None, args.nets), yinyang()):
        if args.networks and case.name not in args.networks:
            continue
        for row in rows(case, args.bits, args.seeds):
            changed += row.get("changed", 0)
            print(json.dumps(row), flush=True)
    sys.exit(1 if changed else 0)


def yinyang() -> Case:
    """The network without delays, at the ticks that compiling chooses."""
    return Case("yinyang-ttfs", (partial(stored, NETS / "yinyang-ttfs.npz", "yinyang", None),))


def rows(case: Case, bits: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """The rows of one network."""
    chosen = [k for k in wanted if k < len(case.seeds)]
    if not chosen:
        return
    seeds = [case.seeds[k]() for k in chosen]
    for b in bits:
        began = process_time()
        row = {"bench": "certificates", "network": case.name, "bits": b, "seeds": chosen}
        try:
            counts = np.sum([counted(s, replace(case.options, bits=b)) for s in seeds], axis=0)
        except UsageError as error:
            yield {**row, "refused": str(error)}
            return
        names = ("samples", "certified", "as_exact", "changed")
        found = dict(zip(names, counts.tolist(), strict=True))
        yield {**row, **found, "cpu_seconds": round(process_time() - began, 1)}


def counted(s: Measured, options: CompileOptions) -> tuple[int, int, int, int]:
    """Samples of one network, how many are certified, and so as the exact network has them, and changed."""
    passes = loihi(replace(options, calibration=s.found))
    at = next(k for k, p in enumerate(passes) if isinstance(p, QuantizeWeights))
    real = run_pipeline(Program(s.network, load_target("loihi2"), n_ticks=options.n_ticks), passes[:at])
    program = passes[at].apply(real)
    classes = certify(real, program, in_own_time(program.network, dict(s.test.inputs))).classes
    certain = classes >= 0
    answers = [replay(p, s.test, find_backend("cpu")).predictions for p in (real, program)]
    changed = certain & np.any([a != classes for a in answers], axis=0)
    as_exact = certain & (classes == s.test.predictions)
    return classes.size, int(certain.sum()), int(as_exact.sum()), int(changed.sum())


if __name__ == "__main__":
    main()

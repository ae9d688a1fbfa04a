"""Our energy estimates against published measurements of a keyword network on Loihi 1.

Measured (Blouw et al., arXiv 1812.01739, logs of their power benchmarks): 390-256-256-29 took 0.272 mJ an
inference above idle, at 296 inferences a second, and by its authors' word about 70 of its 81 mW were
overhead, so some 37 uJ were the network's; with N branches of ten layers of 256 it took 0.667 mJ + 16.9 uJ N.
How often its neurons spike, and how many ticks an inference takes, was not published: so every neuron spikes
with the same probability in each of some ticks, drawn for all populations, and both are varied. The network
is placed by the search; prices are those of our tables for Loihi 1. For each table, `met_at` says at which
probability the estimate is the measured cost of a branch: a plausible one supports the table, no more.
Prints one JSON object.

    python bench/keyword_energy.py --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from mapping import keywords, layers

from spikec.counting import count
from spikec.energy import estimate, seconds_of
from spikec.energy_tables.table import load_table
from spikec.events import Events
from spikec.ir.network import Network
from spikec.placement.ledger import count_cores
from spikec.placement.place import place_program
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.targets.target import load_target

MEASURED_UJ, OVERHEAD = 272.0, 70 / 81
BRANCH_UJ = 16.9
N_SAMPLES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for symmetry with the command line: always so")
    parser.add_argument("--rates", nargs="*", type=float, default=[0.01, 0.05, 0.1, 0.2, 0.5])
    parser.add_argument("--ticks", nargs="*", type=int, default=[10, 50])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    small = placed(layers(390, 256, 256, 29), args.seed)
    branched = {n: placed(keywords(n), args.seed) for n in (1, 10)}
    target = load_target("loihi1")
    rows: list[dict[str, Any]] = []
    for ticks in args.ticks:
        for rate in args.rates:
            rows += [row | {"ticks": ticks, "rate": rate} for row in figures(small, rate, ticks, args.seed)]
    slopes = [slope(branched, name, args.rates, ticks, args.seed)
              for name in target.energy_tables for ticks in args.ticks]  # fmt: skip
    measured = {
        "above_idle_uj": MEASURED_UJ,
        "without_overhead_uj": MEASURED_UJ * (1 - OVERHEAD),
        "branch_uj": BRANCH_UJ,
    }
    print(json.dumps({"benchmark": "keyword energy", "measured": measured, "rows": rows, "branches": slopes}))


def placed(network: Network, seed: int) -> Program:
    return place_program(Program(network, load_target("loihi1")), "search", seed)


def drawn(network: Network, rate: float, ticks: int, seed: int) -> dict[str, Events]:
    """Spikes of every neuron, inputs among them, with one probability in each tick."""
    rng = np.random.default_rng(seed)
    return {p.name: from_raster(rng.random((N_SAMPLES, ticks, p.n)) < rate) for p in network.populations}


def figures(program: Program, rate: float, ticks: int, seed: int) -> list[dict[str, Any]]:
    """What an inference costs, uJ by line, for every table; and how long it takes."""
    spikes = drawn(program.network, rate, ticks, seed)
    counters, cores = count(program.network, spikes, N_SAMPLES, ticks), count_cores(program, spikes, ticks)
    seconds = seconds_of(cores)
    assert seconds is not None
    rows = []
    for name in program.target.energy_tables:
        found = estimate(counters, load_table(name), cores=cores)
        lines = {t.name: t.total_pj / N_SAMPLES * 1e-6 for t in found.terms if t.total_pj}
        total = found.per_inference_pj
        assert total is not None
        rows.append({"table": name, "uj": total * 1e-6, "lines_uj": lines, "us": seconds / N_SAMPLES * 1e6})
    return rows


def slope(
    branched: dict[int, Program], table: str, rates: Sequence[float], ticks: int, seed: int
) -> dict[str, Any]:
    """What a branch more costs at every rate, and at which it costs what was measured."""
    few, many = branched
    costs = []
    for rate in rates:
        found = [
            next(r["uj"] for r in figures(p, rate, ticks, seed) if r["table"] == table)
            for p in branched.values()
        ]
        costs.append((found[1] - found[0]) / (many - few))
    inside = costs[0] <= BRANCH_UJ <= costs[-1]
    met = float(np.interp(BRANCH_UJ, costs, rates)) if inside else None
    return {
        "table": table,
        "ticks": ticks,
        "branch_uj": dict(zip(map(str, rates), costs, strict=True)),
        "met_at": met,
    }


if __name__ == "__main__":
    main()

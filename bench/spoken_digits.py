"""Spoken digits, a sampled spiking network with delays: right answers on the official split, on speakers that
were left out, and in a chip's integers of 8 bits; and whether CPU and Lava give the same spikes.

Of each seed the network of `fsdd-sampled` is trained on takes 5 to 49 and asked takes 0 to 4, in float ticks
and compiled; means come with an interval of 95 %, by the spread of the seeds. The first seed's program runs
its first --lava recordings in Lava's fused flavour, too, and --stock in the stock one. Then the first seed is
trained once for each speaker without that speaker's recordings, and asked those.

With --choose it finds the recipe's options by training takes alone: each is judged by the squared error on a
third of them, by networks of the other two thirds, for each third in turn. Options begin with the first value
of `CHOICES`; one after the other takes the value that does best, so often as --sweeps says.

    SPIKEC_DATA=DIR python bench/spoken_digits.py --json
    SPIKEC_DATA=DIR python bench/spoken_digits.py --choose
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from spikec.backend import find_backend, run
from spikec.events import same
from spikec.inputs import encode_samples
from spikec.ir.network import Network
from spikec.passes.pipelines import compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.fsdd import FOLDS, SPEAKERS
from spikec_train.recipes import load_recipe, train
from spikec_train.sampled_series import BANDS, SampledSeries, sampled_series

CHOICES: dict[str, tuple[Any, ...]] = {
    "dt": (0.01, 0.005),
    "change": (0.05, 0.1, 0.15, 0.2),
    "time_constants": (
        ((0.01, 0.005), (0.02, 0.01), (0.05, 0.02)),
        ((0.02, 0.01), (0.05, 0.02), (0.1, 0.05)),
        ((0.05, 0.02), (0.1, 0.05), (0.2, 0.1)),
    ),
    "longest_delay": (0.0, 0.05, 0.15, 0.3),
    "profile": (0.05, 0.1, 0.2),
    "memory": (0.5, 1.0, 2.0, 4.0),
}
"""Values of options, each sweep in this order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--speakers", type=int, default=len(SPEAKERS), help="that are left out in turn")
    parser.add_argument("--lava", type=int, default=30, help="recordings that Lava runs, too; 0 for none")
    parser.add_argument("--stock", type=int, default=12, help="that stock Lava runs, too")
    parser.add_argument("--quick", action="store_true", help="one seed, one speaker, two recordings in Lava")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line a row")
    parser.add_argument("--choose", action="store_true", help="find the recipe's options by training takes")
    parser.add_argument("--sweeps", type=int, default=2, help="of --choose")
    a = parser.parse_args()
    if a.choose:
        print(json.dumps(choose(a.sweeps, a.json)))
        return
    if a.quick:
        a.seeds, a.speakers, a.lava, a.stock = 1, 1, min(a.lava, 2), 0
    recipe, test = load_recipe("fsdd-sampled"), load_dataset("fsdd:test")
    data, rows = load_dataset("fsdd:train"), []
    for seed in range(recipe.seed, recipe.seed + a.seeds):
        made = train(recipe, seed, data=data)
        program = compile_network(made.network, load_target("loihi2"))
        row: dict[str, Any] = {"seed": seed, "cpu_seconds": made.seconds, **made.figures}
        assert made.measure is not None
        row |= {"test": made.measure(test)["accuracy"], "test_8_bits": integers(program, test)}
        row |= delays(made.network, program)
        for flavour, n in (("fused", a.lava), ("stock", a.stock)):
            if n and seed == recipe.seed:
                row |= {
                    f"{flavour}_recordings": n,
                    f"{flavour}_same": as_lava(program, test.first(n), flavour),
                }
        rows.append(told(row, a.json))
    left_out = []
    for speaker in SPEAKERS[: a.speakers]:
        made = train(recipe, data=load_dataset(f"fsdd:without-{speaker}"))
        assert made.measure is not None
        row = {"left_out": speaker, "test": made.measure(load_dataset(f"fsdd:{speaker}"))["accuracy"]}
        left_out.append(told(row, a.json))
    means: dict[str, Any] = {k: mean([r[k] for r in rows]) for k in ("test", "test_8_bits", "cpu_seconds")}
    if left_out:
        means["left_out"] = float(np.mean([r["test"] for r in left_out]))
    found = {"bench": "spoken_digits", "seeds": rows, "speakers": left_out, "means": means}
    print(json.dumps(found if a.json else means))


def choose(sweeps: int, quiet: bool) -> dict[str, Any]:
    """The options that predict training takes best, and all that were tried."""
    recipe = load_recipe("fsdd-sampled")
    assert isinstance(recipe.training, SampledSeries)
    parts = [tuple(load_dataset(f"fsdd:{w}fold{k}") for w in ("without-", "")) for k in range(FOLDS)]
    best = replace(recipe.training, **{name: values[0] for name, values in CHOICES.items()})
    tried = {best: told(judged(best, parts, recipe.seed), quiet)}
    for _ in range(sweeps):
        before = best
        for name, values in CHOICES.items():
            for value in values:
                options = replace(best, **{name: value})
                if options not in tried:
                    tried[options] = told(judged(options, parts, recipe.seed), quiet)
            best = min(tried, key=lambda options: tried[options]["squared_error"])
        if best == before:
            break
    as_recipe = best == recipe.training
    return {
        "bench": "spoken_digits --choose",
        "best": tried[best],
        "as_recipe": as_recipe,
        "tried": len(tried),
    }


def judged(options: SampledSeries, parts: list[tuple[Dataset, ...]], seed: int) -> dict[str, Any]:
    """How well networks of most of the training takes answer the others."""
    began, errors, right = process_time(), [], []
    for most, others in parts:
        made = sampled_series(most, options, np.random.default_rng(seed))
        scores = made.scores(others.samples)
        errors.append((scores - np.eye(others.n_classes)[others.labels]) ** 2)
        right.append(scores.argmax(axis=1) == others.labels)
    return {
        **{name: getattr(options, name) for name in CHOICES},
        "squared_error": round(float(np.concatenate(errors).mean()), 6),
        "accuracy": round(float(np.concatenate(right).mean()), 5),
        "cpu_seconds": round(process_time() - began, 1),
    }


def told(row: dict[str, Any], quiet: bool) -> dict[str, Any]:
    if not quiet:
        print(json.dumps(row), flush=True)
    return row


def integers(program: Program, data: Dataset) -> float:
    """Share of right answers of a compiled program."""
    if program.violations:
        raise SystemExit(f"the network does not fit the chip: {program.violations}")
    inputs = encode_samples(program.network, data.samples)
    found = run(find_backend("cpu"), program, inputs, int(program.n_ticks or 0), ("readout.v.last",))
    return float(np.mean(found.traces["readout.v.last"].argmax(axis=1) == data.labels))


def mean(values: list[float]) -> list[float]:
    """Mean and half the width of its interval of 95 %; of one value the mean alone."""
    from scipy.stats import t

    n, found = len(values), [float(np.mean(values))]
    return [*found, float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5)] if n > 1 else found


def delays(network: Network, program: Program) -> dict[str, Any]:
    """Delays of the synapses from the bands, in ticks, and whether the program has the same ones."""
    trained, compiled = (
        {q.name: np.asarray(q.delays.values) for q in given.projections if q.pre == BANDS}
        for given in (network, program.network)
    )
    all_of_them = np.concatenate([d.ravel() for d in trained.values()])
    kept = trained.keys() == compiled.keys() and all(np.array_equal(trained[k], compiled[k]) for k in trained)
    different = int(np.unique(all_of_them).size)
    return {
        "delays": all_of_them.size,
        "different": different,
        "mean": float(all_of_them.mean()),
        "kept": kept,
    }


def as_lava(program: Program, data: Dataset, flavour: str) -> bool:
    """Whether CPU and Lava give the same spikes, membranes and counters."""
    inputs, key = encode_samples(program.network, data.samples), "readout.v.last"
    cpu, lava = (
        run(backend, program, inputs, int(program.n_ticks or 0), (key,))
        for backend in (find_backend("cpu"), find_backend("lava", flavour=flavour))
    )
    spikes = all(same(cpu.spikes[name], lava.spikes[name]) for name in cpu.spikes)
    return bool(
        spikes and np.array_equal(cpu.traces[key], lava.traces[key]) and cpu.counters == lava.counters
    )


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main()

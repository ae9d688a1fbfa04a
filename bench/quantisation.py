"""Accuracy after quantisation: float, and compiled with rounding alone, with the weights pass, with repair.

Each row is the mean of its seeds on all test samples. Methods: `naive` rounds each weight to the nearest on a
grid that holds the largest; `weights` is the weights pass with calibration; `repair` adds the repair of
docs/quantisation.md. All calibrate on training data, repair takes their labels. The networks of digits are
trained here, those of Yin-Yang, too (some 40 s of CPU each); mnist-theta ships (and needs mnist.npz), one
seed of it; more come from the folder that `bench/theta_integers.py` leaves. Of N-MNIST's 100 recordings
(`bench/nmnist.py` says where to get them) each half is tested with what the other half calibrated. `float`
and `compiled` are shares of right answers, `lost_points` is their difference in points, `ticks` is the length
of a sample, `cpu_seconds` is what compiling and running a row took, `same_answers` the share of samples that
are answered as by the float network; `neurons`, `synaptic_events` and `neuron_updates` (of a sample) are the
first seed's. All methods but `naive` give `yinyang-ttfs-delays` parts of ticks, `, whole ticks` has none.

    python bench/quantisation.py --json --quick          # digits only
    python bench/quantisation.py --json --data-dir DIR --nets DIR --theta build/theta
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from nmnist import recordings

from spikec.backend import find_backend
from spikec.calibration import Calibration, calibrate
from spikec.coding import Decoding, Readout
from spikec.container import load
from spikec.events import Events
from spikec.execute import execute
from spikec.frontends import open_network
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.network import Convention, Network
from spikec.passes.base import run_pipeline
from spikec.passes.pipelines import CompileOptions, loihi
from spikec.passes.prune import Prune
from spikec.passes.quantize_and_repair import QuantizeAndRepair
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.result import RunResult
from spikec.targets.rules import check_all
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

BITS = (8, 6, 4, 3, 2)
QUICK_BITS = (8, 4, 2)
METHODS = ("naive", "weights", "repair")
SEEDS = (0, 1, 2)
NETS = Path(__file__).parent.parent / "models" / "nets"


@dataclass(frozen=True, eq=False)
class Measured:
    """One network, and what it does on the samples that calibrate and on those that test."""

    network: Network
    found: Calibration
    test: Calibration


@dataclass(frozen=True)
class Case:
    """A network of several seeds, and how it is compiled.

    Attributes:
        name: In the table.
        seeds: How the network of each seed is had and run in real numbers.
        options: Of the compiler, besides bits and method.
        ours: Likewise for all methods but `naive`, by bits; None for the same.
    """

    name: str
    seeds: tuple[Callable[[], Measured], ...]
    options: CompileOptions = field(default_factory=CompileOptions)
    ours: Callable[[int], CompileOptions] | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="folder of mnist.npz; without it no mnist-theta")
    parser.add_argument(
        "--theta", type=Path, help="folder of mnist-theta-SEED.npz; without it the shipped one"
    )
    parser.add_argument(
        "--nets", type=Path, default=os.environ.get("SPIKEC_NETS"), help="folder of N-MNIST; else none of it"
    )
    parser.add_argument("--quick", action="store_true", help="digits only, at 8, 4 and 2 bits")
    parser.add_argument("--networks", nargs="*", help="only these")
    parser.add_argument("--bits", type=int, nargs="*")
    parser.add_argument("--json", action="store_true", help="one JSON object, as always")
    args = parser.parse_args()
    given = digits() if args.quick else (*digits(), *others(args.data_dir, args.theta, args.nets))
    wanted = [c for c in given if not args.networks or c.name in args.networks]
    bits = tuple(args.bits or (QUICK_BITS if args.quick else BITS))
    table = [row for case in wanted for row in rows(case, bits)]
    print(json.dumps({"benchmark": "quantisation", "target": "loihi2", "table": table}))


def digits() -> tuple[Case, ...]:
    """Networks that are trained here; 128 neurons need two ticks a grey level, which are 65 ticks."""
    sampled = (("digits-sampled-128", 128, 65), ("digits-sampled-512", 512, 64))
    return (
        *(
            Case(
                name,
                tuple(partial(trained, "digits-sampled", s, hidden) for s in SEEDS),
                CompileOptions(max_ticks=ticks),
            )
            for name, hidden, ticks in sampled
        ),
        Case("digits-theta", tuple(partial(trained, "digits-theta", s) for s in SEEDS)),
    )


def others(data_dir: Path | None, theta: Path | None, nets: Path | None) -> Iterator[Case]:
    """Networks that take longer to train, that ship, or that are given."""
    yinyang = tuple(partial(trained, "yinyang-ttfs-delays", s, data="yinyang:train:1000") for s in SEEDS)
    yield Case("yinyang-ttfs-delays", yinyang, ours=in_parts)
    yield Case("yinyang-ttfs-delays, whole ticks", yinyang)
    yield Case("yinyang-ttfs-delays, few ticks", yinyang, CompileOptions(max_ticks=140))
    if data_dir is not None:
        files = (
            [NETS / "mnist-theta.npz"] if theta is None else [theta / f"mnist-theta-{s}.npz" for s in SEEDS]
        )
        yield Case("mnist-theta", tuple(partial(stored, f, "mnist", data_dir) for f in files))
    if nets is not None:
        given, _, n_frames = recordings(nets / "test100.npz")
        network = nmnist_network(nets)
        ticks = n_frames + len(network.populations) - 1  # a hop takes a tick
        options = CompileOptions(n_ticks=ticks, input_counts=given.most_at_once())
        yield Case("nmnist", tuple(partial(half, nets, k) for k in range(2)), options)


def in_parts(bits: int) -> CompileOptions:
    """What gives `yinyang-ttfs-delays` parts of ticks: 32 ticks to the input's window, 16 neurons for one.

    Chosen on training samples: of 32 ticks with 8 and 16 neurons and 64 with 4 and 8, no other answers more
    of them as the float network does, before weights are rounded. Signs apart do better at 4 bits, not at 8.
    """
    return CompileOptions(dt=0.006 / 32, parts=16, split_signs=bits < 8, rounding=Rounding.FEEDBACK)


@cache
def trained(
    recipe: str, seed: int, hidden: int | tuple[int, ...] | None = None, data: str = "digits:train"
) -> Measured:
    wanted = load_recipe(recipe)
    if hidden is not None:
        wanted = replace(wanted, training=replace(wanted.training, hidden=hidden))
    return measured(train(wanted, seed).network, data, f"{wanted.data}:test", None)


def stored(path: Path, data: str, data_dir: Path | None) -> Measured:
    return measured(load(path, Network), f"{data}:train:1000", f"{data}:test", data_dir)


def measured(network: Network, train_data: str, test_data: str, data_dir: Path | None) -> Measured:
    found, test = (
        calibrate(network, find_backend("cpu"), encode_samples(network, d.samples), d.labels)
        for d in (load_dataset(spec, data_dir) for spec in (train_data, test_data))
    )
    return Measured(network, found, test)


def nmnist_network(nets: Path) -> Network:
    network = open_network(nets / "cnn_sinabs.nir", dt=1e-3, convention=Convention(if_gain="step"))  # type: ignore[arg-type]
    assert isinstance(network, Network)
    return replace(network, decoding=Decoding(network.outputs[0], Readout.COUNT))


def half(nets: Path, k: int) -> Measured:
    """The network on every other recording, and on those between."""
    given, labels, n_frames = recordings(nets / "test100.npz")
    network = nmnist_network(nets)
    runs = []
    for which in (1 - k, k):
        chosen = np.arange(which, labels.size, 2)
        inputs = {network.inputs[0]: every_other(given, which)}
        runs.append(calibrate(network, find_backend("cpu"), inputs, labels[chosen], n_frames))
    return Measured(network, *runs)


def every_other(e: Events, first: int) -> Events:
    """Every other sample."""
    kept = e.sample_of_event() % 2 == first
    starts = np.append(0, np.cumsum(np.diff(e.sample_starts)[first::2]))
    return Events(e.times[kept], e.neurons[kept], starts, e.n_neurons, e.multiple)


def rows(case: Case, bits: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """The rows of one network."""
    seeds = [make() for make in case.seeds]
    exact = float(np.mean([share(s.test.predictions, s.test) for s in seeds]))
    for b in bits:
        naive = replace(case.options, bits=b)
        ours = naive if case.ours is None else replace(case.ours(b), bits=b)
        each = [compiled(s, naive, ours) for s in seeds]
        for method in METHODS:
            programs, seconds = [e[method][0] for e in each], sum(e[method][1] for e in each)
            row = {"network": case.name, "bits": b, "method": method, "float": exact, "seeds": len(seeds)}
            broken = [str(v) for p in programs for v in check_all(p)]
            if broken:
                yield {**row, "refused": broken[0]}
                continue
            began = process_time()
            runs = [ran(p, s.test) for p, s in zip(programs, seeds, strict=True)]
            right = [share(np.array(r.meta["predictions"]), s.test) for r, s in zip(runs, seeds, strict=True)]
            yield {
                **row,
                "compiled": float(np.mean(right)),
                "samples": seeds[0].test.n_samples,
                "ticks": programs[0].n_ticks,
                "lost_points": 100 * (exact - float(np.mean(right))),
                "compiled_by_seed": right,
                "same_answers": float(np.mean([same(r, s.test) for r, s in zip(runs, seeds, strict=True)])),
                **cost(programs[0], runs[0]),
                "cpu_seconds": seconds + process_time() - began,
            }


def ran(program: Program, test: Calibration) -> RunResult:
    """A program's run on test samples."""
    return execute(program, find_backend("cpu"), in_own_time(program.network, dict(test.inputs)))


def same(run: RunResult, test: Calibration) -> float:
    """The share of samples that are answered as by the float network."""
    return float(np.mean(np.array(run.meta["predictions"]) == test.predictions))


def cost(program: Program, run: RunResult) -> dict[str, float]:
    """Neurons of a program, and what a sample takes of it."""
    assert run.counters is not None
    n_samples = next(iter(run.spikes.values())).n_samples
    events, updates = (run.counters.total(key) / n_samples for key in ("synaptic_events", "neuron_updates"))
    neurons = sum(p.n for p in program.network.populations if not p.is_source)
    return {"neurons": neurons, "synaptic_events": events, "neuron_updates": updates}


def compiled(
    s: Measured, rounded: CompileOptions, options: CompileOptions
) -> dict[str, tuple[Program, float]]:
    """The program of each method, and the CPU time to make it; repair goes on from the weights pass."""
    start = Program(s.network, load_target("loihi2"), n_ticks=options.n_ticks)
    passes = loihi(replace(options, calibration=s.found, repair=find_backend("cpu")))
    at, step = next((k, p) for k, p in enumerate(passes) if isinstance(p, QuantizeAndRepair))
    times = [process_time()]
    naive = run_pipeline(start, loihi(replace(rounded, rounding=Rounding.NEAREST)))
    times.append(process_time())
    real = run_pipeline(start, passes[:at])
    ways = step.weights.ways(real)
    kept = step.weights.chosen(ways)
    weights = run_pipeline(kept[1], (Prune(),))
    times.append(process_time())
    repaired = run_pipeline(step.repaired(real, ways, *kept), passes[at + 1 :])
    times.append(process_time())
    return dict(
        zip(METHODS, zip((naive, weights, repaired), np.diff(times).tolist(), strict=True), strict=True)
    )


def share(predictions: Any, test: Calibration) -> float:
    return float(np.mean(predictions == test.labels))


if __name__ == "__main__":
    main()

"""Benchmark A: samples per second of a feed-forward network in Loihi arithmetic, on the CPU backend.

Every input neuron spikes with probability p in each of 100 ticks; weights are even, round(N(0, 40)); current
and membrane lose 1024/4096 and 512/4096 a tick; thresholds are set so that hidden neurons spike with
probability p and outputs with 0.05; every hop takes a tick. Prints one JSON object. `exact_samples` is the
share of the samples it checked whose spikes, all of them, are those of the reference interpreter.

    python bench/cpu_ticks.py --sizes 784-256-10 --p 0.05
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from itertools import pairwise
from time import perf_counter, process_time

import numpy as np

from spikec.backend import find_backend
from spikec.events import Events, from_raster, same
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.reference.fixed_neurons import decay
from spikec.targets.target import load_target

N_TICKS = 100
CALIBRATION_SAMPLES = 20
OUTPUT_RATE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="784-256-10")
    parser.add_argument("--p", type=float, default=0.05)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--check", type=int, default=4, help="samples compared with the reference")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    sizes = [int(s) for s in args.sizes.split("-")]
    rng = np.random.default_rng(args.seed)
    raster = rng.random((args.samples, N_TICKS, sizes[0]), np.float32) < args.p
    program = benchmark_program(rng, sizes, raster[:CALIBRATION_SAMPLES], args.p)
    inputs = {"in": from_raster(raster)}

    began = perf_counter()
    executable = find_backend("cpu", threads=args.threads).prepare(program)
    prepare = perf_counter() - began
    seconds, processor = [], []
    for _ in range(args.repeats):
        began, began_processor = perf_counter(), process_time()
        result = executable.run(inputs, N_TICKS)
        seconds.append(perf_counter() - began)
        processor.append(process_time() - began_processor)
    median = statistics.median(seconds)
    events = sum(c.synaptic_events + c.zero_weight_events for c in result.counters.projections.values())
    updates = sum(c.neuron_updates for c in result.counters.populations.values())
    figures = {
        "benchmark": "A",
        "sizes": args.sizes,
        "p": args.p,
        "samples": args.samples,
        "threads": args.threads,
        "prepare_s": prepare,
        "run_s": median,
        "samples_per_s": args.samples / median,
        "samples_per_s_per_thread": args.samples / median / args.threads,
        "samples_per_processor_s": args.samples / statistics.median(processor),
        "best_samples_per_s": args.samples / min(seconds),
        "synaptic_events_per_sample": events / args.samples,
        "neuron_updates_per_sample": updates / args.samples,
        "spikes": {name: e.n_events for name, e in result.spikes.items()},
        "checked_samples": args.check,
        "exact_samples": exact_share(program, inputs["in"], result.spikes, args.check),
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(figures))


def benchmark_program(rng: np.random.Generator, sizes: list[int], raster: np.ndarray, p: float) -> Program:
    """The network, its thresholds set layer by layer on some samples."""
    populations, projections = [Population("in", Source(), (sizes[0],))], []
    for k, (n_pre, n_post) in enumerate(pairwise(sizes), start=1):
        weights = 2 * np.rint(rng.normal(0, 20, (n_post, n_pre))).astype(np.int64)
        current = np.zeros((*raster.shape[:2], n_post), np.int64)
        current[:, 1:] = (raster[:, :-1].astype(np.float32) @ weights.T.astype(np.float32)).astype(np.int64)
        vth, raster = threshold_for(current, p if k < len(sizes) - 1 else OUTPUT_RATE)
        populations.append(Population(f"layer{k}", CubaFixed(du=1023, dv=512, vth=vth), (n_post,)))
        pre = populations[-2].name
        projections.append(Projection(f"to{k}", pre, f"layer{k}", Dense(Fixed(weights)), Delays(0)))
    network = Network(populations, projections, ("in",), (populations[-1].name,), Ticks(1e-3, LOIHI))
    return Program(network, load_target("loihi2"))


def threshold_for(current: np.ndarray, rate: float) -> tuple[int, np.ndarray]:
    """The threshold mantissa at which neurons spike with a probability, and their spikes."""
    low, high = 0, 131071
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if layer_spikes(current, middle).mean() > rate else (low, middle)
    return high, layer_spikes(current, high)


def layer_spikes(current: np.ndarray, vth: int) -> np.ndarray:
    u = np.zeros((current.shape[0], current.shape[2]), np.int64)
    v, spikes = u.copy(), np.zeros(current.shape, np.bool_)
    for tick in range(current.shape[1]):
        u = decay(u, np.array(1024)) + (current[:, tick] << 6)
        v = decay(v, np.array(512)) + u
        spikes[:, tick] = v > vth << 6
        v[spikes[:, tick]] = 0
    return spikes


def exact_share(program: Program, inputs: Events, spikes: dict[str, Events], n: int) -> float:
    """The share of the first samples whose spikes are those of the reference."""
    reference = find_backend("reference").prepare(program).run({"in": inputs.select(0, n)}, N_TICKS)
    exact = [
        all(same(spikes[name].select(k, k + 1), e.select(k, k + 1)) for name, e in reference.spikes.items())
        for k in range(n)
    ]
    return float(np.mean(exact))


if __name__ == "__main__":
    main()

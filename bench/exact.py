"""Benchmark B: samples per second of a first-spike-time network in continuous time, on the exact engine.

784-400-10, one spike a neuron, tau_mem 2 s, tau_syn 1 s, threshold 1; every input spikes once, uniformly in
the first 2 s; weights N(6/n, 6/sqrt(n)), seed 7. Prints one JSON object. `right` says whether the output
times of the first 20 samples are those of the reference interpreter to 1e-9 and add up to 189.334912, as an
independent solver's did. A synaptic event is a synapse touched by a spike; once-only neurons are touched
after their spike too, for their membrane goes on.

    python bench/exact.py --threads 2
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
from spikec.events import from_dense_times
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

SIZES = (784, 400, 10)
N_CHECKED, CHECKSUM = 20, 189.334912
UNTIL = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    a = parser.parse_args()
    program, times = _program_and_times()
    inputs = {"l0": from_dense_times(times[: a.samples])}
    began = perf_counter()
    executable = find_backend("cpu", threads=a.threads).prepare(program)
    prepare = perf_counter() - began
    walls, cpus = [], []
    for _ in range(a.repeats):
        wall, cpu = perf_counter(), process_time()
        result = executable.run(inputs, UNTIL)
        walls.append(perf_counter() - wall)
        cpus.append(process_time() - cpu)
    few = {"l0": from_dense_times(times[:N_CHECKED])}
    got = executable.run(few, UNTIL).spikes["l2"].first_times()
    expected = ReferenceBackend().prepare(program).run(few, UNTIL).spikes["l2"].first_times()
    checksum = float(got[np.isfinite(got)].sum())
    events = result.spikes["l0"].n_events * SIZES[1] + result.spikes["l1"].n_events * SIZES[2]
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(
        json.dumps(
            {
                "benchmark": "B",
                "sizes": "-".join(map(str, SIZES)),
                "samples": a.samples,
                "threads": a.threads,
                "samples_per_s": a.samples / wall,
                "samples_per_cpu_s": a.samples / cpu,
                "ns_per_synaptic_event": 1e9 * cpu / events,
                "synaptic_events_per_sample": events / a.samples,
                "hidden_fired": result.spikes["l1"].n_events / (a.samples * SIZES[1]),
                "output_fired": result.spikes["l2"].n_events / (a.samples * SIZES[2]),
                "checksum": checksum,
                "right": bool(
                    np.allclose(got, expected, rtol=1e-9, atol=0) and abs(checksum - CHECKSUM) < 1e-5
                ),
                "prepare_s": prepare,
                "python": platform.python_version(),
                "processor": platform.machine(),
            }
        )
    )


def _program_and_times() -> tuple[Program, np.ndarray]:
    rng = np.random.default_rng(7)
    times = rng.uniform(0, 2, (1000, SIZES[0]))
    rng.random(times.shape)  # the peers draw here which inputs are silent: none
    pairs = list(pairwise(SIZES))
    weights = [rng.normal(6.0 / n, 6.0 / np.sqrt(n), (n, m)) for n, m in pairs]
    neuron = CubaLif(2.0, 1.0, 1.0, one_spike=True)
    populations = [Population("l0", Source(one_spike=True), (SIZES[0],))]
    populations += [Population(f"l{k}", neuron, (SIZES[k],)) for k in (1, 2)]
    projections = [Projection(f"q{k}", f"l{k}", f"l{k + 1}", Dense(w.T)) for k, w in enumerate(weights)]
    network = Network(tuple(populations), tuple(projections), ("l0",), ("l2",), Continuous())
    return Program(network, load_target("ideal")), times


if __name__ == "__main__":
    main()

"""The convolutional N-MNIST network of the NIR paper in 8-bit Loihi integers: accuracy, layers, CPU and Lava.

Network and recordings are those of `bench/nmnist.py`, which says where to get them. A recording's frames of
1 ms hold event counts (the chip's graded spikes) or, with --binary, one spike a pixel and frame. The same
integers run on the CPU, whose kernels share the convolutions' weights, and in Lava, to which every synapse is
given by itself. For each projection the table has its synapses, the synaptic events that the CPU counted from
the kernel, and the same count on the list of all synapses. Prints one JSON object.

    python bench/nmnist_integers.py --nets DIR --lava 5
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from nmnist import answers, recordings

from spikec.backend import find_backend
from spikec.compare import compare
from spikec.counting import count
from spikec.events import Events
from spikec.frontends import open_network
from spikec.ir.network import Convention, Network, unrolled
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.result import RunResult
from spikec.targets.target import load_target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=Path, default=os.environ.get("SPIKEC_NETS"))
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lava", type=int, default=0, help="recordings that Lava runs, too")
    parser.add_argument("--binary", action="store_true", help="one spike a pixel and frame")
    args = parser.parse_args()
    if args.nets is None:
        parser.error("give the folder of the network and the recordings with --nets or in SPIKEC_NETS")

    given, labels, n_frames = recordings(args.nets / "test100.npz")
    if args.binary:
        given = Events(*_once(given), given.n_neurons)
    habits = Convention(if_gain="step")  # type: ignore[arg-type]
    network = open_network(args.nets / "cnn_sinabs.nir", dt=1e-3, convention=habits)
    n_ticks = n_frames + len(network.populations) - 1  # a hop takes a tick
    options = CompileOptions(n_ticks=n_ticks, bits=args.bits, input_counts=given.most_at_once())
    program = compile_network(network, load_target("loihi2"), options)
    inputs = {network.inputs[0]: given}
    engine = find_backend("cpu", threads=args.threads).prepare(program)
    runs = [engine.run(inputs, n_ticks) for _ in range(args.repeats)]
    figures: dict[str, Any] = {
        "bits": args.bits,
        "recordings": labels.size,
        "ticks": n_ticks,
        "input_spikes": given.n_events,
        "right": int(np.sum(answers(program.network, runs[0].spikes) == labels)),
        "ms_per_recording": 1000 * float(np.median([r.meta["seconds"] for r in runs])) / labels.size,
        "threads": runs[0].meta["threads"],
        "layers": layers(program.network, runs[0]),
    }
    if args.lava:
        figures["lava"] = lava(program, {k: e.select(0, args.lava) for k, e in inputs.items()}, n_ticks)
    print(json.dumps(figures))


def layers(network: Network, result: RunResult) -> list[dict[str, Any]]:
    """For each projection what it is, what happened there, and the count on the list of its synapses."""
    assert result.counters is not None
    counters = result.counters
    listed = network.with_projections({q.name: unrolled(q) for q in network.projections})
    expected = count(listed, result.spikes, counters.n_samples, counters.n_ticks)
    return [
        {
            "projection": q.name,
            "connectivity": type(q.connectivity).__name__,
            "stored_weights": int(np.prod(q.connectivity.weights.shape)),
            "synapses": q.connectivity.n_synapses,
            "spikes": counters.populations[q.post].spikes,
            "synaptic_events": counters.projections[q.name].synaptic_events,
            "zero_weight_events": counters.projections[q.name].zero_weight_events,
            "same_on_the_list": counters.projections[q.name] == expected.projections[q.name],
        }
        for q in network.projections
    ]


def lava(program: Program, inputs: dict[str, Events], n_ticks: int) -> dict[str, Any]:
    """The first recordings on the CPU and in Lava: whether spikes and counts are the same, and the time."""
    ours = find_backend("cpu").prepare(program).run(inputs, n_ticks)
    executable = find_backend("lava").prepare(program)
    try:
        theirs = executable.run(inputs, n_ticks)
    finally:
        executable.close()
    n = next(iter(inputs.values())).n_samples
    difference = compare(ours, theirs)
    return {
        "recordings": n,
        "spikes": sum(e.n_events for e in ours.spikes.values()),
        "identical": difference.identical,
        "same_counters": ours.counters == theirs.counters,
        "ms_per_recording": 1000 * theirs.meta["seconds"] / n,
    }


def _once(events: Events) -> tuple[Any, Any, Any]:
    """Times, neurons and starts of the samples, with one spike of a neuron in a tick."""
    kept = ~events.repeats()
    counts = np.bincount(events.sample_of_event()[kept], minlength=events.n_samples)
    return events.times[kept], events.neurons[kept], np.concatenate([[0], np.cumsum(counts)])


if __name__ == "__main__":
    main()

"""The convolutional network of the NIR paper on 100 N-MNIST recordings, in float ticks on the CPU.

The network (2x34x34, three convolutions, two dense layers, all of IF neurons; `paper/02_cnn` of the NIR
paper, BSD-3) and the recordings (slayerPytorch's `NMNISTsmall`) are not part of this project: give the folder
that holds `cnn_sinabs.nir` and `test100.npz` with --nets or in SPIKEC_NETS. A recording is cut into frames of
1 ms from its first event on; an input neuron spikes as often as its pixel has events in a frame, and the
answer is the output that spikes most. Each reset is run in float64 and float32, and so are the first
recordings in the reference, whose spikes and counters must be the same. Prints one JSON object.

    python bench/nmnist.py --nets DIR --check 10
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from spikec.arrays import IntArray
from spikec.backend import find_backend
from spikec.events import Events, same
from spikec.frontends import open_network
from spikec.ir.network import Convention, Network
from spikec.program import Program
from spikec.rasters import from_counts
from spikec.targets.target import load_target

PIXELS = (2, 34, 34)
"""Polarity, y, x."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=Path, default=os.environ.get("SPIKEC_NETS"))
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", type=int, default=10, help="recordings that the reference runs, too")
    args = parser.parse_args()
    if args.nets is None:
        parser.error("give the folder of the network and the recordings with --nets or in SPIKEC_NETS")

    given, labels, n_ticks = recordings(args.nets / "test100.npz")
    figures: dict[str, Any] = {"recordings": labels.size, "ticks": n_ticks, "input_spikes": given.n_events}
    for reset in ("value", "subtract"):
        habits = Convention(reset=reset, if_gain="step")
        network = open_network(args.nets / "cnn_sinabs.nir", dt=1e-3, convention=habits)
        program = Program(network, load_target("ideal"))
        first = {network.inputs[0]: given.select(0, args.check)}
        for precision in (64, 32):
            reference = find_backend("reference", precision=precision).prepare(program)
            began = process_time()
            expected = reference.run(first, n_ticks)
            slow = (process_time() - began) / args.check
            engine = find_backend("cpu", precision=precision, threads=args.threads).prepare(program)
            runs, processor = [], []
            for _ in range(args.repeats):
                began = process_time()
                runs.append(engine.run({network.inputs[0]: given}, n_ticks))
                processor.append((process_time() - began) / labels.size)
            fast = statistics.median(processor)
            got = engine.run(first, n_ticks)
            figures[f"{reset} float{precision}"] = {
                "right": int(np.sum(answers(network, runs[0].spikes) == labels)),
                "wall_s": statistics.median(r.meta["seconds"] for r in runs),
                "processor_ms_a_recording": 1e3 * fast,
                "reference_ms_a_recording": 1e3 * slow,
                "times_as_fast": slow / fast,
                "synaptic_events": runs[0].counters.total("synaptic_events"),
                "spikes": {name: e.n_events for name, e in runs[0].spikes.items()},
                "same_as_reference": [
                    all(same(got.spikes[name], e) for name, e in expected.spikes.items()),
                    got.counters == expected.counters,
                ],
            }
    threads = runs[0].meta["threads"]
    print(json.dumps({**figures, "threads": threads, "machine": platform.processor() or platform.machine()}))


def recordings(path: Path) -> tuple[Events, IntArray, int]:
    """Events counted by frame and pixel, the right answers, and how many frames there are."""
    stored = np.load(path, allow_pickle=False)
    starts, time = stored["offsets"][:-1], stored["t"].astype(np.int64)
    sample = np.repeat(np.arange(starts.size), np.diff(stored["offsets"]))
    frame = (time - time[starts][sample]) // 1000
    pixel = np.ravel_multi_index((stored["p"].astype(int), stored["y"], stored["x"]), PIXELS)
    n_ticks = int(frame.max()) + 1
    counts = np.zeros((starts.size, n_ticks, int(np.prod(PIXELS))), np.uint8)
    np.add.at(counts, (sample, frame, pixel), 1)
    return from_counts(counts), stored["labels"].astype(np.int64), n_ticks


def answers(network: Network, spikes: dict[str, Events]) -> IntArray:
    """The output that spikes most in each recording."""
    return np.asarray(spikes[network.outputs[0]].counts().argmax(axis=1))


if __name__ == "__main__":
    main()

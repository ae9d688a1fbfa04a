"""Draw docs/digit.png: one digit through the network, in real numbers and in a chip's integers.

.venv/bin/python bench/picture.py
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt

from spikec.backend import find_backend, run
from spikec.inputs import encode_samples
from spikec.passes.pipelines import compile_network
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

OUTPUT = Path(__file__).parent.parent / "docs" / "digit.png"
SAMPLE = 3


def main() -> None:
    network = train(load_recipe("digits-sampled"), 0).network
    program = compile_network(network, load_target("loihi2"))
    data = load_dataset("digits:test")
    image = data.samples[SAMPLE : SAMPLE + 1]
    dt, n_ticks = program.network.dt, int(program.n_ticks or 0)
    real = Program(network, load_target("ideal"))
    exact = run(ReferenceBackend(), real, encode_samples(network, image), network.encoding.duration)
    inputs = encode_samples(program.network, image)
    chip = run(find_backend("cpu"), program, inputs, n_ticks, ("readout.v",))

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.3), layout="constrained")
    spikes = inputs["pixels"]
    left.imshow(image.reshape(8, 8), cmap="gray_r")
    left.set_title(f"the {data.labels[SAMPLE]}: darker spikes earlier", fontsize=10)
    left.set_xticks([])
    left.set_yticks([])
    for t, j in zip(spikes.times, spikes.neurons, strict=True):
        if t < n_ticks // 2:
            left.text(j % 8, j // 8, int(t), ha="center", va="center", fontsize=7, color="tab:orange")

    a, b = exact.spikes["hidden"].first_times()[0] / dt, chip.spikes["hidden"].first_times()[0]
    both = np.isfinite(a) & np.isfinite(b)
    middle.plot([0, n_ticks], [0, n_ticks], color="0.8", zorder=0)
    middle.plot(a[both], b[both], ".", ms=4, alpha=0.5)
    middle.set_title(f"{both.sum()} hidden spikes: exact and in integers", fontsize=10)
    middle.set_xlabel("exact spike time (ticks of 1 ms)")
    middle.set_ylabel("tick on the chip")
    middle.set_xlim(n_ticks * 0.4, n_ticks)
    middle.set_ylim(n_ticks * 0.4, n_ticks)

    membrane = chip.traces["readout.v"][0] / float(np.max(program.scales["readout"]))
    winner = int(membrane[-1].argmax())
    for k in range(membrane.shape[1]):
        if k != winner:
            right.plot(membrane[:, k], color="0.7", lw=1)
    right.plot(membrane[:, winner], color="tab:orange", lw=2, label=f"class {winner}")
    right.set_title("the ten readout membranes", fontsize=10)
    right.set_xlabel("tick")
    right.legend(frameon=False, fontsize=9, loc="upper left")
    figure.savefig(OUTPUT, dpi=130)
    both_spike = int(both.sum())
    assert winner == data.labels[SAMPLE]
    print(json.dumps({"picture": OUTPUT.name, "hidden_spikes": both_spike, "answer": winner}))


if __name__ == "__main__":
    main()

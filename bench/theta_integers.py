"""Theta networks in integers on MNIST: accuracy, events and energy over weight bits and ticks.

All 10,000 test images; the networks are those of the recipe mnist-theta, seeds 0 to 2, made here (11
minutes) unless they are there from an earlier run. Accuracy is that of spikes alone. Programs run some ticks
longer than the trial, so the exact networks are also run as long as they do. Energy is an estimate with Loihi
1's published prices: none exist for a chip whose neurons can be programmed.

    python bench/theta_integers.py --data-dir DIR --json
    python bench/theta_integers.py --data-dir DIR --lava 500   # so many images in Lava, too
    python bench/theta_integers.py --data-dir DIR --picture docs/theta.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from spikec.backend import find_backend
from spikec.compare import compare
from spikec.container import load, save
from spikec.energy import estimate
from spikec.energy_tables.table import load_table
from spikec.execute import execute
from spikec.inputs import encode_samples
from spikec.ir.network import Network
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.recipes import load_recipe, train

BITS = (8, 6, 5, 4, 3, 2)
TICKS = (4, 6, 8, 12, 16, 25, 100)
PRICES = "loihi1-davies2018"
SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument(
        "--networks", type=Path, default=Path("build/theta"), help="folder of trained networks"
    )
    parser.add_argument("--lava", type=int, default=0, help="images to run in Lava, too")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object, as always")
    args = parser.parse_args()

    networks = [network_of(seed, args.networks, args.data_dir) for seed in SEEDS]
    data = load_dataset("mnist:test", args.data_dir)
    exact = [accuracy(Program(n, load_target("ideal")), None, data) for n in networks]
    table = [point(networks, data, bits, ticks, exact) for bits in BITS for ticks in TICKS]
    as_long = {ticks: [accuracy(*exact_as_long(n, ticks), data) for n in networks] for ticks in TICKS}
    figures: dict[str, Any] = {
        "benchmark": "theta_integers",
        "images": data.n_samples,
        "exact": exact,
        "exact_mean": float(np.mean(exact)),
        "exact_as_long": as_long,
        "prices": PRICES,
        "table": table,
    }
    if args.lava:
        figures["lava"] = [in_lava(n, data.first(args.lava)) for n in networks]
    if args.picture:
        draw(figures, args.picture)
    print(json.dumps(figures))


def network_of(seed: int, folder: Path, data_dir: Path) -> Network:
    """The recipe's network of a seed, from the folder or made and put there."""
    path = folder / f"mnist-theta-{seed}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        data = load_dataset("mnist:train", data_dir)
        checkpoint = folder / f"checkpoint-{seed}.npz"
        save(train(load_recipe("mnist-theta"), seed, None, data, checkpoint).network, path)
    network: Network = load(path, Network)
    return network


def accuracy(program: Program, until: float | None, data: Dataset) -> float:
    inputs = encode_samples(program.network, data.samples)
    result = execute(program, find_backend("cpu"), inputs, data.labels, until)
    return float(result.meta["accuracy"])


def exact_as_long(network: Network, ticks: int) -> tuple[Program, float]:
    """The exact network, and the time for which the last tick of the compiled one stands."""
    program = compiled(network, 8, ticks)
    assert program.n_ticks is not None
    late = program.late[network.outputs[0]]
    return Program(network, load_target("ideal")), (program.n_ticks - 1 - late) * program.network.dt


def compiled(network: Network, bits: int, ticks: int) -> Program:
    assert network.encoding is not None
    dt = network.encoding.duration / ticks
    return compile_network(network, load_target("loihi2"), CompileOptions(dt=dt, bits=bits))


def point(
    networks: list[Network], data: Dataset, bits: int, ticks: int, exact: list[float]
) -> dict[str, Any]:
    """One cell of the table."""
    rows = []
    for network in networks:
        program = compiled(network, bits, ticks)
        inputs = encode_samples(program.network, data.samples)
        result = execute(program, find_backend("cpu"), inputs, data.labels)
        assert result.counters is not None
        priced = estimate(result.counters, load_table(PRICES))
        assert priced.total_pj is not None
        totals = result.counters.totals()
        rows.append(
            (
                result.meta["accuracy"],
                totals["synaptic_events"] / data.n_samples,
                totals["neuron_updates"] / data.n_samples,
                priced.total_pj / data.n_samples / 1e6,
            )
        )
    accuracies, events, updates, microjoules = np.array(rows).T
    return {
        "bits": bits,
        "ticks": ticks,
        "run_ticks": program.n_ticks,
        "accuracy": float(accuracies.mean()),
        "accuracies": accuracies.tolist(),
        "lost_points": 100 * float(np.mean(exact) - accuracies.mean()),
        "synaptic_events": float(events.mean()),
        "neuron_updates": float(updates.mean()),
        "microjoules": float(microjoules.mean()),
    }


def in_lava(network: Network, data: Dataset) -> dict[str, Any]:
    """Whether Lava gives the spikes and counts of the CPU engine, at 8 bits and 16 ticks."""
    program = compiled(network, 8, 16)
    inputs = encode_samples(program.network, data.samples)
    cpu = execute(program, find_backend("cpu"), inputs, data.labels)
    lava = execute(program, find_backend("lava", flavour="fused"), inputs, data.labels)
    return {
        "images": data.n_samples,
        "identical": compare(cpu, lava).identical,
        "accuracy": lava.meta["accuracy"],
        "seconds": lava.meta["seconds"],
    }


def draw(figures: dict[str, Any], path: Path) -> None:
    """Accuracy over ticks, one line for each number of bits, and energy beside it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    exact = 100 * figures["exact_mean"]
    left.axhline(exact, color="0.55", lw=1, ls="--", label=f"exact, 20 ms: {exact:.2f} %")
    as_long = [100 * float(np.mean(figures["exact_as_long"][ticks])) for ticks in TICKS]
    left.plot(TICKS, as_long, color="0.35", lw=1, ls=":", label="exact, as long as the program")
    colours = dict(zip(BITS, ("#08306b", "#2171b5", "#4292c6", "#e6550d", "#a63603", "#636363"), strict=True))
    for bits in BITS:
        cells = [c for c in figures["table"] if c["bits"] == bits]
        y = [100 * c["accuracy"] for c in cells]
        if max(y) < 88:
            continue
        left.plot(
            [c["ticks"] for c in cells], y, "o-", ms=3.5, lw=1.4, color=colours[bits], label=f"{bits} bits"
        )
        spread = [100 * np.ptp(c["accuracies"]) / 2 for c in cells]
        left.fill_between([c["ticks"] for c in cells], np.subtract(y, spread), np.add(y, spread),
                          color=colours[bits], alpha=0.12, lw=0)  # fmt: skip
    left.set(xscale="log", xticks=TICKS, xlabel="ticks of a trial (20 ms)", ylabel="right answers, %")
    left.set_xticklabels([str(t) for t in TICKS])
    left.minorticks_off()
    left.set_ylim(88, 98.4)
    left.legend(frameon=False, fontsize=8, loc="lower right")
    cells = [c for c in figures["table"] if c["bits"] == 8]
    right.plot(
        [c["ticks"] for c in cells], [c["microjoules"] for c in cells], "s-", color="0.25", ms=3.5, lw=1.4
    )
    right.set(xscale="log", yscale="linear", xticks=TICKS, xlabel="ticks of a trial (20 ms)")
    right.set_xticklabels([str(t) for t in TICKS])
    right.minorticks_off()
    right.set_ylabel("µJ an image, as if on Loihi 1")
    right.set_ylim(0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)


if __name__ == "__main__":
    main()

"""What Loihi's integers cost two trained first-spike-time networks on Yin-Yang, and where it is lost.

The networks are those of others in `yinyang_tasks.py`. N ticks are N ticks of the input's window, 2 tau_syn;
a sample takes 3 tau_syn, 1.5 N + 1 ticks, by when every first answer is there.

The integers are compiled twice: as they come, and with --split-signs, which doubles the weights' resolution.
Each loss is measured alone, in continuous time, by the share of right answers with

* inputs: input spikes on the nearest tick;
* delays: delays of whole ticks, the compiled ones;
* weights: the weights that were stored;
* decays: time constants as 12 bits hold them, and the gain that makes up for them;
* hidden: hidden spikes in the first tick after they happen;
* answer: output spikes in the first tick after they happen, where ties go to the lower class;

and `all`, together. What is left between them and the integers is the rounding of thresholds, currents and
membranes. That neurons spike once is proven for the hidden ones; outputs may spike again, unread.

    python bench/yinyang.py --nets DIR --json
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from yinyang_tasks import (
    FOREVER,
    NAMES,
    SAMPLE,
    WINDOW,
    Task,
    answer,
    engines_agree,
    read_task,
    right,
)

from spikec.arrays import FloatArray
from spikec.backend import find_backend, run
from spikec.events import Events, from_dense_times
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.discrete import tick_of
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, scaled_rows
from spikec.ir.neurons import CubaLif, Source
from spikec.passes.matched_gain import matched_gain
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.targets.target import load_target


def compiled(task: Task, n_ticks: int, split_signs: bool = False) -> Program:
    """The network on Loihi 2, with so many ticks to the input's window."""
    dt = WINDOW / n_ticks
    options = CompileOptions(dt=dt, n_ticks=round(SAMPLE / dt) + 1, split_signs=split_signs)
    return compile_network(task.network, load_target("loihi2"), options)


def measure(task: Task, program: Program) -> dict[str, object]:
    """Accuracies, times and counts of one program, and what each step loses alone."""
    dt, out = program.network.dt, "out"
    exact = exact_first_times(task.network, {"in": from_dense_times(task.times)})[out]
    ticks = {"in": from_dense_times(task.times).to_ticks(dt)}
    result = run(find_backend("cpu"), program, ticks, program.n_ticks or 0)
    first = result.spikes[out].first_times()
    seconds = (first - program.late[out]) * dt
    both = np.isfinite(exact) & np.isfinite(seconds)
    error = (seconds - exact)[both]
    answers, counters = answer(first), result.counters
    assert counters is not None
    bits = {k: v for e in program.log for k, v in e.figures.items() if k.endswith("bits_of_range")}
    return {
        "ticks_of_window": round(WINDOW / dt),
        "ticks_of_sample": program.n_ticks,
        "accuracy": right(answers, task),
        "same_answers": float(np.mean(answers == answer(exact))),
        "ties": float(np.mean(np.sort(first)[:, 0] == np.sort(first)[:, 1])),
        "median_error_ticks": float(np.median(np.abs(error)) / dt),
        "median_error_s": float(np.median(np.abs(error))),
        "mean_error_ticks": float(np.mean(error) / dt),
        "synaptic_events": sum(q.synaptic_events for q in counters.projections.values()) / len(task.labels),
        "bits_of_range": bits,
        "alone": losses(task, program),
    }


def losses(task: Task, program: Program) -> dict[str, float]:
    """The share of right answers when one thing after the other is as coarse as the chip's, and all."""
    dt = program.network.dt
    inputs = from_dense_times(task.times)
    on_ticks = inputs.to_ticks(dt).to_seconds(dt)
    network = task.network
    given = {q.name: q for q in network.projections}
    stored = {name: _as_stored(q, program) for name, q in given.items()}
    delays = {n: replace(q, delays=stored[n].delays) for n, q in given.items()}
    weights = {n: replace(stored[n], delays=q.delays) for n, q in given.items()}
    exact = exact_first_times(network, {"in": inputs})
    everything = with_decays(network.with_projections(stored), program)
    hidden = exact_first_times(everything, {"in": on_ticks})["hidden"]
    return {
        "inputs": right(answer(exact_first_times(network, {"in": on_ticks})["out"]), task),
        "delays": _right(task, network.with_projections(delays)),
        "weights": _right(task, network.with_projections(weights)),
        "decays": _right(task, with_decays(network, program)),
        "hidden": right(answer(from_hidden(network, next_tick(exact["hidden"], dt))), task),
        "answer": right(answer(next_tick(exact["out"], dt)), task),
        "all": right(answer(next_tick(from_hidden(everything, next_tick(hidden, dt)), dt)), task),
    }


def with_decays(network: Network, program: Program) -> Network:
    """The exact network with the time constants that a program's decays stand for, and its gains."""
    dt, changed = program.network.dt, network
    for name in ("hidden", "out"):
        fixed, p = program.network.population(name).neuron, network.population(name)
        assert isinstance(fixed, CubaFixed)
        tau_syn, tau_mem = (
            -dt / np.log1p(-(np.asarray(d) / 4096)) for d in (np.asarray(fixed.du) + 1, fixed.dv)
        )
        neuron = CubaLif(tau_mem, tau_syn, 1.0, one_spike=True)
        meant, made = (tick_of(k, dt, LOIHI) for k in (p.neuron, neuron))
        decays = (np.asarray(fixed.du) + 1.0, np.asarray(fixed.dv, np.float64))
        factor = meant.gain * matched_gain(meant, *decays) / made.gain
        changed = changed.with_populations({name: replace(p, neuron=neuron)})
        changed = changed.with_projections({q.name: scaled_rows(q, factor) for q in network.incoming(name)})
    return changed


def exact_first_times(network: Network, inputs: Mapping[str, Events]) -> dict[str, FloatArray]:
    """First spikes of all populations in continuous time, seconds."""
    result = run(find_backend("cpu"), Program(network, load_target("ideal")), inputs, FOREVER)
    return {name: e.first_times() for name, e in result.spikes.items()}


def from_hidden(network: Network, hidden: FloatArray) -> FloatArray:
    """First output spikes, seconds, if the hidden neurons' are given."""
    populations = (Population("hidden", Source(), (hidden.shape[1],)), network.population("out"))
    last = replace(network, populations=populations, projections=network.incoming("out"), inputs=("hidden",))
    return exact_first_times(last, {"hidden": from_dense_times(hidden)})["out"]


def next_tick(times: FloatArray, dt: float) -> FloatArray:
    """The first tick after a time, seconds."""
    return np.asarray((np.floor(times / dt) + 1) * dt)


def _right(task: Task, network: Network) -> float:
    first = exact_first_times(network, {"in": from_dense_times(task.times)})["out"]
    return right(answer(first), task)


def _as_stored(q: Projection, program: Program) -> Projection:
    """A projection of the exact network with the weights and delays that a program stores.

    Integers become weights again by one factor for all, the one that brings them nearest.
    """
    parts = [p for p in program.network.projections if (p.pre, p.post) == (q.pre, q.post)]
    integers, ticks = np.zeros((q.connectivity.n_post, q.connectivity.n_pre)), np.zeros(q.connectivity.n_pre)
    for p in parts:
        assert isinstance(p.connectivity.weights, Fixed)
        pre, post = p.connectivity.synapses()
        integers[post, pre] = p.connectivity.weights.value.ravel()
        ticks[pre] = p.delays.per_synapse(p.connectivity)
    given = np.asarray(q.connectivity.weights)
    factor = float(np.sum(integers * given) / np.sum(integers**2))
    delays = Delays(ticks * program.network.dt, DelayKind.AXONAL)
    return replace(q, connectivity=Dense(integers * factor), delays=delays)


def _show(name: str, exact: float, rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    alone = list(rows[0]["alone"])
    head = ["ticks", "sample", "split", "right", "same", "error", "events", *alone, "engines"]
    print(f"\n{name}: {exact:.3f} right in continuous time\n" + " ".join(f"{h:>7}" for h in head))
    for r in rows:
        shares = [f"{v:.3f}" for v in r["alone"].values()]
        cells = [r["ticks_of_window"], r["ticks_of_sample"], "yes" if r["split_signs"] else "no"]
        cells += [f"{r['accuracy']:.3f}", f"{r['same_answers']:.3f}", f"{r['median_error_ticks']:.2f}"]
        verdicts = r["engines_agree"].values()
        cells += [f"{r['synaptic_events']:.0f}", *shares, "DIFFER" if False in verdicts else "agree"]
        print(" ".join(f"{c:>7}" for c in cells))
    for engine, verdict in rows[0]["engines_agree"].items():
        if isinstance(verdict, str):
            print(f"{engine} {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default=os.environ.get("SPIKEC_NETS"), help="folder of the two .npz files")
    parser.add_argument(
        "--ticks", type=int, nargs="+", default=[16, 32, 64, 128], help="of the input's window"
    )
    parser.add_argument("--check", type=int, default=5, help="samples to run on reference and Lava, too")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    if a.nets is None:
        parser.error("give the folder of yin_yang_H30_W_extracted.npz with --nets, or in SPIKEC_NETS")
    found: dict[str, object] = {"bench": "yinyang"}
    for name in NAMES:
        task = read_task(a.nets, name)
        exact = _right(task, task.network)
        rows = []
        for n, split in product(a.ticks, (False, True)):
            program = compiled(task, n, split)
            agree = engines_agree(task, program, a.check)
            rows.append({"split_signs": split, **measure(task, program), "engines_agree": agree})
        found[name] = {"exact_accuracy": exact, "programs": rows}
        if not a.json:
            _show(name, exact, rows)
    if a.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()

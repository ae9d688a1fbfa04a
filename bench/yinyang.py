"""What Loihi's integers cost two trained first-spike-time networks on Yin-Yang, and where it is lost.

The networks are 4-30-3 with leaking currents and membranes (tau_mem 2, tau_syn 1, threshold 1), trained by
J. Goeltz and others (github.com/JulianGoeltz/fastAndDeep, GPL-3): `W` without delays, `WA` with real-valued
axonal ones. Their files are not part of this project: give the folder with --nets or in SPIKEC_NETS. Every
stored input spike is used as it is. N ticks are N ticks of the input's window, 2 tau_syn; a sample takes
3 tau_syn, 1.5 N + 1 ticks, by when every first answer is there.

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

With --methods, ways to lose less of the time instead, on these and on the two networks of our own that spike
once, `yinyang-ttfs` and `yinyang-ttfs-delays`: naive rounding of weights and delays, our weights pass alone,
and spikes that tell their time to a quarter or an eighth of a tick (--parts 4, 8 of `spikec compile`), each
with signs stored together and apart. With --seeds N, also N networks trained by `yinyang-ttfs-delays`.

    python bench/yinyang.py --nets DIR --json
    python bench/yinyang.py --nets DIR --methods --ticks 16 32 64 --json
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.backend import find_backend, run
from spikec.coding import Decoding, Readout, decode
from spikec.compare import compare
from spikec.errors import BackendUnavailable
from spikec.events import Events, from_dense_times
from spikec.execute import execute
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.discrete import tick_of
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, scaled_rows
from spikec.ir.neurons import CubaLif, Source
from spikec.opening import open_program
from spikec.passes.matched_gain import matched_gain
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from spikec.spike_times import spike_times
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

NETS = Path(__file__).parents[1] / "models" / "nets"

WINDOW, SAMPLE, FOREVER = 2.0, 3.0, 60.0
"""Seconds, if tau_syn is one second: the input's window, a compiled sample's length, and an exact one's."""

NAMES = ("W", "WA")

SHIPPED = ("yinyang-ttfs", "yinyang-ttfs-delays")

METHODS = {
    "naive": CompileOptions(rounding=Rounding.NEAREST),
    "rounded": CompileOptions(),
    "quarters": CompileOptions(parts=4),
    "eighths": CompileOptions(parts=8),
}
"""Options of the compiler by the name of a method; delays are rounded where ticks have no parts."""


@dataclass(frozen=True, eq=False)
class Task:
    """A trained network with its test set.

    Attributes:
        network: In continuous time.
        times: Input spikes, seconds, ``(n_samples, 4)``.
        labels: ``(n_samples,)``.
        stored: The authors' own output spikes, seconds, ``(n_samples, 3)``; None for networks of our own.
        window: The input's, seconds.
        sample: Length of a compiled sample, seconds.
        end: Of an exact run, seconds.
    """

    network: Network
    times: FloatArray
    labels: IntArray
    stored: FloatArray | None
    window: float = WINDOW
    sample: float = SAMPLE
    end: float = FOREVER


def read_task(folder: str | Path, name: str) -> Task:
    """Read one of the networks.

    Membranes are ``sum of w / g_leak (exp(-t/tau_mem) - exp(-t/tau_syn))`` with g_leak 1/2, so that weights
    are what spikes add to currents.

    Args:
        folder: Where the files are.
        name: One of `NAMES`.
    """
    with np.load(Path(folder) / f"yin_yang_H30_{name}_extracted.npz") as file:
        data = {key: file[key] for key in file.files if key != "params"}
    neuron = CubaLif(2.0, 1.0, 1.0, one_spike=True)
    populations = [
        Population("in", Source(one_spike=True), (4,)),
        Population("hidden", neuron, (30,)),
        Population("out", neuron, (3,)),
    ]
    projections = [
        _projection("in", "hidden", data["1_neuron"], data.get("0_delay")),
        _projection("hidden", "out", data["3_neuron"], data.get("2_delay")),
    ]
    network = Network(
        tuple(populations),
        tuple(projections),
        ("in",),
        ("out",),
        Continuous(),
        decoding=Decoding("out", Readout.FIRST),
    )
    return Task(network, data["test_inputs"], data["test_labels"], data["test_spiketimes"])


def shipped_task(name: str) -> Task:
    """One of `SHIPPED` with the test set of Yin-Yang."""
    return our_task(open_program(NETS / f"{name}.npz", None).network)


def our_task(network: Network) -> Task:
    """A network of our own with the test set of Yin-Yang."""
    data = load_dataset("yinyang:test")
    (events,) = encode_samples(network, data.samples).values()
    assert network.encoding is not None
    window, duration = network.encoding.window, network.encoding.duration
    return Task(network, events.first_times(), data.labels, None, window, duration, duration)


def methods(name: str, task: Task, n_ticks: int, check: int) -> Iterator[dict[str, object]]:
    """A row for each method and for stored signs together and apart, at so many ticks to the window."""
    (source,), (out,) = task.network.inputs, task.network.outputs
    inputs = {source: from_dense_times(task.times)}
    result = run(find_backend("cpu"), Program(task.network, load_target("ideal")), inputs, task.end)
    exact = replace(result, meta={"until": task.end})
    right_exact = right(answer(exact.spikes[out].first_times()), task)
    dt = task.window / n_ticks
    length = None if task.network.encoding is not None else round(task.sample / dt) + 1
    for (method, chosen), split in product(METHODS.items(), (False, True)):
        if method == "naive" and split:
            continue
        options = replace(chosen, dt=dt, n_ticks=length, split_signs=split)
        program = compile_network(task.network, load_target("loihi2"), options)
        made = execute(program, find_backend("cpu"), in_own_time(program.network, inputs))
        counters, n = made.counters, len(task.labels)
        assert counters is not None
        times = spike_times(exact, made)
        yield {
            "network": name,
            "ticks": n_ticks,
            "method": method,
            "split_signs": split,
            "float": right_exact,
            "compiled": right(np.array(made.meta["predictions"]), task),
            "median_error_ticks": (times.overall.median or 0.0) / dt,
            "percentile_99_ticks": (times.overall.percentile_99 or 0.0) / dt,
            **_told_errors(exact, made, program),
            "missed": times.overall.missed / n,
            "neurons": sum(p.n for p in program.network.populations if not p.is_source),
            "neuron_updates": counters.total("neuron_updates") / n,
            "synaptic_events": counters.total("synaptic_events") / n,
            "engines_agree": engines_agree(task, program, check) if not split else {},
        }


def _told_errors(exact: RunResult, made: RunResult, program: Program) -> dict[str, float]:
    """Errors of first spikes, ticks, as the mean over all neurons for one tells them to others."""
    errors = []
    for name in (p.name for p in program.network.populations if p.name in exact.spikes and not p.is_source):
        first, parts = made.spikes[name].first_times(), 1
        if name in program.copies:
            others = made.spikes[program.copies[name]].first_times().reshape(len(first), -1, first.shape[1])
            parts = 1 + others.shape[1]
            first = (first + others.sum(axis=1)) / parts
        late = program.late.get(name, 0.0) + (parts - 1) / (2 * parts)
        meant = exact.spikes[name].first_times() / program.network.dt
        both = np.isfinite(first) & np.isfinite(meant)
        errors.append(np.abs(first[both] - late - meant[both]))
    median, high = np.percentile(np.concatenate(errors), (50, 99))
    return {"median_told_ticks": float(median), "percentile_99_told_ticks": float(high)}


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


def answer(first: FloatArray) -> IntArray:
    """The class whose neuron spikes first."""
    return decode(Decoding("out", Readout.FIRST), from_dense_times(first), None)


def right(answers: IntArray, task: Task) -> float:
    """The share of right answers."""
    return float(np.mean(answers == task.labels))


def engines_agree(task: Task, program: Program, n_samples: int) -> dict[str, bool | str]:
    """Whether reference and Lava give the CPU engine's spikes and counts on a few samples.

    Lava's entry is a sentence where it cannot run.
    """
    (source,) = task.network.inputs
    ticks = in_own_time(program.network, {source: from_dense_times(task.times[:n_samples])})
    n_ticks = program.n_ticks or 0
    ours = run(find_backend("cpu"), program, ticks, n_ticks)
    reference = run(ReferenceBackend(), program, ticks, n_ticks)
    agree: dict[str, bool | str] = {"reference": compare(ours, reference).identical}
    try:
        lava = run(find_backend("lava", flavour="fused"), program, ticks, n_ticks)
        agree["lava"] = compare(ours, lava).identical
    except BackendUnavailable as error:
        agree["lava"] = f"not run: {error}"
    return agree


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


def _projection(pre: str, post: str, weights: FloatArray, delays: FloatArray | None) -> Projection:
    late = Delays() if delays is None else Delays(delays.ravel(), DelayKind.AXONAL)
    return Projection(f"{pre}-{post}", pre, post, Dense(weights.T), late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default=os.environ.get("SPIKEC_NETS"), help="folder of the two .npz files")
    parser.add_argument(
        "--ticks", type=int, nargs="+", default=[16, 32, 64, 128], help="of the input's window"
    )
    parser.add_argument("--check", type=int, default=5, help="samples to run on reference and Lava, too")
    parser.add_argument("--methods", action="store_true", help="ways to lose less of the time instead")
    parser.add_argument("--seeds", type=int, default=0, help="networks to train for --methods, a minute each")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    if a.nets is None:
        parser.error("give the folder of yin_yang_H30_W_extracted.npz with --nets, or in SPIKEC_NETS")
    if a.methods:
        _show_methods(a.nets, a.ticks, a.check, a.json, a.seeds)
        return
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


def _show_methods(nets: str, ticks: Sequence[int], check: int, as_json: bool, seeds: int) -> None:
    """Measure all methods, and print a table or JSON."""
    tasks = {name: read_task(nets, name) for name in NAMES} | {name: shipped_task(name) for name in SHIPPED}
    recipe = load_recipe("yinyang-ttfs-delays")
    tasks |= {f"yinyang-ttfs-delays, seed {k}": our_task(train(recipe, k).network) for k in range(seeds)}
    rows = [row for name, task in tasks.items() for n in ticks for row in methods(name, task, n, check)]
    if as_json:
        print(json.dumps({"bench": "yinyang-methods", "rows": rows}))
        return
    for row in rows:
        print(" ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))


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


if __name__ == "__main__":
    main()

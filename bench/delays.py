"""Ways to round delays and spike times, on first-spike-time networks of Yin-Yang: accuracy, errors of times.

Methods are naive rounding of weights and delays, our weights pass alone, and spikes that tell their time to a
quarter or an eighth of a tick (--parts 4, 8 of `spikec compile`), each with signs stored together and apart.
Networks are those of `yinyang_tasks.py`: of others where --nets or SPIKEC_NETS has their folder, and our own,
with --seeds N also N that `yinyang-ttfs-delays` trains. N ticks are N ticks of the input's window.

    python bench/delays.py --nets DIR --json
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
from yinyang_tasks import (
    NAMES,
    SHIPPED,
    Task,
    answer,
    engines_agree,
    our_task,
    read_task,
    right,
    shipped_task,
)

from spikec.backend import find_backend, run
from spikec.events import from_dense_times
from spikec.execute import execute
from spikec.inputs import in_own_time
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.result import RunResult
from spikec.spike_times import spike_times
from spikec.targets.target import load_target
from spikec_train.recipes import load_recipe, train

METHODS = {
    "naive": CompileOptions(rounding=Rounding.NEAREST),
    "rounded": CompileOptions(),
    "quarters": CompileOptions(parts=4),
    "eighths": CompileOptions(parts=8),
}
"""Options of the compiler by the name of a method; delays are rounded where ticks have no parts."""


def methods(
    name: str, task: Task, n_ticks: int, check: int, wanted: Collection[str] = tuple(METHODS)
) -> Iterator[dict[str, object]]:
    """A row for each wanted method, signs stored together and apart, at so many ticks to the window."""
    (source,), (out,) = task.network.inputs, task.network.outputs
    inputs = {source: from_dense_times(task.times)}
    result = run(find_backend("cpu"), Program(task.network, load_target("ideal")), inputs, task.end)
    exact = replace(result, meta={"until": task.end})
    right_exact = right(answer(exact.spikes[out].first_times()), task)
    dt = task.window / n_ticks
    length = None if task.network.encoding is not None else round(task.sample / dt) + 1
    for method, split in product(METHODS, (False, True)):
        if method not in wanted or (method == "naive" and split):
            continue
        options = replace(METHODS[method], dt=dt, n_ticks=length, split_signs=split)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--nets", default=os.environ.get("SPIKEC_NETS"), help="folder of the networks of others"
    )
    parser.add_argument("--networks", nargs="*", help="only these")
    parser.add_argument("--methods", nargs="*", choices=tuple(METHODS), default=tuple(METHODS))
    parser.add_argument("--ticks", type=int, nargs="+", default=[16, 32, 64], help="of the input's window")
    parser.add_argument("--check", type=int, default=1, help="samples to run on reference and Lava, too")
    parser.add_argument("--seeds", type=int, default=0, help="networks to train, a minute each")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    a = parser.parse_args()
    tasks = {} if a.nets is None else {name: read_task(a.nets, name) for name in NAMES}
    tasks |= {name: shipped_task(name) for name in SHIPPED}
    recipe = load_recipe("yinyang-ttfs-delays")
    tasks |= {f"yinyang-ttfs-delays, seed {k}": our_task(train(recipe, k).network) for k in range(a.seeds)}
    chosen = {name: task for name, task in tasks.items() if not a.networks or name in a.networks}
    rows = [
        row
        for name, task in chosen.items()
        for n in a.ticks
        for row in methods(name, task, n, a.check, a.methods)
    ]
    if a.json:
        print(json.dumps({"bench": "delays", "rows": rows}))
        return
    for row in rows:
        print(" ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()

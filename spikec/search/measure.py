"""A budget held against sample data: what `search` needs to know of a program, from its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spikec.backend import Backend
from spikec.calibration import Calibration
from spikec.energy import estimate
from spikec.energy_tables.table import load_table
from spikec.errors import UsageError
from spikec.execute import execute
from spikec.inputs import in_own_time
from spikec.passes.pipelines import CompileOptions
from spikec.program import Program
from spikec.result import RunResult
from spikec.search.budget import Budget
from spikec.search.candidates import Least, Measured
from spikec.search.checkpoint import open_trials, search_key
from spikec.search.search import Found, Task, search
from spikec.spike_times import spike_times
from spikec.targets.target import Target


@dataclass(frozen=True)
class SearchOptions:
    """What a search is for.

    Attributes:
        budget: What may be lost.
        lower_bits: Whether to search for bits, too.
        least: What is wanted little of.
        checkpoint: A file of what was tried: written as it goes, and read first if it exists; None for none.
    """

    budget: Budget
    lower_bits: bool = False
    least: Least = Least.MEMORY
    checkpoint: Path | None = None


def search_program(
    program: Program,
    target: Target,
    options: CompileOptions,
    wanted: SearchOptions,
    backend: Backend,
    progress: Callable[[str], None],
) -> Found:
    """Find the ticks and bits that keep a budget on sample data.

    Args:
        program: The float network.
        target: The chip.
        options: All other choices, with a calibration: passes decide from the first half of its samples, and
            the budget is held against the others.
        wanted: What is searched for.
        backend: What runs the programs.
        progress: Told what is tried.

    Raises:
        UsageError: There are fewer than two samples, nothing keeps the budget, or the checkpoint is of
            another search.
        FileFormatError: The checkpoint is damaged, or cannot be written.
    """
    given = options.calibration
    if program.is_compiled:
        raise UsageError("this network is in integers already; give --budget with the network it came from")
    if given is None or given.n_samples < 2:
        raise UsageError("--budget is held against samples; give 2 or more with --calibrate NAME:SPLIT")
    if wanted.budget.accuracy is not None and given.predictions is None:
        raise UsageError(
            "this network does not say how its spikes become a class, so no accuracy can be lost; give "
            "--budget spike-time=TIME"
        )
    middle = given.n_samples // 2
    task = Task(
        network=program.network,
        target=target,
        options=replace(options, calibration=part(given, 0, middle)),
        budget=wanted.budget,
        measure=measuring(part(given, middle, given.n_samples), backend),
        lower_bits=wanted.lower_bits,
        least=wanted.least,
        source=program.source,
    )
    key = search_key(program.network, target, options)
    return search(task, open_trials(wanted.checkpoint, key), progress)


def measuring(given: Calibration, backend: Backend) -> Callable[[Program], Measured]:
    """A function that runs a program on samples and holds it against the float network."""
    meta = {"dt": given.dt, "until": given.until}
    exact = RunResult(given.spikes, meta=meta)

    def measure(program: Program) -> Measured:
        inputs = in_own_time(program.network, given.inputs)
        result = execute(program, backend, inputs, given.labels)
        times = spike_times(exact, result).overall
        counters = result.counters
        assert counters is not None
        return Measured(
            _lost_points(given, result.meta),
            times.median,
            times.percentile_99,
            counters.total("synaptic_events") / given.n_samples,
            counters.total("neuron_updates") / given.n_samples,
            _energy(program, result),
        )

    return measure


def part(given: Calibration, start: int, stop: int) -> Calibration:
    """Some samples of a calibration."""
    return replace(
        given,
        inputs={name: e.select(start, stop) for name, e in given.inputs.items()},
        spikes={name: e.select(start, stop) for name, e in given.spikes.items()},
        scores=None if given.scores is None else given.scores[start:stop],
        predictions=None if given.predictions is None else given.predictions[start:stop],
        labels=None if given.labels is None else given.labels[start:stop],
    )


def _lost_points(given: Calibration, meta: Mapping[str, object]) -> float | None:
    if given.predictions is None:
        return None
    answers = np.asarray(meta["predictions"])
    if given.labels is None:
        return float(100 * np.mean(answers != given.predictions))
    right = np.mean(given.predictions == given.labels) - np.mean(answers == given.labels)
    return float(100 * right)


def _energy(program: Program, result: RunResult) -> float | None:
    """Picojoules a sample by the target's first table of prices; None without one."""
    tables = program.target.energy_tables
    if not tables or result.counters is None:
        return None
    total = estimate(result.counters, load_table(tables[0]), result.meta["facts"]).total_pj
    return None if total is None else total / result.counters.n_samples

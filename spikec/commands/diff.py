"""Run one sample on two networks or programs, and follow the first spike that differs back to its causes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spikec.causes.diff import diff
from spikec.causes.first import Side
from spikec.causes.found import Diff
from spikec.commands.files import check_output, open_program, open_run
from spikec.container import digest, write_atomically
from spikec.errors import UsageError
from spikec.event_files import raster_ticks, read_events
from spikec.events import Events
from spikec.execute import RunOptions, choose_backend, execute_as
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.network import Dialect, Network
from spikec.program import Program
from spikec.report.causes import traces
from spikec.report.plots import format_of, to_bytes
from spikec.streaming.read import one_sample, outcome_of_run


@dataclass(frozen=True)
class DiffOptions:
    """A user's choices for `diff`, as on the command line.

    Attributes:
        data: Samples, ``NAME:SPLIT``.
        spikes: Or a file of spikes.
        results: Or the results of the two, instead of running them.
        sample: Which sample.
        tolerance: How far apart spikes may lie and be the same, ticks.
        ticks: How long to run, for networks in ticks.
        dt: Time step, for files that hold none.
        convention: Habits that such a file is read with, in words.
        plot: Where a picture goes.
    """

    data: str | None = None
    spikes: Path | None = None
    results: tuple[Path, Path] | None = None
    sample: int = 0
    tolerance: float | None = None
    ticks: int | None = None
    dt: float | None = None
    convention: str | None = None
    plot: Path | None = None


def diff_files(a: Path, b: Path, options: DiffOptions, progress: Callable[[str], None]) -> Diff:
    """Find where two files' runs of one sample part, and why.

    Args:
        a: A network or program.
        b: Another, of the same network.
        options: The user's choices.
        progress: Told what happens.

    Raises:
        UsageError: There is no such sample, a result is not of its program, or nothing can be compared.
    """
    check_output(options.plot, a, b, options.spikes, *(options.results or ()))
    if options.plot is not None:
        format_of(options.plot)
    if [options.data, options.spikes, options.results].count(None) != 2:
        raise UsageError("give the input as --data NAME:SPLIT or --input FILE, or --results A B")
    sides = [_side(path, k, options, progress) for k, path in enumerate((a, b))]
    progress("looking for the first difference")
    found = diff(sides[0], sides[1], options.tolerance)
    if options.plot is not None and found.first is None:
        raise UsageError("the runs do not differ, so there is nothing to draw; leave out --plot")
    if options.plot is not None:
        picture = traces(found, a.name, b.name, options.sample)
        write_atomically(options.plot, to_bytes(picture, format_of(options.plot)))
    return found


def _side(path: Path, k: int, options: DiffOptions, progress: Callable[[str], None]) -> Side:
    progress(f"reading {path.name}")
    program = _open(path, options)
    if options.results is not None:
        return _recorded(program, path, options.results[k], options.sample)
    inputs = _inputs(program.network, options)
    ticks = options.ticks if program.network.dialect is not Dialect.CONTINUOUS else None
    if ticks is None and options.spikes is not None and program.network.dialect is not Dialect.CONTINUOUS:
        ticks = raster_ticks(options.spikes, program.network)
    chosen = RunOptions(ticks=ticks)
    result = execute_as(program, choose_backend(program, chosen), inputs, chosen, progress=progress)
    return Side(program, result.spikes, float(result.meta["until"]))


def _open(path: Path, options: DiffOptions) -> Program:
    """Open a file; the time step and the habits are for those that hold none."""
    from spikec.container import is_container

    if is_container(path):
        return open_program(path)
    return open_program(path, options.dt, options.convention)


def _recorded(program: Program, path: Path, file: Path, sample: int) -> Side:
    """One sample of a result."""
    run = open_run(file)
    meta = outcome_of_run(run).meta
    if meta.get("program") != digest(program):
        raise UsageError(f"{file} is no run of {path}; give the results in the order of their programs")
    return Side(program, one_sample(run, sample).spikes, float(meta["until"]))


def _inputs(network: Network, options: DiffOptions) -> Mapping[str, Events]:
    """The sample's input spikes in the network's own kind of time."""
    if options.data is not None:
        from spikec_train.datasets import load_dataset

        dataset = load_dataset(options.data)
        _check_sample(options.sample, len(dataset.samples))
        return encode_samples(network, dataset.samples[options.sample : options.sample + 1])
    assert options.spikes is not None
    return _selected(in_own_time(network, read_events(options.spikes, network)), options.sample)


def _selected(spikes: Mapping[str, Events], sample: int) -> dict[str, Events]:
    _check_sample(sample, min((e.n_samples for e in spikes.values()), default=0))
    return {name: e.select(sample, sample + 1) for name, e in spikes.items()}


def _check_sample(sample: int, n: int) -> None:
    if not 0 <= sample < n:
        raise UsageError(f"there is no sample {sample}; there are samples 0 to {n - 1}")

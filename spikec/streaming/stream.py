"""Results chunk by chunk, for Python: what `Program.stream` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikec.backend import Backend
from spikec.errors import EventsError, UsageError
from spikec.events import Events
from spikec.execute import Execution, RunOptions, choose_backend
from spikec.input_arrays import Spikes, inputs_from, labels_from
from spikec.inputs import default_until
from spikec.ir.network import Continuous
from spikec.program import Program
from spikec.result import RunResult
from spikec.streaming.inputs import HeldArrays, HeldEvents, Source, open_events
from spikec.streaming.run import check_cuttable, chunks, plan

Given = Mapping[str, Spikes] | Spikes | Path


def stream(
    program: Program,
    inputs: Given | Iterator[Given],
    labels: npt.ArrayLike | None = None,
    *,
    chunk: int | None = None,
    backend: str | None = None,
    ticks: int | None = None,
    until: float | None = None,
    record: Sequence[str] = (),
    every: float | None = None,
    **options: object,
) -> Iterator[RunResult]:
    """Run samples or spikes chunk by chunk; see `Program.stream`, which says all of it."""
    chosen = RunOptions(backend, options, ticks, until, tuple(record), every)
    runs_on = choose_backend(program, chosen)
    if isinstance(inputs, Iterator):
        if chunk is not None:
            raise UsageError("an iterator gives its own chunks; leave out chunk")
        yield from _batches(program, runs_on, inputs, labels, chosen)
        return
    with closing(_source(program, inputs)) as source:
        if labels is not None:
            source.labels = labels_from(program.network, labels, source.n_samples)
        if ticks is None and not isinstance(program.network.clock, Continuous):
            chosen = replace(chosen, ticks=source.n_ticks)
        for _, result in chunks(plan(program, runs_on, source, chosen, chunk)):
            yield result


def _source(program: Program, inputs: Given) -> Source:
    if isinstance(inputs, str | Path):
        return open_events(inputs, program.network)
    if isinstance(inputs, Events):
        return HeldEvents(*inputs_from(program.network, inputs))
    return HeldArrays(program.network, inputs)


def _batches(
    program: Program,
    backend: Backend,
    batches: Iterator[Given],
    labels: npt.ArrayLike | None,
    options: RunOptions,
) -> Iterator[RunResult]:
    """Run what an iterator gives, a batch at a time.

    Raises:
        EventsError: The batches have rasters of different lengths, or not as many samples as labels.
        UsageError: Nothing says how long to run.
    """
    check_cuttable(program.network)
    classes = None if labels is None else np.asarray(labels)
    done = 0
    execution: Execution | None = None
    try:
        for batch in batches:
            events, n_ticks = inputs_from(program.network, batch)
            if execution is None:
                length = _length(program, options, n_ticks)
                execution = Execution(program, backend, length, options.record, options.every)
            if options.ticks is None and n_ticks is not None and n_ticks != execution.until:
                raise EventsError(
                    f"a raster of {n_ticks} ticks follows one of {execution.until:g}; make them equally "
                    "long, or give ticks"
                )
            n = next((e.n_samples for e in events.values()), 1)
            right = None if classes is None else labels_from(program.network, classes[done : done + n], n)
            yield execution.run(events, right)
            done += n
    finally:
        if execution is not None:
            execution.close()
    if classes is not None and done != len(classes):
        raise EventsError(f"there are {len(classes)} labels for {done} samples; give one a sample")


def _length(program: Program, options: RunOptions, n_ticks: int | None) -> float:
    """How long to run batches of which nobody knows the last."""
    if options.ticks is not None or options.until is not None:
        return float(options.until if options.ticks is None else options.ticks)  # type: ignore[arg-type]
    network = program.network
    continuous = isinstance(network.clock, Continuous)
    if n_ticks is not None and not continuous:
        return float(n_ticks)
    if network.encoding is None and (continuous or program.n_ticks is None):
        raise UsageError(
            "nothing says how long to run what an iterator gives; give "
            + ("until=SECONDS" if continuous else "ticks=N")
        )
    return default_until(program, {})

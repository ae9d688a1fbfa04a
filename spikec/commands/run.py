"""Run a program or network file on samples: at once, or chunk by chunk where memory would not hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Protocol

from spikec.commands.files import check_output, open_program
from spikec.container import save
from spikec.errors import Interrupted, UsageError
from spikec.execute import RunOptions, choose_backend, execute_as
from spikec.ir.network import Dialect, Network
from spikec.outcome import Outcome, outcome_of
from spikec.streaming.inputs import EncodedSamples, HeldEvents, Source, open_events
from spikec.streaming.join import join, join_outcomes
from spikec.streaming.read import outcome_of_parts
from spikec.streaming.run import Chunk, Plan, chunks, fits_after, plan
from spikec.streaming.store import ResultFolder, is_folder


class Watch(Protocol):
    """Who is told what happens."""

    def __call__(self, sentence: str) -> None:
        """Something began."""

    def count(self, done: int, of: int) -> None:
        """So many samples are done."""


@dataclass(frozen=True)
class RunFile:
    """A user's choices for `run`, as on the command line.

    Attributes:
        file: A program or network.
        data: Samples, ``NAME:SPLIT`` or ``NAME:SPLIT:N``.
        spikes: Or a file of spikes.
        options: Backend, length, what is recorded.
        chunk: Samples that are run at once; None for all, or for what memory holds.
        dt: Time step, for files that hold none.
        convention: Habits that a file is read with, in words.
        output: Where the result goes.
    """

    file: Path
    data: str | None = None
    spikes: Path | None = None
    options: RunOptions = field(default_factory=RunOptions)
    chunk: int | None = None
    dt: float | None = None
    convention: str | None = None
    output: Path | None = None


def run_file(asked: RunFile, watch: Watch) -> Outcome:
    """Run a program or network file, and write its result: one file, or a folder if it goes in chunks.

    Args:
        asked: The user's choices.
        watch: Told what happens.

    Raises:
        Interrupted: By Ctrl-C, after a part of the result was written.
        UsageError: The choices make no sense, or memory would not hold a sample.
    """
    goes_on = asked.output is not None and is_folder(asked.output)
    if not goes_on:
        check_output(asked.output, asked.file, asked.spikes)
    watch("reading")
    program = open_program(asked.file, asked.dt, asked.convention)
    backend = choose_backend(program, asked.options)
    source = open_source(program.network, asked.data, asked.spikes)
    try:
        options = asked.options
        if options.ticks is None and program.network.dialect is not Dialect.CONTINUOUS:
            options = replace(options, ticks=source.n_ticks)
        planned = plan(program, backend, source, options, asked.chunk)
        if goes_on or not planned.fits:
            return _in_chunks(planned, asked.output, goes_on, watch)
        result = execute_as(program, backend, source.all(), options, source.labels, watch)
    finally:
        source.close()
    if asked.output is not None:
        save(result, asked.output)
    return outcome_of(result)


def open_source(network: Network, data: str | None, spikes: Path | None) -> Source:
    """Open a data set, or a file of spikes.

    Raises:
        UsageError: Not exactly one of the two is given, or one for a network without inputs.
    """
    if not network.inputs:
        if data is not None or spikes is not None:
            raise UsageError("this network has no inputs; leave out --data and --input, and give --ticks N")
        return HeldEvents({})
    if (data is None) == (spikes is None):
        raise UsageError("give the input either as --data NAME:SPLIT or as --input FILE")
    if data is not None:
        from spikec_train.datasets import load_dataset

        dataset = load_dataset(data)
        return EncodedSamples(network, dataset.samples, dataset.labels)
    assert spikes is not None
    return open_events(spikes, network)


def _in_chunks(planned: Plan, output: Path | None, goes_on: bool, watch: Watch) -> Outcome:
    """Run chunk by chunk: into a folder, or into memory if the first chunk shows that it holds all."""
    if output is None:
        return join_outcomes([outcome_of(result) for _, result in _counted(planned, chunks(planned), watch)])
    if goes_on or planned.chunk is not None:
        return _to_folder(planned, output, watch)
    ready = chunks(planned)
    first = next(ready)
    begun = chain([first], ready)
    if not fits_after(planned, first[1]):
        del first
        return _to_folder(planned, output, watch, begun)
    whole = join([result for _, result in _counted(planned, begun, watch)])
    save(whole, output)
    return outcome_of(whole)


def _counted(planned: Plan, ready: Iterable[Chunk], watch: Watch, done: int = 0) -> Iterator[Chunk]:
    """Chunks, told about as they are done with."""
    watch(f"running on {planned.backend.name}")
    watch.count(done, planned.source.n_samples)
    for first, result in ready:
        n = next(e.n_samples for e in result.spikes.values())
        yield first, result
        del result
        done += n
        watch.count(done, planned.source.n_samples)


def _to_folder(planned: Plan, output: Path, watch: Watch, begun: Iterable[Chunk] | None = None) -> Outcome:
    """Run what a folder does not hold yet.

    Args:
        planned: What to run.
        output: The folder.
        watch: Told what happens.
        begun: Chunks from the first sample on, if there is no folder yet and the run has begun.
    """
    watch("looking at all of the input, to know it again")
    n = planned.source.n_samples
    with closing(ResultFolder(output, planned.identity())) as folder:
        missing = folder.gaps()
        done = n - sum(b - a for a, b in missing)
        ready = chunks(planned, missing) if begun is None or done else begun
        try:
            for first, result in _counted(planned, ready, watch, done):
                folder.append(first, result)
                del result  # before the next chunk runs
        except KeyboardInterrupt as error:
            done = n - sum(b - a for a, b in folder.gaps())
            raise Interrupted(
                f"interrupted; {done} of {n} samples are in {output}, and the same command goes on from there"
            ) from error
        return outcome_of_parts(folder.parts)

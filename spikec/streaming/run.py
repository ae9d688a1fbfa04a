"""Run samples chunk by chunk.

How many a chunk holds follows from the memory that is free and from what the samples before took; a first
chunk is small enough that all neurons might spike in every tick. Samples start from rest, so it makes no
difference to any spike, count or answer where chunks begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from numbers import Integral

from spikec.backend import Backend
from spikec.container import digest
from spikec.errors import EventsError, NetworkError, UsageError
from spikec.execute import Execution, RunOptions, asked_for
from spikec.ir.network import Network
from spikec.memory import COPIES, RASTER_COPIES, Need, bytes_of, check_room, chunk_room, free_bytes, need_of
from spikec.program import Program
from spikec.result import RunResult
from spikec.streaming.inputs import Source, length_of
from spikec.streaming.store import Identity

Chunk = tuple[int, RunResult]
"""The first sample of a chunk, and its result."""

WHOLE_SHARE = 2
"""A run that surely needs no more than the free memory through this is not cut."""

_GROWTH = 4
"""A chunk may be so many times as large as the one before: samples differ."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A run that is ready to begin.

    Attributes:
        program: What runs.
        backend: Where.
        source: The samples.
        options: The user's choices.
        until: Ticks, or seconds.
        chunk: Samples of a chunk as the user wants them; None for what memory holds.
        need: What a sample takes before anything is known of it.
    """

    program: Program
    backend: Backend
    source: Source
    options: RunOptions
    until: float
    chunk: int | None
    need: Need

    @property
    def fits(self) -> bool:
        """Whether all samples may be run at once."""
        n = self.source.n_samples
        if _numbered(self.program.network) is not None:
            return True
        if self.chunk is not None or n < 2:
            return n <= (self.chunk or 1)
        free = free_bytes()
        return free is None or n * self.need.at_most <= free // WHOLE_SHARE

    def identity(self) -> Identity:
        """What runs, for who wants to go on with it."""
        options = {
            "backend": self.backend.name,
            "until": self.until,
            "record": list(self.options.record),
            "every": self.options.every,
            **{name: str(value) for name, value in self.options.of_backend.items() if name != "timeout"},
        }
        return Identity(digest(self.program), self.source.identity(), options, self.source.n_samples)


def plan(
    program: Program, backend: Backend, source: Source, options: RunOptions, chunk: int | None = None
) -> Plan:
    """Look at a run before it begins.

    Args:
        program: Compiled or not.
        backend: As `spikec.execute.choose_backend` gives it.
        source: The samples.
        options: The user's choices.
        chunk: How many samples to run at once; None for what memory holds.

    Raises:
        UsageError: Not even one sample, or not a chunk, would fit in memory; or the chunk is impossible.
    """
    if chunk is not None and (not isinstance(chunk, Integral) or chunk < 1):
        raise UsageError(f"--chunk {chunk} is impossible; give 1 sample or more")
    if chunk is not None:
        check_cuttable(program.network)
    end = options.until if options.ticks is None else float(options.ticks)
    until = length_of(program, source) if end is None else end
    decoding = program.network.decoding
    answering = None if decoding is None else decoding.record
    record = [key for key in (*options.record, answering) if key is not None]
    need = need_of(program, backend, until, record, options.every, source.sample_bytes)
    check_room(need, 1, "lower --ticks, or record fewer membranes")
    if chunk is not None:
        most = max(1, (free_bytes() or 0) // max(need.surely, 1))
        check_room(need, min(chunk, source.n_samples), f"lower --chunk to {most} or less")
    return Plan(program, backend, source, options, until, chunk, need)


def chunks(plan: Plan, missing: Sequence[tuple[int, int]] | None = None) -> Iterator[Chunk]:
    """Run samples chunk by chunk.

    Args:
        plan: What to run.
        missing: Which samples, as firsts and ends (exclusive); None for all.

    Yields:
        The first sample of a chunk, and its result.

    Raises:
        EventsError: The samples do not fit the program.
        TargetError: The backend cannot run the program.
    """
    spans = [(0, plan.source.n_samples)] if missing is None else missing
    options = plan.options
    size = plan.chunk or max(1, chunk_room() // max(plan.need.at_most, 1))
    most = 1.0
    with closing(Execution(plan.program, plan.backend, plan.until, options.record, options.every)) as ready:
        for begin, end in spans:
            first = begin
            while first < end:
                result = _run(ready, plan, first, min(first + size, end))
                sample_bytes = _sample_bytes(plan, result)
                yield first, result
                del result
                first += size
                if plan.chunk is None:
                    most = max(most, sample_bytes)
                    size = max(1, min(int(chunk_room() / most), _GROWTH * size))


def fits_after(plan: Plan, result: RunResult) -> bool:
    """Whether memory would hold all samples, by what the first ones took."""
    free = free_bytes()
    return free is None or plan.source.n_samples * _sample_bytes(plan, result) <= free / WHOLE_SHARE


def check_cuttable(network: Network) -> None:
    """Refuse to run samples in chunks where that would change spikes.

    Raises:
        UsageError: It would.
    """
    name = _numbered(network)
    if name is not None:
        raise UsageError(
            f"what drives population {name} by chance depends on the sample's number, so chunks would get "
            "other spikes; leave out --chunk"
        )


def _numbered(network: Network) -> str | None:
    """A population whose drive draws by the number of the sample, which a chunk would begin anew."""
    return next((p.name for p in network.populations if getattr(p.neuron, "drive", None) is not None), None)


def _run(ready: Execution, plan: Plan, first: int, last: int) -> RunResult:
    """Run a chunk; errors say from where on samples are counted."""
    labels = plan.source.labels
    try:
        result = ready.run(plan.source.events(first, last), None if labels is None else labels[first:last])
    except (EventsError, NetworkError, UsageError) as error:
        if first == 0:
            raise
        raise type(error)(f"{error} (samples are counted from {first} here)") from error
    return asked_for(result, plan.options)


def _sample_bytes(plan: Plan, result: RunResult) -> float:
    """What a sample of a chunk took."""
    n_samples = next(e.n_samples for e in result.spikes.values())
    kept = bytes_of(result.spikes)
    return RASTER_COPIES * plan.need.surely + COPIES * kept / max(n_samples, 1)

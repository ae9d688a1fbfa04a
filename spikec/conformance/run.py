"""Run cases and tell what came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from time import perf_counter

from spikec.backend import Backend, find_backend
from spikec.backend import run as run_program
from spikec.conformance.cases import Answers, Case, SpikeCount, Times
from spikec.conformance.measure import First, Measured, wrong_answers, wrong_bins, wrong_count, wrong_times
from spikec.conformance.prepare import Prepared, prepared
from spikec.conformance.recordings import inside, read_labels, read_times
from spikec.errors import BackendUnavailable, SpikecError
from spikec.events import Events
from spikec.program import Program


class Status(str, Enum):
    """What came out of a row."""

    SAME = "same"
    EXPLAINED = "explained"
    WRONG = "wrong"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        network: The file.
        against: The platform.
        convention: The habits that the network was read with, or what stands for them.
        wrong: How much differs; None if nothing could be compared.
        of: Of how much.
        unit: What is counted.
        status: What came out.
        explained: The sentence that explains what differs, if it does.
        first: Where the first difference is.
        backend: What ran it.
        why: What keeps the row from being compared or right.
        cases: The YAML file.
        seconds: How long it took.
    """

    network: str
    against: str
    convention: str
    wrong: int | None
    of: int | None
    unit: str
    status: Status
    explained: str | None
    first: First | None
    backend: str | None
    why: str
    cases: str
    seconds: float


class _Skip(Exception):
    """A row that cannot be compared here, and why."""


def run_case(folder: Path, case: Case, cases: str, backend: str | None = None) -> Iterator[Row]:
    """Run one case, on each of its backends.

    What goes wrong within it ends up in its rows.

    Args:
        folder: Where the files are.
        case: What to compare.
        cases: The YAML file's name, for the record.
        backend: Run it there instead.
    """
    names: Sequence[str | None] = [backend] if backend else case.backends or [None]
    for name in names:
        began = perf_counter()
        row = Row(case.network_file, case.against, case.convention or "", None, None, "", Status.SKIPPED,
                  None, None, name, "", cases, 0.0)  # fmt: skip
        try:
            row = _compared(folder, case, name, row)
        except (_Skip, BackendUnavailable) as reason:
            row = replace(row, why=str(reason))
        except SpikecError as error:
            row = replace(row, status=Status.FAILED, why=str(error))
        yield replace(row, seconds=perf_counter() - began)


def _compared(folder: Path, case: Case, backend: str | None, row: Row) -> Row:
    for file in case.files():
        if not inside(folder, file).is_file():
            raise _Skip(f"there is no file {file} in {folder}")
    run = prepared(folder, case)
    row = replace(row, convention=run.habits)
    chosen = _backend(run.program, backend)
    spikes = run_program(chosen, run.program, run.inputs, run.until).spikes[run.population]
    return _judged(replace(row, backend=chosen.name), case, _measured(folder, case, run, spikes))


def _backend(program: Program, name: str | None) -> Backend:
    """The backend of a name; without one, the first of CPU and reference that can run the program."""
    chosen = find_backend(name or "cpu")
    broken = chosen.unsupported(program)
    if broken and name is None:
        return find_backend("reference")
    if broken:
        raise _Skip(f"{name} cannot run it: {broken[0]}")
    return chosen


def _measured(folder: Path, case: Case, run: Prepared, spikes: Events) -> Measured:
    expected, name = case.expected, run.population
    if isinstance(expected, SpikeCount):
        return wrong_count(spikes, expected.spikes)
    if isinstance(expected, Answers):
        labels = read_labels(folder, expected.file, expected.labels)
        return wrong_answers(name, spikes, labels, expected.right, expected.readout)
    if isinstance(expected, Times):
        first = spikes.first_times()
        if spikes.in_ticks:
            first = (first - run.program.late.get(name, 0.0)) * run.program.network.dt
        times = read_times(folder, expected, spikes.n_neurons)[: spikes.n_samples]
        return wrong_times(name, first, times, expected.tolerance)
    assert run.recorded is not None
    return wrong_bins(name, spikes, run.recorded, run.n_ticks, case.shift)


def _judged(row: Row, case: Case, measured: Measured) -> Row:
    row = replace(row, wrong=measured.wrong, of=measured.of, unit=measured.unit, first=measured.first)
    if measured.wrong != case.allowed:
        why = f"{case.allowed} are explained, not {measured.wrong}" if case.allowed else ""
        return replace(row, status=Status.WRONG, why=why)
    status = Status.EXPLAINED if measured.wrong else Status.SAME
    return replace(row, status=status, explained=case.explained or None)

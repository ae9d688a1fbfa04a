"""Run cases and tell what came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from time import perf_counter

import numpy as np

from spikec.backend import Backend, find_backend
from spikec.backend import run as run_program
from spikec.conformance.cases import (
    Answers,
    Case,
    EventsFile,
    Layers,
    SpikeCount,
    Times,
)
from spikec.conformance.counted import dealt, most_at_once, with_copies
from spikec.conformance.layered import layered_network
from spikec.conformance.measure import First, Measured, wrong_answers, wrong_bins, wrong_count, wrong_times
from spikec.conformance.recordings import Recording, inside, read_labels, read_recording, read_times
from spikec.container import is_container
from spikec.conventions import described
from spikec.errors import BackendUnavailable, SpikecError, UsageError
from spikec.event_files import raster_ticks, read_events
from spikec.events import Events
from spikec.ir.network import Continuous, Dialect, Network
from spikec.opening import open_program
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program, in_own_time
from spikec.targets.target import load_target
from spikec.units import several


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
    program = _program(folder, case)
    network = program.network
    row = replace(row, convention=_habits(program, case))
    name = case.population or _only(network.outputs, "outputs", "'population'")
    inputs, given_ticks = _inputs(folder, case, network)
    recorded = _recorded(folder, case, network, name)
    n_ticks = case.ticks or (recorded.n_ticks if recorded else None) or given_ticks
    until = _length(network, case, n_ticks)
    program, inputs = _spread(program, inputs, case)
    program = _made(program, case, until)
    chosen = _backend(program, backend)
    inputs = in_own_time(program.network, inputs)
    _check_all_inside(inputs, until, program.network)
    spikes = run_program(chosen, program, inputs, until).spikes[name]
    measured = _measured(folder, case, name, program, spikes, recorded, n_ticks)
    return _judged(replace(row, backend=chosen.name), case, measured)


def _program(folder: Path, case: Case) -> Program:
    """The network as the file has it; `dt` is for files that hold none, or for what is compiled."""
    if isinstance(case.network, Layers):
        if case.convention is not None or (case.dt is not None and case.compile is None):
            raise UsageError("layers of arrays run in continuous time; leave out 'convention' and 'dt'")
        return Program(layered_network(folder, case.network), load_target("ideal"))
    path = inside(folder, case.network)
    to_compile = is_container(path) and case.compile is not None
    program = open_program(path, None if to_compile else case.dt, _convention(folder, case))
    if to_compile and case.dt is not None and not isinstance(program.network.clock, Continuous):
        raise UsageError(f"{case.network} holds its own time step; leave out 'dt'")
    return program


def _convention(folder: Path, case: Case) -> str | None:
    """The habits in words; a YAML file of habits lies in the folder, too."""
    if case.convention is None:
        return None
    name, comma, habits = case.convention.partition(",")
    is_file = name.endswith((".yaml", ".yml"))
    return f"{inside(folder, name) if is_file else name}{comma}{habits}"


def _habits(program: Program, case: Case) -> str:
    clock = program.network.clock
    if isinstance(clock, Continuous):
        words = "continuous time"
    elif case.convention is not None:
        words = case.convention
    else:
        fixed = program.network.dialect is Dialect.FIXED
        words = "integers" if fixed else described(clock.convention)
    if case.compile is None:
        return words
    bits = f", {several(case.compile.bits, 'bit')}" if case.compile.bits else ""
    return f"{words}; compiled for {case.compile.target}{bits}"


def _only(names: tuple[str, ...], what: str, remedy: str) -> str:
    if len(names) != 1:
        raise UsageError(f"the network has the {what} {', '.join(names) or 'none'}; give {remedy}")
    return names[0]


def _inputs(folder: Path, case: Case, network: Network) -> tuple[dict[str, Events], int | None]:
    """The spikes of every input, and how many ticks their file has, if it says so."""
    if isinstance(case.input, EventsFile):
        path = inside(folder, case.input.file)
        events, n_ticks = read_events(path, network), raster_ticks(path)
    else:
        name = _only(network.inputs, "inputs", "their spikes as a file of kind: events")
        found = read_recording(folder, case.input, network.population(name))
        events, n_ticks = {name: found.events}, found.n_ticks
    return {name: _taken(e, case) for name, e in events.items()}, n_ticks


def _recorded(folder: Path, case: Case, network: Network, name: str) -> Recording | None:
    """The recorded spikes, if it is these that are compared."""
    if isinstance(case.expected, Times | SpikeCount | Answers):
        return None
    found = read_recording(folder, case.expected, network.population(name))
    return replace(found, events=_taken(found.events, case))


def _taken(events: Events, case: Case) -> Events:
    """As many samples as the case wants."""
    if case.samples is None:
        return events
    if case.samples > events.n_samples:
        raise UsageError(f"{case.samples} samples are wanted, but there are {events.n_samples}")
    return events.select(0, case.samples)


def _spread(program: Program, inputs: dict[str, Events], case: Case) -> tuple[Program, dict[str, Events]]:
    """Counts as spikes of several sources."""
    for name, events in dict(inputs).items():
        most = most_at_once(events)
        if most > 1 and program.is_compiled:
            raise UsageError(f"{case.network_file} is in integers and takes no counts; give values: binary")
        if most > 1:
            program = replace(program, network=with_copies(program.network, name, most))
            inputs = {**inputs, **dealt(events, name, most)}
    return program, inputs


def _length(network: Network, case: Case, n_ticks: int | None) -> float:
    """How long to run: ticks, or seconds for what stays in continuous time."""
    if isinstance(network.clock, Continuous) and case.compile is None:
        if case.until is None or case.ticks is not None:
            raise UsageError("a network in continuous time has no ticks and runs until 'until'; give that")
        return case.until
    if case.until is not None:
        raise UsageError("what runs in ticks takes no 'until'; give 'ticks'")
    if n_ticks is None:
        raise UsageError("no file says how long a sample is; add 'ticks'")
    return float(n_ticks + max(0, -case.shift))


def _made(program: Program, case: Case, until: float) -> Program:
    """The program that runs."""
    if case.compile is None:
        return program
    if program.is_compiled:
        raise UsageError(f"{case.network_file} is in integers already; leave out 'compile'")
    network, wanted = program.network, case.compile
    dt = case.dt if isinstance(network.clock, Continuous) else None
    options = CompileOptions(dt=dt, n_ticks=int(until), bits=wanted.bits, split_signs=wanted.split_signs)
    return compile_network(network, load_target(wanted.target), options)


def _check_all_inside(inputs: dict[str, Events], until: float, network: Network) -> None:
    ticks = not isinstance(network.clock, Continuous)
    late = sum(int(np.count_nonzero(e.times >= until if ticks else e.times > until)) for e in inputs.values())
    if late:
        word = "ticks" if ticks else "until"
        raise UsageError(f"{several(late, 'input spike')} come after the end, {until:g}; raise '{word}'")


def _backend(program: Program, name: str | None) -> Backend:
    """The backend of a name; without one, the first of CPU and reference that can run the program."""
    chosen = find_backend(name or "cpu")
    broken = chosen.unsupported(program)
    if broken and name is None:
        return find_backend("reference")
    if broken:
        raise _Skip(f"{name} cannot run it: {broken[0]}")
    return chosen


def _measured(
    folder: Path,
    case: Case,
    name: str,
    program: Program,
    spikes: Events,
    recorded: Recording | None,
    n_ticks: int | None,
) -> Measured:
    expected = case.expected
    if isinstance(expected, SpikeCount):
        return wrong_count(spikes, expected.spikes)
    if isinstance(expected, Answers):
        labels = read_labels(folder, expected.file, expected.labels)
        return wrong_answers(name, spikes, labels, expected.right, expected.readout)
    if isinstance(expected, Times):
        first = spikes.first_times()
        if spikes.in_ticks:
            first = (first - program.late.get(name, 0.0)) * program.network.dt
        times = read_times(folder, expected, spikes.n_neurons)[: spikes.n_samples]
        return wrong_times(name, first, times, expected.tolerance)
    assert recorded is not None
    assert n_ticks is not None
    return wrong_bins(name, spikes, recorded.events, n_ticks, case.shift)


def _judged(row: Row, case: Case, measured: Measured) -> Row:
    row = replace(row, wrong=measured.wrong, of=measured.of, unit=measured.unit, first=measured.first)
    if measured.wrong != case.allowed:
        why = f"{case.allowed} are explained, not {measured.wrong}" if case.allowed else ""
        return replace(row, status=Status.WRONG, why=why)
    status = Status.EXPLAINED if measured.wrong else Status.SAME
    return replace(row, status=status, explained=case.explained or None)

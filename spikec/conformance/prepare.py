"""From a case to what runs: the program, its inputs, how long, and the recorded spikes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spikec.conformance.cases import Answers, Case, EventsFile, Layers, SpikeCount, Times
from spikec.conformance.layered import layered_network
from spikec.conformance.recordings import Recording, inside, read_recording
from spikec.container import is_container
from spikec.conventions import described
from spikec.errors import UsageError
from spikec.event_files import raster_ticks, read_events
from spikec.events import Events
from spikec.inputs import in_own_time
from spikec.ir.network import Continuous, Dialect, Network
from spikec.opening import open_program
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from spikec.units import several


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case, ready to run.

    Attributes:
        program: What runs.
        inputs: Spikes of its sources, in its own kind of time.
        until: How long, ticks or seconds.
        population: Whose spikes are compared.
        habits: What the network was read with, in words.
        recorded: The population's recorded spikes, if these are compared.
        n_ticks: Length of the recording; 0 in continuous time.
    """

    program: Program
    inputs: dict[str, Events]
    until: float
    population: str
    habits: str
    recorded: Events | None
    n_ticks: int


def prepared(folder: Path, case: Case) -> Prepared:
    """Read all files of a case, and compile its network if it says so.

    Raises:
        SpikecError: Something of it is missing, damaged or contradicts itself.
    """
    program = _program(folder, case)
    network, habits = program.network, _habits(program, case)
    name = case.population or _only(network.outputs, "outputs", "'population'")
    inputs, given_ticks = _inputs(folder, case, network)
    recorded = _recorded(folder, case, network, name)
    n_ticks = case.ticks or (recorded.n_ticks if recorded else None) or given_ticks
    until = _length(network, case, n_ticks)
    program = _made(program, case, until)
    inputs = in_own_time(program.network, inputs)
    _check_all_inside(inputs, until, program.network)
    spikes = recorded.events if recorded else None
    return Prepared(program, inputs, until, name, habits, spikes, n_ticks or 0)


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
        events, n_ticks = read_events(path, network), raster_ticks(path, network)
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
        if program.is_compiled and program.n_ticks is not None and until > program.n_ticks:
            raise UsageError(
                f"{case.network_file} is proven for samples of {program.n_ticks} ticks, not {until:g}: a "
                f"current could wrap; compile it with --ticks {until:g}"
            )
        return program
    if program.is_compiled:
        raise UsageError(f"{case.network_file} is in integers already; leave out 'compile'")
    network, wanted = program.network, case.compile
    dt = case.dt if isinstance(network.clock, Continuous) else None
    options = CompileOptions(
        dt=dt,
        n_ticks=int(until),
        bits=wanted.bits,
        split_signs=wanted.split_signs,
        input_counts=wanted.input_counts,
    )
    return compile_network(network, load_target(wanted.target), options)


def _check_all_inside(inputs: dict[str, Events], until: float, network: Network) -> None:
    ticks = not isinstance(network.clock, Continuous)
    late = sum(int(np.count_nonzero(e.times >= until if ticks else e.times > until)) for e in inputs.values())
    if late:
        word = "ticks" if ticks else "until"
        raise UsageError(f"{several(late, 'input spike')} come after the end, {until:g}; raise '{word}'")

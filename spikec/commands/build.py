"""Check, compile and run files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spikec.api import compile_as
from spikec.commands.files import open_program, read_inputs, source_of
from spikec.errors import Violation
from spikec.event_files import raster_ticks
from spikec.execute import RunOptions, choose_backend, execute_as
from spikec.frontends import open_trained
from spikec.ir.network import Dialect, Network
from spikec.passes.pipelines import CompileOptions, try_compile, try_retarget
from spikec.program import Program
from spikec.result import RunResult
from spikec.targets.rules import check_all
from spikec.targets.target import load_target


@dataclass(frozen=True)
class BuildOptions:
    """A user's choices for `check` and `compile`, as on the command line.

    Attributes:
        target: Name of a target, or a YAML file.
        dt: Time step, seconds: of the file, if it holds none, or of the program.
        bits: Bits of the weights.
        max_ticks: Most ticks of a sample, where the time step is chosen.
        ticks: Length of a sample in ticks.
        relays: Whether relay neurons may carry long delays.
        split_signs: Whether excitatory and inhibitory weights are stored apart.
        convention: Habits that a file is read with, in words.
        input_counts: Most spikes of an input neuron in a tick.
    """

    target: str = "loihi2"
    dt: float | None = None
    bits: int | None = None
    max_ticks: int = 64
    ticks: int | None = None
    relays: bool = True
    split_signs: bool = False
    convention: str | None = None
    input_counts: int = 1

    def passes(self) -> CompileOptions:
        """The part that concerns the passes."""
        return CompileOptions(
            self.dt,
            self.max_ticks,
            self.ticks,
            self.bits,
            self.relays,
            self.split_signs,
            self.input_counts,
        )


def compile_file(
    path: Path, options: BuildOptions, probe: str | None, progress: Callable[[str], None]
) -> Program:
    """Compile a network file.

    Args:
        path: The network.
        options: The user's choices.
        probe: Samples to check and measure every pass with, ``NAME:SPLIT:N``.
        progress: Told the name of each pass.
    """
    read = _read(path, options)
    program = read if isinstance(read, Program) else Program(read, load_target("ideal"))
    inputs = None if probe is None else read_inputs(program.network, probe, None)[0]
    program = replace(program, source=source_of(path))
    return compile_as(program, load_target(options.target), options.passes(), inputs, progress)


def check_file(path: Path, options: BuildOptions) -> tuple[list[Violation], dict[str, Any]]:
    """List what keeps a network, or a compiled program, from running on a target.

    Returns:
        The violations, and all as JSON values.
    """
    given = open_program(path, None) if _is_program(path) else None
    target = load_target(options.target)
    if given is not None:
        program = Program(given.network, target, given.scales, given.n_ticks, given.shards, given.source)
        broken = check_all(program)
    else:
        read = _read(path, options)
        if isinstance(read, Program):
            program, broken = try_retarget(read, target, options.passes())
        else:
            program, broken = try_compile(read, target, options.passes())
    found = {
        "target": target.name,
        "fits": not broken,
        "violations": [asdict(v) for v in broken],
        "n_ticks": program.n_ticks,
        "neurons": sum(p.n for p in program.network.populations if not p.is_source),
        "synapses": program.network.n_synapses,
        "notes": list(program.network.notes),
    }
    return broken, found


def run_file(
    path: Path,
    data: str | None,
    spikes: Path | None,
    backend: str | None,
    options: Mapping[str, object],
    ticks: int | None,
    record: Sequence[str],
    every: float | None,
    dt: float | None,
    progress: Callable[[str], None],
    convention: str | None = None,
    until: float | None = None,
) -> RunResult:
    """Run a program or network file.

    Args:
        path: The file.
        data: Samples, ``NAME:SPLIT`` or ``NAME:SPLIT:N``.
        spikes: Or a file of spikes.
        backend: Where; None for the CPU engine, or the reference for what that cannot run.
        options: Of the backend.
        ticks: How long, for networks in ticks; None for what the program or the input suggests.
        record: Membranes to keep.
        every: How often to keep ``name.v`` of a continuous network, seconds.
        dt: Time step, for files that hold none.
        progress: Told what happens.
        convention: Habits that a file is read with, in words.
        until: How long, seconds, for continuous networks; None for what the encoding or the input suggests.
    """
    progress("reading")
    program = open_program(path, dt, convention)
    chosen = RunOptions(backend, options, ticks, until, tuple(record), every)
    runs_on = choose_backend(program, chosen)
    inputs, dataset = read_inputs(program.network, data, spikes)
    if ticks is None and spikes is not None and program.network.dialect is not Dialect.CONTINUOUS:
        chosen = replace(chosen, ticks=raster_ticks(spikes))
    labels = None if dataset is None else dataset.labels
    return execute_as(program, runs_on, inputs, chosen, labels, progress)


def _read(path: Path, options: BuildOptions) -> Network | Program:
    """Read a network; the time step goes to the file if it holds none, else to the passes."""
    if _is_container(path):
        return open_trained(path, convention=options.convention)
    return open_trained(path, dt=options.dt, convention=options.convention)


def _is_container(path: Path) -> bool:
    from spikec.container import is_container

    return is_container(path)


def _is_program(path: Path) -> bool:
    if not _is_container(path):
        return False
    from spikec.container import load

    return isinstance(load(path, (Program, Network)), Program)

"""Check, compile and run files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikec.backend import StartsSlowly, find_backend
from spikec.commands.execute import execute
from spikec.commands.files import open_program, read_inputs, source_of
from spikec.errors import TargetError, UsageError, Violation
from spikec.event_files import raster_ticks
from spikec.events import Events
from spikec.frontends import open_trained
from spikec.ir.network import Dialect, Network
from spikec.passes.pipelines import CompileOptions, compile_network, try_compile, try_retarget
from spikec.program import Program
from spikec.result import RunResult
from spikec.targets.rules import check_all
from spikec.targets.target import load_target

DEFAULT = "cpu"
"""The backend that runs what nobody wants elsewhere."""


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
    """

    target: str = "loihi2"
    dt: float | None = None
    bits: int | None = None
    max_ticks: int = 64
    ticks: int | None = None
    relays: bool = True
    split_signs: bool = False
    convention: str | None = None

    def passes(self) -> CompileOptions:
        """The part that concerns the passes."""
        return CompileOptions(self.dt, self.max_ticks, self.ticks, self.bits, self.relays, self.split_signs)


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
    network, target = _read(path, options), load_target(options.target)
    if isinstance(network, Program):
        probing = _probe(network.network, probe)
        program, broken = try_retarget(network, target, options.passes(), probing, progress)
        if broken:
            raise TargetError(target.name, broken)
        return replace(program, source=source_of(path))
    return compile_network(
        network,
        target,
        options.passes(),
        _probe(network, probe),
        source_of(path),
        progress,
    )


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
    continuous = program.network.dialect is Dialect.CONTINUOUS
    _check_end(continuous, ticks, until)
    chosen = find_backend(backend or DEFAULT, **options)
    if backend is None and chosen.unsupported(program):
        chosen = find_backend("reference", **options)
    inputs, dataset = read_inputs(program.network, data, spikes)
    slow = chosen.slow_start(program) if isinstance(chosen, StartsSlowly) else None
    progress(slow or f"running on {chosen.name}")
    labels = None if dataset is None else dataset.labels
    if ticks is None and spikes is not None and not continuous:
        ticks = raster_ticks(spikes)
    if ticks is not None and program.n_ticks is not None and program.is_compiled and ticks > program.n_ticks:
        raise UsageError(
            f"{path} is proven for samples of {program.n_ticks} ticks, not {ticks}: a current could wrap; "
            f"compile it with --ticks {ticks}"
        )
    end = until if ticks is None else float(ticks)
    return execute(program, chosen, inputs, labels, end, record, every)


def _check_end(continuous: bool, ticks: int | None, until: float | None) -> None:
    """Refuse an end of a run that is in another kind of time than the network, or before the beginning."""
    if continuous and ticks is not None:
        raise UsageError("this network is continuous and has no ticks; give --until SECONDS")
    if not continuous and until is not None:
        raise UsageError("this network runs in ticks; give --ticks N")
    if ticks is not None and ticks < 1:
        raise UsageError(f"a run of {ticks} ticks is impossible; give 1 or more")
    if until is not None and not 0 < until < np.inf:
        raise UsageError(f"a run until {until:g} s is impossible; give a time above 0")


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


def _probe(network: Network, probe: str | None) -> Mapping[str, Events] | None:
    if probe is None:
        return None
    inputs, _ = read_inputs(network, probe, None)
    if network.dialect is not Dialect.CONTINUOUS:
        return {name: e.to_seconds(network.dt) for name, e in inputs.items()}
    return inputs

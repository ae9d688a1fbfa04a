"""Hold a program against its network: what its numbers are worth, and which part of them loses what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spikec.arrays import IntArray
from spikec.blame.blame import Inputs, blame
from spikec.blame.figures import Quantisation, figures
from spikec.blame.stored import stored
from spikec.commands.build import BuildOptions, Made, compile_file
from spikec.commands.files import check_output, open_compiled, open_program
from spikec.container import is_container, save, write_atomically
from spikec.errors import UsageError
from spikec.event_files import raster_ticks, read_events
from spikec.events import Events
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.network import Network
from spikec.program import Program
from spikec.report.quantisation_page import quantisation_page
from spikec.result import RunResult

Runs = tuple[RunResult, RunResult]
"""Of the float network, and of its program."""


@dataclass(frozen=True)
class Samples:
    """What both are run on.

    Attributes:
        inputs: Gives a network its input spikes.
        labels: The right class of each sample, if known.
        source: Where they are from.
        seen: Whether passes decided from these samples.
    """

    inputs: Inputs
    labels: IntArray | None
    source: str
    seen: bool = False


@dataclass(frozen=True)
class BlameOptions:
    """A user's choices for `blame`, as on the command line.

    Attributes:
        data: Samples, ``NAME:SPLIT:N``.
        spikes: Or a file of spikes; neither for the numbers alone.
        ticks: How long to run in ticks.
        dt: Time step, for a network file that holds none.
        convention: Habits that such a file is read with, in words.
        html: Where a page goes.
    """

    data: str | None = None
    spikes: Path | None = None
    ticks: int | None = None
    dt: float | None = None
    convention: str | None = None
    html: Path | None = None


def blame_files(
    network: Path, program: Path, options: BlameOptions, progress: Callable[[str], None]
) -> Quantisation:
    """Say what quantisation did to a network.

    Args:
        network: The float network.
        program: What was compiled of it.
        options: The user's choices.
        progress: Told what happens.

    Raises:
        UsageError: The program is not of this network, or an output cannot be written.
    """
    check_output(options.html, network, program, options.spikes)
    if options.data is not None and options.spikes is not None:
        raise UsageError("give the input either as --data NAME:SPLIT or as --input FILE")
    progress("reading")
    given = open_program(network, *_unless_ours(network, options))
    compiled = open_compiled(program)
    if given.is_compiled:
        raise UsageError(f"{network} is compiled already; name the float network first, then its program")
    samples, ticks = None, options.ticks
    if options.data is not None:
        samples = _of_data_set(options.data)
    elif options.spikes is not None:
        samples = _of_file(options.spikes)
        ticks = raster_ticks(options.spikes, given.network) if ticks is None else ticks
    found, runs = judged(given.network, compiled, samples, ticks, progress)
    if options.html is not None:
        title = f"{program.name} of {network.name}"
        write_atomically(options.html, quantisation_page(title, found, compiled, runs).encode())
    return found


@dataclass(frozen=True)
class ReportOptions:
    """What `compile` says of its work, as on the command line.

    Attributes:
        wanted: Whether to say it.
        data: On which samples, ``NAME:SPLIT:N``; None for those of the probe, or of the calibration.
        html: Where a page goes.
    """

    wanted: bool = False
    data: str | None = None
    html: Path | None = None


def compile_and_report(
    path: Path,
    output: Path,
    options: BuildOptions,
    probe: str | None,
    reporting: ReportOptions,
    progress: Callable[[str], None],
) -> tuple[Program, Quantisation | None]:
    """Compile a network file, write the program, and say what quantisation did.

    Args:
        path: The network.
        output: Where the program goes.
        options: The user's choices.
        probe: Samples to check and measure every pass with, ``NAME:SPLIT:N``.
        reporting: Whether and how to report.
        progress: Told what happens.

    Returns:
        The program, and the report if it is wanted.
    """
    check_output(output, path, options.checkpoint)
    check_output(options.checkpoint, path, output)
    check_output(reporting.html, path, output, options.checkpoint)
    wanted = reporting.wanted or reporting.html is not None
    if reporting.data is not None and not wanted:
        raise UsageError("--data says on which samples to report; give --report, too")
    if wanted and options.parts > 1:
        raise UsageError(
            f"--parts {options.parts} makes several neurons of one, which no report can hold against it; "
            "take --parts 1, or leave out --report"
        )
    named = (reporting.data or probe) if wanted else None
    samples = None if named is None else _of_data_set(named)
    made = compile_file(path, options, probe, progress)
    if wanted and made.given.is_compiled:
        raise UsageError(f"{path} is in integers already, so there is no float network to report against")
    save(made.program, output)
    if not wanted:
        return made.program, None
    if samples is None:
        samples = _of_calibration(made, options)
    found, runs = judged(made.given.network, made.program, samples, None, progress)
    if reporting.html is not None:
        title = f"{output.name} of {path.name}"
        write_atomically(reporting.html, quantisation_page(title, found, made.program, runs).encode())
    return made.program, found


def judged(
    network: Network,
    program: Program,
    samples: Samples | None,
    ticks: int | None,
    progress: Callable[[str], None],
) -> tuple[Quantisation, Runs | None]:
    """What quantisation did to a network: its numbers, and with samples its answers and the blame.

    Args:
        network: The float network.
        program: What was compiled of it.
        samples: What to run both on; None for the numbers alone.
        ticks: How long to run in ticks.
        progress: Told what happens.
    """
    both = stored(network, program)
    if samples is None:
        return figures(both), None
    found, *ran = blame(network, program, samples.inputs, samples.labels, ticks, progress)
    runs = (ran[0], ran[1])
    return figures(both, runs, found, samples.source, samples.seen), runs


def _of_calibration(made: Made, options: BuildOptions) -> Samples | None:
    """The samples that passes decided from, if there were any."""
    given = made.calibration
    if given is None:
        return None
    name = str(options.calibrate)
    return Samples(lambda network: in_own_time(network, given.inputs), given.labels, name, seen=True)


def _of_data_set(name: str) -> Samples:
    from spikec_train.datasets import load_dataset

    dataset = load_dataset(name)
    return Samples(lambda network: encode_samples(network, dataset.samples), dataset.labels, name)


def _of_file(file: Path) -> Samples:
    def read(network: Network) -> Mapping[str, Events]:
        return in_own_time(network, read_events(file, network))

    return Samples(read, None, file.name)


def _unless_ours(path: Path, options: BlameOptions) -> tuple[float | None, str | None]:
    """Time step and habits, which are for files that hold none."""
    return (None, None) if is_container(path) else (options.dt, options.convention)

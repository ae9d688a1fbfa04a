"""The command line: each command parses, makes one call, and prints once.

Results go to standard output, as tables or, with ``--json``, as one JSON object and nothing else; progress
and errors go to standard error. Exit codes: 0 fine, 1 a difference or a broken limit was found, 2 an error of
the user's. What is heavy is imported inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikec.commands.options import (
    Bits,
    BitsOrAuto,
    Budget,
    Calibrate,
    Certify,
    Checkpoint,
    Convention,
    Data,
    Dt,
    Html,
    Input,
    InputCounts,
    Json,
    LabelFree,
    Least,
    MaxTicks,
    Parts,
    Place,
    PlaceSeed,
    Probe,
    Relays,
    Repair,
    Report,
    Runnable,
    Samples,
    SplitSigns,
    Target,
    Ticks,
)
from spikec.errors import Interrupted, SpikecError, TargetError, UsageError
from spikec.units import several

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(
    name="spikec",
    help="Compile trained spiking networks for neuromorphic chips, run them exactly, and count every event.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # half of the time that --help takes
    context_settings={"help_option_names": ["-h", "--help"]},
)

_WRONG_WORDS: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for wrong options; newer versions carry click inside, where it has no public name."""

_INTERRUPTED = 130
"""The exit code of Ctrl-C; newer versions of typer return it."""


@app.command()
def demo(
    json_: Json = False, stock: Annotated[int, typer.Option(help="Samples on stock Lava.")] = 20
) -> None:
    """Train on digits, compile, run on reference, CPU and Lava, compare, count and price."""
    from spikec.commands.demo import demo as run_demo
    from spikec.commands.show import demo as show

    with _progress() as tell:
        report = run_demo(n_stock=stock, progress=tell)
    _print(report.to_json(), lambda: show(report), json_)
    raise typer.Exit(0 if report.identical else 1)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a YAML file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the network goes.")],
    seed: Annotated[int | None, typer.Option(help="Another seed.", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, counted up; the best in training is kept.")] = 1,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of data that do not ship; else SPIKEC_DATA says it.", show_default=False),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Written as it goes; if it is there, go on from it.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the loss over the epochs: FILE.png, .svg or .pdf.", show_default=False),
    ] = None,
    json_: Json = False,
) -> None:
    """Train a network by a recipe."""
    from spikec.commands.show import training as show
    from spikec.commands.train import train_file

    with _progress() as tell:
        found = train_file(recipe, output, seed, seeds, data_dir, checkpoint, tell, plot)
    _print(found, lambda: show(found), json_)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A network, program, result or events file.")],
    dt: Dt = None,
    convention: Convention = None,
    json_: Json = False,
) -> None:
    """Describe a file."""
    from spikec.commands.overview import overview
    from spikec.commands.show import overview as show

    found = overview(file, dt, convention)
    _print(found, lambda: show(found), json_)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A network, or a compiled program.")],
    target: Target = "loihi2",
    dt: Dt = None,
    bits: Bits = None,
    max_ticks: MaxTicks = None,
    ticks: Ticks = None,
    relays: Relays = True,
    split_signs: SplitSigns = False,
    input_counts: InputCounts = 1,
    convention: Convention = None,
    json_: Json = False,
) -> None:
    """List every limit of a target that a network breaks, all at once."""
    from spikec.commands.build import BuildOptions, check_file
    from spikec.commands.show import checked as show

    options = BuildOptions(target, dt, bits, max_ticks, ticks, relays, split_signs, convention, input_counts)
    broken, found = check_file(file, options)
    _print(found, lambda: show(broken, found), json_)
    raise typer.Exit(1 if broken else 0)


@app.command("compile")
def compile_(
    file: Annotated[Path, typer.Argument(help="A trained network: spikec's own file, or NIR.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the program goes.")],
    target: Target = "loihi2",
    dt: Dt = None,
    bits: BitsOrAuto = None,
    max_ticks: MaxTicks = None,
    ticks: Ticks = None,
    relays: Relays = True,
    split_signs: SplitSigns = False,
    input_counts: InputCounts = 1,
    convention: Convention = None,
    calibrate: Calibrate = None,
    samples: Samples = None,
    repair: Repair = False,
    label_free: LabelFree = False,
    parts: Parts = 0,
    budget: Budget = None,
    least: Least = "memory",
    checkpoint: Checkpoint = None,
    certify: Certify = 0,
    place: Place = None,
    place_seed: PlaceSeed = 0,
    probe: Probe = None,
    report: Report = False,
    data: Data = None,
    html: Html = None,
    json_: Json = False,
) -> None:
    """Compile a network for a chip's integers."""
    from spikec.commands.blame import ReportOptions, compile_and_report
    from spikec.commands.build import BuildOptions, bits_of_word
    from spikec.commands.overview import program_overview
    from spikec.commands.show import compiled as show

    options = BuildOptions(target, dt, bits_of_word(bits), max_ticks, ticks, relays, split_signs, convention,
                           input_counts, calibrate, samples, repair, label_free, parts, budget, least,
                           checkpoint, certify, place, place_seed)  # fmt: skip
    with _progress() as tell:
        reporting = ReportOptions(report, data, html)
        program, told = compile_and_report(file, output, options, probe, reporting, tell)
    found = {"output": str(output), **program_overview(program)}
    found |= {"report": None if told is None else told.to_json()}
    _print(found, lambda: show(found, told), json_)


@app.command()
def run(
    file: Runnable,
    data: Data = None,
    spikes: Input = None,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", "-b", help="cpu, lava or reference; see `list backends`.", show_default=False
        ),
    ] = None,
    flavour: Annotated[str | None, typer.Option(help="Of Lava: fused or stock.", show_default=False)] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Time limit of Lava, seconds.", show_default=False)
    ] = None,
    precision: Annotated[
        int | None,
        typer.Option(help="Of float ticks on cpu or reference: 64 bits, or 32.", show_default=False),
    ] = None,
    ticks: Ticks = None,
    until: Annotated[
        float | None,
        typer.Option(help="End of the run of a continuous network, seconds.", show_default=False),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(help="Membranes to keep: NAME.v, NAME.v.last or NAME.v.max.", show_default=False),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(help="Seconds between two NAME.v of a continuous network.", show_default=False),
    ] = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            help="Run so many samples at a time, into a folder that an interrupted run goes on from.",
            show_default=False,
        ),
    ] = None,
    dt: Dt = None,
    convention: Convention = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the result goes.", show_default=False)
    ] = None,
    json_: Json = False,
) -> None:
    """Run a program on samples or spikes; in chunks, into a folder, where memory would not hold them all."""
    from spikec.commands.overview import result_overview
    from spikec.commands.progress import watching
    from spikec.commands.run import RunFile, run_file
    from spikec.commands.show import run_lines
    from spikec.execute import RunOptions

    given = {"flavour": flavour, "timeout": timeout, "precision": precision}
    of_backend = {k: v for k, v in given.items() if v is not None}
    options = RunOptions(backend, of_backend, ticks, until, tuple(record or ()), every)
    with watching() as watch:
        result = run_file(RunFile(file, data, spikes, options, chunk, dt, convention, output), watch)
    found = {"output": None if output is None else str(output), **result_overview(result)}
    _print(found, lambda: run_lines(result), json_)


@app.command()
def encode(
    file: Runnable,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the spikes go.")],
    data: Data = None,
    spikes: Annotated[
        Path | None, typer.Option("--input", help="Spikes: raster .npy or list .csv.", show_default=False)
    ] = None,
    dt: Dt = None,
    convention: Convention = None,
    json_: Json = False,
) -> None:
    """Write the input spikes of samples to a file, for `run --input` and for deployed packages."""
    from spikec.commands.files import check_output, open_program, read_inputs
    from spikec.commands.overview import events_overview
    from spikec.commands.show import overview as show
    from spikec.container import save

    check_output(output, file, spikes)
    inputs, _ = read_inputs(open_program(file, dt, convention).network, data, spikes)
    save(dict(inputs), output)
    found = {"output": str(output), "inputs": events_overview(inputs)}
    _print(found, lambda: show({"kind": "events", **found}), json_)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A result.")],
    b: Annotated[Path, typer.Argument(help="Another result.")],
    tolerance: Annotated[
        float, typer.Option(help="How far apart spikes may lie, in ticks or seconds.")
    ] = 0.0,
    spikes_only: Annotated[bool, typer.Option("--spikes-only", help="Leave counts aside.")] = False,
    times: Annotated[
        bool,
        typer.Option("--times", help="Measure errors of spike times instead; one run may be in seconds."),
    ] = False,
    json_: Json = False,
) -> None:
    """Compare two runs spike for spike and count for count; name the first difference.

    With --times: how far apart their spikes lie, in seconds, which is no failure however far it is.
    """
    from dataclasses import asdict

    from spikec.commands.files import open_result, open_run
    from spikec.commands.show import comparison as show
    from spikec.streaming.compare import compare_runs

    if times:
        from spikec.commands.show import spike_times as show_times
        from spikec.spike_times import spike_times

        if tolerance or spikes_only:
            raise UsageError("--times measures and judges nothing; leave out --tolerance and --spikes-only")
        errors = spike_times(open_result(a), open_result(b))
        _print(errors.to_json(), lambda: show_times(errors, str(a), str(b)), json_)
        return

    found = compare_runs(open_run(a), open_run(b), tolerance, counts=not spikes_only)
    described = {**asdict(found), "description": found.description(str(a), str(b))}
    _print(described, lambda: show(found, str(a), str(b)), json_)
    raise typer.Exit(0 if found.identical else 1)


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(help="A float network, or a compiled program.")],
    b: Annotated[Path, typer.Argument(help="Another program of the same network.")],
    data: Data = None,
    spikes: Input = None,
    results: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="What `run -o` wrote of both, instead of running them.", show_default=False),
    ] = None,
    sample: Annotated[int, typer.Option(help="Which sample.")] = 0,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="How many ticks apart spikes may lie: else 0, or 1 against real time.", show_default=False
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw both membranes: FILE.png, .svg or .pdf.", show_default=False),
    ] = None,
    ticks: Ticks = None,
    dt: Dt = None,
    convention: Convention = None,
    json_: Json = False,
) -> None:
    """Follow the first spike that two runs of one sample do not share back to its causes.

    Which synaptic events made the membrane cross here and not there, and what of it are weights, times,
    decays and rounding: the parts add up to the difference of the membranes.
    """
    from spikec.commands.diff import DiffOptions, diff_files
    from spikec.commands.show import difference as show

    options = DiffOptions(data, spikes, results, sample, tolerance, ticks, dt, convention, plot)
    with _progress() as tell:
        found = diff_files(a, b, options, tell)
    _print(found.to_json(), lambda: show(found, a.name, b.name), json_)
    raise typer.Exit(0 if found.first is None else 1)


@app.command()
def blame(
    network: Annotated[Path, typer.Argument(help="The float network.")],
    program: Annotated[Path, typer.Argument(help="What was compiled of it.")],
    data: Data = None,
    spikes: Input = None,
    html: Html = None,
    ticks: Ticks = None,
    dt: Dt = None,
    convention: Convention = None,
    json_: Json = False,
) -> None:
    """What quantisation did to a network, and which part of it is to blame.

    Grids, clipped weights and errors; with --data or --input also spike times and answers, with only one part
    quantised (the weights of a projection, delays, thresholds and biases, decays, time) and with all but it.
    """
    from spikec.commands.blame import BlameOptions, blame_files
    from spikec.commands.show import quantisation as show

    with _progress() as tell:
        found = blame_files(network, program, BlameOptions(data, spikes, ticks, dt, convention, html), tell)
    _print(found.to_json(), lambda: show(found), json_)


@app.command()
def conformance(
    folder: Annotated[Path, typer.Argument(help="The folder of the networks and recordings.")],
    cases: Annotated[
        Path | None, typer.Option(help="A YAML file of rows, or a folder of them.", show_default=False)
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="Rows with this in the name of file, network or platform.", show_default=False),
    ] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", "-b", help="Run all rows there.", show_default=False)
    ] = None,
    json_: Json = False,
) -> None:
    """Hold networks against what simulators and chips recorded of them, bin by bin.

    What is compared stands in YAML files: those of --cases; else *.conformance.yaml in the folder; else
    tests/conformance/*.yaml of the project's checkout that the command runs in or is installed from. The
    output says which it was. docs/conformance.md shows how to write one.
    """
    from spikec.commands.conformance import conformance as compare_all
    from spikec.commands.show import conformance as show

    with _progress() as tell:
        found = compare_all(folder, cases, only, backend, tell)
    _print(found.to_json(), lambda: show(found), json_)
    raise typer.Exit(found.exit_code)


@app.command()
def deploy(
    file: Annotated[Path, typer.Argument(help="A compiled program.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder that does not exist yet.")],
    to: Annotated[str, typer.Option("--to", help="The backend that writes the package.")] = "lava",
    flavour: Annotated[str, typer.Option(help="fused or stock.")] = "stock",
    json_: Json = False,
) -> None:
    """Write a package directory that runs a program by itself."""
    from spikec.backend import deploy as deploy_program
    from spikec.commands.files import open_compiled
    from spikec.commands.show import overview as show

    folder = deploy_program(to, open_compiled(file), output, flavour=flavour)
    found = {
        "output": str(folder),
        "to": to,
        "flavour": flavour,
        "files": sorted(f.name for f in folder.iterdir()),
    }
    _print(found, lambda: show({"kind": "deployed", **found}), json_)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A network, or a compiled program.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the new file goes.")],
    to: Annotated[str, typer.Option("--to", help="The format; see `list exporters`.")] = "nir",
    dt: Dt = None,
    convention: Convention = None,
    json_: Json = False,
) -> None:
    """Write a network or program as a file that other frameworks read."""
    from spikec.commands.export import export_file
    from spikec.commands.show import overview as show

    found = export_file(file, output, to, dt, convention)
    _print(found, lambda: show({"kind": "exported", **found}), json_)


@app.command()
def report(
    file: Annotated[Path, typer.Argument(help="A result.")],
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="Energy tables, also of another chip (as if); see `list energy-tables`.", show_default=False
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page.", show_default=False)] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Also write all spikes as a list.", show_default=False)
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Also draw one sample: FILE.png, .svg or .pdf.", show_default=False),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            help="Another run of the network, drawn beside it, in ticks or seconds.", show_default=False
        ),
    ] = None,
    neurons: Annotated[
        str | None,
        typer.Option(
            help="Recorded membranes to draw: hidden:3,output:0. Else a few of each.", show_default=False
        ),
    ] = None,
    sample: Annotated[int, typer.Option(help="The sample that --plot and --html draw.")] = 0,
    json_: Json = False,
) -> None:
    """Accuracy, counts, energy estimate, dense baseline and provenance of a run; pictures of its spikes."""
    from spikec.commands.report import Outputs, report_file
    from spikec.report.text import render

    outputs = Outputs(html, csv, plot, beside, neurons, sample)
    summary = report_file(file, tuple(table) if table else None, outputs)
    _print(summary.to_json(), lambda: render(summary), json_)


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="targets, backends, frontends, exporters, passes, recipes, datasets, energy-tables or "
            "conventions."
        ),
    ],
    json_: Json = False,
) -> None:
    """List what there is to choose from."""
    from spikec.commands.overview import listing
    from spikec.commands.show import table as show

    found = listing(what)
    rows = [(entry["name"], entry["is"]) for entry in found]
    _print({what: found}, lambda: show(what, ("name", "what it is"), rows), json_)


@app.command()
def selftest(
    nets: Annotated[int, typer.Option(help="How many random networks.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the random networks.")] = 0,
    json_: Json = False,
) -> None:
    """Run random networks through reference, CPU and Lava and compare everything."""
    from spikec.commands.overview import selftest_overview
    from spikec.commands.show import overview as show
    from spikec.selftest import selftest as run_selftest

    with _progress() as tell:
        report = run_selftest(nets, seed, lambda done, of: tell(f"{done} of {of} networks compared"))
    found = selftest_overview(report)
    _print(found, lambda: show({"kind": "selftest", **found}), json_)
    raise typer.Exit(1 if found["mismatches"] else 0)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        sys.stdout.write(f"spikec {version_of('spikec')}\n")
        raise typer.Exit


def main() -> None:
    """Entry point: errors of the user's become one line and an exit code."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        code = app(standalone_mode=False) or 0
        if code == _INTERRUPTED:
            _end_interrupted("interrupted; no output was written")
        raise SystemExit(code)
    except TargetError as error:
        from rich.console import Console

        from spikec.commands.show import violations

        Console(stderr=True).print(violations(error.violations), crop=False)
        broken = several(len(error.violations), "broken limit")
        sys.stderr.write(f"spikec: the network does not fit {error.target}: {broken}\n")
        raise SystemExit(error.exit_code) from None
    except Interrupted as error:
        _end_interrupted(str(error))
    except SpikecError as error:
        sys.stderr.write(f"spikec: {error}\n")
        raise SystemExit(error.exit_code) from None
    except _WRONG_WORDS as error:
        words: str = getattr(error, "format_message", error.__str__)()
        sys.stderr.write(f"spikec: {words.rstrip('.')}; see `spikec --help`\n")
        raise SystemExit(2) from None
    except (KeyboardInterrupt, typer.Abort):  # what older versions of typer raise
        _end_interrupted("interrupted; no output was written")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _end_interrupted(words: str) -> None:
    sys.stderr.write(f"spikec: {words}\n")
    sys.stderr.flush()
    if threading.active_count() > 1:  # kernels that run cannot be told to stop, and an exit would wait
        os._exit(_INTERRUPTED)
    raise SystemExit(_INTERRUPTED) from None


def _print(found: Any, show: Callable[[], RenderableType], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(_plain(found), indent=2, allow_nan=False) + "\n")
        return
    from rich.console import Console

    Console().print(show(), crop=False)


def _plain(value: Any) -> Any:
    """JSON values only: numpy scalars become numbers, infinities null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A spinner on standard error that says what happens; plain silence where nobody watches."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda sentence: status.update(sentence)


if __name__ == "__main__":
    main()

"""Commands that run something, or judge what ran."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikec.cli.output import command_line, print_found, telling
from spikec.commands.options import Convention, Data, Dt, Html, Input, Json, Runnable, Ticks
from spikec.errors import UsageError


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
        str | None,
        typer.Option(
            help="End of the run of a continuous network, seconds; or first-spike, for the answer alone.",
            show_default=False,
        ),
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
    from spikec.execute import RunOptions, end_of

    end, how = end_of(until)
    given = {"flavour": flavour, "timeout": timeout, "precision": precision, **how}
    of_backend = {k: v for k, v in given.items() if v is not None}
    options = RunOptions(backend, of_backend, ticks, end, tuple(record or ()), every, command_line(),
                         str(file))  # fmt: skip
    with watching() as watch:
        result = run_file(RunFile(file, data, spikes, options, chunk, dt, convention, output), watch)
    found = {"output": None if output is None else str(output), **result_overview(result)}
    print_found(found, lambda: run_lines(result), json_)


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
    print_found(found, lambda: show({"kind": "events", **found}), json_)


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

    With --times: how far apart their spikes lie, in seconds, which is no failure however far it is. Of a run
    that is not finished what there is is compared; where that is the same the exit code is 2.
    """
    from dataclasses import asdict

    from spikec.commands.compare import compare_files, times_of_files
    from spikec.commands.show import comparison as show

    if times:
        from spikec.commands.show import spike_times as show_times

        if tolerance or spikes_only:
            raise UsageError("--times measures and judges nothing; leave out --tolerance and --spikes-only")
        errors = times_of_files(a, b)
        print_found(errors.to_json(), lambda: show_times(errors, str(a), str(b)), json_)
        return

    found, unfinished = compare_files(a, b, tolerance, not spikes_only)
    described = {**asdict(found), "description": found.description(str(a), str(b)), "unfinished": unfinished}
    print_found(described, lambda: show(found, str(a), str(b)), json_)
    if found.identical and unfinished is not None:
        raise UsageError(unfinished)
    raise typer.Exit(0 if found.identical else 1)


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
    with telling() as tell:
        found = diff_files(a, b, options, tell)
    print_found(found.to_json(), lambda: show(found, a.name, b.name), json_)
    raise typer.Exit(0 if found.first is None else 1)


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

    with telling() as tell:
        found = blame_files(network, program, BlameOptions(data, spikes, ticks, dt, convention, html), tell)
    print_found(found.to_json(), lambda: show(found), json_)


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
    from spikec.commands.show_conformance import conformance as show

    with telling() as tell:
        found = compare_all(folder, cases, only, backend, tell)
    print_found(found.to_json(), lambda: show(found), json_)
    raise typer.Exit(found.exit_code)


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
            help="Another run of the network, held against it and drawn beside it.", show_default=False
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

    outputs = Outputs(html, csv, plot, beside, neurons, sample, command_line())
    summary = report_file(file, tuple(table) if table else None, outputs)
    print_found(summary.to_json(), lambda: render(summary), json_)

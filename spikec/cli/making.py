"""Commands that make something: networks, programs, packages, files of others; and what looks at them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikec.cli.output import command_line, print_found, telling
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
    Samples,
    SplitSigns,
    Target,
    Ticks,
)


def demo(
    json_: Json = False,
    stock: Annotated[int, typer.Option(help="Samples on stock Lava.")] = 20,
    html: Html = None,
) -> None:
    """Train on digits, compile, run on reference, CPU and Lava, compare, count and price."""
    from spikec.commands.demo import demo as run_demo
    from spikec.commands.demo import write_page
    from spikec.commands.files import check_output
    from spikec.commands.show import demo as show

    check_output(html)
    with telling() as tell:
        report = run_demo(n_stock=stock, progress=tell, command=command_line())
    if html is not None:
        write_page(report, html)
    print_found(report.to_json(), lambda: show(report), json_)
    raise typer.Exit(0 if report.identical else 1)


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a YAML file.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where the network goes; else its figures alone are told.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed.", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, counted up; the best in training is kept.")] = 1,
    curriculum: Annotated[
        bool, typer.Option("--curriculum", help="Easy samples first; a sampled network says which they are.")
    ] = False,
    grow: Annotated[
        int | None,
        typer.Option(
            help="Begin with this many hidden neurons; others enter where the error is.", show_default=False
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Train with other data: a known name, or your own folder or .npz.", show_default=False
        ),
    ] = None,
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
    from spikec.commands.train import Changes, train_file

    changes = Changes(curriculum, grow, data)
    with telling() as tell:
        found = train_file(recipe, output, seed, seeds, data_dir, checkpoint, tell, plot, changes)
    print_found(found, lambda: show(found), json_)


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
    print_found(found, lambda: show(found), json_)


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
    print_found(found, lambda: show(broken, found), json_)
    raise typer.Exit(1 if broken else 0)


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
    with telling() as tell:
        reporting = ReportOptions(report, data, html)
        program, told = compile_and_report(file, output, options, probe, reporting, tell)
    found = {"output": str(output), **program_overview(program)}
    found |= {"report": None if told is None else told.to_json()}
    print_found(found, lambda: show(found, told), json_)


def place(
    file: Annotated[Path, typer.Argument(help="A program in integers: compiled, or a file of lava-dl.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the placed program goes.")],
    method: Annotated[
        str, typer.Option(help="search, hilbert, greedy, sequential, random, or metis where it is installed.")
    ] = "search",
    seed: Annotated[int, typer.Option(min=0, help="What it begins with.")] = 0,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help="NAME:SPLIT or FILE of spikes that the program runs first, for neurons to count as often as "
            "they spike.",
            show_default=False,
        ),
    ] = None,
    samples: Samples = None,
    json_: Json = False,
) -> None:
    """Put a program that is in integers already on the cores of its chip; no spike changes."""
    from spikec.commands.overview import program_overview
    from spikec.commands.place import PlaceOptions, place_file
    from spikec.commands.show import compiled as show

    with telling() as tell:
        program = place_file(file, output, PlaceOptions(method, seed, calibrate, samples), tell)
    found = {"output": str(output), **program_overview(program)}
    print_found(found, lambda: show(found, None), json_)


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
    print_found(found, lambda: show({"kind": "deployed", **found}), json_)


def export(
    file: Annotated[Path, typer.Argument(help="A network, or a compiled program.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the new file goes.")],
    to: Annotated[str, typer.Option("--to", help="The format; see `list exporters`.")] = "nir",
    dt: Dt = None,
    convention: Convention = None,
    result: Annotated[
        Path | None, typer.Option(help="For SANA-FE: a run whose spikes it replays.", show_default=False)
    ] = None,
    sample: Annotated[int, typer.Option(help="For SANA-FE: which sample.")] = 0,
    table: Annotated[
        str | None, typer.Option(help="For SANA-FE: an energy table.", show_default=False)
    ] = None,
    json_: Json = False,
) -> None:
    """Write a network or program as a file that other frameworks read."""
    from spikec.commands.export import Replayed, export_file
    from spikec.commands.show import overview as show

    found = export_file(file, output, to, dt, convention, Replayed(result, sample, table))
    print_found(found, lambda: show({"kind": "exported", **found}), json_)


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
    from spikec.commands.listing import listing
    from spikec.commands.show import table as show

    found = listing(what)
    rows = [(entry["name"], entry["is"]) for entry in found]
    print_found({what: found}, lambda: show(what, ("name", "what it is"), rows), json_)


def selftest(
    nets: Annotated[int, typer.Option(help="How many random networks.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the random networks.")] = 0,
    json_: Json = False,
) -> None:
    """Run random networks through reference, CPU and Lava and compare everything."""
    from spikec.commands.overview import selftest_overview
    from spikec.commands.show import overview as show
    from spikec.selftest import selftest as run_selftest

    with telling() as tell:
        report = run_selftest(nets, seed, lambda done, of: tell(f"{done} of {of} networks compared"))
    found = selftest_overview(report)
    print_found(found, lambda: show({"kind": "selftest", **found}), json_)
    raise typer.Exit(1 if found["mismatches"] else 0)

"""Options that several commands share, each declared once: what `spikec.cli` builds its commands from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Dt = Annotated[float | None, typer.Option("--dt", help="Time step in seconds.", show_default=False)]
Convention = Annotated[
    str | None,
    typer.Option(
        "--convention",
        help="NAME or FILE.yaml of the simulator's habits, and ,FIELD=VALUE where they differ.",
        show_default=False,
    ),
]
Target = Annotated[str, typer.Option("--target", "-t", help="Name of a target, or a YAML file.")]
Bits = Annotated[int | None, typer.Option(help="Bits of the weights, 1 to 8.", show_default=False)]
MaxTicks = Annotated[
    int | None,
    typer.Option(
        help="Most ticks of a sample where dt is chosen, 64 or more if nothing is said; hops come on top.",
        show_default=False,
    ),
]
Ticks = Annotated[
    int | None, typer.Option("--ticks", help="Length of a sample in ticks.", show_default=False)
]
Relays = Annotated[bool, typer.Option(help="Let relay neurons carry long delays.")]
SplitSigns = Annotated[
    bool,
    typer.Option("--split-signs", help="Store weights of either sign apart: twice as fine, more messages."),
]
InputCounts = Annotated[
    int,
    typer.Option("--input-counts", help="Most spikes of an input neuron in a tick, as in frames of counts."),
]
Probe = Annotated[
    str | None,
    typer.Option(help="Samples (NAME:SPLIT:N) to run before and after every pass.", show_default=False),
]
Runnable = Annotated[Path, typer.Argument(help="A compiled program, or a float network.")]
Data = Annotated[str | None, typer.Option(help="NAME:SPLIT or NAME:SPLIT:N.", show_default=False)]
Input = Annotated[
    Path | None,
    typer.Option("--input", help="Spikes: .npz, raster .npy or list .csv.", show_default=False),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        "--calibrate",
        help="NAME:SPLIT or FILE of spikes that the float network runs once, for passes to decide from.",
        show_default=False,
    ),
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", help="How many of these samples, counted from the first.", show_default=False),
]
Repair = Annotated[
    bool,
    typer.Option(
        "--repair", help="Make good, without training, what rounding did to the samples of --calibrate."
    ),
]
LabelFree = Annotated[
    bool,
    typer.Option("--label-free", help="Repair toward the float network's outputs, not the samples' labels."),
]
BitsOrAuto = Annotated[
    str | None,
    typer.Option(
        "--bits",
        help="Bits of the weights, 1 to 8; auto: as few for each projection as --budget allows.",
        show_default=False,
    ),
]
Parts = Annotated[
    int,
    typer.Option(
        "--parts",
        help="Keep delays between ticks (1); also tell spike times to 1/N of a tick, by N neurons for one.",
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        help="Search for ticks with accuracy=POINTS lost, or spike-time=TIME off, at most.",
        show_default=False,
    ),
]
Least = Annotated[
    str, typer.Option("--least", help="What the search wants little of: memory, or energy if it has a price.")
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        help="What the search tried, written as it goes; if it is there, go on from it.",
        show_default=False,
    ),
]
Report = Annotated[
    bool,
    typer.Option(
        "--report",
        help="Say what quantisation did, and which part is to blame: on --data, or the samples of --probe or "
        "--calibrate.",
    ),
]
Html = Annotated[
    Path | None, typer.Option("--html", help="Also write a page, with pictures.", show_default=False)
]
Certify = Annotated[
    int,
    typer.Option(
        "--certify", min=0, help="Of --calibrate: samples to certify, whose class rounding cannot change."
    ),
]
Place = Annotated[
    str | None,
    typer.Option(
        "--place",
        help="Put neurons on cores: search, hilbert, greedy, sequential, random, or metis where it is "
        "installed; with --calibrate by how often they spike.",
        show_default=False,
    ),
]
PlaceSeed = Annotated[int, typer.Option("--place-seed", min=0, help="What --place begins with.")]

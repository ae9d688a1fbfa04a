"""Hold a program against its network: what its numbers are worth, and which part of them loses what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spikec.arrays import IntArray
from spikec.blame.blame import Inputs, blame
from spikec.blame.figures import Quantisation, figures
from spikec.blame.stored import stored
from spikec.commands.files import check_output, open_compiled, open_program
from spikec.container import is_container, write_atomically
from spikec.errors import UsageError
from spikec.event_files import raster_ticks, read_events
from spikec.events import Events
from spikec.ir.network import Network
from spikec.program import encode_samples, in_own_time
from spikec.report.html import Picture, page_of
from spikec.report.plots import to_bytes
from spikec.report.quantisation import (
    blame_bars,
    headlines,
    quantisation_tables,
    spike_scatter,
    weight_histograms,
)
from spikec.result import RunResult


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
    compiled = open_compiled(program)
    own = is_container(network)
    given = open_program(network, None if own else options.dt, None if own else options.convention)
    if given.is_compiled:
        raise UsageError(f"{network} is compiled already; name the float network first, then its program")
    both = stored(given.network, compiled)
    runs: tuple[RunResult, RunResult] | None = None
    found = None
    if options.data is not None or options.spikes is not None:
        inputs, labels = _inputs(options)
        ticks = options.ticks
        if ticks is None and options.spikes is not None:
            ticks = raster_ticks(options.spikes, given.network)
        found, *ran = blame(given.network, compiled, inputs, labels, ticks, progress)
        runs = (ran[0], ran[1])
    quantisation = figures(both, runs, found)
    if options.html is not None:
        title = f"{program.name} of {network.name}"
        write_atomically(options.html, _page(title, quantisation, runs).encode())
    return quantisation


def _inputs(options: BlameOptions) -> tuple[Inputs, IntArray | None]:
    """What gives a network its input spikes, and the right classes, if known."""
    if options.data is not None:
        from spikec_train.datasets import load_dataset

        dataset = load_dataset(options.data)
        return lambda network: encode_samples(network, dataset.samples), dataset.labels
    file = options.spikes
    assert file is not None

    def read(network: Network) -> Mapping[str, Events]:
        return in_own_time(network, read_events(file, network))

    return read, None


def _page(title: str, found: Quantisation, runs: tuple[RunResult, RunResult] | None) -> str:
    pictures = []
    if found.blame is not None:
        pictures.append(
            Picture(
                "Blame",
                to_bytes(blame_bars(found.blame), "png"),
                "Bars of what each part costs alone, and of what is left without it",
                "A part is to blame if it costs much alone, and if without it much comes back.",
            )
        )
    if runs is not None:
        pictures.append(
            Picture(
                "Spike times",
                to_bytes(spike_scatter(*runs), "png"),
                "Scatter of the program's spike times over the float network's",
                "Each mark is a spike that both have; on the line they come at the same time.",
            )
        )
    pictures.append(
        Picture(
            "Weights before and after",
            to_bytes(weight_histograms(found), "png"),
            "Histograms of real and stored weights, one for each projection",
            "What a spike adds to the membrane, or its current, in a tick; counts on a logarithmic scale.",
        )
    )
    return page_of(title, headlines(found), pictures, quantisation_tables(found))

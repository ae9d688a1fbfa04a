"""Report a run: its figures, and files of its spikes and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikec.commands.files import check_output, open_result, open_run, spike_list
from spikec.container import write_atomically
from spikec.errors import UsageError
from spikec.report.beside import Beside, beside
from spikec.report.html import page
from spikec.report.plots import format_of, to_bytes
from spikec.report.raster import raster
from spikec.report.shown import Shown
from spikec.report.summary import Summary, summarise
from spikec.result import RunResult
from spikec.streaming.read import Run, one_sample, outcome_of_run


@dataclass(frozen=True)
class Outputs:
    """What to write besides, as on the command line.

    Attributes:
        html: A page.
        csv: A list of all spikes.
        plot: A picture of one sample; its ending says the format.
        beside: The result of another run of the same network, drawn beside it; compared with it, too, unless
            there is a `plot` and no page.
        neurons: Whose membranes to draw, ``NAME:NUMBER`` with commas between; None for a few of each.
        sample: The sample to draw.
        command: The line that asked for them, for the provenance.
    """

    html: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    beside: Path | None = None
    neurons: str | None = None
    sample: int = 0
    command: str | None = None


def report_file(path: Path, tables: Sequence[str] | None, outputs: Outputs) -> Summary:
    """Bring a result into figures, and write what is wanted of it: all of it, or after an error nothing.

    Args:
        path: The result.
        tables: Energy tables by name, or files; None for those of the program's target.
        outputs: What to write.

    Raises:
        UsageError: An output cannot be written, or there is nothing to draw as asked for.
    """
    for output in (outputs.html, outputs.csv, outputs.plot):
        check_output(output, path, outputs.beside)
    if outputs.plot is None and outputs.neurons is not None:
        raise UsageError("--neurons says what to draw; say where to with --plot FILE.png")
    run = open_run(path)
    only_drawn = outputs.plot is not None and outputs.html is None
    held = None if outputs.beside is None or only_drawn else _held(run, outputs.beside)
    summary = summarise(outcome_of_run(run), tables, held, outputs.command)
    files: dict[Path, bytes | Iterable[bytes]] = {}
    if outputs.csv is not None:
        files[outputs.csv] = spike_list(run)
    if outputs.plot is not None:
        files[outputs.plot] = _picture(run, path.name, outputs.plot, outputs)
    if outputs.html is not None:
        drawn = one_sample(run, outputs.sample) if summary.n_samples else RunResult({})
        other = _other(outputs) if summary.n_samples else None
        title = f"spikec report of {path.name}"
        files[outputs.html] = page(drawn, summary, 0, title, outputs.sample, other).encode()
    for output, data in files.items():
        write_atomically(output, data)
    return summary


def _held(run: Run, path: Path) -> Beside:
    """The run held against the one in another file."""
    return beside(run if isinstance(run, RunResult) else run.whole(), open_result(path), path.name)


def _other(outputs: Outputs) -> Shown | None:
    """The sample to draw of the run beside."""
    if outputs.beside is None:
        return None
    return Shown(one_sample(open_run(outputs.beside), outputs.sample), outputs.beside.name)


def _picture(run: Run, name: str, plot: Path, outputs: Outputs) -> bytes:
    kind = format_of(plot)
    chosen = None if outputs.neurons is None else neurons_of(outputs.neurons)
    other = _other(outputs)
    shown = Shown(one_sample(run, outputs.sample), name)
    return to_bytes(raster(shown, other, 0, chosen, outputs.sample), kind)


def neurons_of(text: str) -> dict[str, list[int]]:
    """Read a list of neurons, for instance ``hidden:3,hidden:5,output:0``.

    Raises:
        UsageError: It is none.
    """
    found: dict[str, list[int]] = {}
    for part in text.split(","):
        name, _, number = part.strip().rpartition(":")
        if not name or not number.isdecimal():
            raise UsageError(f"{part.strip()!r} names no neuron; write NAME:NUMBER, for instance hidden:3")
        found.setdefault(name, []).append(int(number))
    return found

"""A summary as one page of HTML that needs nothing beside it: no scripts, fonts or images from elsewhere.

The template is `page.html`. matplotlib and jinja2 are imported when a page is made, not before.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from spikec.report.chip import chip
from spikec.report.plots import to_bytes
from spikec.report.raster import MAX_STRIPS, raster
from spikec.report.shown import Shown
from spikec.report.summary import Summary
from spikec.report.tables import Table, accuracy_text, count_text, energy_range_text, tables
from spikec.result import CoreCounts, RunResult
from spikec.units import several


@dataclass(frozen=True)
class Picture:
    """One picture of a page.

    Attributes:
        title: Above it.
        png: Its bytes.
        alt: What it shows, for who cannot see it.
        caption: Below it.
    """

    title: str
    png: bytes
    alt: str
    caption: str

    @property
    def data(self) -> str:
        """The bytes as a page holds them."""
        return base64.b64encode(self.png).decode()


def page(
    result: RunResult,
    summary: Summary,
    sample: int = 0,
    title: str = "spikec report",
    number: int | None = None,
) -> str:
    """Make the page.

    Args:
        result: The run, for the picture of its spikes.
        summary: Its figures, from `spikec.report.summary.summarise`.
        sample: Whose spikes to draw.
        title: Of the page.
        number: What the sample is called, if not by its place in the run.

    Raises:
        UsageError: There is no such sample.
    """
    names = list(result.spikes) if summary.n_samples else []
    pictures = [_spikes(result, names, sample, sample if number is None else number)] if names else []
    if summary.cores is not None and summary.n_samples:
        pictures.append(_chip(summary.cores, summary.n_samples))
    return page_of(title, _headlines(summary), pictures, tables(summary))


def page_of(
    title: str, headlines: list[tuple[str, str]], pictures: list[Picture], shown: Iterable[Table]
) -> str:
    """Make a page of its parts."""
    from jinja2 import Environment

    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=title, headlines=headlines, pictures=pictures, tables=list(shown)
    )


def _spikes(result: RunResult, names: list[str], sample: int, number: int) -> Picture:
    """The raster of one sample."""
    picture = to_bytes(raster(Shown(result), None, sample, {}, number), "png")
    drawn = [result.spikes[name].select(sample, sample + 1) for name in names[:MAX_STRIPS]]
    n_left_out = len(names) - len(drawn)
    n_spikes = sum(e.n_events for e in drawn)
    caption = f"{n_spikes} spikes; each mark is a spike, a line a neuron, a strip a population."
    if n_left_out:
        caption += f" {n_left_out} more populations are not drawn."
    return Picture(
        f"Spikes of sample {number}",
        picture,
        f"Raster of the spikes of sample {number}, a strip for each population",
        caption,
    )


def _chip(cores: CoreCounts, n_samples: int) -> Picture:
    """The mesh with the work and the messages of every core."""
    m = cores.mesh
    return Picture(
        "Cores of the chip",
        to_bytes(chip(cores, n_samples), "png"),
        "Two maps of the mesh, the work and messages of every core, and the busiest core's work over time",
        f"{several(cores.n_cores, 'core')}; {m['columns']} times {m['rows']} tiles of {m['cores_per_tile']}"
        f" cores on {several(m['chips'], 'chip')}, side by side; grey places hold nothing.",
    )


def _headlines(summary: Summary) -> list[tuple[str, str]]:
    """The few figures a reader looks for first."""
    n = summary.n_samples or 0
    found = [("inferences", count_text(n))]
    if summary.accuracy is not None:
        found.insert(0, ("accuracy", accuracy_text(summary.accuracy).split(" of ")[0]))
    if summary.totals and n:
        found.append(("synaptic events an inference", count_text(summary.totals["synaptic_events"] / n)))
    if summary.energy:
        found.append(("energy an inference", energy_range_text(summary) or "no published price"))
    return found

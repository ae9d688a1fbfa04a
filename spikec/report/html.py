"""A summary as a page.

Parts of pictures hold the number that they show as ``data-value``, unrounded and as the JSON report has it.
"""

from __future__ import annotations

from dataclasses import replace

from spikec.answers import Accuracy
from spikec.arrays import IntArray
from spikec.report.bars import energy_bars
from spikec.report.chip import busiest, fullest, mesh
from spikec.report.graph import graph
from spikec.report.intervals import accuracies
from spikec.report.page import Picture, Section, page_of
from spikec.report.prices import energy_range_text
from spikec.report.shown import Shown
from spikec.report.strips import spike_strips
from spikec.report.summary import Summary
from spikec.report.table import accuracy_text, count_text
from spikec.report.tables import Chapter, chapters
from spikec.result import CoreCounts, RunResult
from spikec.units import several


def page(
    result: RunResult,
    summary: Summary,
    sample: int = 0,
    title: str = "spikec report",
    number: int | None = None,
    beside: Shown | None = None,
) -> str:
    """Make the page.

    Args:
        result: The run, for the picture of its spikes.
        summary: Its figures, from `spikec.report.summary.summarise`.
        sample: Whose spikes to draw.
        title: Of the page.
        number: What the sample is called, if not by its place in the run.
        beside: The same sample of another run of the network, whose spikes to draw beside.

    Raises:
        UsageError: There is no such sample, or the other run is of another network.
    """
    drawn = {
        "Network": _network(summary),
        "Accuracy and spikes": _answers(result, summary, sample, number, beside),
        "Cores": _chip(summary),
        "Energy": _energy(summary),
    }
    told = {chapter.title: chapter for chapter in chapters(summary)}
    order = ("Result", "Network", "Passes", *drawn, "NeuroBench", "Provenance")
    sections = []
    for name in dict.fromkeys(order):
        chapter = told.get(name, Chapter(name, ()))
        pictures = tuple(drawn.get(name, ()))
        if pictures or chapter.tables or chapter.folded:
            sections.append(Section(name, pictures, chapter.tables, chapter.folded))
    return page_of(title, _headlines(summary), sections)


def _network(summary: Summary) -> list[Picture]:
    drawn = graph(summary.facts)
    if drawn is None:
        return []
    caption = (
        "From left to right as spikes go; lines that lead back curve around. Round boxes are inputs, those "
        "with thick frames lead nowhere else. Delays are those beyond the tick that each hop takes on a chip."
    )
    return [Picture("The network as a graph", drawn, caption)]


def _answers(
    result: RunResult, summary: Summary, sample: int, number: int | None, beside: Shown | None
) -> list[Picture]:
    """Accuracies with their intervals, and the spikes of one sample."""
    pictures = []
    shown: list[tuple[str, Accuracy]] = []
    if summary.accuracy is not None:
        shown.append(("this run", summary.accuracy))
    if summary.beside is not None and summary.beside.accuracy is not None:
        shown.append((summary.beside.name, summary.beside.accuracy))
    if shown:
        caption = "The dot is the share of right answers; between the ends it lies with 95 % (Wilson)."
        pictures.append(Picture("Accuracy", accuracies(shown), caption))
    if result.spikes and summary.n_samples:
        pictures.append(_spikes(result, sample, sample if number is None else number, beside))
    return pictures


def _spikes(result: RunResult, sample: int, number: int, beside: Shown | None) -> Picture:
    drawn, words = spike_strips(Shown(result, "this run"), beside, sample, number)
    caption = (
        f"{words[:1].upper()}{words[1:]}. Each mark is a spike, each line a neuron, each strip a population."
    )
    return Picture(f"Spikes of sample {number}", drawn, caption)


def _chip(summary: Summary) -> list[Picture]:
    """The mesh with use and traffic of every core, and the busiest core over time."""
    cores, n = summary.cores, summary.n_samples
    if cores is None or not n:
        return []
    maps = [
        (
            "Work",
            "synaptic events and neuron updates of each core, an inference",
            cores.work.sum(axis=0) / n,
            "",
        ),
        ("Traffic", "messages to and from each core, an inference", _traffic(cores) / n, ""),
    ]
    full = fullest(summary.core_use)
    if full is not None:
        maps.insert(0, ("Use", "how full each core is by the limit that it fills most", full, " %"))
    pictures = [
        Picture(name, mesh(cores, values, what, unit), f"{what[:1].upper()}{what[1:]}.", half=True)
        for name, what, values, unit in maps
    ]
    m = cores.mesh
    about = (
        f"{several(cores.n_cores, 'core')} in use; {m['columns']} times {m['rows']} tiles of "
        f"{m['cores_per_tile']} cores on {several(m['chips'], 'chip')}."
    )
    pictures[0] = replace(pictures[0], caption=f"{pictures[0].caption} {about}")
    caption = "Synaptic events and neuron updates of a core in each tick, an inference."
    return [*pictures, Picture("The busiest core over time", busiest(cores, n), caption)]


def _traffic(cores: CoreCounts) -> IntArray:
    return cores.messages_in + cores.messages_out


def _energy(summary: Summary) -> list[Picture]:
    bars = energy_bars(summary)
    if bars is None:
        return []
    caption = (
        "Estimates: exact counts times prices of others. Point at a part of a bar, or reach it with the Tab "
        "key, for its count, its price and where that is from; the tables below have the same."
    )
    return [Picture("", bars, caption)]


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

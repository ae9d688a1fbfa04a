"""A summary as one page of HTML that needs nothing beside it: no scripts, fonts or images from elsewhere.

The template is `page.html`. matplotlib and jinja2 are imported when a page is made, not before.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from spikec.errors import UsageError
from spikec.events import Events
from spikec.report.summary import Summary
from spikec.report.tables import accuracy_text, count_text, energy_range_text, printable, tables
from spikec.result import RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_MARKS = 50_000
"""More spikes than this would only make the picture larger; of a fuller population each n-th is drawn."""

MAX_STRIPS = 24
"""Populations drawn; a taller picture nobody would read."""

_COLOURS = ("#2b6cb0", "#b7791f", "#2f855a", "#9b2c2c", "#6b46c1", "#4a5568")


def page(result: RunResult, summary: Summary, sample: int = 0, title: str = "spikec report") -> str:
    """Make the page.

    Args:
        result: The run, for the picture of its spikes.
        summary: Its figures, from `spikec.report.summary.summarise`.
        sample: Whose spikes to draw.
        title: Of the page.

    Raises:
        UsageError: There is no such sample.
    """
    from jinja2 import Environment

    n_samples = summary.n_samples or 0
    if n_samples and not 0 <= sample < n_samples:
        raise UsageError(f"there is no sample {sample}; the run has samples 0 to {n_samples - 1}")
    names = list(result.spikes)[:MAX_STRIPS] if n_samples else []
    spikes = {name: result.spikes[name].select(sample, sample + 1) for name in names}
    picture = base64.b64encode(raster_png(spikes, summary.dt)).decode() if spikes else None
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=title,
        headlines=_headlines(summary),
        picture=picture,
        sample=sample,
        n_left_out=len(result.spikes) - len(spikes),
        n_spikes=sum(e.n_events for e in spikes.values()),
        tables=tables(summary),
    )


def raster_png(spikes: Mapping[str, Events], dt: float | None) -> bytes:
    """Draw the spikes of one sample, a strip a population, as a PNG.

    Args:
        spikes: By population, each with one sample.
        dt: Length of a tick, seconds, if known; ticks are then also given in milliseconds.
    """
    from matplotlib.figure import Figure

    heights = [max(0.6, min(2.4, 0.3 + e.n_neurons / 60)) for e in spikes.values()]
    figure = Figure(figsize=(9.0, 0.7 + sum(heights)), layout="constrained")
    axes = figure.subplots(len(spikes), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for i, (axis, (name, e)) in enumerate(zip(axes, spikes.items(), strict=True)):
        _draw(axis, name, e, _COLOURS[i % len(_COLOURS)])
    in_ticks = any(e.in_ticks and e.n_events for e in spikes.values())
    tick = "tick" if dt is None else f"tick ({1e3 * dt:g} ms each)"
    axes[-1].set_xlabel(tick if in_ticks else "time (s)")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _draw(axis: Axes, name: str, e: Events, colour: str) -> None:
    from matplotlib.ticker import MaxNLocator

    step = 1 + e.n_events // MAX_MARKS
    size = 30.0 if e.n_neurons <= 20 else 4.0
    axis.scatter(e.times[::step], e.neurons[::step], s=size, marker="|", color=colour, linewidths=1.0)
    axis.set_ylim(e.n_neurons - 0.5, -0.5)
    label = printable(name if len(name) <= 30 else f"{name[:29]}…")
    axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9, parse_math=False)
    axis.tick_params(labelsize=8)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


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

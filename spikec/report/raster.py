"""One sample of a run as a picture: a strip of spikes for each population, and recorded membranes below.

A second run can be drawn beside the first, for instance a program beside its exact network. Ticks are drawn
at the times that they stand for (`spikec.spike_times`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from spikec.report.membranes import draw_membranes, membrane_panels
from spikec.report.plots import COLOURS, LONGEST_NAME, PAIR, name_axis
from spikec.report.shown import (
    Shown,
    answer_of,
    check_related,
    check_sample,
    end_of,
    strips,
    time_scale,
    times_of,
    title_of,
)
from spikec.report.table import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_MARKS = 50_000
"""More spikes than this would only make the picture larger; of a fuller population each n-th is drawn."""

_WIDTH = 9.0


def raster(
    shown: Shown,
    beside: Shown | None = None,
    sample: int = 0,
    neurons: Mapping[str, Sequence[int]] | None = None,
    number: int | None = None,
) -> Figure:
    """Draw one sample: a strip of spikes for each population, and below them recorded membranes.

    Args:
        shown: The run.
        beside: Another run, of the same network in another form; its spikes are drawn below the first's in
            each row, ticks at the times they stand for.
        sample: Which sample.
        neurons: Whose membranes to draw, by population; None for a few of each that is recorded in the course
            of time.
        number: What the sample is called, if not by its place in the run.

    Raises:
        UsageError: There is no such sample, population, neuron or membrane, one run counts time in ticks of
            unknown length and the other does not, or they are not of one network.
    """
    runs = [shown] if beside is None else [shown, beside]
    if beside is not None:
        check_related(shown.result, beside.result)
    for run in runs:
        check_sample(run.result, sample)
    scale, unit = time_scale(runs)
    panels = membrane_panels(runs, neurons)
    sizes, n_left_out = strips(runs, {panel.name for panel in panels})
    heights = [max(0.32, min(2.4, 0.3 + n / 60)) for n in sizes.values()] + [1.3] * len(panels)
    figure, axes = _stacked(heights, [*sizes, *(panel.title for panel in panels)], len(panels) > 0)
    for i, (axis, (name, size)) in enumerate(zip(axes, sizes.items(), strict=False)):
        colours = PAIR if beside is not None else (COLOURS[i % len(COLOURS)],)
        _draw_strip(axis, name, size, heights[i], runs, sample, scale, colours)
    for axis, panel in zip(axes[len(sizes) :], panels, strict=True):
        draw_membranes(axis, panel, sample, scale)
    end = max(end_of(run.result, scale) for run in runs)
    for axis in axes:
        axis.set_xlim(-0.01 * end, 1.01 * end) if end > 0 else None
        axis.tick_params(labelbottom=axis is axes[-1])
    axes[-1].set_xlabel(unit)
    title = title_of(runs, sample, sample if number is None else number, n_left_out)
    axes[0].set_title(title, loc="left", fontsize=10, parse_math=False)
    if beside is not None:
        _add_legend(axes[0], runs)
    return figure


def _stacked(heights: Sequence[float], names: Sequence[str], with_legends: bool) -> tuple[Figure, list[Axes]]:
    """A figure of axes one below the other, inches high each, that share their time."""
    from matplotlib.figure import Figure

    longest = max(len(line) for name in names for line in name.split("\n"))
    left = 0.75 + 0.08 * min(longest, LONGEST_NAME)
    right, top, bottom, gap = (1.0 if with_legends else 0.35), 0.4, 0.5, 0.16
    width, height = _WIDTH, top + sum(heights) + gap * (len(heights) - 1) + bottom
    figure = Figure(figsize=(width, height))
    axes: list[Axes] = []
    y = height - top
    for h in heights:
        y -= h
        box = (left / width, y / height, (width - left - right) / width, h / height)
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
        y -= gap
    return figure, axes


def _draw_strip(
    axis: Axes,
    name: str,
    size: int,
    height: float,
    runs: Sequence[Shown],
    sample: int,
    scale: float | None,
    colours: Sequence[str],
) -> None:
    """Draw one population's spikes; a second run's half a row lower."""
    row = 72.0 * height / size  # points
    apart = 0.25 if len(runs) > 1 and row > 6.0 else 0.0
    length = min(max((0.42 if apart else 0.8) * row, 3.5 if len(runs) == 1 else 5.0), 14.0)
    widths = (1.2,) if len(runs) == 1 else ((1.6, 1.6) if apart else (2.2, 0.9))
    for run, colour, width, side in zip(runs, colours, widths, (-1, 1), strict=False):
        if name not in run.result.spikes:
            continue
        e = run.result.spikes[name].select(sample, sample + 1)
        step = 1 + e.n_events // MAX_MARKS
        axis.scatter(
            times_of(run.result, name, e, scale)[::step],
            e.neurons[::step] + (side * apart),
            s=length**2,
            marker="|",
            color=colour,
            linewidths=width,
            rasterized=e.n_events > 10_000,
        )
    _mark_answers(axis, name, runs, sample, colours)
    axis.set_ylim(size - 0.5, -0.5)
    axis.set_yticks([0] if size == 1 else [0, size - 1])
    name_axis(axis, name)


def _mark_answers(axis: Axes, name: str, runs: Sequence[Shown], sample: int, colours: Sequence[str]) -> None:
    """Shade the row of each run's answer, if this population gives it."""
    answers = [answer_of(run.result, sample, name) for run in runs]
    for k, (answer, colour) in enumerate(zip(answers, colours, strict=True)):
        if answer is None or answer in answers[:k]:
            continue
        agreed = len(runs) > 1 and answers.count(answer) == len(runs)
        shade = "0.3" if agreed else colour
        axis.axhspan(answer - 0.5, answer + 0.5, color=shade, alpha=0.15, lw=0)
        axis.annotate(
            f"{answer}",
            (1.0, answer),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            ha="left",
            fontsize=8,
            fontweight="bold",
            color=shade,
        )


def _add_legend(axis: Axes, runs: Sequence[Shown]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker="|", ms=9, mew=width, color=colour, label=printable(run.label))
        for run, colour, width in zip(runs, PAIR, (2.6, 1.4), strict=True)
    ]
    axis.legend(
        handles=handles, ncols=2, frameon=False, fontsize=9,
        loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2,
    )  # fmt: skip

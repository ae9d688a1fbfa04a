"""One sample of a run as a picture: a strip of spikes for each population, and recorded membranes below.

A second run can be drawn beside the first, for instance a program beside its exact network. Ticks are drawn
at the times that they stand for (`spikec.spike_times`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from spikec.errors import UsageError
from spikec.report.membranes import draw_membranes, membrane_panels
from spikec.report.plots import COLOURS, LONGEST_NAME, name_axis
from spikec.report.shown import Shown, answer_of, times_of
from spikec.report.tables import printable
from spikec.result import RunResult
from spikec.units import several

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_MARKS = 50_000
"""More spikes than this would only make the picture larger; of a fuller population each n-th is drawn."""

MAX_STRIPS = 24
"""Populations drawn; a taller picture nobody would read."""

_PAIR = ("#5a9bdc", "#b3360b")
"""The run itself, and the one beside it: light blue and dark orange, apart for every eye and in grey."""

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
        _check_related(shown.result, beside.result)
    for run in runs:
        _check_sample(run.result, sample)
    scale, unit = _time_scale(runs)
    panels = membrane_panels(runs, neurons)
    strips, n_left_out = _strips(runs, {panel.name for panel in panels})
    heights = [max(0.32, min(2.4, 0.3 + n / 60)) for n in strips.values()] + [1.3] * len(panels)
    figure, axes = _stacked(heights, [*strips, *(panel.title for panel in panels)], len(panels) > 0)
    for i, (axis, (name, size)) in enumerate(zip(axes, strips.items(), strict=False)):
        colours = _PAIR if beside is not None else (COLOURS[i % len(COLOURS)],)
        _draw_strip(axis, name, size, heights[i], runs, sample, scale, colours)
    for axis, panel in zip(axes[len(strips) :], panels, strict=True):
        draw_membranes(axis, panel, sample, scale)
    end = max(_end(run.result, scale) for run in runs)
    for axis in axes:
        axis.set_xlim(-0.01 * end, 1.01 * end) if end > 0 else None
        axis.tick_params(labelbottom=axis is axes[-1])
    axes[-1].set_xlabel(unit)
    title = _title(runs, sample, sample if number is None else number, n_left_out)
    axes[0].set_title(title, loc="left", fontsize=10, parse_math=False)
    if beside is not None:
        _add_legend(axes[0], runs)
    return figure


def _strips(runs: Sequence[Shown], with_membranes: Collection[str]) -> tuple[dict[str, int], int]:
    """Populations whose spikes are drawn, and their sizes; how many are left out.

    Those that cannot spike have no strip where their membranes are drawn. Left out is what only one run has,
    and what the compiler added: relays, and neurons that always spike.
    """
    sizes: dict[str, int] = {}
    for run in runs:
        listed = (run.result.meta.get("facts") or {}).get("populations") or ()
        silent = {p["name"] for p in listed if not p.get("spikes", True)} & set(with_membranes)
        for name, e in run.result.spikes.items():
            if name not in silent:
                sizes[name] = max(sizes.get(name, 1), e.n_neurons)
    drawn = [name for name in sizes if all(name in _own(run.result) for run in runs)][:MAX_STRIPS]
    return {name: sizes[name] for name in drawn}, len(sizes) - len(drawn)


def _own(run: RunResult) -> Collection[str]:
    """Populations of the network that was compiled: those whose lateness its program knows; else all."""
    return set(run.meta.get("late_ticks") or ()) & set(run.spikes) or set(run.spikes)


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


def _check_related(a: RunResult, b: RunResult) -> None:
    common = [name for name in a.spikes if name in b.spikes]
    for name in common:
        n_a, n_b = a.spikes[name].n_neurons, b.spikes[name].n_neurons
        if n_a != n_b:
            raise UsageError(
                f"{name} has {several(n_a, 'neuron')} in one run and {n_b} in the one beside it; draw runs "
                "of one network"
            )
    if not common:
        raise UsageError("the runs have no population in common; draw runs of one network beside each other")


def _check_sample(result: RunResult, sample: int) -> None:
    n = min((e.n_samples for e in result.spikes.values()), default=0)
    if not 0 <= sample < n:
        there = f"the run has samples 0 to {n - 1}" if n else "the run has no samples"
        raise UsageError(f"there is no sample {sample} to draw; {there}")


def _time_scale(runs: Sequence[Shown]) -> tuple[float | None, str]:
    """By what to multiply seconds, and the axis' label; None where there are only ticks."""
    unknown = [run for run in runs if not run.result.meta.get("dt") and _in_ticks(run.result)]
    if not unknown:
        return 1e3, "time (ms)"
    if len(unknown) < len(runs):
        raise UsageError(
            f"{unknown[0].label or 'a run'} is in ticks of unknown length and cannot be drawn beside the "
            "other; run its program again with this spikec"
        )
    return None, "tick"


def _in_ticks(run: RunResult) -> bool:
    return any(e.in_ticks and e.n_events for e in run.spikes.values())


def _end(run: RunResult, scale: float | None) -> float:
    """The end of a run on the time axis."""
    until, dt = run.meta.get("until"), run.meta.get("dt")
    if until is None:
        return max(
            (float(times_of(run, n, e, scale).max(initial=0)) for n, e in run.spikes.items()), default=0.0
        )
    return float(until) if scale is None else scale * float(until) * (float(dt) if dt else 1.0)


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


def _title(runs: Sequence[Shown], sample: int, number: int, n_left_out: int) -> str:
    parts = [f"sample {number}"]
    answers = [answer_of(run.result, sample) for run in runs if run.result.meta.get("predictions")]
    if answers:
        words = ("none" if a is None else str(a) for a in dict.fromkeys(answers))
        parts.append(f"answer {', beside it '.join(words)}")
    labels = tuple(runs[0].result.meta.get("labels") or ())
    if sample < len(labels):
        parts.append(f"right is {labels[sample]}")
    if n_left_out:
        parts.append(f"{n_left_out} more populations are not drawn")
    return "  ·  ".join(parts)


def _add_legend(axis: Axes, runs: Sequence[Shown]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker="|", ms=9, mew=width, color=colour, label=printable(run.label))
        for run, colour, width in zip(runs, _PAIR, (2.6, 1.4), strict=True)
    ]
    axis.legend(
        handles=handles, ncols=2, frameon=False, fontsize=9,
        loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2,
    )  # fmt: skip

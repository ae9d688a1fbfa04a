"""One sample of a run in a page: a strip of spikes for each population, another run's beside it.

`spikec.report.raster` draws the same with matplotlib, for files.
"""

from __future__ import annotations

from collections.abc import Sequence

from spikec.report.raster import MAX_MARKS
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
from spikec.report.svg import bottom_axis, number, picture, tag, text

LEFT, WIDTH, RIGHT = 130.0, 700.0, 60.0
"""Room for names, for spikes, and for answers, px."""

GAP = 10.0

STYLES = (("wide", 3.6, 4.0), ("narrow", 1.5, 7.0))
"""Marks of the run beside, and on them the run itself's, px wide and high: where they meet both are seen."""


def spike_strips(
    shown: Shown, beside: Shown | None = None, sample: int = 0, called: int | None = None
) -> tuple[str, str]:
    """Draw one sample.

    Args:
        shown: The run.
        beside: Another run of the same network; ticks are drawn at the times they stand for.
        sample: Which sample.
        called: What the sample is called, if not by its place in the run.

    Returns:
        The picture, and what it says of the sample.

    Raises:
        UsageError: There is no such sample, one run counts time in ticks of unknown length and the other does
            not, or they are not of one network.
    """
    runs = [shown] if beside is None else [beside, shown]
    if beside is not None:
        check_related(shown.result, beside.result)
    for run in runs:
        check_sample(run.result, sample)
    scale, unit = time_scale(runs)
    sizes, n_left_out = strips(runs, ())
    end = max(max(end_of(run.result, scale) for run in runs), 1e-12)
    parts, y = ([], 8.0) if beside is None else ([_legend(runs)], 34.0)
    for name, size in sizes.items():
        height = max(18.0, min(170.0, 12.0 + 3.0 * size))
        parts.append(_strip(name, size, y, height, runs, sample, scale, end))
        y += height + GAP
    parts.append(bottom_axis((LEFT, LEFT + WIDTH), (0.0, end), y, unit))
    words = title_of(runs[::-1], sample, sample if called is None else called, n_left_out)
    return picture(LEFT + WIDTH + RIGHT, y + 44, f"Spikes over time: {words}", parts), words


def _strip(
    name: str,
    size: int,
    y: float,
    height: float,
    runs: Sequence[Shown],
    sample: int,
    scale: float | None,
    end: float,
) -> str:
    """One population."""
    row = height / size
    parts = [tag("rect", x=LEFT, y=y, width=WIDTH, height=height, class_="strip")]
    parts += _answers(runs, name, sample, y, row)
    for k, run in enumerate(runs):
        parts.append(_spikes(run, name, sample, y, row, WIDTH / end if end else 0.0, scale, k, len(runs)))
    parts.append(text(LEFT - 10, y + height / 2 + (-1 if height > 30 else 4), name, "end", LEFT - 16))
    if height > 30:
        parts.append(text(LEFT - 10, y + height / 2 + 14, f"{size:,}", "end small soft"))
    return tag("g", *parts)


def _spikes(
    run: Shown, name: str, sample: int, y: float, row: float, px: float, scale: float | None, k: int, of: int
) -> str:
    """All spikes of one run as one path; the number of those drawn is its value."""
    if name not in run.result.spikes:
        return ""
    e = run.result.spikes[name].select(sample, sample + 1)
    step = 1 + e.n_events // MAX_MARKS
    style, width, least = ("alone", 1.3, 3.5) if of == 1 else STYLES[k]
    length = min(max(0.8 * row, least), 12.0)
    x = LEFT + times_of(run.result, name, e, scale)[::step] * px
    top = y + (e.neurons[::step] + 0.5) * row - length / 2
    d = "".join(
        f"M{number(a)} {number(b)}v{number(length)}" for a, b in zip(x.tolist(), top.tolist(), strict=True)
    )
    return tag("path", d=d, class_=f"spikes {style}", stroke_width=width, data_value=str(e.n_events))


def _answers(runs: Sequence[Shown], name: str, sample: int, y: float, row: float) -> list[str]:
    """A frame around the row of each run's answer, if this population gives it; their numbers apart."""
    answers = sorted({a for run in runs if (a := answer_of(run.result, sample, name)) is not None})
    parts, below = [], 0.0
    for answer in answers:
        at = max(y + (answer + 0.5) * row + 4, below)
        below = at + 13
        top, high = y + answer * row, max(row, 4.0)
        parts.append(tag("rect", x=LEFT - 3, y=top, width=WIDTH + 6, height=high, class_="given"))
        parts.append(text(LEFT + WIDTH + 8, at, str(answer), "strong small"))
    return parts


def _legend(runs: Sequence[Shown]) -> str:
    """Which marks are whose."""
    parts, x = [], LEFT
    for run, (style, width, _) in zip(runs, STYLES, strict=True):
        parts.append(tag("path", d=f"M{number(x + 3)} 8v12", class_=f"spikes {style}", stroke_width=width))
        words = f"{style}: {run.label}"
        parts.append(text(x + 12, 18, words, "", 320))
        x += 350
    return tag("g", *parts)

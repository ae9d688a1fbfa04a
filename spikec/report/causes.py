"""Where two runs part, as tables and as a picture: both membranes, and what their difference is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikec.causes.arrivals import Time
from spikec.causes.found import PARTS, Cause, Diff, Half
from spikec.report.plots import bare
from spikec.report.table import Table, printable
from spikec.units import seconds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CAUSES = 12
"""Arrivals listed or drawn; the others are summed up."""

_PAIR = ("#5a9bdc", "#b3360b")

_NONE = "–"


def diff_tables(found: Diff, a: str, b: str) -> tuple[Table, ...]:
    """The membranes, what their difference comes from, and the arrivals that differ most.

    Args:
        found: A difference.
        a: What run a is called.
        b: What run b is called.
    """
    if found.first is None:
        return ()
    what = found.quantity
    columns = ("run", "time", what, "threshold", "above it")
    halves = Table(f"{what.capitalize()}s then", columns,
                   (_half_row(f"a: {a}", found.a), _half_row(f"b: {b}", found.b)))  # fmt: skip
    sums = tuple((name, _number(value)) for name, value in found.sums().items())
    whole = found.margin_difference
    if whole is not None:
        sums = (*sums, ("together: b above its threshold, less a", _number(whole)))
    header = ("arrival of", "weight a", "b", "time a", "b", "worth a", "b", "difference", "mostly by")
    rows = tuple(_cause_row(c) for c in found.causes[:MOST_CAUSES] if c.difference or c.a)
    left = len(found.causes) - len(rows)
    notes = (f"{left} more that differ less",) if left > 0 else ()
    tables = (
        halves,
        Table(
            "What the difference comes from",
            ("part", f"{what} units"),
            sums,
            has_total=whole is not None,
        ),
        Table("Synaptic events, those that differ most", header, rows, notes=notes),
    )
    return tuple(t for t in tables if t.rows)


def sentence(found: Diff, a: str, b: str) -> str:
    """Where the runs part, and what does most of it."""
    first = found.first
    if first is None:
        return f"{a} and {b} spike the same"
    has, lacks = (a, b) if first.side == "a" else (b, a)
    own, other = (first.time_a, first.time_b) if first.side == "a" else (first.time_b, first.time_a)
    there = (
        f"not in {lacks}"
        if first.later is None
        else f"in {lacks} only at {_time(other)}, {seconds_text(first.later)} later"
    )
    text = f"neuron {first.neuron} of {first.population} spikes at {_time(own)} in {has}, {there}"
    blamed = next((c for c in found.causes if c.difference), None)
    if blamed is None:
        return text
    return f"{text}; most of it: {_arrival(blamed)}, {_explained(blamed)}"


def traces(found: Diff, a: str, b: str, sample: int) -> Figure:
    """Draw both membranes in the user's units over time, and below them what arrivals did otherwise.

    Args:
        found: A difference.
        a: What run a is called.
        b: What run b is called.
        sample: Which sample it is of.
    """
    from matplotlib.figure import Figure

    assert found.first is not None
    figure = Figure(figsize=(8.5, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    for half, label, colour, width in zip((found.a, found.b), (a, b), _PAIR, (2.2, 1.3), strict=True):
        _draw_trace(upper, half, label, colour, width)
    _show_the_moment(upper, found)
    upper.set_xlabel("time (ms)")
    upper.set_ylabel(found.quantity)
    upper.legend(frameon=False, fontsize=8)
    first = found.first
    title = f"sample {sample}  ·  neuron {first.neuron} of {first.population}"
    upper.set_title(printable(title), loc="left", fontsize=10, parse_math=False)
    _draw_sums(lower, found)
    for axis in (upper, lower):
        bare(axis)
    return figure


def _draw_trace(axis: Axes, half: Half, label: str, colour: str, width: float) -> None:
    if not half.trace:
        return
    times = 1e3 * np.asarray(half.trace_times)
    axis.plot(times, half.trace, color=colour, lw=width, label=printable(label))
    if half.threshold is not None and np.isfinite(float(half.threshold)):
        axis.axhline(float(half.threshold), color=colour, lw=0.8, ls="--")


def _show_the_moment(axis: Axes, found: Diff) -> None:
    """Limit an axis to what happened up to the difference, and a bit more."""
    assert found.first is not None
    seconds = found.first.seconds
    axis.axvline(1e3 * seconds, color="0.6", lw=0.8, ls=":")
    seen = [
        v for h in (found.a, found.b) for t, v in zip(h.trace_times, h.trace, strict=True) if t <= seconds
    ]
    seen += [float(h.threshold) for h in (found.a, found.b) if h.threshold is not None]
    if seen and np.all(np.isfinite(seen)):
        margin = 0.15 * (max(seen) - min(seen)) or 1.0
        axis.set_ylim(min(seen) - margin, max(seen) + margin)
    last = max((t for h in (found.a, found.b) for t in h.trace_times), default=seconds)
    axis.set_xlim(0, 1e3 * min(last, 1.4 * max(seconds, last / 100)))


def _draw_sums(axis: Axes, found: Diff) -> None:
    """The parts of the difference as bars."""
    parts = {name: float(value) for name, value in found.sums().items()}
    bars = [(_arrival(c), float(c.difference)) for c in found.causes[:MOST_CAUSES] if c.difference]
    others = [(name, value) for name, value in parts.items() if name not in PARTS]
    rows = [*bars, *others][:MOST_CAUSES]
    names, values = [printable(name) for name, _ in rows], [value for _, value in rows]
    axis.barh(np.arange(len(rows)), values, color=[_PAIR[int(v > 0)] for v in values])
    axis.set_yticks(np.arange(len(rows)), names, fontsize=7, parse_math=False)
    axis.invert_yaxis()
    axis.axvline(0.0, color="0.5", lw=0.8)
    axis.set_xlabel(f"b's {found.quantity} above its threshold, less a's")


def _half_row(name: str, half: Half) -> tuple[str, ...]:
    above = None if half.membrane is None or half.threshold is None else half.membrane - half.threshold
    time = _NONE if half.time is None else _time(half.time)
    return name, time, _number(half.membrane), _number(half.threshold), _number(above)


def _cause_row(c: Cause) -> tuple[str, ...]:
    times = (_NONE if t is None else _time(t) for t in (c.time_a, c.time_b))
    return (_arrival(c), _number(c.weight_a), _number(c.weight_b), *times,
            _number(c.a), _number(c.b), _number(c.difference), _reason(c))  # fmt: skip


def _arrival(c: Cause) -> str:
    again = f", spike {c.rank + 1}" if c.rank else ""
    return f"{c.population}:{c.neuron} by {c.projection}{again}"


def _reason(c: Cause) -> str:
    """The part that differs most, in words."""
    part, value = max(c.parts.items(), key=lambda item: abs(float(item[1])))
    words = {"weights": "weight", "times": "arrival", "neurons": "decays", "spikes": "spike"}
    return words[part] if value else ""


def _explained(c: Cause) -> str:
    """The same in a sentence."""
    if _reason(c) == "weight":
        return f"its weight, {_number(c.weight_a)} and {_number(c.weight_b)}"
    return {"arrival": "when it arrives", "decays": "decays and resets"}.get(
        _reason(c), "a spike that only one run has"
    )


def _time(time: Time | None) -> str:
    if time is None:
        return _NONE
    return f"tick {time}" if isinstance(time, int) else seconds_text(time)


def _number(value: object) -> str:
    return _NONE if value is None else f"{float(value):.4g}"  # type: ignore[arg-type]

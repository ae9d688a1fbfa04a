"""Recorded membranes of one sample as lines, one panel for each population and run.

Neurons that keep a pair of integers are drawn by its ratio a/b: that is their membrane, in a unit of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.ir.fixed_neurons import PAIRS, pair
from spikec.report.plots import name_axis
from spikec.report.shown import Shown, answer_of, times_of
from spikec.result import RunResult
from spikec.spike_times import lateness

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 10
"""Membranes drawn of a population where nobody says which: all of one so small, or the first `FEW` // 2."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Membranes of one population in one run, a column each."""

    run: Shown
    name: str
    neurons: tuple[int, ...]
    title: str


def membrane_panels(runs: Sequence[Shown], chosen: Mapping[str, Sequence[int]] | None) -> list[Panel]:
    """Which membranes to draw, in the order of the populations."""
    order = list(dict.fromkeys(name for run in runs for name in run.result.spikes))
    recorded = [(name, run) for name in order for run in runs if f"{name}.v" in run.result.traces]
    if chosen is not None:
        _check_chosen(chosen, recorded)
    found = []
    for name, run in recorded:
        n = run.result.traces[f"{name}.v"].shape[2]
        few = range(n if n <= FEW else FEW // 2)
        neurons = tuple(few if chosen is None else chosen.get(name, ()))
        if neurons:
            title = f"{name}\nmembrane" + (f"\n{run.label}" if len(runs) > 1 else "")
            found.append(Panel(run, name, neurons, title))
    return found


def _check_chosen(chosen: Mapping[str, Sequence[int]], recorded: Sequence[tuple[str, Shown]]) -> None:
    there = list(dict.fromkeys(name for name, _ in recorded))
    for name, neurons in chosen.items():
        sizes = [run.result.traces[f"{name}.v"].shape[2] for own, run in recorded if own == name]
        if not sizes:
            raise UsageError(
                f"no membrane of {name} was recorded in the course of time, only of "
                f"{', '.join(there) or 'none'}; run with --record {name}.v"
            )
        wrong = [j for j in neurons if not 0 <= j < min(sizes)]
        if wrong:
            raise UsageError(
                f"there is no neuron {wrong[0]} of {name} to draw; it has neurons 0 to {min(sizes) - 1}"
            )


def draw_membranes(axis: Axes, panel: Panel, sample: int, scale: float | None) -> None:
    """Draw membranes as lines, and their neurons' spikes as marks on the upper edge."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    run, name = panel.run.result, panel.name
    v = _values(run, name, sample)
    low, high = _limits(v[:, list(panel.neurons)])
    v[1:][(v[:-1] > high) & (v[1:] < low)] = np.nan  # through infinity: no line from one end to the other
    times = _trace_times(run, name, v.shape[0], scale)
    spikes = run.spikes[name].select(sample, sample + 1)
    at = times_of(run, name, spikes, scale)
    winner = answer_of(run, sample, name)
    few = len(panel.neurons) <= 10
    palette = colormaps["tab10" if few else "viridis"](
        np.arange(len(panel.neurons)) if few else np.linspace(0, 0.9, len(panel.neurons))
    )
    for j, colour in zip(panel.neurons, palette, strict=True):
        wins = j == winner
        text = f"{j}, answer" if wins else f"{j}"
        axis.plot(times, v[:, j], lw=2.4 if wins else 1.1, color=colour, zorder=3 if wins else 2, label=text)
        mine = at[spikes.neurons == j]
        axis.plot(
            mine, np.full(mine.size, 1.0), "v", ms=5, mew=0, color=colour,
            transform=axis.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
    axis.legend(
        frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.05), handlelength=1.0,
        borderaxespad=0.3, labelspacing=0.15, handletextpad=0.5,
    )  # fmt: skip
    axis.set_ylim(low, high)
    axis.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
    axis.yaxis.get_offset_text().set_fontsize(7)
    axis.yaxis.set_major_locator(MaxNLocator(4))
    name_axis(axis, panel.title)


def _values(run: RunResult, name: str, sample: int) -> FloatArray:
    """A recorded membrane, ``(n_times, n)``; pairs as their ratio, with a gap where they spike."""
    recorded = run.traces[f"{name}.v"][sample]
    if not _keeps_pairs(run, name):
        return np.array(recorded, np.float64)
    a, b = pair(recorded)
    with np.errstate(divide="ignore"):
        ratio: FloatArray = a / b
    spikes = run.spikes[name].select(sample, sample + 1)
    ratio[spikes.times.astype(np.int64), spikes.neurons] = np.nan  # no line through infinity
    return ratio


def _keeps_pairs(run: RunResult, name: str) -> bool:
    listed = (run.meta.get("facts") or {}).get("populations") or ()
    return any(p["name"] == name and p.get("neuron") in {k.__name__ for k in PAIRS} for p in listed)


def _trace_times(run: RunResult, name: str, n: int, scale: float | None) -> FloatArray:
    """When the values of a recorded membrane hold."""
    steps = np.arange(n, dtype=np.float64)
    if scale is None:
        return steps
    if run.meta.get("every"):
        return steps * (scale * float(run.meta["every"]))
    return (steps - lateness(run, name)) * (scale * float(run.meta.get("dt") or 1.0))


def _limits(v: FloatArray) -> tuple[float, float]:
    """Limits of an axis that shows all of some membranes, but for what goes through infinity."""
    finite = v[np.isfinite(v)]
    if not finite.size:
        return -1.0, 1.0
    low, middle, high = np.percentile(finite, (2, 50, 98))
    if max(finite.max() - middle, middle - finite.min()) > 4 * (high - low) > 0 or finite.size < v.size:
        margin = 0.3 * (high - low)
    else:
        low, high = finite.min(), finite.max()
        margin = 0.05 * (high - low)
    margin = margin or 0.05 * max(1.0, abs(middle))
    return float(low - margin), float(high + margin)

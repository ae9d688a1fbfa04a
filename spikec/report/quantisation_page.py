"""What quantisation did, as pictures and as a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from spikec.blame.blame import Blame, Outcome
from spikec.blame.figures import Quantisation
from spikec.pairing import pair_spikes
from spikec.program import Program
from spikec.report.page import Picture, Section, drawn_twice, page_of
from spikec.report.pareto import pareto_plot, pareto_table, search_figures
from spikec.report.plots import COLOURS, PAIR, bare
from spikec.report.quantisation import headlines, quantisation_tables
from spikec.report.table import printable
from spikec.result import RunResult
from spikec.spike_times import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_HISTOGRAMS = 8
"""Projections whose weights are drawn."""

MOST_MARKS = 20_000
"""Spikes in a scatter."""

MARKERS = "osD^vP"
"""Of populations side by side, besides their colours."""


def quantisation_page(
    title: str, found: Quantisation, program: Program, runs: tuple[RunResult, RunResult] | None
) -> str:
    """All of it as a page of HTML.

    Args:
        title: Of the page.
        found: What quantisation did.
        program: What was compiled.
        runs: Of the float network and of the program, if there were any.
    """
    searched = search_figures(program)
    tables = [*quantisation_tables(found), *([] if searched is None else [pareto_table(searched)])]
    sections = []
    if found.blame is not None:
        caption = "A part is to blame if it costs much alone, and if without it much comes back."
        alt = "Bars of what each part costs alone, and of what is left without it"
        sections.append(_drawn("Blame", partial(blame_bars, found.blame), alt, caption))
    if runs is not None:
        caption = "Each mark is a spike that both have; on the line they come at the same time."
        alt = "Scatter of the program's spike times over the float network's"
        sections.append(_drawn("Spike times", partial(spike_scatter, *runs), alt, caption))
    caption = "What a spike adds to the membrane, or its current, in a tick; counts on a logarithmic scale."
    alt = "Histograms of real and stored weights, one for each projection"
    sections.append(_drawn("Weights before and after", partial(weight_histograms, found), alt, caption))
    if searched is not None:
        caption = (
            "Programs that no other beats, with their ticks and bits; left of the line the budget is kept, "
            "and the ring is around the chosen one."
        )
        alt = "What each program takes of the budget, and the memory of its synapses"
        sections.append(_drawn("Search", partial(pareto_plot, searched), alt, caption))
    return page_of(title, headlines(found), [*sections, Section("Figures", (), tuple(tables))])


def weight_histograms(found: Quantisation) -> Figure:
    """Draw the weights of each projection before and after."""
    from matplotlib.figure import Figure

    drawn = {name: pair for name, pair in found.weights.items() if pair[0].size}
    names = list(drawn)[:MOST_HISTOGRAMS]
    figure = Figure(figsize=(8.0, 1.9 * max(len(names), 1)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(max(len(names), 1), 1))
    for axis, name in zip(axes, names, strict=False):
        before, after = drawn[name]
        edges = np.histogram_bin_edges(np.concatenate([before, after]), bins=81)
        axis.hist(before, edges, color=PAIR[0], alpha=0.7, label="float")
        axis.hist(after, edges, histtype="step", color=PAIR[1], lw=1.2, label="stored")
        axis.set_title(printable(name), loc="left", fontsize=9, parse_math=False)
        axis.set_yscale("symlog")
        bare(axis)
    axes[0].legend(frameon=False, fontsize=8)
    axes[-1].set_xlabel("what a spike adds in a tick")
    return figure


def spike_scatter(exact: RunResult, compiled: RunResult) -> Figure:
    """Draw when spikes come in the program against the float network, a colour and a mark a population."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 5.0), layout="constrained")
    axis = figure.subplots()
    longest = 0.0
    for k, name in enumerate(n for n in exact.spikes if n in compiled.spikes):
        of_a, of_b = exact.spikes[name], compiled.spikes[name]
        if of_a.n_neurons != of_b.n_neurons:
            continue
        in_a, in_b = pair_spikes(of_a, of_b)
        step = 1 + in_a.size // MOST_MARKS
        x = 1e3 * seconds(exact, name, of_a)[in_a[::step]]
        y = 1e3 * seconds(compiled, name, of_b)[in_b[::step]]
        colour = COLOURS[k % len(COLOURS)]
        style: dict[str, Any] = {"s": 9, "color": colour, "lw": 0, "alpha": 0.7}
        style["marker"] = MARKERS[k % len(MARKERS)]
        axis.scatter(x, y, label=printable(name), rasterized=True, **style)
        longest = max(longest, float(x.max(initial=0.0)), float(y.max(initial=0.0)))
    axis.plot([0, longest], [0, longest], color="0.5", lw=0.8)
    axis.set_xlabel("float network, ms")
    axis.set_ylabel("program, ms")
    axis.legend(frameon=False, fontsize=8, markerscale=3)
    bare(axis)
    return figure


def blame_bars(found: Blame) -> Figure:
    """Draw what each part costs alone, and what comes back without it: accuracy, or wrong spikes."""
    from matplotlib.figure import Figure

    rows = len(found.lines)
    figure = Figure(figsize=(8.0, 1.2 + 0.42 * max(rows, 1)), layout="constrained")
    axis = figure.subplots()
    at = np.arange(rows)
    scored = found.exact.accuracy is not None
    alone, without = (
        [_score(getattr(x, which), scored) for x in found.lines] for which in ("only", "all_but")
    )
    axis.barh(at - 0.2, alone, 0.38, color=PAIR[0], label="only this is quantised")
    axis.barh(at + 0.2, without, 0.38, color=PAIR[1], hatch="//", label="all but this")
    axis.set_yticks(at, [printable(x.part) for x in found.lines], fontsize=8, parse_math=False)
    axis.invert_yaxis()
    for outcome, style, label in ((found.exact, "-", "float"), (found.compiled, "--", "compiled")):
        axis.axvline(_score(outcome, scored), color="0.4", lw=0.9, ls=style, label=label)
    axis.set_xlabel("accuracy, %" if scored else "spikes missed or extra")
    _fit(axis, [*alone, *without, _score(found.exact, scored), _score(found.compiled, scored)])
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    bare(axis)
    return figure


def _fit(axis: Axes, values: list[float]) -> None:
    low, high = min(values), max(values)
    margin = 0.1 * (high - low) or 1.0
    axis.set_xlim(max(0.0, low - margin), high + margin)


def _score(outcome: Outcome, scored: bool) -> float:
    wrong = outcome.times.missed + outcome.times.extra
    return 100 * (outcome.accuracy or 0.0) if scored else float(wrong)


def _drawn(title: str, draw: Callable[[], Figure], alt: str, caption: str) -> Section:
    return Section(title, (Picture("", drawn_twice(draw, alt), caption),))

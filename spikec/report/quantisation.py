"""What quantisation did, as tables, as pictures, and as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikec.blame.blame import Blame, Outcome
from spikec.blame.figures import Quantisation
from spikec.pairing import pair_spikes
from spikec.report.plots import COLOURS, bare
from spikec.report.tables import UNKNOWN, Table, accuracy_text, printable, printable_table
from spikec.result import RunResult
from spikec.spike_times import seconds
from spikec.units import seconds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_HISTOGRAMS = 8
"""Projections whose weights are drawn."""

MOST_MARKS = 20_000
"""Spikes in a scatter."""

_PAIR = ("#5a9bdc", "#b3360b")


def quantisation_tables(found: Quantisation) -> tuple[Table, ...]:
    """All tables, in order; those without a run are left out."""
    tables = (_answers(found), _blame(found.blame), _times(found), _projections(found), _populations(found))
    return tuple(printable_table(t) for t in tables if t is not None and t.rows)


def headlines(found: Quantisation) -> list[tuple[str, str]]:
    """The few figures a reader looks for first."""
    shown = []
    for name, accuracy in (("float", found.accuracy_float), ("compiled", found.accuracy_compiled)):
        if accuracy is not None:
            shown.append((f"accuracy, {name}", accuracy_text(accuracy).split(" of ")[0]))
    if found.times is not None:
        shown.append(("median error of spike times", seconds_text(found.times.overall.median)))
    if found.blame is not None:
        shown.append(("most to blame", found.blame.culprit() or "no single part"))
    return shown


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
        axis.hist(before, edges, color=_PAIR[0], alpha=0.7, label="float")
        axis.hist(after, edges, histtype="step", color=_PAIR[1], lw=1.2, label="stored")
        axis.set_title(printable(name), loc="left", fontsize=9, parse_math=False)
        axis.set_yscale("symlog")
        bare(axis)
    axes[0].legend(frameon=False, fontsize=8)
    axes[-1].set_xlabel("what a spike adds in a tick")
    return figure


def spike_scatter(exact: RunResult, compiled: RunResult) -> Figure:
    """Draw when spikes come in the program against when in the float network, a colour a population."""
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
        axis.scatter(x, y, s=4, color=colour, lw=0, alpha=0.5, label=printable(name), rasterized=True)
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
    axis.barh(at - 0.2, alone, 0.38, color=_PAIR[0], label="only this is quantised")
    axis.barh(at + 0.2, without, 0.38, color=_PAIR[1], label="all but this")
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


def _answers(found: Quantisation) -> Table | None:
    if found.accuracy_float is None or found.accuracy_compiled is None:
        return None
    rows = [("float", accuracy_text(found.accuracy_float)),
            ("compiled", accuracy_text(found.accuracy_compiled))]  # fmt: skip
    if found.discordant is not None:
        d = found.discordant
        rows.append(("right in one only", f"{d.only_float} float, {d.only_compiled} compiled"))
        rows.append(("by chance (McNemar, exact)", f"p = {d.p_value:.3g}"))
    return Table("Answers", (), tuple(rows))


def _blame(found: Blame | None) -> Table | None:
    if found is None:
        return None
    lines = [("float", found.exact, None), ("compiled", found.compiled, None),
             ("all, in real numbers", found.real, None)]  # fmt: skip
    lines += [(x.part, x.only, x.all_but) for x in found.lines]  # type: ignore[misc]
    header = ("part", "only it: accuracy", "median error", "wrong spikes", "all but it: accuracy",
              "median error", "wrong spikes")  # fmt: skip
    rows = tuple((name, *_outcome(only), *_outcome(rest)) for name, only, rest in lines)
    notes = (
        "Wrong spikes are missed or extra. What is not quantised stays as precise as it can be; the chip's "
        "arithmetic is what compiled adds to all in real numbers.",
    )
    return Table(f"Blame, {found.n_samples} samples", header, rows, notes=notes)


def _outcome(outcome: Outcome | None) -> tuple[str, str, str]:
    if outcome is None:
        return "", "", ""
    times = outcome.times
    accuracy = UNKNOWN if outcome.accuracy is None else f"{100 * outcome.accuracy:.2f} %"
    return accuracy, seconds_text(times.median), str(times.missed + times.extra)


def _times(found: Quantisation) -> Table | None:
    if found.times is None:
        return None
    orders = found.order_changes or {}
    rows = []
    for e in found.times.populations:
        changed, of = orders.get(e.name, (0, 0))
        order = f"{100 * changed / of:.3g} %" if of else UNKNOWN
        rows.append((e.name, str(e.n_a), str(e.missed), str(e.extra), seconds_text(e.median),
                     seconds_text(e.percentile_99), seconds_text(e.mean), order))  # fmt: skip
    header = ("population", "spikes", "missed", "extra", "median error", "99 %", "mean", "order changes")
    notes = ("Order changes: neighbours among the spikes of a sample that come the other way round.",)
    return Table("Spike times against the float network", header, tuple(rows), notes=notes)


def _projections(found: Quantisation) -> Table:
    rows = tuple(
        (q.name, str(q.n_synapses), str(q.bits), q.sign, str(q.exponent), f"{q.step:.3g}",
         f"{100 * q.clipped:.3g} %", f"{100 * q.to_zero:.3g} %", f"{q.error_rms:.3g}", f"{q.error_max:.3g}")
        for q in found.projections
    )  # fmt: skip
    header = ("projection", "synapses", "bits", "sign", "exponent", "step", "clipped", "to zero",
              "error rms", "error max")  # fmt: skip
    notes = ("A step is what a spike adds to the membrane (or its current) in a tick; errors are in steps.",)
    return Table("Weights", header, rows, notes=notes)


def _populations(found: Quantisation) -> Table:
    rows = tuple(
        (p.name, "–".join(dict.fromkeys(f"{s:.4g}" for s in p.scale)), _share(p.threshold_error),
         _share(p.bias_error), _share(p.current_decay_error), _share(p.membrane_decay_error))
        for p in found.populations
    )  # fmt: skip
    header = ("population", "scale", "threshold error", "bias error", "current's decay", "membrane's decay")
    notes = ("A scale is how many integers make one of the network's membrane units.",)
    return Table("Neurons", header, rows, notes=notes)


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.2g} %"

"""What a search for ticks and bits found: the programs that no other beats, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spikec.program import Program
from spikec.report.plots import COLOURS, bare
from spikec.report.table import UNKNOWN, Table, count_text, energy_text, printable_table
from spikec.units import seconds_text, several

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def search_figures(program: Program) -> Mapping[str, Any] | None:
    """What the log of a program says of the search that chose it; None if none did."""
    return next((e.figures for e in reversed(program.log) if e.step == "search"), None)


def pareto_table(found: Mapping[str, Any]) -> Table:
    """The front of a search, a program a line, the chosen one marked.

    Args:
        found: The figures of the log's entry ``search``.
    """
    rows = tuple(_row(c, _is_chosen(c, found)) for c in found["pareto"])
    header = ("tick", "ticks", "bits", "synapse bytes", "updates", "events", "energy", "points lost",
              "median error", "99 %", "budget")  # fmt: skip
    notes = (
        f"Of {several(found['tried'], 'program')} tried those that no other beats in memory, updates, events "
        f"and loss. The budget is {found['budget']}; * is the least {found['least']} found. Updates, events "
        f"and energy are of a sample; bits of {', '.join(found['chosen']['bits'])}.",
    )
    return printable_table(Table("Search: programs that nothing beats", header, rows, notes=notes))


def pareto_plot(found: Mapping[str, Any]) -> Figure:
    """Draw the front: the memory of every program, and what it takes of the budget, a row a program."""
    from matplotlib.figure import Figure

    front = sorted((c for c in found["pareto"] if c["excess"] is not None), key=lambda c: c["synapse_bytes"])
    rows = range(len(front))
    names = [f"{seconds_text(c['dt'])}, {_bits(c['bits'])} bits" for c in front]
    figure = Figure(figsize=(7.5, 1.1 + 0.27 * max(len(front), 1)), layout="constrained")
    memory, budget = figure.subplots(1, 2, sharey=True)
    memory.barh(rows, [c["synapse_bytes"] for c in front], 0.55, color=COLOURS[0])
    memory.set_xlabel("bytes of synapses")
    memory.set_yticks(rows, names, fontsize=8, parse_math=False)
    memory.invert_yaxis()
    budget.plot([c["excess"] for c in front], rows, "o", color=COLOURS[0], ms=5)
    chosen = [k for k in rows if _is_chosen(front[k], found)]
    ring = {"ms": 11, "mfc": "none", "mec": COLOURS[3], "mew": 1.5}
    budget.plot([front[k]["excess"] for k in chosen], chosen, "o", **ring)
    budget.axvline(1.0, color="0.5", lw=0.8, ls="--")
    budget.set_xlabel(f"times what {found['budget']} allows", parse_math=False)
    budget.set_ylim(len(front) - 0.5, -0.5)
    for axis in (memory, budget):
        axis.grid(True, axis="y", color="0.5", alpha=0.2, lw=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8)
        bare(axis)
    return figure


def _row(c: Mapping[str, Any], chosen: bool) -> tuple[str, ...]:
    m = c["measured"]
    lost = UNKNOWN if m["lost_points"] is None else f"{m['lost_points']:.3g}"
    kept = "kept" if c["fits"] else "broken"
    return (seconds_text(c["dt"]), count_text(c["n_ticks"]), _bits(c["bits"]),
            count_text(c["synapse_bytes"]), count_text(round(m["updates"])), count_text(round(m["events"])),
            energy_text(m["energy_pj"]), lost, seconds_text(m["median"]), seconds_text(m["percentile_99"]),
            f"{kept} *" if chosen else kept)  # fmt: skip


def _bits(bits: Mapping[str, int]) -> str:
    """Bits of all projections: one number if all have the same."""
    values: Sequence[int] = list(bits.values())
    return "/".join(str(b) for b in (values[:1] if len(set(values)) == 1 else values))


def _is_chosen(c: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    chosen = found["chosen"]
    return bool(c["dt"] == chosen["dt"] and c["bits"] == chosen["bits"])

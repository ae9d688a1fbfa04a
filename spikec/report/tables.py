"""A summary as titled tables of finished text, which the terminal and the page only have to set.

Whatever came out of a file is made harmless here: characters that are not printable become a question mark,
so a name cannot steer a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikec.neurobench import NOTES as NEUROBENCH_NOTES
from spikec.neurobench import NeuroBench
from spikec.report.beside import beside_tables
from spikec.report.pareto import pareto_table
from spikec.report.prices import energy_range_text, energy_tables
from spikec.report.summary import Summary
from spikec.report.table import UNKNOWN, Table, accuracy_text, count_text, printable_table
from spikec.result import CoreCounts
from spikec.units import seconds_text, several

MOST_CORES = 16
"""Cores in the table of cores: those with most work."""


@dataclass(frozen=True)
class Chapter:
    """Tables on one subject.

    Attributes:
        title: The subject.
        tables: On it, in order.
        folded: More on it, for who asks; a terminal leaves it out.
    """

    title: str
    tables: tuple[Table, ...]
    folded: tuple[Table, ...] = ()


def tables(summary: Summary) -> tuple[Table, ...]:
    """All tables of a report but the folded ones, in order."""
    return tuple(table for chapter in chapters(summary) for table in chapter.tables)


def chapters(summary: Summary) -> tuple[Chapter, ...]:
    """All tables of a report by subject, in order; subjects of which nothing is known are left out."""
    steps = summary.passes
    searched = [pareto_table(s["figures"]) for s in steps if s["step"] == "search"]
    cores = [] if summary.cores is None else [_cores(summary.cores, summary.n_samples)]
    neurobench = [] if summary.neurobench is None else [_neurobench(summary.neurobench)]
    compared = () if summary.beside is None else beside_tables(summary.beside, summary.accuracy)
    found = (
        _chapter("Result", [_overview(summary)]),
        _chapter("Network", [_populations(summary), _projections(summary)]),
        _chapter("Passes", [_passes(steps), *searched], [_figures(steps)]),
        _chapter("Accuracy and spikes", compared),
        _chapter("Cores", cores, [_use(summary.core_use)]),
        _chapter("Energy", energy_tables(summary)),
        _chapter("NeuroBench", neurobench),
        _chapter("Provenance", [Table("Provenance", (), tuple(summary.provenance.items()))]),
    )
    return tuple(chapter for chapter in found if chapter.tables or chapter.folded)


def _chapter(title: str, shown: Sequence[Table], folded: Sequence[Table] = ()) -> Chapter:
    full, more = (tuple(printable_table(t) for t in given if t.rows) for given in (shown, folded))
    return Chapter(title, full, more)


def _overview(summary: Summary) -> Table:
    n = summary.n_samples
    rows: list[tuple[str, str]] = []
    if summary.accuracy is not None:
        rows.append(("accuracy", accuracy_text(summary.accuracy)))
    rows.append(("inferences", count_text(n)))
    if summary.n_ticks is not None:
        length = "" if summary.dt is None else f" of {1e3 * summary.dt:g} ms"
        rows.append(("ticks each", f"{summary.n_ticks}{length}"))
    if summary.totals:
        rows.append(("synaptic events each", count_text(_each(summary.totals["synaptic_events"], n))))
    priced = energy_range_text(summary)
    if priced is not None:
        rows.append(("energy each", priced))
    elif summary.energy:
        rows.append(("energy each", "no published price"))
    return Table("Result", (), tuple(rows), notes=summary.notes)


def _populations(summary: Summary) -> Table:
    n = summary.n_samples
    return Table(
        "Populations",
        ("population", "neurons", "spikes", "an inference", "neuron updates"),
        tuple(
            (
                p.name,
                count_text(p.n),
                count_text(p.spikes),
                count_text(_each(p.spikes, n)),
                count_text(p.neuron_updates),
            )
            for p in summary.populations
        ),
    )


def _projections(summary: Summary) -> Table:
    known = {q["name"]: q for q in summary.facts.get("projections", ())}
    rows = []
    for q in summary.projections:
        c = q.counts
        counts = (c.synaptic_events, c.zero_weight_events, c.messages, c.delay_writes) if c else (None,) * 4
        fact = known.get(q.name, {})
        rows.append(
            (q.name, count_text(q.n_synapses), count_text(q.n_nonzero), bits_text(fact), delay_text(fact),
             *(count_text(k) for k in counts))
        )  # fmt: skip
    header = ("projection", "synapses", "not zero", "bits", "delays", "synaptic events", "with weight 0",
              "messages", "delayed")  # fmt: skip
    return Table("Projections", header, tuple(rows))


def bits_text(projection: Mapping[str, Any]) -> str:
    """How many bits a weight has, from the facts of a projection."""
    if "bits" not in projection:
        return UNKNOWN
    return "real" if projection["bits"] is None else str(projection["bits"])


def delay_text(projection: Mapping[str, Any]) -> str:
    """How long the delays of a projection are, from its facts: a tick that each hop takes is not in them."""
    delays = projection.get("delays")
    if not delays or not delays["ends"]:
        return UNKNOWN
    low, high = delays["ends"]
    if delays["unit"] == "s":
        return " to ".join(dict.fromkeys((seconds_text(low), seconds_text(high))))
    return several(high, "tick") if low == high else f"{low} to {high} ticks"


def _passes(steps: Sequence[Mapping[str, Any]]) -> Table:
    rows = [(s["step"], "yes" if s["lossless"] else "no", s["summary"]) for s in steps]
    return Table("What each pass did", ("pass", "lossless", "what it did"), tuple(rows), n_text=3)


def _figures(steps: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (s["step"], name, value if isinstance(value, str) else f"{value:.6g}")
        for s in steps
        for name, value in s["figures"].items()
        if isinstance(value, str | int | float)
    ]
    notes = ("An error named _error is a share.",)
    return Table(
        "What passes found and cost", ("pass", "figure", "value"), tuple(rows), notes=notes, n_text=2
    )


def _use(lines: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for line in lines:
        use, limit = np.asarray(line["use"]), line["limit"]
        share = f"{100 * use.max() / limit:.0f} %" if limit else UNKNOWN
        fullest, mean = (count_text(int(use.max())), count_text(float(use.mean())))
        rows.append((line["rule"], fullest, count_text(limit), share, str(int(use.argmax())), mean))
    header = ("limit of a core", "fullest", "allowed", "use", "core", "mean of all")
    return Table("How full cores are", header, tuple(rows))


def _cores(c: CoreCounts, n_samples: int | None) -> Table:
    work = c.work.sum(axis=0)
    order = np.argsort(-work, kind="stable")
    columns = (c.place, c.neuron_updates, c.spikes, c.synaptic_events + c.zero_weight_events, c.messages_in,
               c.messages_out, c.delay_writes)  # fmt: skip
    rows = [(str(k), *(count_text(int(column[k])) for column in columns)) for k in order[:MOST_CORES]]
    sums = (count_text(int(column.sum())) for column in columns[1:])
    hops = ", ".join(f"{n:,} {way}" for way, n in c.hops.items())
    peak = int(c.busiest.argmax()) if c.busiest.size else 0
    notes = [f"Messages went {hops} from tile to tile, and from chip to chip {c.chip_crossings:,} times."]
    if n_samples and c.busiest.size:
        notes.append(
            f"The busiest core of a tick has {c.busiest.mean() / n_samples:,.1f} synaptic events and neuron "
            f"updates on average, and {c.busiest[peak] / n_samples:,.1f} in tick {peak}."
        )
    if c.n_cores > MOST_CORES:
        notes.append(f"{c.n_cores - MOST_CORES} cores that do less are left out here.")
    header = ("core", "place", "neuron updates", "spikes", "synaptic events", "messages in", "out", "delayed")
    return Table("Cores", header, (*rows, ("total", "", *sums)), has_total=True, notes=tuple(notes))


def _neurobench(figures: NeuroBench) -> Table:
    given = figures.to_json()
    operations = given.pop("SynapticOperations")
    flat = {**given, **{f"SynapticOperations {name}": value for name, value in operations.items()}}
    rows = tuple((name, _figure_text(value)) for name, value in flat.items())
    return Table("NeuroBench metrics", (), rows, notes=NEUROBENCH_NOTES)


def _figure_text(value: float | None) -> str:
    """A share with four decimals, a larger number as a count."""
    return f"{value:.4f}" if isinstance(value, float) and value < 1 else count_text(value)


def _each(count: int, n_samples: int | None) -> float | None:
    return count / n_samples if n_samples else None

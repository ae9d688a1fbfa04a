"""A summary as titled tables of finished text, which the terminal and the page only have to set.

Whatever came out of a file is made harmless here: characters that are not printable become a question mark,
so a name cannot steer a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spikec.answers import Accuracy
from spikec.energy import DenseBaseline, EnergyTerm, Estimate, Standing
from spikec.neurobench import NOTES as NEUROBENCH_NOTES
from spikec.neurobench import NeuroBench
from spikec.report.summary import Priced, Summary
from spikec.result import CoreCounts
from spikec.units import seconds_text

UNKNOWN = "–"

MOST_CORES = 16
"""Cores in the table of cores: those with most work."""

ARITHMETIC = {
    "mac_fp32": "32-bit float",
    "mac_fp32_sram": "32-bit float + SRAM",
    "mac_int8": "8-bit integer",
    "mac_int8_sram": "8-bit integer + SRAM",
}


@dataclass(frozen=True)
class Table:
    """One table of a report.

    Attributes:
        title: What it shows.
        header: Column titles; the first column is text, the others are numbers. Empty: names and values.
        rows: Cells, as text.
        has_total: Whether the last row sums up the others.
        shares: For each row its part of the total, 0 to 1, None for rows that have none; empty without total.
        notes: What must be known to read it, one sentence each.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_total: bool = False
    shares: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()


def tables(summary: Summary) -> tuple[Table, ...]:
    """All tables of a report, in order."""
    found = [_overview(summary), _populations(summary), _projections(summary)]
    if summary.cores is not None:
        found.append(_cores(summary.cores, summary.n_samples))
    found += [_energy(p) for p in summary.energy]
    if summary.seconds is not None:
        found.append(_standing(summary.seconds, summary.standing, summary.n_samples))
    if summary.baseline is not None:
        found += [_baseline(summary.baseline), _against_base(summary, summary.baseline)]
    if summary.neurobench is not None:
        found.append(_neurobench(summary.neurobench))
    found.append(Table("Provenance", (), tuple(summary.provenance.items())))
    return tuple(printable_table(t) for t in found if t.rows)


def energy_text(pj: float | None) -> str:
    """An energy with three digits and a fitting unit."""
    if pj is None:
        return UNKNOWN
    for unit, size in (("J", 1e12), ("mJ", 1e9), ("µJ", 1e6), ("nJ", 1e3)):
        if pj >= size:
            return f"{pj / size:.3g} {unit}"
    return f"{pj:.3g} pJ"


def count_text(n: float | None) -> str:
    """A count with separated thousands; a mean with one decimal."""
    if n is None:
        return UNKNOWN
    return f"{n:,}" if isinstance(n, int) else f"{n:,.1f}"


def accuracy_text(accuracy: Accuracy) -> str:
    """Percent, and how sure that is."""
    text = f"{100 * accuracy.value:.2f} %"
    if accuracy.interval is None:
        return text
    low, high = (100 * bound for bound in accuracy.interval)
    return f"{text} of {accuracy.n_samples} (95 % interval {low:.2f} to {high:.2f} %)"


def energy_range_text(summary: Summary) -> str | None:
    """The estimates of one inference by the chip's own tables, as one number or a range."""
    own = [p.estimate.per_inference_pj for p in summary.energy if p.as_if is None]
    known = sorted(pj for pj in own if pj is not None)
    if not known:
        return None
    ends = dict.fromkeys(energy_text(pj) for pj in (known[0], known[-1]))
    return f"{' to '.join(ends)} (estimate)"


def printable(text: str) -> str:
    """Text in which a character that would steer a terminal is a question mark."""
    return "".join(c if c.isprintable() else "?" for c in text)


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
    rows = []
    for q in summary.projections:
        c = q.counts
        counts = (c.synaptic_events, c.zero_weight_events, c.messages, c.delay_writes) if c else (None,) * 4
        rows.append((q.name, *(count_text(k) for k in (q.n_synapses, q.n_nonzero, *counts))))
    header = ("projection", "synapses", "not zero", "synaptic events", "with weight 0", "messages", "delayed")
    return Table("Projections", header, tuple(rows))


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


def _energy(priced: Priced) -> Table:
    e = priced.estimate
    shares = [t.total_pj / e.total_pj if t.total_pj is not None and e.total_pj else None for t in e.terms]
    total = ("total", "", "", energy_text(e.total_pj), energy_text(e.per_inference_pj))
    return Table(
        f"Energy, estimated: {priced.label}" if e.basis else "Energy: no published price for this chip",
        ("event", "count", "pJ each", "the run", "an inference"),
        (*(_energy_row(t, e) for t in e.terms), total),
        has_total=True,
        shares=(*shares, None) if e.total_pj else (),
        notes=tuple(_energy_notes(e)),
    )


def _standing(seconds: float, lines: tuple[Standing, ...], n_samples: int | None) -> Table:
    each = seconds / n_samples if n_samples else None
    rows = [("time on the chip", "", seconds_text(seconds), seconds_text(each))]
    rows += [
        (
            s.name,
            f"{s.mw:g}",
            energy_text(s.total_pj),
            energy_text(s.total_pj / n_samples if n_samples else None),
        )
        for s in lines
    ]
    notes = (
        "Time: the slowest core of each tick does all its events one after the other, then all tiles agree "
        "that the tick is over; input and output, which kept measured runs waiting, take none of it.",
        *(f"{s.name}: {s.note + '; ' if s.note else ''}{s.source}." for s in lines),
    )
    header = ("beside the events", "mW", "the run", "an inference")
    return Table("Time and standing power, estimated; in no total above", header, tuple(rows), notes=notes)


def _energy_row(t: EnergyTerm, e: Estimate) -> tuple[str, ...]:
    price = "no published price" if t.unit_pj is None else f"{t.unit_pj:g}"
    each = None if t.total_pj is None or not e.n_samples else t.total_pj / e.n_samples
    return (_words(t.name), count_text(t.count), price, energy_text(t.total_pj), energy_text(each))


def _energy_notes(e: Estimate) -> Iterable[str]:
    if e.basis:
        yield f"Prices: {e.basis}."
        for t in e.terms:
            yield f"{_words(t.name)}: {t.note + '; ' if t.note else ''}{t.source}."
    yield from (f"{line[0].upper()}{line[1:]}." for line in e.not_counted)
    yield from e.notes


def _baseline(base: DenseBaseline) -> Table:
    lines = [(base.base, t) for t in base.terms]
    if base.base == "one pass":
        lines += [("every tick", t) for t in base.every_tick]
    rows = tuple(
        (
            f"{passes}, {_arithmetic(t)}",
            count_text(t.count),
            UNKNOWN if t.unit_pj is None else f"{t.unit_pj:g}",
            energy_text(t.total_pj),
        )
        for passes, t in lines
    )
    why = (
        "as the network is recurrent"
        if base.base == "every tick"
        else "as an artificial network of its shape"
    )
    notes = (
        f"The base is {base.base}, {why}; other lines are for comparison only.",
        *(f"{_arithmetic(t)}: {t.note}; {t.source}." for t in base.terms),
        *base.notes,
    )
    header = ("arithmetic", "MACs", "pJ each", "an inference")
    return Table("Base: the same network as dense arithmetic", header, rows, notes=notes)


def _against_base(summary: Summary, base: DenseBaseline) -> Table:
    ratios = summary.ratios()
    rows = tuple(
        (_arithmetic(t), energy_text(t.total_pj), *(f"{r[t.name]:.3g} ×" for r in ratios.values()))
        for t in base.terms
        if all(t.name in r for r in ratios.values())
    )
    header = ("base", "an inference", *ratios)
    return Table(f"Spikes against the base ({base.base})", header, rows if ratios else ())


def _arithmetic(t: EnergyTerm) -> str:
    return ARITHMETIC.get(t.name, t.name)


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


def _words(name: str) -> str:
    return name.replace("_", " ")


def printable_table(table: Table) -> Table:
    """A table in which no cell can steer a terminal."""
    clean = tuple(tuple(printable(cell) for cell in row) for row in table.rows)
    notes = tuple(printable(note) for note in table.notes)
    header = tuple(printable(cell) for cell in table.header)
    return Table(printable(table.title), header, clean, table.has_total, table.shares, notes)

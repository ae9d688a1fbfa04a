"""Tables of what a run would cost: its events by each table of prices, standing power, the dense base."""

from __future__ import annotations

from collections.abc import Iterable

from spikec.energy import DenseBaseline, EnergyTerm, Estimate, Standing
from spikec.report.priced import Interval, Priced
from spikec.report.summary import Summary
from spikec.report.table import UNKNOWN, Table, count_text, energy_text, words
from spikec.units import seconds_text

ARITHMETIC = {
    "mac_fp32": "32-bit float",
    "mac_fp32_sram": "32-bit float + SRAM",
    "mac_int8": "8-bit integer",
    "mac_int8_sram": "8-bit integer + SRAM",
}


def energy_tables(summary: Summary) -> list[Table]:
    """All of them, in order; those that would be empty have no rows."""
    found = [_energy(p) for p in summary.energy]
    if summary.interval is not None and len(summary.interval.tables) > 1:
        found.insert(0, _interval(summary.interval))
    if summary.seconds is not None:
        found.append(_standing(summary.seconds, summary.standing, summary.n_samples))
    if summary.baseline is not None:
        found += [_baseline(summary.baseline), _against_base(summary, summary.baseline)]
    return found


def energy_range_text(summary: Summary) -> str | None:
    """The estimates of one inference by the chip's own tables, as one number or a range."""
    found = summary.interval
    own = {p.estimate.table for p in summary.energy if p.as_if is None}
    if found is None or found.total_pj is None or not own.issuperset(found.tables):
        return None
    return f"{ends_text(found.total_pj)} (estimate)"


def ends_text(ends: tuple[float, float]) -> str:
    """An interval of energies, or one energy."""
    return " to ".join(dict.fromkeys(energy_text(pj) for pj in ends))


def arithmetic(t: EnergyTerm) -> str:
    """A kind of dense arithmetic in words."""
    return ARITHMETIC.get(t.name, t.name)


def _interval(found: Interval) -> Table:
    lines = [*found.kinds_pj.items(), *([] if found.total_pj is None else [("total", found.total_pj)])]
    rows = tuple((name, energy_text(low), energy_text(high)) for name, (low, high) in lines)
    notes = (f"The least and the most of {', '.join(found.tables)}; the total is that of one table.",)
    title = "Energy, estimated: the interval over the tables"
    header = ("an inference", "from", "to")
    return Table(title, header, rows, has_total=found.total_pj is not None, notes=notes)


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
    return (words(t.name), count_text(t.count), price, energy_text(t.total_pj), energy_text(each))


def _energy_notes(e: Estimate) -> Iterable[str]:
    if e.basis:
        yield f"Prices: {e.basis}."
        for t in e.terms:
            yield f"{words(t.name)}: {t.note + '; ' if t.note else ''}{t.source}."
    yield from (f"{line[0].upper()}{line[1:]}." for line in e.not_counted)
    yield from e.notes


def _baseline(base: DenseBaseline) -> Table:
    lines = [(base.base, t) for t in base.terms]
    if base.base == "one pass":
        lines += [("every tick", t) for t in base.every_tick]
    rows = tuple(
        (
            f"{passes}, {arithmetic(t)}",
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
        *(f"{arithmetic(t)}: {t.note}; {t.source}." for t in base.terms),
        *base.notes,
    )
    header = ("arithmetic", "MACs", "pJ each", "an inference")
    return Table("Base: the same network as dense arithmetic", header, rows, notes=notes)


def _against_base(summary: Summary, base: DenseBaseline) -> Table:
    ratios = summary.ratios()
    rows = tuple(
        (arithmetic(t), energy_text(t.total_pj), *(f"{r[t.name]:.3g} ×" for r in ratios.values()))
        for t in base.terms
        if all(t.name in r for r in ratios.values())
    )
    header = ("base", "an inference", *ratios)
    return Table(f"Spikes against the base ({base.base})", header, rows if ratios else ())

"""A titled table of finished text, and figures as text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spikec.answers import Accuracy

UNKNOWN = "–"


@dataclass(frozen=True)
class Table:
    """One table of a report.

    Attributes:
        title: What it shows.
        header: Column titles. Empty: names and values.
        rows: Cells, as text.
        has_total: Whether the last row sums up the others.
        shares: For each row its part of the total, 0 to 1, None for rows that have none; empty without total.
        notes: What must be known to read it, one sentence each.
        n_text: Columns of text, the first ones; all others are numbers.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_total: bool = False
    shares: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()
    n_text: int = 1


def printable_table(table: Table) -> Table:
    """A table in which no cell can steer a terminal."""
    clean = tuple(tuple(printable(cell) for cell in row) for row in table.rows)
    notes = tuple(printable(note) for note in table.notes)
    header = tuple(printable(cell) for cell in table.header)
    return replace(table, title=printable(table.title), header=header, rows=clean, notes=notes)


def printable(text: str) -> str:
    """Text in which a character that would steer a terminal is a question mark."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def energy_text(pj: float | None) -> str:
    """An energy with three digits and a fitting unit."""
    if pj is None:
        return UNKNOWN
    for unit, size in (("J", 1e12), ("mJ", 1e9), ("µJ", 1e6), ("nJ", 1e3)):
        if pj >= 0.9995 * size:
            return f"{pj / size:.3g} {unit}"
    return f"{pj:.3g} pJ"


def count_text(n: float | None) -> str:
    """A count with separated thousands; a mean with one decimal."""
    if n is None:
        return UNKNOWN
    return f"{n:,}" if isinstance(n, int) else f"{n:,.1f}"


def words(name: str) -> str:
    """The name of a count, as people write it."""
    return name.replace("_", " ")


def accuracy_text(accuracy: Accuracy) -> str:
    """Percent, and how sure that is."""
    text = f"{100 * accuracy.value:.2f} %"
    if accuracy.interval is None:
        return text
    low, high = (100 * bound for bound in accuracy.interval)
    return f"{text} of {accuracy.n_samples} (95 % interval {low:.2f} to {high:.2f} %)"

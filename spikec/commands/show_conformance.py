"""Put the rows of `spikec conformance` on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from spikec.commands.conformance import Conformance
from spikec.commands.show import table
from spikec.conformance.run import Row, Status
from spikec.units import several


def conformance(found: Conformance) -> RenderableType:
    """What networks do that their platforms did, or not, a row a recording; reasons stand below."""
    header = ("network", "against", "convention", "wrong", "of", "first difference", "explained")
    reasons = list(dict.fromkeys(reason for row in found.rows if (reason := row.explained or row.why)))
    rows = [
        (row.network, row.against, row.convention, "–" if row.wrong is None else row.wrong, _of(row),
         _first(row), _reason(row, reasons))
        for row in found.rows
    ]  # fmt: skip
    counts = ", ".join(f"{found.count(s)} {s.value}" for s in Status if found.count(s))
    style = "bold red" if found.exit_code else "green"
    lines = [f"[{k}] {reason}" for k, reason in enumerate(reasons, 1)]
    lines += [f"· cases: {found.cases}"]
    if found.without_case:
        lines += [f"· {several(len(found.without_case), 'network')} without a case, which --json lists"]
    shown = table(f"networks of {found.networks}", header, rows)
    return Group(
        shown,
        Text(f"{several(len(found.rows), 'row')}: {counts}", style=style),
        *(Text(line, style="dim") for line in lines),
    )


def _reason(row: Row, reasons: Sequence[str]) -> str:
    reason = row.explained or row.why
    note = f" [{reasons.index(reason) + 1}]" if reason else ""
    bad = row.status in (Status.WRONG, Status.FAILED, Status.SKIPPED)
    return f"{row.status.value if bad else 'yes' if row.explained else ''}{note}"


def _of(row: Row) -> str:
    return "" if row.of is None else f"{row.of} {row.unit}"


def _first(row: Row) -> str:
    first = row.first
    if first is None:
        return ""
    where = f"{first.population}:{first.neuron}, sample {first.sample}"
    if first.tick is not None:
        return f"{where}, tick {first.tick}: expected {first.expected:g}, got {first.got:g}"
    expected, got = (("none" if t is None else f"{t:.9g} s") for t in (first.expected, first.got))
    return f"{where}: expected {expected}, got {got}"

"""A summary in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from spikec.report.summary import Summary
from spikec.report.tables import Table, tables


def render(summary: Summary, notes: bool = True) -> Group:
    """A summary for `rich.console.Console.print`.

    Args:
        summary: What to show.
        notes: Whether to add what must be known to read the tables, sources among it.
    """
    return Group(*(part for table in tables(summary) for part in _parts(table, notes)))


def _parts(table: Table, notes: bool) -> list[RenderableType]:
    shown: list[RenderableType] = [_rich(table)]
    if notes and table.notes:
        lines = [Padding(Text(f"· {note}", style="dim"), (0, 2)) for note in table.notes]
        shown += [*lines, Text()]
    return shown


def _rich(table: Table) -> RichTable:
    width = max(len(row) for row in table.rows)
    shown = RichTable(
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        show_header=bool(table.header),
        pad_edge=False,
    )
    for i in range(width):
        numbers = bool(table.header) and i > 0
        title = Text(table.header[i]) if table.header else ""
        shown.add_column(title, justify="right" if numbers else "left", overflow="fold")
    for i, row in enumerate(table.rows):
        total = table.has_total and i == len(table.rows) - 1
        if total:
            shown.add_section()
        shown.add_row(*(Text(cell) for cell in row), style="bold" if total else "")
    return shown

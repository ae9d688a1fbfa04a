"""A summary in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from spikec.report.summary import Summary
    from spikec.report.table import Table

LEAST_TEXT = 9
"""Columns of text become no narrower than this, unless their text is shorter."""

_NUMBER = re.compile(r"–|[-+]?(nan|inf|\d[\d.,]*(e[-+]?\d+)?)( ?\S{1,2}| ticks?)?")
"""A number, maybe with a unit."""


def render(summary: Summary, notes: bool = True) -> Group:
    """A summary for `rich.console.Console.print`.

    Args:
        summary: What to show.
        notes: Whether to add what must be known to read the tables, sources among it.
    """
    from spikec.report.tables import tables

    return render_tables(tables(summary), notes)


def render_tables(shown: Iterable[Table], notes: bool = True) -> Group:
    """Tables for `rich.console.Console.print`; see `render`."""
    return Group(*(part for table in shown for part in _parts(table, notes)))


class TextTable(RichTable):
    """A table in which text folds and numbers never do: where they must, its lines are too long instead."""

    def __init__(self, title: str, show_header: bool = True) -> None:
        super().__init__(
            title=Text(title, style="bold"),
            title_justify="left",
            box=SIMPLE_HEAD,
            show_header=show_header,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )

    def add(self, title: str, cells: Sequence[str], right: bool = False) -> None:
        """Add a column that has room for its numbers; a title above nothing but numbers folds between words.

        Args:
            title: The column's title.
            cells: What will stand below it.
            right: Whether to set it to the right.
        """
        numbers = [cell for cell in cells if _is_number(cell)]
        only = bool(numbers) and all(_is_number(cell) or not cell for cell in cells)
        text = max(map(cell_len, title.split() if only else (title, *cells)), default=0)
        least = max(text if only else min(text, LEAST_TEXT), *map(cell_len, numbers), 1)
        self.add_column(
            Text(title, no_wrap=False),
            justify="right" if right else "left",
            overflow="fold",
            min_width=least,
            max_width=least if only else None,
            no_wrap=only,
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render, over the console's edge if need be; print with ``crop=False``."""
        least = sum(column.min_width or 1 for column in self.columns) + 2 * len(self.columns)
        return super().__rich_console__(console, options.update(width=max(options.max_width, least)))


def cell_text(cell: str) -> Text:
    """A cell of a table; a number stays in one line."""
    return Text(cell, no_wrap=_is_number(cell))


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _parts(table: Table, notes: bool) -> list[RenderableType]:
    shown: list[RenderableType] = [_rich(table)]
    if notes and table.notes:
        lines = [Padding(Text(f"· {note}", style="dim"), (0, 2)) for note in table.notes]
        shown += [*lines, Text()]
    return shown


def _rich(table: Table) -> TextTable:
    width = max(len(row) for row in table.rows)
    shown = TextTable(table.title, show_header=bool(table.header))
    for i in range(width):
        numbers = bool(table.header) and i >= table.n_text
        title = table.header[i] if table.header else ""
        shown.add(title, [row[i] for row in table.rows if i < len(row)], right=numbers)
    for i, row in enumerate(table.rows):
        total = table.has_total and i == len(table.rows) - 1
        if total:
            shown.add_section()
        shown.add_row(*map(cell_text, row), style="bold" if total else "")
    return shown

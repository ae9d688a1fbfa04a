"""What pages are made of: sections of pictures and tables, set by `page.html` with the looks of `page.css`.

A page needs nothing beside it: no scripts, fonts or images from elsewhere, and its header forbids browsers to
ask for any. jinja2 and matplotlib are imported when a page is made, not before.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from spikec.report.plots import dark, to_bytes
from spikec.report.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """One picture of a page.

    Attributes:
        title: Above it; empty for none.
        drawn: As HTML or SVG, all text in it escaped.
        caption: Below it.
        half: Whether two of its kind have room beside each other.
    """

    title: str
    drawn: str
    caption: str
    half: bool = False


@dataclass(frozen=True)
class Section:
    """One part of a page.

    Attributes:
        title: Above it, and in the list of contents.
        pictures: Come first.
        tables: Come then.
        folded: Come last, and are shown on demand.
    """

    title: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()


def page_of(title: str, headlines: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """Make a page of its parts."""
    from jinja2 import Environment

    template, looks = (
        files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "page.css")
    )
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    shown = [replace(s, tables=tuple(t for t in s.tables if t.rows)) for s in sections]
    return environment.from_string(template).render(
        title=title, looks=looks, headlines=headlines, sections=shown
    )


def drawn_twice(draw: Callable[[], Figure], alt: str) -> str:
    """A figure of matplotlib's for a page, in a light and a dark variant.

    Args:
        draw: Draws it, with the colours that matplotlib is set to.
        alt: What it shows, for who cannot see it.
    """
    import matplotlib as mpl
    from markupsafe import escape

    pictures = [to_bytes(draw(), "png")]
    with mpl.rc_context(dark()):
        pictures.append(to_bytes(draw(), "png"))
    sources = [f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in pictures]
    return (
        f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{sources[1]}">'
        f'<img src="{sources[0]}" alt="{escape(alt)}"></picture>'
    )

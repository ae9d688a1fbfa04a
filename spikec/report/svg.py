"""Pictures as SVG inside a page: elements, axes and colours that follow the page's light or dark.

Colours are the page's variables (`page.css`), so one picture serves both. Those of things side by side
are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which every eye tells apart; the ramp is viridis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10

from spikec.report.table import printable

LETTER = 6.6
"""Width of a letter of 12 px, on average, px."""

RAMP = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
"""Nine colours of viridis, evenly spaced."""


def tag(name: str, *inside: str, **attributes: str | float) -> str:
    """An element; ``class_`` is the attribute ``class``, and underscores become hyphens."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(number(value)))}"'
        for key, value in attributes.items()
        if value != ""
    )
    return f"<{name}{written}>{''.join(inside)}</{name}>"


def number(value: str | float) -> str:
    """A number with two decimals at most, and text as it is."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, class_: str = "", room: float | None = None) -> str:
    """Text at a place; what is longer than its room, px, is cut, and the whole of it is the tooltip.

    Args:
        x: Where it begins, or, by its class, ends or has its middle.
        y: Of the base line.
        words: What it says.
        class_: ``end``, ``mid``, ``small``, ``soft``, ``strong``.
        room: How wide it may be.
    """
    clean = printable(words)
    most = len(clean) if room is None else max(int(room / LETTER), 1)
    if len(clean) <= most:
        return tag("text", escape(clean), x=x, y=y, class_=class_)
    return tag("text", title(clean), escape(f"{clean[: most - 1]}…"), x=x, y=y, class_=class_)


def title(words: str) -> str:
    """What is shown where a mouse rests."""
    return tag("title", escape(printable(words)))


def picture(width: float, height: float, label: str, parts: Iterable[str], least: float = 0.75) -> str:
    """A whole picture.

    Args:
        width: In px, if there is room.
        height: In px.
        label: What it shows, for who cannot see it.
        parts: Its elements.
        least: It becomes no narrower than this share of its width; a narrower page scrolls it.
    """
    body = "".join(parts)
    box = f"0 0 {number(width)} {number(height)}"
    style = f"min-width:{least * width:.0f}px"
    told = printable(label)
    return tag(
        "svg", body, viewBox=box, width=width, height=height, style=style, role="img", aria_label=told
    )  # fmt: skip


def colour(share: float) -> str:
    """The colour of viridis for a share, 0 to 1."""
    at = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    k = min(int(at), len(RAMP) - 2)
    ends = [[int(RAMP[j][i : i + 2], 16) for i in (0, 2, 4)] for j in (k, k + 1)]
    mixed = (round(a + (at - k) * (b - a)) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{c:02x}" for c in mixed)


def marks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers between two ends, for an axis: multiples of 1, 2 or 5 times a power of ten."""
    if high <= low:
        return [low]
    power = 10.0 ** floor(log10((high - low) / most))
    step = next(k * power for k in (1, 2, 5, 10) if (high - low) / (k * power) <= most)
    return [k * step for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def bottom_axis(x: Sequence[float], ends: tuple[float, float], y: float, words: str) -> str:
    """An axis below a picture.

    Args:
        x: Where it begins and ends, px.
        ends: The numbers there.
        y: Its height, px.
        words: What it counts.
    """
    (left, right), (low, high) = x, ends
    scale = (right - left) / ((high - low) or 1.0)
    parts = [tag("path", d=f"M{number(left)} {number(y)}H{number(right)}", class_="axis")]
    for mark in marks(low, high):
        at = left + (mark - low) * scale
        parts.append(tag("path", d=f"M{number(at)} {number(y)}v5", class_="axis"))
        parts.append(text(at, y + 18, f"{mark:g}", "mid small soft"))
    return "".join([*parts, text((left + right) / 2, y + 36, words, "mid small soft")])

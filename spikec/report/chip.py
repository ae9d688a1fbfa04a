"""The chip as pictures: how full each core is, what it did, where it lies, and the busiest over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.report.svg import bottom_axis, colour, marks, number, picture, tag, text, title
from spikec.result import CoreCounts

CELL = 21
"""Side of a core's square, px."""

CHIPS_A_ROW = 4
"""Chips side by side in a picture; more stand below."""

MOST_NUMBERS = 256
"""Cores up to which each is numbered and has its figure as a tooltip."""

_LEFT, _WIDTH, _HEIGHT = 70.0, 780.0, 190.0


def mesh(cores: CoreCounts, values: AnyArray, what: str, unit: str = "") -> str:
    """Draw the mesh with a figure of every core: as a colour, and as how high its square is filled.

    Args:
        cores: Counts of a run.
        values: The figures, ``(n_cores,)``, none negative.
        what: What they are.
        unit: Behind a figure.
    """
    chips, side = cores.mesh["chips"], side_of(cores.mesh["cores_per_tile"])
    wide = cores.mesh["columns"] * side[0] * CELL
    high = cores.mesh["rows"] * side[1] * CELL
    across = min(chips, CHIPS_A_ROW)
    down = -(-chips // CHIPS_A_ROW)
    width, height = 4 + across * (wide + 12) - 12, 2 + down * (high + 12)
    top = max(float(values.max(initial=0)), 1e-12)
    parts = [_frame(cores, k, wide, high, side) for k in range(chips)]
    x, y = (of.tolist() for of in square_of(cores))
    inside = CELL - 3
    frames = "".join(
        f"M{number(a + 1.5)} {number(b + 1.5)}h{inside}v{inside}h-{inside}z"
        for a, b in zip(x, y, strict=True)
    )
    for core, value in enumerate(np.asarray(values, np.float64).tolist()):
        square = _filled(x[core], y[core], value / top)
        parts.append(
            square if cores.n_cores > MOST_NUMBERS else _named(square, core, x[core], y[core], value, unit)
        )
    parts.append(tag("path", d=frames, class_="core"))
    parts.append(_scale(width, height, top, unit))
    label = f"Map of the cores: {what}; the most is {_figure(top)}{unit}"
    return picture(width, height + 34, label, parts, least=0.6)


def side_of(cores_per_tile: int) -> tuple[int, int]:
    """Columns and rows of the squares of a tile's cores: as square as their number allows."""
    rows = next(k for k in range(int(cores_per_tile**0.5), 0, -1) if cores_per_tile % k == 0)
    return cores_per_tile // rows, rows


def square_of(cores: CoreCounts) -> tuple[FloatArray, FloatArray]:
    """Where the square of every core is, px from the picture's left and top, ``(n_cores,)`` each."""
    m, (columns, rows) = cores.mesh, side_of(cores.mesh["cores_per_tile"])
    tile, within = np.divmod(cores.place, m["cores_per_tile"])
    column, row = np.divmod(tile, m["rows"])
    chip, column = np.divmod(column, m["columns"])
    x, y = _corner(chip, m["columns"] * columns * CELL, m["rows"] * rows * CELL)
    return x + (column * columns + within % columns) * CELL, y + (row * rows + within // columns) * CELL


def busiest(cores: CoreCounts, n_samples: int) -> str:
    """Draw what the busiest core and the mean of all cores have to do in each tick, an inference."""
    each = 1 / max(n_samples, 1)
    lines = [("busiest core", cores.busiest * each, "main")]
    if cores.n_cores > 1:
        lines.append(("mean of all cores", cores.work.mean(axis=1) * each, "second"))
    n = cores.busiest.size
    top = max(max((float(v.max(initial=0)) for _, v, _ in lines)), 1e-12)
    parts = []
    for mark in marks(0.0, top, 5):
        y = 30 + _HEIGHT * (1 - mark / top)
        parts.append(tag("path", d=f"M{number(_LEFT)} {number(y)}h{number(_WIDTH)}", class_="grid"))
        parts.append(text(_LEFT - 8, y + 4, f"{mark:,.6g}", "end small soft"))
    for k, (words, values, style) in enumerate(lines):
        parts.append(tag("path", title(words), d=_steps(values, top), class_=f"line {style}"))
        x = _LEFT + 200 * k
        parts.append(tag("path", d=f"M{number(x)} 14h30", class_=f"line {style}"))
        parts.append(text(x + 38, 18, words, "small"))
    parts.append(bottom_axis((_LEFT, _LEFT + _WIDTH), (0, max(n, 1)), 30 + _HEIGHT, "tick"))
    peak = int(cores.busiest.argmax()) if n else 0
    label = f"Work of the busiest core over {n} ticks; the most is {_figure(top)} in tick {peak}"
    return picture(_LEFT + _WIDTH + 20, _HEIGHT + 76, label, parts)


def fullest(core_use: Sequence[Mapping[str, Any]]) -> FloatArray | None:
    """How full every core is by the limit it fills most, percent, ``(n_cores,)``; None without limits."""
    shares = [100 * np.asarray(line["use"], np.float64) / line["limit"] for line in core_use if line["limit"]]
    return np.max(shares, axis=0) if shares else None


def _steps(values: AnyArray, top: float) -> str:
    """A line that is level through each tick."""
    n = max(values.size, 1)
    x = [_LEFT + _WIDTH * k / n for k in range(n + 1)]
    y = [30 + _HEIGHT * (1 - v / top) for v in values.tolist()]
    return "M" + "L".join(
        f"{number(a)} {number(at)}L{number(b)} {number(at)}"
        for (a, b), at in zip(pairwise(x), y, strict=False)
    )


def _corner(chip: IntArray, wide: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Where chips begin, px."""
    row, column = np.divmod(chip, CHIPS_A_ROW)
    return 2 + column * (wide + 12), 2 + row * (high + 12)


def _frame(cores: CoreCounts, chip: int, wide: float, high: float, side: tuple[int, int]) -> str:
    """A chip without its cores: its tiles."""
    x, y = (float(v) for v in _corner(np.asarray(chip), wide, high))
    columns, rows = cores.mesh["columns"], cores.mesh["rows"]
    d = "".join(f"M{number(x + k * side[0] * CELL)} {number(y)}v{number(high)}" for k in range(1, columns))
    d += "".join(f"M{number(x)} {number(y + k * side[1] * CELL)}h{number(wide)}" for k in range(1, rows))
    return tag("rect", x=x, y=y, width=wide, height=high, class_="chip") + tag("path", d=d, class_="tiles")


def _filled(x: float, y: float, share: float) -> str:
    """The part of a core's square that its figure fills."""
    height = (CELL - 3) * share
    low = y + CELL - 1.5 - height
    return tag("rect", x=x + 1.5, y=low, width=CELL - 3, height=height, fill=colour(share))


def _named(square: str, core: int, x: float, y: float, value: float, unit: str) -> str:
    """A core's square with its number and its figure."""
    name = text(x + CELL / 2, y + CELL / 2 + 3, str(core), "mid tiny halo")
    told = title(f"core {core}: {_figure(value)}{unit}")
    return tag("g", square, name, told, data_value=repr(value), data_name=str(core))


def _scale(width: float, height: float, top: float, unit: str) -> str:
    """What the colours and heights mean."""
    n, long = 24, min(200.0, width - 110)
    bars = (
        tag("rect", x=2 + k * long / n, y=height + 20 - 14 * (k + 1) / n, width=long / n + 0.4,
            height=14 * (k + 1) / n, fill=colour((k + 0.5) / n))
        for k in range(n)
    )  # fmt: skip
    return tag("g", *bars, text(long + 10, height + 19, f"0 to {_figure(top)}{unit}", "small"))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"

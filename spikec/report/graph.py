"""The network as a picture: populations from left to right, projections as lines with weights and delays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikec.report.svg import LETTER, number, picture, tag, text, title
from spikec.report.tables import bits_text, delay_text
from spikec.units import several

BOX, BOX_HEIGHT, GAP, ROW = 140.0, 62.0, 170.0, 108.0
"""A population's width and height, between two columns, and from one population to the one below it, px."""

MOST = 300
"""Populations in a picture; a larger one nobody would read, and the tables have all of them."""

MOST_LABELS = 40
"""Projections up to which labels are written at their lines."""

MARGIN, LANE = 36.0, 36.0
"""Beside the first and the last column, and from one line that leads around to the next, px."""

_LABEL = 28.0


@dataclass(frozen=True)
class _Line:
    """A projection that is drawn: its path, and where its label is at home."""

    projection: Mapping[str, Any]
    path: str
    x: float
    y: float


def graph(facts: Mapping[str, Any]) -> str | None:
    """Draw a network; None if it is too large, or if its facts do not say enough.

    Args:
        facts: As `spikec.facts` gives them.
    """
    populations = {p["name"]: p for p in facts.get("populations", ())}
    projections = [
        q for q in facts.get("projections", ()) if {q.get("pre"), q.get("post")} <= populations.keys()
    ]
    if not 0 < len(populations) <= MOST:
        return None
    columns = layout(list(populations), [(q["pre"], q["post"]) for q in projections])
    rows = max(len(column) for column in columns)
    top = 64.0 if any(q["pre"] == q["post"] for q in projections) else 20.0
    place = {
        name: (MARGIN + k * (BOX + GAP), top + (i + (rows - len(column)) / 2) * ROW)
        for k, column in enumerate(columns)
        for i, name in enumerate(column)
    }
    width = 2 * MARGIN + len(columns) * BOX + (len(columns) - 1) * GAP
    lines, below = _lines(projections, place, top + rows * ROW - (ROW - BOX_HEIGHT))
    parts = [
        tag("g", tag("path", d=line.path, class_="wire"), title(_told(line.projection))) for line in lines
    ]
    if len(lines) <= MOST_LABELS:
        parts += _labels(lines)
    ends = _ends(projections, place)
    parts += [_box(p, *place[name], last=name in ends) for name, p in populations.items()]
    n = f"{several(len(populations), 'population')} and {several(len(projections), 'projection')}"
    return picture(width, below, f"The network as a graph: {n}, from left to right", [_arrow(), *parts])


def layout(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Populations by column: generations of the graph without what leads back within a cycle.

    Args:
        names: Populations, in network order: within a cycle a line leads back if it does so here.
        pairs: Which lead to which.

    Returns:
        The columns; in each, a population is about as high as those it hears.
    """
    import networkx as nx

    order = {name: k for k, name in enumerate(names)}
    whole = nx.DiGraph()
    whole.add_nodes_from(names)
    whole.add_edges_from(pairs)
    cycle = {n: k for k, part in enumerate(nx.strongly_connected_components(whole)) for n in part}
    whole.remove_edges_from([(a, b) for a, b in pairs if cycle[a] == cycle[b] and order[b] <= order[a]])
    columns = [list(generation) for generation in nx.topological_generations(whole)]
    height: dict[str, float] = {}
    for column in columns:
        heard = {n: [height[p] for p in whole.predecessors(n) if p in height] for n in column}
        column.sort(key=lambda n: (sum(heard[n]) / len(heard[n]) if heard[n] else 0.0, order[n]))
        height |= {n: k - (len(column) - 1) / 2 for k, n in enumerate(column)}
    return columns


def _ends(projections: Sequence[Mapping[str, Any]], place: Mapping[str, Any]) -> set[str]:
    """Populations that lead nowhere else."""
    return set(place) - {q["pre"] for q in projections if q["pre"] != q["post"]}


def _lines(
    projections: Sequence[Mapping[str, Any]], place: Mapping[str, tuple[float, float]], bottom: float
) -> tuple[list[_Line], float]:
    """Paths of all projections, and how high the picture is.

    To the next column they lead straight; back, or past a column, around all boxes in a lane below them.
    """
    found, lanes = [], 0
    twins: dict[tuple[str, str], int] = {}
    for q in projections:
        (x0, y0), (x1, y1) = place[q["pre"]], place[q["post"]]
        apart = 14.0 * twins.setdefault((q["pre"], q["post"]), 0)
        twins[q["pre"], q["post"]] += 1
        begin, end = (x0 + BOX, y0 + BOX_HEIGHT / 2 + apart), (x1 - 6, y1 + BOX_HEIGHT / 2 + apart)
        if q["pre"] == q["post"]:
            found.append(_loop(q, x0, y0, apart))
        elif 0 < x1 - x0 < 1.5 * (BOX + GAP):
            half = (begin[0] + end[0]) / 2
            path = f"M{_at(begin)}C{_at((half, begin[1]))} {_at((half, end[1]))} {_at(end)}"
            found.append(_Line(q, path, half, (begin[1] + end[1]) / 2))
        else:
            found.append(_around(q, begin, end, bottom + LANE * (lanes + 0.8), 5.0 * (lanes % 4)))
            lanes += 1
    return found, bottom + LANE * (lanes + 0.5) + 4


def _around(
    q: Mapping[str, Any], begin: tuple[float, float], end: tuple[float, float], low: float, apart: float
) -> _Line:
    """Down beside a box, along a lane below all of them, and up beside another."""
    a, b, r = begin[0] + 14 + apart, end[0] - 14 - apart, 12.0
    way = r if b > a else -r
    path = (
        f"M{_at(begin)}Q{_at((a, begin[1]))} {_at((a, begin[1] + r))}V{number(low - r)}"
        f"Q{_at((a, low))} {_at((a + way, low))}H{number(b - way)}"
        f"Q{_at((b, low))} {_at((b, low - r))}V{number(end[1] + r)}Q{_at((b, end[1]))} {_at(end)}"
    )
    return _Line(q, path, (a + b) / 2, low)


def _loop(q: Mapping[str, Any], x: float, y: float, apart: float) -> _Line:
    high = y - 24 - apart / 2
    left, right = x + 0.3 * BOX, x + 0.7 * BOX
    path = (
        f"M{_at((right, y))}C{_at((right + 24, high - 8))} {_at((left - 24, high - 8))} {_at((left, y - 6))}"
    )
    return _Line(q, path, x + BOX / 2, high - 12)


def _at(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _labels(lines: Sequence[_Line]) -> list[str]:
    """Weights, bits and delays at every line; where two would lie on each other the lower one gives way."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for line in sorted(lines, key=lambda line: (line.x, line.y)):
        above, beneath = label_of(line.projection)
        half, y = 0.46 * LETTER * max(len(above), len(beneath)), line.y
        while any(abs(line.x - x) < half + wide and abs(y - other) < _LABEL + 2 for x, other, wide in taken):
            y += 4
        taken.append((line.x, y, half))
        parts.append(
            tag(
                "g",
                tag(
                    "rect",
                    x=line.x - half,
                    y=y - _LABEL / 2,
                    width=2 * half,
                    height=_LABEL,
                    rx=3,
                    class_="label",
                ),
                text(line.x, y - 2, above, "mid small"),
                text(line.x, y + 10, beneath, "mid small soft"),
                title(_told(line.projection)),
            )
        )
    return parts


def label_of(projection: Mapping[str, Any]) -> tuple[str, str]:
    """What is written at a line: how many weights, and their bits and delays."""
    n = several_weights(projection["n_synapses"])
    if "bits" not in projection:
        return n, ""
    bits = "real" if projection["bits"] is None else f"{bits_text(projection)} bits"
    delays = projection["delays"]
    return n, bits if not any(delays["ends"]) else f"{bits}, {delay_text(projection)}"


def several_weights(n: int) -> str:
    """``1 weight``, ``2,000 weights``."""
    return f"{n:,} {'weight' if n == 1 else 'weights'}"


def _told(q: Mapping[str, Any]) -> str:
    parts = [
        f"{q['name']}: {q['pre']} to {q['post']}",
        f"{several_weights(q['n_synapses'])}, {q['n_nonzero']:,} not zero",
    ]
    if q.get("connectivity"):
        parts.append(str(q["connectivity"]))
    if "bits" in q:
        bits = "real weights" if q["bits"] is None else f"{q['bits']} bits"
        ends = f" from {q['weights'][0]:.6g} to {q['weights'][1]:.6g}" if q["weights"] else ""
        parts += [bits + ends, f"{q['delays']['kind']} delays of {delay_text(q)}"]
    return "; ".join(parts)


def _box(p: Mapping[str, Any], x: float, y: float, last: bool) -> str:
    """A population: its name, its neuron, its size."""
    kind = "input" if p["input"] else p["neuron"]
    shape = "×".join(str(n) for n in p.get("shape", ()))
    size = f"{p['n']:,}" if len(p.get("shape", ())) < 2 else f"{p['n']:,} ({shape})"
    style = "source box" if p["input"] else ("answer box" if last else "box")
    room, round_ = BOX - 12, BOX_HEIGHT / 2 if p["input"] else 6.0
    return tag(
        "g",
        tag("rect", x=x, y=y, width=BOX, height=BOX_HEIGHT, rx=round_, class_=style),
        text(x + BOX / 2, y + 19, p["name"], "mid strong", room),
        text(x + BOX / 2, y + 36, kind, "mid small", room),
        text(x + BOX / 2, y + 52, size, "mid small soft", room),
        title(f"{p['name']}: {several(p['n'], 'neuron')}, {kind}"),
        data_value=str(p["n"]),
        data_name=p["name"],
    )  # fmt: skip


def _arrow() -> str:
    """The head of every line."""
    head = tag("path", d="M0 0L8 4L0 8z", class_="head")
    marker = tag("marker", head, id="arrow", viewBox="0 0 8 8", refX=2, refY=4, markerWidth=8, markerHeight=8,
                 orient="auto-start-reverse", markerUnits="userSpaceOnUse")  # fmt: skip
    return tag("defs", marker)

"""Rows of benchmarks, JSON lines from standard input, as the Markdown of RESULTS.md.

python bench/run.py | python bench/table.py
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TITLES = {
    "A": "feed-forward ticks in integers",
    "B": "first-spike times in continuous time",
    "C": "recurrent networks",
    "D": "large recurrent networks",
    "E": "convolution",
    "F": "training",
    "G": "start-up",
    "H": "runs in chunks",
}

COLUMNS = (
    "case",
    "simulator",
    "threads",
    "figure",
    "unit",
    "limit",
    "share",
    "times as good",
    "MB",
    "spread",
    "answer",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, help="a file to put the tables into, not standard output")
    parser.add_argument("--section", default="bench", help="between which marks of the file")
    args = parser.parse_args()
    text = markdown([json.loads(line) for line in sys.stdin if line.startswith("{")])
    if args.into is None:
        sys.stdout.write(text)
    else:
        whole = args.into.read_text(encoding="utf-8")
        args.into.write_text(put(text, whole, args.section), encoding="utf-8")


def put(text: str, whole: str, section: str) -> str:
    """A page with a text between the marks of a section."""
    first, last = f"<!-- {section} -->\n", f"<!-- /{section} -->"
    if first not in whole or last not in whole:
        raise SystemExit(f"no lines {first.strip()} and {last} to put the tables between; write them first")
    head, rest = whole.split(first, 1)
    return head + first + "\n" + text + "\n" + last + rest.split(last, 1)[1]


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """All tables, with the machine and the versions they were made with."""
    if not rows:
        return "No rows.\n"
    curves = [row for row in rows if "axis" in row["facts"]]
    plain = [row for row in rows if "axis" not in row["facts"]]
    parts = [provenance(rows)]
    for bench in sorted({row["bench"] for row in plain}):
        parts.append(f"### {bench}: {TITLES.get(bench, bench)}")
        parts.append(table(COLUMNS, lines([row for row in plain if row["bench"] == bench])))
    if curves:
        parts.append("### Cost against size")
        parts.append(
            table(("axis", "points", "microseconds", "straight line", "largest distance"), slopes(curves))
        )
    return "\n\n".join(parts) + "\n"


def provenance(rows: Sequence[dict[str, Any]]) -> str:
    """Machine, load and versions, once."""
    machine = rows[0]["machine"]
    versions = sorted({f"{k} {v}" for row in rows for k, v in row["versions"].items()})
    loads = [row["load"] for row in rows]
    clocks = " and ".join(sorted({row["clock"] for row in rows}))
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; load {min(loads):.1f} to "
        f"{max(loads):.1f}; {clocks} time, medians; {', '.join(versions)}."
    )


def lines(rows: Sequence[dict[str, Any]]) -> Iterable[Sequence[str]]:
    """One line a figure, with the roofline's beside it."""
    limits = {_key(row): row["value"] for row in rows if row["simulator"] == "roofline"}
    for row in rows:
        if row["simulator"] == "roofline":
            continue
        right = {True: "right", False: "**wrong**", None: ""}[row["answer_ok"]]
        yield (
            row["case"],
            row["simulator"],
            str(row["threads"]),
            number(row["value"]),
            row["unit"] or row["note"],
            number(limits.get(_key(row)) if row["roofline_share"] else None),
            percent(row["roofline_share"]),
            number(row["ratio"]),
            number(row["peak_mb"]),
            percent(row["spread"]),
            right,
        )


def slopes(rows: Sequence[dict[str, Any]]) -> Iterable[Sequence[str]]:
    """For each axis the costs, the straight line through them, and how far they lie from it."""
    for axis in dict.fromkeys(row["facts"]["axis"] for row in rows):
        found = [row for row in rows if row["facts"]["axis"] == axis]
        x, y = np.array(found[0]["facts"]["points"], float), np.array([row["value"] for row in found])
        slope, start = np.polyfit(x, y, 1, w=1 / y)
        distance = np.abs((start + slope * x) / y - 1).max()
        yield (
            axis,
            ", ".join(f"{v:g}" for v in x),
            ", ".join(map(number, y)),
            f"{number(start)} + {number(slope)} x",
            percent(distance),
        )


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def number(value: float | None) -> str:
    """Three significant digits, thousands apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["case"], row["threads"], row["unit"]


if __name__ == "__main__":
    main()

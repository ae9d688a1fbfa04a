"""Put what commands find on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from spikec.outcome import outcome_of
from spikec.report.text import TextTable, cell_text, render, render_tables
from spikec.units import seconds_text, several

if TYPE_CHECKING:
    from spikec.blame.figures import Quantisation
    from spikec.causes.found import Diff
    from spikec.commands.demo import DemoReport
    from spikec.compare import Comparison
    from spikec.errors import Violation
    from spikec.outcome import Outcome
    from spikec.result import RunResult
    from spikec.spike_times import SpikeTimes, TimeErrors

ROUNDING = 1e-12
"""Errors of times below this, in seconds, are those of float arithmetic, and are shown as none."""


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> TextTable:
    """A plain table."""
    shown = TextTable(title)
    cells = [[_text(cell) for cell in row] for row in rows]
    for i, word in enumerate(header):
        shown.add(word, [row[i] for row in cells])
    for row in cells:
        shown.add_row(*map(cell_text, row))
    return shown


def overview(found: Mapping[str, Any]) -> RenderableType:
    """What `inspect` found: single values first, then each list of records as a table."""
    single = [row for name, value in found.items() if not _is_records(value) for row in _rows(name, value)]
    parts: list[RenderableType] = [table(str(found.get("kind", "")), ("what", "value"), single)]
    for name, records in found.items():
        if _is_records(records) and records:
            header = [k for k in records[0] if k not in ("figures", "delay_unit")]
            parts.append(table(name, header, [[_in_unit(r, k) for k in header] for r in records]))
    return Group(*parts)


def _rows(name: str, value: Any) -> list[tuple[str, Any]]:
    """A value of an overview; notes, and where a file comes from, a line each.

    With which versions it was made tell `--json` and the report.
    """
    if name == "notes" and value:
        return [("" if k else name, note) for k, note in enumerate(value)]
    if name in ("source", "origin"):
        return [(f"{name}: {k}", v) for k, v in value.items() if not k.endswith(" with")]
    return [(name, _length(value) if name == "dt" else value)]


def training(found: Mapping[str, Any]) -> RenderableType:
    """A trained network; of several seeds, a figure a line and a seed a column."""
    single = _flat({k: v for k, v in found.items() if k not in ("mean", "seeds", "shortfall")})
    if "data" not in found:
        single |= {"as expected": found["shortfall"] or "yes"}
    if "seeds" not in found:
        return overview({"kind": "trained", **single})
    seeds = [_flat(r) for r in found["seeds"]]
    header = ("figure", "mean", *(f"seed {r['seed']}" for r in seeds))
    rows = [(name, mean, *(r[name] for r in seeds)) for name, mean in _flat(found["mean"]).items()]
    kept: dict[str, Any] = {
        k: single[k]
        for k in ("recipe", "data", "seed", "output", "inputs", "notes", "as expected")
        if k in single
    }
    return Group(overview({"kind": "the best in training", **kept}), table("all seeds", header, rows))


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Figures by dotted names, without those that are missing."""
    flat: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{kind}": v for kind, v in value.items()}
        elif value is not None:
            flat[name] = value
    return flat


def compiled(found: Mapping[str, Any], report: Quantisation | None) -> RenderableType:
    """What `compile` did: the program, what each pass that had something to do did, and what it cost.

    Args:
        found: The program's overview.
        report: What quantisation did, if it is wanted.
    """
    from spikec.report.pareto import pareto_table

    busy = [p for p in found["passes"] if p["figures"] or not p["lossless"]]
    parts = {k: v for k, v in found.items() if k not in ("passes", "report")}
    steps = [(p["pass"], "yes" if p["lossless"] else "no", p["summary"]) for p in busy]
    costs = [
        (p["pass"], name, value)
        for p in busy
        for name, value in p["figures"].items()
        if isinstance(value, int | float) and value
    ]
    searched = [pareto_table(p["figures"]) for p in busy if p["pass"] == "search"]
    return Group(
        overview({"kind": "compiled", **parts}),
        table("passes that had something to do", ("pass", "lossless", "what it did"), steps),
        table("what they found and what it cost (an _error is a share)", ("pass", "figure", "value"), costs),
        *([render_tables(searched)] if searched else []),
        *([] if report is None else [quantisation(report)]),
    )


def checked(broken: Sequence[Violation], found: Mapping[str, Any]) -> RenderableType:
    """Whether a network fits a target: what it breaks, and how full cores are."""
    rest = {k: v for k, v in found.items() if k not in ("cores", "violations")}
    rows = [
        (line["rule"], line["largest"], "–" if line["limit"] is None else line["limit"],
         "–" if not line["limit"] else f"{100 * line['largest'] / line['limit']:.0f} %",
         f"{line['core']} ({line['population']})", f"{line['mean']:.1f}")
        for line in found["cores"]
    ]  # fmt: skip
    header = ("limit of a core", "fullest", "allowed", "use", "core", "mean of all")
    cores = [table("how full cores are", header, rows)] if rows else []
    return Group(violations(broken) if broken else overview({"kind": "fits", **rest}), *cores)


def violations(found: Sequence[Violation]) -> RenderableType:
    """What keeps a network from running on its target."""
    rows = [(v.where, v.rule, v.got, v.limit, v.advice) for v in found]
    return table("does not fit", ("where", "what", "found", "allowed", "what to do"), rows)


def run_lines(run: RunResult | Outcome) -> RenderableType:
    """What a run found, briefly."""
    result = outcome_of(run)
    counters = result.counters
    rows: list[tuple[str, object]] = []
    if result.meta.get("accuracy") is not None:
        rows.append(("accuracy", f"{100 * result.meta['accuracy']:.2f} %"))
    if counters is not None:
        rows += [("samples", counters.n_samples), ("ticks a sample", counters.n_ticks)]
        rows += [(k.replace("_", " "), v) for k, v in counters.totals().items()]
    if counters is None and result.meta.get("until") is not None:
        unit = "s" if result.meta.get("dt") is None else "ticks"
        rows.append(("until", f"{result.meta['until']:.6g} {unit}"))
    if result.meta.get("ends"):
        rows.append(("ends", result.meta["ends"]))
    rows += [(f"spikes of {name}", size.n_events) for name, size in result.sizes.items()]
    rows += [("read with", n) for n in result.meta.get("notes", []) if n.startswith("the convention is")]
    if result.meta.get("precision") is not None:
        rows.append(("precision", f"{result.meta['precision']} bits"))
    rows += [("order", result.meta.get("order", "")), ("seconds", f"{result.meta.get('seconds', 0.0):.3g}")]
    return table(f"run on {result.meta.get('backend')}", ("what", "value"), rows)


def comparison(found: Comparison, a: str, b: str) -> RenderableType:
    """Whether two runs are the same, and what differs first."""
    style = "green" if found.identical else "bold red"
    word = "identical" if found.identical else "different"
    lines = [Text(f"{word}: {found.description(a, b)}", style=style)]
    return Group(*lines, *(Text(f"· {note}", style="dim") for note in found.notes))


def difference(found: Diff, a: str, b: str) -> RenderableType:
    """Where two runs part, and what of it comes from what."""
    from spikec.report.causes import diff_tables, sentence

    line = Text(sentence(found, a, b), style="green" if found.first is None else "bold red")
    notes = (Text(f"· {note}", style="dim") for note in found.notes)
    return Group(line, *notes, Text(), render_tables(diff_tables(found, a, b)))


def quantisation(found: Quantisation) -> RenderableType:
    """What quantisation did to a network, and which part loses what."""
    from spikec.report.quantisation import quantisation_tables

    return render_tables(quantisation_tables(found))


def spike_times(found: SpikeTimes, a: str, b: str) -> RenderableType:
    """How far apart the spikes of two runs lie, a population a line."""
    lines = [*found.populations, *([found.overall] if len(found.populations) != 1 else [])]
    names = [Text(f"a: {a}"), Text(f"b: {b}"), Text()]
    parts: list[RenderableType] = [_times_table("spikes of a and of b, and errors of their times", lines)]
    if found.inputs:
        parts.append(_times_table("inputs, which are given", found.inputs))
    answers = [
        ("accuracy of a", found.accuracy_a),
        ("accuracy of b", found.accuracy_b),
        ("same answer", found.same_answers),
    ]
    known = [(what, _percent(share)) for what, share in answers if share is not None]
    if known:
        parts.append(table(f"answers, {several(found.n_samples, 'sample')}", ("what", "share"), known))
    ticks = [f"a tick of {which} is {seconds_text(dt)}"
             for which, dt in (("a", found.dt_a), ("b", found.dt_b)) if dt]  # fmt: skip
    late = [f"lateness in ticks, taken off the times of {which}: {_text(ticks)}"
            for which, ticks in (("a", found.late_a), ("b", found.late_b)) if ticks]  # fmt: skip
    notes = (*ticks, *late, *found.notes)
    return Group(*names, *parts, *(Text(f"· {note}", style="dim") for note in notes))


def _times_table(title: str, lines: Sequence[TimeErrors]) -> TextTable:
    rows = [_times_row(e) for e in lines]
    if not any(row["after end"] for row in rows):
        rows = [{k: v for k, v in row.items() if k != "after end"} for row in rows]
    shown = table(title, list(rows[0]), [list(row.values()) for row in rows])
    for column in shown.columns[1:]:
        column.justify = "right"
    return shown


def _times_row(e: TimeErrors) -> dict[str, object]:
    counts = {"a": e.n_a, "b": e.n_b, "matched": e.matched, "missed": e.missed, "extra": e.extra}
    errors = {"median": e.median, "99 %": e.percentile_99, "mean": e.mean}
    return {"": e.name, **counts, "after end": e.after_a + e.after_b} | {
        k: seconds_text(0.0 if t is not None and abs(t) < ROUNDING else t) for k, t in errors.items()
    }


def demo(report: DemoReport) -> RenderableType:
    """The demo on a page."""
    found = report.to_json()
    accuracy = found["accuracy"]
    first = table(
        "handwritten digits, 450 test images",
        ("", "mean", *(f"seed {i}" for i in range(len(report.trained)))),
        [
            ("trained, real spike times", _percent(accuracy["trained"]), *map(_percent, report.trained)),
            ("compiled, chip integers", _percent(accuracy["compiled"]), *map(_percent, report.compiled)),
        ],
    )
    names = {
        "reference_cpu": "reference = CPU engine",
        "cpu_lava_fused": "CPU engine = Lava, fused",
        "cpu_lava_stock": "CPU engine = Lava, stock",
    }
    second = table(
        "spike for spike, count for count",
        ("", "same", "samples", "spikes"),
        [
            (names[k], "yes" if c.identical else c.description(), c.n_samples, c.n_events_a)
            for k, c in report.comparisons.items()
        ],
    )
    third = table("seconds", ("stage", "s"), [(k, f"{v:.3g}") for k, v in report.seconds.items()])
    short = replace(report.summary, beside=None, passes=())
    return Group(first, second, render(short, notes=False), third)


def _in_unit(record: Mapping[str, Any], name: str) -> object:
    """An entry, a delay with its unit."""
    value = record[name]
    if name != "longest_delay":
        return value
    return several(int(value), "tick") if record["delay_unit"] == "ticks" else _length(value)


def _length(seconds: float | None) -> str | None:
    """A length of time with all its digits, as a time step has to be known."""
    return None if seconds is None else f"{1e3 * seconds:.9g} ms"


def _is_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(r, Mapping) for r in value)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in cell.items())
    if isinstance(cell, list | tuple):
        return ", ".join(_text(c) for c in cell)
    return "" if cell is None else str(cell)

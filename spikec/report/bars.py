"""Energy as bars in a page: stacked by event for each table, intervals over the tables, the dense base.

They are elements of HTML and not a drawing: each part can be reached by the keyboard and tells its count,
price and source when it is; so does a mouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from spikec.energy import EnergyTerm
from spikec.report.priced import KINDS, Interval, Priced, kind_of
from spikec.report.prices import arithmetic, ends_text
from spikec.report.summary import Summary
from spikec.report.svg import LETTER, number, tag
from spikec.report.table import count_text, energy_text, printable, words

BAR = 520.0
"""Width of a full bar where there is room, px; what has no room for its name shows none."""


@dataclass(frozen=True)
class Part:
    """A part of a bar.

    Attributes:
        name: What it is.
        pj: How long it is, picojoules.
        told: All that is known of it.
        style: Its class.
        begin: Where it begins, if not where the part before it ends, picojoules.
    """

    name: str
    pj: float
    told: str
    style: str
    begin: float | None = None


@dataclass(frozen=True)
class Bar:
    """A bar and what stands beside it.

    Attributes:
        name: Before it.
        value: Behind it.
        parts: Of it.
        pj: What it amounts to, picojoules, as the JSON report has it; None if it is no one number.
    """

    name: str
    value: str
    parts: tuple[Part, ...]
    pj: float | None = None


def energy_bars(summary: Summary) -> str | None:
    """All bars of a page; None if nothing has a price."""
    tables = [_table_bar(p) for p in summary.energy if p.estimate.basis and p.estimate.n_samples]
    base = [] if summary.baseline is None else _base_bars(summary)
    parts = []
    if tables or base:
        parts.append(_group("An inference, by each table of prices", [*tables, *base]))
    if summary.interval is not None:
        parts.append(
            _group("Its kinds of events: from the cheapest table to the dearest", _kinds(summary.interval))
        )
    if summary.standing and summary.n_samples:
        parts.append(_group("Beside the events, in no total above", _standing(summary)))
    return "".join(parts) or None


def _table_bar(priced: Priced) -> Bar:
    e = priced.estimate
    parts = tuple(_event_part(t, e.n_samples) for t in e.terms if t.total_pj)
    total = e.per_inference_pj
    known = sum(p.pj for p in parts)
    value = energy_text(total) if total is not None else f"at least {energy_text(known)}"
    return Bar(priced.label, value, parts, total)


def _event_part(t: EnergyTerm, n_samples: int) -> Part:
    assert t.total_pj is not None
    assert t.unit_pj is not None
    each = t.total_pj / n_samples
    told = (
        f"{words(t.name)}: {count_text(t.count / n_samples)} an inference, {t.unit_pj:g} pJ each, "
        f"{energy_text(each)}. Source: {t.source}.{f' {t.note}.' if t.note else ''}"
    )
    kinds = list(KINDS)
    kind = kind_of(t)
    return Part(words(t.name), each, told, f"k{kinds.index(kind) if kind in kinds else len(kinds)}")


def _base_bars(summary: Summary) -> list[Bar]:
    """The same network as dense arithmetic, a bar for each kind of it."""
    base = summary.baseline
    assert base is not None
    return [
        Bar(
            f"dense network, {base.base}, {arithmetic(t)}",
            energy_text(t.total_pj),
            (
                Part(
                    "dense",
                    t.total_pj,
                    f"{count_text(t.count)} multiply-accumulates, {t.unit_pj:g} pJ each, "
                    f"{energy_text(t.total_pj)}. Source: {t.source}. {t.note}.",
                    "dense",
                ),
            ),
            t.total_pj,
        )
        for t in base.terms
        if t.total_pj is not None
    ]


def _kinds(found: Interval) -> list[Bar]:
    lines = [*found.kinds_pj.items(), *([] if found.total_pj is None else [("total", found.total_pj)])]
    kinds = list(KINDS)
    bars = []
    for name, (low, high) in lines:
        style = f"k{kinds.index(name)}" if name in kinds else "total"
        told = f"{name}: {ends_text((low, high))} an inference, by {', '.join(found.tables)}."
        bars.append(Bar(name, ends_text((low, high)), (Part("", high - low, told, f"{style} range", low),)))
    return bars


def _standing(summary: Summary) -> list[Bar]:
    n = summary.n_samples or 1
    return [
        Bar(
            s.name,
            energy_text(s.total_pj / n),
            (
                Part(
                    s.name,
                    s.total_pj / n,
                    f"{s.name}: {s.mw:g} mW for {s.seconds / n:.3g} s an inference. Source: {s.source}."
                    f"{f' {s.note}.' if s.note else ''}",
                    "standing",
                ),
            ),
            s.total_pj / n,
        )
        for s in summary.standing
    ]


def _group(heading: str, bars: Sequence[Bar]) -> str:
    """Bars of one scale."""
    top = max((_end(bar) for bar in bars), default=0.0) or 1.0
    scale = f"A full bar is {energy_text(top)}."
    rows = "".join(_row(bar, top) for bar in bars)
    return tag("div", tag("h3", escape(heading)), rows, tag("p", scale, class_="scale"), class_="bars")


def _end(bar: Bar) -> float:
    return max((p.begin + p.pj if p.begin is not None else 0.0 for p in bar.parts), default=0.0) or sum(
        p.pj for p in bar.parts
    )


def _row(bar: Bar, top: float) -> str:
    value = {} if bar.pj is None else {"data_value": repr(bar.pj)}
    name = tag("div", escape(printable(bar.name)), class_="name")
    drawn = tag("div", *_parts(bar.parts, top), class_="bar")
    return tag("div", name, drawn, tag("div", escape(bar.value), class_="value", **value), class_="row")


def _parts(parts: Iterable[Part], top: float) -> Iterable[str]:
    for p in parts:
        told = escape(printable(p.told))
        style = f"width:{number(100 * p.pj / top)}%"
        if p.begin is not None:
            style = f"margin-left:{number(100 * p.begin / top)}%;{style}"
        seen = escape(printable(p.name)) if LETTER * len(p.name) < BAR * p.pj / top else ""
        yield (
            f'<span class="part {p.style}" style="{style}" tabindex="0" role="img" aria-label="{told}" '
            f'data-value="{p.pj!r}"><span class="words">{seen}</span>'
            f'<span class="tip" aria-hidden="true">{told}</span></span>'
        )

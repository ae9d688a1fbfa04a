"""The terminal view and the page: the same tables, set safely."""

import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from rich.console import Console

from spikec.errors import UsageError
from spikec.events import from_rows, no_events
from spikec.report import shown
from spikec.report.html import page
from spikec.report.summary import summarise
from spikec.report.table import count_text, energy_text
from spikec.report.tables import tables
from spikec.report.text import render
from spikec.result import Counters, PopulationCounts, ProjectionCounts, RunResult

NASTY = "<script>alert('&')</script> [red]$x$ \x1b[31m\n"

RESULT = RunResult(
    spikes={
        "in": from_rows([0, 0, 1], [1, 2, 0], [0, 3, 1], n_samples=2, n_neurons=4),
        NASTY: from_rows([1], [5], [1], n_samples=2, n_neurons=2),
    },
    counters=Counters(
        2,
        10,
        {"in": PopulationCounts(3, 0), NASTY: PopulationCounts(1, 40)},
        {"in_out": ProjectionCounts(1234, 2, 3, 0)},
    ),
    meta={
        "backend": NASTY,
        "energy_tables": ("loihi1-davies2018",),
        "order": NASTY,
        "dt": 1e-3,
        "facts": {
            "target": NASTY,
            "recurrent": False,
            "n_synapses": 8,
            "connection_sparsity": 0.25,
            "dense_macs": 8,
            "footprint_bytes": 30,
            "populations": [],
            "projections": [{"name": "in_out", "n_synapses": 8, "n_nonzero": 6}],
        },
    },
)


def printed(result: RunResult, requested: tuple[str, ...] | None = None) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(render(summarise(result, requested)))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


class Elements(HTMLParser):
    """What a page is made of: tags and the addresses in their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "img"}:
            self.open.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in {"src", "href", "srcset", "data", "action"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page(RESULT, summarise(RESULT))
    found = Elements(text)
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    assert all(address.startswith("#") for address in found.addresses)
    assert "default-src 'none'" in text
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert found.open == []


def test_names_are_escaped_in_the_page() -> None:
    text = page(RESULT, summarise(RESULT), sample=1, title=NASTY)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" in text


def test_names_cannot_steer_the_terminal() -> None:
    text = printed(RESULT)
    assert "\x1b" not in text
    assert "[red]" in text


def test_the_terminal_shows_prices_sums_and_what_is_left_out() -> None:
    text = printed(RESULT)
    assert "1,234" in text
    assert "23.6" in text
    # 1236 synaptic events, 40 updates, 3 messages
    assert energy_text(1236 * 23.6 + 40 * 81 + 3 * 1.7) in text
    assert "static power" in text
    assert "no placement" in text


def test_what_spikes_cost_by_the_dense_base_is_told_for_each_arithmetic() -> None:
    shown = {t.title: t for t in tables(summarise(RESULT))}["Spikes against the base (one pass)"]
    davies = (1236 * 23.6 + 40 * 81 + 3 * 1.7) / 2
    assert [(row[0], row[2]) for row in shown.rows] == [
        ("32-bit float", f"{davies / (8 * 4.6):.3g} ×"),
        ("32-bit float + SRAM", f"{davies / (8 * 9.6):.3g} ×"),
        ("8-bit integer", f"{davies / (8 * 0.3):.3g} ×"),
        ("8-bit integer + SRAM", f"{davies / (8 * 1.55):.3g} ×"),
    ]


def test_borrowed_prices_are_labelled_wherever_they_are_shown() -> None:
    meta = {**RESULT.meta, "energy_tables": ()}
    result = RunResult(RESULT.spikes, counters=RESULT.counters, meta=meta)
    assert "priced as if on Loihi 1" not in printed(result)
    text = printed(result, ("loihi1-davies2018",))
    assert "priced as if on Loihi 1" in text
    assert "no published price for this chip" in text
    assert "energy each" in text
    shown = page(result, summarise(result, ("loihi1-davies2018",)))
    assert "priced as if on Loihi 1" in shown
    assert re.search(r"energy an inference</dt><dd>no published price", shown)


def test_a_sample_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="samples 0 to 1"):
        page(RESULT, summarise(RESULT), sample=2)


def test_an_empty_result_still_makes_a_page_and_a_text() -> None:
    empty = RunResult({})
    assert "<svg" not in page(empty, summarise(empty))
    assert "Result" in printed(empty)


def test_a_run_of_no_samples_makes_a_page_without_a_picture() -> None:
    none = RunResult({"in": no_events(0, 4)}, counters=Counters(0, 3, {}, {}))
    assert "Spikes of sample" not in page(none, summarise(none))


def test_of_very_many_populations_the_first_are_drawn_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shown, "MAX_STRIPS", 1)
    many = RunResult({f"p{i}": no_events(1, 1) for i in range(4)})
    assert "3 more populations are not drawn" in page(many, summarise(many))


def test_every_row_of_a_table_has_a_cell_for_each_column() -> None:
    for table in tables(summarise(RESULT)):
        assert {len(row) for row in table.rows} == {len(table.header) or 2}
        assert len(table.shares) in (0, len(table.rows))


@pytest.mark.parametrize(
    ("pj", "text"),
    [(0.0, "0 pJ"), (1.7, "1.7 pJ"), (2500, "2.5 nJ"), (1.5e6, "1.5 µJ"), (3.72e8, "372 µJ"), (2e9, "2 mJ")],
)
def test_energies_have_a_fitting_unit(pj: float, text: str) -> None:
    assert energy_text(pj) == text


def test_counts_have_separated_thousands() -> None:
    assert (count_text(1234567), count_text(2.5), count_text(None)) == ("1,234,567", "2.5", "–")


def test_energy_and_comparison_import_nothing_heavy() -> None:
    code = (
        "import sys, spikec.energy, spikec.compare, spikec.facts, spikec.report.summary, spikec.report.html; "
        "print(sorted({'matplotlib', 'jinja2', 'numba', 'lava', 'sklearn', 'networkx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Tables on a terminal: numbers stay whole however narrow it is."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from spikec.commands.show import overview, spike_times, table
from spikec.spike_times import SpikeTimes, TimeErrors


def printed(shown, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(shown, crop=False)
    return out.getvalue()


def measured(**changed: object) -> SpikeTimes:
    one = TimeErrors("a.population.of.long.name", 1103541, 1103540, 1103530, 2.71e-20, 1.234e-3, -12.34e-6)
    one = replace(one, **changed)
    return SpikeTimes(one, (one, one), (), 1, None, None, None, None, None, {}, {})


@pytest.mark.parametrize("width", [20, 80, 200])
def test_numbers_are_never_broken(width: int) -> None:
    words = printed(spike_times(measured(after_b=4), "a", "b"), width)
    for number in ("1103541", "1103540", "1103530", "1.23 ms", "-12.3 µs"):
        assert words.count(number) == 3, number
    rows = [("x" * 70, 0.000271234, "y" * 70), ("x" * 70, 1103541, "y" * 70)]
    words = printed(table("title", ("name", "a title of words", "what"), rows), width)
    assert "0.000271234" in words
    assert "1103541" in words


def test_text_folds_where_there_is_no_room() -> None:
    assert max(map(len, printed(table("t", ("a", "b"), [("x" * 70, 5), ("y", 6)]), 40).splitlines())) <= 40


def test_what_is_only_rounding_is_shown_as_no_error() -> None:
    assert "0 s" in printed(spike_times(measured(), "a", "b"))
    assert "e-20" not in printed(spike_times(measured(), "a", "b"))


def test_lengths_of_time_have_their_units() -> None:
    delays = [
        {"name": "q", "longest_delay": 3.0, "delay_unit": "ticks"},
        {"name": "r", "longest_delay": 0.0025, "delay_unit": "s"},
    ]
    words = printed(overview({"kind": "network", "dt": 0.0009765625, "projections": delays}))
    for text in ("0.9765625 ms", "3 ticks", "2.5 ms"):
        assert text in words
    assert "delay_unit" not in words
    assert "ms" not in printed(overview({"kind": "network", "dt": None}))


def test_spikes_after_the_end_have_a_column_where_there_are_any() -> None:
    assert "after end" not in printed(spike_times(measured(), "a", "b"), 200)
    words = printed(spike_times(measured(after_b=4), "a", "b"), 200).split()
    assert {"after", "end", "4"} <= set(words)


def test_an_origin_is_told_line_by_line_without_versions() -> None:
    source = {"file": "net.npz", "trained by": "spikec train digits-sampled", "trained with": "numpy 2.0.0"}
    lines = printed(overview({"kind": "program", "source": source})).splitlines()
    told = [" ".join(line.split()) for line in lines if "source" in line]
    assert told == ["source: file net.npz", "source: trained by spikec train digits-sampled"]


def test_each_note_is_a_line() -> None:
    lines = printed(overview({"kind": "network", "notes": ["One, two.", "Three."]})).splitlines()
    told = [" ".join(line.split()) for line in lines]
    at = told.index("notes One, two.")
    assert told[at + 1] == "Three."

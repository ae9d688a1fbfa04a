"""A run held against another, and both drawn in one picture."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from spikec.answers import discordant
from spikec.errors import UsageError
from spikec.report.beside import beside, beside_tables
from spikec.report.shown import Shown
from spikec.report.strips import LEFT, WIDTH, spike_strips
from spikec.report.summary import summarise
from spikec.result import RunResult
from spikec.spike_times import spike_times
from tests.spikec.report.test_raster import events, exact, fixed

ANSWERS = {"labels": [1, 0], "decoding": {"population": "out", "readout": "count"}}


def paths(drawn):
    return [p for p in ET.fromstring(drawn).iter("path") if p.get("data-value")]


def places(path):
    """Left and middle of every mark, px."""
    marks = [m.replace("v", " ").split() for m in path.get("d").split("M")[1:]]
    return [(float(x), float(y) + float(h) / 2) for x, y, h in marks]


def test_answers_and_times_are_those_of_the_two_runs():
    a = exact(**ANSWERS, predictions=[1, 1], accuracy=0.5)
    b = fixed(**ANSWERS, predictions=[1, 0], accuracy=1.0, facts={})
    found = beside(b, a, "exact.npz")
    assert found.accuracy.value == 0.5
    assert found.discordant == discordant([1, 1], [1, 0], [1, 0])
    assert found.times.to_json() == spike_times(a, b).to_json()
    told = summarise(b, beside=found).to_json()["beside"]
    assert (told["name"], told["accuracy"]["value"]) == ("exact.npz", 0.5)
    answers, times = beside_tables(found, summarise(b).accuracy)
    assert ("right in one only", "1 this run, 0 exact.npz") in answers.rows
    assert next(row[:5] for row in times.rows if row[0] == "hid") == ("hid", "4", "2", "2", "0")


def test_without_the_same_labels_only_times_are_compared():
    other = {**ANSWERS, "labels": [0, 0]}
    found = beside(fixed(**ANSWERS, predictions=[1, 0]), exact(**other, predictions=[1, 1]), "x")
    assert found.discordant is None
    assert beside(fixed(), exact(), "x").accuracy is None


def test_spikes_after_the_others_end_are_counted_apart_and_how_that_ends_is_told():
    words = "each sample ends with the first spike of out"
    spikes = {
        **exact().spikes,
        "hid": events([(0, 0.0105, 2), (1, 0.02, 0), (1, 0.03, 0)], 6),
        "out": events([(0, 0.011, 1)], 3),  # ends sample 0 before neuron 5 spikes
    }
    first = RunResult(spikes, meta={**exact(**ANSWERS).meta, "ends": words})
    found = beside(exact(), first, "first.npz")
    assert found.to_json()["ends"] == words
    _, times = beside_tables(found, None)
    assert times.header[:6] == ("population", "first.npz", "this run", "missed", "extra", "after end")
    assert [row[:6] for row in times.rows[:2]] == [
        ("hid", "3", "4", "0", "0", "1"),
        ("out", "1", "0", "1", "0", "0"),
    ]
    assert f"Of first.npz: {words}" in times.notes
    _, full = beside_tables(beside(exact(), exact(), "x"), None)
    assert "after end" not in full.header


def test_spikes_lie_at_their_time_and_neuron_and_both_runs_in_one_strip():
    drawn, words = spike_strips(Shown(fixed(), "fixed"), Shown(exact(), "exact"), 0)
    assert words.startswith("sample 0")
    wide, narrow = [[p for p in paths(drawn) if kind in p.get("class")] for kind in ("wide", "narrow")]
    assert [p.get("data-value") for p in wide] == ["2", "2", "0"]
    assert [p.get("data-value") for p in narrow] == ["2", "1", "0"]
    px = WIDTH / 40  # a millisecond; both runs end at 40 ms
    (x, y), (_, y5) = places(wide[1])
    assert x == pytest.approx(LEFT + 10.5 * px, abs=0.01)
    assert places(narrow[1])[0] == pytest.approx((x, y), abs=0.01)  # tick 12, which is 1.5 ticks late
    assert y5 - y == pytest.approx(3 * 30 / 6, abs=0.02)  # neurons 2 and 5 of 6 in a strip of 12 + 3 * 6 px
    legend = "".join(ET.fromstring(drawn).itertext())
    assert "wide: exact" in legend
    assert "narrow: fixed" in legend


def test_answers_are_framed_once_where_both_agree_and_their_numbers_keep_apart():
    def framed(a, b):
        runs = (Shown(fixed(**ANSWERS, predictions=[a, 0])), Shown(exact(**ANSWERS, predictions=[b, 0])))
        svg = ET.fromstring(spike_strips(*runs, 0)[0])
        frames = [r for r in svg.iter("rect") if r.get("class") == "given"]
        return len(frames), [float(t.get("y")) for t in svg.iter("text") if float(t.get("x")) > LEFT + WIDTH]

    assert framed(2, 2)[0] == 1
    n, (first, second) = framed(1, 2)
    assert n == 2
    assert second - first >= 13


def test_what_cannot_be_drawn_is_refused_as_in_a_file():
    other = RunResult({**exact().spikes, "hid": events([], 7)}, meta=exact().meta)
    with pytest.raises(UsageError, match="hid has 6 neurons"):
        spike_strips(Shown(exact()), Shown(other))
    with pytest.raises(UsageError, match="no sample 2"):
        spike_strips(Shown(exact()), None, 2)


def test_a_full_population_is_thinned_and_its_value_is_all_spikes():
    n = 60_000
    rows = [(0, float(t), 0) for t in np.linspace(0, 1, n)]
    (path,) = paths(spike_strips(Shown(RunResult({"a": events(rows, 1)})))[0])
    assert path.get("data-value") == str(n)
    assert len(places(path)) == n // 2

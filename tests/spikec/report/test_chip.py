"""The picture of a chip: every core at its place, with its own figures."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.report.chip import CELL, busiest, fullest, mesh, side_of, square_of
from spikec.report.html import page
from spikec.report.summary import summarise
from spikec.result import CoreCounts, RunResult
from tests.spikec.report.test_summary import result

MESH = {"columns": 3, "rows": 2, "cores_per_tile": 4, "chips": 2}


def counts(place, n_ticks=5):
    place = np.asarray(place)
    n = np.arange(place.size) + 1
    work = np.outer(np.arange(n_ticks), n)
    hops = dict.fromkeys(("east", "west", "north", "south"), 0)
    return CoreCounts(MESH, place, {"a": n}, n, n, n, n, n, n, 2 * n, {}, hops, 0, work, work.max(axis=1))


@given(st.integers(0, 2), st.integers(0, 1), st.integers(0, 3), st.integers(0, 1))
def test_a_core_lies_in_the_square_of_its_tile(column, row, within, the_chip):
    place = ((the_chip * 3 + column) * 2 + row) * 4 + within  # chip by chip, down the columns, core by core
    x, y = square_of(counts([place]))
    left = 2 + the_chip * (3 * 2 * CELL + 12)  # a tile is two cores wide and two high
    assert x[0] == pytest.approx(left + (column * 2 + within % 2) * CELL)
    assert y[0] == pytest.approx(2 + (row * 2 + within // 2) * CELL)


@pytest.mark.parametrize(("cores", "side"), [(1, (1, 1)), (2, (2, 1)), (4, (2, 2)), (6, (3, 2)), (7, (7, 1))])
def test_the_cores_of_a_tile_make_a_rectangle(cores, side):
    assert side_of(cores) == side


def test_the_map_holds_a_figure_of_every_core_and_fills_its_square_in_proportion():
    drawn = ET.fromstring(mesh(counts([0, 5, 41]), np.array([1.0, 3.0, 4.0]), "work", " %"))
    cores = {g.get("data-name"): g for g in drawn.iter("g") if g.get("data-name")}
    assert {name: float(g.get("data-value")) for name, g in cores.items()} == {"0": 1, "1": 3, "2": 4}
    heights = [float(next(g.iter("rect")).get("height")) for g in cores.values()]
    assert heights == pytest.approx([h * (CELL - 3) / 4 for h in (1, 3, 4)])
    assert [t.text for g in cores.values() for t in g.iter("text")] == ["0", "1", "2"]
    assert "the most is 4 %" in drawn.get("aria-label")


def test_the_busiest_core_of_each_tick_is_a_step_of_an_inferences_work():
    c = counts([0, 5], n_ticks=4)
    drawn = ET.fromstring(busiest(c, 2))
    lines = [p for p in drawn.iter("path") if p.get("class").startswith("line") and list(p)]
    assert len(lines) == 2
    levels = [float(y) for y in lines[0].get("d").split("L")[1::2] for y in [y.split()[1]]]
    assert levels == pytest.approx([220, 220 - 190 / 3, 220 - 380 / 3, 30], abs=0.01)  # 0, 1, 2, 3 of 3
    assert "the most is 3 in tick 3" in drawn.get("aria-label")


def test_how_full_a_core_is_is_told_by_the_limit_it_fills_most():
    use = [
        {"rule": "neurons", "limit": 10, "use": [5, 1]},
        {"rule": "axons", "limit": 4, "use": [1, 3]},
        {"rule": "bytes", "limit": None, "use": [99, 99]},
    ]
    assert fullest(use).tolist() == [50.0, 75.0]
    assert fullest(use[2:]) is None


def test_the_page_of_a_placed_run_shows_the_chip():
    plain = result()
    placed = RunResult(plain.spikes, plain.traces, plain.counters, plain.meta, counts([0, 5]))
    for run, shown in ((plain, False), (placed, True)):
        assert ("The busiest core over time" in page(run, summarise(run))) is shown

"""The picture of a chip: every core at its place, with its own figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.report.chip import chip, square_of
from spikec.report.html import page
from spikec.report.plots import to_bytes
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
    assert (x[0], y[0]) == ((the_chip * 3 + column) * 4 + within, row)


def test_the_maps_hold_the_figures_of_an_inference():
    figure = chip(counts([0, 5, 41]), 2)
    work, messages = (next(iter(axis.images)).get_array() for axis in figure.axes[:2])
    assert work.shape == (2, 24)
    assert sorted(work.compressed()) == pytest.approx([10 / 2, 20 / 2, 30 / 2])
    assert sorted(messages.compressed()) == pytest.approx([3 / 2, 6 / 2, 9 / 2])
    assert [t.get_text() for t in figure.axes[0].texts] == ["0", "1", "2"]
    busiest = figure.axes[2].lines[0]
    assert busiest.get_ydata().tolist() == [0, 1.5, 3.0, 4.5, 6.0]
    assert to_bytes(figure, "png").startswith(b"\x89PNG")


def test_the_page_of_a_placed_run_shows_the_chip():
    plain = result()
    placed = RunResult(plain.spikes, plain.traces, plain.counters, plain.meta, counts([0, 5]))
    for run, shown in ((plain, False), (placed, True)):
        assert ("Cores of the chip" in page(run, summarise(run))) is shown

"""Spike-time errors of two runs, against results whose errors are known because they were put there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spikec.errors import UsageError
from spikec.events import Events, from_rows, no_events
from spikec.result import Counters, PopulationCounts, RunResult
from spikec.spike_times import spike_times

Row = tuple[int, float, int]
N_SAMPLES, N = 3, 4
DT = 2.0**-10


def events(rows: list[Row], kind: type = np.float64, n_samples: int = N_SAMPLES) -> Events:
    samples, times, neurons = zip(*rows, strict=True) if rows else ((), (), ())
    return from_rows(samples, np.array(times, kind), neurons, n_samples=n_samples, n_neurons=N)


def exact(rows: list[Row], **meta: object) -> RunResult:
    return RunResult({"h": events(rows)}, meta=meta)


def ticks(rows: list[Row], **meta: object) -> RunResult:
    return RunResult({"h": events(rows, np.int64)}, meta={"dt": DT, **meta})


@st.composite
def trains(draw: st.DrawFn) -> list[Row]:
    """Spikes at whole multiples of `DT`, so that sums are exact, no two of a neuron at one moment."""
    one = st.tuples(st.integers(0, N_SAMPLES - 1), st.integers(0, 50), st.integers(0, N - 1))
    return [(s, k * DT, j) for s, k, j in draw(st.lists(one, max_size=30, unique=True))]


@given(trains())
def test_a_run_has_no_errors_against_itself(rows: list[Row]) -> None:
    found = spike_times(exact(rows), exact(rows)).overall
    assert (found.n_a, found.n_b, found.matched) == (len(rows),) * 3
    assert (found.missed, found.extra) == (0, 0)
    assert (found.median, found.percentile_99, found.mean) == ((0.0,) * 3 if rows else (None,) * 3)


@given(trains(), st.integers(0, 9))
def test_a_shift_is_the_error_of_every_spike(rows: list[Row], shift: int) -> None:
    assume(rows)
    later = [(s, t + shift * DT, j) for s, t, j in rows]
    found = spike_times(exact(rows), exact(later)).overall
    assert (found.median, found.percentile_99, found.mean) == (shift * DT,) * 3
    back = spike_times(exact(later), exact(rows)).overall
    assert (back.median, back.mean) == (shift * DT, -shift * DT)


@given(trains(), st.data())
def test_spikes_that_are_dropped_are_missed_one_way_and_extra_the_other(
    rows: list[Row], data: st.DataObject
) -> None:
    kept = data.draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []
    found = spike_times(exact(rows), exact(kept)).overall
    assert (found.missed, found.extra, found.matched) == (len(rows) - len(kept), 0, len(kept))
    back = spike_times(exact(kept), exact(rows)).overall
    assert (back.missed, back.extra) == (0, len(rows) - len(kept))


@given(trains(), st.floats(0, 5))
def test_ticks_become_seconds_when_their_lateness_is_taken_off(rows: list[Row], late: float) -> None:
    assume(rows)
    counted = [(s, round(t / DT), j) for s, t, j in rows]
    found = spike_times(exact(rows), ticks(counted, late_ticks={"h": late})).overall
    assert found.mean == pytest.approx(-late * DT, abs=1e-15)
    assert found_late(counted, late) == ({}, {"h": late} if late else {})
    other_way = spike_times(ticks(counted, late_ticks={"h": late}), exact(rows)).overall
    assert other_way.mean == pytest.approx(late * DT, abs=1e-15)
    unknown = spike_times(exact(rows), ticks(counted)).overall
    assert unknown.percentile_99 == 0.0


def found_late(counted: list[Row], late: float) -> tuple[object, object]:
    found = spike_times(exact([]), ticks(counted, late_ticks={"h": late, "elsewhere": 3.0}))
    return found.late_a, found.late_b


def test_every_figure_of_a_small_case() -> None:
    a = exact([(0, 0.010, 0), (0, 0.020, 0), (0, 0.030, 1), (1, 0.010, 2), (2, 0.040, 3)])
    # neuron 0 loses its second spike; the others err by -1, +2, +4 ms; two spikes are new
    b = exact([(0, 0.010, 0), (0, 0.029, 1), (1, 0.012, 2), (2, 0.044, 3), (2, 0.050, 3), (2, 0.001, 0)])
    found = spike_times(a, b).overall
    assert (found.n_a, found.n_b, found.matched, found.missed, found.extra) == (5, 6, 4, 1, 2)
    assert found.median == pytest.approx(1.5e-3)  # of 0, 1, 2, 4
    assert found.percentile_99 == pytest.approx(2e-3 + 0.97 * 2e-3)  # place 0.99 * 3 = 2.97
    assert found.mean == pytest.approx(1.25e-3)  # (0 - 1 + 2 + 4) / 4


def test_spikes_after_the_end_of_the_other_run_are_neither_missed_nor_extra() -> None:
    rows = [(0, 0.1, 0), (0, 0.2, 0), (0, 0.5, 0), (1, 0.25, 1), (1, 0.75, 2)]
    long = exact([*rows, (2, 0.125, 3)], until=1.0)
    short = exact([(0, 0.1, 0), (0, 0.2, 0)], until=0.25)
    found = spike_times(long, short)
    assert (found.overall.missed, found.overall.extra) == (2, 0)  # at 0.25, the end itself, and at 0.125
    assert (found.overall.after_a, found.overall.after_b) == (2, 0)
    assert found.notes == ("2 spikes of a after the end of b: neither missed nor extra",)
    back = spike_times(short, long).overall
    assert (back.missed, back.extra, back.after_a, back.after_b) == (0, 2, 0, 2)
    unknown = spike_times(long, exact([(0, 0.1, 0), (0, 0.2, 0)])).overall
    assert (unknown.missed, unknown.after_a) == (4, 0)


def test_a_run_for_the_answer_alone_ends_in_each_sample_with_it() -> None:
    whole = exact([(0, 0.1, 0), (0, 0.2, 1), (1, 0.25, 1), (1, 0.75, 2), (2, 0.5, 0)], until=1.0)
    cut = exact([(0, 0.1, 0), (1, 0.25, 1)], until=1.0, ends="with h", decoding={"population": "h"})
    found = spike_times(whole, cut).overall
    assert (found.matched, found.missed, found.after_a) == (2, 1, 2)  # sample 2 was run to its end
    assert spike_times(cut, whole).overall.after_b == 2


def test_a_run_in_ticks_ends_at_the_time_its_last_tick_stands_for() -> None:
    # 12 ticks, 2.5 late: the last, 11, stands for 8.5 dt
    short = ticks([(0, 3, 0)], until=12, late_ticks={"h": 2.5})
    found = spike_times(exact([(0, DT, 0), (0, 8.5 * DT, 0), (0, 8.75 * DT, 1)], until=1.0), short).overall
    assert (found.matched, found.missed, found.after_a) == (1, 1, 1)


def test_a_spike_that_jitters_over_the_other_runs_end_keeps_its_partner() -> None:
    found = spike_times(exact([(0, 0.25, 0)], until=0.25), exact([(0, 0.26, 0)], until=0.5)).overall
    assert (found.matched, found.extra, found.after_b) == (1, 0, 0)


def test_ticks_of_both_runs_may_differ_in_length() -> None:
    fine = RunResult({"h": events([(0, 8, 1)], np.int64)}, meta={"dt": 1e-3})
    coarse = RunResult({"h": events([(0, 3, 1)], np.int64)}, meta={"dt": 4e-3})
    assert spike_times(fine, coarse).overall.mean == pytest.approx(4e-3)


def test_inputs_are_listed_apart_however_they_are_known() -> None:
    spikes = {"in": events([(0, 0.0, 0)]), "h": events([(0, 1.0, 0)])}
    facts = {"populations": [{"name": "in", "input": True}, {"name": "h", "input": False}]}
    counters = Counters(3, 9, {"in": PopulationCounts(1, 0), "h": PopulationCounts(1, 108)}, {})
    for told in (RunResult(spikes, meta={"facts": facts}), RunResult(spikes, counters=counters)):
        found = spike_times(RunResult(spikes), told)
        assert [e.name for e in found.inputs] == ["in"]
        assert [e.name for e in found.populations] == ["h"]
        assert found.overall == replace(found.populations[0], name="all")


def test_populations_of_one_run_only_are_left_out_and_named() -> None:
    a = RunResult({"h": events([]), "relay": events([(0, 1.0, 0)])})
    found = spike_times(a, RunResult({"h": events([])}))
    assert [e.name for e in found.populations] == ["h"]
    assert "relay" in found.notes[0]
    with pytest.raises(UsageError, match="no population in common"):
        spike_times(a, RunResult({"x": events([])}))


def test_answers_are_compared_over_the_samples_that_both_have() -> None:
    long = exact([], predictions=[1, 2, 0], labels=[1, 2, 3], accuracy=2 / 3)
    short = RunResult({"h": events([], n_samples=2)}, meta={"predictions": [1, 0], "labels": [1, 2]})
    found = spike_times(long, short)
    assert (found.n_samples, found.accuracy_a, found.accuracy_b, found.same_answers) == (2, 1.0, 0.5, 0.5)
    unknown = spike_times(exact([], accuracy=0.25), exact([]))
    assert (unknown.accuracy_a, unknown.accuracy_b, unknown.same_answers) == (0.25, None, None)


def test_ticks_of_unknown_length_are_refused_where_there_are_any() -> None:
    with pytest.raises(UsageError, match="how long a tick is"):
        spike_times(exact([(0, 1.0, 0)]), ticks([(0, 1, 0)], dt=None))
    silent = RunResult({"h": no_events(N_SAMPLES, N)})
    assert spike_times(exact([(0, 1.0, 0)]), silent).overall.missed == 1


def test_the_json_holds_every_figure_in_seconds() -> None:
    given_ = spike_times(exact([(0, 1.0, 0)]), exact([(0, 1.5, 0), (1, 1.0, 0)])).to_json()
    assert given_["overall"] == {
        "name": "all", "n_a": 1, "n_b": 2, "matched": 1, "missed": 0, "extra": 1,
        "median": 0.5, "percentile_99": 0.5, "mean": 0.5, "after_a": 0, "after_b": 0,
    }  # fmt: skip

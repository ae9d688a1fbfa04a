"""Comparison of runs, against sets of spikes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.compare import Comparison, Difference, compare
from spikec.errors import UsageError
from spikec.events import Events, from_rows, no_events
from spikec.result import Counters, PopulationCounts, ProjectionCounts, RunResult

Row = tuple[int, float, int]
N_SAMPLES, N_TICKS, N = 3, 6, 4
SIZES = {"first": N, "second": N}


def events(rows: set[Row], n_samples: int = N_SAMPLES) -> Events:
    samples, times, neurons = zip(*rows, strict=True) if rows else ((), (), ())
    kind = np.float64 if any(isinstance(t, float) for t in times) else np.int64
    return from_rows(samples, np.array(times, kind), neurons, n_samples=n_samples, n_neurons=N)


def result(spikes: dict[str, set[Row]], counters: Counters | None = None, **meta: object) -> RunResult:
    return RunResult({name: events(rows) for name, rows in spikes.items()}, counters=counters, meta=meta)


def counters(n_samples: int = N_SAMPLES, n_ticks: int = N_TICKS, **changed: int) -> Counters:
    counts = {"synaptic_events": 5, "zero_weight_events": 1, "messages": 4, "delay_writes": 0, **changed}
    return Counters(n_samples, n_ticks, {"first": PopulationCounts(3, 72)}, {"q": ProjectionCounts(**counts)})


def rows() -> st.SearchStrategy[set[Row]]:
    one = st.tuples(st.integers(0, N_SAMPLES - 1), st.integers(0, N_TICKS - 1), st.integers(0, N - 1))
    return st.sets(one, max_size=12)


def runs() -> st.SearchStrategy[dict[str, set[Row]]]:
    return st.fixed_dictionaries({name: rows() for name in SIZES}).map(in_order)


def in_order(run: dict[str, set[Row]]) -> dict[str, set[Row]]:
    return {name: run[name] for name in SIZES}


def pairs() -> st.SearchStrategy[tuple[dict[str, set[Row]], dict[str, set[Row]]]]:
    """Two runs: anything, or one and a few spikes more or less."""

    def near(run: dict[str, set[Row]]) -> st.SearchStrategy[dict[str, set[Row]]]:
        few = rows().map(lambda s: set(sorted(s)[:2]))
        return st.tuples(few, few).map(
            lambda f: {name: run[name] ^ x for name, x in zip(SIZES, f, strict=True)}
        )

    return st.one_of(st.tuples(runs(), runs()), runs().flatmap(lambda run: near(run).map(lambda b: (run, b))))


def expected_first(a: dict[str, set[Row]], b: dict[str, set[Row]]) -> tuple[Row, str, str] | None:
    """The earliest spike that only one side has, by sets."""
    alone = [
        (s, t, list(SIZES).index(name), n, "a" if (s, t, n) in a[name] else "b")
        for name in SIZES
        for s, t, n in a[name] ^ b[name]
    ]
    if not alone:
        return None
    s, t, place, n, side = min(alone)
    return (s, t, n), list(SIZES)[place], side


@given(pairs())
def test_the_first_difference_is_the_earliest_spike_that_only_one_run_has(pair) -> None:  # type: ignore[no-untyped-def]
    a, b = pair
    found = compare(result(a), result(b))
    expected = expected_first(a, b)
    assert found.identical == (a == b) == (found.first is None)
    if expected is not None:
        assert found.first is not None
        d = found.first
        assert ((d.sample, d.time, d.neuron), d.population, d.side) == expected


@given(pairs())
def test_before_the_first_difference_both_runs_are_equal(pair) -> None:  # type: ignore[no-untyped-def]
    a, b = pair
    d = compare(result(a), result(b)).first
    if d is not None:
        for name in SIZES:
            before_a = {r for r in a[name] if r[:2] < (d.sample, d.time)}
            assert before_a == {r for r in b[name] if r[:2] < (d.sample, d.time)}
        row = (d.sample, d.time, d.neuron)
        assert (row in a[d.population]) != (row in b[d.population])


@given(pairs())
def test_comparing_the_other_way_round_only_swaps_the_sides(pair) -> None:  # type: ignore[no-untyped-def]
    a, b = pair
    there, back = compare(result(a), result(b)), compare(result(b), result(a))
    assert (there.identical, there.n_events_a, there.n_events_b) == (
        back.identical,
        back.n_events_b,
        back.n_events_a,
    )
    swapped = back.first and replace(back.first, side={"a": "b", "b": "a"}[back.first.side])
    assert there.first == swapped


@given(runs())
def test_a_run_is_identical_to_itself(a: dict[str, set[Row]]) -> None:
    found = compare(result(a, counters()), result(a, counters()))
    assert found.identical
    assert found.counters_identical
    assert found.n_events_a == sum(len(rows) for rows in a.values())


def test_a_spike_that_moved_is_named_with_both_its_times() -> None:
    a = result({"first": {(0, 1, 0), (1, 2, 3), (1, 5, 3)}})
    b = result({"first": {(0, 1, 0), (1, 2, 3), (1, 4, 3)}})
    assert compare(a, b).first == Difference("first", neuron=3, sample=1, time=4, side="b", other_time=5)


def test_a_spike_that_is_missing_has_no_other_time() -> None:
    found = compare(result({"first": {(2, 3, 1)}}), result({"first": set()}))
    assert found.first == Difference("first", neuron=1, sample=2, time=3, side="a", other_time=None)
    assert found.description("cpu", "lava") == (
        "they part at sample 2, tick 3: neuron 1 of first spikes in cpu, not in lava"
    )


def test_seconds_within_the_tolerance_are_the_same() -> None:
    a, b = result({"first": {(0, 0.25, 1)}}), result({"first": {(0, 0.25 + 1e-12, 1)}})
    assert not compare(a, b).identical
    assert compare(a, b, tolerance=1e-9).identical
    far = compare(a, result({"first": {(0, 0.5, 1)}}), tolerance=1e-9).first
    assert far == Difference("first", 1, 0, 0.25, "a", 0.5)


def test_seconds_that_part_are_told_with_their_distance_and_rounding_with_its_remedy() -> None:
    a, close = result({"first": {(0, 0.25, 1)}}), result({"first": {(0, 0.25 + 2.0**-50, 1)}})
    assert compare(a, close).description() == (
        "they part at sample 0, 0.25 s: neuron 1 of first spikes in a, in b only at 0.25 s, 8.9e-16 s apart, "
        "which --tolerance 1e-09 takes for equal"
    )
    far = compare(a, result({"first": {(0, 0.375, 1)}})).description()
    assert far.endswith("in b only at 0.375 s, 0.12 s apart")


@pytest.mark.parametrize("tolerance", [np.nan, -1.0, np.inf])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match="give 0 or more"):
        compare(result({"first": set()}), result({"first": set()}), tolerance)


def test_with_a_tolerance_spikes_may_change_places() -> None:
    a = result({"first": {(0, 0.1, 1), (0, 0.1 + 1e-12, 0)}})
    b = result({"first": {(0, 0.1 + 1e-12, 1), (0, 0.1, 0)}})
    assert compare(a, b, tolerance=1e-9).identical


def test_a_count_that_differs_is_named_with_both_values() -> None:
    spikes: dict[str, set[Row]] = {"first": {(0, 1, 0)}}
    found = compare(result(spikes, counters()), result(spikes, counters(messages=9)))
    assert (found.identical, found.first, found.counters_identical) == (False, None, False)
    assert found.first_counter_difference is not None
    worst = found.first_counter_difference
    assert (worst.where, worst.counter, worst.a, worst.b) == ("projection q", "messages", 4, 9)
    assert "messages of projection q is 4 in a and 9 in b" in found.description()


def test_runs_without_counts_are_compared_by_their_spikes_alone() -> None:
    found = compare(result({"first": set()}, counters()), result({"first": set()}))
    assert found.identical
    assert found.counters_identical is None
    assert "not compared" in found.description()


def test_of_unequal_sample_numbers_the_common_ones_are_compared_and_that_is_said() -> None:
    long = RunResult({"first": events({(0, 1, 0), (4, 1, 0)}, 5)}, counters=counters(n_samples=5))
    found = compare(long, result({"first": {(0, 1, 0)}}, counters()))
    assert (found.identical, found.n_samples, found.counters_identical) == (True, 3, None)
    assert "5 samples, the other 3; the first 3 are compared" in found.notes[0]


def test_of_unequal_lengths_the_common_ticks_are_compared_and_that_is_said() -> None:
    long = result({"first": {(0, 1, 0), (0, 5, 0), (2, 0, 1)}}, counters(n_ticks=6))
    found = compare(long, result({"first": {(0, 1, 0), (2, 0, 1)}}, counters(n_ticks=5)))
    assert (found.identical, found.n_events_a, found.counters_identical) == (True, 2, None)
    assert "the first 5 are compared" in found.notes[0]


def test_populations_of_one_run_only_are_left_out_and_named() -> None:
    found = compare(result({"first": set(), "extra": {(0, 0, 0)}}), result({"first": set()}))
    assert (found.identical, found.populations) == (True, ("first",))
    assert "extra" in found.notes[0]


def test_a_population_of_another_size_is_left_out_and_named() -> None:
    other = RunResult({"first": events(set()), "second": no_events(N_SAMPLES, N + 1)})
    found = compare(result({"first": set(), "second": set()}), other)
    assert found.populations == ("first",)
    assert "second" in found.notes[0]


def test_where_nothing_is_common_the_user_is_told() -> None:
    with pytest.raises(UsageError, match="no population in common"):
        compare(result({"first": set()}), result({"second": set()}))
    with pytest.raises(UsageError, match="no samples"):
        compare(result({"first": set()}), RunResult({"first": no_events(0, N)}))


def test_seconds_against_ticks_need_the_length_of_a_tick() -> None:
    ticks, seconds = {"first": {(0, 3, 1)}}, {"first": {(0, 0.0031, 1)}}
    with pytest.raises(UsageError, match="to_ticks"):
        compare(result(ticks), result(seconds))  # type: ignore[arg-type]
    found = compare(result(ticks, dt=1e-3), result(seconds))  # type: ignore[arg-type]
    assert found.identical
    assert "times of b were rounded to ticks of 0.001 s" in found.notes[0]


def test_ticks_of_different_length_are_not_compared() -> None:
    with pytest.raises(UsageError, match="one dt"):
        compare(result({"first": {(0, 3, 1)}}, dt=1e-3), result({"first": {(0, 3, 1)}}, dt=2e-3))


def test_a_silent_run_in_seconds_can_be_compared_with_one_in_ticks() -> None:
    found = compare(result({"first": {(0, 0.5, 1)}}), RunResult({"first": no_events(N_SAMPLES, N)}))
    assert found.first == Difference("first", 1, 0, 0.5, "a", None)


def test_accuracies_are_passed_on_where_known() -> None:
    found: Comparison = compare(result({"first": set()}, accuracy=0.5), result({"first": set()}))
    assert (found.accuracy_a, found.accuracy_b) == (0.5, None)

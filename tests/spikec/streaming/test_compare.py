"""Runs in parts compare as runs at once do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.compare import compare
from spikec.events import Events
from spikec.streaming.compare import compare_runs
from spikec.streaming.read import StoredResult
from spikec.streaming.store import Identity, ResultFolder


@pytest.fixture
def whole(program):
    samples = np.random.default_rng(0).uniform(0, 16, (9, 64))
    return program.run(samples, backend="reference")


def _cut(result, first, last):
    meta = {**result.meta, "predictions": result.meta["predictions"][first:last]}
    return replace(
        result, spikes={name: e.select(first, last) for name, e in result.spikes.items()}, meta=meta
    )


def _stored(path, result, chunk):
    n = result.spikes["in"].n_samples
    folder = ResultFolder(path, Identity("p", "i", {}, n))
    for first in range(0, n, chunk):
        folder.append(first, _cut(result, first, min(first + chunk, n)))
    folder.close()
    return StoredResult(path)


def _later(result, name, k):
    """The result with one spike a nanosecond later."""
    e = result.spikes[name]
    times = e.times.copy()
    times[k] += 1e-9
    rest = Events(times, e.neurons, e.sample_starts, e.n_neurons)
    return replace(result, spikes={**result.spikes, name: rest})


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=st.integers(1, 9), b=st.integers(1, 9), place=st.none() | st.floats(0, 0.999))
def test_parts_compare_as_the_whole_does(whole, tmp_path_factory, a, b, place):
    path = tmp_path_factory.mktemp("runs")
    e = whole.spikes["hidden"]
    other = whole if place is None else _later(whole, "hidden", int(place * e.n_events))
    expected = compare(whole, other)
    parts_a, parts_b = _stored(path / "a", whole, a), _stored(path / "b", other, b)
    assert compare_runs(parts_a, parts_b) == expected
    assert compare_runs(whole, parts_b) == expected
    assert compare_runs(parts_a, other) == expected
    assert expected.identical == (place is None)


def test_a_run_that_did_not_end_is_compared_as_far_as_it_went(whole, tmp_path):
    short = _stored(tmp_path / "a", _cut(whole, 0, 5), 2)
    found = compare_runs(short, whole)
    assert found.n_samples == 5
    assert found.first is None
    assert "one run has 5 samples, the other 9; the first 5 are compared" in found.notes
    assert found.counters_identical is None


def test_seconds_are_held_against_ticks_in_every_part(whole, tmp_path):
    dt = 1e-4
    ticks = replace(
        whole,
        spikes={name: e.to_ticks(dt) for name, e in whole.spikes.items()},
        meta={**whole.meta, "dt": dt},
    )
    expected = compare(whole, ticks)
    assert expected.identical
    found = compare_runs(_stored(tmp_path / "a", whole, 2), ticks)
    assert found.identical

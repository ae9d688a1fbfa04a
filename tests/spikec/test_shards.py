"""Split populations come back whole, and are recorded by their parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.events import no_events, same
from spikec.program import Shard
from spikec.rasters import from_raster
from spikec.records import check_record
from spikec.result import Counters, PopulationCounts
from spikec.shards import gather, gather_counters, gather_membrane, in_parts, record_keys
from tests.two_populations import program_of_two, two_populations


@given(st.integers(0, 2**32 - 1))
def test_parts_of_a_population_come_back_as_the_whole(seed):
    rng = np.random.default_rng(seed)
    n, n_parts = int(rng.integers(1, 8)), int(rng.integers(1, 4))
    raster = rng.random((3, 5, n)) < 0.4
    membrane = rng.normal(size=(3, 5, n))
    part_of = rng.integers(0, n_parts, n)
    groups = [g for k in range(n_parts) if (g := np.flatnonzero(part_of == k)).size]
    shards = tuple(Shard(f"p.{k}", rng.permutation(g)) for k, g in enumerate(groups))
    program = program_of_two(shards={"p": shards})
    spikes = {s.population: from_raster(raster[..., s.neurons]) for s in shards}
    whole = gather(program, {"in": no_events(3, 2), **spikes})
    assert set(whole) == {"in", "p"}
    assert same(whole["p"], from_raster(raster))
    again = in_parts(program, whole)
    assert again.keys() == {"in", *spikes}
    assert all(same(again[name], e) for name, e in spikes.items())
    traces = {f"{s.population}.v": membrane[..., s.neurons] for s in shards}
    traces |= {f"{s.population}.v.last": membrane[:, -1][:, s.neurons] for s in shards}
    back = gather_membrane(program, {"out.v": membrane, **traces}, ["p.v", "p.v.last", "out.v", "p.v.max"])
    np.testing.assert_array_equal(back["p.v.max"], membrane.max(axis=1))
    np.testing.assert_array_equal(back["p.v"], membrane)
    np.testing.assert_array_equal(back["p.v.last"], membrane[:, -1])
    np.testing.assert_array_equal(back["out.v"], membrane)
    counts = {
        s.population: PopulationCounts(int(raster[..., s.neurons].sum()), s.neurons.size) for s in shards
    }
    counters = gather_counters(program, Counters(3, 5, counts, {}))
    assert counters.populations["p"] == PopulationCounts(int(raster.sum()), n)


def test_what_is_recorded_of_a_split_population_is_recorded_of_its_parts():
    program = program_of_two(shards={"whole": (Shard("out", [0]),)})
    assert record_keys(program, ["out.v", "whole.v.last"]) == ("out.v", "out.v.last")
    assert record_keys(program, ["whole.v.last", "whole.v.max"]) == ("out.v.last", "out.v")


def test_a_maximum_in_ticks_is_taken_of_every_tick_and_that_is_recorded_once():
    assert record_keys(program_of_two(), ["out.v", "out.v.max"]) == ("out.v",)
    membrane = np.array([[[-3.0], [-1.0], [-2.0]]])
    back = gather_membrane(program_of_two(), {"out.v": membrane}, ["out.v.max", "out.v"])
    assert back["out.v.max"].tolist() == [[-1.0]]
    assert back["out.v"] is membrane
    with pytest.raises(NetworkError, match=r"in ticks; record out\.v and take its maximum"):
        check_record(two_populations(), ["out.v.max"])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("out", "record NAME.v"),
        ("out.u", "record NAME.v"),
        ("x.v", "no population 'x'"),
        ("in.v", "inputs have no membrane"),
    ],
)
def test_what_cannot_be_recorded_is_refused(key, message):
    with pytest.raises(NetworkError, match=message):
        record_keys(program_of_two(), [key])

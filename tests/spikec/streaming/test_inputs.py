"""Sources give, chunk by chunk, what reading all at once gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.container import save
from spikec.errors import EventsError, FileFormatError
from spikec.event_files import read_events, write_events
from spikec.events import from_dense_times, same
from spikec.inputs import default_until
from spikec.ir.network import Continuous, Network, Population, Ticks
from spikec.ir.neurons import Lif, Source
from spikec.program import Program
from spikec.rasters import from_counts
from spikec.streaming.inputs import HeldEvents, StoredEvents, StoredRaster, length_of, open_events
from spikec.targets.target import load_target

any_path = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**32 - 1)


def _network(shapes, clock):
    populations = tuple(Population(name, Source(), shape) for name, shape in shapes.items())
    return Network(populations, (), tuple(shapes), (), clock)


ONE = _network({"in": (2, 3)}, Ticks(1e-3))
TWO = _network({"a": (3,), "b": (4,)}, Continuous())


def _assert_chunks_agree(path, network, cuts):
    whole = read_events(path, network)
    source = open_events(path, network)
    n = next(iter(whole.values())).n_samples
    assert source.n_samples == n
    for a, b in zip(sorted({0, *cuts})[:-1], sorted({0, *cuts})[1:], strict=True):
        part = source.events(a, b)
        assert part.keys() == whole.keys()
        for name, e in part.items():
            assert same(e, whole[name].select(a, b))
            assert e.times.dtype == whole[name].times.dtype
    assert all(same(e, whole[name]) for name, e in source.all().items())
    assert (
        length_of(Program(network, load_target("ideal")), source)
        == default_until(Program(network, load_target("ideal")), whole)
        or source.n_ticks is not None
    )
    source.close()


@any_path
@given(seed=seeds, ending=st.sampled_from([".npz", ".npy", ".csv"]), cuts=st.sets(st.integers(1, 6)))
def test_chunks_of_ticks_are_those_of_the_whole(tmp_path, seed, ending, cuts):
    counts = np.random.default_rng(seed).poisson(0.2, (6, 5, 6))
    counts = counts if ending != ".csv" else np.minimum(counts, 1)
    path = tmp_path / f"spikes{ending}"
    write_events(path, {"in": from_counts(counts)}, n_ticks=5)
    if ending == ".npy":
        np.save(path, counts.astype(np.uint8).reshape(6, 5, 2, 3))
    if ending != ".csv" or counts[-1].any():
        _assert_chunks_agree(path, ONE, cuts)


@any_path
@given(seed=seeds, ending=st.sampled_from([".npz", ".csv"]), cuts=st.sets(st.integers(1, 6)))
def test_chunks_of_seconds_of_several_inputs_are_those_of_the_whole(tmp_path, seed, ending, cuts):
    rng = np.random.default_rng(seed)
    events = {
        name: from_dense_times(np.where(rng.random((6, n)) < 0.5, rng.random((6, n)), np.inf))
        for name, n in (("a", 3), ("b", 4))
    }
    path = tmp_path / f"spikes{ending}"
    write_events(path, events)
    _assert_chunks_agree(path, TWO, cuts)


def test_chunks_may_be_read_in_any_order(tmp_path):
    events = {"in": from_counts(np.random.default_rng(1).poisson(0.2, (6, 5, 6)))}
    save(events, tmp_path / "e.npz")
    source = StoredEvents(tmp_path / "e.npz", ONE)
    for a, b in ((4, 6), (0, 3), (2, 2), (1, 6)):
        assert same(source.events(a, b)["in"], events["in"].select(a, b))
    source.close()


def test_each_kind_of_file_has_its_source_and_a_hash_of_its_own(tmp_path):
    raster = np.zeros((2, 5, 6), np.uint8)
    raster[1, 2, 3] = 1
    hashes = set()
    for ending, kind in ((".npz", StoredEvents), (".npy", StoredRaster), (".csv", HeldEvents)):
        for changed in (0, 1):
            raster[1, 0, 0] = changed
            path = tmp_path / f"{changed}{ending}"
            write_events(path, {"in": from_counts(raster)}, n_ticks=5)
            source = open_events(path, ONE)
            assert isinstance(source, kind)
            hashes.add(source.identity())
            assert source.identity() == open_events(path, ONE).identity()
    assert len(hashes) == 6


def test_events_that_were_altered_are_refused_before_any_chunk(tmp_path):
    path = tmp_path / "e.npz"
    save({"in": from_counts(np.random.default_rng(1).poisson(0.2, (60, 5, 6)))}, path, quick=True)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match=r"e\.npz"):
        open_events(path, ONE).events(0, 1)


def test_a_container_of_something_else_is_refused(tmp_path):
    save(ONE, tmp_path / "net.npz")
    with pytest.raises(FileFormatError, match="events are needed"):
        open_events(tmp_path / "net.npz", ONE)


def test_a_raster_that_is_cut_short_is_refused_at_once(tmp_path):
    np.save(tmp_path / "r.npy", np.zeros((50, 5, 6), np.uint8))
    (tmp_path / "r.npy").write_bytes((tmp_path / "r.npy").read_bytes()[:-10])
    with pytest.raises(FileFormatError, match="ends before"):
        open_events(tmp_path / "r.npy", ONE)


def test_a_value_that_is_no_number_of_spikes_is_named_by_its_sample_in_the_file(tmp_path):
    raster = np.zeros((5, 5, 6))
    raster[4, 2, 1] = 0.5
    np.save(tmp_path / "r.npy", raster)
    source = open_events(tmp_path / "r.npy", ONE)
    assert source.events(0, 4)["in"].n_events == 0
    with pytest.raises(EventsError, match="sample 4, tick 2, neuron 1"):
        source.events(3, 5)


def test_a_network_without_inputs_is_one_sample():
    alone = Population("out", Lif(1.0, 1.0, bias=2.0), (2,))
    program = Program(Network((alone,), (), (), ("out",), Continuous()), load_target("ideal"))
    (part,) = program.stream({}, until=3.0)
    assert same(part.spikes["out"], program.run(until=3.0).spikes["out"])
    fed = Network((Population("in", Source(), (2,)),), (), ("in",), (), Continuous())
    with pytest.raises(EventsError, match="the network's inputs are"):
        next(Program(fed, load_target("ideal")).stream({}, until=3.0))

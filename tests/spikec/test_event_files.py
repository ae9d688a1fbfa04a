"""Spikes from files: rasters, lists, our own; each fault named by its place."""

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec import container, event_files, raster_files
from spikec.errors import EventsError, FileFormatError
from spikec.event_files import read_events, write_events
from spikec.events import Events, from_dense_times, from_rows, no_events, same
from spikec.ir.network import Continuous, Network, Population, Ticks
from spikec.ir.neurons import Source
from spikec.rasters import from_raster

DT = 1e-3


def _network(shapes=None, clock=None, one_spike=False):
    shapes = {"in": (3,)} if shapes is None else shapes
    populations = tuple(Population(name, Source(one_spike), shape) for name, shape in shapes.items())
    return Network(populations, (), tuple(shapes), (), clock or Ticks(DT))


TWO = {"a": (3,), "b": (2,)}
seeds = st.integers(0, 2**32 - 1)
any_path = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _spikes(seed, n=3, n_samples=4, n_ticks=7, p=0.2):
    return np.random.default_rng(seed).random((n_samples, n_ticks, n)) < p


def _refused(error, path, network, *words):
    with pytest.raises(error) as caught:
        read_events(path, network)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message


# Round trips


@any_path
@given(seed=seeds, ending=st.sampled_from([".npz", ".npy", ".csv"]), p=st.sampled_from([0.0, 0.02, 0.5]))
def test_spikes_in_ticks_survive_every_kind_of_file(tmp_path, seed, ending, p):
    events = from_raster(_spikes(seed, p=p))
    path = tmp_path / f"spikes{ending}"
    write_events(path, {"in": events}, n_ticks=7)
    assert same(read_events(path, _network())["in"], events)


@any_path
@given(seed=seeds, ending=st.sampled_from([".npz", ".csv"]), p=st.sampled_from([0.0, 0.02, 0.5]))
def test_spikes_of_several_inputs_survive(tmp_path, seed, ending, p):
    events = {"a": from_raster(_spikes(seed, 3, p=p)), "b": from_raster(_spikes(seed + 1, 2, p=p))}
    path = tmp_path / f"spikes{ending}"
    write_events(path, events)
    got = read_events(path, _network(TWO))
    assert set(got) == set(events)
    assert all(same(got[name], events[name]) for name in events)


@any_path
@given(seed=seeds, ending=st.sampled_from([".npz", ".csv"]))
def test_times_in_seconds_survive_to_the_last_bit(tmp_path, seed, ending):
    times = np.random.default_rng(seed).exponential(0.01, (4, 3))
    times[times > 0.02] = np.inf
    events = from_dense_times(times)
    path = tmp_path / f"spikes{ending}"
    write_events(path, {"in": events})
    assert same(read_events(path, _network(clock=Continuous()))["in"], events)


def test_one_population_may_lie_in_a_file_without_a_name(tmp_path):
    events = from_raster(_spikes(1))
    container.save(events, tmp_path / "spikes.npz")
    assert same(read_events(tmp_path / "spikes.npz", _network())["in"], events)


def test_seconds_become_ticks_in_a_network_of_ticks(tmp_path):
    write_events(tmp_path / "spikes.csv", {"in": from_dense_times([[0.0012, np.inf, 0.0046]])})
    events = read_events(tmp_path / "spikes.csv", _network())["in"]
    np.testing.assert_array_equal(events.times, [1, 5])


def test_an_unknown_ending_is_not_written(tmp_path):
    with pytest.raises(FileFormatError, match=r"\.npz, \.npy or \.csv"):
        write_events(tmp_path / "spikes.txt", {"in": no_events(1, 3)})
    assert not list(tmp_path.iterdir())


def test_a_raster_file_is_refused_where_it_would_lose_something(tmp_path):
    path, events = tmp_path / "spikes.npy", from_raster(_spikes(2))
    with pytest.raises(EventsError, match="one population"):
        write_events(path, {"a": events, "b": events})
    with pytest.raises(EventsError, match="2 ticks"):
        write_events(path, {"in": events}, n_ticks=2)
    with pytest.raises(EventsError, match="needs ticks"):
        write_events(path, {"in": from_dense_times([[0.1, 0.2, 0.3]])})


def test_a_list_holds_ticks_or_seconds_but_not_both(tmp_path):
    events = {"a": from_raster(_spikes(3)), "b": from_dense_times([[0.1]])}
    with pytest.raises(EventsError, match="in ticks and some in seconds"):
        write_events(tmp_path / "spikes.csv", events)


# Rasters


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64, ">f4", np.float16])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_raster_may_hold_ones_of_any_type_and_order(tmp_path, dtype, order):
    raster = _spikes(4)
    np.save(tmp_path / "r.npy", np.asarray(raster, dtype, order=order))
    assert same(read_events(tmp_path / "r.npy", _network())["in"], from_raster(raster))
    np.save(tmp_path / "r.npy", np.asarray(raster[0], dtype, order=order))
    assert same(read_events(tmp_path / "r.npy", _network())["in"], from_raster(raster[:1]))


def test_a_raster_may_have_the_shape_of_its_input(tmp_path):
    raster = _spikes(5, n=12)
    network = _network({"in": (3, 4)})
    for shape in ((4, 7, 3, 4), (4, 7, 12)):
        np.save(tmp_path / "r.npy", raster.reshape(shape))
        assert same(read_events(tmp_path / "r.npy", network)["in"], from_raster(raster))
    np.save(tmp_path / "r.npy", raster[1].reshape(7, 3, 4))
    assert same(read_events(tmp_path / "r.npy", network)["in"], from_raster(raster[1:2]))


def test_a_raster_read_in_pieces_is_the_same(tmp_path, monkeypatch):
    raster = _spikes(6, n_ticks=23)
    np.save(tmp_path / "r.npy", raster)
    for cells in (15, 200):  # in pieces of some ticks, and of some samples
        monkeypatch.setattr(raster_files, "_PIECE_CELLS", cells)
        for stored in (raster, raster[1], np.asfortranarray(raster)):
            np.save(tmp_path / "r.npy", stored)
            expected = from_raster(stored.reshape(-1, 23, 3))
            assert same(read_events(tmp_path / "r.npy", _network())["in"], expected)
    raster = raster.astype(np.int8)
    raster[2, 19, 1] = -1
    np.save(tmp_path / "r.npy", raster)
    _refused(EventsError, tmp_path / "r.npy", _network(), "sample 2, tick 19, neuron 1")


@pytest.mark.parametrize("shape", [(0, 3), (0, 7, 3), (4, 0, 3)])
def test_an_empty_raster_holds_no_spikes(tmp_path, shape):
    np.save(tmp_path / "r.npy", np.zeros(shape))
    events = read_events(tmp_path / "r.npy", _network())["in"]
    assert events.n_events == 0
    assert events.n_samples == (shape[0] if len(shape) == 3 else 1)


def test_a_raster_holds_how_often_neurons_spike(tmp_path):
    counts = np.zeros((2, 5, 3), np.uint8)
    counts[1, 3, 2], counts[0, 0, 1], counts[0, 0, 2] = 255, 2, 1
    np.save(tmp_path / "r.npy", counts)
    events = read_events(tmp_path / "r.npy", _network())["in"]
    np.testing.assert_array_equal(events.how_often(5), counts)
    write_events(tmp_path / "again.npy", {"in": events}, n_ticks=5)
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), counts)


def test_a_raster_knows_its_ticks_however_its_neurons_lie(tmp_path):
    network = _network({"in": (2, 3)})
    for shape, n_ticks in (((4, 7, 2, 3), 7), ((4, 7, 6), 7), ((9, 2, 3), 9), ((9, 6), 9), ((4, 5), None)):
        np.save(tmp_path / "r.npy", np.zeros(shape))
        assert event_files.raster_ticks(tmp_path / "r.npy", network) == n_ticks


@pytest.mark.parametrize("value", [256, -1, 0.5, np.nan, np.inf])
def test_a_tick_holds_a_whole_number_of_spikes(tmp_path, value):
    raster = np.zeros((2, 5, 3))
    raster[1, 3, 2] = value
    np.save(tmp_path / "r.npy", raster)
    _refused(EventsError, tmp_path / "r.npy", _network(), str(value), "sample 1, tick 3, neuron 2")


@pytest.mark.parametrize("shape", [(3,), (7, 4), (2, 7, 3, 1), (7, 3, 2), ()])
def test_a_raster_of_another_shape_is_refused(tmp_path, shape):
    np.save(tmp_path / "r.npy", np.zeros(shape))
    _refused(EventsError, tmp_path / "r.npy", _network(), str(shape), "(n_samples, n_ticks, 3)")


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([1j]), np.zeros(3, "f4,i4"), np.array([{}], object)]
)
def test_a_raster_of_no_numbers_is_refused(tmp_path, array):
    np.save(tmp_path / "r.npy", array)
    _refused(FileFormatError, tmp_path / "r.npy", _network())


def test_a_raster_feeds_one_input_and_knows_no_seconds(tmp_path):
    np.save(tmp_path / "r.npy", np.zeros((5, 3)))
    _refused(EventsError, tmp_path / "r.npy", _network(TWO), "2", "a, b")
    _refused(EventsError, tmp_path / "r.npy", _network(clock=Continuous()), "'time'")


def test_a_header_that_claims_more_than_there_is_is_not_believed(tmp_path):
    np.save(tmp_path / "r.npy", np.zeros((5, 3), np.uint8))
    data = (tmp_path / "r.npy").read_bytes()
    (tmp_path / "r.npy").write_bytes(data.replace(b"(5, 3)", b"(1000000000000, 3)"))
    _refused(FileFormatError, tmp_path / "r.npy", _network(), "no intact array")


def test_a_header_of_mixed_keys_gives_one_clear_error(tmp_path):
    np.save(tmp_path / "r.npy", _spikes(7))
    data = (tmp_path / "r.npy").read_bytes().replace(b"'descr'", b"b'desc'")
    (tmp_path / "r.npy").write_bytes(data)
    _refused(FileFormatError, tmp_path / "r.npy", _network(), "no intact array")
    with pytest.raises(FileFormatError, match="no intact array"):
        event_files.raster_ticks(tmp_path / "r.npy", _network())


@any_path
@given(place=st.floats(0, 1), change=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_raster_gives_spikes_or_one_clear_error(tmp_path, place, change, cut):
    np.save(tmp_path / "r.npy", _spikes(7))
    data = bytearray((tmp_path / "r.npy").read_bytes())
    index = int(place * (len(data) - 1))
    data[index] ^= change
    (tmp_path / "r.npy").write_bytes(data[:index] if cut else data)
    try:
        read_events(tmp_path / "r.npy", _network())
    except (EventsError, FileFormatError) as error:
        assert "\n" not in str(error)  # noqa: PT017


# Lists


def _list(tmp_path, *lines, end="\n"):
    path = tmp_path / "spikes.csv"
    path.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    return path


@any_path
@given(seed=seeds)
def test_the_rows_of_a_list_may_come_in_any_order(tmp_path, seed):
    raster = _spikes(seed, p=0.3)
    raster[-1, 0, 0] = True
    samples, ticks, neurons = np.nonzero(raster)
    rows = [f"{j},{s},{t}" for s, t, j in zip(samples, ticks, neurons, strict=True)]
    np.random.default_rng(seed).shuffle(rows)
    path = _list(tmp_path, "neuron,sample,tick", *rows)
    assert same(read_events(path, _network())["in"], from_raster(raster))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_list_as_spreadsheets_write_it_is_read(tmp_path, end):
    path = _list(tmp_path, '\ufeff"Tick", Neuron', ' 3 ,"1"', "", "0,2", ",", end=end)
    events = read_events(path, _network())["in"]
    assert same(events, from_rows([0, 0], [0, 3], [2, 1], n_samples=1, n_neurons=3))


def test_a_list_without_rows_is_one_silent_sample(tmp_path):
    assert same(read_events(_list(tmp_path, "tick,neuron"), _network())["in"], no_events(1, 3))


def test_inputs_without_rows_are_silent(tmp_path):
    got = read_events(_list(tmp_path, "sample,tick,input,neuron", "1,4,b,0"), _network(TWO))
    assert same(got["a"], no_events(2, 3))
    assert same(got["b"], from_rows([1], [4], [0], n_samples=2, n_neurons=2))


def test_a_blank_row_says_that_its_sample_exists(tmp_path):
    got = read_events(_list(tmp_path, "sample,tick,neuron", "0,4,1", "5,,"), _network())["in"]
    assert (got.n_samples, got.n_events) == (6, 1)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("4,3", "neuron is '3', but a number from 0 to 2"),
        ("4,-1", "neuron is '-1'"),
        ("-4,1", "tick is '-4'"),
        ("4.5,1", "tick is '4.5', but a whole number"),
        ("nan,1", "'nan'"),
        ("4,", "neuron is ''"),
        (",1", "tick is ''"),
        ("4", "1 values for 2 columns"),
        ("4,1,1", "3 values for 2 columns"),
        ("99999999999999999999,1", "tick is '99999999999999999999'"),
        ("4,1" + "0" * 5000, "neuron is"),
        ("2147483648,1", "from 0 to 2147483647"),
    ],
)
def test_an_impossible_row_is_named_by_its_line(tmp_path, row, words):
    _refused(EventsError, _list(tmp_path, "tick,neuron", "1,1", row, "2,2"), _network(), "line 3", words)


@pytest.mark.parametrize("time", ["nan", "inf", "-1e-9", "soon", ""])
def test_an_impossible_time_is_named_by_its_line(tmp_path, time):
    path = _list(tmp_path, "time,neuron", "0.1,1", f"{time},0")
    _refused(EventsError, path, _network(clock=Continuous()), "line 3", "time is")


def test_an_impossible_sample_or_input_is_named_by_its_line(tmp_path):
    _refused(
        EventsError, _list(tmp_path, "sample,tick,neuron", "-1,1,1"), _network(), "line 2", "sample is '-1'"
    )
    _refused(
        EventsError, _list(tmp_path, "sample,tick,neuron", "9999999999,1,1"), _network(), "line 2", "sample"
    )
    path = _list(tmp_path, "tick,input,neuron", "1,c,1")
    _refused(EventsError, path, _network(TWO), "line 2", "'c'", "a, b")
    _refused(EventsError, path, _network({}), "line 2")


def test_two_spikes_of_a_neuron_in_a_tick_are_named_by_their_lines(tmp_path):
    path = _list(tmp_path, "tick,neuron", "4,1", "5,1", "4,1")
    _refused(EventsError, path, _network(), "lines 2 and 4", "neuron 1")


def test_times_that_meet_in_a_tick_are_not_merged_silently(tmp_path):
    path = _list(tmp_path, "time,neuron", "0.0101,1", "0.0099,1", "0.2,1")
    _refused(EventsError, path, _network(), "1 of 3 spikes", "shorter time step")
    assert read_events(path, _network(clock=Continuous()))["in"].n_events == 3


def test_times_beyond_all_ticks_are_refused(tmp_path):
    _refused(EventsError, _list(tmp_path, "time,neuron", "1e300,1"), _network(), "seconds")
    container.save(Events(np.array([2**40]), [0], [0, 1], 3), tmp_path / "e.npz")
    _refused(EventsError, tmp_path / "e.npz", _network(), str(2**31 - 1))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("tick", "'neuron'"),
        ("1,2", "'1'"),
        ("neuron", "'tick'"),
        ("tick,time,neuron", "both"),
        ("tick,neuron,neuron", "once"),
        ("tick,neuron,weight", "'weight'"),
        ("tick;neuron", "'tick;neuron'"),
        ("", "'neuron'"),
    ],
)
def test_a_header_that_does_not_tell_enough_is_refused(tmp_path, header, words):
    _refused(EventsError, _list(tmp_path, header, "1,1"), _network(), "line 1", words)


def test_a_header_must_fit_the_network(tmp_path):
    _refused(EventsError, _list(tmp_path, "tick,neuron"), _network(TWO), "'input'", "a, b")
    _refused(EventsError, _list(tmp_path, "tick,neuron"), _network(clock=Continuous()), "'time'")
    _refused(EventsError, _list(tmp_path, "tick,neuron"), _network({}), "no inputs")


def test_text_that_is_no_csv_is_refused(tmp_path):
    _refused(FileFormatError, _list(tmp_path, "tick,neuron", '1,"2'), _network(), "line")


# Files that hold something else


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe\0", "unknown kind"),
        (b"PK\3\4", "no spikes"),
        (b"\x89HDF\r\n\x1a\n", "no spikes"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path, content, words):
    (tmp_path / "f.csv").write_bytes(content)
    _refused(FileFormatError, tmp_path / "f.csv", _network(), words)


def test_what_is_no_file_is_refused(tmp_path):
    _refused(FileFormatError, tmp_path / "none.csv", _network(), "there is no file")
    _refused(FileFormatError, tmp_path, _network(), "folder")


def test_an_npz_of_numpy_is_refused(tmp_path):
    np.savez(tmp_path / "f.npz", spikes=np.zeros((5, 3)))
    _refused(FileFormatError, tmp_path / "f.npz", _network(), "spikec wrote")
    assert zipfile.is_zipfile(tmp_path / "f.npz")


def test_our_own_files_must_hold_events(tmp_path):
    container.save(_network(), tmp_path / "f.npz")
    _refused(FileFormatError, tmp_path / "f.npz", _network(), "a network")
    container.save({"in": _network()}, tmp_path / "f.npz")
    _refused(FileFormatError, tmp_path / "f.npz", _network(), "'in'")


def test_events_must_fit_the_network(tmp_path):
    path = tmp_path / "e.npz"
    write_events(path, {"in": no_events(2, 4)})
    _refused(EventsError, path, _network(), "4")
    write_events(path, {"other": no_events(2, 3)})
    _refused(EventsError, path, _network(), "other")
    write_events(path, {"a": no_events(2, 3), "b": no_events(3, 2)})
    _refused(EventsError, path, _network(TWO), "samples")
    container.save(no_events(2, 3), path)
    _refused(EventsError, path, _network(TWO), "a, b")
    write_events(path, {"in": from_rows([0, 0], [1, 2], [1, 1], n_samples=1, n_neurons=3)})
    _refused(EventsError, path, _network(one_spike=True), "once")
    write_events(path, {"in": from_raster(_spikes(8))})
    _refused(EventsError, path, _network(clock=Continuous()), "seconds")

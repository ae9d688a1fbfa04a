"""Every form of recording: what is read, and what is refused in one sentence."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.conformance.cases import Columns, Frames, Raster, SpikeList, Times
from spikec.conformance.recordings import MAX_BYTES, inside, read_labels, read_recording, read_times
from spikec.errors import EventsError, FileFormatError, SpikecError, UsageError
from spikec.ir.network import Population
from spikec.ir.neurons import Source

POPULATION = Population("in", Source(), (2, 3))


def read(folder, given):
    return read_recording(folder, given, POPULATION)


def counts(recording, n_ticks):
    """``(n_samples, n_ticks, n)``."""
    e = recording.events
    found = np.zeros((e.n_samples, n_ticks, e.n_neurons), int)
    np.add.at(found, (e.sample_of_event(), e.times, e.neurons), 1)
    return found


@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 3), (5, 4, 6), (5, 4, 2, 3)])
@pytest.mark.parametrize("values", ["binary", "counts"])
def test_a_raster_has_ticks_and_maybe_samples(tmp_path, shape, values):
    array = np.random.default_rng(3).integers(0, 3, shape).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    found = read(tmp_path, Raster("raster", "a.npy", values))
    expected = array.reshape(-1, 4, 6)
    assert found.n_ticks == 4
    np.testing.assert_array_equal(counts(found, 4), expected if values == "counts" else expected > 0)


def test_columns_are_numbered_or_named(tmp_path):
    table = np.random.default_rng(3).integers(0, 2, (5, 8))
    np.savetxt(tmp_path / "plain.csv", table, delimiter=",")
    names = [f"n{k}" for k in range(8)]
    np.savetxt(tmp_path / "named.csv", table, delimiter=",", header=", ".join(names), comments="")
    chosen = [7, 0, 1, 2, 3, 4]
    for given_ in (
        Columns("columns", "plain.csv", chosen),
        Columns("columns", "named.csv", [names[k] for k in chosen]),
    ):
        found = read(tmp_path, given_)
        assert found.n_ticks == 5
        np.testing.assert_array_equal(counts(found, 5)[0], table[:, chosen])


def test_a_list_is_rounded_and_a_spike_that_stands_twice_counts_once(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1, 9, 0.4], [5, 9, 2.6], [1, 9, 0.1]]))
    found = read(tmp_path, SpikeList("list", "a.npy", neuron=0, tick=2)).events
    assert (found.times.tolist(), found.neurons.tolist()) == ([0, 3], [1, 5])


FRAMES = Frames("frames", "a.npz", ["y", "x"], "t", 10, "starts", "counts")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 49)), max_size=30),
    st.integers(0, 30),
)
def test_frames_count_events(tmp_path, events, cut):
    cut = min(cut, len(events))
    y, x, t = np.array(events, np.int64).reshape(-1, 3).T
    starts = np.array([0, cut, len(events)])
    np.savez(
        tmp_path / "a.npz", y=y.astype(np.uint8), x=x.astype(np.uint8), t=t.astype(np.int32), starts=starts
    )
    expected = np.zeros((2, 5, 2, 3), int)
    for k, (i, j, time) in enumerate(events):
        expected[int(k >= cut), time // 10, i, j] += 1
    expected = expected.reshape(2, 5, 6)
    np.testing.assert_array_equal(counts(read(tmp_path, FRAMES), 5), expected)
    once = Frames("frames", "a.npz", ["y", "x"], "t", 10, "starts")
    np.testing.assert_array_equal(counts(read(tmp_path, once), 5), expected > 0)


def test_frames_may_begin_with_the_first_event_of_a_recording(tmp_path):
    one = np.zeros(5, np.int64)
    times = np.array([19, 7, 33, 104, 95])
    np.savez(tmp_path / "a.npz", y=one, x=one, t=times, starts=np.array([0, 3, 3, 5]))
    found = read(tmp_path, Frames("frames", "a.npz", ["y", "x"], "t", 10, "starts", "binary", "first")).events
    assert [found.select(k, k + 1).times.tolist() for k in range(3)] == [[0, 1, 2], [], [0]]


def test_times_and_labels_come_from_arrays(tmp_path):
    times = np.where(np.arange(12).reshape(2, 6) % 3, np.arange(12.0).reshape(2, 6), np.inf)
    np.savez(tmp_path / "a.npz", times=times, labels=np.array([3, 1]))
    np.testing.assert_array_equal(
        read(tmp_path, Times("times", "a.npz", "times")).events.first_times(), times
    )
    np.testing.assert_array_equal(read_times(tmp_path, Times("times", "a.npz", "times"), 6), times)
    np.testing.assert_array_equal(read_labels(tmp_path, "a.npz", "labels"), [3, 1])
    with pytest.raises(EventsError, match="a label is a whole number"):
        read_labels(tmp_path, "a.npz", "times")


@pytest.mark.parametrize("name", ["../a.npy", "/etc/passwd", "b/../../a.npy"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(UsageError, match="lies outside"):
        inside(tmp_path, name)


def test_no_link_leads_out_of_the_folder(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "secret.npy").write_bytes(b"")
    (tmp_path / "nets" / "a.npy").symlink_to(tmp_path / "secret.npy")
    with pytest.raises(UsageError, match="lies outside"):
        inside(tmp_path / "nets", "a.npy")


def _npz(path, **changes):
    one = np.zeros(3, np.int64)
    arrays = {"y": one, "x": one, "t": one, "starts": np.array([0, 3])}
    np.savez(path, **{**arrays, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t": np.zeros(4, int)}, "different lengths"),
        ({"t": np.full(3, -1)}, "gives ticks -1"),
        ({"t": np.full(3, 1 << 40)}, "check 'frame'"),
        ({"y": np.full(3, 2)}, r"y goes from 2 to 2; 0 to 1 fits"),
        ({"x": np.zeros((3, 1), int)}, "x is no list of whole numbers"),
        ({"x": np.zeros(3)}, "x is no list of whole numbers"),
        ({"starts": np.array([0, 2])}, "must rise from 0"),
        ({"starts": np.array([0, 2, 1, 3])}, "must rise from 0"),
    ],
)
def test_frames_that_contradict_themselves_are_refused(tmp_path, changes, words):
    _npz(tmp_path / "a.npz", **changes)
    with pytest.raises(EventsError, match=words) as caught:
        read(tmp_path, FRAMES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given_", "error", "words"),
    [
        (Frames("frames", "a.npz", ["x"], "t", 10, "starts"), EventsError, "1 axes are named, but in has 2"),
        (Frames("frames", "a.npz", ["y", "z"], "t", 10, "starts"), FileFormatError, "no array 'z'; choose"),
        (Times("times", "a.npz", "t"), EventsError, r"\(n_samples, 6\) spike times"),
        (Raster("raster", "a.npz"), FileFormatError, "no .npy array"),
        (Raster("raster", "gone.npy"), FileFormatError, "there is no file"),
        (Raster("raster", "odd.npy"), EventsError, r"has shape \(4, 5\); \(n_ticks, 6\)"),
        (Raster("raster", "nan.npy"), EventsError, "NaN"),
        (Raster("raster", "half.npy", "counts"), EventsError, "fractions"),
        (Raster("raster", "many.npy", "counts"), EventsError, "counts 0 to 5e.06"),
        (SpikeList("list", "odd.npy", 0, 9), EventsError, "needs columns 0 and 9"),
        (SpikeList("list", "many.npy", 0, 1), EventsError, "names neurons 0 to 5000000"),
        (SpikeList("list", "nan.npy", 0, 1), EventsError, "NaN"),
        (Columns("columns", "text.csv", [0] * 6), FileFormatError, "no table with these columns"),
        (Columns("columns", "text.csv", ["a"] * 6), FileFormatError, "no table with these columns"),
        (Columns("columns", "text.csv", [0]), EventsError, "1 columns are named for 6 neurons"),
        (Raster("raster", "pickle.npy"), FileFormatError, "no intact .npy"),
        (Raster("raster", "cut.npy"), FileFormatError, "no intact .npy"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, given_, error, words):
    _npz(tmp_path / "a.npz")
    np.save(tmp_path / "odd.npy", np.zeros((4, 5)))
    np.save(tmp_path / "nan.npy", np.full((4, 6), np.nan))
    np.save(tmp_path / "half.npy", np.full((4, 6), 0.5))
    many = np.zeros((4, 6))
    many[1, 0] = 5e6
    np.save(tmp_path / "many.npy", many)
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "odd.npy").read_bytes()[:-8])
    (tmp_path / "text.csv").write_text("one,two\nthree,four\n")
    with pytest.raises(SpikecError, match=words) as caught:
        read(tmp_path, given_)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(FileFormatError, match="larger than"):
        read(tmp_path, Raster("raster", "a.npy"))

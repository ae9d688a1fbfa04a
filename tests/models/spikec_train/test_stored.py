"""Data sets of the user's on the disk: read some rows at a time, refused where they contradict themselves."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.commands.run import open_source
from spikec.container import digest
from spikec.errors import FileFormatError, UsageError
from spikec.streaming.inputs import EncodedSamples
from spikec_train import pairs
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.recipes import parse_recipe, train
from spikec_train.stored import ArrayPart, StoredSamples

RECIPE = """
title: A small one
data: {data}
seed: 7
training: {{method: sampled-ramp, hidden: 12, candidates: 2, penalties: [0.01]}}
expected: {{accuracy: 0.7, tolerance: 0.2, seconds: 1}}
"""


def points(n, seed=0):
    """Points of the plane, by quarter, with their mirror images so that zeros have a partner."""
    x = np.random.default_rng(seed).integers(0, 256, (n, 2))
    return np.hstack([x, 255 - x]).astype(np.uint8).reshape(n, 2, 2), (2 * (x[:, 0] > 127) + (x[:, 1] > 127))


def arrays(n=200, dtype=np.uint8):
    (x, y), (x_test, y_test) = points(n), points(50, 1)
    return {"x_train": x.astype(dtype), "y_train": y, "x_test": x_test.astype(dtype), "y_test": y_test}


def write(folder, given):
    folder.mkdir(exist_ok=True)
    for name, array in given.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def parted(folder, given):
    """Samples and labels of the training in three files each, of which the second holds none."""
    write(folder, given)
    for name in ("x_train", "y_train"):
        (folder / f"{name}.npy").unlink()
        for k, part in enumerate((given[name][:70], given[name][:0], given[name][70:])):
            np.save(folder / f"{name}_{k}.npy", part)
    return folder


def unpacked(folder, given):
    np.savez(folder.with_suffix(".npz"), **given)
    return folder.with_suffix(".npz")


def packed(folder, given):
    np.savez_compressed(folder.with_suffix(".npz"), **given)
    return folder.with_suffix(".npz")


@pytest.mark.parametrize("kind", [write, parted, unpacked, packed])
def test_every_kind_of_file_gives_the_same_samples(tmp_path, kind):
    given = arrays()
    data = load_dataset(f"{kind(tmp_path / 'mine', given)}:train")
    assert isinstance(data.samples, StoredSamples)
    assert (data.name, data.split, data.shape, data.x_max, data.n_classes) == (
        "mine",
        "train",
        (2, 2),
        255.0,
        4,
    )
    flat = given["x_train"].reshape(200, 4).astype(float)
    np.testing.assert_array_equal(np.asarray(data.samples), flat)
    np.testing.assert_array_equal(data.samples[65:75], flat[65:75])
    np.testing.assert_array_equal(data.labels, given["y_train"])
    few = data.first(71)
    np.testing.assert_array_equal(few.samples[np.array([70, 0, 0, 69])], flat[[70, 0, 0, 69]])
    assert few.samples.shape == (71, 4)


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 9), max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=4), st.data()
)
def test_any_rows_in_any_order_are_those_of_the_array(tmp_path_factory, wanted, sizes, draw):
    n = sum(sizes)
    if not n:
        return
    folder, whole = tmp_path_factory.mktemp("rows"), np.random.default_rng(0).random((n, 3), np.float32)
    parts, at = [], 0
    for k, size in enumerate(sizes):
        np.save(folder / f"{k}.npy", whole[at : at + size])
        parts.append(ArrayPart(folder / f"{k}.npy", 128, np.dtype(np.float32), (size, 3)))
        at += size
    rows = np.array([w % n for w in wanted], np.int64)
    np.testing.assert_array_equal(StoredSamples(parts)[rows], whole[rows])
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", [write, unpacked])
def test_a_network_of_stored_samples_is_that_of_held_ones(tmp_path, kind):
    given = arrays()
    path = kind(tmp_path / "mine", given)
    recipe = parse_recipe(RECIPE.format(data=path), "small")
    stored = train(recipe)
    held = Dataset("mine", "train", given["x_train"].reshape(200, 4), given["y_train"], (2, 2), 255.0, 4)
    assert digest(stored.network) == digest(train(recipe, data=held).network)
    accuracy = stored.measure(load_dataset(f"{path}:test"))["accuracy"]
    assert 0.8 < accuracy <= 1
    assert accuracy * 50 == pytest.approx(round(accuracy * 50))


def test_a_run_of_stored_samples_is_that_of_held_ones(tmp_path):
    path = write(tmp_path / "mine", arrays())
    network = train(parse_recipe(RECIPE.format(data=path), "small")).network
    stored, held = (
        EncodedSamples(network, samples)
        for samples in (
            load_dataset(f"{path}:test").samples,
            np.asarray(load_dataset(f"{path}:test").samples),
        )
    )
    assert stored.n_samples == held.n_samples == 50
    assert stored.sample_bytes == held.sample_bytes
    assert digest(stored.events(7, 20)) == digest(held.events(7, 20))
    before, again = (open_source(network, f"{path}:test", None).identity() for _ in range(2))
    np.save(path / "x_test.npy", 255 - arrays()["x_test"])
    assert before == again != open_source(network, f"{path}:test", None).identity()


def test_pairs_of_many_samples_are_drawn_from_few_candidates(monkeypatch):
    monkeypatch.setattr(pairs, "MOST_CANDIDATES", 50)
    looked_at = []
    weigh = pairs.pair_weights
    monkeypatch.setattr(pairs, "pair_weights", lambda *a: looked_at.append(a[2].size) or weigh(*a))
    x, y = points(1000)
    low, high = pairs.draw_pairs(x.reshape(1000, 4) / 255.0, y, 10, 2, np.random.default_rng(0))
    assert looked_at[0] <= 50
    assert np.all(y[low] != y[high])


def test_the_largest_value_is_said_or_found(tmp_path):
    given = arrays(dtype=np.float32)
    path = write(tmp_path / "mine", given)
    highest = float(given["x_train"].max())
    assert [load_dataset(f"{path}:{split}").x_max for split in ("train", "test")] == [highest, highest]
    np.save(path / "x_max.npy", np.float64(300))
    assert [load_dataset(f"{path}:{split}").x_max for split in ("train", "test")] == [300.0, 300.0]
    np.save(path / "x_max.npy", np.zeros(2))
    with pytest.raises(UsageError, match="one number is needed"):
        load_dataset(f"{path}:train")


@pytest.mark.parametrize("kind", [write, unpacked])
@pytest.mark.parametrize("dtype", [">u2", ">f4", np.longdouble])
def test_samples_of_any_byte_order_and_width_are_read(tmp_path, kind, dtype):
    given = arrays(dtype=dtype) | {"y_train": arrays()["y_train"].astype(">i4")}
    data = load_dataset(f"{kind(tmp_path / 'mine', given)}:train")
    np.testing.assert_array_equal(np.asarray(data.samples), arrays()["x_train"].reshape(200, 4))
    np.testing.assert_array_equal(data.labels, arrays()["y_train"])


def test_bytes_in_one_file_do_not_speak_for_the_others(tmp_path):
    path = parted(tmp_path / "mine", arrays())
    np.save(path / "x_train_2.npy", 2.0 * arrays()["x_train"][70:])
    highest = 2.0 * arrays()["x_train"][70:].max()
    assert [load_dataset(f"{path}:{split}").x_max for split in ("train", "test")] == [highest, highest]
    np.save(path / "x_train_2.npy", -1.0 * arrays()["x_train"][70:])
    with pytest.raises(UsageError, match="negative values"):
        load_dataset(f"{path}:train")


def broken(**changed):
    return {**arrays(dtype=np.float64), **changed}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (broken(x_train=np.full((200, 4), np.nan)), "sample 0 of .* holds NaN"),
        (broken(x_train=-np.ones((200, 4))), "negative values, as -1"),
        (broken(x_train=np.zeros((200, 4))), "largest value .* is 0"),
        (broken(x_train=np.ones(200)), "one row of values and one label"),
        (broken(y_train=np.zeros(3, int)), r"labels \(3,\)"),
        (broken(y_train=np.zeros(200)), "labels of type float64"),
        (broken(y_train=np.full(200, -1)), "label -1"),
        (broken(y_train=np.full(200, 10**15)), "label 1000000000000000, but 200 training samples"),
        (broken(x_train=np.zeros((0, 4)), y_train=np.zeros(0, int)), "one row of values"),
        ({"y_train": np.zeros(3, int)}, "has no array x_train"),
    ],
)
@pytest.mark.parametrize("kind", [write, unpacked])
def test_arrays_that_are_no_samples_are_refused(tmp_path, kind, given, message):
    path = kind(tmp_path / "mine", given)
    with pytest.raises(UsageError, match=message):
        load_dataset(f"{path}:train")


def test_files_that_were_cut_are_refused(tmp_path):
    path = write(tmp_path / "mine", arrays())
    whole = (path / "x_train.npy").read_bytes()
    (path / "x_train.npy").write_bytes(whole[:-1])
    with pytest.raises(FileFormatError, match="claims an array of shape"):
        load_dataset(f"{path}:train")
    (path / "x_train.npy").write_bytes(whole.replace(b"(200, 2, 2)", b"(-10,-80,1)"))
    with pytest.raises(FileFormatError, match="claims shape"):
        load_dataset(f"{path}:train")
    (path / "x_train.npy").write_bytes(whole)
    data = load_dataset(f"{path}:train")
    (path / "x_train.npy").write_bytes(whole[:-1])
    with pytest.raises(FileFormatError, match="ends too early"):
        np.asarray(data.samples)
    (path / "x_train.npy").unlink()
    with pytest.raises(FileFormatError, match="cannot be read"):
        np.asarray(data.samples)
    with pytest.raises(UsageError, match="has no array x_train"):
        load_dataset(f"{path}:train")


def test_a_zip_that_lies_about_its_members_is_refused(tmp_path):
    path = unpacked(tmp_path / "mine", arrays())
    whole = path.read_bytes()
    for old, new in ((b"(200, 2, 2)", b"(999, 2, 2)"), (b"PK\x03\x04", b"PK\x03\x05")):
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(FileFormatError, match="make it again"):
            load_dataset(f"{path}:train")


def test_parts_of_different_samples_are_refused(tmp_path):
    path = parted(tmp_path / "mine", arrays())
    np.save(path / "x_train_2.npy", np.zeros((130, 5), np.uint8))
    with pytest.raises(FileFormatError, match="must be of one shape"):
        load_dataset(f"{path}:train")


def test_a_folder_beside_is_known_by_its_name_unless_a_data_set_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "digits"):
        write(tmp_path / name, arrays())
    assert load_dataset("mine:train:3").name == "mine"
    assert load_dataset("digits:train").shape != (2, 2)
    assert load_dataset("./digits:train").shape == (2, 2)


def test_a_path_that_is_not_there_is_refused():
    with pytest.raises(FileFormatError, match="there is no file"):
        load_dataset("no/such/folder:train")

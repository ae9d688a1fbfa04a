"""MNIST files of both kinds, made here with a few images."""

import gzip

import numpy as np
import pytest

from spikec.errors import FileFormatError, UsageError
from spikec_train.datasets import load_dataset
from spikec_train.mnist import IDX, read_mnist

RNG = np.random.default_rng(0)
IMAGES = {split: RNG.integers(0, 256, (n, 28, 28), np.uint8) for split, n in (("train", 7), ("test", 3))}
LABELS = {"train": np.arange(7, dtype=np.uint8), "test": np.array([9, 0, 4], np.uint8)}


def idx(array):
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def write_npz(folder):
    arrays = {f"x_{k}": v for k, v in IMAGES.items()} | {f"y_{k}": v for k, v in LABELS.items()}
    np.savez(folder / "mnist.npz", **arrays)


def write_idx(folder, packed=False):
    for split, names in IDX.items():
        for name, array in zip(names, (IMAGES[split], LABELS[split]), strict=True):
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    "write", [write_npz, write_idx, lambda f: write_idx(f, True)], ids=["npz", "idx", "idx.gz"]
)
def test_every_kind_of_file_gives_the_same_images(tmp_path, write, split):
    write(tmp_path)
    images, labels = read_mnist(tmp_path, split)
    np.testing.assert_array_equal(images, IMAGES[split].reshape(-1, 784))
    np.testing.assert_array_equal(labels, LABELS[split])


def test_the_data_set_has_its_shape_and_its_classes(tmp_path):
    write_npz(tmp_path)
    data = load_dataset("mnist:test:2", tmp_path)
    assert (data.name, data.split, data.shape, data.x_max, data.n_classes) == (
        "mnist",
        "test",
        (28, 28),
        255.0,
        10,
    )
    assert data.labels.tolist() == [9, 0]
    np.testing.assert_array_equal(data.samples, IMAGES["test"][:2].reshape(2, 784))


def test_the_environment_names_the_folder_unless_the_caller_does(tmp_path, monkeypatch):
    write_npz(tmp_path)
    monkeypatch.setenv("SPIKEC_DATA", str(tmp_path))
    assert load_dataset("mnist:train").n_samples == 7
    with pytest.raises(UsageError, match="there is no MNIST in"):
        load_dataset("mnist:train", tmp_path / "elsewhere")


def test_without_a_folder_the_message_says_which_file_goes_where(monkeypatch):
    monkeypatch.delenv("SPIKEC_DATA", raising=False)
    with pytest.raises(
        UsageError, match=r"in SPIKEC_DATA, or .* --data-dir, and put mnist.npz, or t10k-images-idx3"
    ):
        load_dataset("mnist:test")


def test_a_folder_without_the_files_is_told_what_to_put_there(tmp_path):
    with pytest.raises(UsageError, match=r"no MNIST in .*; put mnist.npz, or train-images-idx3-ubyte"):
        read_mnist(tmp_path, "train")


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-1],
        lambda b: b + b"x",
        lambda b: b"",
        lambda b: b[:3],
        lambda b: b"\x00\x00\x09" + b[3:],
        lambda b: b[:3] + b"\xff" + b[4:],
    ],
)
def test_damaged_idx_files_are_refused(tmp_path, damage):
    write_idx(tmp_path)
    path = tmp_path / IDX["test"][0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FileFormatError, match=r"t10k-images-idx3-ubyte is no idx file"):
        read_mnist(tmp_path, "test")


def test_damaged_packed_files_are_refused(tmp_path):
    write_idx(tmp_path, packed=True)
    path = tmp_path / f"{IDX['test'][1]}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_mnist(tmp_path, "test")
    (tmp_path / "mnist.npz").write_bytes(b"PK nothing")
    with pytest.raises(FileFormatError, match=r"mnist.npz is no MNIST, or damaged"):
        read_mnist(tmp_path, "test")


def test_an_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_test=np.zeros((3, 8, 8)), y_test=np.zeros(3))
    with pytest.raises(FileFormatError, match=r"hold images \(3, 8, 8\)"):
        read_mnist(tmp_path, "test")
    with pytest.raises(FileFormatError, match="x_train"):
        read_mnist(tmp_path, "train")

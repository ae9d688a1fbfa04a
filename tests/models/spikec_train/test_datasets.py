import numpy as np
import pytest
from sklearn.datasets import load_digits

from spikec.errors import UsageError
from spikec_train.datasets import Dataset, dataset_names, load_dataset
from spikec_train.fsdd import SPLITS


def test_digits_come_in_two_parts_that_share_no_image():
    train, test = load_dataset("digits:train"), load_dataset("digits:test")
    assert (train.n_samples, test.n_samples) == (1347, 450)
    images = {row.tobytes() for row in train.samples} | {row.tobytes() for row in test.samples}
    assert len(images) == len({row.tobytes() for row in load_digits().data}) == 1797


def test_every_digit_has_its_share_in_both_parts():
    train, test = load_dataset("digits:train"), load_dataset("digits:test")
    share = np.bincount(train.labels) / train.n_samples - np.bincount(test.labels) / test.n_samples
    assert np.abs(share).max() < 1 / 450


def test_labels_stay_with_their_images():
    whole = {image.tobytes(): label for image, label in zip(*load_digits(return_X_y=True), strict=True)}
    test = load_dataset("digits:test")
    assert [whole[row.tobytes()] for row in test.samples] == test.labels.tolist()


def test_digits_have_seventeen_grey_levels_in_eight_by_eight_pixels():
    data = load_dataset("digits:train")
    assert (data.shape, data.x_max, data.n_classes) == ((8, 8), 16.0, 10)
    assert np.array_equal(np.unique(data.samples), np.arange(17))


def test_a_split_is_the_same_whenever_it_is_loaded():
    assert np.array_equal(load_dataset("digits:test").samples, load_dataset("digits:test").samples)


@pytest.mark.parametrize("spec", ["digits:test:20", "digits:test[:20]"])
def test_a_number_takes_the_first_samples(spec):
    whole, part = load_dataset("digits:test"), load_dataset(spec)
    assert np.array_equal(part.samples, whole.samples[:20])
    assert np.array_equal(part.labels, whole.labels[:20])


def test_all_names_that_are_listed_can_be_loaded():
    splits = {"digits": ["train", "test"], "fsdd": list(SPLITS), "mnist": ["train", "test"]}
    splits["yinyang"] = ["train", "validation", "test"]
    assert dataset_names() == [f"{name}:{split}" for name in splits for split in splits[name]]
    ours = [name for name in dataset_names() if not name.startswith(("mnist", "fsdd"))]
    assert [f"{d.name}:{d.split}" for d in map(load_dataset, ours)] == ours


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "digits",
        "mnist",
        "letters:test",
        "digits:validation",
        "digits:test:",
        "digits:test:-1",
        "digits:test[:2",
    ],
)
def test_an_unknown_name_is_told_what_exists(spec):
    with pytest.raises(UsageError, match="digits:train, digits:test"):
        load_dataset(spec)


@pytest.mark.parametrize("n", [0, 451, 10**30])
def test_more_samples_than_there_are_cannot_be_had(n):
    with pytest.raises(UsageError, match="1 to 450"):
        load_dataset(f"digits:test:{n}")


def test_a_data_set_that_contradicts_itself_is_refused():
    x = np.zeros((3, 4))
    with pytest.raises(UsageError, match="one row and one label"):
        Dataset("a", "train", x, np.zeros(2, int), (4,), 1.0, 2)
    with pytest.raises(UsageError, match="labels from 0 to 2"):
        Dataset("a", "train", x, np.arange(3), (4,), 1.0, 2)
    with pytest.raises(UsageError, match="3 samples with NaN or infinite values, the first is sample 0"):
        Dataset("a", "train", x * np.nan, np.zeros(3, int), (4,), 1.0, 2)

"""The Yin-Yang data set, against the figures of the published points."""

import numpy as np
import pytest

from spikec_train.datasets import load_dataset
from spikec_train.yinyang import class_of, yinyang


def test_test_points_are_the_published_ones():
    data = load_dataset("yinyang:test")
    first = [0.23409665, 0.40172498, 0.76590335, 0.59827502]
    np.testing.assert_allclose(data.samples[0], first, rtol=0, atol=5e-9)
    assert data.labels[0] == 2
    assert np.bincount(data.labels).tolist() == [350, 316, 334]


def test_training_points_are_the_published_ones():
    data = load_dataset("yinyang:train")
    expected = [(0.680308, 0.450499), (0.097672, 0.684233)]
    np.testing.assert_allclose(data.samples[:2, :2], expected, rtol=0, atol=5e-7)
    assert data.labels[:2].tolist() == [2, 1]
    assert np.bincount(data.labels).tolist() == [1681, 1702, 1617]


def test_splits_have_their_sizes_and_share_no_point():
    splits = [load_dataset(f"yinyang:{split}") for split in ("train", "validation", "test")]
    assert [d.n_samples for d in splits] == [5000, 1000, 1000]
    assert len({row.tobytes() for d in splits for row in d.samples}) == 7000
    assert all((d.shape, d.x_max, d.n_classes) == ((4,), 1.0, 3) for d in splits)


def test_points_lie_in_the_disc_and_come_with_their_complements():
    samples, _ = yinyang(500, 7)
    x, y = samples[:, 0], samples[:, 1]
    assert np.hypot(x - 0.5, y - 0.5).max() <= 0.5
    np.testing.assert_array_equal(samples[:, 2:], np.stack([1 - x, 1 - y], axis=1))


@pytest.mark.parametrize(
    ("x", "y", "label"),
    [
        (0.75, 0.5, 2),  # middles of the dots
        (0.25, 0.5, 2),
        (0.75, 0.59, 2),
        (0.25, 0.61, 1),  # about the left dot
        (0.75, 0.61, 0),  # about the right dot
        (0.5, 0.9, 1),  # above
        (0.5, 0.1, 0),  # below
    ],
)
def test_classes_are_where_the_symbol_has_them(x, y, label):
    assert class_of(x, y) == label


def test_the_halves_are_the_symbol_turned_by_half_a_turn():
    rng = np.random.default_rng(0)
    for x, y in 0.5 + 0.35 * rng.uniform(-1, 1, (200, 2)):
        here, there = class_of(x, y), class_of(1 - x, 1 - y)
        assert (here, there) in ((0, 1), (1, 0), (2, 2))

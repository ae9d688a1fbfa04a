"""Windows along one axis, counted by hand."""

import numpy as np
import pytest

from spikec.errors import NetworkError
from spikec.ir.windows import LARGEST, Axis


def test_a_size_is_known_without_listing_taps():
    assert Axis(1 << 30, 5, before=2, after=2).n_taps == 5 * (1 << 30) - 6


def test_a_cut_pixel_is_read_by_nobody():
    output, entry, pixel = Axis(5, 3, before=1, after=1, cut=2).taps()
    pairs = [(y, i) for y in range(5) for i in range(3) if 0 <= y + i - 1 < 3]
    assert sorted(zip(output.tolist(), entry.tolist(), strict=True)) == pairs
    np.testing.assert_array_equal(pixel, output + entry - 1)


@pytest.mark.parametrize(
    "numbers",
    [
        (5, 0),
        (5, 1, 0),
        (5, 1, 1, -1),
        (5, 1, 1, 0, -1),
        (5, 1, 1, 0, 0, 0),
        (5, 1, 1, 0, 0, 1, -1),
        (5, 1, LARGEST + 1),
    ],
)
def test_impossible_windows_are_refused(numbers):
    with pytest.raises(NetworkError, match="impossible"):
        Axis(*numbers)


def test_a_window_that_does_not_fit_is_refused():
    assert Axis(5, 3, dilation=2).n_out == 1
    with pytest.raises(NetworkError, match="window of 7 pixels does not fit into 5"):
        Axis(5, 4, dilation=2)

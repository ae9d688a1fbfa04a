"""Unrolled convolutions against scipy's correlation of padded images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.convolution import LARGEST, Axis, Convolution
from tests.plain_convolution import correlated


def an_axis():
    def made(kernel, stride, before, after, dilation, extra):
        n = max(1, dilation * (kernel - 1) + 1 - before - after) + extra
        return Axis(n, kernel, stride, before, after, dilation)

    small = st.integers(1, 3)
    return st.builds(made, small, small, st.integers(0, 4), st.integers(0, 4), small, st.integers(0, 6))


@settings(max_examples=150, deadline=None)
@given(
    axes=st.lists(an_axis(), min_size=1, max_size=2),
    groups=st.integers(1, 3),
    out=st.integers(1, 2),
    read=st.integers(1, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_listed_synapses_compute_the_convolution(axes, groups, out, read, seed):
    rng = np.random.default_rng(seed)
    kernel = rng.integers(-9, 10, (out * groups, read, *(a.kernel for a in axes))).astype(float)
    convolution = Convolution(kernel, tuple(axes), groups)
    image = rng.integers(-5, 6, convolution.input_shape).astype(float)
    pre, post, weights = convolution.synapses()
    got = np.zeros(np.prod(convolution.output_shape))
    np.add.at(got, post, weights * image.ravel()[pre])
    rows = [(a.before, a.after, a.stride, a.dilation) for a in axes]
    expected = correlated(image, kernel, rows, groups)
    assert convolution.output_shape == expected.shape
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)
    assert convolution.n_synapses == pre.size == len({*zip(pre.tolist(), post.tolist(), strict=True)})


def test_a_size_is_known_without_listing_synapses():
    kernel = np.broadcast_to(1.0, (1 << 20, 1 << 20, 5, 5))
    axis = Axis(1 << 30, 5, before=2, after=2)
    convolution = Convolution(kernel, (axis, axis))
    assert convolution.n_synapses == (1 << 40) * (5 * (1 << 30) - 6) ** 2


@pytest.mark.parametrize(
    "numbers",
    [(5, 0), (5, 1, 0), (5, 1, 1, -1), (5, 1, 1, 0, -1), (5, 1, 1, 0, 0, 0), (5, 1, 1, LARGEST + 1)],
)
def test_impossible_windows_are_refused(numbers):
    with pytest.raises(NetworkError, match="impossible"):
        Axis(*numbers)


def test_a_window_that_does_not_fit_is_refused():
    assert Axis(5, 3, dilation=2).n_out == 1
    with pytest.raises(NetworkError, match="window of 7 pixels does not fit into 5"):
        Axis(5, 4, dilation=2)


def test_kernels_that_do_not_fit_are_refused():
    with pytest.raises(NetworkError, match="axes"):
        Convolution(np.ones((2, 1, 3)), (Axis(5, 4),))
    with pytest.raises(NetworkError, match="3 groups"):
        Convolution(np.ones((4, 1, 3)), (Axis(5, 3),), 3)

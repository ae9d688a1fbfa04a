"""Convolutions against scipy's correlation of padded images, and against their own unrolled lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.connectivity import Delays, simplest
from spikec.ir.convolution import Axis, Convolution
from spikec.ir.fixed_point import Fixed
from tests.plain_convolution import correlated


def an_axis():
    def made(kernel, stride, before, after, dilation, extra, cut):
        n = max(1, dilation * (kernel - 1) + 1 - before - after) + extra
        return Axis(n, kernel, stride, before, after, dilation, min(cut, n))

    small = st.integers(1, 3)
    pads = st.integers(0, 4)
    return st.builds(made, small, small, pads, pads, small, st.integers(0, 6), st.sampled_from([0, 0, 1, 2]))


def some_convolutions():
    def made(axes, groups, out, read, seed):
        rng = np.random.default_rng(seed)
        kernel = rng.integers(-9, 10, (out * groups, read, *(a.kernel for a in axes))).astype(float)
        return Convolution(kernel, tuple(axes), groups)

    small = st.integers(1, 3)
    lists = st.lists(an_axis(), min_size=1, max_size=2)
    return st.builds(made, lists, small, st.integers(1, 2), st.integers(1, 2), st.integers(0, 2**32 - 1))


def an_image(shape, seed=0):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


@settings(max_examples=150, deadline=None)
@given(some_convolutions())
def test_the_listed_synapses_compute_the_convolution(convolution):
    image = an_image(convolution.input_shape)
    read = image[(slice(None), *(slice(0, a.n - a.cut) for a in convolution.axes))]
    rows = [(a.before, a.after + a.cut, a.stride, a.dilation) for a in convolution.axes]
    expected = correlated(read, convolution.weights, rows, convolution.groups)
    assert convolution.output_shape == expected.shape
    pre, post = convolution.synapses()
    got = np.zeros(convolution.n_post)
    np.add.at(got, post, convolution.stored() * image.ravel()[pre])
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)
    assert convolution.n_synapses == pre.size == len({*zip(pre.tolist(), post.tolist(), strict=True)})
    np.testing.assert_array_equal(convolution.dense_matrix() @ image.ravel(), expected.ravel())


@settings(max_examples=80, deadline=None)
@given(some_convolutions(), st.booleans())
def test_sums_from_the_kernel_are_sums_over_the_list(convolution, batch):
    lead = (2,) if batch else ()
    some = convolution.weights > 2
    matrix, listed = convolution.dense_matrix(), convolution.unrolled()
    for values, plain in ((convolution.weights, matrix), (some, (matrix > 2).astype(int))):
        x, y = an_image((*lead, convolution.n_pre)), an_image((*lead, convolution.n_post))
        kept = listed.stored() if plain is matrix else listed.stored() > 2
        for sums, stored in ((convolution, values), (listed, kept)):
            np.testing.assert_array_equal(sums.by_post(stored), plain.sum(axis=1))
            np.testing.assert_array_equal(sums.by_pre(stored), plain.sum(axis=0))
            np.testing.assert_array_equal(sums.by_post(stored, x), x @ plain.T)
            np.testing.assert_array_equal(sums.by_pre(stored, y), y @ plain)


def test_truth_values_are_counted():
    sums = Convolution(np.ones((1, 1, 2)), (Axis(3, 2),)).by_pre(np.ones((1, 1, 2), np.bool_))
    assert sums.dtype == np.int64
    np.testing.assert_array_equal(sums, [1, 2, 1])


@settings(max_examples=80, deadline=None)
@given(some_convolutions(), st.integers(0, 2**32 - 1))
def test_what_differs_between_channels_only_scales_the_kernel(convolution, seed):
    rng = np.random.default_rng(seed)
    for shape, scaled, turned in (
        (convolution.output_shape, convolution.scaled, False),
        (convolution.input_shape, convolution.scaled_inputs, True),
    ):
        channels = rng.integers(1, 5, shape[0]).astype(float)
        factor = np.repeat(channels, np.prod(shape[1:], dtype=int))
        rows = factor[None, :] if turned else factor[:, None]
        expected = convolution.dense_matrix() * rows
        np.testing.assert_array_equal(scaled(factor).dense_matrix(), expected)
        np.testing.assert_array_equal(scaled(np.asarray(2.0)).dense_matrix(), 2 * convolution.dense_matrix())
        if np.prod(shape[1:]) > 1:
            assert scaled(np.arange(factor.size, dtype=float)) is None


def pooling(channels, axes):
    return Convolution(np.ones((channels, 1, *(a.kernel for a in axes))), axes, channels)


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    window=st.integers(1, 3),
    stride=st.integers(1, 3),
    before=st.integers(0, 1),
    n=st.integers(3, 9),
    groups=st.integers(1, 2),
)
def test_a_convolution_of_pooled_values_is_one_convolution_or_none(data, window, stride, before, n, groups):
    first = Axis(n, window, stride, min(before, window // 2), min(before, window // 2))
    kernel, pad = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
    if first.n_out + 2 * pad < kernel:
        return
    second = Axis(first.n_out, kernel, data.draw(st.integers(1, 2)), pad, pad)
    weights = an_image((groups, 2, kernel, kernel))
    pool = pooling(2 * groups, (first, first))
    convolution = Convolution(weights, (second, second), groups)
    both = convolution.behind(pool)
    exact = convolution.dense_matrix() @ pool.dense_matrix()
    if both is None:
        assert window != stride or first.before  # a plain pooling is always taken in
        return
    np.testing.assert_array_equal(both.dense_matrix(), exact)
    assert both.n_synapses == (convolution.with_weights(np.ones(weights.shape)).dense_matrix()
                               @ pool.dense_matrix() > 0).sum()  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(data=st.data(), n=st.integers(3, 12), n_pools=st.integers(2, 3))
def test_a_chain_of_windows_is_the_product_of_their_matrices(data, n, n_pools):
    """What is left out by one window stays out for all that follow."""
    axis, exact = None, np.eye(n)
    for _ in range(n_pools):
        size = n if axis is None else axis.n_out
        window, stride, pad = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)))
        if size + 2 * pad < window:
            return
        cut = data.draw(st.sampled_from([0, 0, 0, 1])) if size > 1 else 0
        follower = Axis(size, window, stride, pad, pad, 1, cut)
        plain = Convolution(np.ones((1, 1, window)), (follower,)).dense_matrix()
        exact = plain @ exact
        axis = follower if axis is None else follower.behind(axis)
        if axis is None:
            return
    pairs = np.zeros((axis.n_out, n))
    output, _, pixel = axis.taps()
    pairs[output, pixel] = 1
    np.testing.assert_array_equal(pairs, exact > 0)


def test_pooling_that_drops_a_pixel_drops_it_for_who_follows():
    pool = pooling(1, (Axis(5, 2, 2),))
    both = Convolution(np.ones((1, 1, 3)), (Axis(2, 3, 1, 1, 1),)).behind(pool)
    np.testing.assert_array_equal(both.dense_matrix(), [[1, 1, 1, 1, 0], [1, 1, 1, 1, 0]])


def test_delays_of_kernel_entries_follow_the_list():
    convolution = Convolution(np.ones((1, 1, 3)), (Axis(4, 3, 1, 1, 1),))
    delays = Delays(np.array([[[5, 6, 7]]]), "synaptic")
    pre, post = convolution.synapses()
    np.testing.assert_array_equal(delays.per_synapse(convolution), 5 + pre - post + 1)
    unrolled = delays.unrolled(convolution)
    pre, post = convolution.unrolled().synapses()
    np.testing.assert_array_equal(unrolled.values, 5 + pre - post + 1)
    chosen = delays.select(convolution, [1, 2], [2, 0])
    np.testing.assert_array_equal(chosen.values, [7, 6, 5])


def test_fixed_kernels_answer_with_mantissas():
    convolution = Convolution(Fixed(np.array([[[2, 0, -4]]])), (Axis(3, 3),))
    np.testing.assert_array_equal(convolution.dense_matrix(), [[2, 0, -4]])
    np.testing.assert_array_equal(convolution.unrolled().weights.mantissa, [2, 0, -4])
    np.testing.assert_array_equal(convolution.select([0], [2, 0]).dense_matrix(), [[-4, 2]])


def test_kernels_that_do_not_fit_are_refused():
    with pytest.raises(NetworkError, match="axes"):
        Convolution(np.ones((2, 1, 3)), (Axis(5, 4),))
    with pytest.raises(NetworkError, match="3 groups"):
        Convolution(np.ones((4, 1, 3)), (Axis(5, 3),), 3)


def test_delays_of_a_kernel_become_one_where_all_that_are_used_are_equal():
    convolution = Convolution(np.ones((1, 1, 2)), (Axis(4, 2, 3),))  # reads pixels 0, 1 of 4
    assert simplest(Delays([7, 7, 1, 2], "axonal"), convolution).values == 7
    assert simplest(Delays([[[3, 3]]], "synaptic"), convolution).values == 3
    for kept in (Delays([7, 6, 1, 2], "axonal"), Delays([[[3, 4]]], "synaptic")):
        assert simplest(kept, convolution) is kept

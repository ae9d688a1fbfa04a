"""Connectivities and delays: every kind of them says the same as the plain matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.connectivity import (
    DelayKind,
    Delays,
    Dense,
    Sparse,
    one_to_one,
    simplest,
    sparse,
)
from spikec.ir.fixed_point import Fixed

seeds = st.integers(0, 2**32 - 1)


def _drawn(seed):
    """Where synapses are stored, and a matrix of their weights: whole numbers, zeros among them."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 6, 2))
    mask = rng.random(shape) < rng.random()
    return rng, mask, rng.integers(-3, 4, shape).astype(float) * mask


def _listed(mask, matrix):
    post, pre = np.nonzero(mask)
    return sparse(mask.shape[1], mask.shape[0], pre, post, matrix[post, pre])


def _delay_shape(kind, c):
    shapes = {"uniform": (), "axonal": (c.n_pre,), "dendritic": (c.n_post,), "synaptic": np.shape(c.weights)}
    return shapes[kind.value]


def _delay_matrix(delays, connectivity):
    """Delays as a matrix, NaN where no synapse is stored."""
    pre, post = connectivity.synapses()
    matrix = np.full((connectivity.n_post, connectivity.n_pre), np.nan)
    matrix[post, pre] = delays.per_synapse(connectivity)
    return matrix


@given(seeds)
def test_a_list_of_synapses_is_the_matrix_it_was_made_from(seed):
    _, mask, matrix = _drawn(seed)
    listed = _listed(mask, matrix)
    np.testing.assert_array_equal(listed.dense_matrix(), matrix)
    assert (listed.n_synapses, listed.n_pre, listed.n_post) == (mask.sum(), *mask.shape[::-1])


@given(seeds)
def test_synapses_name_the_ends_of_every_weight_in_order(seed):
    _, mask, matrix = _drawn(seed)
    for c in (Dense(matrix), _listed(mask, matrix)):
        pre, post = c.synapses()
        np.testing.assert_array_equal(np.asarray(c.weights).ravel(), matrix[post, pre])


@given(seeds)
def test_the_order_in_which_synapses_are_listed_does_not_matter(seed):
    rng, mask, matrix = _drawn(seed)
    post, pre = np.nonzero(mask)
    order = rng.permutation(post.size)
    shuffled = sparse(mask.shape[1], mask.shape[0], pre[order], post[order], matrix[post, pre][order])
    listed = _listed(mask, matrix)
    for name in ("starts", "posts", "weights"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(listed, name))


@given(seeds)
def test_selecting_neurons_selects_rows_and_columns(seed):
    rng, mask, matrix = _drawn(seed)
    post = rng.permutation(mask.shape[0])[: rng.integers(1, mask.shape[0] + 1)]
    pre = rng.permutation(mask.shape[1])[: rng.integers(1, mask.shape[1] + 1)]
    for c in (Dense(matrix), _listed(mask, matrix), Dense(Fixed(2 * matrix)), _listed(mask, matrix)):
        scale = 2 if isinstance(c.weights, Fixed) else 1
        selected = c.select(post, pre).dense_matrix()
        np.testing.assert_array_equal(selected, scale * matrix[np.ix_(post, pre)])


@given(seeds, st.sampled_from(list(DelayKind)))
def test_selected_delays_stay_with_their_synapses(seed, kind):
    rng, mask, matrix = _drawn(seed)
    post, pre = rng.permutation(mask.shape[0])[:2], rng.permutation(mask.shape[1])[:2]
    for c in (Dense(matrix), _listed(mask, matrix)):
        delays = Delays(rng.integers(0, 9, _delay_shape(kind, c)), kind)
        got = _delay_matrix(delays.select(c, post, pre), c.select(post, pre))
        np.testing.assert_array_equal(got, _delay_matrix(delays, c)[np.ix_(post, pre)])


@given(seeds, st.sampled_from(list(DelayKind)))
def test_the_simplest_delays_are_the_same_delays(seed, kind):
    rng, mask, matrix = _drawn(seed)
    for c in (Dense(matrix), _listed(mask, matrix)):
        delays = Delays(rng.integers(0, 2, _delay_shape(kind, c)), kind)
        plain = simplest(delays, c)
        assert plain.in_ticks
        assert plain.values.shape == plain.expected_shape(c)
        assert plain.values.ndim <= delays.values.ndim
        np.testing.assert_array_equal(_delay_matrix(plain, c), _delay_matrix(delays, c))


def test_a_table_of_delays_becomes_as_plain_as_it_can_be():
    c = Dense(np.ones((2, 3)))
    tables = {
        DelayKind.UNIFORM: np.full((2, 3), 4),
        DelayKind.AXONAL: np.array([[1, 2, 3], [1, 2, 3]]),
        DelayKind.DENDRITIC: np.array([[1, 1, 1], [2, 2, 2]]),
        DelayKind.SYNAPTIC: np.array([[1, 2, 3], [3, 2, 1]]),
    }
    for kind, table in tables.items():
        assert simplest(Delays(table, DelayKind.SYNAPTIC), c).kind is kind


def test_one_to_one_is_a_diagonal():
    np.testing.assert_array_equal(one_to_one(3, -2.0).dense_matrix(), -2 * np.eye(3))
    np.testing.assert_array_equal(one_to_one(2, [1.0, 5.0]).dense_matrix(), np.diag([1.0, 5.0]))


def test_stored_zeros_are_synapses():
    c = sparse(2, 2, [0, 1], [0, 1], np.array([0.0, 1.0]))
    assert c.n_synapses == 2
    assert c.with_weights(np.array([0.0, 0.0])).n_synapses == 2


def test_no_synapse_at_all_is_a_connectivity():
    c = sparse(2, 3, [], [], np.zeros(0))
    assert (c.n_synapses, c.n_pre, c.n_post) == (0, 2, 3)
    assert not c.dense_matrix().any()
    assert Delays(np.zeros(0), "synaptic").longest == 0
    assert simplest(Delays(np.zeros(0, int), "synaptic"), c).kind is DelayKind.UNIFORM


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(np.ones(3)), r"\(n_post, n_pre\) is needed"),
        (
            lambda: Dense(np.array([[0.0, np.nan]])),
            r"1 values that are NaN or infinite, the first at \(0, 1\)",
        ),
        (lambda: Dense(np.array([[1j]])), "complex"),
        (lambda: Dense(np.array([["1"]])), "give numbers"),
        (lambda: Dense(np.array([[None]])), "object"),
        (lambda: Sparse(2, [0, 1], [2], [1.0]), "reaches neuron 2, but there are 2"),
        (lambda: Sparse(2, [0, 2], [1, 1], [1.0, 1.0]), "twice or out of order"),
        (lambda: Sparse(2, [0, 2], [1, 0], [1.0, 1.0]), "twice or out of order"),
        (lambda: Sparse(2, [0, 2, 1, 2], [0, 1], [1.0, 1.0]), "starts must rise"),
        (lambda: Sparse(2, [0, 1], [0, 1], [1.0, 1.0]), "starts must rise"),
        (lambda: Sparse(2, [], [], np.zeros(0)), "starts must rise"),
        (lambda: Sparse(2, [0, 1], [0], [1.0, 2.0]), "are needed"),
        (lambda: Sparse(2, [0, 1], [-1], [1.0]), "reaches neuron"),
        (lambda: sparse(2, 2, [2], [0], np.ones(1)), "starts at neuron 2"),
        (lambda: sparse(2, 2, [0, 0], [1, 1], np.ones(2)), "twice"),
        (lambda: Delays(np.array([-1])), "cannot arrive before it left"),
        (lambda: Delays(np.array([np.nan]), "axonal"), "NaN"),
        (lambda: Delays(np.array([1, 2])), "only uniform ones have"),
        (lambda: Delays(np.array(1), "axonal"), "only uniform ones have"),
    ],
)
def test_impossible_connectivities_and_delays_are_refused(make, message):
    with pytest.raises(NetworkError, match=message):
        make()


def test_whole_numbers_are_ticks_and_others_seconds():
    assert Delays(np.array(3)).in_ticks
    assert not Delays(np.array(3.0)).in_ticks
    assert Delays(np.array([3, 7]), "axonal").longest == 7


def test_weights_cannot_be_changed_through_any_door():
    base = np.ones((2, 2))
    view = base[:]
    view.setflags(write=False)
    for weights in (base, view, np.broadcast_to(np.ones(2), (2, 2))):
        dense = Dense(weights)
        with pytest.raises(ValueError, match="read-only"):
            dense.weights[0, 0] = 5
        base[:] = 7
        assert dense.weights[0, 0] == 1
        base[:] = 1

"""Rules: what they draw, and that they answer as the list of their synapses does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.connectivity import DelayKind, Delays, FixedInDegree, FixedOutDegree
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Projection, scaled_rows, unrolled

RULES = pytest.mark.parametrize("rule", [FixedInDegree, FixedOutDegree])


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 12), st.integers(0, 2**64 - 1), st.booleans())
def test_every_neuron_has_its_degree(n_pre, n_post, degree, seed, incoming):
    c = (FixedInDegree if incoming else FixedOutDegree)(n_pre, n_post, degree, 0.5, seed)
    pre, post = c.synapses()
    assert pre.size == post.size == c.n_synapses
    own, n = (post, n_post) if incoming else (pre, n_pre)
    assert np.bincount(own, minlength=n).tolist() == [degree] * n
    assert np.all((pre >= 0) & (pre < n_pre) & (post >= 0) & (post < n_post))
    matrix = np.zeros((n_post, n_pre))
    np.add.at(matrix, (post, pre), 0.5)
    np.testing.assert_allclose(c.dense_matrix(), matrix)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 6), st.integers(0, 99), st.booleans())
def test_answers_as_its_list_of_synapses(n_pre, n_post, degree, seed, incoming):
    c = (FixedInDegree if incoming else FixedOutDegree)(n_pre, n_post, degree, 2.0, seed)
    matrix, rng = c.dense_matrix() / 2, np.random.default_rng(seed)
    some = np.asarray(True)
    np.testing.assert_array_equal(c.by_pre(some), matrix.sum(axis=0))
    np.testing.assert_array_equal(c.by_post(some), matrix.sum(axis=1))
    of_pre, of_post = rng.integers(0, 9, (2, n_pre)), rng.integers(0, 9, n_post)
    np.testing.assert_allclose(c.by_post(np.asarray(2.0), of_pre), 2 * of_pre @ matrix.T)
    np.testing.assert_allclose(c.by_pre(np.asarray(2.0), of_post), 2 * of_post @ matrix)
    assert c.stored().tolist() == [2.0] * c.n_synapses
    chosen = rng.permutation(n_post)[: n_post // 2 + 1]
    picked = c.select(chosen, np.arange(n_pre)).dense_matrix()
    np.testing.assert_array_equal(picked, c.dense_matrix()[chosen])


def test_partners_are_drawn_evenly():
    pre, _ = FixedInDegree(50, 1000, 100, 1.0, 3).synapses()
    counts = np.bincount(pre, minlength=50)
    # Of 100,000 draws 2,000 each: their squares are chi-squared with 49 degrees of freedom, 85.4 at 0.1 %.
    assert np.sum((counts - 2000) ** 2 / 2000) < 85.4


def test_another_seed_draws_others():
    a, b = (FixedOutDegree(30, 40, 5, 1.0, seed).synapses()[1] for seed in (0, 1))
    assert np.mean(a == b) < 0.2


@RULES
@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("n_pre", 0, "n_pre is 0; give a whole number from 1"),
        ("degree", -1, "degree is -1"),
        ("degree", 2.5, r"degree is 2\.5"),
        ("degree", True, "degree is True"),
        ("seed", 1 << 64, "seed is"),
        ("weights", [1.0, 2.0], r"weights of shape \(2,\); give one number"),
        ("weights", np.nan, "NaN"),
    ],
)
def test_refuses_what_is_no_rule(rule, field, value, match):
    with pytest.raises(NetworkError, match=match):
        replace(rule(3, 4, 2, 1.0, 0), **{field: value})


def test_refuses_integers():
    with pytest.raises(NetworkError, match="list its synapses for integers"):
        FixedInDegree(3, 4, 2, 1.0, 0).with_weights(Fixed(np.asarray(2)))


@RULES
def test_too_many_synapses_are_never_listed(rule):
    c = rule(10**5, 10**5, 1000, 0.1, 0)
    for ask in (c.synapses, c.unrolled, c.dense_matrix):
        with pytest.raises(NetworkError, match=r"100,000,000 synapses is too large .* run it as it is"):
            ask()


def test_rows_of_a_rule_can_be_scaled_in_a_list():
    q = Projection("q", "a", "b", FixedInDegree(3, 4, 2, 1.0, 0), Delays([1, 2, 3], DelayKind.AXONAL))
    factor = np.arange(4.0)
    found = scaled_rows(q, factor)
    np.testing.assert_array_equal(
        found.connectivity.dense_matrix(), q.connectivity.dense_matrix() * factor[:, None]
    )
    assert unrolled(q).delays.values.tolist() == [1, 2, 3]
    assert q.delays.select(q.connectivity, [0], [2, 0]).values.tolist() == [3, 1]

from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from spikec.errors import UsageError
from spikec_train.readout import PARTS, fit_pieces, fit_readout


def problem(seed=0, n=40, width=7, outputs=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)) * rng.uniform(0.1, 3, width) + rng.normal(size=width)
    return x, x @ rng.normal(size=(width, outputs)) + 0.5 * rng.normal(size=(n, outputs)) + 1.0


def absolute(x, penalty):
    """The penalty in scikit-learn's units: times the mean eigenvalue of the scatter matrix."""
    return penalty * np.sum((x - x.mean(axis=0)) ** 2) / x.shape[1]


@pytest.mark.parametrize("penalty", [1e-6, 1e-2, 1.0, 30.0])
@pytest.mark.parametrize("width", [7, 60])
def test_the_fit_is_ridge_regression_with_a_free_bias(penalty, width):
    x, y = problem(width=width)
    expected = Ridge(alpha=absolute(x, penalty), solver="svd").fit(x, y)
    fit = fit_readout(x, y, [penalty])
    np.testing.assert_allclose(fit.weights, expected.coef_.T, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.bias, expected.intercept_, rtol=1e-7, atol=1e-9)


def test_a_vanishing_penalty_gives_least_squares():
    x, y = problem()
    expected = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    fit = fit_readout(x, y, [1e-14])
    np.testing.assert_allclose(np.vstack([fit.weights, fit.bias]), expected, rtol=1e-9)


@pytest.mark.parametrize("penalty", [1e-3, 0.5])
@pytest.mark.parametrize("width", [7, 60])
def test_the_held_out_error_is_that_of_fits_without_a_fifth_of_the_samples(penalty, width):
    x, y = problem(n=25, width=width)
    fit = fit_readout(x, y, [penalty])
    error = 0.0
    for k in range(5):
        seen = np.arange(len(x)) % 5 != k
        others = Ridge(alpha=absolute(x[seen], penalty), solver="svd").fit(x[seen], y[seen])
        error += np.sum((others.predict(x[~seen]) - y[~seen]) ** 2)
    assert fit.held_out_error == pytest.approx(error / y.size, rel=1e-6)
    assert fit.held_out == len(x)


@pytest.mark.parametrize("sizes", [(13, 1, 26), (40,), (1,) * 40])
def test_pieces_give_the_fit_of_the_whole(sizes):
    x, y = problem(n=40)
    x[:, 0] += 1e6
    ends = np.cumsum((0, *sizes))
    pieces = ((x[a:b], y[a:b]) for a, b in pairwise(ends))
    fit, whole = fit_pieces(pieces, 40, [1e-3, 1e-1]), fit_readout(x, y, [1e-3, 1e-1])
    assert fit.penalty == whole.penalty
    np.testing.assert_allclose(fit.weights, whole.weights, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        fit.weights, Ridge(alpha=absolute(x, fit.penalty)).fit(x, y).coef_.T, rtol=1e-6
    )
    assert fit.held_out_error == pytest.approx(whole.held_out_error, rel=1e-7)


def test_no_more_parts_are_held_out_than_it_takes(monkeypatch):
    x, y = problem(n=50)
    monkeypatch.setattr("spikec_train.readout.ENOUGH", 11)
    assert fit_readout(x, y, [1e-3]).held_out == 2 * 50 // PARTS


def test_the_penalty_with_the_smallest_held_out_error_is_taken():
    x, y = problem(seed=3, n=30, width=25)
    penalties = [10.0**k for k in range(-6, 3)]
    errors = {p: fit_readout(x, y, [p]).held_out_error for p in penalties}
    fit = fit_readout(x, y, penalties)
    assert fit.held_out_error == errors[fit.penalty]
    assert errors[fit.penalty] == min(errors.values())
    assert fit.penalty not in (penalties[0], penalties[-1])


def test_of_penalties_that_do_equally_well_the_largest_is_taken():
    x = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    assert fit_readout(x, np.zeros((4, 1)), [0.1, 1.0, 0.01]).penalty == 1.0


def test_a_feature_that_never_varies_does_no_harm():
    x, y = problem()
    padded = np.column_stack([x, np.full(len(x), 7.0), np.zeros(len(x))])
    fit = fit_readout(padded, y, [1e-3])
    assert np.isfinite(fit.weights).all()
    np.testing.assert_allclose(fit.weights[-2:], 0.0, atol=1e-12)


def test_features_that_tell_nothing_are_refused():
    with pytest.raises(UsageError, match="nothing can be read out"):
        fit_readout(np.ones((5, 3)), np.eye(5), [0.1])


def test_constants_that_rounding_makes_differ_tell_nothing_either():
    with pytest.raises(UsageError, match="nothing can be read out"):
        fit_readout(np.full((49, 2), 0.1), np.eye(49), [0.1])


def test_copies_of_a_feature_share_its_weight_where_the_penalty_allows_it_and_are_refused_elsewhere():
    x, y = problem()
    twice = np.hstack([x, x])
    weights = fit_readout(twice, y, [1e-3]).weights
    np.testing.assert_allclose(weights[: x.shape[1]], weights[x.shape[1] :], rtol=1e-6, atol=1e-9)
    with pytest.raises(UsageError, match="too small for the readout's equations"):
        fit_readout(twice, y, [1e-300])
    assert fit_readout(twice, y, [1e-300, 1e-3]).penalty == 1e-3


def test_one_sample_is_refused():
    with pytest.raises(UsageError, match="1 samples"):
        fit_readout(np.ones((1, 3)), np.ones((1, 1)), [0.1])


@pytest.mark.parametrize("penalties", [[], [0.0], [-1.0], [np.nan], [np.inf, 1.0]])
def test_penalties_must_be_positive(penalties):
    x, y = problem()
    with pytest.raises(UsageError, match="positive"):
        fit_readout(x, y, penalties)

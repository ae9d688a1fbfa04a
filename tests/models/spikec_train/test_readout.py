import numpy as np
import pytest
from sklearn.linear_model import Ridge

from spikec.errors import UsageError
from spikec_train.readout import fit_readout


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
def test_a_held_out_prediction_is_that_of_a_fit_without_the_sample(penalty, width):
    x, y = problem(n=25, width=width)
    fit = fit_readout(x, y, [penalty])
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        alone = Ridge(alpha=absolute(x, penalty), solver="svd").fit(x[others], y[others])
        np.testing.assert_allclose(fit.held_out[i], alone.predict(x[i : i + 1])[0], rtol=1e-6, atol=1e-8)
    assert fit.held_out_error == pytest.approx(np.mean((fit.held_out - y) ** 2))


def test_the_penalty_with_the_smallest_held_out_error_is_taken():
    x, y = problem(seed=3, n=30, width=25)
    penalties = [10.0**k for k in range(-6, 3)]
    errors = {p: fit_readout(x, y, [p]).held_out_error for p in penalties}
    fit = fit_readout(x, y, penalties)
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


@pytest.mark.parametrize("penalties", [[], [0.0], [-1.0], [np.nan], [np.inf, 1.0]])
def test_penalties_must_be_positive(penalties):
    x, y = problem()
    with pytest.raises(UsageError, match="positive"):
        fit_readout(x, y, penalties)

"""Sums of a least-squares problem: pieces add up, and the squared error is that of the samples."""

import numpy as np

from spikec.passes.moments import moments


def test_pieces_add_up_to_the_whole_and_errors_are_those_of_all_samples():
    rng = np.random.default_rng(0)
    f, y = rng.normal(1, 2, (30, 4)), rng.normal(size=(30, 3))
    whole = moments([(f, y)], 4, 3)
    parts = moments([(f[:7], y[:7]), (f[7:7], y[7:7])], 4, 3) + moments([(f[7:], y[7:])], 4, 3)
    for got, wanted in zip(parts.centred(), whole.centred(), strict=True):
        np.testing.assert_allclose(got, wanted)
    np.testing.assert_allclose(whole.centred()[0], 29 * np.cov(f.T))
    weights, bias = rng.normal(size=(4, 3)), rng.normal(size=3)
    np.testing.assert_allclose(parts.squared_error(weights, bias), np.sum((f @ weights + bias - y) ** 2))

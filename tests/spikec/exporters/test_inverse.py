"""Numbers that come back through a multiplication that rounds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec.exporters.inverse import divided, neighbour, solved

weights = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-290 < abs(x) < 1e290)


@given(weights, st.sampled_from([1.0, 1 - 2.0**-53]))
def test_every_weight_comes_back_through_a_gain_of_one_or_next_below_it(weight, gain):
    found, exact = divided(np.array([weight]), np.array([gain]))
    assert exact.all()
    assert found[0] * gain == weight


@given(weights, st.floats(0.1, 10))
def test_what_is_called_exact_is(weight, gain):
    found, exact = divided(np.array([weight]), np.array([gain]))
    assert exact[0] == (found[0] * gain == weight)
    assert abs(found[0] * gain - weight) <= 2.0**-52 * abs(weight)


def test_where_nothing_is_exact_the_nearest_is_taken():
    below = np.nextafter(0.5, 0)
    found, exact = solved(lambda x: np.where(x < 0.5, -1.0, 1.0), np.array([0.9]), np.array([below]))
    assert not exact[0]
    assert found[0] == 0.5


def test_neighbours_lie_away_from_zero_on_either_side():
    values = np.array([1.0, -1.0, 0.0])
    np.testing.assert_array_equal(neighbour(values, 1), [np.nextafter(1, 2), np.nextafter(-1, -2), 0.0])
    np.testing.assert_array_equal(neighbour(values, -1), [np.nextafter(1, 0), np.nextafter(-1, 0), 0.0])
    assert neighbour(np.asarray(2.0), 1) == np.nextafter(2, 3)

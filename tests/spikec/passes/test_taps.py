"""Several synapses for one: their sum is as near to what was meant as the finest of their grids allows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import Projection
from spikec.passes.taps import rounded_together


def _rounded(q, form, s):
    return Projection(q.name, q.pre, q.post, Dense(Fixed(form.nearest(s * q.connectivity.weights), form)))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.integers(0, 2))
def test_what_one_loses_the_next_makes_up_for(seed, e_first, e_second):
    rng, s = np.random.default_rng(seed), 100.0
    real = [
        Projection(name, "in", "out", Dense(rng.uniform(-1, 1, (4, 5))), Delays(np.array(k)))
        for k, name in enumerate("ab")
    ]
    other = Projection("c", "else", "out", Dense(rng.uniform(-1, 1, (4, 2))))
    forms = [FixedFormat(exponent=e) for e in (e_first, e_second, 0)]
    before = {q.name: _rounded(q, form, s) for q, form in zip((*real, other), forms, strict=True)}
    after = rounded_together((*real, other), before, s)
    meant = sum(s * q.connectivity.weights for q in real)
    missed = sum(after[q.name].connectivity.weights.value for q in real) - meant
    assert np.max(np.abs(missed)) <= 2.0 ** min(e_first, e_second) + 1e-9  # half of a mixed grid's two
    np.testing.assert_array_equal(
        after["c"].connectivity.weights.mantissa, before["c"].connectivity.weights.mantissa
    )

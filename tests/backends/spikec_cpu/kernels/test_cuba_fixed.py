"""The neuron kernel against the formula in Python's own integers, over all that 32 bits can hold."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from spikec_cpu.kernels.cuba_fixed import update

M = 1 << 23
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
# du and dv at their ends, where decay keeps almost all or nothing
STEP = st.tuples(
    INT32,
    st.integers(-M + 1, M - 1),
    INT32,
    st.integers(0, 4095),
    st.integers(0, 4096),
    st.integers(-(4096 << 7), 4095 << 7),
    st.integers(0, 131071 << 6),
)


@given(st.lists(STEP, min_size=1, max_size=40))
@example([(M, M - 1, 0, 4095, 0, 0, 131071 << 6)])
@example([(-M, 1 - M, 0, 0, 0, 0, 0)])
@example([(-(1 << 31), 0, -(1 << 31), 0, 4096, 0, 0)])
@example([(0, 0, 1 << 17, 0, 0, 0, 0), (0, 0, -(1 << 17), 0, 0, 0, 0)])
def test_a_tick_is_the_formula(steps):
    u, v, a, du, dv, bias, threshold = (np.array(column, np.int64) for column in zip(*steps, strict=True))
    u, v, a, bias, threshold = (x.astype(np.int32) for x in (u, v, a, bias, threshold))
    spiking = np.full(len(steps), 7, np.uint8)
    update(u, v, a, (4095 - du) / 4096, (4096 - dv) / 4096, bias, threshold, spiking)
    expected = [_expected(*step) for step in steps]
    assert list(zip(u.tolist(), v.tolist(), spiking.tolist(), strict=True)) == expected
    assert not a.any()


def _expected(u, v, a, du, dv, bias, threshold):
    u = _int32(_decay(u, du + 1) + 64 * a)
    u = u - 2 * M if u > M else u + 2 * M if u <= -M else u
    v = min(max(_int32(_decay(v, dv) + u + bias), 1 - M), M - 1)
    return u, 0 if v > threshold else v, int(v > threshold)


def _decay(x, d):
    size = abs(x) * (4096 - d) >> 12
    return size if x >= 0 else -size


def _int32(x):
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)

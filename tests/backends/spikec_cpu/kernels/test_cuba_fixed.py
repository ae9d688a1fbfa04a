"""The neuron kernel against the formula in Python's own integers, over all that 32 bits can hold."""

import numba
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from spikec_cpu.kernels.cuba_fixed import rest, update

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
    states, parameters, x = _lanes(steps)
    spikes = _update(*states, x, *parameters, len(x), True)
    assert _seen(states, spikes, len(steps)) == [_expected(*step) for step in steps]
    assert not x.any()


@given(st.lists(STEP, min_size=1, max_size=40))
def test_currents_that_never_wrap_need_not_be_wrapped(steps):
    steps = [(u // 512, v, a // 512, *others) for u, v, a, *others in steps]
    steps = [step for step in steps if -M < _decay(step[0], step[3] + 1) + 64 * step[2] <= M]
    states, parameters, x = _lanes(steps)
    spikes = _update(*states, x, *parameters, len(x), False)
    assert _seen(states, spikes, len(steps)) == [_expected(*step) for step in steps]


@given(st.lists(STEP, min_size=1, max_size=40))
@example([(0, 0, 0, 0, 0, 0, 0)])
@example([(0, 0, 0, 0, 0, 64, 0)])  # spikes in every tick
def test_a_tick_in_which_nothing_comes_says_whether_all_stay_as_they_were(steps):
    steps = [(u, v, 0, *others) for u, v, _, *others in steps]
    states, parameters, _ = _lanes(steps)
    spikes, moved = _rest(*states, *parameters, states[0].size)
    expected = [_expected(*step) for step in steps]
    assert _seen(states, spikes, len(steps)) == expected
    assert bool(moved) == any((u, v) != step[:2] for (u, v, _), step in zip(expected, steps, strict=True))


@numba.njit
def _update(u, v, x, keep_u, keep_v, bias, threshold, n, wraps):
    return update(u, v, x, 0, keep_u, keep_v, bias, threshold, 0, n, wraps)


@numba.njit
def _rest(u, v, keep_u, keep_v, bias, threshold, n):
    return rest(u, v, keep_u, keep_v, bias, threshold, 0, n)


def _lanes(steps):
    """States, parameters and sums; 0 in lanes that no step fills."""
    u, v, x, du, dv, bias, threshold = np.zeros((7, -(-len(steps) // 16) * 16), np.int64)
    du[:], dv[:] = 4095, 4096
    for k, step in enumerate(steps):
        u[k], v[k], x[k], du[k], dv[k], bias[k], threshold[k] = step
    columns = (u, v, 4095 - du, 4096 - dv, bias, threshold, x)
    u, v, keep_u, keep_v, bias, threshold, x = (column.astype(np.int32) for column in columns)
    return (u, v), (keep_u, keep_v, bias, threshold), x


def _seen(states, spikes, n):
    bits = [int(spikes) >> k & 1 for k in range(n)]
    return list(zip(states[0][:n].tolist(), states[1][:n].tolist(), bits, strict=True))


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

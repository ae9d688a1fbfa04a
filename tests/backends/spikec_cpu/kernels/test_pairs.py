"""The kernels of pairs against their formulas in Python's own integers, over all that parameters can be."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from spikec_cpu.kernels import qif_fixed, theta_fixed

M = 1 << 23
P = (1 << 15) - 1
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
COEFFICIENT = st.one_of(st.integers(1, P), st.just(P), st.just(1))
PAIR = st.tuples(st.integers(-(1 << 14), 1 << 14), st.integers(0, 1 << 14)).filter(any)
SHARE = st.one_of(st.integers(1, 1 << 14), st.just(1 << 14), st.just(1))
THETA = st.tuples(PAIR, INT32, st.integers(0, P), COEFFICIENT, COEFFICIENT, st.integers(0, 31))
CURRENT = st.integers(1 - M, M - 1)
QIF = st.tuples(
    PAIR, INT32, CURRENT, st.integers(0, 4095), st.integers(0, P), st.integers(0, 47), SHARE, SHARE
)


@given(st.lists(THETA, min_size=1, max_size=20))
@example([((1 << 14, 1 << 14), (1 << 31) - 1, P, P, P, 0), ((-(1 << 14), 1 << 14), -(1 << 31), P, P, P, 0)])
@example([((0, 1), -(1 << 31), 0, 1, 1, 31), ((1, 0), 5, 0, 1, 1, 0), ((-1, 0), 5, 0, 1, P, 0)])
def test_a_tick_of_theta_is_the_formula(steps):
    pairs, x, *coefficients, shift = zip(*steps, strict=True)
    v, x, spiking = _words(pairs), np.array(x, np.int32), np.full(len(steps), 7, np.uint8)
    cos, sin_a, sin_b, unit = (*np.array(coefficients, float), 2.0 ** -np.array(shift))
    theta_fixed.update(v, x, cos, sin_a, sin_b, unit, np.full((3, 30), np.nan), spiking)
    expected = [_theta(*step) for step in steps]
    assert list(zip(v.tolist(), spiking.tolist(), strict=True)) == expected
    assert not x.any()


@given(st.lists(QIF, min_size=1, max_size=20))
@example(
    [((-(1 << 14), 1 << 14), s * (1 << 17), s * (M - 1), 0, P, 0, 1 << 14, 1 << 14) for s in (-1, 1)]
    + [((1, 0), 0, 1 - M, 4095, P, 47, 1, 1), ((0, 1), -(1 << 31), M - 1, 0, 0, 47, 1 << 14, 1)]
)
def test_a_tick_of_qif_is_the_formula(steps):
    pairs, x, u, *parameters = zip(*steps, strict=True)
    v, x, u, spiking = _words(pairs), np.array(x, np.int32), np.array(u, np.int32), np.zeros(len(x), np.uint8)
    du, gain, shift, turn, keep = np.array(parameters, float)
    factors = ((4095 - du) / 4096, gain * 2.0**-shift, 21845 * turn / 2**30, turn, keep)
    qif_fixed.update(u, v, x, *factors, np.full((3, 30), np.nan), spiking)
    expected = [_qif(*step) for step in steps]
    assert list(zip(u.tolist(), v.tolist(), spiking.tolist(), strict=True)) == expected
    assert not x.any()


def _theta(pair, x, cos, sin_a, sin_b, shift):
    a, b = pair
    a = min(max(a + _nearest(x * b, shift), 1 - M), M - 1)
    return _settled(cos * a + sin_a * b, cos * b - sin_b * a)


def _qif(pair, x, u, du, gain, shift, turn, keep):
    a, b = pair
    size = abs(u) * (4095 - du) >> 12
    u = (size if u >= 0 else -size) + 64 * x
    u = min(max((u + (1 << 31)) % (1 << 32) - (1 << 31), 1 - M), M - 1)
    p = min(max(_nearest(u * gain, shift), -P), P)
    c = (1 << 14) - _nearest(21845 * p * turn, 30)
    return u, *_settled(keep * (c * a + p * b), (c * b - turn * a) << 14)


def _settled(a, b):
    spikes = b < 0
    a, b = (-a, -b) if spikes else (a, b)
    k = max(abs(a), b).bit_length() - 14
    a, b = (_nearest(a, k), _nearest(b, k)) if k > 0 else (a << -k, b << -k)
    return 65536 * a + b, int(spikes)


def _nearest(x, shift):
    """x / 2**shift, halves rounded up."""
    return (2 * x + (1 << shift)) >> (shift + 1)


def _words(pairs):
    return np.array([65536 * a + b for a, b in pairs], np.int32)

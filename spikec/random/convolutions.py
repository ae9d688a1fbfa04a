"""Random convolutions between populations whose sizes are given: for tests and for `spikec selftest`."""

from __future__ import annotations

from math import gcd

import numpy as np

from spikec.errors import NetworkError
from spikec.ir.convolution import Axis, Convolution

MOST_TRIES = 20


def random_convolution(rng: np.random.Generator, n_pre: int, n_post: int) -> Convolution:
    """Draw images, a window and groups; all weights are zero.

    Args:
        rng: Where chance comes from.
        n_pre: Presynaptic neurons.
        n_post: Postsynaptic neurons.
    """
    c_in, c_out = _divisor(rng, n_pre), _divisor(rng, n_post)
    n, n_out = n_pre // c_in, n_post // c_out
    axes: tuple[Axis, ...] = (random_axis(rng, n, n_out),)
    if rng.random() < 0.6:
        height, out = _divisor(rng, n), _divisor(rng, n_out)
        axes = (random_axis(rng, height, out), random_axis(rng, n // height, n_out // out))
    groups = _divisor(rng, gcd(c_in, c_out))
    shape = (c_out, c_in // groups, *(a.kernel for a in axes))
    return Convolution(np.zeros(shape), axes, groups)


def random_axis(rng: np.random.Generator, n: int, n_out: int) -> Axis:
    """Draw a window that makes `n_out` pixels of `n`; if no small one is found, one that reads them all."""
    for _ in range(MOST_TRIES):
        kernel, stride, dilation = (int(k) for k in rng.integers(1, 4, 3))
        before = int(rng.integers(0, 3))
        after = max(0, stride * (n_out - 1) + dilation * (kernel - 1) + 1 - n - before)
        cut = int(rng.integers(1, n)) if n > 1 and rng.random() < 0.2 else 0
        try:
            axis = Axis(n, kernel, stride, before, after, dilation, cut)
        except NetworkError:
            continue
        if axis.n_out == n_out and axis.n_taps:
            return axis
    return Axis(n, n, before=0, after=n_out - 1)


def _divisor(rng: np.random.Generator, n: int) -> int:
    return int(rng.choice([k for k in range(1, n + 1) if n % k == 0]))

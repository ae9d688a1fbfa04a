"""What becomes of one projection: the ways that spikes take in NIR, weights with delays before or behind.

A delay before the weights is an axon's, one behind them a dendrite's. Delays of single synapses are unknown
to NIR: where they are no sum of the two, every delay that occurs gets a way of its own, with the weights of
its synapses and zeros elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from spikec.arrays import AnyArray, FloatArray
from spikec.errors import Violation
from spikec.exporters.inverse import divided
from spikec.exporters.nir_images import Shape, is_one_to_one, keeps_image, kernel_of, window_of
from spikec.exporters.nir_neurons import Written
from spikec.ir.connectivity import Convolution, DelayKind, Delays, simplest
from spikec.ir.network import Projection

MOST_WAYS = 256
"""Ways of one projection; more different delays are refused."""

MOST_WEIGHTS = 1 << 26
"""Weights of all matrices of one projection, 512 MiB; NIR has no lists of synapses."""

WIDEST_DIAGONAL = 1024
"""Neurons up to which weights from each neuron to its own number are written as a matrix, which more
frameworks read than a Scale."""


class Form(str, Enum):
    """What stands between the two ends of a way."""

    DIRECT = "direct"
    SCALE = "scale"
    MATRIX = "matrix"
    IMAGE = "image"


@dataclass(frozen=True, eq=False)
class Way:
    """One way from a population to another.

    Attributes:
        form: Kind of node that holds the weights.
        weights: Those of the file: ``(n,)`` for a scale, ``(n_post, n_pre)``, or a kernel; empty if direct.
        before: Seconds ahead of the weights, ``(n_pre,)``; None for none.
        behind: Seconds after them, ``(n_post,)``; None for none.
    """

    form: Form
    weights: FloatArray
    before: FloatArray | None = None
    behind: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Ways:
    """All ways of a projection.

    Attributes:
        ways: In order of their delays.
        n_inexact: Weights that come back only to within rounding.
        n_zeros: Zeros that stand where there is no synapse.
    """

    ways: tuple[Way, ...]
    n_inexact: int
    n_zeros: int


def ways_of(
    q: Projection, shapes: Mapping[str, Shape], post: Written, dt: float, whole: bool
) -> Ways | Violation:
    """Write one projection.

    Args:
        q: The projection, with real weights.
        shapes: Of the populations in NIR.
        post: What it ends at.
        dt: Length of a tick, seconds.
        whole: Whether delays count in whole ticks.
    """
    delays = simplest(q.delays, q.connectivity)
    seconds = delays.values * dt if delays.in_ticks else np.asarray(delays.values)
    image = len(shapes[q.post]) > 1
    if image and keeps_image(q, shapes):
        return _single(*_on_images(q, shapes[q.post], post), q, delays, seconds)
    if is_one_to_one(q) and delays.kind is not DelayKind.SYNAPTIC:
        return _single(*_one_to_one(q, post), q, delays, seconds)
    size = q.connectivity.n_pre * q.connectivity.n_post
    if size > MOST_WEIGHTS:
        return _too_large(q, size)
    matrix, exact = divided(np.asarray(q.connectivity.dense_matrix(), np.float64), post.gain[:, None])
    if delays.kind is not DelayKind.SYNAPTIC:
        return _single(Form.MATRIX, matrix, int(np.sum(~exact)), q, delays, seconds)
    pre, at = q.connectivity.synapses()
    each = np.zeros(matrix.shape)
    stored = np.zeros(matrix.shape, np.bool_)
    each[at, pre] = np.asarray(delays.per_synapse(q.connectivity)) * (dt if delays.in_ticks else 1.0)
    if whole:
        each = np.rint(each / dt) * dt
    stored[at, pre] = True
    return _split(q, matrix, each, stored, int(np.sum(~exact)))


def _single(
    form: Form, weights: FloatArray, n_inexact: int, q: Projection, delays: Delays, seconds: AnyArray
) -> Ways:
    """One way, with delays that belong to one side."""
    before = behind = None
    if np.any(seconds != 0):
        n = q.connectivity.n_post if delays.kind is DelayKind.DENDRITIC else q.connectivity.n_pre
        values = np.broadcast_to(seconds, (n,)).astype(np.float64)
        before, behind = (None, values) if delays.kind is DelayKind.DENDRITIC else (values, None)
    n_zeros = weights.size - q.connectivity.n_synapses if form is Form.MATRIX else 0
    return Ways((Way(form, weights, before, behind),), n_inexact, n_zeros)


def _on_images(q: Projection, shape: Shape, post: Written) -> tuple[Form, FloatArray, int]:
    if not isinstance(q.connectivity, Convolution):
        weights, exact = divided(np.asarray(q.connectivity.weights, np.float64), post.gain)
        return Form.SCALE, weights, int(np.sum(~exact))
    window = window_of(q.connectivity)
    assert window is not None
    kernel = kernel_of(np.asarray(q.connectivity.weights, np.float64), q.connectivity.groups, window)
    gain = post.gain.reshape(shape[0], -1)[:, 0]
    weights, exact = divided(kernel, gain.reshape(-1, *(1 for _ in kernel.shape[1:])))
    return Form.IMAGE, weights, int(np.sum(~exact))


def _one_to_one(q: Projection, post: Written) -> tuple[Form, FloatArray, int]:
    weights, exact = divided(np.asarray(q.connectivity.weights, np.float64), post.gain)
    if np.all(weights == 1) and q.pre != q.post:
        return Form.DIRECT, np.zeros(0), 0
    if weights.size > WIDEST_DIAGONAL:
        return Form.SCALE, weights, int(np.sum(~exact))
    return Form.MATRIX, np.diag(weights), int(np.sum(~exact))


def _split(
    q: Projection, matrix: FloatArray, each: FloatArray, stored: AnyArray, n_inexact: int
) -> Ways | Violation:
    """Ways for delays of single synapses."""
    n_zeros = int(np.sum(~stored))
    if np.all(stored):
        start = int(np.argmin(each[0]))
        behind, before = each[:, start], each[0] - each[0, start]
        if np.array_equal(behind[:, None] + before, each):
            return Ways((Way(Form.MATRIX, matrix, before, behind),), n_inexact, n_zeros)
    different = np.unique(each[stored])
    if different.size > MOST_WAYS:
        return Violation(
            "delays of synapses",
            q.name,
            f"{different.size} different ones",
            f"{MOST_WAYS}, for NIR has none of a synapse, and every other one needs a matrix",
            "train with axonal or dendritic delays, or compile the network and export the program",
        )
    if different.size * matrix.size > MOST_WEIGHTS:
        return _too_large(q, different.size * matrix.size)
    ways = tuple(
        Way(
            Form.MATRIX,
            np.where(stored & (each == delay), matrix, 0.0),
            np.full(matrix.shape[1], delay) if delay else None,
        )
        for delay in different
    )
    return Ways(ways, n_inexact, len(ways) * matrix.size - int(np.sum(stored)))


def _too_large(q: Projection, n_weights: int) -> Violation:
    return Violation(
        "weights",
        q.name,
        f"{n_weights} as matrices",
        f"{MOST_WEIGHTS}, for NIR has no lists of synapses",
        "make its layers smaller, or keep it a convolution between images",
    )

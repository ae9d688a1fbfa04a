"""One population in a chip's integers, at a scale that is given: mantissas and exponents that hold it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.targets.target import Formats

HEADROOM = 8
"""A spiking population's threshold uses at most this part of its range: the membrane may go as far below
zero."""


def largest_scale(p: Population, incoming: tuple[Projection, ...], formats: Formats, bits: int) -> float:
    """The largest scale at which the formats suffice for all weights, thresholds and biases."""
    k = p.neuron
    limits = [2**formats.weight_exponent_max.value / reach(q, bits) for q in incoming if reach(q, bits) > 0]
    if isinstance(k, CubaTicks):
        threshold = np.asarray(k.threshold)
        highest = float(np.max(threshold[np.isfinite(threshold)], initial=0.0))
        if highest > 0:
            limits.append(formats.threshold_max.value / HEADROOM / highest)
        bias = float(np.max(np.abs(np.asarray(k.bias))))
        if bias > 0:
            limits.append(formats.bias_max.value * 2**formats.bias_exponent_max.value / (64 * bias))
    return float(min(limits, default=1.0))


def starting_scale(p: Population, incoming: tuple[Projection, ...], formats: Formats, bits: int) -> float:
    """The largest scale at which formats suffice and the widest projection fills its mantissas."""
    return filling_scale(incoming, bits, largest_scale(p, incoming, formats, bits))


def filling_scale(incoming: tuple[Projection, ...], bits: int, largest: float) -> float:
    """The largest scale up to a given one at which the widest projection fills its mantissas."""
    widest = max(incoming, key=lambda q: (reach(q, bits) > 0, q.connectivity.n_synapses), default=None)
    width = 0.0 if widest is None else reach(widest, bits)
    return float(2.0 ** np.floor(np.log2(largest * width)) / width) if width > 0 else largest


def fixed_projection(q: Projection, s: float, formats: Formats, bits: int) -> Projection:
    """The projection with weights ``s * W``, each the nearest in the smallest exponent that holds all."""
    weights = np.asarray(q.connectivity.weights, np.float64)
    form = FixedFormat(bits, sign_of(weights), holding_exponent(q, s, formats, bits))
    return replace(q, connectivity=q.connectivity.with_weights(Fixed(form.nearest(s * weights), form)))


def holding_exponent(q: Projection, s: float, formats: Formats, bits: int) -> int:
    """The smallest exponent that holds all weights ``s * W``, or what the chip has next to it."""
    needed = int(np.ceil(np.log2(max(s * reach(q, bits), 2.0**-40)) - 1e-9))
    low, high = int(formats.weight_exponent_min.value), int(formats.weight_exponent_max.value)
    return min(max(needed, low), high)


def fixed_neuron(p: Population, s: float, formats: Formats) -> CubaFixed:
    """The population's decays, thresholds and biases as integers."""
    k = p.neuron
    assert isinstance(k, CubaTicks)
    highest = int(formats.threshold_max.value)
    threshold = np.minimum(np.asarray(k.threshold) * s, highest)
    mantissa, exponent = bias_mantissas(64 * s * np.asarray(k.bias), formats)
    return CubaFixed(
        du=np.asarray(k.decay_u) - 1,
        dv=k.decay_v,
        vth=np.clip(np.rint(threshold), 0, highest).astype(np.int64),
        bias_mant=mantissa,
        bias_exp=exponent,
    )


def bias_mantissas(bias: FloatArray, formats: Formats) -> tuple[IntArray, int]:
    """Biases, in units of ``v``, as mantissas of one exponent, clipped where the chip has none so large."""
    largest, top = int(formats.bias_max.value), int(formats.bias_exponent_max.value)
    reached = float(np.max(np.abs(bias), initial=0.0))
    exponent = min(int(np.ceil(np.log2(max(reached / largest, 1.0)) - 1e-12)), top)
    return np.clip(np.rint(bias / 2**exponent), -largest, largest).astype(np.int64), exponent


def reach(q: Projection, bits: int) -> float:
    """The scale at which the projection's largest weight is one, over the largest mantissa."""
    weights = np.asarray(q.connectivity.weights, np.float64)
    if not weights.size:
        return 0.0
    form = FixedFormat(bits, sign_of(weights))
    up = float(weights.max()) / form.maximum if form.maximum else 0.0
    down = float(weights.min()) / form.minimum if form.minimum else 0.0
    return max(up, down, 0.0)


def sign_of(weights: FloatArray) -> Sign:
    """The sign mode that holds some weights."""
    if weights.size and weights.min() >= 0 and weights.max() > 0:
        return Sign.EXCITATORY
    return Sign.INHIBITORY if weights.size and weights.max() <= 0 and weights.min() < 0 else Sign.MIXED

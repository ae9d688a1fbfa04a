"""One population in a chip's integers, at a scale that is given: mantissas and exponents that hold it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.targets.target import Formats

HEADROOM = 8
"""A spiking population's threshold uses at most this part of its range: the membrane may go as far below
zero."""


def starting_scale(p: Population, incoming: tuple[Projection, ...], formats: Formats, bits: int) -> float:
    """The largest scale at which formats suffice and the widest projection fills its mantissas."""
    k = p.neuron
    assert isinstance(k, CubaTicks)
    limits = []
    threshold = np.asarray(k.threshold)
    highest = float(np.max(threshold[np.isfinite(threshold)], initial=0.0))
    if highest > 0:
        limits.append(formats.threshold_max.value / HEADROOM / highest)
    bias = float(np.max(np.abs(np.asarray(k.bias))))
    if bias > 0:
        limits.append(formats.bias_max.value * 2**formats.bias_exponent_max.value / (64 * bias))
    widest, size = 0.0, -1
    for q in incoming:
        width = reach(q, bits)
        if width > 0:
            limits.append(2**formats.weight_exponent_max.value / width)
            if q.connectivity.n_synapses > size:
                widest, size = width, q.connectivity.n_synapses
    s = min(limits, default=1.0)
    if widest > 0:
        s = 2.0 ** np.floor(np.log2(s * widest)) / widest
    return float(s)


def fixed_projection(q: Projection, s: float, formats: Formats, bits: int) -> Projection:
    """The projection with weights ``s * W`` in the smallest exponent that holds them."""
    weights = np.asarray(q.connectivity.weights, np.float64)
    needed = int(np.ceil(np.log2(max(s * reach(q, bits), 2.0**-40)) - 1e-9))
    low, high = int(formats.weight_exponent_min.value), int(formats.weight_exponent_max.value)
    form = FixedFormat(bits, _sign(weights), min(max(needed, low), high))
    return replace(q, connectivity=q.connectivity.with_weights(Fixed(form.nearest(s * weights), form)))


def fixed_neuron(p: Population, s: float, formats: Formats) -> CubaFixed:
    """The population's decays, thresholds and biases as integers."""
    k = p.neuron
    assert isinstance(k, CubaTicks)
    highest = int(formats.threshold_max.value)
    threshold = np.minimum(np.asarray(k.threshold) * s, highest)
    bias = 64 * s * np.asarray(k.bias)
    reach = float(np.max(np.abs(bias)))
    exponent = int(np.ceil(np.log2(max(reach / formats.bias_max.value, 1.0)) - 1e-12))
    exponent = min(exponent, int(formats.bias_exponent_max.value))
    largest = int(formats.bias_max.value)
    return CubaFixed(
        du=np.asarray(k.decay_u) - 1,
        dv=k.decay_v,
        vth=np.clip(np.rint(threshold), 0, highest).astype(np.int64),
        bias_mant=np.clip(np.rint(bias / 2**exponent), -largest, largest).astype(np.int64),
        bias_exp=exponent,
    )


def reach(q: Projection, bits: int) -> float:
    """The scale at which the projection's largest weight is one, over the largest mantissa."""
    weights = np.asarray(q.connectivity.weights, np.float64)
    if not weights.size:
        return 0.0
    form = FixedFormat(bits, _sign(weights))
    up = float(weights.max()) / form.maximum if form.maximum else 0.0
    down = float(weights.min()) / form.minimum if form.minimum else 0.0
    return max(up, down, 0.0)


def _sign(weights: FloatArray) -> Sign:
    if weights.size and weights.min() >= 0 and weights.max() > 0:
        return Sign.EXCITATORY
    return Sign.INHIBITORY if weights.size and weights.max() <= 0 and weights.min() < 0 else Sign.MIXED

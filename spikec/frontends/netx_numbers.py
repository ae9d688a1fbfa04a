"""The numbers of netx layers as a chip's: weights in a format that holds them, decays, thresholds, biases."""

from __future__ import annotations

from math import prod

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import NetworkError
from spikec.frontends.netx_file import Layer
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign

EXPONENTS = (0, *range(1, 16), *range(-1, -16, -1))
"""In the order in which they are tried: those that keep mantissas as they are first."""

LARGEST_THRESHOLD = 131071


def whole(values: FloatArray, what: str, low: int, high: int) -> IntArray:
    """Numbers as integers.

    Raises:
        NetworkError: One is no whole number, or outside of what is allowed.
    """
    bad = np.flatnonzero((np.rint(values) != values) | (values < low) | (values > high))
    if bad.size:
        raise NetworkError(
            f"{what} is {float(values.ravel()[bad[0]]):g}; whole numbers from {low} to {high} are possible"
        )
    return np.asarray(values).astype(np.int64)


def fixed_weights(weight: FloatArray, base: int, name: str) -> tuple[Fixed, list[str]]:
    """Weights in the first 8-bit format that holds all of them, or the nearest there are.

    Args:
        weight: In units of the weight bit times ``2**base``.
        base: The file's weight exponent.
        name: Of the projection, for messages.

    Returns:
        The mantissas, and what was changed, in sentences.

    Raises:
        NetworkError: They round to zero all together.
    """
    notes = []
    if base < 0:
        notes.append(
            f"{name}: with the weight exponent {base} sums of a tick are cut off, which SLAYER does not do"
        )
    signs = [Sign.MIXED]
    signs += [Sign.EXCITATORY] if weight.min() >= 0 else [Sign.INHIBITORY] if weight.max() <= 0 else []
    forms = [FixedFormat(8, s, base + e) for e in EXPONENTS if -8 <= base + e <= 7 for s in signs]
    for form in forms:
        mantissa = np.ldexp(weight, base - form.exponent)
        if np.all(form.allows(mantissa)):
            return Fixed(mantissa.astype(np.int64), form), notes
    meant = np.ldexp(weight, base)
    errors = [
        float(np.sum((np.ldexp(f.nearest(meant).astype(float), f.exponent) - meant) ** 2)) for f in forms
    ]
    form = forms[int(np.argmin(errors))]
    fixed = Fixed(form.nearest(meant), form)
    if not np.any(fixed.mantissa):
        raise NetworkError(
            f"{name} has weights that all round to zero, the largest is {float(np.abs(weight).max()):g}; "
            "they must be a chip's integers: write the file with SLAYER's export_hdf5"
        )
    error = np.abs(fixed.value - meant)
    notes.append(
        f"{name}: {int(np.count_nonzero(error))} of {error.size} weights do not exist in 8 bits and were "
        f"rounded, by at most {float(error.max()):g}"
    )
    return fixed, notes


def neuron_of(layer: Layer, shape: tuple[int, ...], inclusive: bool) -> tuple[CubaFixed, list[str]]:
    """A layer's neurons.

    Args:
        layer: The layer.
        shape: Of its neurons, channels first.
        inclusive: Whether a membrane that reaches its threshold spikes.

    Returns:
        The neurons, and what was changed, in sentences.

    Raises:
        NetworkError: The chip's neuron cannot do what the file says.
    """
    bias = _parameter(layer.numbers.get("bias"), f"bias of {layer}", shape, -8190, 8190)
    coarse = np.any((bias > 4095) | (bias < -4096))
    if coarse and np.any(bias % 2):
        raise NetworkError(f"bias of {layer} goes up to {int(np.abs(bias).max())}, but odd ones end at 4095; "
                           "scale weights, biases and thresholds down")  # fmt: skip
    shared = {"bias_mant": bias >> 1 if coarse else bias, "bias_exp": 7 if coarse else 6}
    if layer.neuron_type is None:
        told = f"{layer} has no neuron: as in lava-dl it sums its input and never spikes"
        du, notes = _current_decay(np.zeros((), np.int64), layer)
        return CubaFixed(du=du, dv=4096, vth=LARGEST_THRESHOLD, **shared), [told, *notes]
    _check_simple(layer)
    vth = _neuron_parameter(layer, "vThMant", shape, int(inclusive), LARGEST_THRESHOLD)
    dv = _neuron_parameter(layer, "vDecay", shape, 0, 4096)
    du, notes = _current_decay(_neuron_parameter(layer, "iDecay", shape, 0, 4096), layer)
    return CubaFixed(du=du, dv=dv, vth=vth, inclusive=int(inclusive), **shared), notes


def _current_decay(decay: IntArray, layer: Layer) -> tuple[IntArray, list[str]]:
    """``du`` of an ``iDecay``; the chip adds one, so its slowest decay is 1."""
    if np.all(decay > 0):
        return decay - 1, []
    told = (
        f"{layer}: an iDecay of 0, a current without a leak, became 1 of 4096, the smallest that the chip has"
    )
    return np.maximum(decay - 1, 0), [told]


def _check_simple(layer: Layer) -> None:
    """Refuse by name what the chip's neuron model here has not."""
    refractory = layer.neuron.get("refDelay")
    if refractory is not None and np.any((refractory != 1) & (refractory != 0)):
        raise NetworkError(
            f"{layer} has a refDelay of {float(refractory.max()):g} ticks, but only 1 can be represented, "
            "for Lava's neurons have no refractory time; train with refDelay 1"
        )
    graded = layer.neuron.get("gradedSpike")
    if graded is not None and np.any(graded != 0):
        raise NetworkError(
            f"{layer} sends graded spikes, but spikes here have no value; train with graded_spike=False"
        )
    shift = layer.neuron.get("weight_exp")
    if shift is not None and np.any(shift != 0):
        raise NetworkError(
            f"{layer} has a normalisation with a weight_exp of {float(shift.ravel()[0]):g}, which scales "
            "currents; fold it into the weights, or train without norm"
        )


def by_neuron(values: IntArray, what: str, shape: tuple[int, ...]) -> IntArray:
    """One number for all neurons, (), or one each, (n,), of one, of one a channel, or of all.

    Args:
        values: What there is.
        what: What it is, for messages.
        shape: Of the neurons, channels first.

    Raises:
        NetworkError: There are as many values as neither neurons nor channels.
    """
    n, channels = prod(shape), shape[0]
    if values.size == 1:
        return values.reshape(())
    if values.size == channels:
        return np.repeat(values.ravel(), n // channels)
    if values.shape == shape:
        return values.ravel()
    some = f"1 or {n}" if n == channels else f"1, one for each of {channels} channels, or {shape}"
    raise NetworkError(f"{what} has {values.size} values, but there are {n} neurons; give {some}")


def _neuron_parameter(layer: Layer, name: str, shape: tuple[int, ...], low: int, high: int) -> IntArray:
    if name not in layer.neuron:
        raise NetworkError(f"the neuron of {layer} has no {name}; export the network again")
    return _parameter(layer.neuron[name], f"{name} of {layer}", shape, low, high)


def _parameter(values: FloatArray | None, what: str, shape: tuple[int, ...], low: int, high: int) -> IntArray:
    """One whole number for all neurons, (), or one each, (n,)."""
    if values is None:
        return np.zeros((), np.int64)
    return by_neuron(whole(values, what, low, high).reshape(values.shape), what, shape)

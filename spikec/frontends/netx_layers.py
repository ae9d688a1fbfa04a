"""What the numbers of one netx layer say: its shape, its weights as a matrix, its exponent and its delays."""

from __future__ import annotations

from math import prod

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import NetworkError
from spikec.frontends.netx_file import Layer
from spikec.frontends.netx_numbers import by_neuron, whole

LONGEST_DELAY = 4095
"""Longer ones are taken for damage; the chip's own limit is a rule of the target."""

LARGEST_SIZE = 1 << 24

NO_DELAY = np.zeros((), np.int64)

_ANY_WEIGHTS = {"shape", "weight", "bias", "delay"}
_WINDOW = {*_ANY_WEIGHTS, "kernelSize", "stride", "padding", "dilation"}
_READ = {
    "input": {"shape"},
    "flatten": {"shape"},
    "average": {"shape"},
    "pool": _WINDOW,
    "conv": {*_WINDOW, "inChannels", "outChannels", "groups"},
}
"""Which datasets a type of layer has; the other types have those of dense layers."""

_DENSE = {*_ANY_WEIGHTS, "weight_rec", "inFeatures", "outFeatures"}


def unread(layer: Layer) -> list[str]:
    """Names of datasets that mean nothing in a layer of this type."""
    return sorted(set(layer.numbers) - _READ.get(layer.type, _DENSE))


def shape_of(layer: Layer) -> tuple[int, ...]:
    """A layer's shape as in the file, channels first."""
    if "shape" not in layer.numbers:
        raise NetworkError(f"{layer} has no shape; export the network again")
    given = whole(layer.numbers["shape"].ravel(), f"shape of {layer}", 1, LARGEST_SIZE)
    return tuple(int(k) for k in given)


def exponent(layer: Layer) -> int:
    """The power of two that all weights of a layer are multiplied with."""
    given = layer.neuron.get("wgtExp")
    return 0 if given is None else int(whole(given, f"wgtExp of {layer}", -8, 7).ravel()[0])


def check_sizes(layer: Layer, **actual: int | tuple[int, ...]) -> None:
    """Hold sizes that a file states, where it does, against those of the weights."""
    for name, size in actual.items():
        if name not in layer.numbers:
            continue
        stated = layer.numbers[name].ravel()
        if stated.size not in (1, np.size(size)) or not np.all(stated == size):
            raise NetworkError(
                f"{layer} has {name} {' '.join(f'{k:g}' for k in stated[:4])}, but weights of shape "
                f"{layer.numbers['weight'].shape}; export the network again"
            )


def weights_of(layer: Layer) -> FloatArray:
    """The weights as they are in the file."""
    if "weight" not in layer.numbers:
        raise NetworkError(f"{layer} has no weight; export the network again")
    return layer.numbers["weight"]


def matrix(layer: Layer) -> FloatArray:
    """The weights of a dense layer as ``(n_post, n_pre)``, checked against the sizes that the file names."""
    given = weights_of(layer)
    shape = shape_of(layer) if "shape" in layer.numbers else (given.shape[0] if given.ndim else 1,)
    if len(shape) == 3 and prod(shape[1:]) > 1 and given.ndim > 1 and given.shape[0] == shape[0]:
        raise NetworkError(
            f"{layer} works on each of {shape[1]} by {shape[2]} pixels by itself, as SLAYER's does on an "
            "image; put a Flatten before it, or train a Conv with a kernel of 1"
        )
    found = _as_matrix(given, prod(shape), f"weight of {layer}")
    check_sizes(layer, outFeatures=found.shape[0], inFeatures=found.shape[1])
    return found


def recurrent_matrix(layer: Layer, n: int) -> FloatArray | None:
    """The weights among a layer's neurons, ``(n, n)``; None if it has none and needs none."""
    given = layer.numbers.get("weight_rec")
    if given is None:
        if layer.type != "dense":
            raise NetworkError(f"{layer} has no weight_rec, its recurrent weights; export the network again")
        return None
    found = _as_matrix(given, n, f"weight_rec of {layer}")
    if found.shape != (n, n):
        raise NetworkError(f"weight_rec of {layer} has shape {found.shape}; {(n, n)} is needed")
    return found


def dense_delays(layer: Layer, n_post: int, n_pre: int) -> tuple[IntArray, IntArray]:
    """Delays in front of a dense layer, (), (n_pre,) or (n_post, n_pre), and behind it, () or (n_post,)."""
    values = np.squeeze(_ticks(layer))
    if values.ndim == 0 or values.shape == (n_post,):
        return NO_DELAY, values
    if values.shape in ((n_pre,), (n_post, n_pre)):
        return values, NO_DELAY
    raise NetworkError(
        f"delay of {layer} has shape {layer.numbers['delay'].shape}; one value, {n_post} of its axons, "
        f"{n_pre} of its inputs or {(n_post, n_pre)} are possible"
    )


def image_delays(layer: Layer, shape: tuple[int, ...]) -> IntArray:
    """Delays behind a layer of images, one for all, (), or one of each neuron's axon, (n,).

    SLAYER has one a channel (``slayer/axon/delay.py``).
    """
    return by_neuron(_ticks(layer), f"delay of {layer}", shape)


def delays_are_cut(layer: Layer) -> bool:
    """Whether delays are no whole numbers of ticks."""
    given = layer.numbers.get("delay")
    return given is not None and bool(np.any(np.floor(given) != given))


def _ticks(layer: Layer) -> IntArray:
    """Delays in whole ticks, in the file's shape."""
    given = layer.numbers.get("delay")
    if given is None:
        return NO_DELAY
    return whole(np.floor(given), f"delay of {layer}", 0, LONGEST_DELAY).reshape(given.shape)


def _as_matrix(given: FloatArray, n_post: int, what: str) -> FloatArray:
    """Weights as ``(n_post, n_pre)``: SLAYER's have further axes of length one, or are flat."""
    if given.ndim <= 1 and given.size % n_post == 0:
        return given.reshape(n_post, -1)
    if given.ndim < 2 or given.shape[0] != n_post or prod(given.shape[2:]) != 1:
        raise NetworkError(f"{what} has shape {given.shape}, but {n_post} neurons follow; export it again")
    return given.reshape(given.shape[:2])

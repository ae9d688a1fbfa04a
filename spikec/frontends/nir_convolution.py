"""NIR's convolutions and pooling: what slides over which image.

Source: nir 1.0.8, ``nir/ir/conv.py`` and ``pooling.py``, which follow PyTorch: cross-correlation, zeros
outside, the mean of `AvgPool2d` over the whole window, padding included. With ``padding='same'`` an odd zero
goes behind the image. nir's own inference of shapes is not used: it takes kernels for square and forgets
groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np

from spikec.arrays import AnyArray, FloatArray, finite
from spikec.errors import NetworkError
from spikec.frontends.nir_file import Node
from spikec.ir.convolution import Axis, Convolution

N_AXES = {"Conv1d": 1, "Conv2d": 2, "SumPool2d": 2, "AvgPool2d": 2}
"""Axes of the images that a node slides over, channels not counted."""

CONVOLUTIONS = ("Conv1d", "Conv2d")

MAX_WIDTH = 1 << 24
"""More neurons than this are believed only where weights are stored for them."""

MAX_WINDOW = 1 << 22
"""Entries of a pooling window, over all channels, which no file holds."""


def convolution(node: Node, shape: tuple[int, ...]) -> Convolution:
    """What a node computes on an image.

    Args:
        node: Of a type in `N_AXES`.
        shape: The image, ``(channels, *pixels)``.

    Raises:
        NetworkError: The node's numbers contradict each other or do not fit the image.
    """
    if len(shape) != N_AXES[node.type] + 1:
        axes = "(channels, length)" if N_AXES[node.type] == 1 else "(channels, height, width)"
        raise NetworkError(f"{node} gets values of shape {shape}; {axes} is needed")
    with _named(node):
        found = _convolution(node, shape) if node.type in CONVOLUTIONS else _pooling(node, shape)
    if prod(found.output_shape) > MAX_WIDTH:
        raise NetworkError(f"{node} gives values of shape {found.output_shape}, more than {MAX_WIDTH}")
    return found


def stated_input(node: Node) -> tuple[int, ...] | None:
    """The whole input shape that a convolution states, channels included, if it does."""
    if node.type not in CONVOLUTIONS or "input_shape" not in node.values:
        return None
    with _named(node):
        pixels = _numbers(node, "input_shape", N_AXES[node.type])
        stated = (_kernel(node).shape[1] * _numbers(node, "groups", 1)[0], *pixels)
        if any(k < 1 for k in stated):
            raise NetworkError(f"its input cannot have the shape {stated}; numbers above zero are needed")
        return stated


def bias(node: Node, shape: tuple[int, ...]) -> FloatArray | None:
    """What a convolution adds to every value it gives, ``(n_out,)``: one number a channel, if it has any."""
    if "bias" not in node.values:
        return None
    values = finite(node.values["bias"], f"{node}: bias").ravel()
    c_out, *pixels = convolution(node, shape).output_shape
    if values.size not in (1, c_out):
        raise NetworkError(f"{node} has {values.size} biases for {c_out} channels; make them equal")
    return np.repeat(np.broadcast_to(values, (c_out,)), prod(pixels))


@contextmanager
def _named(node: Node) -> Iterator[None]:
    """Put the node's name in front of what is wrong with it."""
    try:
        yield
    except NetworkError as error:
        raise NetworkError(f"{node}: {error}") from error


def _convolution(node: Node, shape: tuple[int, ...]) -> Convolution:
    kernel = _kernel(node)
    groups = _numbers(node, "groups", 1)[0]
    if kernel.shape[1] * groups != shape[0]:
        raise NetworkError(
            f"its kernel reads {kernel.shape[1] * groups} channels, but it gets values of shape {shape}; "
            "make them equal"
        )
    n_axes = len(shape) - 1
    stride, dilation = _numbers(node, "stride", n_axes), _numbers(node, "dilation", n_axes)
    before, after = _padding(node, kernel.shape[2:], stride, dilation)
    axes = zip(shape[1:], kernel.shape[2:], stride, before, after, dilation, strict=True)
    return Convolution(kernel, tuple(Axis(*numbers) for numbers in axes), groups)


def _pooling(node: Node, shape: tuple[int, ...]) -> Convolution:
    window, stride, padding = (_numbers(node, name, 2) for name in ("kernel_size", "stride", "padding"))
    if any(2 * p > k for p, k in zip(padding, window, strict=True)):
        raise NetworkError(f"a padding of {padding} is more than half of its window {window}; give less")
    axes = tuple(Axis(*n) for n in zip(shape[1:], window, stride, padding, padding, strict=True))
    if shape[0] * prod(window) > MAX_WINDOW:
        raise NetworkError(f"a window of {window} over {shape[0]} channels is too large; use a smaller one")
    weight = 1.0 if node.type == "SumPool2d" else 1.0 / prod(window)
    return Convolution(np.full((shape[0], 1, *window), weight), axes, shape[0])


def _padding(
    node: Node, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Zeros in front of and behind every axis."""
    word = node.texts.get("padding")
    if word is None:
        given = _numbers(node, "padding", len(kernel))
        return given, given
    if word == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if word != "same":
        raise NetworkError(f"the padding {word!r} is unknown; give 'same', 'valid' or numbers")
    if any(s != 1 for s in stride):
        raise NetworkError(f"padding 'same' with a stride of {stride} is not defined; give it in numbers")
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)


def _kernel(node: Node) -> AnyArray:
    kernel = node.values["weight"]
    if kernel.ndim != N_AXES[node.type] + 2 or not kernel.size:
        pixels = "length" if N_AXES[node.type] == 1 else "height, width"
        raise NetworkError(
            f"its weight has the shape {kernel.shape}; (c_out, c_in / groups, {pixels}) is needed"
        )
    return finite(kernel, "its weight")


def _numbers(node: Node, name: str, n_axes: int) -> tuple[int, ...]:
    """Whole numbers, one an axis; one given serves for all."""
    given = node.values[name].ravel()
    if given.size not in (1, n_axes) or not all(float(k).is_integer() for k in given):
        raise NetworkError(f"its {name} {given.tolist()[:8]} is no whole number for each of {n_axes} axes")
    return tuple(int(k) for k in np.broadcast_to(given, (n_axes,)))

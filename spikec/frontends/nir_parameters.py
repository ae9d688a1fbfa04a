"""Parameters of NIR nodes: one number for all neurons, one each, or one for every channel of an image."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from spikec.errors import NetworkError
from spikec.frontends.nir_convolution import N_AXES
from spikec.frontends.nir_file import Node

Shape = tuple[int, ...]

MATRICES = ("Affine", "Linear")
RESHAPING = (*MATRICES, *N_AXES, "Flatten")
"""Types that give another shape than they take."""


def parameter_width(node: Node) -> int:
    """The common size of a node's parameters; 1 if one value serves for all neurons."""
    sizes = {name: v.size for name, v in node.values.items()}
    n = max(1, *sizes.values()) if sizes else 1
    largest = next((v.shape for v in node.values.values() if v.size == n), ())
    odd = next(
        (k for k, v in node.values.items() if v.size not in (1, n) and not _a_channel_each(v.shape, largest)),
        None,
    )
    if odd is not None:
        raise NetworkError(f"{node} has {sizes[odd]} values of {odd}, but {n} neurons; make them equal")
    return n


def parameter_shape(node: Node) -> Shape | None:
    """The shape of a node's parameters, if it has one for every neuron."""
    n = parameter_width(node)
    return next((v.shape for v in node.values.values() if v.ndim and v.size == n > 1), None)


def of_channels(node: Node) -> bool:
    """Whether a node's parameters may be those of whole channels, of shape ``(channels, 1, ...)``."""
    if "shape" in node.values or node.type in RESHAPING:
        return False
    shape = parameter_shape(node)
    return shape is not None and _a_channel_each(shape, shape)


def _a_channel_each(shape: Shape, image: Shape) -> bool:
    """Whether a parameter has one number for every channel of an image."""
    return 1 < len(shape) == len(image) and shape == (image[0], *(1 for _ in shape[1:])) and shape[0] > 1


def spread(node: Node, shape: Shape) -> Node:
    """A node with parameters of whole channels as those of every neuron.

    Args:
        node: Of any type.
        shape: What it takes.

    Raises:
        NetworkError: It takes no image with so many channels.
    """
    if "shape" in node.values or node.type in RESHAPING:
        return node
    short = {name: v for name, v in node.values.items() if v.size not in (1, prod(shape))}
    for name, v in short.items():
        if not _a_channel_each(v.shape, shape):
            raise NetworkError(f"{node} has a {name} of shape {v.shape}, but takes {shape}; make them equal")
    values = {name: np.array(np.broadcast_to(v, shape)) for name, v in short.items()}
    return replace(node, values={**node.values, **values}) if short else node

"""Layers of netx files that slide a window over an image, or sum neurons up: `conv`, `pool` and `average`.

SLAYER computes a `conv` as PyTorch does: cross-correlation, zeros outside, images ``(channels, height,
width)``. (lava-dl turns kernels and images round when it hands them to Lava, whose `Conv` convolves.)

Its `pool` is a sum with one kernel ``(1, 1, height, width)`` for all channels, and has neurons of its own. It
is computed on one image in which all channels lie on top of each other, after ``height % kernel`` rows of
zeros were put below each of them, and ``width % kernel`` columns beside. Only where no window reaches from
one channel into the next is that a pooling, and only there it is read.

Its `average` gives the mean of equal groups of successive neurons in every tick.

Sources, of facts only: lava-dl, ``slayer/synapse/layer.py``, ``slayer/block/base.py``, ``netx/hdf5.py``, and
issue 293 for the pool's rows of zeros.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import NetworkError
from spikec.frontends.netx_file import Layer
from spikec.frontends.netx_layers import LARGEST_SIZE, check_sizes, shape_of, weights_of
from spikec.frontends.netx_numbers import LARGEST_THRESHOLD, whole
from spikec.ir.connectivity import Convolution, Sparse, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign

MAX_KERNELS = 1 << 22
"""Entries of a pool's kernel, counted once a channel, beyond which a file is taken for damaged."""


def convolution(layer: Layer, shape: tuple[int, ...]) -> Convolution:
    """What a `conv` or `pool` layer computes, with weights as in the file.

    Args:
        layer: Of one of these types.
        shape: The image that it gets, ``(channels, height, width)``.

    Raises:
        NetworkError: The layer's numbers contradict each other, do not fit the image, or mix channels.
    """
    if len(shape) != 3:
        raise NetworkError(
            f"{layer} gets values of shape {shape}, but needs an image of (channels, height, width); only an "
            "input, conv or pool layer gives one"
        )
    found = _pooling(layer, shape) if layer.type == "pool" else _convolution(layer, shape)
    stated = shape_of(layer)
    if stated != found.output_shape:
        raise NetworkError(
            f"{layer} has the shape {stated}, but makes {found.output_shape} of {shape}; shapes must be "
            "(channels, height, width): export the network again"
        )
    return found


def image_before(layer: Layer) -> tuple[int, ...]:
    """The only image that a first layer can get, which tells for a convolution of stride 1.

    Raises:
        NetworkError: There are several, or none.
    """
    stated = shape_of(layer)
    if layer.type == "pool" or len(stated) != 3 or set(_numbers(layer, "stride", 1)) != {1}:
        raise NetworkError(
            f"{layer} is the first layer and does not tell how large its input is; put a "
            "slayer.block.cuba.Input() in front of it and export the network again"
        )
    kernel = _kernel(layer)
    dilation, padding = _numbers(layer, "dilation", 1), _numbers(layer, "padding", 0)
    pixels = [
        n - 1 + d * (k - 1) + 1 - 2 * p
        for n, k, d, p in zip(stated[1:], kernel.shape[2:], dilation, padding, strict=True)
    ]
    if min(pixels) < 1:
        raise NetworkError(f"{layer} has the shape {stated}, for which its input would have to be empty; "
                           "export the network again")  # fmt: skip
    return (kernel.shape[1] * _groups(layer), *pixels)


def average(layer: Layer, n: int) -> tuple[Sparse, int]:
    """Groups of successive neurons, summed up, and how many neurons a group has.

    Args:
        layer: Of type `average`.
        n: Neurons before it.

    Raises:
        NetworkError: The groups are not equal, or too large for a membrane.
    """
    n_groups = prod(shape_of(layer))
    if layer.neuron_type is not None:
        raise NetworkError(f"{layer} has neurons, which SLAYER's average has not; export the network again")
    if n % n_groups or n // n_groups > LARGEST_THRESHOLD:
        raise NetworkError(
            f"{layer} makes {n_groups} means of {n} neurons; groups must be equal, and of at most "
            f"{LARGEST_THRESHOLD} neurons: export the network again"
        )
    size = n // n_groups
    one = Fixed(np.ones(n, np.int64), FixedFormat(8, Sign.EXCITATORY))
    index = np.arange(n)
    return sparse(n, n_groups, index, index // size, one), size


def _convolution(layer: Layer, shape: tuple[int, ...]) -> Convolution:
    kernel, groups = _kernel(layer), _groups(layer)
    if kernel.shape[1] * groups != shape[0]:
        raise NetworkError(
            f"{layer} reads {kernel.shape[1] * groups} channels, but gets an image of shape {shape}; "
            "export the network again"
        )
    check_sizes(layer, inChannels=shape[0], outChannels=kernel.shape[0], kernelSize=kernel.shape[2:])
    stride, padding, dilation = _sliding(layer)
    axes = zip(shape[1:], kernel.shape[2:], stride, padding, padding, dilation, strict=True)
    return _slid(layer, kernel, axes, groups)


def _pooling(layer: Layer, shape: tuple[int, ...]) -> Convolution:
    kernel = _kernel(layer)
    channels, *pixels = shape
    window = kernel.shape[2:]
    if kernel.shape[:2] != (1, 1) or channels * prod(window) > MAX_KERNELS:
        raise NetworkError(
            f"weight of {layer} has shape {kernel.shape} for {channels} channels; a small (1, 1, height, "
            "width) is needed: export the network again"
        )
    check_sizes(layer, kernelSize=window)
    stride, padding, dilation = _sliding(layer)
    behind = tuple(p + n % k for p, n, k in zip(padding, pixels, window, strict=True))
    axes = zip(pixels, window, stride, padding, behind, dilation, strict=True)
    found = _slid(layer, np.broadcast_to(kernel, (channels, 1, *window)), axes, channels)
    if channels > 1 and _mixes_channels(found.axes[0]):
        raise NetworkError(
            f"{layer} would mix channels, which SLAYER lays on top of each other, at a height of {pixels[0]} "
            f"with kernel {window[0]}, stride {stride[0]}, padding {padding[0]} and dilation {dilation[0]}; "
            "use a stride as long as the kernel, no padding, and a height that the stride divides"
        )
    return found


def _mixes_channels(rows: Axis) -> bool:
    """Whether windows along the height of a pool reach from one channel into the next."""
    return rows.before > 0 or rows.reach > rows.stride or (rows.n + rows.after) % rows.stride != 0


def _slid(layer: Layer, kernel: FloatArray, axes: Iterable[tuple[int, ...]], groups: int) -> Convolution:
    """A convolution of the numbers of its axes; what is wrong with them is told of the layer."""
    try:
        return Convolution(kernel, tuple(Axis(*numbers) for numbers in axes), groups)
    except NetworkError as error:
        raise NetworkError(f"{layer}: {error}") from error


def _kernel(layer: Layer) -> FloatArray:
    """The weights as ``(c_out, c_read, height, width)``; old files have a further axis of length one."""
    given = weights_of(layer)
    if given.ndim == 5 and given.shape[4] == 1:
        given = given.reshape(given.shape[:4])
    if given.ndim != 4:
        raise NetworkError(
            f"weight of {layer} has shape {given.shape}; (c_out, c_in / groups, height, width) is needed: "
            "export the network again"
        )
    return given


def _groups(layer: Layer) -> int:
    if "groups" not in layer.numbers:
        raise NetworkError(f"{layer} has no groups; export the network again")
    return int(whole(layer.numbers["groups"].ravel(), f"groups of {layer}", 1, LARGEST_SIZE)[0])


def _sliding(layer: Layer) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Stride, padding and dilation, each (height, width)."""
    return _numbers(layer, "stride", 1), _numbers(layer, "padding", 0), _numbers(layer, "dilation", 1)


def _numbers(layer: Layer, name: str, least: int) -> tuple[int, int]:
    """Whole numbers for height and width; one given serves for both."""
    if name not in layer.numbers:
        raise NetworkError(f"{layer} has no {name}; export the network again")
    given = whole(layer.numbers[name].ravel(), f"{name} of {layer}", least, LARGEST_SIZE)
    if given.size not in (1, 2):
        raise NetworkError(
            f"{layer} has {given.size} values of {name}; one or two, height and width, are needed"
        )
    return int(given[0]), int(given[-1])

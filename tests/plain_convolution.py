"""Convolution and pooling as scipy computes them, for comparison: padded, dilated and stepped by hand."""

import numpy as np
from scipy.signal import correlate


def correlated(image, kernel, axes, groups=1):
    """The output ``(c_out, *pixels)`` of an image ``(c_in, *pixels)``.

    `axes` holds one ``(before, after, stride, dilation)`` for each axis of the image.
    """
    padded = np.pad(image, [(0, 0), *((before, after) for before, after, _, _ in axes)])
    reach = [d * (k - 1) + 1 for k, (*_, d) in zip(kernel.shape[2:], axes, strict=True)]
    spread = np.zeros((*kernel.shape[:2], *reach))
    spread[(..., *(slice(None, None, d) for *_, d in axes))] = kernel
    c_out, c_read = kernel.shape[:2]
    steps = tuple(slice(None, None, stride) for _, _, stride, _ in axes)
    rows = []
    for o in range(c_out):
        first = o // (c_out // groups) * c_read
        each = [correlate(padded[first + c], spread[o, c], "valid", "direct") for c in range(c_read)]
        rows.append(np.sum(each, axis=0)[steps])
    return np.array(rows)


def pooled(image, window, stride, padding):
    """The sums over windows of an image ``(channels, height, width)``."""
    axes = [(p, p, s, 1) for p, s in zip(padding, stride, strict=True)]
    return correlated(image, np.ones((len(image), 1, *window)), axes, len(image))

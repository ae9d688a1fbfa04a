r"""Messages that a convolution cannot avoid: a core reads its pixels and a border around them.

Along one axis, let :math:`f(t)` be the fewest inputs that any :math:`t` outputs read, and :math:`f(t) \ge
\alpha t + \beta` for all :math:`t \ge 1`, with :math:`\alpha, \beta \ge 0`. Of an image, let :math:`s`
output pixels lie in :math:`a` rows and :math:`b` columns. Along their rows they read :math:`\alpha s +
\beta a` at least; these lie in at least :math:`\alpha b + \beta` input columns, and read along columns.
With :math:`a b \ge s`,

.. math:: F(s) \ge \alpha' (\alpha s + \beta a) + \beta' (\alpha b + \beta)
          \ge \left( \sqrt{\alpha \alpha' s} + \sqrt{\beta \beta'} \right)^2 .

A core with :math:`x` of the n neurons that are reached has at least :math:`x / c_{out}` pixels of them, and
the :math:`c_{in} F` neurons that these read send it a message each, but for those on the core itself. Of
these there are :math:`o \le m - x` and :math:`o \le c_{in} F`; over all cores they are :math:`n'` at most,
the neurons that spike. So for every :math:`0 \le \lambda \le 1` the messages from other cores are at least

.. math:: \sum (c_{in} F - o) \ge \sum (c_{in} F - (1 - \lambda)\, o) - \lambda n'
          \ge n \min_{1 \le x \le m} \frac{c_{in} F - (1 - \lambda) \min(m - x,\, c_{in} F)}{x} - \lambda n'.

Inputs are on no core, and the cores nearest to the entry hold :math:`m` each.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.convolution import Axis, Convolution

AXES = 2
"""Of images only."""

SHARES = np.linspace(0, 1, 21)
"""What is tried for lambda."""

LONGEST = 512
"""Outputs of an axis, of which `fewest_read` is worked out."""


def halo(c: Convolution, rate: FloatArray, most: int, entry: FloatArray | None) -> float:
    """Message-hops of a convolution between two populations that no placement avoids.

    Args:
        c: The convolution.
        rate: Of each presynaptic neuron, ``(n_pre,)``; the least of them counts.
        most: Neurons of a core.
        entry: Routers from the entry to the nearest cores, to none, one, and so on; None if these are no
            inputs.
    """
    plain = all(axis.dilation == 1 and axis.n_out <= LONGEST for axis in c.axes)
    if not plain or len(c.axes) != AXES or c.groups != 1:
        return 0.0
    x = np.arange(1, min(most, c.n_post) + 1)
    read = c.input_shape[0] * pixels_read(c, x / c.output_shape[0])
    if entry is None:
        own = np.minimum(most - x, read)
        found = [c.n_post * ((read - (1 - k) * own) / x).min() - k * c.n_pre for k in SHARES]
        return float(rate.min()) * max(float(np.max(found)), 0.0)
    full, rest = divmod(c.n_post, x.size)
    routers = x.size * entry[full] + (rest * (entry[full + 1] - entry[full]) if rest else 0)
    return float(rate.min() * (read / x).min() * routers)


def pixels_read(c: Convolution, pixels: FloatArray) -> FloatArray:
    """At least so many input pixels are read by output pixels: the bound of the module."""
    lines = [_lines(axis) for axis in c.axes]
    found = np.zeros(pixels.shape)
    for alpha, beta in lines[0]:
        for other, more in lines[1]:
            found = np.maximum(found, (np.sqrt(alpha * other * pixels) + np.sqrt(beta * more)) ** 2)
    return found


def _lines(axis: Axis) -> list[tuple[float, float]]:
    """Slopes and offsets, none of them negative, of lines that are nowhere above `fewest_read`."""
    f = fewest_read(axis)
    t = np.arange(1, f.size + 1)
    slopes = {0.0, *((f[j] - f[i]) / (j - i) for i, j in ((0, f.size - 1), (0, f.size // 2)) if j > i)}
    slopes |= {float((f / t).min())}
    offsets = {slope: float((f - slope * t).min()) for slope in slopes if slope >= 0}
    return [(slope, offset) for slope, offset in offsets.items() if offset >= 0]


def fewest_read(axis: Axis) -> FloatArray:
    """The fewest inputs that any 1, 2, ... outputs of an axis read, ``(n_out,)``.

    Windows are intervals whose ends rise, so what one adds depends on the last one only.
    """
    output, _, read = axis.taps()
    reads = np.zeros((axis.n_out, axis.n))
    reads[output, read] = 1
    best = reads.sum(axis=1)
    adds = np.where(np.triu(np.ones(2 * (axis.n_out,)), 1) > 0, best - reads @ reads.T, np.inf)
    found = [best.min()]
    for _ in range(axis.n_out - 1):
        best = (best[:, None] + adds).min(axis=0)
        found.append(best.min())
    return np.array(found)

r"""What rounded decays cost, made up for by the weights.

In decays of 12 bits a time constant of 64 ticks is wrong by up to 0.8 %, and so is what an arrival leaves in
the membrane, its kernel :math:`\kappa` (`spikec.ir.kernels`), in height and shape. The height can be mended:
of all multiples of the chip's kernel :math:`\tilde\kappa`, the nearest to what was meant is

.. math:: f \tilde\kappa, \qquad f = \frac{\sum_m \kappa(m)\, \tilde\kappa(m)}{\sum_m \tilde\kappa(m)^2}

over the current's first time constant. The shape remains wrong.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.discrete import Tick
from spikec.ir.kernels import membrane_kernel

LONGEST = 4096
"""Ticks; longer time constants are not representable, and their kernels are left as they are."""


def matched_gain(tick: Tick, decay_u: FloatArray, decay_v: FloatArray) -> FloatArray:
    """The factor f for the weights of each neuron, shape ``()`` or ``(n,)``; 1 where currents stay or vanish.

    Args:
        tick: What was meant.
        decay_u: The chip's decays of the current, of 4096.
        decay_v: The chip's decays of the membrane, of 4096.
    """
    given = np.broadcast_arrays(tick.alpha, tick.beta, 1 - decay_u / 4096, 1 - decay_v / 4096)
    quadruples, which = np.unique(np.stack([a.ravel() for a in given]), axis=1, return_inverse=True)
    factors = np.array([_factor(*(float(x) for x in column)) for column in quadruples.T])
    return np.asarray(factors[which.ravel()].reshape(given[0].shape))


def _factor(alpha: float, beta: float, r: float, b: float) -> float:
    if not 0 < alpha < 1 or -1 / np.log(alpha) > LONGEST:
        return 1.0
    n_ticks = max(round(-1 / np.log(alpha)), 1)
    meant, made = membrane_kernel(alpha, beta, n_ticks).left, membrane_kernel(r, b, n_ticks).left
    return float(np.sum(meant * made) / np.sum(made**2))

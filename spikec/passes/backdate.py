r"""States of an earlier moment: what a neuron that runs late must begin with.

A tick's input acts at its beginning, on the state after the tick before; so the state with which tick 0
begins is that of a tick before the sample. A population whose input arrives late by some ticks and halves of
ticks begins as many earlier still, and then meets its input as if nothing were late.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.neurons import QifExp, Theta


def backdated(neuron: Theta | QifExp, seconds: float) -> tuple[Theta | QifExp, bool]:
    """The neuron as it is `seconds` before it reaches the state it begins with, without input.

    Returns:
        The neuron, and whether there is such a state for all: one that would have spiked in between begins
        where it is after a spike instead, at minus infinity or near it.
    """
    if isinstance(neuron, Theta):
        phase = np.asarray(neuron.phase, np.float64) - seconds
        return replace(neuron, phase=np.maximum(phase, 0.0)), bool(np.all(phase >= 0))
    grown = np.exp(seconds / np.asarray(neuron.tau, np.float64))
    v, i = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (neuron.v_init, neuron.i_init)))
    # Of dU/ds = U^2 + I with s = 1 - exp(-t/tau), from s = 1 - grown < 0 on.
    slope = _tangent(i, 1 - grown)
    numerator, denominator = grown * (v + i * slope), 1 - v * slope
    whole = denominator > 0
    earlier = np.where(whole, numerator / np.where(whole, denominator, 1.0), -_LOWEST)
    return replace(neuron, v_init=earlier, i_init=i * grown**2), bool(np.all(whole))


_LOWEST = 1e9
"""A membrane that is at minus infinity for all that matters."""


def _tangent(i: FloatArray, s: FloatArray) -> FloatArray:
    r""":math:`\tan(q s)/q` with :math:`q = \sqrt{i}`: :math:`\tanh` for negative `i`, s for zero."""
    q = np.sqrt(np.abs(i))
    safe = np.where(q == 0, 1.0, q)
    return np.where(i > 0, np.tan(safe * s) / safe, np.where(i < 0, np.tanh(safe * s) / safe, s))

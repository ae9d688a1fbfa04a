r"""One tick of float neurons, as `spikec.ir.discrete` writes it and `spikec.reference.ticks` computes it.

.. math:: u \leftarrow \alpha u + c + g x, \qquad v \leftarrow V_l + \beta (v - V_l) + u + b

The order of operations is part of the definition: nothing is contracted or reassociated. All arrays are of
one precision, and no number between them is wider, for that would round differently. The loops are short,
each with few arrays, so that they become vector instructions.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner
from spikec_cpu.lower_float import (
    ALPHA,
    BETA,
    BIAS,
    CURRENT_BIAS,
    GAIN,
    LOWEST,
    TAKEN,
    THRESHOLD,
    V_LEAK,
    V_RESET,
    Habits,
)

UNBOUNDED, STORM = 1.0, 2.0
"""Why a run ends early: a membrane is no finite number, or a neuron spikes too often in a tick."""


@inner
def integrate(
    k: AnyArray,
    habits: Habits,
    first: int,
    x: AnyArray,
    u: AnyArray,
    v: AnyArray,
    last: AnyArray,
    reset: bool,
) -> bool:
    """Bring membranes to where they are compared with their thresholds.

    Args:
        k: Coefficients of all neurons of the network, ``(10, n_all)``.
        habits: The convention.
        first: Place of the population's first neuron in it.
        x: What arrives, ``(n,)``.
        u: Currents, ``(n,)``, changed.
        v: Membranes, ``(n,)``, changed.
        last: How often each crossed its threshold in the tick before, ``(n,)``.
        reset: Whether any did, and its reset is due now.

    Returns:
        Whether all membranes are finite.
    """
    n = x.size
    own = slice(first, first + n)
    alpha, gain, current_bias = k[ALPHA, own], k[GAIN, own], k[CURRENT_BIAS, own]
    beta, v_leak, bias = k[BETA, own], k[V_LEAK, own], k[BIAS, own]
    if reset and not habits.subtract:
        v_reset = k[V_RESET, own]
        for j in range(n):
            v[j] = v_reset[j] if last[j] > 0 else v[j]
    for j in range(n):
        u[j] = alpha[j] * u[j] + current_bias[j] + gain[j] * x[j]
    for j in range(n):
        v[j] = v_leak[j] + beta[j] * (v[j] - v_leak[j]) + u[j] + bias[j]
    if reset and habits.subtract:
        taken = k[TAKEN, own]
        for j in range(n):
            v[j] -= last[j] * taken[j]
    wrong = 0
    for j in range(n):
        wrong |= v[j] - v[j] != 0  # what is infinite or no number
    if habits.clamps:
        lowest = k[LOWEST, own]
        for j in range(n):
            v[j] = lowest[j] if v[j] < lowest[j] else v[j]
    return wrong == 0


@inner
def cross(k: AnyArray, habits: Habits, first: int, v: AnyArray, last: AnyArray, failed: AnyArray) -> int:
    """Tell how often each membrane spikes where it is.

    Args:
        k: Coefficients of all neurons.
        habits: The convention.
        first: Place of the population's first neuron.
        v: Membranes, ``(n,)``.
        last: How often, ``(n,)``, written.
        failed: Written if a neuron spikes too often: `STORM`, and how often.

    Returns:
        How many membranes do.
    """
    n = v.size
    threshold = k[THRESHOLD, first : first + n]
    crossed = 0
    if habits.reach:
        for j in range(n):
            hit = v[j] >= threshold[j]
            last[j] = hit
            crossed += hit
    else:
        for j in range(n):
            hit = v[j] > threshold[j]
            last[j] = hit
            crossed += hit
    if crossed > 0 and habits.several:
        for j in range(n):
            if last[j] > 0 and threshold[j] > 0:
                held = v[j] / threshold[j]
                times = np.floor(held) if habits.reach else np.ceil(held) - last[j]  # which is 1
                if times > habits.most:
                    failed[0], failed[2] = STORM, max(failed[2], times)
                if times > last[j]:
                    last[j] = times
    return crossed


@inner
def reset_now(k: AnyArray, habits: Habits, first: int, v: AnyArray, last: AnyArray) -> None:
    """Reset the membranes that crossed their threshold; arguments as in `cross`."""
    n = v.size
    if habits.subtract:
        taken = k[TAKEN, first : first + n]
        for j in range(n):
            v[j] -= last[j] * taken[j]
    else:
        v_reset = k[V_RESET, first : first + n]
        for j in range(n):
            v[j] = v_reset[j] if last[j] > 0 else v[j]


@inner
def leave(once: bool, last: AnyArray, silenced: AnyArray, leaving: AnyArray) -> int:
    """Tell which spikes leave.

    Args:
        once: Whether only the first of a sample does.
        last: How often each neuron crossed its threshold, ``(n,)``.
        silenced: Which have spiked, bytes, ``(n,)``, changed.
        leaving: How many spikes leave each, int32, ``(n,)``, written.

    Returns:
        How many leave all.
    """
    total = 0
    for j in range(last.size):
        leaving[j] = last[j]
        if once and last[j] > 0:
            leaving[j] = 1 - silenced[j]
            silenced[j] = 1
        total += leaving[j]
    return total

r"""One tick of the neurons of `spikec.ir.iaf`: the exact solution between ticks, as coefficients.

In tick k, for a neuron that is not refractory, with x the sums of what arrives, projection by projection in
the network's order and the drive last, each added to what is there already:

* `IafPscExp`: :math:`V \leftarrow \beta V + V_\infty + g_e I_e + g_i I_i`; then
  :math:`I_x \leftarrow \alpha_x I_x + \sum x`;
* `IafPscDelta`: :math:`V \leftarrow \beta V + V_\infty + \sum x`.

Then it spikes if V is above its threshold, and V is :math:`V_r` in this tick and in the `waits` next ones.
Source: S. Rotter and M. Diesmann, Exact digital simulation of time-invariant linear systems with applications
to neuronal modeling, Biol. Cybern. 81, 381 (1999); the order is that of NEST's `iaf_psc_exp` and
`iaf_psc_delta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1

import numpy as np

from spikec.arrays import IndexArray
from spikec.errors import NetworkError
from spikec.ir.iaf import IafNeuron, IafPscExp, PoissonDrive

MOST_DRIVEN = 500.0
"""Mean number of spikes of a drive in one tick."""


@dataclass(frozen=True)
class IafTick:
    r"""The coefficients of one tick.

    Attributes:
        beta: What is left of the membrane, :math:`\beta = e^{-dt/\tau_m}`.
        rest: What the leak adds, :math:`V_\infty = (1 - \beta) V_l`.
        gain_ex: What a current of one at the beginning of the tick adds, :math:`g_e`.
        gain_in: :math:`g_i`.
        alpha_ex: What is left of the current, :math:`\alpha_e = e^{-dt/\tau_e}`.
        alpha_in: :math:`\alpha_i`.
        threshold: :math:`\vartheta`.
        v_reset: :math:`V_r`.
        waits: Ticks in which the membrane stays there after a spike.
    """

    beta: float
    rest: float
    gain_ex: float
    gain_in: float
    alpha_ex: float
    alpha_in: float
    threshold: float
    v_reset: float
    waits: int


def iaf_tick(neuron: IafNeuron, dt: float) -> IafTick:
    r"""Integrate over one tick.

    .. math:: g_x = \frac{1}{\tau_m} \int_0^{dt} e^{-s/\tau_x} e^{-(dt-s)/\tau_m} ds

    Args:
        neuron: The neuron.
        dt: Length of the tick, seconds.
    """
    tau = float(np.asarray(neuron.tau_mem))
    beta = exp(-dt / tau)
    gains, alphas = [0.0, 0.0], [0.0, 0.0]
    if isinstance(neuron, IafPscExp):
        for k, given in enumerate((neuron.tau_ex, neuron.tau_in)):
            tau_x = float(np.asarray(given))
            rate = 1 / tau_x - 1 / tau
            alphas[k] = exp(-dt / tau_x)
            gains[k] = beta / tau * (dt if rate == 0 else -expm1(-dt * rate) / rate)
    return IafTick(
        beta=beta,
        rest=-expm1(-dt / tau) * float(np.asarray(neuron.v_leak)),
        gain_ex=gains[0],
        gain_in=gains[1],
        alpha_ex=alphas[0],
        alpha_in=alphas[1],
        threshold=float(np.asarray(neuron.threshold)),
        v_reset=float(np.asarray(neuron.v_reset)),
        waits=round(float(np.asarray(neuron.refractory)) / dt),
    )


def poisson_limits(drive: PoissonDrive, dt: float) -> IndexArray:
    r"""How a random number becomes the number of a drive's spikes in a tick: by inversion.

    A number of 32 random bits, read as a signed integer, stands for as many spikes as there are limits that
    it reaches: limit k is :math:`2^{32} P(\text{at most k}) - 2^{31}`, rounded down. Which bits are whose,
    `spikec.reference.iaf` says.

    Returns:
        The limits, int32, ascending, ``(k,)``.

    Raises:
        NetworkError: More than `MOST_DRIVEN` spikes are expected.
    """
    mean = drive.rate * dt
    if mean > MOST_DRIVEN:
        raise NetworkError(
            f"a PoissonDrive of {drive.rate:g} Hz makes {mean:g} spikes in a tick of {dt:g} s, and "
            f"{MOST_DRIVEN:g} are possible; shorten dt, or give it a lower rate with a larger weight"
        )
    limits, k = [], 0
    share = total = exp(-mean)
    while total < 1 - 2.0**-33:
        limits.append(int(total * 2**32) - 2**31)
        k += 1
        share *= mean / k
        total += share
    return np.array(limits, np.int32)

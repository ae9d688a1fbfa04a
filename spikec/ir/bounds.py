r"""How far the currents of a fixed network can ever go: worst-case sums over everything that may spike.

A current that leaves 24 bits wraps around to the other sign, which no network survives; a program is finished
only when it is proven that none can. A neuron's current is at most

.. math:: \sum_{\text{projections}} 2^{6 + e} \sum_i \max(w_{ji}, 0)\; n_i, \qquad
          n_i = \min\Big(\text{spikes of } i,\; \sum_{k=0}^{T-1} r^k\Big), \quad r = 1 - (du + 1)/4096

since what arrived k ticks ago is worth :math:`r^k` of itself (rounding is toward zero, so never more). A
source that spikes once counts once, and so does a population that inhibits itself for good after a spike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaFixed, Source

M = float(1 << 23)
"""Half the range of a 24-bit state variable."""


@dataclass(frozen=True, eq=False)
class CurrentBound:
    """The extremes of a population's current, in the units of ``u``, each ``(n,)``; infinite if unbounded."""

    lowest: FloatArray
    highest: FloatArray

    @property
    def share(self) -> float:
        """The farthest any current can go, as a share of 24 bits; below 1 nothing ever wraps."""
        return float(max(np.max(self.highest, initial=0.0), np.max(-self.lowest, initial=0.0)) / M)


def current_bounds(network: Network, n_ticks: int | None = None) -> dict[str, CurrentBound]:
    """Bound the current of every neuron of a fixed network.

    Args:
        network: In the fixed dialect.
        n_ticks: Length of a sample; None for any.
    """
    return {
        p.name: current_bound(network, p, n_ticks)
        for p in network.populations
        if isinstance(p.neuron, CubaFixed)
    }


def current_bound(network: Network, population: Population, n_ticks: int | None) -> CurrentBound:
    """Bound the current of one population, given that its inputs are in integers."""
    lowest, highest = np.zeros(population.n), np.zeros(population.n)
    for q in network.incoming(population.name):
        down, up = _contribution(network, q, population, n_ticks)
        lowest, highest = lowest - down, highest + up
    return CurrentBound(lowest, highest)


def spikes_once(network: Network, population: Population, n_ticks: int | None) -> bool:
    """Whether it is certain that no neuron of a population spikes twice in a sample."""
    if isinstance(population.neuron, Source):
        return population.neuron.one_spike
    return isinstance(population.neuron, CubaFixed) and _inhibits_itself(network, population, n_ticks)


def _inhibits_itself(network: Network, population: Population, n_ticks: int | None) -> bool:
    """Whether a first spike keeps the current plus bias at or below zero for the rest of the sample."""
    k = population.neuron
    assert isinstance(k, CubaFixed)
    own = [q for q in network.incoming(population.name) if q.pre == population.name]
    if n_ticks is None or not own or np.any(np.asarray(k.du) != 0):
        return False
    inhibition = np.zeros(population.n)
    for q in own:
        matrix = q.connectivity.dense_matrix()
        diagonal = np.diag(matrix)
        if np.any(matrix != np.diag(diagonal)) or np.any(diagonal > 0) or q.delays.longest > 0:
            return False
        inhibition -= diagonal * _unit(q)
    excitation = _bias(k, population.n)
    for q in network.incoming(population.name):
        if q.pre != population.name:
            excitation = excitation + _contribution(network, q, population, n_ticks)[1]
    left = inhibition * (4095 / 4096) ** n_ticks - n_ticks
    return bool(np.all(excitation <= left))


def _contribution(
    network: Network, q: Projection, population: Population, n_ticks: int | None
) -> tuple[FloatArray, FloatArray]:
    """How far one projection can push each current down and up, in units of ``u``."""
    assert isinstance(population.neuron, CubaFixed)
    n = population.n
    left = 1 - (np.asarray(population.neuron.du, np.float64) + 1) / 4096
    ticks = np.inf if n_ticks is None else float(n_ticks)
    lasting = np.broadcast_to((1 - left**ticks) / (1 - left), (n,))
    pre = network.population(q.pre)
    itself = q.pre == q.post
    once = not itself and spikes_once(network, pre, n_ticks)
    once = once or (itself and _inhibits_itself(network, population, n_ticks))
    times = np.minimum(lasting, 1.0 if once else ticks)
    weights = q.connectivity.weights
    assert isinstance(weights, Fixed)
    _, post = q.connectivity.synapses()
    mantissa = weights.mantissa.ravel()
    up = np.bincount(post, np.maximum(mantissa, 0), minlength=n) * _unit(q) * times
    down = np.bincount(post, np.maximum(-mantissa, 0), minlength=n) * _unit(q) * times
    if weights.format.exponent < 0:
        down = down + 64 * lasting * np.bincount(post, minlength=n).astype(bool)
    return down, up


def _unit(q: Projection) -> float:
    """What a mantissa of one adds to the current."""
    assert isinstance(q.connectivity.weights, Fixed)
    return float(2.0 ** (6 + q.connectivity.weights.format.exponent))


def _bias(k: CubaFixed, n: int) -> FloatArray:
    bias = np.ldexp(np.asarray(k.bias_mant, np.float64), np.asarray(k.bias_exp))
    return np.broadcast_to(np.maximum(bias, 0.0), (n,))

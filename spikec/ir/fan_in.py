"""What the synapses of a neuron can bring it at worst: sums of weights, what a shift cuts off, a bias."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.divided import most_together
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import Source


def alike(population: Population) -> Iterator[tuple[IntArray, float, float]]:
    """Neurons with the same decays, and what a tick leaves of their current and membrane."""
    k = population.neuron
    assert isinstance(k, CubaFixed)
    decays = np.stack(
        [np.broadcast_to(np.asarray(d), (population.n,)) for d in (np.asarray(k.du) + 1, np.asarray(k.dv))]
    )
    pairs, which = np.unique(decays, axis=1, return_inverse=True)
    for j, (decay_u, decay_v) in enumerate(pairs.T):
        yield np.flatnonzero(which.ravel() == j), 1 - float(decay_u) / 4096, 1 - float(decay_v) / 4096


def bias_of(population: Population, sign: int = 1) -> FloatArray:
    """How much the bias lifts each membrane in a tick, 0 if it does not, ``(n,)``; with -1, how it lowers it.

    The chip shifts a mantissa toward minus infinity where the exponent is negative.
    """
    k = population.neuron
    assert isinstance(k, CubaFixed)
    bias = np.floor(np.ldexp(np.asarray(k.bias_mant, np.float64), np.asarray(k.bias_exp)))
    return np.broadcast_to(np.maximum(sign * bias, 0.0), (population.n,))


def contribution(
    network: Network, q: Projection, population: Population, n_ticks: int | None, once: Collection[str]
) -> tuple[FloatArray, FloatArray]:
    """How far one projection can push each current down and up, in units of ``u``."""
    assert isinstance(population.neuron, CubaFixed)
    n = population.n
    left = 1 - (np.asarray(population.neuron.du, np.float64) + 1) / 4096
    lasting = np.broadcast_to((1 - left ** most_spikes(n_ticks, False)) / (1 - left), (n,))
    times = np.minimum(lasting, most_spikes(n_ticks, q.pre in once)) * most_at_once(network, q)
    down, up = sums(network, q)
    down, up = down * times, up * times
    exponent = exponent_of(q)
    if exponent < 0:
        n_sums, n_synapses = n_cuts(network, q, n)
        cuts = np.minimum(lasting * n_sums, times * n_synapses)  # a sum is cut once, however many it holds
        down = down + 64 * (1 - 2.0**exponent) * cuts
    return down, up


def most_at_once(network: Network, q: Projection) -> int:
    """How often a presynaptic neuron can spike in one tick."""
    neuron = network.population(q.pre).neuron
    return neuron.most_at_once if isinstance(neuron, Source) else 1


def most_spikes(n_ticks: int | None, once: bool) -> float:
    """How often one neuron can spike in a sample."""
    if once:
        return 1.0
    return np.inf if n_ticks is None else float(n_ticks)


def sums(network: Network, q: Projection) -> tuple[FloatArray, FloatArray]:
    """The magnitudes of all inhibitory and of all excitatory weights of each neuron, in units of ``u``."""
    down = most_together(network, q, lambda r: np.maximum(-mantissa(r), 0) * unit_of(r))
    up = most_together(network, q, lambda r: np.maximum(mantissa(r), 0) * unit_of(r))
    return down, up


def n_cuts(network: Network, q: Projection, n: int) -> tuple[IntArray, IntArray]:
    """How many sums of each neuron are cut off in a tick at most, one a delay, and of how many synapses."""
    n_synapses = most_together(network, q, lambda r: mantissa(r) != 0).astype(np.int64)
    if q.delays.values.ndim == 0:
        return np.minimum(q.connectivity.by_post(mantissa(q) != 0), 1), n_synapses
    some = q.connectivity.stored() != 0
    post, delay = q.connectivity.synapses()[1][some], q.delays.per_synapse(q.connectivity)[some]
    each = int(q.delays.longest) + 1
    return np.bincount(np.unique(post * each + delay) // each, minlength=n), n_synapses


def mantissa(q: Projection) -> IntArray:
    """The stored mantissas, in the weights' shape."""
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights.mantissa


def exponent_of(q: Projection) -> int:
    """The power of two of all mantissas."""
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights.format.exponent


def unit_of(q: Projection) -> float:
    """What a mantissa of one adds to the current."""
    return float(2.0 ** (6 + exponent_of(q)))

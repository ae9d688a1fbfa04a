r"""How far the currents of a fixed network can ever go: worst-case sums over everything that may spike.

A current that leaves 24 bits wraps around to the other sign, which no network survives; a program is finished
only when it is proven that none can. A neuron's current is at most

.. math:: \sum_{\text{projections}} 2^{6 + e} \sum_i \max(w_{ji}, 0)\; n_i, \qquad
          n_i = \min\Big(\text{spikes of } i,\; \sum_{k=0}^{T-1} r^k\Big), \quad r = 1 - (du + 1)/4096

since what arrived k ticks ago is worth :math:`r^k` of itself (rounding is toward zero, so never more). A
negative exponent adds to it downwards, for it cuts off every sum toward minus infinity. Who spikes once
counts once: `once_spiking` says of whom that is certain.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.fixed_neurons import CubaFixed, QifFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import Source

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
    once = once_spiking(network, n_ticks)
    return {
        p.name: _bound(network, p, n_ticks, once)
        for p in network.populations
        if isinstance(p.neuron, CubaFixed | QifFixed)
    }


def current_bound(
    network: Network, population: Population, n_ticks: int | None, promised: Collection[str] = ()
) -> CurrentBound:
    """Bound the current of one population, given that what reaches it is in integers.

    Args:
        network: Other populations may be in real numbers still.
        population: One of its populations, in integers.
        n_ticks: Length of a sample; None for any.
        promised: As for `once_spiking`.
    """
    return _bound(network, population, n_ticks, once_spiking(network, n_ticks, promised))


def once_spiking(network: Network, n_ticks: int | None, promised: Collection[str] = ()) -> frozenset[str]:
    """Populations of which it is certain that no neuron spikes twice in a sample.

    All are taken to spike once, and those that cannot be proven to under this assumption are struck off,
    until all that are left can. That is no circle: had some neuron been the first to spike twice, everybody
    would have kept to the assumption until then, and the proof would hold for it.

    Args:
        network: In the fixed dialect, or on the way there.
        n_ticks: Length of a sample; None for any.
        promised: Populations that are not in integers yet, but will spike once when they are. The others that
            are not yet may spike at any time.
    """
    fixed = {p.name for p in network.populations if isinstance(p.neuron, CubaFixed)}
    given = {p.name for p in network.populations if isinstance(p.neuron, Source) and p.neuron.one_spike}
    given |= set(promised) - fixed
    once = given | fixed
    while True:
        struck = {name for name in once - given if not _spikes_once(network, name, n_ticks, once)}
        if not struck:
            return frozenset(once)
        once -= struck


def _spikes_once(network: Network, name: str, n_ticks: int | None, once: Collection[str]) -> bool:
    population = network.population(name)
    return _passes_on(network, population, once) or _inhibits_itself(network, population, n_ticks, once)


def _passes_on(network: Network, population: Population, once: Collection[str]) -> bool:
    """Whether each neuron has one excitatory synapse at most, from who spikes once, and forgets its current.

    Without excitation such a neuron's membrane does not rise, so it spikes only when its one input arrives.
    """
    k = population.neuron
    assert isinstance(k, CubaFixed)
    if np.any(np.asarray(k.du) != 4095) or np.any(np.asarray(k.bias_mant) > 0):
        return False
    n_excitatory = np.zeros(population.n, np.int64)
    for q in network.incoming(population.name):
        _, post = q.connectivity.synapses()
        reached = np.bincount(post[_mantissa(q) > 0], minlength=population.n)
        if q.pre not in once and reached.any():
            return False
        n_excitatory += reached
    return bool(n_excitatory.max() <= 1)


def _inhibits_itself(
    network: Network, population: Population, n_ticks: int | None, once: Collection[str]
) -> bool:
    r"""Whether a first spike keeps every later one away.

    Neurons that nothing excites, and whose bias does not lift them, never spike. Else a spike sets the
    membrane to 0, and one tick later its own inhibition :math:`I` arrives.

    * Where the current stays (du = 0), current and bias must remain at or below zero: what is left of
      :math:`I` after T ticks, less one for rounding in each, outweighs all excitation and the bias.
    * Where the membrane stays (du = 4095, dv = 0), :math:`I` must outweigh the sum of all excitation and T
      times the bias; and that sum must stay below :math:`2^{23}`, for the membrane forgets what would take it
      lower than that.
    """
    k = population.neuron
    assert isinstance(k, CubaFixed)
    bias = np.ldexp(np.maximum(np.asarray(k.bias_mant, np.float64), 0.0), np.asarray(k.bias_exp))
    bias = np.broadcast_to(bias, (population.n,))
    incoming = network.incoming(population.name)
    quiet = bias + sum(_sums(q, population.n)[1] for q in incoming) == 0
    inhibition = _own_inhibition(network, population)
    if np.all(quiet | (inhibition == 0)):
        return bool(np.all(quiet))
    if np.all(np.asarray(k.du) == 0) and n_ticks is not None:
        raised = sum((_contribution(q, population, n_ticks, once)[1] for q in incoming), start=bias)
        return bool(np.all(quiet | (raised <= inhibition * (4095 / 4096) ** n_ticks - n_ticks)))
    if np.all(np.asarray(k.du) == 4095) and np.all(np.asarray(k.dv) == 0):
        raised = _total(bias, _most_spikes(n_ticks, False))
        for q in incoming:
            raised = raised + _total(_sums(q, population.n)[1], _most_spikes(n_ticks, q.pre in once))
        return bool(np.all(raised <= np.minimum(inhibition, M - 1)))
    return False


def _own_inhibition(network: Network, population: Population) -> FloatArray:
    """What each neuron takes off its own current one tick after its spike, in units of ``u``."""
    inhibition = np.zeros(population.n)
    for q in network.incoming(population.name):
        if q.pre == population.name:
            pre, post = q.connectivity.synapses()
            own = (pre == post) & (q.delays.per_synapse(q.connectivity) == 0)
            taken = np.where(own, np.maximum(-_mantissa(q), 0), 0)
            inhibition += np.bincount(post, taken, minlength=population.n) * _unit(q)
    return inhibition


def _bound(
    network: Network, population: Population, n_ticks: int | None, once: Collection[str]
) -> CurrentBound:
    begun = np.abs(np.asarray(getattr(population.neuron, "u_init", 0), np.float64))
    lowest, highest = np.zeros(population.n) - begun, np.zeros(population.n) + begun
    for q in network.incoming(population.name):
        down, up = _contribution(q, population, n_ticks, once)
        lowest, highest = lowest - down, highest + up
    return CurrentBound(lowest, highest)


def _contribution(
    q: Projection, population: Population, n_ticks: int | None, once: Collection[str]
) -> tuple[FloatArray, FloatArray]:
    """How far one projection can push each current down and up, in units of ``u``."""
    assert isinstance(population.neuron, CubaFixed | QifFixed)
    n = population.n
    left = 1 - (np.asarray(population.neuron.du, np.float64) + 1) / 4096
    lasting = np.broadcast_to((1 - left ** _most_spikes(n_ticks, False)) / (1 - left), (n,))
    times = np.minimum(lasting, _most_spikes(n_ticks, q.pre in once))
    down, up = _sums(q, n)
    down, up = down * times, up * times
    exponent = _exponent(q)
    if exponent < 0:
        n_sums, n_synapses = _n_cuts(q, n)
        cuts = np.minimum(lasting * n_sums, times * n_synapses)
        down = down + 64 * (1 - 2.0**exponent) * cuts
    return down, up


def _most_spikes(n_ticks: int | None, once: bool) -> float:
    """How often one neuron can spike in a sample."""
    if once:
        return 1.0
    return np.inf if n_ticks is None else float(n_ticks)


def _total(amounts: FloatArray, times: float) -> FloatArray:
    """Amounts that come so many times; nothing, without end, is nothing."""
    return amounts * times if np.isfinite(times) else np.where(amounts > 0, np.inf, 0.0)


def _sums(q: Projection, n: int) -> tuple[FloatArray, FloatArray]:
    """The magnitudes of all inhibitory and of all excitatory weights of each neuron, in units of ``u``."""
    _, post = q.connectivity.synapses()
    down = np.bincount(post, np.maximum(-_mantissa(q), 0), minlength=n) * _unit(q)
    up = np.bincount(post, np.maximum(_mantissa(q), 0), minlength=n) * _unit(q)
    return down, up


def _n_cuts(q: Projection, n: int) -> tuple[IntArray, IntArray]:
    """How many sums of each neuron are cut off in a tick at most, one a delay, and of how many synapses."""
    some = _mantissa(q) != 0
    _, post = q.connectivity.synapses()
    post, delay = post[some], q.delays.per_synapse(q.connectivity)[some]
    n_synapses = np.bincount(post, minlength=n)
    if q.delays.values.ndim == 0:
        return np.minimum(n_synapses, 1), n_synapses
    each = int(q.delays.longest) + 1
    return np.bincount(np.unique(post * each + delay) // each, minlength=n), n_synapses


def _mantissa(q: Projection) -> IntArray:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights.mantissa.ravel()


def _exponent(q: Projection) -> int:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights.format.exponent


def _unit(q: Projection) -> float:
    """What a mantissa of one adds to the current."""
    return float(2.0 ** (6 + _exponent(q)))

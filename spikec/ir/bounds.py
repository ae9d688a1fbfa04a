r"""How far the currents of a fixed network can ever go: worst-case sums over everything that may spike.

A current that leaves 24 bits wraps around to the other sign, which no network survives; a program is finished
only when it is proven that none can. A neuron's current is at most

.. math:: \sum_{\text{projections}} 2^{6 + e} \sum_i \max(w_{ji}, 0)\; n_i, \qquad
          n_i = \min\Big(\text{spikes of } i,\; \sum_{k=0}^{T-1} r^k\Big), \quad r = 1 - (du + 1)/4096

since what arrived k ticks ago is worth :math:`r^k` of itself (rounding is toward zero, so never more). A
negative exponent adds to it downwards, for it cuts off every sum toward minus infinity. Who spikes once
counts once: `once_spiking` says of whom that is certain.

Membranes cannot wrap, they stop at 24 bits. Where one that spikes stops it is far below its threshold, and
nothing is proven of how long that lasts; of neurons that never spike, `membrane_bound` says how far they go,
and a program is finished only if none gets to the end. Sums of mantissas are kept in 32 bits on their way to
a neuron: the current that one becomes is 64 times as large and fits 24 bits, so before a shift of 8 bits to
the right, the most there is, it fits 26.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.ir.earliest import earliest_spikes, membrane_reach
from spikec.ir.fan_in import (
    alike,
    bias_of,
    contribution,
    exponent_of,
    mantissa,
    most_at_once,
    n_cuts,
    sums,
)
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.kernels import Kernel, current_kernel, membrane_kernel, total
from spikec.ir.network import Network, Population
from spikec.ir.neurons import Source
from spikec.ir.own_inhibition import Inhibition, inhibition_left, own_inhibitions

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
        if isinstance(p.neuron, CubaFixed)
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


def membrane_bound(
    network: Network, population: Population, n_ticks: int | None, promised: Collection[str] = ()
) -> CurrentBound:
    r"""Bound the membranes of neurons that never spike, before they stop at 24 bits.

    An arrival leaves :math:`\kappa(m)` of itself in the membrane (`spikec.ir.kernels`), none comes before its
    neuron can have spiked (`spikec.ir.earliest`), a bias comes in every tick, and rounding toward zero moves
    what has the other sign by less than one a tick, in current and membrane.

    Args:
        network: Other populations may be in real numbers still.
        population: One of its populations, in integers.
        n_ticks: Length of a sample; None for any, which only forgetting membranes are bound in.
        promised: As for `once_spiking`.

    Returns:
        The extremes of ``v`` up to the tick after the last.
    """
    once = once_spiking(network, n_ticks, promised)
    lowest, highest = np.zeros(population.n), np.zeros(population.n)
    sides = (bias_of(population, -1), bias_of(population))
    earliest = {} if n_ticks is None else earliest_spikes(network, n_ticks, once)
    for neurons, r, b in alike(population):
        ever, single, rounding, biases = _membrane_weights(r, b, n_ticks)
        down, up = (total(side[neurons], np.asarray(biases)) for side in sides)
        for q in network.incoming(population.name):
            if n_ticks is None:
                times = np.asarray(min(single, ever) if q.pre in once else ever)
                below, above = (total(s * most_at_once(network, q), times) for s in sums(network, q))
            else:
                kernel, end = membrane_kernel(r, b, n_ticks), np.array([n_ticks])
                below, above = (
                    membrane_reach(network, q, kernel, end, q.pre in once, earliest, sign)[0]
                    for sign in (-1, 1)
                )
            down, up = down + below[neurons], up + above[neurons]
            if exponent_of(q) < 0:
                cuts = n_cuts(network, q, population.n)[0][neurons].astype(np.float64)
                down = down + total(64 * (1 - 2.0 ** exponent_of(q)) * cuts, np.asarray(ever))
        moved = np.where((down > 0) & (up > 0), rounding, 0.0)
        lowest[neurons], highest[neurons] = -(down + moved), up + moved
    return CurrentBound(lowest, highest)


def _membrane_weights(r: float, b: float, n_ticks: int | None) -> tuple[float, float, float, float]:
    """What a membrane keeps of arrivals in every tick, of one, of what rounding moves, and of a bias."""
    if n_ticks is not None:
        kernel = membrane_kernel(r, b, n_ticks)
        kept = float(np.sum(b ** np.arange(n_ticks + 1.0)))
        ever = float(kernel.left.sum())
        return ever, float(kernel.highest[-1]), (ever if r > 0 else 0.0) + (kept if b < 1 else 0.0), kept
    if b == 1:
        return np.inf, 1 / (1 - r), np.inf if r > 0 else 0.0, np.inf
    kept, ever = 1 / (1 - b), 1 / (1 - b) / (1 - r)
    return ever, ever, (ever if r > 0 else 0.0) + (kept if b > 0 else 0.0), kept


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
        reached = q.connectivity.by_post(mantissa(q) > 0)
        if (q.pre not in once or most_at_once(network, q) > 1) and reached.any():
            return False
        n_excitatory += reached
    return bool(n_excitatory.max() <= 1)


def _inhibits_itself(
    network: Network, population: Population, n_ticks: int | None, once: Collection[str]
) -> bool:
    r"""Whether a first spike keeps every later one away.

    Neurons that nothing excites, and whose bias does not lift them, never spike. Else a spike sets the
    membrane to 0, and from the next tick on its own inhibitions arrive. With :math:`I(m)` and
    :math:`I_v(m)`, what they take off current and membrane m ticks later, it is enough that for all m up to
    the end of the sample one of these holds:

    * the current, bias included, stays at or below zero, and so does the membrane. :math:`I(m)` outweighs all
      excitation, as if it came at that moment, and the bias;
    * the membrane stays at or below zero, wherever the current is. :math:`I_v(m)` outweighs whatever all
      excitation and the bias can have left in it; and so does, if all inhibition together could push it
      that far, what a membrane keeps of :math:`-2^{23} + 1`, for it forgets how much lower it would be.

    Rounding toward zero weakens what is negative by less than one in each tick, in current and membrane.
    """
    bias = bias_of(population)
    quiet = bias + sum(sums(network, q)[1] for q in network.incoming(population.name)) == 0
    inhibitions = own_inhibitions(network, population)
    if np.all(quiet) or not inhibitions:
        return bool(np.all(quiet))
    for neurons, r, b in alike(population):
        chosen = neurons[~quiet[neurons]]
        if not chosen.size:
            continue
        held = _holds_current(network, population, chosen, r, inhibitions, n_ticks, once)
        rest = chosen[~held]
        if rest.size and not _holds_membrane(network, population, rest, (r, b), inhibitions, n_ticks, once):
            return False
    return True


def _holds_current(
    network: Network,
    population: Population,
    neurons: IntArray,
    r: float,
    inhibitions: Collection[Inhibition],
    n_ticks: int | None,
    once: Collection[str],
) -> BoolArray:
    """Of which neurons the current, bias included, stays at or below zero after a spike, ``(n,)``."""
    if n_ticks is None:
        return np.zeros(neurons.size, np.bool_)
    incoming = network.incoming(population.name)
    raised = sum(
        (contribution(network, q, population, n_ticks, once)[1] for q in incoming), start=bias_of(population)
    )
    kernel = current_kernel(r, n_ticks)
    before_next = {n_ticks, *(i.late - 1 for i in inhibitions if 0 < i.late <= n_ticks)}
    left = inhibition_left(inhibitions, kernel.left, neurons, np.array(sorted(before_next)))
    rounding = kernel.left.sum() if r > 0 else 0.0
    return np.asarray(raised[neurons] <= left.min(axis=1) - rounding)


def _holds_membrane(
    network: Network,
    population: Population,
    neurons: IntArray,
    keeps: tuple[float, float],
    inhibitions: Collection[Inhibition],
    n_ticks: int | None,
    once: Collection[str],
) -> bool:
    """Whether the membrane of all these neurons stays at or below zero after a spike."""
    r, b = keeps
    if n_ticks is None and keeps != (0.0, 1.0):
        return False
    horizon = n_ticks or 0  # what neither fades nor comes again is the same in every tick
    kernel = membrane_kernel(r, b, horizon)
    kept = b ** np.arange(horizon + 1.0)
    raised = np.zeros((neurons.size, horizon + 1))
    every_tick = np.inf if n_ticks is None else np.cumsum(kept)
    sources = [(bias_of(population), every_tick)]
    for q in network.incoming(population.name):
        often = kernel.piled if n_ticks is not None else np.inf
        up = sums(network, q)[1] * most_at_once(network, q)
        sources.append((up, kernel.highest if q.pre in once else often))
    for amount, times in sources:
        raised += total(amount[neurons, None], np.asarray(times))
    raised += (kernel.piled if r > 0 else 0.0) + (np.cumsum(kept) if b < 1 else 0.0)
    left = inhibition_left(inhibitions, kernel.left, neurons, np.arange(horizon + 1))
    forgets = n_ticks is None or _deepest(network, population, neurons, kernel, inhibitions, once) >= M - 1
    return bool(np.all(raised <= (np.minimum(left, (M - 1) * kept) if forgets else left)))


def _deepest(
    network: Network,
    population: Population,
    neurons: IntArray,
    kernel: Kernel,
    inhibitions: Collection[Inhibition],
    once: Collection[str],
) -> float:
    """How far below zero all inhibition together could push the membrane of any of these neurons."""
    k = population.neuron
    assert isinstance(k, CubaFixed)
    highest, ever = kernel.highest[-1], kernel.left.sum()
    whole = [replace(i, amount=64 * np.ceil(i.amount / 64)) for i in inhibitions if i.alone]
    ticks = np.arange(kernel.left.size)
    deepest = inhibition_left(whole, kernel.left, neurons, ticks).max(axis=1)
    bias = np.ldexp(np.minimum(np.asarray(k.bias_mant, np.float64), 0.0), np.asarray(k.bias_exp))
    deepest += np.broadcast_to(np.ceil(-bias), (population.n,))[neurons] * kernel.left.size
    for q in network.incoming(population.name):
        if q.name not in {i.projection for i in whole}:
            n_sums, n_synapses = n_cuts(network, q, population.n) if exponent_of(q) < 0 else (0, 0)
            down = sums(network, q)[0]
            most = (down + 64 * n_synapses) * highest if q.pre in once else (down + 64 * n_sums) * ever
            deepest += most[neurons]
    return float(deepest.max())


def _bound(
    network: Network, population: Population, n_ticks: int | None, once: Collection[str]
) -> CurrentBound:
    """Bound a current; what one spike brings back to its neuron comes piece by piece, and fades meanwhile."""
    lowest, highest = np.zeros(population.n), np.zeros(population.n)
    own = own_inhibitions(network, population) if population.name in once and n_ticks is not None else []
    own = [i for i in own if i.alone]
    for q in network.incoming(population.name):
        if q.name not in {i.projection for i in own}:
            down, up = contribution(network, q, population, n_ticks, once)
            lowest, highest = lowest - down, highest + up
    if own and n_ticks is not None:
        times = np.unique([i.late for i in own if i.late <= n_ticks])
        whole = [replace(i, amount=64 * np.ceil(i.amount / 64)) for i in own]  # cut off downwards
        for neurons, r, _ in alike(population):
            left = inhibition_left(whole, current_kernel(r, n_ticks).left, neurons, times)
            lowest[neurons] -= left.max(axis=1, initial=0.0)
    return CurrentBound(lowest, highest)

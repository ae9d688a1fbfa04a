"""The records of populations, and in which order their neurons lie.

A population has `width` *places*, a multiple of a tile, and as many of them hold a neuron as it has; `order`
says which. Where a kernel leads to a population, its neurons lie pixel by pixel, all channels of a pixel side
by side, as the kernel's weights do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.ir.connectivity import Convolution, DelayKind
from spikec.ir.fan_in import most_at_once
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Network, Projection
from spikec_cpu.lower_neurons import kinds_and_places
from spikec_cpu.lower_parts import TILE, padded, starts

ONE_DELAY = (DelayKind.UNIFORM, DelayKind.AXONAL)
"""Delays that all synapses of a presynaptic neuron share."""

POPULATION = np.dtype(
    [
        ("n", "i8"),  # neurons
        ("width", "i8"),  # places they take: the next multiple of `TILE`
        ("first", "i8"),  # its first place among those of all neurons
        ("kind", "i8"),  # type of its neurons, see `lower_neurons`
        ("place", "i8"),  # place of its first neuron in the table of that type
        ("ring", "i8"),  # where its ring of sums begins
        ("wraps", "i8"),  # whether its currents may leave their 24 bits
        ("slots", "i8"),  # ticks in the ring; 1 if nothing has an extra delay
        ("first_block", "i8"),  # the blocks that end here
        ("last_block", "i8"),
    ],
    align=True,
)


def order_of(network: Network, name: str) -> IntArray:
    """Which neuron of a population each place holds: pixel by pixel if a kernel leads to it."""
    n = network.population(name).n
    for q in network.incoming(name):
        if slides(q):
            return _by_pixel(q.connectivity.weights.shape[0], n)
    return np.arange(n)


def _by_pixel(channels: int, n: int) -> IntArray:
    return np.arange(n).reshape(channels, -1).T.ravel()


def in_order(q: Projection, order: IntArray) -> bool:
    """Whether a kernel's output channels lie side by side in a population's order."""
    return np.array_equal(_by_pixel(q.connectivity.weights.shape[0], order.size), order)


def places_of(order: IntArray) -> IntArray:
    """The place of each neuron."""
    places = np.empty_like(order)
    places[order] = np.arange(order.size)
    return places


def slides(q: Projection) -> bool:
    """Whether a projection is a kernel that kernels here can walk: all of a spike's fan-out in one delay."""
    return isinstance(q.connectivity, Convolution) and q.delays.kind in ONE_DELAY


def populations_of(network: Network, ordered: Sequence[Projection], blocks: AnyArray) -> AnyArray:
    """The records of all populations.

    Args:
        network: In the fixed dialect.
        ordered: Its projections, by postsynaptic population.
        blocks: What they became, in the same order.
    """
    populations = np.zeros(len(network.populations), POPULATION)
    populations["n"] = [p.n for p in network.populations]
    populations["width"] = [padded(p.n, TILE) for p in network.populations]
    populations["first"] = starts(populations["width"])
    populations["kind"], populations["place"] = kinds_and_places(network)
    posts = [q.post for q in ordered]
    incoming = np.array([posts.count(p.name) for p in network.populations])
    populations["first_block"] = starts(incoming)
    populations["last_block"] = np.cumsum(incoming)
    for p in populations:
        p["slots"] = blocks["spread"][p["first_block"] : p["last_block"]].max(initial=0) + 1
    populations["wraps"] = [wraps(network, p.name) for p in network.populations]
    populations["ring"] = starts(populations["width"] * populations["slots"])
    return populations


def wraps(network: Network, name: str) -> bool:
    r"""Whether currents of `CubaFixed` neurons may leave their 24 bits, for all that is known without proofs.

    In a tick a neuron gets :math:`2^6 X` at most, X the larger of its positive and negative weights summed,
    times the spikes that their neurons may have in a tick, and one more where a shift to the right cuts off.
    What stays of it are :math:`1 - (du + 1)/4096` of the tick before, so a current is at most
    :math:`2^6 X \cdot 4096 / (du + 1)`. `spikec.ir.bounds` knows better, and takes longer.
    """
    neuron = network.population(name).neuron
    if not isinstance(neuron, CubaFixed):
        return False
    most = 0.0
    for q in network.incoming(name):
        assert isinstance(q.connectivity.weights, Fixed)
        stored, often = mantissas(q.connectivity.weights), most_at_once(network, q)
        sums = [q.connectivity.by_post(np.maximum(side * stored, 0)).max(initial=0) for side in (1, -1)]
        lasts = q.delays.longest - float(np.min(q.delays.values, initial=q.delays.longest)) + 1
        most += max(sums) * often * 2.0**q.connectivity.weights.format.exponent + lasts
    least = int(np.asarray(neuron.du).min(initial=4095))
    return bool(most * 64 * 4096 / (least + 1) >= 1 << 23)

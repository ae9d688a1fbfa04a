"""What a neuron's spike takes off its own current later on: by synapses to itself, and through relays.

A relay is a population in which every neuron has one input and repeats each of its spikes. A spike that comes
back through relays comes back for certain, as one does that comes back directly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks


@dataclass(frozen=True, eq=False)
class Inhibition:
    """What comes back to each neuron from its own spike at one time.

    Attributes:
        late: Ticks by which it comes later than the tick after the spike.
        amount: What it takes off the current, in units of ``u``, ``(n,)``, zero or more.
        projection: The projection that brings it.
        alone: Whether that projection brings nothing else.
    """

    late: int
    amount: FloatArray
    projection: str
    alone: bool


def own_inhibitions(network: Network, population: Population) -> list[Inhibition]:
    """All that comes back to each neuron of a population from its own spike.

    Args:
        network: Relays may be in real numbers still.
        population: One of its populations, with incoming weights in integers.
    """
    found: list[Inhibition] = []
    for name, origin, late in echoes(network, population):
        for q in network.outgoing(name):
            if q.post == population.name and isinstance(q.connectivity.weights, Fixed) and q.delays.in_ticks:
                found.extend(_brought_back(q, origin, late, population.n))
    return sorted(found, key=lambda i: i.late)


def inhibition_left(
    inhibitions: Collection[Inhibition], left: FloatArray, neurons: IntArray, ticks: IntArray
) -> FloatArray:
    """How much of all inhibitions is left some ticks after the first can come, in units of ``u``.

    Args:
        inhibitions: Of one population.
        left: What is left of one arrival after 0, 1, ... ticks.
        neurons: Neurons with this kernel, ``(n,)``.
        ticks: Which ticks, ``(n_ticks,)``.

    Returns:
        Shape ``(n, n_ticks)``.
    """
    total = np.zeros((neurons.size, ticks.size))
    for i in inhibitions:
        since = ticks - i.late
        total += i.amount[neurons, None] * np.where(since >= 0, left[np.maximum(since, 0)], 0.0)
    return total


def echoes(network: Network, population: Population) -> Iterator[tuple[str, IntArray, int]]:
    """The population and all relays of it: name, whose spikes each neuron repeats, and how late."""
    waiting, seen = [(population.name, np.arange(population.n), 0)], {population.name}
    while waiting:
        name, origin, late = waiting.pop()
        yield name, origin, late
        for q in network.outgoing(name):
            if q.post not in seen and repeats(network, q):
                seen.add(q.post)
                pre, post = q.connectivity.synapses()
                repeated_by = origin[pre[np.argsort(post)]]
                waiting.append((q.post, repeated_by, late + 1 + int(q.delays.values)))


def repeats(network: Network, q: Projection) -> bool:
    """Whether every neuron at the far end does nothing but repeat one neuron at the near end."""
    p = network.population(q.post)
    if len(network.incoming(p.name)) > 1 or q.connectivity.n_synapses != p.n:
        return False
    _, post = q.connectivity.synapses()
    if not np.array_equal(np.sort(post), np.arange(p.n)):
        return False
    if q.delays.values.ndim or not q.delays.in_ticks:
        return False
    weights, k = q.connectivity.weights, p.neuron
    if isinstance(k, CubaFixed) and isinstance(weights, Fixed):
        forgets, bias, threshold = np.asarray(k.du) == 4095, k.bias_mant, k.vth
        arriving = q.connectivity.per_synapse(np.floor(weights.value))[np.argsort(post)]
    elif isinstance(k, CubaTicks) and not isinstance(weights, Fixed):
        forgets, bias, threshold = np.asarray(k.decay_u) == 4096, k.bias, k.threshold
        arriving = q.connectivity.stored()[np.argsort(post)]
    else:
        return False
    return bool(np.all(forgets) and not np.any(np.asarray(bias)) and np.all(arriving > np.asarray(threshold)))


def _brought_back(q: Projection, origin: IntArray, late: int, n: int) -> Iterator[Inhibition]:
    pre, post = q.connectivity.synapses()
    assert isinstance(q.connectivity.weights, Fixed)
    weights = q.connectivity.per_synapse(q.connectivity.weights.value) * 64
    stored = q.connectivity.stored() != 0
    own = (origin[pre] == post) & (weights < 0)
    alone = bool(np.all(own | ~stored)) and q.delays.values.ndim == 0
    delay = q.delays.per_synapse(q.connectivity)
    for d in np.unique(delay[own]):
        chosen = own & (delay == d)
        yield Inhibition(
            late + int(d), np.bincount(post[chosen], -weights[chosen], minlength=n), q.name, alone
        )

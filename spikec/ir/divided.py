"""Divided inputs: of the neurons that one input has for the parts of a tick, one spikes in a sample.

So what an input can do to a neuron is what the strongest of its parts does, through all projections together,
those of relays that repeat its spikes among them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks


def most_together(network: Network, q: Projection, amounts: Callable[[Projection], AnyArray]) -> AnyArray:
    """What one spike of each input of a projection brings each neuron at most, summed over inputs.

    Of a divided input only one part counts: the one that brings most through all projections together, so
    that the sum over these projections is the most that they can bring.

    Args:
        network: Holds the projection.
        q: The projection.
        amounts: What each synapse of a projection brings, zero or more, in the shape of its weights.

    Returns:
        Shape ``(n_post,)``.
    """
    origin = repeats(network, q.pre)
    if origin is None:
        return q.connectivity.by_post(amounts(q))
    source = network.population(origin[0])
    own, together = np.zeros(()), np.zeros(())
    for r in network.incoming(q.post):
        found = repeats(network, r.pre)
        if found is not None and found[0] == source.name:
            brought = _by_part(r, found[1], source, amounts(r))
            together = together + brought
            own = brought if r.name == q.name else own
    strongest = together.argmax(axis=1)[:, None]
    most: AnyArray = np.take_along_axis(own, strongest, axis=1).sum(axis=(1, 2))
    return most


def repeats(network: Network, name: str) -> tuple[str, IntArray] | None:
    """The divided input that a population is, or repeats, and which of its neurons each neuron stands for."""
    chain = [name]
    while not network.population(chain[-1]).is_divided:
        incoming = network.incoming(chain[-1])
        if len(incoming) != 1 or incoming[0].pre in chain or not _relays(network, incoming[0]):
            return None
        chain.append(incoming[0].pre)
    stands_for = np.arange(network.population(chain[-1]).n)
    for relay in reversed(chain[:-1]):
        (q,) = network.incoming(relay)
        pre, post = q.connectivity.synapses()
        before, stands_for = stands_for, np.zeros(q.connectivity.n_post, np.int64)
        stands_for[post] = before[pre]
    return chain[-1], stands_for


def _relays(network: Network, q: Projection) -> bool:
    """Whether neurons with no other input have one synapse each, and keep nothing of their currents."""
    k = network.population(q.post).neuron
    if isinstance(k, CubaFixed):
        decay, bias = np.asarray(k.du) + 1, np.asarray(k.bias_mant)
    elif isinstance(k, CubaTicks):
        decay, bias = np.asarray(k.decay_u), np.asarray(k.bias)
    else:
        return False
    _, post = q.connectivity.synapses()
    return bool(np.all(decay == 4096) and np.all(bias <= 0) and np.unique(post).size == post.size)


def _by_part(q: Projection, stands_for: IntArray, source: Population, amounts: AnyArray) -> FloatArray:
    """What synapses bring, by postsynaptic neuron, part and input, ``(n_post, parts, n_inputs)``."""
    n_inputs = prod(source.given_shape)
    pre, post = q.connectivity.synapses()
    part, which = np.divmod(stands_for[pre], n_inputs)
    brought = np.zeros((q.connectivity.n_post, source.shape[0], n_inputs))
    np.add.at(brought, (post, part, which), q.connectivity.per_synapse(amounts))
    return brought

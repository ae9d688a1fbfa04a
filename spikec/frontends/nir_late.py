"""Biases of weights that lead back, for simulators in which they come late (`Convention.recurrent_bias`).

nirtorch gives a module that closes a cycle the output which its sender had in the step before. In the first
step there is none, so the module does not run, and what it adds is missing too. A bias that starts late is no
bias of a neuron: here a neuron that spikes in every tick sends it, on the way that it would take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from spikec.arrays import FloatArray
from spikec.frontends.nir_graph import FlatGraph
from spikec.frontends.nir_paths import Path, constants
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If


def late_biases(flat: FlatGraph, ways: Collection[Path], network: Network) -> frozenset[str]:
    """Names of the nodes with a bias that nothing reaches but spikes that lead back.

    Args:
        flat: The graph.
        ways: All its paths.
        network: The same in order, which says what leads back.
    """
    back = {(q.pre, q.post) for q in network.projections if network.leads_back(q)}
    through: dict[str, list[bool]] = {}
    for way in ways:
        for name in way.nodes[1:-1]:
            through.setdefault(name, []).append((way.pre, way.post) in back)
    return frozenset(n for n, leading in through.items() if all(leading) and "bias" in flat.nodes[n].values)


def late_senders(
    flat: FlatGraph, late: Collection[str], gains: Mapping[str, FloatArray], clock: Ticks
) -> Iterator[tuple[Population, Projection]]:
    """What sends the biases of some nodes from the tick on in which a first spike arrives.

    A membrane that rises by one in every tick is above a threshold of zero after each, whatever a spike does
    to it.

    Args:
        flat: The graph.
        late: Names of the nodes.
        gains: Of every receiver, by which weights that end there are multiplied.
        clock: The simulator's.
    """
    habits = clock.convention
    for receiver, constant in constants(flat, late).items():
        name = f"{receiver}.late_bias"
        weights = np.broadcast_to(gains[receiver] * constant, constant.shape)[:, None]
        delay = habits.hop(leads_back=True) - habits.hop(leads_back=False)
        sender = Population(name, If(threshold=0.0, bias=1 / clock.dt), (1,))
        yield sender, Projection(name, name, receiver, Dense(weights), Delays(np.asarray(delay)))


def late_notes(flat: FlatGraph, late: Collection[str]) -> Iterator[str]:
    """What was done about late biases."""
    for name in sorted(late):
        if np.any(flat.nodes[name].values["bias"] != 0):
            yield f"the bias of {flat.nodes[name]} comes late; a neuron that spikes in every tick sends it"

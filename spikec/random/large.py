"""Two networks of neuroscience, at any size, drawn by rules: what large simulators are compared on.

Units are millivolts and seconds. Four of five neurons and synapses excite, a spike takes 1.5 ms, and a tick
is 0.1 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.ir.connectivity import Delays, FixedInDegree
from spikec.ir.iaf import IafNeuron, IafPscDelta, IafPscExp, PoissonDrive
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.targets.target import load_target

DT = 1e-4
"""Length of a tick, seconds."""

DELAY_TICKS = 14
"""Of all synapses; the hop's own tick comes on top."""


def vogels_abbott(n: int, degree: int = 80, seed: int = 1) -> Program:
    """The current-based network of self-sustained irregular activity.

    Source: T. P. Vogels and L. F. Abbott, J. Neurosci. 25, 10786 (2005), as benchmark 2 of R. Brette et al.,
    J. Comput. Neurosci. 23, 349 (2007).

    Args:
        n: Neurons.
        degree: Synapses that end at each.
        seed: Where synapses and first membranes come from.
    """
    rng = np.random.default_rng(seed)
    neurons = {
        name: IafPscExp(20e-3, 5e-3, 10e-3, -50.0, -49.0, -60.0, 5e-3, rng.uniform(-60, -50, size))
        for name, size in _sizes(n).items()
    }
    return _network(neurons, _sizes(n), degree, {"E": 1.62, "I": -9.0}, seed)


def brunel(n: int, degree: int = 1000, seed: int = 1) -> Program:
    """The random network with delta synapses and Poisson input: g = 5, and twice the rate of threshold.

    Weights are 100 / k mV for k excitatory synapses, so that their sum is the same at any degree.

    Source: N. Brunel, J. Comput. Neurosci. 8, 183 (2000).

    Args:
        n: Neurons.
        degree: Synapses that end at each.
        seed: Where synapses and input come from.
    """
    weight = 100.0 / _sizes(degree)["E"]
    neurons = {
        name: IafPscDelta(
            20e-3, 20.0, refractory=2e-3, drive=PoissonDrive(2 * 20 / (weight * 20e-3), weight, 2 * seed + k)
        )
        for k, name in enumerate(_sizes(n))
    }
    return _network(neurons, _sizes(n), degree, {"E": weight, "I": -5 * weight}, seed)


def _sizes(n: int) -> dict[str, int]:
    """Of a number of neurons or synapses those that excite, and those that inhibit."""
    return {"E": n * 4 // 5, "I": n - n * 4 // 5}


def _network(
    neurons: Mapping[str, IafNeuron],
    sizes: Mapping[str, int],
    degree: int,
    weights: Mapping[str, float],
    seed: int,
) -> Program:
    pairs = [(pre, post) for pre in sizes for post in sizes]
    projections = tuple(
        Projection(
            f"{pre}-{post}",
            pre,
            post,
            FixedInDegree(
                sizes[pre], sizes[post], _sizes(degree)[pre], np.asarray(weights[pre]), 4 * seed + k
            ),
            Delays(np.asarray(DELAY_TICKS)),
        )
        for k, (pre, post) in enumerate(pairs)
    )
    populations = tuple(Population(name, neuron, (sizes[name],)) for name, neuron in neurons.items())
    network = Network(populations, projections, (), tuple(sizes), Ticks(DT, LOIHI))
    return Program(verify(network), load_target("ideal"), source={"kind": "drawn by rules"})

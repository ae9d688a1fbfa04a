"""The two networks of the large benchmarks, at any size, and small corners of what they are made of."""

from __future__ import annotations

import numpy as np

from spikec.ir.connectivity import Delays, FixedInDegree
from spikec.ir.iaf import IafPscDelta, IafPscExp, PoissonDrive
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.targets.target import load_target

DT = 1e-4


def vogels_abbott(n: int, degree: int = 80, seed: int = 1) -> Program:
    """The current-based network of Vogels and Abbott (2005), millivolts and seconds."""
    sizes = {"E": n * 4 // 5, "I": n - n * 4 // 5}
    rng = np.random.default_rng(seed)
    neurons = {
        name: IafPscExp(20e-3, 5e-3, 10e-3, -50.0, -49.0, -60.0, 5e-3, rng.uniform(-60, -50, m))
        for name, m in sizes.items()
    }
    return network(neurons, sizes, degree, {"E": 1.62, "I": -9.0}, seed)


def brunel(n: int, degree: int = 100, seed: int = 1) -> Program:
    """The network of Brunel (2000) with delta synapses, g = 5 and eta = 2."""
    sizes = {"E": n * 4 // 5, "I": n - n * 4 // 5}
    weight = 0.1 * 1000 / (degree * 4 // 5)
    neurons = {
        name: IafPscDelta(
            20e-3, 20.0, refractory=2e-3, drive=PoissonDrive(2 * 20 / (weight * 0.02), weight, k)
        )
        for k, name in enumerate(sizes)
    }
    return network(neurons, sizes, degree, {"E": weight, "I": -5 * weight}, seed)


def network(neurons, sizes, degree, weights, seed):
    """Two populations, and rules between all of them; four of five synapses are excitatory."""
    degrees = {"E": degree * 4 // 5, "I": degree - degree * 4 // 5}
    projections = tuple(
        Projection(
            f"{pre}-{post}",
            pre,
            post,
            FixedInDegree(sizes[pre], sizes[post], degrees[pre], weights[pre], 10 * seed + k),
            Delays(14),  # and the hop's own tick: 1.5 ms
        )
        for k, (pre, post) in enumerate((a, b) for a in sizes for b in sizes)
    )
    populations = tuple(Population(name, neurons[name], (m,)) for name, m in sizes.items())
    return program(Network(populations, projections, (), tuple(sizes), Ticks(DT, LOIHI)))


def program(net: Network) -> Program:
    """A network as engines take it."""
    return Program(verify(net), load_target("ideal"))

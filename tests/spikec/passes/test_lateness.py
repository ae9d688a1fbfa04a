"""Lateness: whole ticks of hops, and half a tick for every population that sees its spikes a tick late."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from spikec.coding import BinaryEncoding
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, QifExp, Ramp, Source, Theta
from spikec.passes.lateness import late_input, late_ticks, mean_lateness

DT = 1e-3


def _chain(*neurons, extra=()):
    names = ["in", *(f"p{k}" for k in range(len(neurons)))]
    populations = [Population("in", Source(), (1,))]
    populations += [Population(name, k, (1,)) for name, k in zip(names[1:], neurons, strict=True)]
    one = Dense(np.ones((1, 1)))
    pairs = [*pairwise(names), *extra]
    projections = [Projection(f"{a}-{b}", a, b, one, Delays(0.0)) for a, b in pairs]
    return Network(tuple(populations), tuple(projections), ("in",), (names[-1],), Continuous())


@pytest.mark.parametrize(
    ("network", "spikes", "inputs"),
    [
        (_chain(Theta(0.01), Theta(0.01), Theta(0.01)), [0, 0.5, 1, 1.5], [0, 0, 0.5, 1]),
        (_chain(Ramp(1.0), QifExp(0.01)), [0, 0.5, 1], [0, 0, 0.5]),
        (_chain(If(1.0), Theta(0.01)), [0, 1, 1.5], [0, 1, 1]),
        (_chain(Theta(0.01), Theta(0.01), extra=[("in", "p1")]), [0, 0.5, 1], [0, 0, 0.5]),
        (_chain(Theta(0.01), Theta(0.01), extra=[("p1", "p0")]), [0, 0.5, 0.5], [0, 0, 0]),
    ],
)
def test_spikes_and_what_they_reach_are_late_by_so_much(network, spikes, inputs):
    shift = late_ticks(network, DT)
    names = [p.name for p in network.populations]
    assert [mean_lateness(network, DT, shift)[name] for name in names] == spikes
    assert [late_input(network, DT, shift)[name] for name in names] == inputs


def test_spikes_of_ticks_are_late_by_whole_ticks():
    network = replace(_chain(Ramp(1.0), Theta(0.01), QifExp(0.01)), clock=Ticks(DT))
    shift = late_ticks(network, DT)
    assert mean_lateness(network, DT, shift) == shift == {"in": 0, "p0": 1, "p1": 2, "p2": 3}


def test_inputs_of_one_moment_are_late_by_one_part_of_a_tick():
    early, late = BinaryEncoding("in", 1.0, 2.3 * DT, 9 * DT), BinaryEncoding("in", 1.0, 2.75 * DT, 9 * DT)
    for encoding, part in ((early, -0.3), (late, 0.25)):
        network = replace(_chain(Theta(0.01), Theta(0.01)), encoding=encoding)
        found = mean_lateness(network, DT, late_ticks(network, DT))
        assert found == pytest.approx({"in": part, "p0": part + 0.5, "p1": part + 1})

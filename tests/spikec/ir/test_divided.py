"""Divided inputs: of the neurons of one input only one spikes, through whatever it reaches others."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.connectivity import Dense, one_to_one
from spikec.ir.divided import most_together, repeats
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.quantize_delays import RELAY


def _network(rng, parts, n):
    """Two projections from a divided input, one of them through relays, and one from another input."""
    populations = (
        Population("in", Source(one_spike=True, parts=parts), (parts, n)),
        Population("other", Source(one_spike=True), (2,)),
        Population("relay", RELAY, (parts * n,)),
        Population("out", CubaTicks(100, 50, 1.0), (3,)),
    )
    projections = [Projection("in-relay", "in", "relay", one_to_one(parts * n, 1.0))]
    for name, pre, size in (("a", "in", parts * n), ("b", "relay", parts * n), ("c", "other", 2)):
        projections.append(Projection(name, pre, "out", Dense(rng.uniform(0, 1, (3, size)))))
    return Network(populations, tuple(projections), ("in", "other"), ("out",), Ticks(1.0, LOIHI))


@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.integers(1, 3))
def test_the_sum_is_the_most_that_any_choice_of_parts_brings(seed, parts, n):
    network = _network(np.random.default_rng(seed), parts, n)
    incoming = {q.name: q for q in network.incoming("out")}
    sums = {k: most_together(network, q, lambda r: r.connectivity.weights) for k, q in incoming.items()}
    a, b = (incoming[k].connectivity.weights.reshape(3, parts, n) for k in "ab")
    every = [
        sum((a + b)[:, part, i] for i, part in enumerate(chosen))
        for chosen in product(range(parts), repeat=n)
    ]
    assert sums["a"] + sums["b"] == pytest.approx(np.max(every, axis=0))
    assert sums["c"] == pytest.approx(incoming["c"].connectivity.weights.sum(axis=1))


def test_relays_stand_for_what_they_repeat_and_others_for_nothing():
    network = _network(np.random.default_rng(0), 2, 3)
    name, stands_for = repeats(network, "relay")
    assert name == "in"
    assert stands_for.tolist() == list(range(6))
    assert repeats(network, "other") is None
    assert repeats(network, "out") is None


@pytest.mark.parametrize(
    ("neuron", "shape"), [(Source(True, parts=2), (3, 2)), (Source(True, parts=4), (2,))]
)
def test_a_divided_input_has_its_parts_first(neuron, shape):
    with pytest.raises(NetworkError, match="parts of a tick"):
        Population("in", neuron, shape)


def test_inputs_that_may_spike_again_are_not_divided():
    with pytest.raises(NetworkError, match="cannot be divided into 2 parts"):
        Source(parts=2)

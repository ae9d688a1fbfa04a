"""Share thresholds: one threshold a population, and every spike where it was."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.events import same
from spikec.ir.connectivity import Dense
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.one_spike import OneSpike
from spikec.passes.share_thresholds import ShareThresholds, n_thresholds, row_factors
from spikec.program import Program
from tests.float_networks import DT, answer, random_inputs, random_network, started

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=50)
@given(seeds, st.booleans())
def test_every_spike_stays_where_it_is(seed, one_spike):
    rng = np.random.default_rng(seed)
    kinds = ("ramp", "if") if one_spike else ("if", "lif", "cuba")
    network = random_network(
        rng, Ticks(DT, LOIHI), kinds=kinds, recurrent=True, bias=True, one_spike=one_spike
    )
    program = OneSpike().apply(DiscretizeTime().apply(started(network, n_ticks=25)))
    shared = ShareThresholds().apply(program)
    assert all(n_thresholds(p) <= 1 for p in shared.network.populations)
    inputs = random_inputs(rng, network, 2, 25)
    before, after = answer(program, inputs, 25).spikes, answer(shared, inputs, 25).spikes
    for p in network.populations:
        assert same(before[p.name], after[p.name]), p.name


def _program(threshold, limit="loihi2", **neuron):
    k = CubaTicks(100, 50, threshold, **neuron)
    populations = (Population("in", Source(), (2,)), Population("out", k, (3,)))
    q = Projection("q", "in", "out", Dense(np.arange(1.0, 7.0).reshape(3, 2)))
    return started(Network(populations, (q,), ("in",), ("out",), Ticks(DT, LOIHI)), limit)


def test_rows_biases_and_membranes_grow_with_their_threshold():
    program = ShareThresholds().apply(_program([1.0, 2.0, 4.0], bias=[1.0, 1.0, 3.0], current_bias=0.5))
    k = program.network.population("out").neuron
    assert k.threshold == 4.0
    assert k.bias.tolist() == [4.0, 2.0, 3.0]
    assert k.current_bias.tolist() == [2.0, 1.0, 0.5]
    weights = program.network.projections[0].connectivity.dense_matrix()
    assert weights.tolist() == [[4.0, 8.0], [6.0, 8.0], [5.0, 6.0]]
    assert program.scales["out"].tolist() == [4.0, 2.0, 1.0]
    assert program.log[-1].figures == {"out.thresholds_before": 3, "out.bits_of_range": 2.0}


def test_membranes_are_those_of_before_times_the_scale():
    rng = np.random.default_rng(2)
    program = _program([100.0, 200.0, 300.0], bias=1.0)
    inputs = random_inputs(rng, program.network, 2, 20)
    shared = ShareThresholds().apply(program)
    before, after = (answer(p, inputs, 20, ["out.v"]).traces["out.v"] for p in (program, shared))
    np.testing.assert_allclose(after, before * shared.scales["out"], rtol=1e-12)


def test_a_scale_that_is_there_already_is_multiplied():
    program = _program([1.0, 2.0, 4.0])
    program = replace(program, scales={"out": np.array([10.0, 10.0, 10.0])})
    assert ShareThresholds().apply(program).scales["out"].tolist() == [40.0, 20.0, 10.0]


@pytest.mark.parametrize(
    ("threshold", "target"),
    [(1.0, "loihi2"), ([2.0, 2.0, 2.0], "loihi2"), ([1.0, 2.0, 4.0], "loihi1"), ([1.0, 2.0, 4.0], "ideal")],
)
def test_what_the_target_allows_stays_as_it_is(threshold, target):
    program = _program(threshold, target)
    assert ShareThresholds().apply(program).network.populations == program.network.populations


@pytest.mark.parametrize("threshold", [[0.0, 1.0, 2.0], [-1.0, 1.0, 2.0], [np.inf, 1.0, 2.0]])
def test_thresholds_that_no_factor_can_lift_stay_for_a_rule_to_find(threshold):
    program = _program(threshold)
    assert row_factors(program.network.population("out")) is None
    assert n_thresholds(ShareThresholds().apply(program).network.population("out")) == 3


def test_readouts_share_their_infinity():
    program = ShareThresholds().apply(_program([np.inf] * 3))
    assert isinstance(program, Program)
    assert np.all(np.isinf(program.network.population("out").neuron.threshold))

"""Current bias: a neuron that always spikes charges the current, a tick later than a constant would."""

import numpy as np
import pytest

from spikec.ir.connectivity import Dense
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.current_bias import CurrentBias
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target
from tests.float_networks import DT, answer, random_inputs, started

CHARGE = np.array([0.25, -0.5])


def _network(names=("in", "out"), **neuron):
    k = CubaTicks(400, 100, **{"threshold": np.inf, "current_bias": CHARGE, **neuron})
    populations = (Population(names[0], Source(), (1,)), Population(names[1], k, (2,)))
    q = Projection("q", *names, Dense(np.ones((2, 1))))
    return Network(populations, (q,), names[:1], names[1:], Ticks(DT, LOIHI))


def test_the_membrane_follows_the_constant_one_tick_late():
    network = _network()
    inputs = random_inputs(np.random.default_rng(0), network, 1, 30)
    before = answer(started(network), inputs, 30, ["out.v"]).traces["out.v"][0]
    after = answer(CurrentBias().apply(started(network)), inputs, 30, ["out.v"]).traces["out.v"][0]
    alpha, beta = 1 - 400 / 4096, 1 - 100 / 4096
    ticks = np.arange(30)
    # What the first tick's charge alone, alpha**k in the current, has done to the membrane.
    missing = (beta ** (ticks + 1) - alpha ** (ticks + 1)) / (beta - alpha)
    np.testing.assert_allclose(before - after, missing[:, None] * CHARGE, atol=1e-12)


def test_the_neuron_that_carries_it_spikes_in_every_tick():
    program = CurrentBias().apply(started(_network()))
    inputs = random_inputs(np.random.default_rng(0), program.network, 2, 20)
    assert answer(program, inputs, 20).spikes["out.bias"].counts().tolist() == [[20], [20]]


def test_it_still_does_in_integers():
    program = compile_network(_network(), load_target("loihi2"), CompileOptions(n_ticks=20))
    inputs = random_inputs(np.random.default_rng(0), program.network, 2, 20)
    assert answer(program, inputs, 20).spikes["out.bias"].counts().tolist() == [[20], [20]]


def test_the_constant_moves_into_weights_and_the_cost_into_the_log():
    program = CurrentBias().apply(started(_network()))
    assert program.network.population("out").neuron.current_bias == 0
    q = program.network.incoming("out")[-1]
    assert (q.pre, q.name) == ("out.bias", "out.bias.out")
    np.testing.assert_array_equal(q.connectivity.dense_matrix(), CHARGE[:, None])
    assert program.log[-1].figures == {"out.synaptic_events_per_tick": 2}


def test_names_that_are_taken_are_not_taken_again():
    program = CurrentBias().apply(started(_network(names=("out.bias", "out"))))
    assert [p.name for p in program.network.populations] == ["out.bias", "out", "out.bias2"]


@pytest.mark.parametrize("current_bias", [0.0, [0.0, 0.0]])
def test_without_a_constant_nothing_is_added(current_bias):
    network = _network(current_bias=current_bias)
    assert CurrentBias().apply(started(network)).network.populations == network.populations

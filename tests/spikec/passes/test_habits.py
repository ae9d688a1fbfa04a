"""Compiling networks with the habits of other simulators: what a chip has is taken, the rest is named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Lif, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.fold import Fold
from spikec.passes.lateness import late_ticks, mean_lateness
from spikec.passes.pipelines import CompileOptions, try_compile
from spikec.targets.target import load_target
from tests.float_networks import DT, answer, random_inputs, random_network, rasters, started


def _chain(neuron, delay=0, back=None, **habits):
    populations = tuple(Population(n, neuron, (1,)) for n in "ab")
    one = Dense(np.ones((1, 1)))
    projections = [Projection("q", "in", "a", one), Projection("ab", "a", "b", one, Delays(delay * DT))]
    if back is not None:
        projections.append(Projection("ba", "b", "a", one, Delays(back * DT)))
    source = Population("in", Source(), (1,))
    clock = Ticks(DT, Convention(**habits))
    return Network((source, *populations), tuple(projections), ("in",), ("b",), clock)


@pytest.mark.parametrize(
    ("habits", "rules"),
    [
        ({}, set()),
        ({"reset_time": "next"}, set()),
        ({"comparison": "reach"}, set()),
        ({"spike_delay": 1}, set()),
        ({"integration": "exact", "input_gain": "step"}, set()),
        ({"multi_spike": True}, {"spikes of a tick"}),
        ({"clamp": -1.0}, {"lowest membrane"}),
        ({"clamp": -1.0, "multi_spike": True, "reset": "subtract"},
         {"lowest membrane", "spikes of a tick", "reset"}),
    ],
)  # fmt: skip
def test_habits_that_a_chip_has_not_are_named_for_every_population(habits, rules):
    network = _chain(Lif(0.1, 1.0), **habits)
    _, broken = try_compile(network, load_target("loihi2"), CompileOptions(n_ticks=10))
    assert {v.rule for v in broken} == rules
    assert {v.where for v in broken} == (set("ab") if rules else set())
    assert all(v.advice for v in broken)


def test_only_the_lowest_membrane_matters_to_neurons_that_spike_once():
    network = _chain(If(1.0, one_spike=True), clamp=-1.0, multi_spike=True, reset="subtract")
    found = DiscretizeTime().apply(started(network)).violations
    assert {v.rule for v in found} == {"lowest membrane"}


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["now", "next"]),
    st.sampled_from(["above", "reach"]),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 1]),
)
def test_a_chips_clock_gives_the_same_spikes_whatever_it_can_take(seed, when, comparison, hop, late):
    rng = np.random.default_rng(seed)
    habits = Convention(reset_time=when, comparison=comparison, hop_delay=hop, spike_delay=late)
    network = random_network(rng, Ticks(DT, habits), kinds=("if", "lif"), recurrent=False, max_delay=2)
    inputs = random_inputs(rng, network, 2, 20)
    shift = late_ticks(network, DT)
    longer = 20 + max(shift.values())
    before = rasters(answer(started(network), inputs, 20), 20)
    after = rasters(answer(DiscretizeTime().apply(started(network)), inputs, longer), longer)
    for p in network.populations:
        if p.is_source:
            continue
        # A chip's spikes leave at once: those of a network that waits a tick are seen a tick later.
        crossings = before[p.name][:, late:]
        np.testing.assert_array_equal(
            after[p.name][:, shift[p.name] : shift[p.name] + 20 - late], crossings, err_msg=p.name
        )
        if p.name != "out":
            assert mean_lateness(network, DT, shift)[p.name] == shift[p.name] - late


def test_a_threshold_that_need_only_be_reached_is_lowered_by_rounding():
    network = _chain(If([2.0]), comparison="reach")
    program = DiscretizeTime().apply(started(network))
    lowered = float(program.network.population("a").neuron.threshold[0])
    assert 2 * (1 - 1e-11) < lowered < 2


@pytest.mark.parametrize(
    ("delay", "back", "shift", "too_late"),
    [
        (0, 0, {"in": 0, "a": 1, "b": 2}, 1),  # a -> b has no tick to spare, b -> a has one of its own
        (1, 0, {"in": 0, "a": 1, "b": 1}, 0),
        (0, 1, {"in": 0, "a": 1, "b": 2}, 0),
    ],
)
def test_a_cycle_that_a_chips_hops_make_too_long_is_told(delay, back, shift, too_late):
    network = _chain(If(0.5), delay, back)
    assert late_ticks(network, DT) == shift
    figures = DiscretizeTime().apply(started(network)).log[-1].figures
    assert figures.get("ba.too_late_ticks", 0) == too_late


@pytest.mark.parametrize("habits", [{"clamp": -1.0}, {"multi_spike": True}])
def test_a_membrane_stays_where_its_threshold_is_counted_or_measures_the_lowest(habits):
    network = _chain(Lif(0.1, 1.5, v_leak=0.5, v_reset=0.5), **habits)
    assert np.all(Fold().apply(started(network)).network.population("a").neuron.v_leak == 0.5)
    free = replace(network, clock=Ticks(DT))
    assert np.all(Fold().apply(started(free)).network.population("a").neuron.v_leak == 0.0)

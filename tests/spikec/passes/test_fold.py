"""Fold: membranes rest at 0 and delays are plain afterwards, and no spike has moved."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.coding import Decoding, Readout
from spikec.events import same
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Convention, Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import CubaLif, Lif, LiReadout, Source
from spikec.passes.fold import Fold
from tests.float_networks import DT, answer, random_inputs, random_network, started

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40)
@given(
    seeds,
    st.sampled_from(["euler", "exact"]),
    st.sampled_from(["value", "subtract"]),
    st.sampled_from([0, 1]),
)
def test_every_spike_stays_in_its_tick(seed, integration, reset, hop_delay):
    rng = np.random.default_rng(seed)
    clock = Ticks(DT, Convention(integration, reset, hop_delay))
    network = random_network(rng, clock, recurrent=True, bias=True, v_leak=True, max_delay=2)
    inputs = random_inputs(rng, network, 2, 25)
    before = answer(started(network), inputs, 25).spikes
    after = answer(Fold().apply(started(network)), inputs, 25).spikes
    for name in before:
        assert same(before[name], after[name]), name


@settings(max_examples=25)
@given(seeds)
def test_continuous_spikes_stay_where_they_are(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, Continuous(), v_leak=True, bias=True, max_delay=2)
    inputs = random_inputs(rng, network, 1, 12)
    before = answer(started(network), inputs, 12).spikes
    after = answer(Fold().apply(started(network)), inputs, 12).spikes
    for name in before:
        np.testing.assert_array_equal(before[name].counts(), after[name].counts())
        np.testing.assert_allclose(
            np.sort(before[name].times), np.sort(after[name].times), rtol=1e-9, atol=1e-12
        )


def _network(neuron, clock, decoding=None, delays=None):
    return Network(
        (Population("in", Source(), (2,)), Population("out", neuron, (2,))),
        (Projection("q", "in", "out", Dense(np.ones((2, 2))), delays or Delays()),),
        ("in",),
        ("out",),
        clock,
        decoding=decoding,
    )


def test_what_rested_elsewhere_rests_at_zero_and_the_rest_is_measured_from_there():
    folded = (
        Fold().apply(started(_network(Lif(0.1, 1.5, v_leak=[0.5, -1.0], v_reset=0.25), Ticks(DT)))).network
    )
    k = folded.population("out").neuron
    assert k.v_leak == 0
    assert k.threshold.tolist() == [1.0, 2.5]
    assert k.v_reset.tolist() == [-0.25, 1.25]


@pytest.mark.parametrize("clock", [Ticks(DT, Convention(reset=Reset.SUBTRACT)), Continuous(Reset.SUBTRACT)])
def test_a_membrane_that_loses_its_threshold_in_a_spike_stays_where_it_is(clock):
    k = CubaLif(0.1, 0.1, 1.0, v_leak=0.5)
    assert Fold().apply(started(_network(k, clock))).network.population("out").neuron is k
    once = replace(k, one_spike=True)
    assert Fold().apply(started(_network(once, clock))).network.population("out").neuron.v_leak == 0


@pytest.mark.parametrize("readout", [Readout.MEMBRANE, Readout.MAXIMUM])
def test_readouts_that_rest_differently_and_are_compared_are_refused(readout):
    decoding = Decoding("out", readout)
    for rest, n_broken in ((0.5, 0), ([0.5, 0.5], 0), ([0.5, 0.0], 1)):
        network = _network(LiReadout(v_leak=rest), Ticks(DT), decoding)
        folded = Fold().apply(started(network))
        assert len(folded.violations) == n_broken
    (violation,) = folded.violations
    assert (violation.where, violation.got) == ("out", "0 to 0.5")
    counted = _network(LiReadout(v_leak=[0.5, 0.0]), Ticks(DT), Decoding("out", "count"))
    assert not Fold().apply(started(counted)).violations


def test_a_readouts_membrane_is_the_same_less_its_rest():
    rng = np.random.default_rng(1)
    network = _network(LiReadout(0.01, 0.02, v_leak=[0.5, 0.25], bias=3.0), Ticks(DT))
    inputs = random_inputs(rng, network, 3, 20)
    before, after = (answer(p, inputs, 20, ["out.v"]).traces["out.v"] for p in (
        started(network), Fold().apply(started(network))))  # fmt: skip
    np.testing.assert_allclose(before - [0.5, 0.25], after, atol=1e-12)


def test_tables_of_delays_are_written_as_plainly_as_possible():
    table = Delays(np.array([[1.0, 2.0], [1.0, 2.0]]) * DT, "synaptic")
    folded = Fold().apply(started(_network(Lif(0.1, 1.0), Ticks(DT), delays=table))).network
    assert folded.projections[0].delays.kind is DelayKind.AXONAL


def test_a_plain_network_stays_the_very_one():
    network = _network(Lif(0.1, 1.0), Ticks(DT))
    folded = Fold().apply(started(network))
    assert folded.network.populations == network.populations
    assert [(e.step, e.lossless) for e in folded.log] == [("fold", True)]

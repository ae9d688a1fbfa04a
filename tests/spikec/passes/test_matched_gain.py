"""Matched gain: the chip's kernel comes as near to the one that was meant as a factor can bring it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spikec.events import from_rows
from spikec.ir.connectivity import Dense
from spikec.ir.discrete import tick_of
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, LiReadout, Ramp, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.matched_gain import matched_gain
from tests.float_networks import DT, answer, started


def _membrane(r, b, n_ticks):
    """What an arrival of one leaves in the membrane, tick by tick."""
    u, v, left = 1.0, 0.0, []
    for _ in range(n_ticks + 1):
        v = b * v + u
        left.append(v)
        u *= r
    return np.array(left)


@given(st.floats(3, 1500), st.floats(1, 4))
def test_it_is_the_least_squares_fit_over_the_currents_time_constant(tau, ratio):
    assume(abs(tau % 1 - 0.5) > 1e-6)  # a half tick may be rounded either way
    tick = tick_of(CubaLif(tau * ratio * DT, tau * DT, 1.0), DT, LOIHI)
    decay_u, decay_v = (np.rint(4096 * (1 - np.exp(-1 / t))) for t in (tau, ratio * tau))
    n_ticks = round(tau)
    meant = _membrane(np.exp(-1 / tau), np.exp(-1 / (ratio * tau)), n_ticks)
    made = _membrane(1 - decay_u / 4096, 1 - decay_v / 4096, n_ticks)
    (expected,), *_ = np.linalg.lstsq(made[:, None], meant, rcond=None)
    assert matched_gain(tick, decay_u, decay_v) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("neuron", [Ramp(1.0), LiReadout(np.inf, np.inf), CubaLif(0.1, np.inf, 1.0)])
def test_currents_that_stay_are_left_alone(neuron):
    tick = tick_of(neuron, DT, LOIHI)
    assert matched_gain(tick, np.array(1.0), np.array(3.0)) == 1


def test_every_neuron_has_its_own():
    tick = tick_of(CubaLif(np.array([0.1, 0.2, 0.1]), np.array([0.05, 0.06, 0.05]), 1.0), DT, LOIHI)
    decays = np.rint(4096 * (1 - tick.alpha)), np.rint(4096 * (1 - tick.beta))
    factors = matched_gain(tick, *decays)
    assert factors.shape == (3,)
    assert factors[0] == factors[2] != factors[1]
    alone = tick_of(CubaLif(0.2, 0.06, 1.0), DT, LOIHI)
    assert matched_gain(alone, decays[0][1], decays[1][1]) == factors[1]


def test_a_membrane_stays_nearer_to_the_continuous_one():
    """At 64 ticks the current's decay is 63.5: rounded, it is as wrong as it can be."""
    neuron = LiReadout(128 * DT, 64 * DT)
    network = Network(
        (Population("in", Source(), (1,)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense(np.ones((1, 1)))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    spike = {"in": _one_spike()}
    program = DiscretizeTime(DT).apply(started(network))
    factor = 1 + program.log[-1].figures["out.matched_gain"]
    matched = answer(program, spike, 65, ["out.v"]).traces["out.v"][0, 1:, 0]
    t = np.arange(1, 65) * DT
    meant = 128 * DT * (np.exp(-t / (128 * DT)) - np.exp(-t / (64 * DT)))
    unmatched = matched / factor
    assert factor > 1.002
    assert np.abs(matched - meant).max() < 0.5 * np.abs(unmatched - meant).max()


def _one_spike():
    return from_rows([0], [0.0], [0], n_samples=1, n_neurons=1)


def test_networks_that_are_in_ticks_already_keep_their_weights():
    network = Network(
        (Population("in", Source(), (1,)), Population("out", LiReadout(128 * DT, 64 * DT), (1,))),
        (Projection("q", "in", "out", Dense(np.ones((1, 1)))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    exact = DiscretizeTime(DT).apply(started(network)).network.projections[0]
    given_in_ticks = DiscretizeTime().apply(started(replace(network, clock=Ticks(DT, LOIHI))))
    plain = given_in_ticks.network.projections[0]
    gain = tick_of(network.population("out").neuron, DT, LOIHI).gain
    assert plain.connectivity.weights == pytest.approx(gain)
    assert exact.connectivity.weights != pytest.approx(gain, rel=1e-4)

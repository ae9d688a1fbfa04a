"""What NIR's parameters are for each of our neurons, by NIR's own equations, and what NIR cannot hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import Violation
from spikec.exporters.nir_neurons import LONG, Written, written
from spikec.frontends.nir_file import Node
from spikec.frontends.nir_neurons import neuron_of
from spikec.ir.conventions import Convention
from spikec.ir.network import Population, Ticks
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, Neuron, QifExp, Ramp, Theta, parameters

DT = 1e-3
CLOCK = Ticks(DT)


def _written(neuron: Neuron, n: int = 3, clock: Ticks = CLOCK) -> Written:
    found = written(Population("p", neuron, (n,)), clock)
    assert isinstance(found, Written)
    return found


def test_a_spike_moves_the_membrane_by_its_weight_in_nirs_equation_with_eulers_method():
    k = _written(Lif(tau=0.02, threshold=1.0)).values
    np.testing.assert_allclose(DT / k["tau"] * k["r"], 1.0, rtol=1e-15)
    k = _written(If(threshold=1.0)).values
    np.testing.assert_allclose(DT * k["r"], 1.0, rtol=1e-15)


def test_a_spike_moves_the_current_by_its_weight_and_the_membrane_follows_it():
    k = _written(CubaLif(tau_mem=0.02, tau_syn=0.005, threshold=1.0)).values
    np.testing.assert_allclose(k["w_in"] * DT / k["tau_syn"], 1.0, rtol=1e-15)
    np.testing.assert_allclose(k["r"] / k["tau_mem"], 1.0, rtol=1e-15)


def test_biases_are_what_the_equations_need():
    k = _written(Lif(tau=0.02, threshold=1.0, bias=3.0))
    np.testing.assert_allclose(k.constant * k.values["r"] / k.values["tau"], 3.0)
    k = _written(CubaLif(0.02, 0.005, 1.0, current_bias=7.0))
    slope = k.constant * k.values["w_in"] / k.values["tau_syn"] * k.values["r"] / k.values["tau_mem"]
    np.testing.assert_allclose(slope, 7.0)


def test_infinite_time_constants_leave_nothing_behind_in_double_precision():
    for neuron in (Ramp(threshold=1.0), IfExp(tau_syn=0.01, threshold=1.0), CubaLif(np.inf, 0.01, 1.0)):
        k = _written(neuron)
        assert k.type == "CubaLIF"
        assert np.all(k.values["tau_mem"] == LONG * DT)
        assert np.all(1 - DT / k.values["tau_mem"] == 1)
        assert np.all(np.exp(-DT / k.values["tau_mem"]) == 1)


@pytest.mark.parametrize(
    ("readout", "kind"),
    [
        (LiReadout(tau_syn=DT), "I"),
        (LiReadout(tau_mem=0.01, tau_syn=DT), "LI"),
        (LiReadout(tau_syn=DT, v_leak=0.5), "LI"),
        (LiReadout(tau_mem=0.01, tau_syn=0.005), "CubaLI"),
        (LiReadout(), "CubaLI"),
    ],
)
def test_a_readout_is_the_plainest_integrator_that_computes_it(readout, kind):
    assert _written(readout).type == kind


@pytest.mark.parametrize(
    ("neuron", "what"),
    [
        (Theta(tau=0.01), "Theta"),
        (QifExp(tau=0.01), "QifExp"),
        (CubaLif(0.02, 0.005, 1.0, bias=1.0), "set"),
        (Ramp(1.0, bias=1.0), "set"),
        (LiReadout(0.02, 0.005, bias=1.0), "set"),
        (Lif(tau=0.4 * DT, threshold=1.0), "impossible"),
    ],
)
def test_what_nir_cannot_hold_is_named_with_the_way_out(neuron, what):
    found = written(Population("layer", neuron, (3,)), CLOCK)
    assert isinstance(found, Violation)
    assert found.where == "layer"
    assert what in found.got
    assert found.advice


shares = st.sampled_from(["held", "euler", "step"])
taus = st.floats(1e-3, 1.0)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["if", "lif", "cuba", "ramp", "readout"]),
    taus=st.tuples(taus, taus),
    dt=st.floats(1e-4, 1.5e-3),
    integration=st.sampled_from(["euler", "exact"]),
    gains=st.tuples(shares, shares, shares),
    bias=st.floats(-50, 50).filter(lambda b: b == 0 or abs(b) > 1e-200),
)
def test_a_frontend_finds_the_neuron_again_and_a_gain_of_one(kind, taus, dt, integration, gains, bias):
    neurons: dict[str, Neuron] = {
        "if": If(0.7, bias, -0.1),
        "lif": Lif(taus[0], 0.7, 0.2, bias, -0.1),
        "cuba": CubaLif(taus[0], taus[1], 0.7, 0.2, v_reset=-0.1, current_bias=bias),
        "ramp": Ramp(0.7),
        "readout": LiReadout(taus[0], taus[1], 0.2, current_bias=bias),
    }
    names = ("input_gain", "synapse_gain", "if_gain")
    habits = Convention(integration=integration, **dict(zip(names, gains, strict=True)))  # type: ignore[arg-type]
    clock, neuron = Ticks(dt, habits), neurons[kind]
    k = _written(neuron, 2, clock)
    read, gain = neuron_of(Node("p", k.type, k.values), k.constant, clock)
    assert np.all(gain <= 1)
    np.testing.assert_allclose(gain, 1.0, rtol=0, atol=2.0**-51)
    inexact = np.zeros(2, np.bool_)
    for name, value in parameters(neuron).items():
        found = getattr(read, name, value)
        if name in ("bias", "current_bias"):
            np.testing.assert_allclose(found, value, rtol=2.0**-51)
            inexact |= np.broadcast_to(found, (2,)) != value
        else:
            np.testing.assert_array_equal(found, np.broadcast_to(value, (2,)))
    np.testing.assert_array_equal(k.inexact, inexact)

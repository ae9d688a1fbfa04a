"""Neuron parameters: what no neuron can have is refused where it is written."""

import numpy as np
import pytest

from spikec.errors import NetworkError
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.neurons import (
    CubaLif,
    CubaTicks,
    If,
    IfExp,
    Lif,
    LiReadout,
    QifExp,
    Ramp,
    Source,
    Theta,
    parameters,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lif(0.0, 1.0), "Lif.tau must be positive"),
        (lambda: Lif(-1.0, 1.0), "must be positive"),
        (lambda: Lif([1.0, np.nan], 1.0), "Lif.tau must be positive"),
        (lambda: CubaLif(1.0, 0.0, 1.0), "CubaLif.tau_syn must be positive"),
        (lambda: If(np.nan), "If.threshold has 1 values that are NaN"),
        (lambda: If(np.inf), "If.threshold"),
        (lambda: Ramp(1.0, bias=[0.0, -np.inf]), r"Ramp.bias .* the first at \(1,\)"),
        (lambda: Ramp(np.ones((2, 2))), r"allowed are \(\) and \(n,\)"),
        (lambda: Ramp("high"), "give numbers"),
        (lambda: CubaTicks(0, 0, 1.0), "CubaTicks.decay_u runs from 0 to 0; allowed is 1 to 4096"),
        (lambda: CubaTicks(1, 4097, 1.0), "CubaTicks.decay_v runs from 4097"),
        (lambda: CubaTicks(1.5, 0, 1.0), "whole numbers"),
        (lambda: CubaTicks(1, 0, np.nan), "CubaTicks.threshold holds nan"),
        (lambda: CubaTicks(1, 0, [1.0, -np.inf]), "CubaTicks.threshold holds -inf"),
        (lambda: CubaTicks(1, 0, np.ones((1, 2))), r"CubaTicks.threshold has shape \(1, 2\)"),
        (lambda: CubaTicks(1, 0, 1.0, bias=np.inf), "CubaTicks.bias"),
        (lambda: CubaFixed(4096, 0, 1), "CubaFixed.du runs from 4096 to 4096; allowed is 0 to 4095"),
        (lambda: CubaFixed(0, [0, 4097], 1), "CubaFixed.dv runs from 0 to 4097"),
        (lambda: CubaFixed(0, 0, -1), "CubaFixed.vth"),
        (lambda: CubaFixed(0, 0, [0, 1], inclusive=1), "threshold of 0"),
        (lambda: CubaFixed(0, 0, [1, 1], inclusive=[1, 1, 1]), "2 vth, but 3 inclusive"),
        (lambda: CubaFixed(0, 0, 131072), "CubaFixed.vth"),
        (lambda: CubaFixed(0, 0, 1, 4096), "CubaFixed.bias_mant"),
        (lambda: CubaFixed(0, 0, 1, 1, 8), "CubaFixed.bias_exp"),
        (lambda: CubaFixed(0.5, 0, 1), "whole numbers"),
        (lambda: CubaFixed([[0]], 0, 1), r"CubaFixed.du has shape \(1, 1\)"),
        (lambda: IfExp(0.0, 1.0), "IfExp.tau_syn must be positive"),
        (lambda: Theta(np.inf), "Theta.tau is infinite"),
        (lambda: Theta(1.0, current=[1.0, 0.25]), "Theta.current is 0.25, but must be above 1/4"),
        (lambda: Theta(1.0, phase=-0.1), "allowed is 0 to the period"),
        (lambda: Theta(1.0, phase=[0.0, 3.2]), "Theta.phase runs from 0 to 3.2 s; .* 3.14159 s"),
        (lambda: Theta([1.0, 2.0], phase=np.zeros(3)), r"shapes \[\(2,\), \(3,\)\]; all must have one"),
        (lambda: QifExp(np.inf), "QifExp.tau is infinite"),
        (lambda: QifExp(-1.0), "QifExp.tau must be positive"),
        (lambda: QifExp(1.0, v_init=np.inf), "QifExp.v_init"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(NetworkError, match=message):
        make()


def test_time_constants_may_be_infinite():
    assert np.isinf(CubaLif(np.inf, np.inf, 1.0).tau_mem)
    assert np.isinf(Lif([1.0, np.inf], 1.0).tau[1])


def test_the_period_of_a_theta_neuron():
    assert Theta(6 / np.pi).period == pytest.approx(6.0)  # Klos and Memmesheimer's choice
    assert Theta([1.0, 2.0], current=0.5).period == pytest.approx([2 * np.pi, 4 * np.pi])


def test_who_can_spike_says_so():
    assert all(
        k.spikes for k in (Source(), If(1.0), Ramp(1.0), CubaTicks(1, 0, [1.0, np.inf]), CubaFixed(0, 0, 1))
    )
    assert not LiReadout().spikes
    assert not CubaTicks(1, 0, np.inf).spikes


def test_parameters_are_arrays_of_shape_nothing_or_one_each_and_read_only():
    given = np.array([1.0, 2.0])
    neuron = Lif(0.02, given, one_spike=True)
    found = parameters(neuron)
    assert set(found) == {"tau", "threshold", "v_leak", "bias", "v_reset"}
    assert (found["tau"].shape, found["threshold"].shape) == ((), (2,))
    given[0] = 5.0
    assert neuron.threshold[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        neuron.threshold[0] = 5.0
    assert parameters(Source()) == {}

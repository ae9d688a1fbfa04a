"""One tick of every neuron, against the matrix exponential of its differential equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from spikec.ir.discrete import tick_of
from spikec.ir.network import Convention, Integration
from spikec.ir.neurons import CubaLif, CubaTicks, If, Lif, LiReadout, Ramp

EXACT, EULER = Convention(Integration.EXACT), Convention(Integration.EULER)
taus = st.one_of(st.floats(1e-3, 1.0), st.just(np.inf), st.just(0.02))
DT = 2e-3


def _run(tick, weights, n=None):
    """The membrane after every tick, for what arrives in each."""
    u, v, out = 0.0, float(tick.v_leak), []
    for w in weights:
        u = tick.alpha * u + tick.current_bias + tick.gain * w
        v = tick.v_leak + tick.beta * (v - tick.v_leak) + u + tick.bias
        out.append(float(v))
    return np.array(out)


def _solve(tau_mem, tau_syn, weights, bias=0.0, v_leak=0.0):
    """The same membrane at the ends of ticks, with the current jumping at their beginnings."""
    a, c = 1 / tau_mem, 1 / tau_syn
    step = expm(DT * np.array([[-a, 1.0, bias + a * v_leak], [0.0, -c, 0.0], [0.0, 0.0, 0.0]]))
    state, out = np.array([v_leak, 0.0, 1.0]), []
    for w in weights:
        state = step @ (state + np.array([0.0, w, 0.0]))
        out.append(state[0])
    return np.array(out)


@given(taus, taus, st.floats(-50, 50), st.floats(-1, 1))
def test_an_exact_tick_solves_the_equations_of_a_current_based_neuron(tau_mem, tau_syn, bias, v_leak):
    weights = np.random.default_rng(3).integers(-2, 3, 20).astype(float)
    neuron = CubaLif(tau_mem, tau_syn, 1.0, v_leak=v_leak, bias=bias)
    expected = _solve(tau_mem, tau_syn, weights, bias, v_leak)
    scale = np.abs(expected).max() + 1e-3
    np.testing.assert_allclose(_run(tick_of(neuron, DT, EXACT), weights), expected, atol=1e-9 * scale)


def test_a_ramp_tilts_by_its_weight():
    ramp = _run(tick_of(Ramp(1.0, bias=5.0), DT, EXACT), [3.0, 0.0, 1.0])
    np.testing.assert_allclose(ramp, DT * np.array([3 + 5, 6 + 10, 10 + 15]))


def test_a_readout_is_a_current_based_neuron_that_never_spikes():
    ours, theirs = tick_of(LiReadout(0.02, 0.005), DT, EXACT), tick_of(CubaLif(0.02, 0.005, 1.0), DT, EXACT)
    for name in ("alpha", "beta", "gain", "bias", "v_leak"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert np.isinf(ours.threshold)


@pytest.mark.parametrize("convention", [EXACT, EULER])
def test_a_membrane_jumps_by_the_whole_weight_and_then_leaks(convention):
    left = np.exp(-DT / 0.02) if convention is EXACT else 1 - DT / 0.02
    lif = _run(tick_of(Lif(0.02, 9.0), DT, convention), [2.0, 0.0, 0.0])
    np.testing.assert_allclose(lif, [2.0, 2 * left, 2 * left**2])
    np.testing.assert_allclose(_run(tick_of(If(9.0), DT, convention), [2.0, 0.0, 1.0]), [2.0, 2.0, 3.0])


def test_euler_ticks_step_along_the_slope():
    tau_mem, tau_syn, weights = 0.02, 0.005, [1.0, 0.0, 2.0, 0.0]
    u, v, expected = 0.0, 0.5, []
    for w in weights:
        u = u - DT / tau_syn * u + DT * w
        v = v + DT / tau_mem * (0.5 - v) + u + DT * 7.0
        expected.append(v)
    neuron = CubaLif(tau_mem, tau_syn, 1.0, v_leak=0.5, bias=7.0)
    np.testing.assert_allclose(_run(tick_of(neuron, DT, EULER), weights), expected)


def test_finer_euler_ticks_come_closer_to_exact_ones():
    neuron = CubaLif(0.02, 0.005, 1.0)

    def gap(n):
        first = [1.0] + [0.0] * (n - 1)
        euler, exact = (_run(tick_of(neuron, DT / n, c), first)[-1] for c in (EULER, EXACT))
        return abs(euler - exact)

    assert gap(64) < gap(16) / 3 < gap(4) / 9


@given(st.integers(1, 4096), st.integers(0, 4096))
def test_a_chips_decays_are_shares_of_4096(decay_u, decay_v):
    tick = tick_of(CubaTicks(decay_u, decay_v, 1.0), DT, EULER)
    assert (float(tick.alpha), float(tick.beta)) == (1 - decay_u / 4096, 1 - decay_v / 4096)
    assert _run(tick, [1.0])[0] == 1.0


@pytest.mark.parametrize("neuron", [Ramp([1.0, 2.0]), Lif([0.1, 0.2], 1.0), CubaLif([0.1, np.inf], 0.1, 1.0)])
def test_parameters_of_single_neurons_stay_apart(neuron):
    tick = tick_of(neuron, DT, EXACT)
    shapes = {tick.alpha.shape, tick.beta.shape, tick.gain.shape, tick.threshold.shape}
    assert shapes <= {(), (2,)}
    assert (2,) in shapes

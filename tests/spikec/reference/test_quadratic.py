"""The reference's quadratic neurons against formulas of the paper and against an ODE solver."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from spikec.events import from_rows
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import QifExp, Source, Theta
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

TAU = 6 / np.pi
"""Klos and Memmesheimer's time constant: the period is 6."""


def run(neuron, weights, times, until):
    """Spikes and last membrane of one neuron that receives a weight at each time."""
    network = Network(
        (Population("in", Source(), (len(weights),)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense(np.array([weights], float))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    inputs = from_rows(
        [0] * len(times), np.array(times, float), range(len(times)), n_samples=1, n_neurons=len(weights)
    )
    result = (
        ReferenceBackend()
        .prepare(Program(network, load_target("ideal")))
        .run({"in": inputs}, until, ["out.v.last"])
    )
    return result.spikes["out"].times, float(result.traces["out.v.last"][0, 0])


def integrated(slope, angle, current, decay, weights, times, until, kick):
    """Spikes and last membrane by integration of x = arctan V, through kicks, in DOP853."""
    spikes, start = [], 0.0
    for weight, stop in [*sorted(zip(weights, times, strict=True), key=lambda p: p[1]), (0.0, until)]:
        if stop > start:
            found = solve_ivp(
                lambda t, y: [slope(y[0], y[1]), -decay * y[1]],
                (start, stop),
                [angle, current],
                method="DOP853",
                rtol=1e-12,
                atol=1e-13,
                dense_output=True,
                events=lambda t, y: np.cos(y[0]),
            )
            spikes.extend(found.t_events[0].tolist())
            angle, current = found.y[:, -1]
        angle, current = kick(angle, current, weight)
        start = stop
    return np.array(spikes), np.tan(angle)


def test_an_undisturbed_theta_neuron_spikes_when_its_period_is_over():
    assert run(Theta(TAU, phase=2.0), [0.0], [0.0], 17.0)[0] == pytest.approx([4.0, 10.0, 16.0])
    period = np.pi * 0.02 / np.sqrt(0.5)
    assert run(Theta(0.02, current=0.75), [0.0], [0.0], 2.5 * period)[0] == pytest.approx(
        [period, 2 * period]
    )


@pytest.mark.parametrize("phase", [0.3, 3.0, 5.9])
@pytest.mark.parametrize("weight", [-8.0, -0.5, 0.5, 8.0])
def test_a_kick_moves_a_theta_neuron_as_the_transfer_function_says(phase, weight):
    potential = np.tan((phase + 0.05) * np.pi / 6 - np.pi / 2) + 0.5
    moved = 6 / np.pi * (np.arctan(potential + weight - 0.5) + np.pi / 2)
    assert run(Theta(TAU, phase=phase), [weight], [0.05], 6.5)[0][0] == pytest.approx(0.05 + 6 - moved)


def test_a_once_only_theta_neuron_goes_on_in_silence():
    neuron = Theta(TAU, phase=2.0)
    once = Theta(TAU, phase=2.0, one_spike=True)
    assert run(once, [0.0], [0.0], 17.0)[0] == pytest.approx([4.0])
    assert run(once, [1.0], [11.0], 17.5)[1] == pytest.approx(run(neuron, [1.0], [11.0], 17.5)[1])


@pytest.mark.parametrize("seed", range(10))
def test_a_theta_neuron_follows_its_equation(seed):
    rng = np.random.default_rng(seed)
    i0, phase = rng.uniform(0.3, 3), rng.uniform(0, 1)
    r = np.sqrt(i0 - 0.25)
    weights, times = rng.normal(0, 3, 6), rng.uniform(0, 8, 6)
    expected = integrated(
        lambda x, _: np.sin(x) ** 2 - np.sin(x) * np.cos(x) + i0 * np.cos(x) ** 2,
        np.arctan(0.5 + r * np.tan(phase * r - np.pi / 2)),
        0.0,
        0.0,
        weights,
        times,
        8.0,
        lambda x, i, w: (np.pi * np.round(x / np.pi) + np.arctan(np.tan(x) + w), i),
    )
    spikes, v = run(Theta(1.0, i0, phase), weights, times, 8.0)
    np.testing.assert_allclose(spikes, expected[0], rtol=1e-9)
    np.testing.assert_allclose(np.arctan(v), np.arctan(expected[1]), atol=1e-8)


def test_a_kick_from_rest_makes_a_qif_neuron_spike_if_it_exceeds_a_quarter_of_pi_squared():
    limit = np.pi**2 / 4
    assert run(QifExp(1.0), [limit * (1 - 1e-12)], [0.5], 1e3)[0].size == 0
    assert run(QifExp(1.0), [0.0], [0.5], 1e3)[1] == 0.0
    weight = 1.01 * limit
    s = np.pi / (2 * np.sqrt(weight))
    assert run(QifExp(2.0), [weight], [0.5], 1e3)[0] == pytest.approx([0.5 - 2 * np.log(1 - s)])


def test_a_qif_neuron_above_its_separatrix_spikes_without_current():
    # V' = V E / (1 - V s) is infinite at s = 1/V
    assert run(QifExp(1.0, v_init=3.0), [0.0], [0.0], 9.0)[0] == pytest.approx([np.log(1.5)])
    assert run(QifExp(1.0, v_init=1.0), [0.0], [0.0], 9.0)[0].size == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_qif_neuron_follows_its_equations(seed):
    rng = np.random.default_rng(seed)
    v, i, tau = rng.normal(0, 2), rng.normal(0, 6), rng.uniform(0.5, 2)
    weights, times = rng.normal(1, 8, 8), rng.uniform(0, 6, 8)
    expected = integrated(
        lambda x, i: (np.sin(x) ** 2 - np.sin(x) * np.cos(x) + i * np.cos(x) ** 2) / tau,
        np.arctan(v),
        i,
        2 / tau,
        weights,
        times,
        6.0,
        lambda x, i, w: (x, i + w),
    )
    spikes, v = run(QifExp(tau, v, i), weights, times, 6.0)
    np.testing.assert_allclose(spikes, expected[0], rtol=1e-9)
    np.testing.assert_allclose(np.arctan(v), np.arctan(expected[1]), atol=1e-8)

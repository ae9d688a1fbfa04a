"""Shifted neurons: spikes come back to where the float network has them, and chips can hold the shifts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.calibration import calibrate
from spikec.coding import Decoding, LatencyEncoding
from spikec.inputs import encode_samples
from spikec.ir.bounds import once_spiking
from spikec.ir.connectivity import Dense
from spikec.ir.fixed_neurons import CubaFixed, ThetaFixed
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import If, Ramp, Source, Theta
from spikec.passes.base import run_pipeline
from spikec.passes.correct_bias import CorrectBias, biased, turned
from spikec.passes.pipelines import CompileOptions, loihi
from spikec.passes.replay import replay
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.rules import check_all
from spikec.targets.target import load_target

WINDOW = 0.016
LOIHI2 = load_target("loihi2")


def _network(neuron, weights):
    n, n_in = weights.shape
    return Network(
        (Population("in", Source(True), (n_in,)), Population("out", neuron, (n,))),
        (Projection("a", "in", "out", Dense(weights)),),
        ("in",),
        ("out",),
        Continuous(),
        LatencyEncoding("in", WINDOW, 1.0, True, None, 2 * WINDOW),
        Decoding("out", "first"),
    )


def _moved(program, factor):
    """The program with all its weights' mantissas times a factor: what a bad rounding may do."""
    q = program.network.projections[0]
    fixed = q.connectivity.weights
    mantissa = fixed.format.nearest(fixed.mantissa * factor * 2.0**fixed.format.exponent)
    changed = replace(q, connectivity=Dense(replace(fixed, mantissa=mantissa)))
    return replace(program, network=program.network.with_projections({q.name: changed}))


CASES = {
    "ramp": (Ramp(1.2 * WINDOW, one_spike=True), 1.0),
    "if": (If(2.5), 1.0),
    "theta": (Theta(0.007), 0.3),
}


@pytest.mark.parametrize("name", ["ramp", "if"])
def test_spikes_come_back_to_where_the_float_network_has_them(name):
    rng = np.random.default_rng(1)
    neuron, size = CASES[name]
    network = _network(neuron, rng.uniform(0.1, 1.0, (10, 8)) * size)
    samples = rng.uniform(size=(80, 8))
    found = calibrate(network, ReferenceBackend(), encode_samples(network, samples))
    program = _moved(run_pipeline(Program(network, LOIHI2), loihi(CompileOptions())[:-1]), 0.9)
    repaired = CorrectBias(found, ReferenceBackend()).apply(program)
    figures = repaired.log[-1].figures
    assert figures["out.error_after"] < 0.8 * figures["out.error_before"]
    assert not check_all(repaired)
    fresh = calibrate(network, ReferenceBackend(), encode_samples(network, rng.uniform(size=(80, 8))))
    wanted = fresh.first_times("out") / program.network.dt + program.late["out"]
    errors = []
    for p in (program, repaired):
        run = replay(p, fresh, ReferenceBackend())
        misses = np.minimum(run.spikes["out"].first_times(), run.n_ticks) - np.minimum(wanted, run.n_ticks)
        errors.append(np.sqrt(np.mean(misses**2)))
    assert errors[1] < (0.85 if name == "ramp" else 1.0) * errors[0]
    if name == "ramp":
        assert "out" in once_spiking(repaired.network, repaired.n_ticks)


def test_what_is_right_already_is_left_alone():
    """Whole ticks and weights that exist: nothing to win, so the network stays as it was."""
    network = _network(If(2.5), np.ones((3, 8)))
    samples = np.random.default_rng(0).integers(0, 17, (40, 8)) / 16
    found = calibrate(network, ReferenceBackend(), encode_samples(network, samples))
    program = run_pipeline(Program(network, LOIHI2), loihi(CompileOptions(max_ticks=34))[:-1])
    kept = CorrectBias(found, ReferenceBackend()).apply(program)
    assert kept.network is program.network
    assert kept.log[-1].lossless


@given(
    st.floats(-1, 1),
    st.integers(1, 131071),
    st.integers(0, 4096),
    st.integers(1, 500),
    st.integers(-4095, 4095),
)
def test_a_bias_lifts_a_membrane_by_the_part_of_its_threshold_that_was_asked_for(shift, vth, dv, n, bias):
    k = CubaFixed(0, dv, vth, bias_mant=bias)
    shifted = biased(k, np.array([shift]), n, LOIHI2.formats)
    whole = sum((1 - dv / 4096) ** m for m in range(n))
    step = 2.0 ** int(shifted.bias_exp)
    lifted = (float(shifted.bias_mant[0]) * step - bias) * whole
    largest = 4095 * 2.0**7
    if abs(bias + shift * 64 * vth / whole) <= largest:
        assert abs(lifted - shift * 64 * vth) <= 0.51 * step * whole + 1e-6 * vth * 64
    assert abs(int(shifted.bias_mant[0])) <= 4095
    assert 0 <= int(shifted.bias_exp) <= 7


@given(st.floats(0.1, 1.0), st.floats(-1.0, 1.0))
def test_a_turned_pair_stands_for_a_later_phase(begin, angle):
    """With no stretch the pair is (-cos, sin) of the phase, so turning adds to it, while b stays positive."""
    angle = float(np.clip(angle, -begin, np.pi - begin))
    a, b = round(-16384 * np.cos(begin)), round(16384 * np.sin(begin))
    k = ThetaFixed(16384, 100, 100, a, b, 0)
    later = turned(k, np.array([angle]))
    got = np.arctan2(float(later.b_init[0]), -float(later.a_init[0]))
    assert abs(got - (begin + angle)) < 2e-4


def test_theta_neurons_are_shifted_by_their_phase():
    rng = np.random.default_rng(2)
    neuron, size = CASES["theta"]
    network = _network(neuron, rng.uniform(0.2, 1.0, (10, 8)) * size)
    samples = rng.uniform(size=(60, 8))
    found = calibrate(network, ReferenceBackend(), encode_samples(network, samples))
    program = run_pipeline(Program(network, LOIHI2), loihi(CompileOptions())[:-1])
    repaired = CorrectBias(found, ReferenceBackend()).apply(_moved(program, 0.5))
    figures = repaired.log[-1].figures
    assert figures["out.error_after"] < figures["out.error_before"]
    assert not check_all(repaired)

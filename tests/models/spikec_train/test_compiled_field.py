"""Fields in integers: a readout solved for the spikes they give misses less, and nothing wraps."""

import numpy as np
import pytest

from spikec.backend import find_backend, run
from spikec.errors import UsageError
from spikec.inputs import encode_samples
from spikec.ir.bounds import M, current_bound, membrane_bound
from spikec.reference import ReferenceBackend
from spikec.targets.rules import check_all
from spikec.targets.target import load_target
from spikec_train.compiled_field import CompiledField, compile_field, refit_field
from spikec_train.energy_systems import energy_system
from spikec_train.ramp_layer import earliness, spike_times
from spikec_train.sampled_field import SampledField, encoded, fit_field

SYSTEM = energy_system("pendulum")
REACH = np.array(SYSTEM.reach)
OPTIONS = SampledField(hidden=128)
TICKS = (32, 128)


@pytest.fixture(scope="module")
def learned():
    states = SYSTEM.draw(1000, np.random.default_rng(0))
    return states, SYSTEM.velocities(states)


@pytest.fixture(scope="module")
def field(learned):
    return fit_field(*learned, REACH, OPTIONS, np.random.default_rng(1))


@pytest.fixture(scope="module")
def plain(field):
    return {k: compile_field(field, load_target("loihi2"), k, find_backend("cpu")) for k in TICKS}


@pytest.fixture(scope="module")
def refitted(plain, learned):
    return {k: refit_field(plain[k], *learned, OPTIONS.penalties) for k in TICKS}


@pytest.fixture(scope="module")
def states():
    return SYSTEM.draw(200, np.random.default_rng(9))


def error(found, states):
    true = SYSTEM.velocities(states)
    return np.linalg.norm(found - true) / np.linalg.norm(true)


def test_integers_say_nearly_the_same(plain, field, states):
    found = plain[32].velocities(states)
    assert found.shape == (200, 2)
    exact = field.velocities(states)
    assert np.linalg.norm(found - exact) < 0.15 * np.linalg.norm(exact)


def test_a_readout_solved_for_integers_misses_less(plain, refitted, states):
    for ticks in TICKS:
        assert error(refitted[ticks].velocities(states), states) < error(
            plain[ticks].velocities(states), states
        )


def test_more_ticks_help_once_the_readout_knows_of_the_leak(refitted, field, states):
    few, many = (error(refitted[k].velocities(states), states) for k in TICKS)
    assert many < few
    assert many < error(field.velocities(states), states) + 0.01


def test_nothing_wraps_or_stops(refitted):
    for ticks in TICKS:
        program = refitted[ticks].program
        readout = program.network.population("readout")
        assert check_all(program) == []
        assert current_bound(program.network, readout, program.n_ticks).share < 1
        bound = membrane_bound(program.network, readout, program.n_ticks)
        assert np.all(bound.highest < np.asarray(readout.neuron.vth) * 64.0)
        assert np.all(-bound.lowest < M)


def test_the_reference_says_the_same(refitted, states):
    ours = refitted[32]
    reference = CompiledField(ours.program, ReferenceBackend(), ours.reach)
    assert np.array_equal(reference.velocities(states[:3]), ours.velocities(states[:3]))


def test_leaking_currents_make_spikes_late_so_ramps_alone_do_not_explain_them(plain, field, states):
    ticks, program = 128, plain[128].program
    inputs = encode_samples(program.network, encoded(states, REACH))
    spikes = run(plain[128].backend, program, inputs, int(program.n_ticks)).spikes["hidden"]
    first = np.full((len(states), 128), np.inf)
    np.minimum.at(first, (spikes.sample_of_event(), spikes.neurons), spikes.times)
    early = earliness(np.rint(encoded(states, REACH) * ticks), ticks, field.layer.window)
    ramps = spike_times(field.layer, early) * (ticks / field.layer.window)
    both = np.isfinite(first) & np.isfinite(ramps)
    assert np.mean(first[both] - ramps[both]) > 2.0  # half a tick is what rounding a crossing costs


def test_neurons_that_never_spike_are_refused(plain):
    still = np.zeros((20, 2))
    with pytest.raises(UsageError, match="no feature differs"):
        refit_field(plain[32], still, still, OPTIONS.penalties)

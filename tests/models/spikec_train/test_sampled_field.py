import numpy as np
import pytest

from spikec.backend import run
from spikec.errors import NetworkError, UsageError
from spikec.inputs import encode_samples
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_train.energy_systems import energy_system
from spikec_train.sampled_field import SampledField, encoded, fit_field

SYSTEM = energy_system("pendulum")
REACH = np.array(SYSTEM.reach)
OPTIONS = SampledField(hidden=128)


@pytest.fixture(scope="module")
def field():
    rng = np.random.default_rng(0)
    states = SYSTEM.draw(1000, rng)
    return fit_field(states, SYSTEM.velocities(states), REACH, OPTIONS, rng)


@pytest.fixture(scope="module")
def states():
    return SYSTEM.draw(100, np.random.default_rng(9))


def error(found, true):
    return np.linalg.norm(found - true) / np.linalg.norm(true)


def test_velocities_of_unseen_states_are_learned(field, states):
    assert error(field.velocities(states), SYSTEM.velocities(states)) < 0.1
    assert 0.1 < field.spike_share < 0.9


def test_the_reference_says_the_same(field, states):
    inputs = encode_samples(field.network, encoded(states[:3], REACH))
    program = Program(field.network, load_target("ideal"))
    end = field.network.encoding.duration
    name = "readout.v.last"
    found = run(ReferenceBackend(), program, inputs, end, (name,)).traces[name].reshape(3, 2)
    assert np.allclose(found, field.velocities(states[:3]), atol=1e-6)


def test_values_beyond_the_reach_count_as_at_it(field):
    assert np.array_equal(field.velocities(np.array([[9.0, 7.0]])), field.velocities(REACH[None]))


def test_what_cannot_be_learned_from_is_refused():
    rng = np.random.default_rng(0)
    good = SYSTEM.draw(50, rng)
    with pytest.raises(UsageError, match="reach is"):
        fit_field(good, good, np.array([1.0, 0.0]), OPTIONS, rng)
    with pytest.raises(UsageError, match="as many momenta as positions"):
        fit_field(good[:, :1], good[:, :1], REACH[:1], OPTIONS, rng)
    with pytest.raises(UsageError, match="pairs of different states"):
        fit_field(good[:5], good[:5], REACH, OPTIONS, rng)
    with pytest.raises(NetworkError, match="velocities has 1 values"):
        fit_field(good, np.where(np.arange(100).reshape(50, 2) == 3, np.nan, good), REACH, OPTIONS, rng)
    with pytest.raises(UsageError, match="all must be positive and finite"):
        SampledField(gain=0.0)

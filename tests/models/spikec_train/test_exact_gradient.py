"""Training, interruption and resumption, with a problem that needs no network."""

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from time import monotonic, sleep

import numpy as np
import pytest

from spikec.container import load, save
from spikec.errors import FileFormatError, UsageError
from spikec.events import no_events
from spikec_train.exact_gradient import Problem, train
from spikec_train.optimisers import AdaBelief, Adam

TARGETS = np.random.default_rng(0).normal(size=(10, 3))


@dataclass
class NoisyMean(Problem):
    """The parameters that are nearest to all samples, each of which is seen with noise."""

    name: str = "noisy mean"
    batches: list = field(default_factory=list)

    @property
    def n_samples(self):
        return len(TARGETS)

    def key(self):
        return self.name

    def initial(self, rng):
        return rng.normal(size=3)

    def gradient(self, parameters, samples, rng):
        self.batches.append(samples)
        away = parameters - TARGETS[samples] - 0.01 * rng.normal(size=(samples.size, 3))
        return float(np.mean(np.sum(away**2, axis=1))), 2 * away.mean(axis=0)

    def clip(self, parameters):
        np.clip(parameters, -5, 5, out=parameters)


def run(epochs=6, checkpoint=None, progress=None, problem=None, optimiser=None, batch=4, seed=1):
    options = optimiser or AdaBelief(rate=0.05, decay_steps=100.0)
    return train(problem or NoisyMean(), options, epochs, batch, seed, checkpoint, progress)


def assert_same(a, b):
    np.testing.assert_array_equal(a.parameters, b.parameters)
    np.testing.assert_array_equal(a.losses, b.losses)
    np.testing.assert_array_equal(a.moments.mean, b.moments.mean)
    np.testing.assert_array_equal(a.moments.square, b.moments.square)
    assert a.moments.step == b.moments.step
    assert a.rng_state == b.rng_state


def test_training_comes_near_the_minimum():
    done = run(epochs=300, optimiser=Adam(rate=0.05, decay_steps=200.0))
    np.testing.assert_allclose(done.parameters, TARGETS.mean(axis=0), atol=0.02)
    assert done.losses[-1] < done.losses[0]
    assert done.seconds > 0


def test_an_epoch_shows_every_sample_once_in_an_order_of_its_own():
    problem = NoisyMean()
    run(epochs=2, problem=problem)
    assert [b.size for b in problem.batches] == [4, 4, 2] * 2
    first, second = np.concatenate(problem.batches[:3]), np.concatenate(problem.batches[3:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()


def test_one_seed_is_one_result_and_another_seed_another():
    assert_same(run(), run())
    assert not np.array_equal(run().parameters, run(seed=2).parameters)


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_an_interrupted_training_goes_on_to_the_same_end(tmp_path, stop):
    def interrupt(sentence):
        if sentence.startswith(f"epoch {stop} "):
            raise KeyboardInterrupt

    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=path, progress=interrupt)
    told = []
    assert_same(run(checkpoint=path, progress=told.append), run())
    assert [s.split(":")[0] for s in told] == [f"epoch {k} of 6" for k in range(stop + 1, 7)]


def test_a_finished_training_is_not_done_again(tmp_path):
    path = tmp_path / "state.npz"
    done = run(checkpoint=path)
    problem = NoisyMean()
    assert_same(run(checkpoint=path, problem=problem), done)
    assert problem.batches == []


def test_more_epochs_continue_a_finished_training(tmp_path):
    path = tmp_path / "state.npz"
    run(epochs=2, checkpoint=path)
    assert_same(run(epochs=6, checkpoint=path), run(epochs=6))


SCRIPT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
spec = spec_from_file_location("here", sys.argv[1])
here = module_from_spec(spec)
sys.modules["here"] = here
spec.loader.exec_module(here)
here.run(epochs=100000, checkpoint=Path(sys.argv[2]))
"""


def test_a_training_that_is_killed_at_any_moment_goes_on_to_the_same_end(tmp_path):
    path = tmp_path / "state.npz"
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, __file__, str(path)])
    try:
        until = monotonic() + 60
        while not path.exists() and monotonic() < until and child.poll() is None:
            sleep(0.01)
        sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    done = load(path)["losses"].size
    assert done >= 1
    assert_same(run(epochs=done + 3, checkpoint=path), run(epochs=done + 3))


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"batch": 5},
        {"optimiser": Adam(rate=0.05, decay_steps=100.0)},
        {"optimiser": AdaBelief(rate=0.06, decay_steps=100.0)},
        {"problem": NoisyMean("another")},
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, other):
    path = tmp_path / "state.npz"
    run(epochs=1, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"state.npz is of another training .* delete it"):
        run(checkpoint=path, **other)
    assert path.read_bytes() == before


def test_a_checkpoint_with_more_epochs_than_asked_for_is_refused(tmp_path):
    run(epochs=3, checkpoint=tmp_path / "state.npz")
    with pytest.raises(UsageError, match="has done 3 epochs, but 2"):
        run(epochs=2, checkpoint=tmp_path / "state.npz")


def test_another_file_is_no_checkpoint_and_stays_as_it_is(tmp_path):
    path = tmp_path / "events.npz"
    for thing in (no_events(1, 1), {"in": no_events(1, 1)}):
        save(thing, path)
        before = path.read_bytes()
        with pytest.raises(UsageError, match="is no checkpoint"):
            run(checkpoint=path)
        assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    run(epochs=1, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="damaged; delete it to begin anew"):
        run(checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_is_said_at_once(tmp_path):
    with pytest.raises(FileFormatError, match="choose another place"):
        run(checkpoint=tmp_path / "missing" / "state.npz")


def test_a_loss_that_is_no_number_ends_the_training():
    class Broken(NoisyMean):
        def gradient(self, parameters, samples, rng):
            return float("nan"), parameters

    with pytest.raises(UsageError, match="the loss is nan after 0 steps"):
        run(problem=Broken())


def test_parameters_are_kept_where_they_are_allowed():
    class Narrow(NoisyMean):
        def clip(self, parameters):
            np.clip(parameters, -0.01, 0.01, out=parameters)

    assert np.abs(run(problem=Narrow()).parameters).max() <= 0.01

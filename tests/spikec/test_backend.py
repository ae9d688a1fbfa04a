"""Backends: found through their entry points, refused in words, run once and closed in any case."""

from importlib.metadata import EntryPoint, entry_points

import numpy as np
import pytest

from spikec import backend as door
from spikec.backend import availability, backend_names, deploy, find_backend, run
from spikec.errors import BackendUnavailable, EventsError, NetworkError, TargetError, UsageError, Violation
from spikec.events import from_dense_times, no_events
from spikec.program import Shard
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult

WHY = Violation("neuron", "out", "strange", "usual", "use another backend")


class Fake:
    """A backend that notes what is asked of it."""

    name = "fake"

    def __init__(self, reason=None, violations=(), fails=False):
        self.reason, self.violations, self.fails, self.calls = reason, list(violations), fails, []

    def unavailable(self):
        return self.reason

    def unsupported(self, program):
        return self.violations

    def prepare(self, program):
        self.calls.append("prepare")
        return self

    def run(self, inputs, until, record=()):
        self.calls.append(("run", until, record))
        if self.fails:
            raise RuntimeError("no")
        return RunResult({})

    def close(self):
        self.calls.append("close")


class FakeDeployer(Fake):
    def deploy(self, program, directory):
        self.calls.append(("deploy", directory))
        return directory


@pytest.fixture
def program():
    return random_program(np.random.default_rng(3))


@pytest.fixture
def inputs(program):
    return random_inputs(np.random.default_rng(4), program, 2, 10)


@pytest.fixture
def installed(monkeypatch):
    """Install entry points for this test only; give the function that does."""

    def install(**places):
        found = [EntryPoint(name, place, door.GROUP) for name, place in places.items()]
        monkeypatch.setattr(door, "entry_points", lambda group: found)

    return install


def test_the_built_in_backends_come_in_through_the_common_door():
    assert {"cpu", "lava", "reference"} <= set(backend_names())
    assert backend_names() == sorted({e.name for e in entry_points(group="spikec.backends")})
    assert isinstance(find_backend("reference"), ReferenceBackend)
    assert availability("reference") is None


def test_an_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="there is no backend 'gpu'; installed are cpu, lava, reference"):
        find_backend("gpu")


def test_an_unknown_option_is_refused():
    with pytest.raises(UsageError, match="backend reference has no such option"):
        find_backend("reference", flavour="stock")


def test_a_backend_that_cannot_be_imported_is_unavailable(installed):
    installed(broken="spikec_no_such_module:Backend", empty="spikec.errors:NoSuchThing")
    with pytest.raises(BackendUnavailable, match=r"backend broken cannot be loaded: .*spikec_no_such_module"):
        find_backend("broken")
    with pytest.raises(BackendUnavailable, match=r"backend empty cannot be loaded: .*NoSuchThing"):
        find_backend("empty")


def test_a_backend_that_cannot_work_here_says_why(monkeypatch):
    monkeypatch.setattr(door, "_make", lambda name, **options: Fake("its chip is missing"))
    assert availability("fake") == "its chip is missing"
    with pytest.raises(BackendUnavailable, match="backend fake cannot run here: its chip is missing"):
        find_backend("fake")


def test_a_run_is_prepared_done_and_closed(program, inputs):
    fake = Fake()
    run(fake, program, inputs, 7)
    assert fake.calls == ["prepare", ("run", 7, ()), "close"]


def test_a_run_that_fails_is_closed_too(program, inputs):
    fake = Fake(fails=True)
    with pytest.raises(RuntimeError):
        run(fake, program, inputs, 7)
    assert fake.calls[-1] == "close"


def test_what_a_backend_cannot_run_is_not_prepared(program, inputs):
    fake = Fake(violations=[WHY])
    with pytest.raises(TargetError, match="does not fit backend fake: out: neuron is strange") as caught:
        run(fake, program, inputs, 7)
    assert caught.value.violations == (WHY,)
    assert caught.value.exit_code == 1
    assert not fake.calls


@pytest.mark.parametrize("until", [-1, 0, float("nan"), float("inf")])
def test_a_run_of_impossible_length_is_refused(program, inputs, until):
    with pytest.raises(UsageError, match="a run "):
        run(ReferenceBackend(), program, inputs, until)


def test_inputs_and_records_that_do_not_fit_are_refused(program, inputs):
    with pytest.raises(EventsError, match="events were given for"):
        run(ReferenceBackend(), program, {}, 5)
    seconds = {name: from_dense_times(np.zeros((1, e.n_neurons))) for name, e in inputs.items()}
    with pytest.raises(EventsError, match="needs times in ticks"):
        run(ReferenceBackend(), program, seconds, 5)
    with pytest.raises(NetworkError, match="cannot record"):
        run(ReferenceBackend(), program, inputs, 5, ["net.0.u"])


def test_split_populations_come_back_whole(program, inputs):
    name = program.network.outputs[0]
    n = program.network.population(name).n
    turned = np.arange(n)[::-1]
    split = type(program)(program.network, program.target, shards={"whole": (Shard(name, turned),)})
    plain = run(ReferenceBackend(), program, inputs, 10, [f"{name}.v"])
    whole = run(ReferenceBackend(), split, inputs, 10, ["whole.v"])
    np.testing.assert_array_equal(
        whole.spikes["whole"].raster(10), plain.spikes[name].raster(10)[..., turned]
    )
    np.testing.assert_array_equal(whole.traces["whole.v"], plain.traces[f"{name}.v"][..., turned])
    assert name not in whole.spikes


def test_only_a_backend_with_a_platform_deploys(program, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="has nothing to deploy to"):
        deploy("reference", program, tmp_path / "x")
    made = FakeDeployer("it cannot run here, but it can deploy")
    monkeypatch.setattr(door, "_make", lambda name, **options: made)
    assert deploy("fake", program, tmp_path / "x") == tmp_path / "x"
    made.violations = [WHY]
    with pytest.raises(TargetError, match="backend fake"):
        deploy("fake", program, tmp_path / "y")
    assert made.calls == [("deploy", tmp_path / "x")]


def test_silence_in_gives_a_run_too(program):
    silence = {n: no_events(1, program.network.population(n).n) for n in program.network.inputs}
    assert run(ReferenceBackend(), program, silence, 5).counters.n_samples == 1

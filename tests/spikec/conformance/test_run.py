"""Rows of small networks whose spikes are known by hand."""

from pathlib import Path

import nir
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.conformance.cases import load_cases
from spikec.conformance.run import Status, run_case
from spikec.container import save
from spikec.errors import SpikecError
from spikec.events import from_rows
from spikec.frontends import open_network
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Lif, Source
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target

SHIPPED = Path(__file__).parents[2] / "conformance"
N_TICKS = 6
GIVEN = np.array([[1, 0], [0, 0], [1, 0], [1, 1], [0, 1], [0, 1]])
SPIKES = np.array([[0, 0], [0, 0], [1, 0], [0, 0], [0, 1], [0, 0]])
"""Membranes rise by 0.75 a spike and are reset to 0 above 1: in the second, fourth, ... spike of a neuron."""


@pytest.fixture
def folder(tmp_path):
    one = np.ones(2)
    nodes = [nir.Input(np.array([2])), nir.Linear(0.75 * np.eye(2)), nir.IF(r=one, v_threshold=one)]
    nir.write(tmp_path / "net.nir", nir.NIRGraph.from_list(*nodes, nir.Output(np.array([2]))))
    np.save(tmp_path / "in.npy", GIVEN)
    np.save(tmp_path / "out.npy", SPIKES)
    np.save(tmp_path / "late.npy", np.roll(SPIKES, 1, axis=0))
    other = SPIKES.copy()
    other[4] = [1, 0]
    np.save(tmp_path / "other.npy", other)
    np.save(tmp_path / "counts.npy", 2 * GIVEN)
    return tmp_path


def rows(folder, **changes):
    row = {
        "network": "net.nir",
        "against": "hand",
        "dt": 1,
        "input": {"kind": "raster", "file": "in.npy"},
        "expected": {"kind": "raster", "file": "out.npy"},
    }
    row = {k: v for k, v in {**row, **changes}.items() if v is not None}
    (folder / "a.yaml").write_text(yaml.safe_dump({"rows": [row]}))
    return list(run_case(folder, load_cases(folder / "a.yaml").rows[0], "a.yaml"))


def raster(name):
    return {"kind": "raster", "file": name}


def test_a_row_that_is_right(folder):
    (row,) = rows(folder, convention="norse", explained="it is Norse's equation")
    assert (row.status, row.wrong, row.of, row.unit) == (Status.SAME, 0, 12, "bins")
    assert (row.network, row.against, row.convention, row.cases) == ("net.nir", "hand", "norse", "a.yaml")
    assert row.explained == "it is Norse's equation"
    assert row.first is None
    assert row.seconds > 0


def test_a_row_that_is_wrong_names_the_first_difference(folder):
    (row,) = rows(folder, expected=raster("other.npy"))
    assert (row.status, row.wrong, row.explained) == (Status.WRONG, 2, None)
    first = row.first
    assert (first.neuron, first.sample, first.tick, first.expected, first.got) == (0, 0, 4, 1, 0)
    assert row.convention == "nir-euler"


def test_what_is_explained_must_be_as_much_as_was_said(folder):
    (row,) = rows(folder, expected=raster("other.npy"), allowed=2, explained="made so")
    assert (row.status, row.wrong, row.explained) == (Status.EXPLAINED, 2, "made so")
    for allowed, name in ((3, "other.npy"), (2, "out.npy")):
        (row,) = rows(folder, expected=raster(name), allowed=allowed, explained="made so")
        assert (row.status, row.explained) == (Status.WRONG, None)
        assert f"{allowed} are explained, not {row.wrong}" in row.why


def test_a_late_platform_is_shifted(folder):
    (row,) = rows(folder, expected=raster("late.npy"), shift=1)
    assert row.status is Status.SAME
    (row,) = rows(folder, expected=raster("late.npy"))
    assert (row.status, row.wrong) == (Status.WRONG, 4)


def test_for_an_early_platform_the_run_is_longer(folder):
    (row,) = rows(folder, convention="lava", shift=-1)  # every hop takes a tick there
    assert (row.status, row.of) == (Status.SAME, 12)


def test_counts_weigh_as_often(folder):
    given = {**raster("counts.npy"), "values": "counts"}
    (row,) = rows(folder, input=given, expected={"kind": "count", "spikes": int(GIVEN.sum())})
    assert (row.status, row.unit) == (Status.SAME, "spikes")  # 2 x 0.75 each time


def test_a_compiled_network_runs_on_every_backend_that_is_named(folder):
    found = rows(
        folder,
        compile={"target": "loihi2", "bits": 8},
        convention="lava,hop_delay=0",
        ticks=N_TICKS + 1,
        expected={"kind": "count", "spikes": int(SPIKES.sum())},
        backends=["cpu", "reference", "nobody"],
    )
    assert [(row.backend, row.status) for row in found[:2]] == [
        ("cpu", Status.SAME),
        ("reference", Status.SAME),
    ]
    assert found[0].convention == "lava,hop_delay=0; compiled for loihi2, 8 bits"
    assert "no backend 'nobody'" in found[2].why


def test_what_is_not_there_or_cannot_run_there_is_skipped(folder):
    (row,) = rows(folder, network="gone.nir")
    assert (row.status, row.wrong) == (Status.SKIPPED, None)
    assert "gone.nir" in row.why
    (row,) = rows(folder, expected=raster("gone.npy"))
    assert "gone.npy" in row.why
    (row,) = rows(folder, backends=["lava"])
    assert row.status is Status.SKIPPED
    assert "lava" in row.why.lower()


def test_several_inputs_come_from_one_file(folder):
    network = Network(
        (Population("a", Source(), (1,)), Population("b", Source(), (1,)), Population("out", If(1.0), (1,))),
        (Projection("v", "a", "out", Dense([[0.75]])), Projection("w", "b", "out", Dense([[0.5]]))),
        ("a", "b"),
        ("out",),
        Ticks(1.0),
    )
    save(network, folder / "net.npz")
    (folder / "in.csv").write_text("input,tick,neuron\na,0,0\nb,2,0\na,3,0\n")
    np.save(folder / "out.npy", [[0], [0], [1], [0]])
    given = {"kind": "events", "file": "in.csv"}
    (row,) = rows(folder, network="net.npz", dt=None, input=given, ticks=4)
    assert (row.status, row.of) == (Status.SAME, 4)
    (row,) = rows(folder, network="net.npz", dt=None)
    assert "the network has the inputs a, b; give their spikes" in row.why


def test_a_continuous_network_is_compared_by_its_first_spikes(folder):
    network = Network(
        (Population("in", Source(), (2,)), Population("out", Lif(2.0, 1.0), (2,))),
        (Projection("w", "in", "out", Dense(3 * np.eye(2))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    save(network, folder / "net.npz")
    save(from_rows([0, 0], [0.5, 1.5], [0, 1], n_samples=1, n_neurons=2), folder / "events.npz")
    np.savez(folder / "times.npz", out=np.array([[0.5, 1.75]]))
    settings = {
        "network": "net.npz",
        "dt": None,
        "input": {"kind": "events", "file": "events.npz"},
        "until": 3,
    }
    expected = {"kind": "times", "file": "times.npz", "array": "out", "tolerance": 0.2}
    (row,) = rows(folder, **settings, expected=expected)
    assert (row.status, row.wrong, row.of) == (Status.WRONG, 1, 2)
    assert (row.first.neuron, row.first.tick, row.first.expected, row.first.got) == (1, None, 1.75, 1.5)
    (row,) = rows(folder, **settings, expected={**expected, "tolerance": 0.3})
    assert (row.status, row.convention) == (Status.SAME, "continuous time")
    (row,) = rows(folder, **{**settings, "until": None}, expected=expected)
    assert (row.status, row.why) == (
        Status.FAILED,
        "a network in continuous time has no ticks and runs until 'until'; give that",
    )


def test_times_of_a_program_are_those_that_its_ticks_stand_for(folder):
    weights = {"w": np.array([[8.0]]), "x": np.array([[0.25]])}
    x = (1 + np.sqrt(1 - 2 * 0.75 / 8)) / 2  # 16 (x - x^2) = 0.75 with x = exp(-t/2)
    np.savez(folder / "net.npz", **weights, out=np.array([[0.25 - 2 * np.log(x)]]))
    layers = {"file": "net.npz", "tau_mem": 2, "tau_syn": 1, "threshold": 0.75, "layers": [{"weights": "w"}]}
    settings = {
        "network": layers,
        "input": {"kind": "times", "file": "net.npz", "array": "x"},
        "compile": {"target": "loihi2"},
        "dt": 0.01,
        "ticks": 100,
    }
    expected = {"kind": "times", "file": "net.npz", "array": "out", "tolerance": 0.01}
    (row,) = rows(folder, **settings, expected=expected)
    assert (row.status, row.of) == (Status.SAME, 1), row
    (row,) = rows(folder, **settings, expected={**expected, "tolerance": 1e-6})
    assert row.status is Status.WRONG
    assert row.convention == "continuous time; compiled for loihi2"


def test_a_program_runs_no_longer_than_it_was_proven_for(folder):
    network = open_network(folder / "net.nir", dt=1.0, convention="if_gain=step")
    program = compile_network(network, load_target("loihi2"), CompileOptions(n_ticks=8))
    save(program, folder / "prog.npz")
    settings = {"network": "prog.npz", "dt": None, "expected": {"kind": "count", "spikes": int(SPIKES.sum())}}
    (row,) = rows(folder, **settings, ticks=8)
    assert (row.status, row.convention) == (Status.SAME, "integers")
    (row,) = rows(folder, **settings, ticks=9)
    assert "proven for samples of 8 ticks, not 9" in row.why
    (row,) = rows(folder, **settings, ticks=8, compile={})
    assert "in integers already; leave out 'compile'" in row.why
    given = {**raster("counts.npy"), "values": "counts"}
    (row,) = rows(folder, **settings, ticks=8, input=given)
    assert "spikes 2 times in one tick" in row.why


def test_the_dt_of_a_file_that_holds_its_own_is_refused(folder):
    network = Network((Population("in", Source(), (2,)),), (), ("in",), ("in",), Ticks(1.0))
    save(network, folder / "net.npz")
    for changes in ({}, {"compile": {}}):
        (row,) = rows(folder, network="net.npz", **changes)
        assert (row.status, "own time step" in row.why) == (Status.FAILED, True)
    np.savez(folder / "net.npz", w=np.ones((2, 2)))
    layers = {"file": "net.npz", "tau_mem": 2, "tau_syn": 1, "threshold": 1, "layers": [{"weights": "w"}]}
    (row,) = rows(folder, network=layers)
    assert "leave out 'convention' and 'dt'" in row.why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dt": None}, "time step"),
        ({"population": "nobody"}, "no population 'nobody'"),
        ({"samples": 2}, "2 samples are wanted, but there are 1"),
        ({"ticks": 3}, "input spikes come after the end, 3; raise 'ticks'"),
        ({"until": 3}, "what runs in ticks takes no 'until'"),
        ({"convention": "norsy"}, "no convention 'norsy'"),
        ({"convention": "../a.yaml"}, "lies outside"),
        ({"network": "in.npy"}, "an array, not a network"),
        ({"network": "../in.npy"}, "lies outside"),
    ],
)
def test_a_row_that_cannot_be_meant_says_why(folder, changes, words):
    (row,) = rows(folder, **changes)
    assert row.status is Status.FAILED
    assert words in row.why
    assert "\n" not in row.why


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.sampled_from(["in.npy", "out.npy", "labels.npz"]), st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_recording_gives_a_row_and_no_traceback(folder, name, place, flip):
    np.save(folder / "in.npy", GIVEN)
    np.save(folder / "out.npy", SPIKES)
    np.savez_compressed(folder / "labels.npz", labels=np.array([1]))
    data = bytearray((folder / name).read_bytes())
    data[place % len(data)] ^= flip
    (folder / name).write_bytes(bytes(data))
    answers = {"kind": "answers", "file": "labels.npz", "labels": "labels", "right": 1}
    for expected in (raster("out.npy"), answers):
        (row,) = rows(folder, expected=expected, ticks=N_TICKS)
        assert row.status in Status
        assert "\n" not in row.why


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.binary(max_size=3))
def test_a_damaged_yaml_gives_cases_or_one_clear_error(tmp_path, place, text):
    data = (SHIPPED / "yinyang.yaml").read_bytes()
    place %= len(data)
    (tmp_path / "a.yaml").write_bytes(data[:place] + text + data[place + 1 :])
    try:
        message = "" if load_cases(tmp_path / "a.yaml").rows else "no rows"
    except SpikecError as error:
        message = str(error)
    assert message != "no rows"
    assert "\n" not in message

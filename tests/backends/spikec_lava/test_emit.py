"""The folder that `spikec deploy` writes: it runs by itself, where spikec does not exist."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikec.backend import deploy as deploy_with
from spikec.container import load, save
from spikec.errors import TargetError, UsageError
from spikec.events import Events, from_rows, same
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from spikec.targets.target import load_target
from spikec_lava import compat, emit
from spikec_lava.emit import deploy
from tests.contract import assert_same_results

needs_lava = pytest.mark.skipif(compat.importable() is not None, reason=f"{compat.importable()}")
FLAVOURS = ("fused", "stock")

WITHOUT_SPIKEC = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("spikec", "spikec_cpu", "spikec_train", "pydantic", "nir", "numba"):
            raise ModuleNotFoundError(f"{name} is hidden")
sys.meta_path.insert(0, Hidden())
sys.path.append(sys.argv[1])
sys.argv = sys.argv[2:]
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Starts a script in an interpreter that reads no .pth file (so no editable install) and finds no spikec."""


def alone(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a package's run.py from elsewhere, with neither spikec nor the environment's settings."""
    return subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-c", WITHOUT_SPIKEC, sysconfig.get_path("purelib")),
            *(str(package / "run.py"), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        check=False,
    )


def two_layers(*, each: bool = False, n_ticks: int | None = 12) -> Program:
    """Two inputs, a hidden layer with delays, a recurrent output; `each` gives every neuron its own vth."""
    rng = np.random.default_rng(3)
    vth: Any = [5, 9, 4, 6] if each else 5
    populations = (
        Population("in.left", Source(), (3,)),
        Population("in.right", Source(), (2,)),
        Population("hidden", CubaFixed(du=800, dv=300, vth=vth), (4,)),
        Population("out", CubaFixed(du=4095, dv=100, vth=20, bias_mant=[3, -3]), (2,)),
    )
    excitatory = FixedFormat(6, Sign.EXCITATORY)
    projections = (
        Projection(
            "left_hidden",
            "in.left",
            "hidden",
            Dense(Fixed(rng.integers(0, 16, (4, 3)) * 4, excitatory)),
            Delays(rng.integers(0, 4, (4, 3)), DelayKind.SYNAPTIC),
        ),
        Projection("right_hidden", "in.right", "hidden", Dense(Fixed([[20, 4]] * 4)), Delays(0)),
        Projection(
            "hidden_out",
            "hidden",
            "out",
            sparse(4, 2, [0, 1, 2, 3], [0, 1, 0, 1], Fixed([40, 30, 0, 50])),
            Delays([0, 1, 0, 2], DelayKind.AXONAL),
        ),
        Projection("out_out", "out", "out", Dense(Fixed([[-8, 0], [0, -8]])), Delays(0)),
    )
    network = Network(populations, projections, ("in.left", "in.right"), ("out",), Ticks(1e-3, LOIHI))
    return Program(network, load_target("loihi2"), n_ticks=n_ticks)


def some_events(program: Program, n_samples: int = 3) -> dict[str, Events]:
    rng = np.random.default_rng(4)
    events = {}
    for name in program.network.inputs:
        n = program.network.population(name).n
        samples, ticks, neurons = np.nonzero(rng.random((n_samples, 12, n)) < 0.3)
        events[name] = from_rows(samples, ticks, neurons, n_samples=n_samples, n_neurons=n)
    return events


@pytest.fixture(scope="module", params=FLAVOURS)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployed network of each flavour."""
    return deploy(two_layers(), tmp_path_factory.mktemp("deployed") / "net", request.param)


@needs_lava
def test_a_package_runs_by_itself_and_gives_the_same(package: Path, tmp_path: Path) -> None:
    program = two_layers()
    events = some_events(program)
    save(events, tmp_path / "events.npz")
    done = alone(
        package,
        "--input", str(tmp_path / "events.npz"),
        "--output", str(tmp_path / "result.npz"),
        "--record", "out.v.last",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = load(tmp_path / "result.npz", RunResult)
    expected = ReferenceBackend().prepare(program).run(events, 12, ["out.v.last"])
    for name, spikes in expected.spikes.items():
        assert same(result.spikes[name], spikes), name
        assert f"{name}: {spikes.n_events} spikes in 3 samples of 12 ticks" in done.stdout
    assert expected.spikes["out"].n_events > 0
    np.testing.assert_array_equal(result.traces["out.v.last"], expected.traces["out.v.last"])
    if result.meta["flavour"] == "fused":
        assert result.counters == expected.counters


@needs_lava
def test_a_package_brings_the_neurons_that_lava_lacks(tmp_path: Path) -> None:
    program = two_layers()
    hidden, theta = program.network.population("hidden"), ThetaFixed(99, 40, 9, [0, 30, 90, -7], 100, 5)
    populations = [replace(p, neuron=theta) if p is hidden else p for p in program.network.populations]
    program = replace(program, network=replace(program.network, populations=tuple(populations)))
    made = deploy(program, tmp_path / "net")
    readme = (made / "README.md").read_text()
    assert "| `hidden` | 4 | ThetaFixed |" in readme
    assert "Lava has no `ThetaFixed`; the equations stand in `spikec_lava/deployed/neurons.py`" in readme
    save(some_events(program), tmp_path / "events.npz")
    record = ["--record", "hidden.v", "--record", "out.v.last"]
    files = ["--input", str(tmp_path / "events.npz"), "--output", str(tmp_path / "result.npz")]
    done = alone(made, *files, *record)
    assert done.returncode == 0, done.stderr
    result = load(tmp_path / "result.npz", RunResult)
    expected = ReferenceBackend().prepare(program).run(some_events(program), 12, record[1::2])
    assert min(expected.spikes[name].n_events for name in ("hidden", "out")) > 0
    assert_same_results(result, expected)


@needs_lava
def test_a_description_of_another_version_is_refused(tmp_path: Path) -> None:
    made = deploy(single_input(), tmp_path / "net")
    described = json.loads((made / "network.json").read_text())
    (made / "network.json").write_text(json.dumps({**described, "version": 1}))
    done = alone(made, "--input", str(made / "example_events.npz"))
    assert done.returncode == 2
    assert "has version 1, but this program reads version 3" in done.stderr


@needs_lava
def test_the_example_input_runs_as_the_readme_says(package: Path) -> None:
    assert "python run.py --input example_events.npz" in (package / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "run.py", "--input", "example_events.npz", "--ticks", "5"],
        cwd=package,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "in.left: 1 spikes in 1 samples of 5 ticks" in done.stdout


@needs_lava
def test_hardware_without_intels_extension_ends_in_one_sentence(package: Path) -> None:
    done = alone(package, "--input", str(package / "example_events.npz"), "--hardware")
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert ("lava-loihi" in lines[0]) == ("stock" in (package / "network.json").read_text())
    assert done.stdout == ""


@needs_lava
def test_hardware_refuses_parameters_of_single_neurons(tmp_path: Path) -> None:
    made = deploy(two_layers(each=True), tmp_path / "net", "stock")
    done = alone(made, "--input", str(made / "example_events.npz"), "--hardware")
    assert done.returncode == 2
    assert "population hidden has its own vth for each neuron" in done.stderr


@needs_lava
def test_input_in_seconds_is_rounded_to_ticks(tmp_path: Path) -> None:
    made = deploy(single_input(), tmp_path / "net")
    seconds = Events([0.0, 0.0021, 0.0024, 0.0049], [0, 1, 1, 0], [0, 4], 2)
    save(seconds, tmp_path / "events.npz")
    arguments = ["--input", str(tmp_path / "events.npz"), "--output", str(tmp_path / "result.npz")]
    done = alone(made, *arguments)
    assert done.returncode == 0, done.stderr
    assert same(load(tmp_path / "result.npz").spikes["in"], seconds.to_ticks(1e-3))
    assert "3 spikes in 1 samples of 6 ticks" in done.stdout


def single_input() -> Program:
    populations = (Population("in", Source(), (2,)), Population("out", CubaFixed(du=0, dv=0, vth=1), (1,)))
    q = Projection("in_out", "in", "out", Dense(Fixed([[2, 4]])), Delays(0))
    return Program(Network(populations, (q,), ("in",), ("out",), Ticks(1e-3, LOIHI)), load_target("loihi2"))


@needs_lava
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "there is no file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 nonsense"), "no spikec events file"),
        (lambda path: np.savez(path, a=np.zeros(3)), "no spikec events file"),
        (lambda path: save(single_input(), path), "holds Program"),
        (lambda path: save({"x": Events([0], [0], [0, 1], 2)}, path), "the network's inputs are ['in']"),
        (lambda path: save(Events([0], [0], [0, 1], 3), path), "has 2 neurons"),
        (lambda path: altered(path), "was altered"),
    ],
)
def test_events_that_do_not_fit_end_in_one_sentence(make: Any, words: str, tmp_path: Path) -> None:
    made = deploy(single_input(), tmp_path / "net")
    make(tmp_path / "events.npz")
    done = alone(made, "--input", str(tmp_path / "events.npz"), "--ticks", "3")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def altered(path: Path) -> None:
    """Events of which one was changed by hand."""
    import zipfile

    save(Events([0, 1], [0, 0], [0, 2], 2), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["0.npy"] = members["0.npy"][:-8] + (5).to_bytes(8, "little")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@needs_lava
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--record", "out.v"], "record out.v.last"),
        (["--record", "out"], "cannot record 'out'"),
        (["--record", "in.left.v.last"], "cannot record"),
        (["--ticks", "-1"], "give --ticks 0 or more"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(arguments: list[str], words: str, tmp_path: Path) -> None:
    made = deploy(two_layers(), tmp_path / "net", "stock")
    done = alone(made, "--input", str(made / "example_events.npz"), *arguments)
    assert done.returncode == 2
    assert words in done.stderr.strip().splitlines()[-1]


def test_a_package_holds_plain_numbers_and_readable_code(package: Path) -> None:
    described = json.loads((package / "network.json").read_text())
    assert [p["name"] for p in described["populations"]] == ["in.left", "in.right", "hidden", "out"]
    with np.load(package / "network.npz", allow_pickle=False) as arrays:
        assert arrays["hidden_out/weights"].tolist() == [40, 30, 0, 50]
        assert arrays["out/bias_mant"].tolist() == [3, -3]
    assert described["version"] == 3
    assert [p["neuron"] for p in described["populations"]] == [None, None, "CubaFixed", "CubaFixed"]
    assert described["populations"][0]["parameters"] == {}
    assert described["populations"][2]["parameters"]["vth"] == 5
    code = list(package.rglob("*.py"))
    assert {path.name for path in code if path.parent.name == "processes"} == {
        "__init__.py", "ends.py", "fused.py",
    }  # fmt: skip
    for path in code:
        assert "import spikec\n" not in path.read_text()
        assert "from spikec." not in path.read_text()
    readme = (package / "README.md").read_text()
    assert "| `hidden` | 4 | CubaFixed |" in readme
    assert "`CubaFixed` is Lava's `LIF`" in readme
    assert "A tick is 0.001 s; a sample has 12 ticks." in readme


def test_the_example_is_of_one_input_or_of_each_by_name(package: Path, tmp_path: Path) -> None:
    assert set(load(package / "example_events.npz", dict)) == {"in.left", "in.right"}
    assert load(deploy(single_input(), tmp_path / "net") / "example_events.npz", Events).n_events == 1


def test_a_folder_with_contents_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not empty"):
        deploy(single_input(), folder)
    with pytest.raises(UsageError, match="exists and is not empty"):
        deploy(single_input(), folder / "mine.txt")
    assert [path.name for path in tmp_path.rglob("*")] == ["net", "mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    assert (deploy(single_input(), tmp_path / "net") / "run.py").is_file()


def test_a_deployment_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(emit, "_copy_code", fail)
    with pytest.raises(OSError, match="disk"):
        deploy(single_input(), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make"):
        deploy(single_input(), tmp_path / "file" / "net")


def test_what_lava_cannot_run_is_not_deployed(tmp_path: Path) -> None:
    program = single_input()
    q = program.network.projections[0]
    longer = program.network.with_projections(
        {q.name: Projection(q.name, q.pre, q.post, q.connectivity, Delays(64))}
    )
    with pytest.raises(TargetError, match="delay is 64 ticks"):
        deploy(Program(longer, program.target), tmp_path / "net", "stock")
    assert list(tmp_path.iterdir()) == []


def test_the_core_deploys_through_the_backends_name(tmp_path: Path) -> None:
    made = deploy_with("lava", single_input(), tmp_path / "net", flavour="stock")
    assert json.loads((made / "network.json").read_text())["flavour"] == "stock"

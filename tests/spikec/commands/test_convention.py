"""The option --convention, from the command line to the network's clock."""

import json

import nir
import numpy as np
import pytest
from typer.testing import CliRunner

from spikec.cli import app
from spikec.errors import UsageError

RUNNER = CliRunner()


@pytest.fixture
def file(tmp_path):
    one = np.ones(2)
    lif = nir.LIF(tau=2e-3 * one, r=20 * one, v_leak=0 * one, v_threshold=one)
    nodes = [nir.Input(np.array([2])), nir.Linear(np.eye(2) * 1.5), lif, nir.Output(np.array([2]))]
    nir.write(tmp_path / "net.nir", nir.NIRGraph.from_list(*nodes))
    np.save(tmp_path / "in.npy", np.ones((4, 2), np.uint8))
    return tmp_path / "net.nir"


def _json(*words):
    result = RUNNER.invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    return json.loads(result.stdout)


def test_inspect_prints_all_habits_and_why_they_were_taken(file):
    found = _json("inspect", file)
    assert found["convention"]["reset"] == "value"
    assert found["dt"] == 1e-4
    assert any("snntorch" in note and "guessed" in note for note in found["notes"])
    found = _json("inspect", file, "--convention", "spikingjelly,clamp=-1", "--dt", "1e-3")
    assert found["convention"]["name"] == "spikingjelly,clamp=-1"
    assert (found["convention"]["comparison"], found["convention"]["clamp"]) == ("reach", -1.0)


def test_a_run_spikes_as_the_convention_says_and_tells_which(file):
    spikes = ["--input", file.parent / "in.npy", "--ticks", 4]
    # 1.5 in every tick, 0.95 is left of the membrane; less the threshold: 1.5, 1.975, 2.43 (two spikes), 1.9.
    expected = {"snntorch": 8, "spyx": 6, "snntorch,reset=subtract,multi_spike=yes": 10}
    for convention, n in expected.items():
        found = _json("run", file, *spikes, "--dt", "1e-4", "--convention", convention)
        assert found["spikes"]["lif"] == n, convention
        assert any(convention.split(",")[0] in note for note in found["notes"])
    shown = RUNNER.invoke(app, ["run", str(file), *map(str, spikes)], catch_exceptions=False).stdout
    assert "snntorch" in shown


def test_check_names_what_the_chip_has_not(file):
    found = _json("check", file, "--convention", "snntorch,reset=subtract,clamp=0", "--ticks", 9)
    assert {v["rule"] for v in found["violations"]} == {"reset", "lowest membrane"}
    assert any("snntorch" in note for note in found["notes"])


def test_a_compiled_network_remembers_what_it_was_read_with(file):
    output = file.parent / "prog.npz"
    found = _json("compile", file, "-o", output, "--convention", "norse", "--dt", "1e-4", "--ticks", 9)
    assert found["convention"]["name"] == "loihi"
    assert any("the convention is norse" in note for note in _json("inspect", output)["notes"])
    for words in (["run", output, "--input", file.parent / "in.npy"], ["inspect", output]):
        with pytest.raises(Exception, match=r"leave out|compiled"):
            _json(*words, "--convention", "norse")


def test_a_wrong_habit_is_one_clear_line(file):
    with pytest.raises(UsageError, match="no habit 'rest'"):
        _json("inspect", file, "--convention", "norse,rest=value")


def test_conventions_are_listed():
    names = {entry["name"] for entry in _json("list", "conventions")["conventions"]}
    assert {"nir-exact", "snntorch", "norse", "sinabs", "rockpool", "spikingjelly", "spyx", "lava"} <= names

"""`spikec export` as a user meets it."""

import json
from pathlib import Path

import nir
import numpy as np
import yaml

from spikec.container import load, save
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, Lif, Source, Theta


def _network(neuron, clock):
    rng = np.random.default_rng(5)
    return Network(
        (Population("in", Source(), (6,)), Population("out", neuron, (5,))),
        (Projection("fc", "in", "out", Dense(rng.uniform(0, 1, (5, 6)))),),
        ("in",),
        ("out",),
        clock,
    )


def test_a_network_becomes_a_file_and_a_yaml(spikec, tmp_path):
    save(_network(Lif(0.02, 1.0), Ticks(1e-3)), tmp_path / "net.npz")
    code, out, err = spikec("export", tmp_path / "net.npz", "--to", "nir", "-o", tmp_path / "x.nir", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["nodes"] == {"Input": 1, "LIF": 1, "Linear": 1, "Output": 1}
    assert (found["to"], found["dt"], found["n_edges"]) == ("nir", 1e-3, 3)
    assert found["beside"] == str(tmp_path / "x.yaml")
    assert set(nir.read(tmp_path / "x.nir").nodes) == {"in", "fc", "out", "output"}
    assert spikec("inspect", tmp_path / "x.nir")[0] == 0
    code, out, _ = spikec("export", tmp_path / "net.npz", "-o", tmp_path / "x.nir")
    assert (code, "x.yaml" in out) == (0, True)


def test_a_continuous_network_needs_a_time_step_and_one_in_ticks_none(spikec, tmp_path):
    save(_network(CubaLif(0.02, 0.01, 1.0), Continuous()), tmp_path / "net.npz")
    code, _, err = spikec("export", tmp_path / "net.npz", "-o", tmp_path / "x.nir")
    assert (code, "--dt SECONDS" in err) == (2, True)
    assert spikec("export", tmp_path / "net.npz", "-o", tmp_path / "x.nir", "--dt", "1e-4")[0] == 0
    save(_network(Lif(0.02, 1.0), Ticks(1e-3)), tmp_path / "ticks.npz")
    code, _, err = spikec("export", tmp_path / "ticks.npz", "-o", tmp_path / "y.nir", "--dt", "1e-4")
    assert (code, "leave out --dt" in err) == (2, True)


def test_a_nir_file_is_exported_again_with_the_convention_it_is_read_with(spikec, tmp_path):
    save(_network(Lif(0.02, 1.0), Ticks(1e-3)), tmp_path / "net.npz")
    spikec("export", tmp_path / "net.npz", "-o", tmp_path / "a.nir")
    words = ("--convention", "sinabs", "--dt", "2e-3", "--json")
    code, out, _ = spikec("export", tmp_path / "a.nir", "-o", tmp_path / "b.nir", *words)
    assert (code, json.loads(out)["dt"]) == (0, 2e-3)
    described = json.loads(spikec("inspect", tmp_path / "b.nir", "--json")[1])
    assert described["convention"]["name"] == "sinabs"


def test_a_compiled_program_is_exported_with_its_integers(spikec, tmp_path):
    save(_network(Lif(0.02, 1.0), Ticks(1e-3)), tmp_path / "net.npz")
    assert spikec("compile", tmp_path / "net.npz", "-o", tmp_path / "p.npz")[0] == 0
    code, out, _ = spikec("export", tmp_path / "p.npz", "-o", tmp_path / "p.nir", "--json")
    assert code == 0
    assert any("compiled program" in note for note in json.loads(out)["notes"])
    (stored,) = load(tmp_path / "p.npz").network.projections
    read = nir.read(tmp_path / "p.nir").nodes["fc"]
    np.testing.assert_array_equal(read.metadata["mantissa"], stored.connectivity.weights.mantissa)
    given = np.asarray(load(tmp_path / "net.npz").projections[0].connectivity.weights)
    np.testing.assert_allclose(read.weight, given, atol=0.01)


def test_what_cannot_be_held_is_a_list_and_an_exit_code(spikec, tmp_path):
    save(_network(Theta(0.02), Continuous()), tmp_path / "net.npz")
    code, out, err = spikec("export", tmp_path / "net.npz", "-o", tmp_path / "x.nir", "--dt", "1e-4")
    assert (code, out) == (1, "")
    assert "Theta" in err
    assert "does not fit NIR: 1 broken limit" in err
    assert not (tmp_path / "x.nir").exists()


def test_mistakes_are_told_in_one_line(spikec, tmp_path):
    save(_network(Lif(0.02, 1.0), Ticks(1e-3)), tmp_path / "net.npz")
    for words, expected in (
        (("--to", "onnx", "-o", "x.nir"), "choose nir"),
        (("-o", tmp_path / "net.npz"), "is the input"),
        (("-o", tmp_path / "x.yaml"), "x.nir"),
        (("-o", tmp_path / "no" / "x.nir"), "no folder"),
    ):
        code, out, err = spikec("export", tmp_path / "net.npz", *words)
        assert (code, out) == (2, "")
        assert expected in err
        assert err.count("\n") == 1


def test_exporters_are_listed(spikec):
    code, out, _ = spikec("list", "exporters", "--json")
    assert (code, [entry["name"] for entry in json.loads(out)["exporters"]]) == (0, ["nir", "sanafe"])


def test_a_placed_program_and_a_run_become_files_for_sanafe(spikec, tmp_path):
    net = Path(__file__).parents[3] / "models" / "nets" / "yinyang-ttfs.npz"
    program, run, out_path = tmp_path / "p.npz", tmp_path / "r.npz", tmp_path / "net.yaml"
    common = ("-t", "loihi1", "--dt", "8e-4")
    assert spikec("compile", net, "-o", program, *common, "--place", "sequential")[0] == 0
    assert spikec("run", program, "--data", "yinyang:test:3", "-o", run)[0] == 0
    words = ("export", program, "--to", "sanafe", "-o", out_path)
    code, out, _ = spikec(*words, "--result", run, "--sample", 2, "--json")
    assert (code, json.loads(out)["table"]) == (0, "loihi1-sanafe")
    groups = yaml.safe_load(out_path.read_text())["network"]["groups"]
    assert len(groups) == len(load(program).network.populations)
    assert yaml.safe_load((tmp_path / "net.arch.yaml").read_text())["architecture"]["name"] == "loihi1"
    for wrong, sentence in (
        ((), "give the run that has them"),
        (("--result", run, "--sample", 3), "has 0 to 2"),
    ):
        code, _, err = spikec(*words, *wrong)
        assert code == 2
        assert sentence in err
    code, _, err = spikec("export", net, "--to", "nir", "-o", tmp_path / "x.nir", "--result", run)
    assert (code, "give --to sanafe" in err) == (2, True)
    assert spikec("compile", net, "-o", program, *common, "--place", "greedy")[0] == 0
    code, _, err = spikec(*words, "--result", run)
    assert (code, "is no run of" in err) == (2, True)

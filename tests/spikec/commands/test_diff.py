"""`spikec diff` as a user meets it: sentences, JSON, pictures, exit codes, and one line where it cannot."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spikec.container import save
from spikec.events import from_rows
from spikec.ir.connectivity import Dense
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import Lif, Source


@pytest.fixture
def files(tmp_path, spikec):
    """A float network, a copy in which one weight is another, and spikes of two samples."""
    weights = np.full((2, 3), 0.4)
    paths = {}
    for name, weight in (("a", 0.4), ("b", 0.1)):
        weights[1, 2] = weight
        network = Network(
            (Population("in", Source(), (3,)), Population("out", Lif(0.02, 1.0), (2,))),
            (Projection("only", "in", "out", Dense(weights)),),
            ("in",),
            ("out",),
            Ticks(1e-3),
        )
        paths[name] = tmp_path / f"{name}.npz"
        save(network, paths[name])
    paths["in"] = tmp_path / "in.npz"
    save(from_rows([0, 1, 1, 1], np.array([2, 2, 3, 4]), [0, 0, 1, 2], n_samples=2, n_neurons=3), paths["in"])
    return paths


def test_a_synapse_that_differs_is_named(spikec, files):
    code, out, _ = spikec(
        "diff", files["a"], files["b"], "--input", files["in"], "--sample", 1, "--ticks", 9, "--json"
    )
    found = json.loads(out)
    assert code == 1
    assert found["first"] == {
        "population": "out",
        "neuron": 1,
        "side": "a",
        "time_a": 4,
        "time_b": None,
        "seconds": pytest.approx(4e-3),
        "later": None,
    }
    worst = found["causes"][0]
    assert (worst["projection"], worst["neuron"], worst["weight_a"], worst["weight_b"]) == (
        "only",
        2,
        0.4,
        0.1,
    )
    assert worst["parts"] == {"weights": pytest.approx(-0.3)}
    assert sum(found["sums"].values()) == pytest.approx(found["margin_difference"])


def test_the_sentence_says_where_and_why(spikec, files):
    code, out, _ = spikec("diff", files["a"], files["b"], "--input", files["in"], "--sample", 1, "--ticks", 9)
    text = " ".join(out.split())
    assert code == 1
    assert "neuron 1 of out spikes at tick 4 in a.npz, not in b.npz" in text
    assert "most of it: in:2 by only, its weight, 0.4 and 0.1" in text


def test_runs_that_do_not_differ_say_so(spikec, files):
    code, out, _ = spikec("diff", files["a"], files["b"], "--input", files["in"], "--ticks", 9)
    assert code == 0
    assert "a.npz and b.npz spike the same" in " ".join(out.split())


def test_results_take_the_place_of_runs(spikec, files, tmp_path):
    results = {}
    for name in ("a", "b"):
        results[name] = tmp_path / f"{name}.result.npz"
        spikec("run", files[name], "--input", files["in"], "--ticks", 9, "-o", results[name])
    words = ("diff", files["a"], files["b"], "--results", results["a"], results["b"], "--sample", 1)
    code, out, _ = spikec(*words, "--json")
    assert code == 1
    assert json.loads(out)["first"]["neuron"] == 1
    code, _, err = spikec("diff", files["a"], files["b"], "--results", results["b"], results["a"])
    assert code == 2
    assert "is no run of" in err


def test_both_membranes_are_drawn(spikec, files, tmp_path):
    plot = tmp_path / "d.png"
    words = ("diff", files["a"], files["b"], "--input", files["in"], "--ticks", 9)
    code, _, _ = spikec(*words, "--sample", 1, "--plot", plot)
    assert code == 1
    assert plot.read_bytes().startswith(b"\x89PNG")
    code, _, err = spikec(*words, "--plot", tmp_path / "none.png")
    assert code == 2
    assert "nothing to draw" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give the input as --data"),
        (("--input", "IN", "--sample", 7), "there is no sample 7; there are samples 0 to 1"),
        (("--input", "IN", "--tolerance", -1), "judges nothing"),
        (("--input", "IN", "--plot", "d.gif"), "cannot draw"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(spikec, files, tmp_path, words, message):
    given = [files["in"] if w == "IN" else tmp_path / w if w == "d.gif" else w for w in words]
    code, out, err = spikec("diff", files["a"], files["b"], *given, "--ticks", 9)
    assert code == 2
    assert message in err
    assert out == ""
    assert len(err.strip().splitlines()) == 1

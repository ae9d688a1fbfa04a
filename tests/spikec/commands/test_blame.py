"""`spikec blame` as a user meets it: tables, JSON, a page, and one clear line where it cannot."""

from __future__ import annotations

import json

import numpy as np
import pytest

import spikec as package
from spikec.container import save
from spikec.events import from_rows
from spikec.ir.connectivity import Dense
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Source


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    network = Network(
        (Population("in", Source(), (3,)), Population("out", If(1.0), (2,))),
        (Projection("only", "in", "out", Dense(rng.uniform(0.2, 0.9, (2, 3)))),),
        ("in",),
        ("out",),
        Ticks(1e-3),
    )
    paths = {name: tmp_path / f"{name}.npz" for name in ("net", "prog", "in")}
    save(network, paths["net"])
    save(package.compile(network, ticks=20, bits=3), paths["prog"])
    rows = np.unique(rng.integers(0, (4, 12, 3), (40, 3)), axis=0)
    save(from_rows(*rows.T, n_samples=4, n_neurons=3), paths["in"])
    return paths


def test_without_samples_the_numbers_alone_are_judged(spikec, files):
    code, out, _ = spikec("blame", files["net"], files["prog"], "--json")
    found = json.loads(out)
    assert code == 0
    assert [q["bits"] for q in found["projections"]] == [3]
    assert 0 < found["projections"][0]["error_rms"] <= 0.5
    assert found["projections"][0]["clipped"] == 0
    assert found["blame"] is None


def test_with_samples_every_part_is_run_alone_and_left_out(spikec, files, tmp_path):
    page = tmp_path / "page.html"
    words = ("blame", files["net"], files["prog"], "--input", files["in"], "--ticks", 20)
    code, out, _ = spikec(*words, "--html", page, "--json")
    found = json.loads(out)
    assert code == 0
    assert [x["part"] for x in found["blame"]["parts"]] == [
        "weights of only",
        "thresholds and biases",
        "decays",
    ]
    assert found["blame"]["compiled"]["times"]["n_a"] == found["times"]["overall"]["n_a"]
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 2 * 3  # a light and a dark one
    assert "most to blame" in text
    code, out, _ = spikec(*words)
    assert code == 0
    assert "weights of only" in " ".join(out.split())


@pytest.mark.parametrize(
    ("first", "second", "words", "message"),
    [
        ("net", "net", (), "no compiled program"),
        ("prog", "prog", (), "is compiled already"),
        ("net", "prog", ("--data", "digits:test", "--input", "x.npz"), "either as --data"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(spikec, files, first, second, words, message):
    code, out, err = spikec("blame", files[first], files[second], *words)
    assert code == 2
    assert message in err
    assert out == ""
    assert len(err.strip().splitlines()) == 1

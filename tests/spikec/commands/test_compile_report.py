"""`spikec compile --report`: what quantisation did, on the samples that are named or were used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spikec.report.pareto import pareto_table

NET = Path(__file__).parents[3] / "models" / "nets" / "yinyang-ttfs.npz"
DATA = ("--calibrate", "yinyang:train", "--samples", "20", "--dt", "8e-4")


def test_without_samples_the_report_judges_the_numbers_alone(spikec, tmp_path):
    code, out, _ = spikec("compile", NET, "-o", tmp_path / "p.npz", "--dt", "8e-4", "--report", "--json")
    report = json.loads(out)["report"]
    assert code == 0
    assert {q["name"] for q in report["projections"]} >= {"values-hidden1", "hidden1-output"}
    assert (report["samples"], report["blame"], report["accuracy_float"]) == (None, None, None)


def test_no_report_is_made_that_nobody_wants(spikec, tmp_path):
    _, out, _ = spikec("compile", NET, "-o", tmp_path / "p.npz", "--dt", "8e-4", "--json")
    assert json.loads(out)["report"] is None


def test_the_samples_of_the_calibration_are_named_as_seen(spikec, tmp_path):
    code, out, _ = spikec("compile", NET, "-o", tmp_path / "p.npz", *DATA, "--report")
    text = " ".join(out.split())
    assert code == 0
    for words in ("Answers, yinyang:train", "of 20 (95 % interval", "McNemar", "Passes decided from these",
                  "Blame, 20 samples", "Order changes: neighbours", "clipped"):  # fmt: skip
        assert words in text, words


def test_a_search_is_told_in_the_terminal_as_json_and_on_the_page(spikec, tmp_path):
    page = tmp_path / "page.html"
    words = ("compile", NET, "-o", tmp_path / "p.npz", *DATA, "--budget", "spike-time=5ms", "--bits", "auto",
             "--data", "yinyang:test:15", "--html", page)  # fmt: skip
    code, out, _ = spikec(*words, "--json")
    found = json.loads(out)
    report = found["report"]
    assert code == 0
    assert (report["samples"], report["seen"]) == ("yinyang:test:15", False)
    assert report["blame"]["n_samples"] == 15
    search = next(p["figures"] for p in found["passes"] if p["pass"] == "search")
    (chosen,) = (c for c in search["pareto"] if c["bits"] == search["chosen"]["bits"])
    assert chosen["fits"]
    marks = [row[-1] for row in pareto_table(search).rows]
    assert [m for m in marks if m.endswith("*")] == ["kept *"]
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 2 * 4  # a light and a dark one
    for title in ("Search: programs that nothing beats", "Weights before and after", "Spike times", "Blame"):
        assert title in text, title


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--data", "yinyang:test:5"), "--data says on which samples to report"),
        (("--report", "--parts", "2"), "makes several neurons of one"),
        (("--html", "missing/page.html"), "there is no folder"),
        (("--report", "--data", "nothing:test"), "nothing"),
    ],
)
def test_what_cannot_be_reported_is_told_in_one_line(spikec, tmp_path, words, sentence):
    code, out, err = spikec("compile", NET, "-o", tmp_path / "p.npz", "--dt", "8e-4", *words)
    assert code == 2
    assert sentence in err
    assert (out, len(err.strip().splitlines())) == ("", 1)
    assert not (tmp_path / "p.npz").exists()

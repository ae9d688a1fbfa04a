"""`spikec run` in chunks: the same result, whatever interrupts it; small runs as they always were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikec.container import load, save
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Ramp, Source
from spikec.streaming.store import parts_of
from tests.classifier import classifier

DATA = "digits:test:40"

CHILD = """
import time
from spikec import cli
from spikec.streaming import store

append = store.ResultFolder.append

def slowly(self, first, result):
    append(self, first, result)
    print("part", flush=True)
    time.sleep(60 if first else 0)

store.ResultFolder.append = slowly
cli.main()
"""
"""The command line, with a pause after its second part in which the test can strike."""


@pytest.fixture
def net(tmp_path) -> Path:
    network = classifier(0.2)
    save(network, tmp_path / "net.npz")
    return tmp_path / "net.npz"


def _words(net, *more):
    return ["run", str(net), "--data", DATA, "--backend", "reference", *map(str, more)]


def _child(words):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_in_chunks_ends_with_the_result_of_a_run_at_once(spikec, net, tmp_path):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts"
    code, at_once, _ = spikec(*_words(net, "-o", whole, "--json"))
    assert code == 0
    code, in_chunks, err = spikec(*_words(net, "-o", parts, "--chunk", 7, "--json"))
    assert (code, err) == (0, "")
    a, b = json.loads(at_once), json.loads(in_chunks)
    timed = ("output", "seconds")
    assert {k: v for k, v in a.items() if k not in timed} == {k: v for k, v in b.items() if k not in timed}
    assert a["accuracy"] is not None
    assert len(parts_of(parts)) == 6
    code, out, _ = spikec("compare", whole, parts, "--json")
    assert code == 0
    assert json.loads(out)["identical"] is True
    code, in_chunks, _ = spikec(*_words(net, "--chunk", 7, "--json"))  # no output: counts and answers only
    assert json.loads(in_chunks)["predictions"] == a["predictions"]


def test_a_run_that_is_not_finished_is_not_said_to_be_the_same(spikec, net, tmp_path):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts"
    assert spikec(*_words(net, "-o", whole))[0] == 0
    assert spikec(*_words(net, "-o", parts, "--chunk", 7))[0] == 0
    for part in parts_of(parts)[3:]:
        part.path.unlink()
    words = (
        f"{parts} is not finished: 19 of 40 samples are missing; only what there is was compared: "
        "run its program again to go on"
    )
    code, out, err = spikec("compare", whole, parts, "--json")
    found = json.loads(out)
    assert (code, err) == (2, f"spikec: {words}\n")
    assert (found["identical"], found["n_samples"], found["unfinished"]) == (True, 21, words)
    code, out, _ = spikec("compare", whole, parts, "--times", "--json")
    assert (code, json.loads(out)["notes"][-1]) == (0, words)

    result = load(whole)
    given = result.spikes["in"]
    fewer = given.keep(np.arange(given.n_events) > 0)
    save(replace(result, spikes={**result.spikes, "in": fewer}), tmp_path / "other.npz")
    code, _, err = spikec("compare", tmp_path / "other.npz", parts)
    assert (code, err) == (1, "")


def test_a_run_that_fits_in_a_chunk_writes_one_file(spikec, net, tmp_path):
    before = set(tmp_path.iterdir())
    for k, more in enumerate(((), ("--chunk", 40))):
        assert spikec(*_words(net, "-o", tmp_path / f"{k}.npz", *more))[0] == 0
        before.add(tmp_path / f"{k}.npz")
        assert set(tmp_path.iterdir()) == before
        assert load(tmp_path / f"{k}.npz").spikes["in"].n_samples == 40


@pytest.mark.parametrize("strike", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_run_goes_on_where_it_was(spikec, net, tmp_path, strike):
    parts = tmp_path / "parts"
    words = _words(net, "-o", parts, "--chunk", 11)
    child = _child(words)
    for _ in range(2):
        assert child.stdout.readline() == "part\n"
    child.send_signal(strike)
    _, err = child.communicate(timeout=60)
    done = parts_of(parts)
    assert len(done) == 2
    if strike == signal.SIGINT:
        assert child.returncode == 130
        assert err == f"spikec: interrupted; 22 of 40 samples are in {parts}, and the same command goes on "\
            "from there\n"  # fmt: skip
    else:
        assert child.returncode == (-9 if strike == signal.SIGKILL else 143)
    kept = {part.path: part.path.read_bytes() for part in done}
    code, shown, _ = spikec("report", parts, "--json")
    assert code == 0
    assert json.loads(shown)["n_samples"] == 22
    assert any("18 samples are missing" in note for note in json.loads(shown)["notes"])

    assert spikec(*words)[0] == 0
    assert {path: path.read_bytes() for path in kept} == kept  # what was there did not run again
    assert spikec(*_words(net, "-o", tmp_path / "whole.npz"))[0] == 0
    assert spikec("compare", parts, tmp_path / "whole.npz")[0] == 0
    assert load(tmp_path / "whole.npz").meta["predictions"] == tuple(
        json.loads(spikec(*words, "--json")[1])["predictions"]
    )


def test_ctrl_c_before_anything_was_written_says_so(net):
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import spikec.streaming.run as r, time\n"
            "r._run = lambda *a: (print('runs', flush=True), time.sleep(60))\n"
            "from spikec import cli; cli.main()",
            *_words(net, "--chunk", "11"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "runs\n"
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.strip().endswith("interrupted; no output was written")


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        (("--data", "digits:test:41"), "another input"),
        (("--until", "9e-3"), "with until"),
        (("--record", "hidden.v.last"), "with record"),
    ],
)
def test_another_run_is_refused_in_one_sentence(spikec, net, tmp_path, changed, word):
    parts = tmp_path / "parts"
    assert spikec(*_words(net, "-o", parts, "--chunk", 20))[0] == 0
    words = _words(net, "-o", parts)
    if changed[0] == "--data":
        words[words.index(DATA)] = changed[1]
        changed = ()
    code, out, err = spikec(*words, *changed)
    assert (code, out) == (2, "")
    assert word in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_no_run_is_refused_before_any_work(spikec, net, tmp_path):
    code, _, err = spikec(*_words(net, "-o", tmp_path, "--chunk", 10))
    assert code == 2
    assert "is a folder" in err


def test_a_chunk_that_memory_would_not_hold_is_refused_with_the_figure(spikec, net, tmp_path, monkeypatch):
    monkeypatch.setattr("spikec.memory.free_bytes", lambda: 60_000)
    monkeypatch.setattr("spikec.streaming.run.free_bytes", lambda: 60_000)
    record = ["--record", "hidden.v", "--every", "1e-6"]
    code, _, err = spikec(*_words(net, *record, "--chunk", 10, "-o", tmp_path / "o"))
    assert code == 2
    assert "60 kB are free" in err
    assert "record fewer membranes" in err
    assert not (tmp_path / "o").exists()
    record = ["--record", "hidden.v", "--every", "1e-5"]
    code, _, err = spikec(*_words(net, *record, "--chunk", 10, "-o", tmp_path / "o"))
    assert code == 2
    assert "lower --chunk to 1 or less" in err


def test_a_network_that_memory_would_not_hold_is_refused_before_it_is_read(spikec, net, monkeypatch):
    monkeypatch.setattr("spikec.memory.free_bytes", lambda: 1000)
    code, _, err = spikec(*_words(net))
    assert code == 2
    assert "of memory are free" in err


def test_reports_and_lists_of_parts_are_those_of_the_whole(spikec, net, tmp_path):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts"
    spikec(*_words(net, "-o", whole))
    spikec(*_words(net, "-o", parts, "--chunk", 13))
    reports = []
    for k, path in enumerate((whole, parts)):
        csv, html = tmp_path / f"{k}.csv", tmp_path / f"{k}.html"
        code, out, _ = spikec("report", path, "--csv", csv, "--html", html, "--sample", 27, "--json")
        assert code == 0
        report = json.loads(out)
        assert str(path) in report["provenance"].pop("command")
        assert report["provenance"].pop("to make it again").endswith(f"--html {html} --sample 27 --json")
        reports.append((report, csv.read_text(), "Spikes of sample 27" in html.read_text()))
    assert reports[0] == reports[1]
    shown = json.loads(spikec("inspect", parts, "--json")[1])
    assert (shown["kind"], shown["parts"], shown["missing_samples"]) == ("result", 4, 0)
    code, _, err = spikec("report", parts, "--html", tmp_path / "x.html", "--sample", 40)
    assert code == 2
    assert "there is no sample 40" in err


LIMITED = """
import resource, sys
from spikec import cli
import spikec.commands.run, spikec.commands.show, spikec.commands.overview, spikec.reference.backend
from spikec.targets.target import load_target
load_target("ideal")
with open("/proc/self/statm") as file:
    taken = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv.pop(1)),) * 2)
cli.main()
"""
"""The command line with so many bytes of memory beside what Python and its modules take."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory as Linux has them")
def test_an_input_larger_than_memory_runs(tmp_path):
    limit, n, n_ticks = 100 << 20, 20_000, 25
    n_samples = 2 * limit // (8 * n * n_ticks)
    network = Network(
        (Population("in", Source(), (n,)), Population("out", Ramp(1e-3), (2,))),
        (Projection("a", "in", "out", Dense(np.ones((2, n)))),),
        ("in",), ("out",), Continuous(),
    )  # fmt: skip
    save(network, tmp_path / "net.npz")
    raster = np.lib.format.open_memmap(
        tmp_path / "raster.npy", mode="w+", dtype=np.float64, shape=(n_samples, n_ticks, n)
    )
    raster[::50, 3, 7] = 1  # the rest of the file takes no room on the disk
    raster.flush()
    del raster
    done = _limited(tmp_path, limit, "net.npz", "raster.npy")
    assert done.returncode == 2  # rasters are for networks in ticks
    ticks = _in_ticks(network)
    save(ticks, tmp_path / "ticks.npz")
    done = _limited(tmp_path, limit, "ticks.npz", "raster.npy", "-o", "parts", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n_samples"] == n_samples
    assert found["spikes"]["in"] == -(-n_samples // 50)
    assert len(parts_of(tmp_path / "parts")) > 1


def _in_ticks(network):
    from spikec.ir.network import Ticks

    return Network(network.populations, network.projections, network.inputs, network.outputs, Ticks(1e-3))


def _limited(folder, limit, net, spikes, *more):
    words = ["run", net, "--input", spikes, "--backend", "reference", *more]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *words],
        cwd=folder, capture_output=True, text=True, timeout=300, env=environment, check=False,
    )  # fmt: skip

"""Rows of the benchmarks: what is in them, and that no time is told of a wrong answer."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"

SCRIPT = '''
"""Cases for tests."""
from harness import Case, Missing, Work, main

def work(answer, right, seconds=1.0):
    figures = {"things/s": lambda s, a: 10 / seconds, "s": lambda s, a: seconds}
    return Work(lambda: answer, lambda a: {"answer_ok": a == right}, figures, floor=lambda: 1e-9)

def gone(quick):
    raise Missing("no such files")

def broken(quick):
    raise ValueError("too large")

def noisy(quick):
    print("not a row")
    return work(1, 1)

CASES = [
    Case("Z", "same", lambda quick: work(1, 1)),
    Case("Z", "same", lambda quick: work(1, 1, 4.0), simulator="peer"),
    Case("Z", "same", lambda quick: work(1, 1, 0.5), threads=2),
    Case("Z", "wrong", lambda quick: work(1, 2)),
    Case("Z", "gone", gone),
    Case("Z", "broken", broken),
    Case("Z", "noisy", noisy),
]
if __name__ == "__main__":
    main(__doc__, CASES)
'''


def rows_of(*command, code=0, **options):
    done = subprocess.run([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True, **options)
    assert done.returncode == code
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    script = tmp_path_factory.mktemp("bench") / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return rows_of(script, "--repetitions", "2", code=1, env={"PYTHONPATH": str(BENCH), "PATH": ""})


def of(rows, case, simulator="spikec", threads=1):
    return [r for r in rows if (r["case"], r["simulator"], r["threads"]) == (case, simulator, threads)]


def test_a_row_has_what_the_scheme_says(rows):
    rate, seconds = of(rows, "same")
    assert (rate["bench"], rate["value"], rate["unit"], rate["answer_ok"]) == ("Z", 10.0, "things/s", True)
    assert (seconds["value"], seconds["unit"], seconds["repetitions"]) == (1.0, "s", 2)
    assert rate["peak_mb"] > 1
    assert rate["roofline_share"] > 0
    assert {"ratio", "spread", "median_s", "clock", "load", "note", "facts"} <= set(rate)
    assert set(rate["machine"]) == {"processor", "cores", "system"}
    assert rate["versions"]["numpy"] == np.__version__


def test_a_peers_ratio_says_how_many_times_better_ours_is_whatever_the_unit(rows):
    assert [r["ratio"] for r in of(rows, "same", "peer")] == [4.0, 4.0]


def test_ours_on_two_threads_is_held_against_one(rows):
    assert [r["ratio"] for r in of(rows, "same", threads=2)] == [2.0, 2.0]


def test_the_limit_has_a_row_of_its_own(rows):
    assert {r["unit"] for r in of(rows, "same", "roofline")} == {"things/s", "s"}


def test_a_wrong_answer_has_no_time(rows):
    (row,) = of(rows, "wrong")
    assert (row["value"], row["answer_ok"], row["median_s"], row["note"]) == (
        None,
        False,
        None,
        "the answer is wrong",
    )


def test_what_is_missing_says_so_and_is_no_failure(rows):
    (row,) = of(rows, "gone")
    assert (row["value"], row["answer_ok"], row["note"]) == (None, None, "no such files")


def test_an_error_is_a_failure_with_its_message(rows):
    (row,) = of(rows, "broken")
    assert (row["answer_ok"], row["note"]) == (False, "ValueError: too large")


def test_what_a_library_prints_is_no_row(rows):
    assert of(rows, "noisy")[0]["answer_ok"]


def test_a_peer_without_its_environment_is_skipped(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    from harness import Case
    from rows import measure
    from workers import Processes

    case = Case("Z", "none", lambda quick: None, simulator="peer")
    with Processes(quick=True) as processes:
        (row,) = measure([(("/no/such/python", "script.py"), case)], processes, 1, "wall")
    assert row.answer_ok is None
    assert row.value is None
    assert "/no/such/python" in row.note


def test_benchmark_a_gives_right_answers_quickly():
    rows = rows_of(BENCH / "run.py", "--quick", "--only", "A:784-256-10/1%", "--repetitions", "1")
    assert {r["bench"] for r in rows} == {"A"}
    assert all(r["answer_ok"] for r in rows)
    (ours,) = of(rows, "784-256-10/1%")
    assert ours["unit"] == "samples/s"
    assert ours["value"] > 0
    assert ours["facts"]["exact_samples"] == 1


def test_the_tables_hold_every_figure_beside_its_limit(rows, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    from table import markdown

    text = markdown(rows)
    assert "### Z" in text
    (line,) = [x for x in text.splitlines() if x.startswith("| same | spikec | 1 | 10 | things/s")]
    assert line.endswith("right |")
    assert "roofline" not in text
    assert "no such files" in text


def test_tables_go_between_the_marks_of_a_page(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    from table import put

    page = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    once = put("new\n", page, "bench")
    assert once == "before\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nafter\n"
    assert put("new\n", once, "bench") == once
    with pytest.raises(SystemExit, match="peers"):
        put("new\n", page, "peers")


def test_the_tick_layers_are_those_of_a_neuron_at_a_time(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    from workloads import tick_layers

    work = tick_layers((12, 5, 3), 0.2, 4, n_ticks=30)
    for sample in range(4):
        spikes = work.raster[sample]
        for weights, threshold in zip(work.weights, work.thresholds, strict=True):
            spikes = one_layer(spikes, weights, threshold)
        assert spikes.sum(axis=0).tolist() == work.counts[sample].tolist()


def one_layer(spikes, weights, threshold):
    made = np.zeros((len(spikes), len(weights)), bool)
    for j, row in enumerate(weights):
        u = v = 0
        for k, arriving in enumerate(spikes):
            u = int(u * 3072 / 4096) + 64 * int(row[arriving].sum())
            v = int(v * 3584 / 4096) + u
            if v > 64 * threshold:
                made[k, j], v = True, 0
    return made

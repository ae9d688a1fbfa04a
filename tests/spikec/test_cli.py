"""The command line as a user meets it: exit codes, one-line errors, JSON, files that are whole or absent."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikec import cli
from spikec.coding import LatencyEncoding
from spikec.container import load, save
from spikec.events import from_rows
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import Lif, LiReadout, Ramp, Source
from spikec.program import Program


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def spikec(monkeypatch, capsys):
    def call(*words) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["spikec", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(5)
    return Network(
        (
            Population("in", Source(one_spike=True), (6,)),
            Population("hidden", Ramp(2e-3, one_spike=True), (5,)),
            Population("out", LiReadout(), (3,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(rng.uniform(0, 1, (5, 6)))),
            Projection("b", "hidden", "out", Dense(rng.normal(size=(3, 5)))),
        ),
        ("in",),
        ("out",),
        Continuous(),
    )


@pytest.fixture
def net(network, tmp_path) -> Path:
    save(network, tmp_path / "net.npz")
    return tmp_path / "net.npz"


@pytest.fixture
def spikes(tmp_path) -> Path:
    rows = [f"{s},{t},{j}" for s in range(3) for t, j in zip(range(0, 12, 2), range(6), strict=True)]
    path = tmp_path / "spikes.csv"
    path.write_text("sample,tick,neuron\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def program(spikec, net, tmp_path) -> Path:
    path = tmp_path / "prog.npz"
    assert spikec("compile", net, "--dt", "1e-3", "--ticks", "30", "-o", path).code == 0
    return path


def assert_refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("spikec: ")
    assert len(outcome.err.strip().splitlines()) == 1
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err


def test_a_network_goes_through_compile_run_and_compare(spikec, program, spikes, tmp_path):
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    assert spikec("run", program, "--input", spikes, "--ticks", "30", "-o", a).code == 0
    reference = spikec(
        "run", program, "--input", spikes, "-b", "reference", "--ticks", "30", "-o", b, "--json"
    )
    assert reference.json["backend"] == "reference"
    outcome = spikec("compare", a, b, "--json")
    assert outcome.code == 0
    assert outcome.json["identical"] is True
    assert outcome.json["counters_identical"] is True


def test_compare_names_the_first_differing_spike_and_exits_with_1(spikec, program, spikes, tmp_path):
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    spikec("run", program, "--input", spikes, "--ticks", "30", "-o", a)
    result = load(a)
    e = result.spikes["hidden"]
    rows = (e.sample_of_event()[1:], e.times[1:], e.neurons[1:])
    changed = from_rows(*rows, n_samples=e.n_samples, n_neurons=e.n_neurons)
    save(replace(result, spikes={**result.spikes, "hidden": changed}), b)
    outcome = spikec("compare", a, b, "--json")
    assert outcome.code == 1
    first = outcome.json["first"]
    expected = ("hidden", int(e.neurons[0]), int(e.sample_of_event()[0]), int(e.times[0]), "a")
    assert (first["population"], first["neuron"], first["sample"], first["time"], first["side"]) == expected
    assert "hidden" in outcome.json["description"]


def test_every_json_output_is_one_object_and_nothing_else(spikec, net, program, spikes, tmp_path):
    result = tmp_path / "r.npz"
    spikec("run", program, "--input", spikes, "--ticks", "30", "-o", result)
    for words in (
        ("inspect", net),
        ("inspect", program),
        ("inspect", result),
        ("check", program),
        ("report", result),
        ("report", result, "--table", "loihi1-sanafe"),
        ("compile", net, "--dt", "1e-3", "--ticks", "30", "-o", tmp_path / "again.npz"),
        *(
            ("list", kind)
            for kind in ("targets", "backends", "frontends", "passes", "recipes", "energy-tables")
        ),
    ):
        assert isinstance(spikec(*words, "--json").json, dict), words


def test_tables_are_printed_without_json(spikec, net, program):
    assert "hidden" in spikec("inspect", net).out
    assert "quantize-weights" in spikec("inspect", program).out


def test_a_continuous_network_runs_in_the_exact_engine_unless_told_otherwise(spikec, net, tmp_path):
    path = tmp_path / "seconds.csv"
    path.write_text("time,neuron\n" + "\n".join(f"{1e-3 * j},{j}" for j in range(6)))
    outcome = spikec("run", net, "--input", path, "--json")
    assert outcome.code == 0
    assert outcome.json["backend"] == "cpu"
    assert outcome.json["order"].startswith("continuous")
    slowly = spikec("run", net, "--input", path, "-b", "reference", "--json").json
    assert slowly["backend"] == "reference"
    assert slowly["order"] == outcome.json["order"]


def test_float_ticks_run_on_the_cpu_in_the_precision_that_is_asked_for(spikec, network, tmp_path):
    net, path = tmp_path / "ticks.npz", tmp_path / "spikes.csv"
    save(replace(network, clock=Ticks(1e-3)), net)
    path.write_text("tick,neuron\n" + "\n".join(f"{j},{j}" for j in range(6)))
    found = [spikec("run", net, "--input", path, *words) for words in ((), ("--precision", 32))]
    assert ["64 bits" in found[0].out, "32 bits" in found[1].out] == [True, True]
    outcome = spikec("run", net, "--input", path, "--precision", "32", "--json")
    assert (outcome.json["backend"], outcome.json["precision"]) == ("cpu", 32)
    assert_refused(spikec("run", net, "--input", path, "--precision", "16"), "16 bits", "64 or 32")


def test_encoded_samples_are_the_spikes_that_run_would_use(spikec, program, spikes, tmp_path):
    events, a, b = tmp_path / "e.npz", tmp_path / "a.npz", tmp_path / "b.npz"
    assert (
        spikec("encode", program, "--input", spikes, "-o", events, "--json").json["inputs"][0]["n_events"]
        == 18
    )
    spikec("run", program, "--input", spikes, "--ticks", "30", "-o", a)
    spikec("run", program, "--input", events, "--ticks", "30", "-o", b)
    assert spikec("compare", a, b).code == 0


def test_run_says_which_order_of_hops_it_uses(spikec, program, spikes):
    assert "one tick" in spikec("run", program, "--input", spikes, "--json").json["order"]


def test_equal_compilations_give_equal_bytes(spikec, net, program, tmp_path):
    other = tmp_path / "other.npz"
    spikec("compile", net, "--dt", "1e-3", "--ticks", "30", "-o", other)
    assert other.read_bytes() == program.read_bytes()


def test_check_reports_all_broken_limits_at_once_and_exits_with_1(spikec, tmp_path):
    network = Network(
        (Population("in", Source(), (2,)), Population("lif", Lif(0.02, 1.0, v_reset=-0.5), (3,))),
        (Projection("p", "in", "lif", Dense(np.ones((3, 2))), Delays(0.5)),),
        ("in",),
        ("lif",),
        Continuous(),
    )
    save(network, tmp_path / "net.npz")
    outcome = spikec("check", tmp_path / "net.npz", "--dt", "1e-3", "--no-relays", "--json")
    assert outcome.code == 1
    assert {v["rule"] for v in outcome.json["violations"]} == {"reset", "delay"}
    assert all(v["where"] and v["got"] and v["limit"] and v["advice"] for v in outcome.json["violations"])
    compiled = spikec(
        "compile", tmp_path / "net.npz", "--dt", "1e-3", "--no-relays", "-o", tmp_path / "p.npz"
    )
    assert compiled.code == 1
    assert not (tmp_path / "p.npz").exists()
    assert "Traceback" not in compiled.err


def test_a_missing_file_is_named(spikec, tmp_path):
    for words in (
        ("inspect", "gone.npz"),
        ("compile", "gone.nir", "-o", tmp_path / "p.npz"),
        ("run", "gone.npz", "--data", "digits:test"),
        ("compare", "gone.npz", "gone.npz"),
        ("report", "gone.npz"),
        ("check", "gone.npz"),
        ("deploy", "gone.npz", "-o", tmp_path / "d"),
    ):
        assert_refused(spikec(*words), "gone.n")


def test_a_file_of_the_wrong_kind_is_refused(spikec, net, program, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no network")
    assert_refused(spikec("inspect", text), "notes.txt")
    assert_refused(spikec("compare", net, net), "network")
    assert_refused(spikec("report", program), "program")
    assert_refused(spikec("compile", program, "-o", tmp_path / "p.npz"))
    assert_refused(spikec("deploy", net, "-o", tmp_path / "d"))
    assert not (tmp_path / "d").exists()


def test_truncated_and_altered_files_give_one_clear_error(spikec, net, tmp_path):
    data = net.read_bytes()
    cut, flipped = tmp_path / "cut.npz", tmp_path / "flipped.npz"
    cut.write_bytes(data[: len(data) // 2])
    middle = len(data) // 3
    flipped.write_bytes(data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :])
    assert_refused(spikec("inspect", cut), "cut.npz")
    assert_refused(spikec("inspect", flipped), "flipped.npz")


def test_an_unknown_target_backend_recipe_or_data_set_lists_what_exists(
    spikec, net, program, spikes, tmp_path
):
    assert_refused(spikec("compile", net, "-t", "loihi9", "-o", tmp_path / "p.npz"), "loihi9", "loihi2")
    assert_refused(spikec("run", program, "--input", spikes, "-b", "gpu"), "gpu", "cpu")
    assert_refused(spikec("train", "cats", "-o", tmp_path / "n.npz"), "cats", "digits-sampled")
    assert_refused(spikec("run", program, "--data", "cats:test"))
    assert_refused(spikec("list", "cats"), "cats", "targets")
    assert not (tmp_path / "p.npz").exists()


def test_a_missing_time_step_is_asked_for(spikec, net, tmp_path):
    assert_refused(spikec("compile", net, "-o", tmp_path / "p.npz"), "--dt")


def test_input_must_be_given_exactly_once(spikec, program, spikes):
    assert_refused(spikec("run", program), "--data", "--input")
    assert_refused(spikec("run", program, "--data", "digits:test", "--input", spikes), "--data", "--input")


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("tick,neuron\n0,99\n", "99"),
        ("tick,neuron\n-1,0\n", "-1"),
        ("tick,neuron\n0,0\n0,0\n", "0"),
        ("tick,neuron\nnan,0\n", "nan"),
        ("colour,neuron\n0,0\n", "colour"),
    ],
)
def test_wrong_events_are_named(spikec, program, tmp_path, rows, word):
    path = tmp_path / "bad.csv"
    path.write_text(rows)
    assert_refused(spikec("run", program, "--input", path, "-o", tmp_path / "r.npz"), word)
    assert not (tmp_path / "r.npz").exists()


def test_an_output_folder_that_does_not_exist_is_named(spikec, net, tmp_path):
    target = tmp_path / "nowhere" / "p.npz"
    assert_refused(spikec("compile", net, "--dt", "1e-3", "--ticks", "30", "-o", target), "nowhere")


def test_an_output_that_is_the_input_or_a_folder_is_refused_before_any_work(
    spikec, net, program, spikes, tmp_path
):
    before = net.read_bytes(), program.read_bytes()
    assert_refused(spikec("compile", net, "--dt", "1e-3", "--ticks", "30", "-o", net), "is the input")
    assert_refused(spikec("run", program, "--input", spikes, "-o", program), "is the input")
    assert_refused(spikec("run", program, "--input", spikes, "-o", tmp_path), "is a folder")
    assert (net.read_bytes(), program.read_bytes()) == before


def test_spikes_after_the_end_of_a_run_are_refused(spikec, program, spikes):
    assert_refused(spikec("run", program, "--input", spikes, "--ticks", "8"), "--ticks", "in")


def test_a_raster_runs_for_as_long_as_it_is(spikec, program, tmp_path):
    raster = np.zeros((25, 6), np.int8)
    raster[3, 2] = 1
    np.save(tmp_path / "raster.npy", raster)
    assert spikec("run", program, "--input", tmp_path / "raster.npy", "--json").json["until"] == 25


def test_a_run_longer_than_what_was_proven_is_refused(spikec, program, spikes):
    assert_refused(spikec("run", program, "--input", spikes, "--ticks", "31"), "30 ticks", "--ticks 31")


def test_without_a_length_a_run_lasts_until_its_last_input_is_answered(spikec, net, tmp_path):
    program, last = tmp_path / "short.npz", tmp_path / "last.csv"
    spikec("compile", net, "--dt", "1e-3", "--ticks", "30", "-o", program)
    stored = load(program, Program)
    save(replace(stored, n_ticks=None), program)
    last.write_text("tick,neuron\n5,0\n")
    assert spikec("run", program, "--input", last, "--json").json["until"] == 5 + 1 + 2  # two hops


def test_a_continuous_run_ends_with_its_input_or_where_it_is_told_to(spikec, net, tmp_path):
    (tmp_path / "s.csv").write_text("time,neuron\n0.001,0\n")
    words = ("run", net, "--input", tmp_path / "s.csv")
    assert spikec(*words, "--json").json["until"] == 1e-3
    longer = spikec(*words, "--until", "1", "--json").json
    assert longer["until"] == 1.0
    assert longer["spikes"]["hidden"] > 0
    assert "0.001 s" in spikec(*words).out
    assert_refused(spikec(*words, "--until", "1e-4"), "run longer (--until SECONDS)")
    for end in ("0", "-1", "nan", "inf"):
        assert_refused(spikec(*words, "--until", end), "give a time above 0")


def test_the_end_of_a_run_is_in_the_networks_own_kind_of_time(spikec, net, program, spikes, tmp_path):
    (tmp_path / "s.csv").write_text("time,neuron\n0.001,0\n")
    assert_refused(spikec("run", net, "--input", tmp_path / "s.csv", "--ticks", "9"), "give --until SECONDS")
    assert_refused(spikec("run", program, "--input", spikes, "--until", "1"), "give --ticks N")
    assert_refused(spikec("run", program, "--input", spikes, "--ticks", "3"), "run longer (--ticks N)")


def test_samples_of_another_data_set_are_refused_with_what_to_do(spikec, network, tmp_path):
    encoding = LatencyEncoding("in", 0.1, 1.0, True, None, 0.2)
    save(replace(network, encoding=encoding), tmp_path / "coded.npz")
    outcome = spikec("run", tmp_path / "coded.npz", "--data", "digits:test:2")
    assert_refused(outcome, "64 values, but input in has 6 neurons", "take the data set that")


def test_weights_that_all_round_to_zero_do_not_fit(spikec, network, tmp_path):
    tiny = replace(network.projections[0], name="tiny", connectivity=Dense(np.full((5, 6), 1e-12)))
    save(replace(network, projections=(*network.projections, tiny)), tmp_path / "net.npz")
    outcome = spikec("check", tmp_path / "net.npz", "--dt", "1e-3", "--ticks", "30", "--json")
    assert outcome.code == 1
    assert [v["where"] for v in outcome.json["violations"]] == ["tiny"]


def test_options_of_the_wrong_kind_are_one_line(spikec, net, tmp_path):
    assert_refused(spikec("compile", net, "--dt", "abc", "-o", tmp_path / "p.npz"), "--dt")
    assert_refused(spikec("nonsense"), "nonsense")
    assert_refused(spikec("run", net, "--flavour", "fused", "--data", "digits:test"), "flavour")
    assert_refused(spikec("deploy", net, "--to", "cpu", "-o", tmp_path / "d"))


def test_the_version_is_told(spikec):
    assert spikec("--version").out.startswith("spikec ")


def test_spikes_can_be_written_as_a_list(spikec, program, spikes, tmp_path):
    spikec("run", program, "--input", spikes, "--ticks", "30", "-o", tmp_path / "r.npz")
    assert spikec("report", tmp_path / "r.npz", "--csv", tmp_path / "spikes.csv").code == 0
    lines = (tmp_path / "spikes.csv").read_text().splitlines()
    assert lines[0] == "population,sample,tick,neuron"
    assert lines[1] == "in,0,0,0"


def test_lava_that_cannot_be_imported_is_one_sentence(spikec, program, spikes, monkeypatch):
    from spikec_lava import compat

    monkeypatch.setattr(compat, "importable", lambda: "lava-nc is not installed; run `make venv`")
    outcome = spikec("run", program, "--input", spikes, "-b", "lava")
    assert_refused(outcome, "lava", "make venv")


def test_delays_that_are_negative_never_reach_a_file():
    with pytest.raises(Exception, match="cannot arrive before"):
        Delays(np.array([-1.0, 0.0]), DelayKind.AXONAL)


def test_programs_keep_where_they_came_from(program):
    stored = load(program, Program)
    assert stored.source["file"] == "net.npz"
    assert len(stored.source["sha256"]) == 64


def test_report_writes_a_page_of_its_own(spikec, program, spikes, tmp_path):
    spikec("run", program, "--input", spikes, "--ticks", "30", "-o", tmp_path / "r.npz")
    assert spikec("report", tmp_path / "r.npz", "--html", tmp_path / "page.html").code == 0
    assert "<html" in (tmp_path / "page.html").read_text()


@pytest.fixture
def both(spikec, net, program, tmp_path) -> tuple[Path, Path]:
    """The result of the exact network, and that of its program, on three samples."""
    seconds = tmp_path / "seconds.csv"
    rows = [(s, t, j) for s in range(3) for t, j in zip(range(0, 12, 2), range(6), strict=True)]
    seconds.write_text("sample,time,neuron\n" + "\n".join(f"{s},{1e-3 * t},{j}" for s, t, j in rows))
    ticks = tmp_path / "ticks.csv"
    ticks.write_text("sample,tick,neuron\n" + "\n".join(f"{s},{t},{j}" for s, t, j in rows))
    exact, fixed = tmp_path / "exact.npz", tmp_path / "fixed.npz"
    assert spikec("run", net, "--input", seconds, "-o", exact).code == 0
    record = ("--record", "hidden.v", "--record", "out.v")
    assert spikec("run", program, "--input", ticks, "--ticks", "30", *record, "-o", fixed).code == 0
    return exact, fixed


def test_compare_measures_spike_times_of_seconds_against_ticks(spikec, both):
    found = spikec("compare", *both, "--times", "--json")
    assert found.code == 0
    assert found.json["dt_b"] == 1e-3
    assert found.json["overall"]["matched"] > 0
    assert found.json["overall"]["median"] <= 1e-3
    assert [e["name"] for e in found.json["inputs"]] == ["in"]
    assert found.json["inputs"][0]["percentile_99"] == pytest.approx(0, abs=1e-15)
    assert "hidden" in spikec("compare", *both, "--times").out


def test_measuring_and_judging_are_not_mixed(spikec, both):
    assert_refused(spikec("compare", *both, "--times", "--tolerance", "1"), "--times", "--tolerance")
    assert_refused(spikec("compare", *both, "--times", "--spikes-only"), "--spikes-only")


@pytest.mark.parametrize("tolerance", ["nan", "-1", "inf"])
def test_a_tolerance_that_is_none_is_refused(spikec, both, tolerance):
    assert_refused(spikec("compare", both[0], both[0], "--tolerance", tolerance), "give 0 or more")


def test_membranes_in_the_course_of_time_are_recorded_where_it_is_said_how_often(spikec, net, tmp_path):
    spikes, result = tmp_path / "seconds.csv", tmp_path / "watched.npz"
    spikes.write_text("time,neuron\n0.0,0\n0.01,1\n")
    words = ("run", net, "--input", spikes, "--record", "hidden.v", "--record", "out.v.max", "-o", result)
    assert_refused(spikec(*words), "hidden.v", "--every")
    assert_refused(spikec(*words, "--every", "0.02"), "longer than the samples, 0.01 s")
    assert spikec(*words, "--every", "1e-3").code == 0
    kept = load(result)
    assert kept.traces["hidden.v"].shape == (1, 11, 5)
    assert kept.traces["out.v.max"].shape == (1, 3)
    assert kept.meta["every"] == 1e-3


@pytest.mark.parametrize(("name", "head"), [("r.png", b"\x89PNG"), ("r.svg", b"<?xml"), ("r.pdf", b"%PDF")])
def test_report_draws_one_sample_of_a_run_and_of_another_beside_it(spikec, both, tmp_path, name, head):
    exact, fixed = both
    words = ("report", fixed, "--plot", tmp_path / name, "--beside", exact, "--sample", "2")
    assert spikec(*words, "--neurons", "hidden:1,out:0").code == 0
    assert (tmp_path / name).read_bytes().startswith(head)


def test_a_run_held_against_another_tells_it_in_json_and_on_the_page(spikec, both, tmp_path):
    exact, fixed = both
    page = tmp_path / "page.html"
    told = spikec("report", fixed, "--beside", exact, "--html", page, "--json").json["beside"]
    assert told["name"] == exact.name
    compared = spikec("compare", exact, fixed, "--times", "--json").json
    assert told["times"]["overall"] == compared["overall"]
    assert "wide: " + exact.name in page.read_text()


def test_what_cannot_be_drawn_leaves_no_file_behind(spikec, both, tmp_path):
    exact, fixed = both
    plot, csv = tmp_path / "r.png", tmp_path / "r.csv"
    words = ("report", fixed, "--plot", plot, "--csv", csv)
    assert_refused(spikec("report", fixed, "--plot", tmp_path / "r.jpg"), ".png, .svg, .pdf")
    assert_refused(spikec("report", fixed, "--neurons", "hidden:1"), "--plot")
    assert_refused(spikec(*words, "--sample", "3"), "samples 0 to 2")
    assert_refused(spikec(*words, "--neurons", "hidden"), "NAME:NUMBER")
    assert_refused(spikec(*words, "--neurons", "hidden:5"), "0 to 4")
    assert_refused(spikec(*words, "--neurons", "in:0"), "--record in.v")
    assert_refused(spikec(*words, "--beside", tmp_path / "gone.npz"), "gone.npz")
    assert_refused(spikec("report", fixed, "--plot", tmp_path / "no" / "r.png"), "no folder")
    assert_refused(spikec("report", fixed, "--plot", exact, "--beside", exact), "is the input")
    assert not plot.exists()
    assert not csv.exists()

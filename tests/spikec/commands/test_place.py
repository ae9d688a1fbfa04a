"""`compile --place`, and what `check` and `report` say of cores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from spikec.compare import compare
from spikec.container import load
from spikec.placement.ledger import count_cores
from spikec.placement.place import METHODS
from tests.small_chip import small_chip

NET = Path(__file__).parents[3] / "models" / "nets" / "yinyang-ttfs.npz"


@pytest.fixture
def small_cores(tmp_path):
    """Loihi 1 with cores of 20 neurons."""
    return small_chip(tmp_path, "loihi1", 20)


@pytest.mark.parametrize("method", METHODS)
def test_a_placed_program_spikes_as_it_did_and_counts_its_cores(spikec, tmp_path, small_cores, method):
    common = ("-t", small_cores, "--dt", "8e-4")
    programs, results = (
        [tmp_path / "p.npz", tmp_path / "placed.npz"],
        [tmp_path / "r.npz", tmp_path / "s.npz"],
    )
    assert spikec("compile", NET, "-o", programs[0], *common)[0] == 0
    assert spikec("compile", NET, "-o", programs[1], *common, "--place", method)[0] == 0
    for program, result in zip(programs, results, strict=True):
        assert spikec("run", program, "--data", "yinyang:test:10", "-o", result)[0] == 0
    plain, placed = (load(path) for path in results)
    assert compare(plain, placed).identical
    assert plain.cores is None
    assert placed.cores.n_cores >= 2
    assert placed.cores.synaptic_events.sum() == plain.counters.total("synaptic_events")
    _, out, _ = spikec("report", results[1], "--json")
    assert json.loads(out)["cores"]["hops"] == dict(placed.cores.hops)


def test_samples_say_how_often_neurons_count(spikec, tmp_path, small_cores):
    words = ("compile", NET, "-o", tmp_path / "p.npz", "-t", small_cores, "--dt", "8e-4", "--place", "search")
    _, out, _ = spikec(*words, "--calibrate", "yinyang:train", "--samples", "20", "--json")
    entry = json.loads(out)["passes"][-1]
    assert entry["pass"] == "place"
    assert "at the rates of the samples" in entry["summary"]
    program = load(tmp_path / "p.npz")
    result = program.run(spikec_inputs(program), backend="cpu")
    hops = count_cores(program, result.spikes, program.n_ticks).hops
    each = sum(hops.values()) / 20 / program.n_ticks
    assert each == pytest.approx(entry["figures"]["hops_east_west"] + entry["figures"]["hops_north_south"])


def spikec_inputs(program):
    from spikec.commands.files import read_inputs

    inputs, _ = read_inputs(program.network, "yinyang:train", None)
    return {name: e.select(0, 20) for name, e in inputs.items()}


def test_check_tells_how_full_cores_are_before_and_after_placing(spikec, tmp_path, small_cores):
    common = ("-t", small_cores, "--dt", "8e-4")
    code, out, _ = spikec("check", NET, *common, "--json")
    lines = {line["rule"]: line for line in json.loads(out)["cores"]}
    assert code == 0
    assert lines["neurons"]["limit"] == 20
    assert lines["neurons"]["largest"] <= 20
    _, text, _ = spikec("check", NET, *common)
    assert "how full cores are" in text
    assert spikec("compile", NET, "-o", tmp_path / "p.npz", *common, "--place", "search")[0] == 0
    _, out, _ = spikec("check", tmp_path / "p.npz", "-t", small_cores, "--json")
    cores = load(tmp_path / "p.npz").placement.n_cores
    computing = {line["rule"]: line for line in json.loads(out)["cores"]}["neurons"]
    assert computing["mean"] * cores == json.loads(out)["neurons"]


def test_what_no_core_can_hold_is_refused_by_its_rule(spikec, tmp_path, small_cores):
    chip = yaml.safe_load(small_cores.read_text())
    chip["limits"]["axons_in_per_core"]["value"] = 3
    small_cores.write_text(yaml.safe_dump(chip))
    code, out, _ = spikec("check", NET, "-t", small_cores, "--dt", "8e-4", "--json")
    assert code == 1
    assert "input axons of a core" in {v["rule"] for v in json.loads(out)["violations"]}


def test_a_way_to_place_that_does_not_exist_is_refused_before_anything_is_written(spikec, tmp_path):
    code, _, err = spikec("compile", NET, "-o", tmp_path / "p.npz", "--dt", "8e-4", "--place", "best")
    assert code == 2
    assert "choose random, sequential" in err
    assert not (tmp_path / "p.npz").exists()


def test_a_seed_alone_places_nothing_and_is_refused(spikec, tmp_path):
    code, _, err = spikec("compile", NET, "-o", tmp_path / "p.npz", "--dt", "8e-4", "--place-seed", 3)
    assert (code, "give that, too" in err) == (2, True)


def test_python_places_as_the_command_line_does(tmp_path, spikec):
    program = load(NET)
    made = __import__("spikec").compile(program, dt=8e-4, place="sequential")
    assert made.placement.method == "sequential"
    assert replace(made, placement=None).placement is None

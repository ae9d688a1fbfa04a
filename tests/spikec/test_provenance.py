"""From a recipe to a page, and by the page's own word to the same page again."""

import json
import shlex
import zipfile
from dataclasses import fields
from hashlib import sha256
from inspect import signature

import numpy as np
import pytest

from spikec.cli import making
from spikec.commands.build import BuildOptions
from spikec.commands.overview import overview
from spikec.commands.place import PlaceOptions
from spikec.container import digest, load, origin_of, save
from spikec.errors import FileFormatError
from spikec.ir.network import Network
from spikec.opening import open_program
from spikec.program import Program
from spikec.provenance import commands, made_by, option_words, trained_by
from spikec.random.networks import random_program
from spikec.targets.target import load_target
from tests.classifier import classifier

CHAIN = (
    "spikec train digits-sampled --seed 4 -o net.npz",
    "spikec compile net.npz --target loihi1 --no-relays --place greedy --place-seed 2 -o program.npz",
    "spikec run program.npz --data digits:test:20 -o result.npz",
    "spikec run net.npz --data digits:test:20 -o exact.npz",
    "spikec report result.npz --beside exact.npz --html page.html --json",
)


def test_the_commands_on_a_page_make_the_very_same_page_again(spikec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(lines):
        for line in lines:
            code, out, err = spikec(*shlex.split(line)[1:])
            assert (code, err) == (0, ""), line
        return json.loads(out)["provenance"], (tmp_path / "page.html").read_bytes()

    told, page = run(CHAIN)
    assert told["to make it again"].split(" && ") == list(CHAIN)
    assert (told["recipe"], told["training seed"]) == ("digits-sampled", "4")
    assert (f"{told['trained by']} -o net.npz", f"{told['compiled by']} -o program.npz") == CHAIN[:2]
    assert told["command"] == CHAIN[2]
    assert told["placement"] == "greedy, seed 2"
    assert told["program"] == digest(load("program.npz"))
    for file in tmp_path.iterdir():
        file.unlink()
    assert run(told["to make it again"].split(" && ")) == (told, page)


def test_a_network_is_the_same_wherever_it_comes_from(tmp_path):
    network, origin = classifier(0.2), {"recipe": "mine", "training seed": "3"}
    save(network, tmp_path / "plain.npz")
    save(network, tmp_path / "told.npz", origin=origin)
    assert digest(load(tmp_path / "told.npz", Network)) == digest(network)
    assert (origin_of(tmp_path / "told.npz"), origin_of(tmp_path / "plain.npz")) == (origin, {})
    source = open_program(tmp_path / "told.npz").source
    assert {key: source[key] for key in origin} == origin
    assert source["file"] == "told.npz"
    assert overview(tmp_path / "told.npz")["origin"] == origin


def test_an_altered_origin_is_found(tmp_path):
    path = tmp_path / "net.npz"
    save(classifier(0.2), path, origin={"recipe": "mine"})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["spikec.json"] = members["spikec.json"].replace(b"mine", b"yours")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(FileFormatError, match="was altered"):
        load(path)


def test_equal_programs_are_equal_however_they_were_made():
    program = random_program(np.random.default_rng(0))
    twin = Program(program.network, program.target, program.scales, program.n_ticks, source={"file": "x"})
    alone = Program(program.network, program.target, program.scales, program.n_ticks)
    assert digest(twin) == digest(alone)
    assert digest(Program(program.network, load_target("loihi1"))) != digest(alone)


def test_a_recipe_of_ones_own_is_known_by_its_hash(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("title: x\n")
    found = trained_by(str(path), 7)
    assert found["recipe's SHA-256"] == sha256(b"title: x\n").hexdigest()
    assert "recipe's SHA-256" not in trained_by("digits-sampled", 7)


def test_options_are_written_as_the_command_line_reads_them():
    for options, command in ((BuildOptions, making.compile_), (PlaceOptions, making.place)):
        assert {f.name for f in fields(options)} <= signature(command).parameters.keys()
    assert option_words(BuildOptions()) == []
    chosen = BuildOptions(dt=8e-4, relays=False, split_signs=True, calibrate="digits:train", place_seed=2)
    assert option_words(chosen) == [
        *("--dt", "0.0008", "--no-relays", "--split-signs", "--calibrate", "digits:train"),
        *("--place-seed", "2"),
    ]


def test_each_command_writes_what_the_next_one_reads():
    source = made_by("placed", "place", "my prog.npz") | made_by("compiled", "compile", "net.npz", "-t", "x")
    source |= trained_by("digits-sampled", 7)
    assert commands({"source": source, "command": "spikec run d/placed.npz", "file": "d/placed.npz"}) == (
        "spikec train digits-sampled --seed 7 -o net.npz",
        "spikec compile net.npz -t x -o 'my prog.npz'",
        "spikec place 'my prog.npz' -o d/placed.npz",
        "spikec run d/placed.npz",
    )
    assert commands({"source": source}) == (
        "spikec train digits-sampled --seed 7 -o net.npz",
        "spikec compile net.npz -t x -o 'my prog.npz'",
        "spikec place 'my prog.npz'",
    )
    assert commands({}) == ()


@pytest.mark.parametrize("line", ["spikec", "an 'open quotation", ""])
def test_an_origin_that_is_no_command_is_told_as_it_is(line):
    source = {"trained by": "spikec train mine", "compiled by": line}
    told = commands({"source": source, "command": "spikec run p.npz", "file": "p.npz"})
    first = ("spikec train mine -o FILE", f"{line} -o p.npz") if line else ("spikec train mine -o p.npz",)
    assert told == (*first, "spikec run p.npz")

"""spikec from Python: arrays in, arrays out, and the same numbers as the command line."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import spikec
from spikec import cli, container
from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.commands.build import BuildOptions
from spikec.compare import compare
from spikec.errors import EventsError, NetworkError, TargetError, UsageError
from spikec.events import no_events, same
from spikec.execute import RunOptions
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Source
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset

WEIGHTS = np.array([[0.75, 0.5, 0.0], [0.25, 0.25, 1.5]])


def chain(clock, shape=(3,), **changes):
    populations = (Population("in", Source(), shape), Population("out", If(1.0), (2,)))
    projections = (Projection("q", "in", "out", Dense(WEIGHTS)),)
    return replace(Network(populations, projections, ("in",), ("out",), clock), **changes)


TICKS = chain(Ticks(1e-3))
ENCODED = chain(
    Continuous(),
    encoding=LatencyEncoding("in", 4e-3, 1.0, False, None, 8e-3),
    decoding=Decoding("out", Readout.FIRST),
)
RASTER = np.zeros((2, 5, 3), bool)
RASTER[0, 1, 0] = RASTER[0, 3, 1] = RASTER[1, 2, 2] = True
"""By hand: 0.75 in tick 1 and 0.5 in 3 make neuron 0 spike in tick 3; 1.5 in tick 2 makes neuron 1 spike."""


def program(network):
    return spikec.Program(network, load_target("ideal"))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32])
def test_a_raster_runs_for_as_long_as_it_is(dtype):
    result = program(TICKS).run(RASTER.astype(dtype))
    expected = np.zeros((2, 5, 2), int)
    expected[0, 3, 0] = expected[1, 2, 1] = 1
    np.testing.assert_array_equal(result.raster("out"), expected)
    np.testing.assert_array_equal(result.spikes["out"].counts(), expected.sum(1))
    assert result.counters.n_ticks == 5
    assert (result.predictions, result.accuracy) == (None, None)


def test_a_raster_may_count_spikes():
    # twice 0.75 at once crosses the threshold alone, as twice 0.5 does
    result = program(TICKS).run(RASTER * 2)
    assert result.spikes["in"].counts().tolist() == [[2, 2, 0], [0, 0, 2]]
    assert result.spikes["out"].counts().tolist() == [[1, 0], [0, 1]]
    assert result.raster("out")[0, 1, 0] == 1
    with pytest.raises(EventsError, match="in"):
        spikec.compile(TICKS, ticks=8).run(RASTER * 2)
    compiled = spikec.compile(TICKS, ticks=8, input_counts=2)
    assert compiled.run(RASTER * 2).spikes["out"].counts().tolist() == [[1, 0], [0, 1]]


def test_a_raster_may_lie_as_the_input_does():
    image = program(chain(Ticks(1e-3), shape=(1, 3, 1)))
    a, b = image.run(RASTER), image.run(RASTER.reshape(2, 5, 1, 3, 1))
    assert same(a.spikes["out"], b.spikes["out"])


def test_spike_times_events_and_a_mapping_say_the_same_as_a_raster():
    times = np.array([[1e-3, 3e-3, np.inf], [np.inf, np.inf, 2e-3]])
    events = spikec.from_rows([0, 0, 1], [1, 3, 2], [0, 1, 2], n_samples=2, n_neurons=3)
    for given in (times, events, {"in": RASTER}, spikec.from_dense_times(times)):
        result = program(TICKS).run(given, ticks=5)
        assert same(result.spikes["out"], program(TICKS).run(RASTER).spikes["out"])


def test_samples_go_through_the_encoding_and_answers_are_counted():
    # value 1 spikes at 0, 0.5 at 2 ms, 0 never; weights as above, so sample 0 is won by 0, sample 1 by 1
    samples = np.array([[1.0, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    result = program(ENCODED).run(samples, labels=[0, 0, 1])
    assert result.predictions.tolist() == [0, 1, -1]
    assert result.accuracy == pytest.approx(1 / 3)
    assert result.spikes["out"].first_times()[:2].tolist() == [[2e-3, np.inf], [np.inf, 0.0]]


def test_membranes_are_kept_and_the_backend_is_ours_to_choose():
    exact = program(TICKS).run(RASTER, record=["out.v"], backend="reference")
    assert exact.meta["backend"] == "reference"
    np.testing.assert_allclose(exact.traces["out.v"][0, :, 0], [0, 0.75, 0.75, 0, 0])


def test_a_compiled_program_runs_the_same_on_cpu_and_reference():
    compiled = spikec.compile(TICKS, "loihi2", bits=8, ticks=8)
    assert compiled.is_compiled
    results = [compiled.run(RASTER, ticks=8, backend=name) for name in ("cpu", "reference")]
    assert same(results[0].spikes["out"], results[1].spikes["out"])
    assert results[0].counters == results[1].counters
    assert results[0].spikes["out"].counts().tolist() == [[1, 0], [0, 1]]


def test_the_library_compiles_and_runs_as_the_command_line_does(tmp_path, monkeypatch):
    net, prog, out = (tmp_path / name for name in ("net.npz", "prog.npz", "out.npz"))
    spikec.save(TICKS, net)
    np.save(tmp_path / "x.npy", RASTER)
    for words in (
        ("compile", net, "-t", "loihi1", "--bits", 6, "--ticks", 8, "-o", prog),
        ("run", prog, "--input", tmp_path / "x.npy", "-o", out),
    ):
        monkeypatch.setattr(sys, "argv", ["spikec", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code
    result = spikec.compile(spikec.load(net), "loihi1", bits=6, ticks=8).run(tmp_path / "x.npy")
    spikec.save(result, tmp_path / "ours.npz")
    theirs, ours = container.load(out), container.load(tmp_path / "ours.npz")
    assert compare(theirs, ours).identical
    assert theirs.meta["command"].startswith("spikec run ")
    assert theirs.meta["source"]["compiled by"] == "spikec compile net.npz --target loihi1 --bits 6 --ticks 8"
    source = {key: theirs.meta["source"][key] for key in ("file", "sha256")}
    said = {k: v for k, v in theirs.meta.items() if k not in ("command", "file")}
    assert said | {"seconds": 0, "source": source} == {**ours.meta, "seconds": 0}


def test_every_option_of_the_command_line_is_an_option_here():
    offered = inspect.signature(spikec.compile).parameters.keys()
    # a convention is for `load`, and arrays hold as many samples as they should
    assert {f.name for f in fields(BuildOptions)} - {"convention", "samples"} <= offered
    offered = inspect.signature(spikec.Program.run).parameters.keys()
    assert {f.name for f in fields(RunOptions)} - {"of_backend", "command", "file"} <= offered


@pytest.mark.parametrize(
    ("network", "given", "words"),
    [
        (TICKS, RASTER[0], r"shape \(5, 3\) and type bool; give a raster \(n_samples, n_ticks, 3\) or spike"),
        (TICKS, RASTER[:, :, :2], "give a raster"),
        (TICKS, RASTER * 0.5, "holds 0.5 at sample 0, tick 1, neuron 0"),
        (TICKS, -RASTER.astype(int), "holds -1 at sample 0, tick 1, neuron 0"),
        (TICKS, np.full((1, 3), np.nan), "NaN"),
        (TICKS, {"in": RASTER, "out": RASTER[:, :, :2]}, "events were given for"),
        (TICKS, no_events(1, 4), "has 3 neurons"),
        (TICKS, [[1.0], [2.0, 3.0]], "no array of numbers"),
        (TICKS, np.array([["a"]]), "type <U1; give numbers"),
        (chain(Continuous()), RASTER, "give spike times in seconds"),
        (chain(Continuous()), spikec.from_raster(RASTER), "needs spike times in seconds"),
        (ENCODED, np.zeros((4, 7)), "give samples or spike times"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_one_sentence(network, given, words):
    with pytest.raises(EventsError, match=words):
        program(network).run(given)


def test_what_makes_no_sense_is_refused_as_on_the_command_line():
    with pytest.raises(NetworkError, match="there is no population 'foo'"):
        program(TICKS).run({"foo": RASTER})
    with pytest.raises(UsageError, match="does not say how its spikes become a class"):
        program(TICKS).run(RASTER, [0, 1])
    with pytest.raises(EventsError, match="2 whole numbers are needed"):
        program(ENCODED).run(np.zeros((2, 3)), [0, 1, 1])
    with pytest.raises(UsageError, match="no such option"):
        program(TICKS).run(RASTER, flavour="stock")
    with pytest.raises(UsageError, match="give --ticks N"):
        program(TICKS).run(RASTER, until=1.0)
    compiled = spikec.compile(TICKS, ticks=4)
    with pytest.raises(UsageError, match="proven for samples of 4 ticks, not 5"):
        compiled.run(RASTER)
    with pytest.raises(UsageError, match="compiled already, for loihi2"):
        spikec.compile(compiled, "loihi1")
    with pytest.raises(TargetError, match="reset"):
        spikec.compile(chain(Ticks(1e-3, replace(TICKS.clock.convention, reset="subtract"))), ticks=4)
    with pytest.raises(EventsError, match="there is no population 'x' in this run; it has in, out"):
        program(TICKS).run(RASTER).raster("x")
    with pytest.raises(EventsError, match="continuous time"):
        program(ENCODED).run(np.ones((1, 3))).raster("out")


def test_a_probe_measures_every_pass():
    compiled = spikec.compile(TICKS, ticks=8, probe=RASTER)
    assert any("spikes" in " ".join(entry.figures) for entry in compiled.log)


def test_a_program_may_be_calibrated():
    compiled = spikec.compile(TICKS, ticks=8, calibrate=RASTER)
    assert compiled.log[0].summary == "2 samples run on the float network"
    with pytest.raises(UsageError, match="labels have no use"):
        spikec.compile(TICKS, ticks=8, calibrate=RASTER, labels=[0, 1])


def test_several_inputs_are_given_by_name():
    network = Network(
        (
            Population("a", Source(), (1,)),
            Population("b", Source(), (1,)),
            Population("out", If(1.0), (1,)),
        ),
        (Projection("p", "a", "out", Dense([[0.75]])), Projection("q", "b", "out", Dense([[0.5]]))),
        ("a", "b"),
        ("out",),
        Ticks(1e-3),
    )
    spike = np.ones((1, 1, 1))
    given = {"a": spike, "b": spike}
    assert program(network).run(given).spikes["out"].counts().tolist() == [[1]]
    with pytest.raises(EventsError, match="inputs a, b; give a mapping"):
        program(network).run(spike)
    with pytest.raises(EventsError, match=r"rasters of \[1, 2\] ticks"):
        program(network).run({"a": spike, "b": np.ones((1, 2, 1))})


def test_names_are_found_in_the_package_and_nothing_else_is():
    assert {"load", "compile", "Program", "Events"} <= set(dir(spikec))
    assert all(getattr(spikec, name) for name in spikec._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        spikec.lod  # noqa: B018


def python_of(page):
    """The Python blocks of a page, together."""
    blocks = (
        Path(__file__).resolve().parents[2].joinpath(page).read_text(encoding="utf-8").split("```python\n")
    )
    return "".join(block.partition("```")[0] for block in blocks[1:])


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_examples_of_the_pages_run(page, tmp_path, monkeypatch):
    from spikec_train.recipes import load_recipe, train

    spikec.save(train(load_recipe("digits-sampled"), 0).network, tmp_path / "net.npz")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(python_of(page), names)  # the pages are ours
    assert names["result"].accuracy > 0.9
    assert load_dataset("digits:test").n_samples == len(names["result"].predictions)


@pytest.mark.parametrize("ticks", [(1 << 20) + 1, 10**11])
def test_a_run_has_a_length_that_can_be(ticks):
    with pytest.raises(UsageError, match="1048576"):
        program(chain(Ticks(1e-3))).run(np.zeros((1, 5, 3)), ticks=ticks)


def test_a_raster_without_its_samples_is_not_taken_for_times():
    with pytest.raises(EventsError, match="a raster or times"):
        program(chain(Ticks(1e-3))).run(np.zeros((5, 3)))


def test_label_free_without_repair_is_told():
    with pytest.raises(UsageError, match="give repair=True"):
        spikec.compile(program(TICKS), label_free=True)

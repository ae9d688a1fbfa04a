"""The benchmark's networks on a chip: checked, compiled, placed, and run as if they were not placed.

Each gets real weights, drawn at random, and neurons of continuous time, so that all of the command line takes
part: `check`, `compile --place`, and runs on three engines.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from spikec import cli
from spikec.backend import find_backend
from spikec.compare import compare
from spikec.container import load, save
from spikec.events import Events, from_rows
from spikec.execute import execute
from spikec.frontends import open_network
from spikec.ir.network import Continuous, Dialect, Network
from spikec.ir.neurons import CubaLif
from spikec.placement.ledger import assignment_of
from spikec.placement.rules import check_cores
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.result import CoreCounts, RunResult

ROOT = Path(__file__).parents[2]
N_TICKS, N_SAMPLES, DT = 12, 2, 1e-3


def _module():
    spec = importlib.util.spec_from_file_location("mapping_bench", ROOT / "bench" / "mapping.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


MAPPING = _module()
QUICK = ("braille 12-38-2 recurrent",)
MOST = 3_000_000
"""Synapses of networks that are small enough to be compiled and run by every engine within a minute."""


def _cases():
    for name in {**MAPPING.SMALL, **MAPPING.LARGE}:
        yield pytest.param(name, marks=() if name in QUICK else pytest.mark.long, id=name.replace(" ", "-"))


def in_real_numbers(name: str) -> Network:
    """The same shape in continuous time, with weights that make some of its neurons spike."""
    network = {**MAPPING.SMALL, **MAPPING.LARGE}[name]()
    if network.dialect is Dialect.CONTINUOUS:  # a shipped one, whose own weights the benchmark leaves out
        return open_network(ROOT / "models" / "nets" / f"{name.split()[0]}.npz")
    rng = np.random.default_rng(0)
    heard = dict.fromkeys((p.name for p in network.populations), 0.0)
    for q in network.projections:
        heard[q.post] += q.connectivity.n_synapses / network.population(q.post).n
    neuron = CubaLif(5e-3, 5e-3, 1.0)
    populations = tuple(p if p.is_source else replace(p, neuron=neuron) for p in network.populations)
    projections = tuple(
        replace(q, connectivity=q.connectivity.with_weights(_weights(rng, q, heard[q.post])))
        for q in network.projections
    )
    return Network(populations, projections, network.inputs, network.outputs, Continuous())


def _weights(rng, q, heard):
    """About 400 a second, and half as much spread, whatever the number of synapses that a neuron has."""
    return rng.normal(4e3 / heard, 8e3 / np.sqrt(heard), q.connectivity.weights.shape)


def noise(program: Program) -> dict[str, Events]:
    """Inputs that spike at random, an eighth of all ticks."""
    rng = np.random.default_rng(1)
    found = {}
    for name in program.network.inputs:
        n, source = program.network.population(name).n, program.network.population(name).neuron
        on = rng.random((N_SAMPLES, N_TICKS - 4, n)) < 0.125
        if getattr(source, "one_spike", False):
            on &= np.cumsum(on, axis=1) == 1
        samples, ticks, neurons = np.nonzero(on)
        found[name] = from_rows(samples, ticks, neurons, n_samples=N_SAMPLES, n_neurons=n)
    return found


def same_cores(a: CoreCounts, b: CoreCounts) -> bool:
    def plain(counts):
        return {f.name: getattr(counts, f.name) for f in fields(counts)}

    def equal(x, y):
        if isinstance(x, dict) or hasattr(x, "items"):
            return all(np.array_equal(x[k], y[k]) for k in x) and x.keys() == y.keys()
        return np.array_equal(x, y)

    return all(equal(x, plain(b)[name]) for name, x in plain(a).items())


@pytest.mark.parametrize("name", list(_cases()))
def test_each_network_is_placed_without_a_broken_rule_and_spikes_as_before(
    name, monkeypatch, capsys, tmp_path
):
    def spikec(*words):
        monkeypatch.setattr(sys, "argv", ["spikec", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out = capsys.readouterr()
        assert not stop.value.code, out.err
        return json.loads(out.out)

    network = in_real_numbers(name)
    if network.n_synapses > MOST:
        pytest.skip(f"{network.n_synapses} synapses are too many for a test")
    file, plain, placed = tmp_path / "net.npz", tmp_path / "plain.npz", tmp_path / "placed.npz"
    save(network, file)
    own = any(type(p.neuron).__name__ == "Theta" for p in network.populations)
    words = ("--target", "loihi2" if own else "loihi1", "--dt", DT, "--ticks", N_TICKS, "--json")
    checked = spikec("check", file, *words)
    assert checked["violations"] == []
    assert {line["rule"] for line in checked["cores"]} >= {"neurons", "input axons", "output axons"}
    spikec("compile", file, *words, "-o", plain)
    spikec("compile", file, *words, "-o", placed, "--place", "search")

    programs = [load(path, Program) for path in (plain, placed)]
    assert not list(check_cores(assignment_of(programs[1])))
    inputs = noise(programs[0])
    cpu = find_backend("cpu")
    before, after = (execute(p, cpu, inputs, until=N_TICKS) for p in programs)
    assert compare(before, after).identical
    silent = [n for n, e in after.spikes.items() if not e.n_events and n not in network.outputs]
    assert not silent, "a network that is silent shows nothing"
    assert_counts_are_those_of_the_whole_run(after)
    for engine in (ReferenceBackend(), find_backend("lava", flavour="fused")):
        other = execute(programs[1], engine, inputs, until=N_TICKS)
        assert compare(after, other).identical, engine.name
        assert same_cores(after.cores, other.cores), engine.name


def assert_counts_are_those_of_the_whole_run(run: RunResult) -> None:
    """What cores counted adds up to what populations and projections did."""
    totals, cores = run.counters.totals(), run.cores
    assert cores.neuron_updates.sum() == totals["neuron_updates"]
    assert cores.synaptic_events.sum() == totals["synaptic_events"]
    assert cores.zero_weight_events.sum() == totals["zero_weight_events"]
    assert cores.messages_out.sum() <= cores.messages_in.sum()

"""Networks by rule, everywhere else: each tool works on them, or says in one sentence why it does not."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from spikec.api import compile as compile_program
from spikec.backend import find_backend
from spikec.causes.diff import diff
from spikec.causes.first import Side
from spikec.cli import app
from spikec.container import digest, load, save
from spikec.errors import NetworkError, UsageError
from spikec.events import same
from spikec.exporters.nir import export_nir
from spikec.ir.connectivity import FixedInDegree, FixedOutDegree
from spikec.ir.listing import listed
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, Source
from spikec.passes.pipelines import CompileOptions, try_compile
from spikec.placement.place import place
from spikec.program import Program
from spikec.random.large import brunel, vogels_abbott
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

LARGE = brunel(100_000, 1000)
SENTENCE = r"population E is an IafPsc\w+, whose refractory period .* cannot be {}; run it as it is"


@pytest.mark.parametrize("program", [vogels_abbott(60, 10), brunel(60, 10), LARGE])
def test_neurons_with_a_refractory_period_are_only_simulated(program):
    for target in ("loihi1", "loihi2"):
        with pytest.raises(NetworkError, match=SENTENCE.format("compiled")):
            compile_program(program, target=target)
    with pytest.raises(NetworkError, match=SENTENCE.format("exported")):
        export_nir(program)
    with pytest.raises(UsageError):
        place(program)
    (violation,) = find_backend("lava").unsupported(program)
    assert violation.rule == "dialect"


def test_why_such_neurons_differ_is_not_asked():
    program = vogels_abbott(60, 10)
    runs = [ReferenceBackend(precision).prepare(program).run({}, 300) for precision in (64, 32)]
    sides = [Side(program, run.spikes, 300) for run in runs]
    if not all(same(runs[0].spikes[name], e) for name, e in runs[1].spikes.items()):
        with pytest.raises(NetworkError, match=SENTENCE.format("explained spike by spike")):
            diff(*sides)
    assert diff(sides[0], sides[0]).first is None


@pytest.mark.parametrize("rule", [FixedInDegree, FixedOutDegree])
@pytest.mark.parametrize("clock", [Continuous(), Ticks(1e-3)])
def test_rules_onto_other_neurons_work_as_their_lists(rule, clock):
    program = Program(network(rule(8, 6, 3, 0.4, 1), clock), load_target("ideal"))
    plain = Program(listed(program.network, "run"), program.target)
    assert digest(listed(plain.network, "run")) == digest(plain.network)
    spikes = from_raster(np.random.default_rng(0).random((3, 20, 8)) < 0.2)
    inputs = {"in": spikes if isinstance(clock, Ticks) else spikes.to_seconds(1e-3)}
    until = 25 if isinstance(clock, Ticks) else 0.025
    results = [ReferenceBackend().prepare(p).run(inputs, until) for p in (program, plain)]
    assert results[0].spikes["out"].n_events > 5
    np.testing.assert_array_equal(results[0].spikes["out"].neurons, results[1].spikes["out"].neurons)
    np.testing.assert_allclose(results[0].spikes["out"].times, results[1].spikes["out"].times, rtol=1e-9)
    assert find_backend("cpu").unsupported(program)[0].where == "projection q"
    options = CompileOptions(dt=None if isinstance(clock, Ticks) else 1e-3)
    compiled = [try_compile(p.network, load_target("loihi2"), options) for p in (program, plain)]
    assert [violations for _, violations in compiled] == [[], []]
    assert digest(compiled[0][0].network) == digest(compiled[1][0].network)
    if isinstance(clock, Ticks):
        assert export_nir(program).graph is not None


def test_rules_that_are_too_large_are_refused_by_all_but_the_engine():
    huge = Program(network(FixedInDegree(10**5, 10**5, 1000, 0.4, 1), Ticks(1e-3)), load_target("ideal"))
    for refuse in (
        lambda: compile_program(huge, target="loihi2"),
        lambda: export_nir(huge),
        lambda: ReferenceBackend().prepare(LARGE).run({}, 5),
    ):
        with pytest.raises(NetworkError, match=r"[0-9,]+ synapses is too large to be listed one by one"):
            refuse()


def test_a_file_holds_the_rule_and_not_the_synapses(tmp_path):
    file = tmp_path / "large.npz"
    save(LARGE, file)
    assert file.stat().st_size < 10_000
    back = load(file)
    assert back.network.n_synapses == 100_000_000
    assert digest(back) == digest(LARGE)


def test_the_command_line_runs_and_shows_such_a_file(tmp_path):
    file, result = tmp_path / "va.npz", tmp_path / "result.npz"
    save(vogels_abbott(400).network, file)
    found = command("run", file, "--ticks", "200", "-o", result)
    expected = ReferenceBackend().prepare(vogels_abbott(400)).run({}, 200)
    assert found["spikes"] == {name: e.n_events for name, e in expected.spikes.items()}
    assert command("inspect", file)["n_synapses"] == 32_000
    assert load(result).meta["facts"]["recurrent"] is True
    output = str(tmp_path / "p.npz")
    for wrong in (
        ["compile", str(file), "--target", "loihi2", "--output", output],
        ["run", str(file), "--data", "digits:test"],
    ):
        assert CliRunner().invoke(app, wrong).exception.exit_code == 2


def command(*words):
    """What a command prints as JSON."""
    told = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def network(rule, clock):
    """An input and a population of neurons without a refractory period."""
    populations = (
        Population("in", Source(), (rule.n_pre,)),
        Population("out", CubaLif(0.02, 0.005, 2e-3), (rule.n_post,)),
    )
    return Network(populations, (Projection("q", "in", "out", rule),), ("in",), ("out",), clock)

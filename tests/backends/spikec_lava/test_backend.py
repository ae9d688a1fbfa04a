"""Both flavours of the Lava backend, in a real Lava runtime, against the reference interpreter."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from spikec.backend import find_backend, run
from spikec.errors import SpikecError, TargetError, UsageError
from spikec.events import Events, no_events, same
from spikec.ir.connectivity import Delays, Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Lif, Source
from spikec.ir.union import union
from spikec.program import Program
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_lava import compat
from spikec_lava.backend import LavaBackend, time_limit
from tests.contract import (
    all_membranes,
    assert_equals_reference,
    assert_refuses_bad_inputs,
    assert_repeatable,
    assert_same_results,
    drawn,
)
from tests.hand_cases import hand_cases
from tests.pair_cases import pair_cases

needs_lava = pytest.mark.skipif(compat.importable() is not None, reason=f"{compat.importable()}")
FLAVOURS = ("fused", "stock")


def last_membranes(program: Program) -> list[str]:
    """What both flavours can record."""
    return [key for key in all_membranes(program) if key.endswith(".last")]


def small(connectivity: Dense | None = None, delays: Delays | None = None) -> Program:
    """Two inputs, two neurons."""
    q = Projection(
        "in_out", "in", "out", connectivity or Dense(Fixed([[20, 2], [4, 6]])), delays or Delays(0)
    )
    neuron = CubaFixed(du=1000, dv=100, vth=10)
    populations = (Population("in", Source(), (2,)), Population("out", neuron, (2,)))
    network = Network(populations, (q,), ("in",), ("out",), Ticks(1e-3, LOIHI))
    return Program(network, load_target("loihi2"))


@needs_lava
@pytest.mark.parametrize("seed", [8, 11, 12, 14])  # Theta and Qif, Cuba and Qif, Qif alone, Cuba alone
def test_fused_equals_the_reference_in_every_tick(seed: int) -> None:
    assert_equals_reference(LavaBackend("fused"), *drawn(seed), 40)


def has_everything(program: Program) -> bool:
    """Whether a network has cycles, delays, dense and sparse projections, and two between one pair."""
    q = program.network.projections
    return (
        any(program.network.is_recurrent(c) for c in program.network.components())
        and {isinstance(p.connectivity, Dense) for p in q if p.delays.longest} == {True, False}
        and {isinstance(p.connectivity, Dense) for p in q if not p.delays.longest} == {True, False}
        and len({(p.pre, p.post) for p in q}) < len(q)
    )


def versatile(n: int) -> list[tuple[Program, dict[str, Events]]]:
    """Small random networks in which all of Lava's connections occur."""
    found = []
    rng = np.random.default_rng(7)
    while len(found) < n:
        program = random_program(rng, max_neurons=8, max_delay=8, pairs=False)
        inputs = random_inputs(rng, program, 4, 30)
        if has_everything(program) and sum(e.n_events for e in inputs.values()):
            found.append((program, inputs))
    return found


@needs_lava
@pytest.mark.parametrize(("program", "inputs"), versatile(3))
def test_stock_equals_the_reference_in_every_sample(program: Program, inputs: dict[str, Events]) -> None:
    record = last_membranes(program)
    expected = run(ReferenceBackend(), program, inputs, 30, record)
    got = run(LavaBackend("stock"), program, inputs, 30, record)
    assert_same_results(got, expected)
    assert got.meta["flavour"] == "stock"


@needs_lava
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_lava_comes_to_the_numbers_worked_out_by_hand(flavour: str) -> None:
    fused = flavour == "fused"
    cases = [*hand_cases(), *(pair_cases() if fused else [])]
    n_ticks = max(case.n_ticks for case in cases)
    together = union([case.program.network for case in cases])
    program = Program(together.network, cases[0].program.target)
    inputs = together.join([case.inputs for case in cases])
    record = all_membranes(program) if fused else []
    result = run(LavaBackend(flavour), program, inputs, n_ticks, record)
    spikes, membranes = together.split(result.spikes), together.split_traces(result.traces)
    for case, s, v in zip(cases, spikes, membranes, strict=True):
        raster = s["out"].raster(case.n_ticks)[0]
        assert [np.flatnonzero(row).tolist() for row in raster.T] == [*map(list, case.spikes)], case.name
        if case.membranes is not None and fused:
            assert v["out.v"][0, : case.n_ticks].T.tolist() == [*map(list, case.membranes)], case.name


@needs_lava
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_parts_of_a_network_that_do_not_hang_together_all_run(flavour: str) -> None:
    ticking = CubaFixed(du=4095, dv=0, vth=1, bias_mant=[10, 20, 30])
    populations = (
        Population("silent", Source(), (2,)),
        Population("a", ticking, (3,)),
        Population("in", Source(), (1,)),
        Population("b", ticking, (3,)),
        Population("c", ticking, (3,)),
    )
    projections = (
        Projection("in_b", "in", "b", Dense(Fixed([[2], [4], [6]])), Delays(2)),
        Projection("none", "c", "c", sparse(3, 3, [], [], Fixed(np.zeros(0, np.int64))), Delays(0)),
    )
    network = Network(populations, projections, ("silent", "in"), ("b",), Ticks(1e-3, LOIHI))
    program = Program(network, load_target("loihi2"))
    inputs = {"silent": no_events(2, 2), "in": Events([0, 3, 1], [0, 0, 0], [0, 2, 3], 1)}
    record = last_membranes(program)
    expected = run(ReferenceBackend(), program, inputs, 12, record)
    assert all(expected.spikes[name].n_events for name in "abc")
    assert_same_results(run(LavaBackend(flavour), program, inputs, 12, record), expected)


@needs_lava
def test_fused_takes_samples_in_batches() -> None:
    program, inputs = drawn(3, n_samples=7, n_ticks=25)
    assert "ThetaFixed" in {type(p.neuron).__name__ for p in program.network.populations}
    backend = LavaBackend("fused")
    executable = backend.prepare(program)
    module = executable.package / "spikec_lava" / "deployed" / "fused.py"
    code = module.read_text()
    assert "LARGEST_BATCH = 256" in code
    module.write_text(code.replace("LARGEST_BATCH = 256", "LARGEST_BATCH = 3"))
    record = all_membranes(program)
    expected = ReferenceBackend().prepare(program).run(inputs, 25, record)
    assert_same_results(executable.run(inputs, 25, record), expected)
    executable.close()


@needs_lava
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(("n_samples", "n_ticks"), [(0, 5), (2, 0)])
def test_no_samples_or_no_ticks_give_an_empty_result(flavour: str, n_samples: int, n_ticks: int) -> None:
    result = run(LavaBackend(flavour), small(), {"in": no_events(n_samples, 2)}, n_ticks, ["out.v.last"])
    assert result.spikes["out"].n_samples == n_samples
    assert result.traces["out.v.last"].shape == (n_samples, 2)
    assert result.counters is not None
    assert set(result.counters.totals().values()) == {0}


@needs_lava
def test_lava_is_never_imported_into_the_callers_process() -> None:
    code = """
        import sys
        import numpy as np
        from spikec.backend import find_backend, run
        from spikec.random.networks import random_inputs, random_program
        rng = np.random.default_rng(0)
        program = random_program(rng)
        run(find_backend("lava"), program, random_inputs(rng, program, 1, 3), 3)
        print([name for name in sys.modules if name.partition(".")[0] == "lava"])
    """
    script = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@needs_lava
def test_events_after_the_last_tick_are_left_out() -> None:
    inputs = {"in": Events([0, 9], [0, 1], [0, 2], 2)}
    expected = run(ReferenceBackend(), small(), inputs, 5)
    assert_same_results(run(LavaBackend(), small(), inputs, 5), expected)
    assert expected.spikes["in"].n_events == 1


@needs_lava
def test_an_executable_runs_again_and_leaves_no_folder() -> None:
    program, inputs = drawn(5, n_samples=2, n_ticks=20)
    assert_repeatable(LavaBackend("fused"), program, inputs, 20)
    executable = LavaBackend().prepare(program)
    assert executable.package.is_dir()
    executable.close()
    assert not executable.package.parent.exists()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_inputs_that_do_not_fit_are_refused(flavour: str) -> None:
    assert_refuses_bad_inputs(LavaBackend(flavour))


def test_lava_is_found_by_name_and_takes_its_options() -> None:
    if compat.importable() is not None:
        pytest.skip(str(compat.importable()))
    backend = find_backend("lava", flavour="stock", timeout=7.0)
    assert backend.name == "lava"
    with pytest.raises(UsageError, match="no such option"):
        find_backend("lava", colour="red")


def refused(backend: LavaBackend, program: Program, inputs: Mapping[str, Events], key: str) -> SpikecError:
    executable = backend.prepare(program)
    with pytest.raises(UsageError) as caught:
        executable.run(inputs, 4, [key])
    executable.close()
    return caught.value


def test_stock_refuses_a_membrane_in_every_tick_and_says_what_to_record() -> None:
    error = refused(LavaBackend("stock"), small(), {"in": no_events(1, 2)}, "out.v")
    assert "record out.v.last" in str(error)


def test_only_the_fixed_dialect_runs_in_lava() -> None:
    populations = (Population("in", Source(), (1,)), Population("out", Lif(tau=1e-2, threshold=1.0), (1,)))
    q = Projection("in_out", "in", "out", Dense(np.ones((1, 1))))
    program = Program(Network(populations, (q,), ("in",), ("out",), Ticks(1e-3)), load_target("ideal"))
    violations = LavaBackend().unsupported(program)
    assert [v.rule for v in violations] == ["dialect"]
    assert "spikec compile" in str(violations[0])


def test_delays_beyond_63_ticks_run_in_the_fused_flavour_only() -> None:
    program = small(delays=Delays(64))
    assert LavaBackend("fused").unsupported(program) == []
    assert [v.where for v in LavaBackend("stock").unsupported(program)] == ["in_out"]
    with pytest.raises(TargetError, match="delay is 64 ticks"):
        LavaBackend("stock").prepare(program)


def test_neurons_that_keep_pairs_run_in_the_fused_flavour_only() -> None:
    neurons = {
        "a": ThetaFixed(cos=99, sin_a=9, sin_b=9, a_init=0, b_init=5, shift=3),
        "b": CubaFixed(du=0, dv=0, vth=1),
        "c": QifFixed(du=0, gain=3, shift=9, turn=40, keep=16000),
    }
    populations = (
        Population("in", Source(), (1,)),
        *(Population(name, neuron, (2,)) for name, neuron in neurons.items()),
    )
    network = Network(populations, (), ("in",), ("a",), Ticks(1e-3, LOIHI))
    program = Program(network, load_target("loihi2"))
    assert LavaBackend("fused").unsupported(program) == []
    assert [str(v) for v in LavaBackend("stock").unsupported(program)] == [
        "a: neuron is ThetaFixed, allowed is CubaFixed; take the fused flavour",
        "c: neuron is QifFixed, allowed is CubaFixed; take the fused flavour",
    ]
    with pytest.raises(TargetError, match="take the fused flavour"):
        LavaBackend("stock").prepare(program)


def test_thresholds_that_need_only_be_met_run_in_the_fused_flavour_only() -> None:
    met = CubaFixed(du=0, dv=0, vth=[1, 1], inclusive=[0, 1])
    populations = (Population("in", Source(), (1,)), Population("a", met, (2,)))
    program = Program(Network(populations, (), ("in",), ("a",), Ticks(1e-3, LOIHI)), load_target("loihi2"))
    assert LavaBackend("fused").unsupported(program) == []
    (violation,) = LavaBackend("stock").unsupported(program)
    assert str(violation).startswith("a: threshold test is v >= vth, allowed is v > vth; take the fused")


@pytest.mark.parametrize("options", [{"flavour": "roasted"}, {"timeout": 0}, {"timeout": -1.0}])
def test_impossible_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        LavaBackend(**options).prepare(small())  # type: ignore[arg-type]


def test_the_time_limit_grows_with_the_work() -> None:
    network = small().network
    short, long = (time_limit(network, "stock", 10, n_ticks) for n_ticks in (10, 1000))
    assert 60 < short < long
    assert time_limit(network, "fused", 10, 1000) < long


@needs_lava
def test_the_log_is_kept_where_the_user_wants_it(tmp_path: Path) -> None:
    log = tmp_path / "lava.log"
    result = run(LavaBackend(log=log), small(), {"in": Events([0], [0], [0, 1], 2)}, 5)
    assert same(result.spikes["in"], Events([0], [0], [0, 1], 2))
    assert "in: 1 spikes in 1 samples of 5 ticks" in log.read_text()


def test_a_log_that_cannot_be_written_is_a_users_error(tmp_path: Path) -> None:
    executable = LavaBackend(log=tmp_path / "missing" / "lava.log").prepare(small())
    with pytest.raises(UsageError, match="cannot write the log"):
        executable.run({"in": no_events(1, 2)}, 4)
    executable.close()

"""The CPU backend against the contract of all backends, and what it promises beyond."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend
from spikec.errors import UsageError
from spikec.events import no_events, same
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.random.networks import random_continuous, random_inputs, random_program
from spikec.random.ticks import random_ticks
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu import kernels
from spikec_cpu.backend import CpuBackend
from tests import contract
from tests.hand_cases import hand_cases
from tests.pair_cases import pair_cases


@pytest.mark.parametrize("case", [*hand_cases(), *pair_cases()], ids=lambda case: case.name)
def test_comes_to_the_numbers_worked_out_by_hand(case):
    contract.assert_hand_case(CpuBackend(), case)


@given(seed=st.integers(0, 2**32 - 1), n_samples=st.integers(0, 6), n_ticks=st.integers(1, 90))
@settings(max_examples=150)
def test_equals_the_reference_on_any_random_program(seed, n_samples, n_ticks):
    program, inputs = contract.drawn(seed, n_samples=n_samples, n_ticks=60)
    contract.assert_equals_reference(CpuBackend(threads=2), program, inputs, n_ticks)


@pytest.mark.parametrize("seed", range(20))
def test_an_executable_remembers_nothing(seed):
    contract.assert_repeatable(CpuBackend(), *contract.drawn(seed), 40)


@pytest.mark.parametrize("seed", range(20))
def test_samples_do_not_touch_each_other(seed):
    contract.assert_samples_are_independent(CpuBackend(), *contract.drawn(seed), 40)


def test_refuses_inputs_that_do_not_fit():
    contract.assert_refuses_bad_inputs(CpuBackend())


@pytest.mark.parametrize("threads", [1, 3])
def test_many_samples_in_many_batches_equal_the_reference(threads):
    program, inputs = contract.drawn(3, n_samples=300, n_ticks=20)
    contract.assert_equals_reference(CpuBackend(threads), program, inputs, 20)


def test_a_short_sample_of_many_neurons_and_all_spikes_fits_its_lists():
    network = Network(
        (Population("in", Source(), (1,)), Population("out", CubaFixed(0, 0, 0, bias_mant=1), (5000,))),
        (),
        ("in",),
        ("out",),
        Ticks(1e-3),
    )
    result = CpuBackend().prepare(_program(network)).run({"in": no_events(3, 1)}, 4)
    assert result.spikes["out"].n_events == 3 * 4 * 5000


def test_spikes_of_inputs_come_back_as_they_were_given():
    program, inputs = contract.drawn(1)
    result = CpuBackend().prepare(program).run(inputs, 40)
    assert all(same(result.spikes[name], e) for name, e in inputs.items())


@pytest.mark.parametrize("seed", range(5))
def test_a_raster_and_the_list_of_its_spikes_give_the_same(seed):
    program, inputs = contract.drawn(seed)
    rasters = {name: from_raster(e.raster(40)) for name, e in inputs.items()}
    lists = {name: replace(e, multiple=False) for name, e in rasters.items()}
    assert all(e.bits is not None for e in rasters.values())
    assert all(e.bits is None for e in lists.values())
    executable, record = CpuBackend().prepare(program), contract.all_membranes(program)
    for n_ticks in (7, 40, 50):
        given, expected = (executable.run(x, n_ticks, record) for x in (rasters, lists))
        contract.assert_same_results(given, expected)


@pytest.mark.parametrize("n_post", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("exponent", [-3, 0])
def test_layers_of_any_width_equal_the_reference(n_post, exponent):
    rng = np.random.default_rng(n_post)
    signs = (FixedFormat(8, sign, exponent) for sign in Sign)
    weights = [Fixed(form.nearest(rng.normal(0, 90, (n_post, 40)) * 2.0**exponent), form) for form in signs]
    neuron = CubaFixed(du=700, dv=rng.integers(0, 4097, n_post), vth=rng.integers(1, 500, n_post))
    network = Network(
        (Population("in", Source(), (40,)), Population("out", neuron, (n_post,))),
        tuple(Projection(f"to{k}", "in", "out", Dense(w), Delays(k)) for k, w in enumerate(weights)),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )
    raster = rng.random((3, 30, 40)) < np.array([0.0, 0.1, 1.0])[:, None, None]
    contract.assert_equals_reference(CpuBackend(1), _program(network), {"in": from_raster(raster)}, 33)


def test_refuses_to_record_what_does_not_exist():
    contract.assert_refuses_bad_keys(CpuBackend())


@pytest.mark.parametrize("n_ticks", [0, -1])
def test_refuses_a_run_without_ticks(n_ticks):
    program, inputs = contract.drawn(0)
    with pytest.raises(UsageError, match=f"{n_ticks} ticks"):
        CpuBackend().prepare(program).run(inputs, n_ticks)


def test_refuses_to_work_with_no_threads():
    with pytest.raises(UsageError, match="0 threads"):
        CpuBackend(threads=0)


def test_real_weights_and_delays_between_integer_neurons_are_both_reported():
    program, _ = contract.drawn(0)
    q = program.network.projections[0]
    real = replace(
        q,
        connectivity=q.connectivity.with_weights(np.zeros(q.connectivity.weights.shape)),
        delays=Delays(0.5),
    )
    network = program.network.with_projections({q.name: real})
    violations = CpuBackend().unsupported(replace(program, network=network))
    assert [v.rule for v in violations] == ["weight", "delay"]
    assert all(v.where == f"projection {q.name}" for v in violations)


def test_a_delay_longer_than_the_places_in_a_ring_is_reported():
    program, _ = contract.drawn(0)
    q = replace(program.network.projections[0], delays=Delays(1 << 40))
    network = program.network.with_projections({q.name: q})
    (violation,) = CpuBackend().unsupported(replace(program, network=network))
    assert violation.rule == "size"


def test_is_found_by_its_name():
    assert isinstance(find_backend("cpu", threads=1), CpuBackend)


def test_numba_is_not_imported_before_a_program_is_prepared():
    code = "import sys, spikec_cpu.backend as b; b.CpuBackend().unavailable(); print('numba' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.parametrize("seed", range(3))
def test_a_larger_network_equals_the_reference(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, max_neurons=200, max_populations=6)
    inputs = random_inputs(rng, program, 3, 80)
    record = contract.all_membranes(program)
    contract.assert_same_results(
        CpuBackend().prepare(program).run(inputs, 80, record),
        ReferenceBackend().prepare(program).run(inputs, 80, record),
    )


def _program(network: Network) -> Program:
    return Program(network, load_target("loihi2"))


@pytest.mark.parametrize("dialect", ["continuous", "fixed", "ticks"])
def test_a_first_start_says_why_it_is_slow(dialect, tmp_path, monkeypatch):
    draw = {"continuous": random_continuous, "fixed": random_program, "ticks": random_ticks}
    program = draw[dialect](np.random.default_rng(0))
    monkeypatch.setattr(kernels, "_FOLDER", tmp_path)
    assert "compiling" in CpuBackend().slow_start(program)
    (tmp_path / "kernels_0123").mkdir()
    for kernel in (
        "run_rows",
        "run_lists",
        "run_recurrent",
        "run_layer",
        "run_component",
        "run_float_component",
    ):
        (tmp_path / "kernels_0123" / f"file.{kernel}-94.py312.nbi").touch()
    assert CpuBackend().slow_start(program) is None


def test_a_network_of_layers_alone_waits_for_no_other_kernel(tmp_path, monkeypatch):
    layer = Projection("q", "in", "out", Dense(Fixed(np.full((3, 2), 2))), Delays(0))
    populations = (Population("in", Source(), (2,)), Population("out", CubaFixed(100, 100, 100), (3,)))
    program = _program(Network(populations, (layer,), ("in",), ("out",), Ticks(1e-3, LOIHI)))
    monkeypatch.setattr(kernels, "_FOLDER", tmp_path)
    (tmp_path / "components.run_layer-1.py312.nbi").touch()
    assert CpuBackend().slow_start(program) is None


def test_what_was_compiled_is_found_again():
    program, inputs = contract.drawn(0)
    find_backend("cpu").prepare(program).run(inputs, 40)
    assert CpuBackend().slow_start(program) is None

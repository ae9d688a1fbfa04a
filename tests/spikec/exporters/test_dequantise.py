"""Compiled programs as real numbers: the chip's values in the user's units, its integers beside them."""

from dataclasses import replace

import nir
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from spikec.backend import run
from spikec.errors import TargetError
from spikec.exporters.dequantise import NEVER, dequantised
from spikec.exporters.nir import export_nir, write_nir
from spikec.frontends.nir import read_nir
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.conventions import LOIHI
from spikec.ir.fixed_neurons import CubaFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, Source
from spikec.passes.pipelines import compile_network
from spikec.program import Program
from spikec.random.networks import random_inputs, random_program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from tests.float_networks import DT, random_network
from tests.float_networks import random_inputs as float_inputs
from tests.nir_files import read_as_others_do

IDEAL = load_target("ideal")
N_TICKS = 30


def _rasters(program, inputs):
    result = run(ReferenceBackend(), program, inputs, N_TICKS)
    return {name: events.raster(N_TICKS) for name, events in result.spikes.items()}


def _program(neuron, weights, delays=None, dt=DT, scales=None):
    network = Network(
        (Population("in", Source(), (weights.shape[1],)), Population("n", neuron, (weights.shape[0],))),
        (Projection("q", "in", "n", Dense(weights), delays or Delays(np.zeros((), np.int64))),),
        ("in",),
        ("n",),
        Ticks(dt, LOIHI),
    )
    return Program(network, load_target("loihi2"), scales=scales or {})


def test_numbers_are_in_the_users_units(tmp_path):
    mantissa = np.array([[10, -20, 30], [40, 0, 6]])
    neuron = CubaFixed(du=1023, dv=512, vth=100, bias_mant=[0, 0])
    scale = np.array([128.0, 256.0])
    weights = Fixed(mantissa, FixedFormat(8, exponent=2))
    program = _program(neuron, weights, scales={"n": scale})
    plain, _ = dequantised(program)
    (q,) = plain.projections
    np.testing.assert_allclose(q.connectivity.weights * DT, mantissa * 4 * 64 / scale[:, None])
    k = plain.population("n").neuron
    assert isinstance(k, CubaLif)
    np.testing.assert_allclose(k.threshold * scale, 6400.5)
    np.testing.assert_allclose([1 - DT / k.tau_syn, 1 - DT / k.tau_mem], [1 - 1024 / 4096, 1 - 512 / 4096])


@pytest.mark.parametrize(
    ("neuron", "expected"),
    [
        (CubaFixed(4095, 0, 10), If),
        (CubaFixed(4095, [0, 5], 10), Lif),
        (CubaFixed([4095, 1], 0, 10), CubaLif),
        (CubaFixed(4095, 5, 131071), LiReadout),
        (CubaFixed(7, 5, 131071), LiReadout),
    ],
)
def test_a_chips_neuron_becomes_the_plainest_one_that_computes_it(neuron, expected):
    program = _program(neuron, Fixed(np.ones((2, 2), np.int64) * 2))
    assert isinstance(dequantised(program)[0].population("n").neuron, expected)


def test_the_integers_are_in_the_metadata_of_the_nodes(tmp_path):
    mantissa = np.array([[10, -20, 30], [40, 0, 6]])
    neuron = CubaFixed(du=1023, dv=512, vth=[100, 90], inclusive=1)
    delays = Delays(np.array([0, 5, 62]), DelayKind.AXONAL)
    write_nir(
        export_nir(_program(neuron, Fixed(mantissa, FixedFormat(8, exponent=-3)), delays)), tmp_path / "p.nir"
    )
    graph = nir.read(tmp_path / "p.nir")
    stored = graph.nodes["q"].metadata
    np.testing.assert_array_equal(stored["mantissa"], mantissa)
    assert (stored["exponent"], stored["sign"], stored["bits"]) == (-3, "mixed", 8)
    np.testing.assert_array_equal(stored["delays"], [0, 5, 62])
    np.testing.assert_allclose(graph.nodes["q.before"].delay, np.array([0, 5, 62]) * DT)
    for name, value in {"du": 1023, "dv": 512, "vth": [100, 90], "inclusive": 1, "bias_mant": 0}.items():
        np.testing.assert_array_equal(graph.nodes["n"].metadata[name], value)
    assert "compiled program" in graph.metadata["notes"]


def test_the_integers_of_a_list_of_synapses_are_a_matrix_too(tmp_path):
    weights = Fixed(np.array([10, 20, 30]), FixedFormat(8))
    delays = Delays(np.array([1, 2, 3]), DelayKind.SYNAPTIC)
    program = _program(CubaFixed(4095, 0, 10), Fixed(np.zeros((2, 3), np.int64)))
    (q,) = program.network.projections
    listed = sparse(3, 2, [0, 0, 1], [0, 1, 1], weights)
    network = replace(program.network, projections=(replace(q, connectivity=listed, delays=delays),))
    export = export_nir(replace(program, network=network))
    stored = export.graph.nodes["q.000"].metadata
    np.testing.assert_array_equal(stored["mantissa"], [[10, 0, 0], [20, 30, 0]])
    np.testing.assert_array_equal(stored["delays"], [[1, 0, 0], [2, 3, 0]])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=101)  # an input that feeds nobody, and a cycle of all others
def test_neurons_that_only_add_up_spike_as_on_the_chip(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, pairs=False, max_neurons=6, max_delay=5)
    plain = {}
    for p in program.network.populations:
        if not p.is_source:
            adding = replace(p.neuron, du=4095, dv=0, vth=np.clip(p.neuron.vth, 1, NEVER - 1))
            plain[p.name] = replace(p, neuron=adding)
    weights = {}
    for q in program.network.projections:
        k = q.connectivity.weights
        mild = Fixed(k.mantissa, replace(k.format, exponent=int(np.clip(k.format.exponent, 0, 3))))
        weights[q.name] = replace(q, connectivity=q.connectivity.with_weights(mild))
    network = program.network.with_populations(plain).with_projections(weights)
    scales = {name: np.full(p.n, rng.uniform(10, 1000)) for name, p in plain.items()}
    program = replace(program, network=network, scales=scales)
    path = tmp_path_factory.mktemp("nir") / "p.nir"
    export = export_nir(program)
    write_nir(export, path)
    read_as_others_do(export, path)
    inputs = random_inputs(rng, program, 2, N_TICKS)
    assume(not _stops_below(program, inputs))
    chip, real = _rasters(program, inputs), _rasters(Program(read_nir(path), IDEAL), inputs)
    for name, raster in chip.items():
        np.testing.assert_array_equal(real[name], raster, err_msg=name)


def _stops_below(program, inputs):
    """Whether a membrane gets to the lower end of 24 bits, where a chip's stops and a real number goes on."""
    names = [f"{p.name}.v" for p in program.network.populations if not p.is_source]
    traces = run(ReferenceBackend(), program, inputs, N_TICKS, record=names).traces
    return any(v.min() <= 1 - 2**23 for v in traces.values())


def test_a_neuron_of_the_largest_threshold_that_feeds_nobody_is_a_readout():
    """The chip's spikes where its membrane stops at 24 bits, 63 above the threshold; a readout never does."""
    program = _program(
        CubaFixed(du=4095, dv=0, vth=NEVER), Fixed(np.array([[254]]), FixedFormat(8, exponent=3))
    )
    network, _ = dequantised(program)
    assert isinstance(network.population("n").neuron, LiReadout)


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_compiled_network_spikes_nearly_as_on_the_chip_helpers_too(tmp_path, recurrent):
    rng = np.random.default_rng(7)
    network = random_network(rng, Ticks(DT), kinds=("cuba",), recurrent=recurrent, max_delay=4)
    biased = {
        p.name: replace(p, neuron=replace(p.neuron, current_bias=np.full(p.n, 2000.0)))
        for p in network.populations
        if isinstance(p.neuron, CubaLif)
    }
    program = compile_network(network.with_populations(biased), load_target("loihi2"))
    write_nir(export_nir(program), tmp_path / "p.nir")
    nir.read(tmp_path / "p.nir")
    back = read_nir(tmp_path / "p.nir")
    assert {p.name for p in back.populations} == {p.name for p in program.network.populations}
    assert any(p.name.endswith(".bias") for p in back.populations)
    inputs = {name: e.to_ticks(DT) for name, e in float_inputs(rng, network, 8, N_TICKS).items()}
    parts = replace(program, shards={})
    chip, real = _rasters(parts, inputs), _rasters(Program(back, IDEAL), inputs)
    n_spikes = sum(int(r.sum()) for r in chip.values())
    n_wrong = sum(int(np.sum(chip[name] != real[name])) for name in chip)
    assert n_spikes > 500
    assert n_wrong <= 0.05 * n_spikes


def test_neurons_that_keep_pairs_are_refused():
    weights = Fixed(np.ones((2, 2), np.int64) * 2)
    program = _program(CubaFixed(100, 5, 50), weights)
    theta = Population("osc", ThetaFixed(1, 1, 1, 0, 1, 0), (1,))
    network = replace(program.network, populations=(*program.network.populations, theta))
    with pytest.raises(TargetError) as caught:
        export_nir(replace(program, network=network))
    assert [(v.where, v.got) for v in caught.value.violations] == [("osc", "ThetaFixed")]


def test_a_bias_of_a_chips_membrane_is_sent_by_a_neuron_that_spikes_once(tmp_path):
    program = _program(CubaFixed(0, 0, 131071, bias_mant=[640, -320]), Fixed(np.zeros((2, 2), np.int64)))
    write_nir(export_nir(program), tmp_path / "p.nir")
    nir.read(tmp_path / "p.nir")
    back = read_nir(tmp_path / "p.nir")
    silence = {"in": from_raster(np.zeros((1, 20, 2), bool))}
    found = run(ReferenceBackend(), Program(back, IDEAL), silence, 20, ["n.v"]).traces["n.v"][0]
    expected = np.array([10.0, -5.0]) * np.arange(1, 21)[:, None]
    np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-12)

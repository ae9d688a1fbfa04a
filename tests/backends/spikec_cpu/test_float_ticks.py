"""The engine of float ticks against the reference: equal in every bit, in float64 and in float32."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend, run
from spikec.errors import EventsError, NetworkError, SpikecError, TargetError, UsageError
from spikec.events import no_events
from spikec.ir.connectivity import Convolution, DelayKind, Delays, Dense
from spikec.ir.conventions import Convention
from spikec.ir.convolution import Axis
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Lif, QifExp, Source, Theta
from spikec.program import Program
from spikec.random.networks import random_continuous, random_program
from spikec.random.ticks import random_counts, random_ticks
from spikec.rasters import from_counts, from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from tests import contract

DT = 1e-3
ENGINES = pytest.mark.parametrize("engine", [CpuBackend, ReferenceBackend])


@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(0, 5),
    n_ticks=st.integers(1, 40),
    precision=st.sampled_from([64, 32]),
)
@settings(max_examples=150)
def test_equals_the_reference_in_every_bit_on_any_random_network(seed, n_samples, n_ticks, precision):
    program, inputs = drawn(seed, n_samples)
    record = contract.all_membranes(program)
    expected = answer(ReferenceBackend(precision), program, inputs, n_ticks, record)
    got = answer(CpuBackend(threads=2, precision=precision), program, inputs, n_ticks, record)
    if isinstance(expected, SpikecError):
        assert isinstance(got, SpikecError)
    else:
        contract.assert_same_results(got, expected)
        assert got.meta["precision"] == expected.meta["precision"] == precision
        assert {t.dtype for t in got.traces.values()} <= {np.dtype(f"f{precision // 8}")}


@pytest.mark.parametrize("seed", [1, 2, 4, 6, 8])
def test_keeps_the_contract_of_all_backends(seed):
    program, inputs = drawn(seed)
    contract.assert_equals_reference(CpuBackend(), program, inputs, 40)
    contract.assert_repeatable(CpuBackend(), program, inputs, 40)
    once = {name: from_raster(e.raster(30)) for name, e in inputs.items()}
    contract.assert_samples_are_independent(CpuBackend(), program, once, 40)


@pytest.mark.parametrize("name", ["other", "in"])
def test_refuses_inputs_that_do_not_fit(name):
    executable = CpuBackend().prepare(pair(If(1.0), [[1.0, 1.0]]))
    with pytest.raises(EventsError):
        executable.run({name: no_events(1, 2 if name == "other" else 3)}, 4)


@pytest.mark.parametrize("key", ["net.0.u", "net.0", "nowhere.v", "in.v"])
def test_refuses_to_record_what_does_not_exist(key):
    executable = CpuBackend().prepare(pair(If(1.0), [[1.0]]))
    with pytest.raises(NetworkError):
        executable.run({"in": no_events(1, 1)}, 4, [key])


@pytest.mark.parametrize("threads", [1, 3])
def test_many_samples_in_many_batches_equal_the_reference(threads):
    program, inputs = drawn(1, n_samples=300, n_ticks=10)
    contract.assert_equals_reference(CpuBackend(threads), program, inputs, 10)


def test_larger_layers_equal_the_reference():
    """Wide enough for vector instructions and their remainders."""
    rng = np.random.default_rng(0)
    program = pair(Lif(8e-3, 0.7), rng.normal(0.02, 0.2, (77, 53)), loop=rng.normal(0, 0.2, (77, 77)))
    inputs = {"in": from_counts(rng.poisson(0.1, (3, 60, 53)))}
    for precision in (64, 32):
        record = contract.all_membranes(program)
        expected = ReferenceBackend(precision).prepare(program).run(inputs, 60, record)
        assert expected.spikes["net.0"].n_events > 1000
        got = CpuBackend(precision=precision).prepare(program).run(inputs, 60, record)
        contract.assert_same_results(got, expected)


@pytest.mark.parametrize("kind", [k for k in DelayKind if k is not DelayKind.UNIFORM])
def test_a_convolution_along_three_axes_equals_its_list_of_synapses(kind):
    rng = np.random.default_rng(1)
    axes = (Axis(4, 2, 2, 1, 0), Axis(3, 2, 1, 0, 1, 2), Axis(5, 3, 2, 1, 1))
    slid = Convolution(rng.normal(0.2, 0.5, (6, 2, 2, 2, 3)), axes, groups=2)
    shapes = {DelayKind.AXONAL: (slid.n_pre,), DelayKind.DENDRITIC: (slid.n_post,)}
    delays = Delays(rng.integers(0, 4, shapes.get(kind, slid.weights.shape)), kind)
    inputs = {"in": from_counts(rng.poisson(0.2, (2, 20, slid.n_pre)))}
    results = []
    for connectivity, late in ((slid, delays), (slid.unrolled(), delays.unrolled(slid))):
        network = pair(Lif(8e-3, 0.7), np.zeros((slid.n_post, slid.n_pre))).network
        q = replace(network.projections[0], connectivity=connectivity, delays=late)
        program = Program(replace(network, projections=(q,)), load_target("ideal"))
        results.append(CpuBackend().prepare(program).run(inputs, 25, ["net.0.v"]))
    contract.assert_same_results(*results)
    assert results[0].spikes["net.0"].n_events > 100


@ENGINES
@pytest.mark.parametrize("delays", [Delays(0), Delays([1, 0, 2, 0], DelayKind.AXONAL)])
def test_what_arrives_is_added_by_presynaptic_neuron(engine, delays):
    """1 is lost beside 1e16 unless the two cancel first; a delay puts what left earlier in front."""
    weights = np.array([[1e16, 1.0, -1e16, 1.0]])
    given_ = np.zeros((1, 4, 4), np.int64)
    given_[0, [2 - d for d in np.broadcast_to(delays.values, 4)], range(4)] = 1
    program = pair(If(1e20), weights, delays=delays)
    result = engine().prepare(program).run({"in": from_counts(given_)}, 4, ["net.0.v"])
    order = np.argsort(-np.broadcast_to(delays.values, 4), kind="stable")
    total = 0.0
    for w in weights[0, order]:
        total += w
    assert result.traces["net.0.v"][0, 2, 0] == total
    assert total == (1.0 if delays.kind is DelayKind.UNIFORM else 2.0)


@ENGINES
def test_sums_of_projections_are_made_apart(engine):
    """(0.1 + 0.2) + 0.3 in one projection is not 0.1 + (0.2 + 0.3) in two."""
    one = pair(If(9.0), [[0.1, 0.2, 0.3]])
    two = pair(If(9.0), [[0.1, 0.0, 0.0]], more=[[0.0, 0.2, 0.3]])
    inputs = {"in": from_counts(np.ones((1, 1, 3)))}
    got = [engine().prepare(p).run(inputs, 1, ["net.0.v"]).traces["net.0.v"].item() for p in (one, two)]
    assert got == [0.1 + 0.2 + 0.3, 0.1 + (0.2 + 0.3)]
    assert got[0] != got[1]


@ENGINES
def test_float32_rounds_every_result(engine):
    """As numpy's own float32 does, step by step."""
    keep = np.float32(1 - DT / 7e-3)
    v, expected = np.float32(0), []
    for _ in range(20):
        v = np.float32(np.float32(keep * v) + np.float32(0.1))
        expected.append(v)
    inputs = {"in": from_counts(np.ones((1, 20, 1)))}
    program = pair(Lif(7e-3, 9.0), [[0.1]])
    got = engine(precision=32).prepare(program).run(inputs, 20, ["net.0.v"]).traces["net.0.v"]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[0, :, 0], expected)
    exact = engine().prepare(program).run(inputs, 20, ["net.0.v"]).traces["net.0.v"]
    assert exact.dtype == np.float64
    assert 0 < abs(exact[0, -1, 0] - v) < 1e-6


@ENGINES
def test_several_spikes_of_a_neuron_in_a_tick_count_each(engine):
    program = pair(If(1.0), [[0.75]], Convention(multi_spike=True, reset="subtract"))
    result = engine().prepare(program).run({"in": from_counts(np.full((1, 1, 1), 5))}, 1, ["net.0.v"])
    # 5 * 0.75 = 3.75 holds the threshold three times.
    assert result.spikes["net.0"].times.tolist() == [0, 0, 0]
    assert result.traces["net.0.v"].item() == 0.75
    assert result.spikes["net.0"].multiple
    assert (result.counters.total("spikes"), result.counters.total("synaptic_events")) == (8, 5)


@ENGINES
@pytest.mark.parametrize(("precision", "weight"), [(64, 1e308), (32, 3e38)])
def test_a_membrane_that_grows_beyond_all_numbers_is_told_of(engine, precision, weight):
    program = pair(If(1.1 * weight), [[weight]])
    inputs = {"in": from_counts(np.ones((1, 2, 1)))}
    with pytest.raises(NetworkError, match=r"membrane of population net\.0 grows beyond all numbers; weaken"):
        engine(precision=precision).prepare(program).run(inputs, 2)


@ENGINES
def test_a_storm_of_spikes_is_told_of(engine):
    program = pair(If(1e-6), [[1.0]], Convention(multi_spike=True))
    with pytest.raises(UsageError, match=r"population net\.0 would spike 1e\+06 times in one tick, and 6553"):
        engine().prepare(program).run({"in": from_counts(np.ones((1, 1, 1)))}, 1)


@pytest.mark.parametrize("neuron", [Theta(0.02), QifExp(0.02)])
def test_quadratic_neurons_are_sent_to_the_reference(neuron):
    program = pair(neuron, [[1.0]])
    (violation,) = CpuBackend().unsupported(program)
    assert violation.got == type(neuron).__name__
    assert "--backend reference" in violation.advice
    assert ReferenceBackend().unsupported(program) == []
    (violation,) = ReferenceBackend(precision=32).unsupported(program)
    assert violation.limit == f"64 bits for a {type(neuron).__name__}"


@ENGINES
@pytest.mark.parametrize("draw", [random_continuous, random_program])
def test_only_float_ticks_have_a_choice_of_precision(engine, draw):
    program = draw(np.random.default_rng(0))
    assert engine().unsupported(program) == []
    inputs = {name: no_events(1, program.network.population(name).n) for name in program.network.inputs}
    with pytest.raises(TargetError, match="precision is 32 bits, allowed is 64 bits; leave"):
        run(engine(precision=32), program, inputs, 1)


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_a_precision_that_does_not_exist_is_refused(name):
    with pytest.raises(UsageError, match="precision of 16 bits is impossible; give 64 or 32"):
        find_backend(name, precision=16)


def test_a_uniform_delay_of_any_length_costs_nothing():
    program = pair(If(0.5), [[1.0]], delays=Delays(1 << 40))
    assert CpuBackend().unsupported(program) == []
    inputs = {"in": from_counts(np.ones((1, 3, 1)))}
    assert CpuBackend().prepare(program).run(inputs, 3).spikes["net.0"].n_events == 0


def test_a_ring_of_delays_that_is_too_long_is_reported():
    program = pair(If(0.5), [[1.0, 1.0]], delays=Delays([0, 1 << 40], DelayKind.AXONAL))
    (violation,) = CpuBackend().unsupported(program)
    assert violation.rule == "size"


@pytest.mark.parametrize("n_ticks", [0, -1])
def test_refuses_a_run_without_ticks(n_ticks):
    with pytest.raises(UsageError, match=f"{n_ticks} ticks"):
        CpuBackend().prepare(pair(If(0.5), [[1.0]])).run({"in": no_events(1, 1)}, n_ticks)


def pair(neuron, weights, convention=None, *, delays=None, loop=None, more=None):
    """A source "in" and a population "net.0", which may feed itself; with `more` a second projection."""
    given_ = {"a": ("in", weights), "b": ("net.0", loop), "c": ("in", more)}
    projections = tuple(
        Projection(name, pre, "net.0", Dense(np.array(w, np.float64)), delays or Delays(0))
        for name, (pre, w) in given_.items()
        if w is not None
    )
    n_post, n_pre = np.shape(weights)
    network = Network(
        (Population("in", Source(), (n_pre,)), Population("net.0", neuron, (n_post,))),
        projections,
        ("in",),
        ("net.0",),
        Ticks(DT, convention or Convention()),
    )
    return Program(network, load_target("ideal"))


def drawn(seed, n_samples=3, n_ticks=30):
    rng = np.random.default_rng(seed)
    program = random_ticks(rng)
    return program, random_counts(rng, program, n_samples, n_ticks)


def answer(backend, program, inputs, n_ticks, record=()):
    """A result, or the error of a network whose activity explodes."""
    assert backend.unsupported(program) == []
    try:
        return backend.prepare(program).run(inputs, n_ticks, record)
    except SpikecError as error:
        return error

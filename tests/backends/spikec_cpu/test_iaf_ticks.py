"""Large recurrent networks: the engine against the reference, in every bit, on any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import EventsError, NetworkError, UsageError
from spikec.ir.connectivity import DelayKind, Delays, Dense, FixedInDegree, FixedOutDegree, sparse
from spikec.ir.iaf import IafPscDelta, IafPscExp, PoissonDrive
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Lif, Source
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.random.large import DT, brunel, vogels_abbott
from spikec.rasters import from_counts
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu import iaf_synapses, lower_iaf
from spikec_cpu.backend import CpuBackend
from tests import contract

ENGINES = pytest.mark.parametrize("engine", [CpuBackend, ReferenceBackend])


@pytest.fixture(autouse=True)
def _small_networks_are_cut_too(monkeypatch):
    monkeypatch.setattr(iaf_synapses, "WORTH_A_THREAD", 1)


@pytest.mark.parametrize("make", [vogels_abbott, brunel])
@pytest.mark.parametrize("precision", [64, 32])
def test_the_large_benchmarks_equal_the_reference_on_any_number_of_threads(make, precision):
    given_, n_ticks = make(501, 80), 600
    expected = ReferenceBackend(precision).prepare(given_).run({}, n_ticks, contract.all_membranes(given_))
    assert expected.counters.total("spikes") > 100
    for threads in (1, 2, 5):
        executable = CpuBackend(threads, precision=precision).prepare(given_)
        assert len(executable.parts) == threads
        got = executable.run({}, n_ticks, contract.all_membranes(given_))
        contract.assert_same_results(got, expected)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(0, 3),
    n_ticks=st.integers(1, 60),
    threads=st.integers(1, 3),
    precision=st.sampled_from([64, 32]),
)
@settings(max_examples=60)
def test_equals_the_reference_in_every_bit_on_any_random_network(
    seed, n_samples, n_ticks, threads, precision
):
    given_, inputs = drawn(seed, n_samples, n_ticks)
    backend = CpuBackend(threads, precision=precision)
    assert backend.unsupported(given_) == []
    record = contract.all_membranes(given_)
    expected = ReferenceBackend(precision).prepare(given_).run(inputs, n_ticks, record)
    contract.assert_same_results(backend.prepare(given_).run(inputs, n_ticks, record), expected)


def test_parts_of_any_size_and_rounds_of_any_length_give_the_same(monkeypatch):
    given_ = brunel(301, 100)
    expected = ReferenceBackend().prepare(given_).run({}, 200)
    for largest, chunk_bytes in ((64, 1 << 18), (1 << 16, 1), (100, 3000)):
        monkeypatch.setattr(lower_iaf, "LARGEST_PART", largest)
        monkeypatch.setattr(lower_iaf, "ROUND_BYTES", chunk_bytes)
        contract.assert_same_results(CpuBackend(2).prepare(given_).run({}, 200), expected)


def test_synapses_in_a_file_give_the_same(tmp_path):
    given_ = brunel(301, 100)
    expected = CpuBackend(2).prepare(given_).run({}, 300)
    file = tmp_path / "synapses"
    got = CpuBackend(2, synapse_file=file).prepare(given_).run({}, 300)
    contract.assert_same_results(got, expected)
    assert file.stat().st_size == 2 * given_.network.n_synapses


def test_a_synapse_takes_two_bytes():
    executable = CpuBackend(1).prepare(brunel(2000, 400))
    (part,) = executable.parts
    assert (part.posts.dtype, part.posts.size) == (np.uint16, 800_000)
    assert part.posts.nbytes + part.starts.nbytes < 2.1 * 800_000


def test_rates_of_the_benchmarks_are_those_of_other_simulators():
    """Vogels-Abbott at 4000 neurons: 5.1 to 5.3 Hz in NEST and a plain numba loop, on other draws."""
    result = CpuBackend(1).prepare(vogels_abbott(4000)).run({}, 10_000)
    assert 4.9 < result.counters.total("spikes") / 4000 < 5.5


@ENGINES
def test_a_neuron_is_silent_in_its_refractory_period_and_its_currents_go_on(engine):
    """Every spike of an input that comes in all ticks would be answered; 3 ticks of 4 are refractory."""
    neuron = IafPscDelta(20e-3, 1.0, v_reset=-0.5, refractory=3 * DT)
    result = run(engine, neuron, [[2.0]], np.ones((1, 12, 1)))
    # An input of tick k arrives in k + 1; a spike of tick 1 waits in 2, 3 and 4, and 5 is free again.
    assert result.spikes["out"].times.tolist() == [1, 5, 9]
    beta = np.exp(-DT / 20e-3)
    v = result.traces["out.v"][0, :, 0]
    assert v.tolist() == [0.0, *[-0.5] * 11]
    assert run(engine, neuron, [[1.2]], np.ones((1, 9, 1))).traces["out.v"][0, 5, 0] == -0.5 * beta + 1.2


@ENGINES
def test_currents_follow_the_closed_form(engine):
    """One excitatory and one inhibitory spike: differences of exponentials, exact at every tick's end."""
    neuron = IafPscExp(20e-3, 5e-3, 10e-3, 1e9, -49.0, -60.0)
    counts = np.zeros((1, 200, 2))
    counts[0, 9, 0], counts[0, 29, 1] = 1, 1
    result = run(engine, neuron, [[3.0, 0.0]], counts, [[0.0, -7.0]])
    t = np.arange(200) * DT

    def course(weight, tau, begins):
        s = np.maximum(t - begins, 0)
        return weight * tau / (tau - 20e-3) * (np.exp(-s / tau) - np.exp(-s / 20e-3))

    expected = -49 + course(3.0, 5e-3, 10 * DT) + course(-7.0, 10e-3, 30 * DT)
    np.testing.assert_allclose(result.traces["out.v"][0, :, 0], expected, atol=1e-11)


@ENGINES
def test_arrivals_of_a_rule_are_counted_and_weighed_once(engine):
    """Ten times 0.1, added one by one, is not 1."""
    populations = (Population("in", Source(), (1,)), Population("out", IafPscDelta(20e-3, 9.0), (1,)))
    rule = Projection("q", "in", "out", FixedInDegree(1, 1, 10, 0.1, 0))
    net = program(Network(populations, (rule,), ("in",), ("out",), Ticks(DT, LOIHI)))
    result = engine().prepare(net).run({"in": from_counts(np.ones((1, 1, 1)))}, 2, ["out.v"])
    assert result.traces["out.v"].ravel().tolist() == [0.0, 0.1 * 10]
    assert np.cumsum([0.1] * 10)[-1] != 0.1 * 10
    assert result.counters.total("synaptic_events") == 10


@ENGINES
def test_a_drive_is_poisson_and_another_in_every_sample_and_tick(engine):
    neuron = IafPscDelta(1e9, 1e9, drive=PoissonDrive(1.7 / DT, 1.0, 5))
    result = run(engine, neuron, np.zeros((301, 1)), np.zeros((2, 40, 1)))
    counts = np.diff(result.traces["out.v"], axis=1, prepend=0.0)
    rounded = np.rint(counts)
    np.testing.assert_allclose(counts, rounded, atol=1e-6)
    # 24,080 numbers: mean and variance give or take five standard deviations.
    assert abs(rounded.mean() - 1.7) < 5 * np.sqrt(1.7 / rounded.size)
    assert abs(rounded.var() - 1.7) < 5 * np.sqrt((1.7 + 2 * 1.7**2) / rounded.size)
    flat = rounded.reshape(2 * 40, 301)
    together = np.corrcoef(flat) - np.eye(80)
    assert np.abs(together).max() < 6 / np.sqrt(301)


@ENGINES
@pytest.mark.parametrize("weight", [1e308, -1e308])
def test_a_membrane_that_grows_beyond_all_numbers_is_told_of(engine, weight):
    neuron = IafPscDelta(20e-3, 1.7e308)
    with pytest.raises(NetworkError, match="membrane of population out grows beyond all numbers"):
        run(engine, neuron, [[weight, weight]], np.ones((1, 5, 2)))


def test_what_the_engine_cannot_run_is_sent_to_the_reference():
    source, own = Population("in", Source(), (3,)), Population("out", IafPscDelta(20e-3, 1.0), (3,))
    other = Population("lif", Lif(20e-3, 1.0), (3,))
    rule = FixedInDegree(3, 3, 2, 1.0, 0)

    def found(populations, *projections):
        net = Network(populations, projections, ("in",), ("out",), Ticks(DT, LOIHI))
        return [(v.rule, v.where) for v in CpuBackend().unsupported(program(net))]

    assert found((source, own), Projection("q", "in", "out", rule)) == []
    assert found((source, own, other)) == [("neuron in float ticks", "population lif")]
    late = Projection("q", "in", "out", rule, Delays([1, 2, 3], DelayKind.AXONAL))
    assert found((source, own), late) == [("delay", "projection q")]
    many = Projection("q", "in", "out", FixedInDegree(3, 3, 70_000, 1.0, 0))
    assert found((source, own), many) == [("connectivity", "projection q")]
    plain = Network((source, other), (Projection("q", "in", "lif", rule),), ("in",), ("lif",), Ticks(DT))
    (violation,) = CpuBackend().unsupported(program(plain))
    assert violation.where == "projection q"
    inputs = {"in": from_counts(np.ones((1, 3, 3)))}
    assert ReferenceBackend().prepare(program(plain)).run(inputs, 3).counters.total("synaptic_events") == 18


def test_inputs_that_would_overflow_the_numbers_of_arrivals_are_refused():
    populations = (Population("in", Source(), (1,)), Population("out", IafPscDelta(20e-3, 1.0), (1,)))
    rule = Projection("q", "in", "out", FixedInDegree(1, 1, 60_000, 1.0, 0))
    net = program(Network(populations, (rule,), ("in",), ("out",), Ticks(DT, LOIHI)))
    with pytest.raises(EventsError, match="spikes 2 times in one tick, and through q more than 65535"):
        CpuBackend().prepare(net).run({"in": from_counts(np.full((1, 1, 1), 2))}, 3)


def test_what_does_not_fit_is_refused_before_it_starts(monkeypatch, tmp_path):
    monkeypatch.setattr(iaf_synapses, "free_bytes", lambda: 10**9)
    huge = brunel(1_000_000, 10_000)
    with pytest.raises(
        UsageError, match=r"needs 20\..* GB of memory, and 1 GB are free; lower its 10,000,000,"
    ):
        CpuBackend(2).prepare(huge)
    with pytest.raises(UsageError, match=r"needs .* of memory"):
        CpuBackend(2, synapse_file=tmp_path / "x").prepare(brunel(60_000_000, 2))
    with pytest.raises(UsageError, match="there is no folder"):
        CpuBackend(2, synapse_file=tmp_path / "nowhere" / "x").prepare(huge)


def run(engine, neuron, weights, counts, more=None):
    """A source "in" through one or two matrices to a population "out"."""
    n_post, n_pre = np.shape(weights)
    populations = (Population("in", Source(), (n_pre,)), Population("out", neuron, (n_post,)))
    matrices = [w for w in (weights, more) if w is not None]
    projections = [Projection(f"q{k}", "in", "out", Dense(np.array(w))) for k, w in enumerate(matrices)]
    net = program(Network(populations, projections, ("in",), ("out",), Ticks(DT, LOIHI)))
    inputs = {"in": from_counts(np.asarray(counts, np.int64))}
    return engine().prepare(net).run(inputs, np.shape(counts)[1], ["out.v"])


def drawn(seed, n_samples, n_ticks):
    """Populations of both types, driven or not, with rules and lists between them and from an input."""
    rng = np.random.default_rng(seed)
    names = [f"net.{k}" for k in range(int(rng.integers(1, 4)))]
    sizes = {name: int(rng.integers(1, 40)) for name in ("in", *names)}
    neurons = {name: _neuron(rng, sizes[name]) for name in names}
    pairs = [(str(rng.choice(list(sizes))), str(rng.choice(names))) for _ in range(int(rng.integers(1, 7)))]
    projections = [
        Projection(
            f"{k}", a, b, _connectivity(rng, sizes[a], sizes[b]), Delays(int(rng.choice([0, 1, 4, 9])))
        )
        for k, (a, b) in enumerate(pairs)
    ]
    populations = [Population("in", Source(), (sizes["in"],))]
    populations += [Population(name, neurons[name], (sizes[name],)) for name in names]
    net = Network(populations, projections, ("in",), tuple(names), Ticks(DT, LOIHI))
    rates = rng.choice([0.0, 0.05, 1.2], n_samples)[:, None, None]
    return program(net), {"in": from_counts(rng.poisson(rates, (n_samples, n_ticks, sizes["in"])))}


def _neuron(rng, n):
    drive = (
        None if rng.random() < 0.4 else PoissonDrive(rng.exponential(1.0) / DT, rng.normal(0, 0.4), seed=3)
    )
    common = {
        "threshold": 1.0,
        "v_leak": rng.normal(0, 0.6),
        "v_reset": rng.choice([0.0, -0.7, 1.1]),
        "refractory": DT * rng.choice([0, 1, 5, 30]),
        "v_init": rng.normal(0, 1, n) if rng.random() < 0.5 else None,
        "drive": drive,
    }
    taus = DT * np.exp(rng.uniform(0, 4, 3))
    if rng.random() < 0.5:
        return IafPscDelta(taus[0], **common)
    return IafPscExp(*taus, **common)


def _connectivity(rng, n_pre, n_post):
    sign = rng.choice([-1.0, 1.0])
    kind = rng.choice(["in", "out", "dense", "sparse"])
    if kind in ("in", "out"):
        rule = FixedInDegree if kind == "in" else FixedOutDegree
        return rule(
            n_pre, n_post, int(rng.integers(0, 12)), sign * rng.choice([0.0, 0.1, 0.9]), int(seed_of(rng))
        )
    weights = sign * np.abs(rng.normal(0.2, 0.4, (n_post, n_pre))) * (rng.random((n_post, n_pre)) < 0.6)
    if kind == "dense":
        return Dense(weights)
    post, pre = np.nonzero(weights)
    return sparse(n_pre, n_post, pre, post, weights[post, pre])


def seed_of(rng):
    """A seed from the whole range."""
    return rng.integers(0, 2**64 - 1, dtype=np.uint64)


def program(net):
    """A network as engines take it."""
    return Program(verify(net), load_target("ideal"))

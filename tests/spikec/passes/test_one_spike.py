"""One spike: self-inhibition does what the promise says, for as long as a sample takes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.coding import Decoding, Readout
from spikec.events import from_dense_times, from_rows, same
from spikec.ir.bounds import once_spiking
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, Lif, Ramp, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.one_spike import OneSpike
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from tests.float_networks import DT, answer, random_inputs

seeds = st.integers(0, 2**32 - 1)
LOIHI2 = load_target("loihi2")


def _chip_network(rng, n_ticks, *, bias=True, low=0.1, leaks=True):
    """Populations that promise one spike, of any decays, connected in any way."""
    sizes = {"in": 3, "a": 3, "b": 2}
    populations = [Population("in", Source(True), (3,))]
    for name in ("a", "b"):
        n = sizes[name]
        ramp = rng.random(n) < rng.choice([0.0, 0.5, 1.0])
        fades = leaks and rng.random() < 0.6
        neuron = CubaTicks(
            decay_u=np.where(ramp, rng.integers(1, 1500, n) if fades else 1, 4096),
            decay_v=np.where(ramp, rng.integers(0, 300, n), rng.integers(0, 300, n) if fades else 0),
            threshold=rng.uniform(low, 2.0, n) * np.where(ramp, 10, 1),
            bias=rng.uniform(-0.2, 0.2, n) * bias,
            current_bias=rng.uniform(-0.02, 0.02, n) * bias * (rng.random() < 0.3),
            one_spike=True,
        )
        populations.append(Population(name, neuron, (n,)))
    projections = []
    for k in range(int(rng.integers(2, 6))):
        pre, post = str(rng.choice(["in", "in", "a", "b"])), str(rng.choice(["a", "b"]))
        weights = rng.normal(0.2, 1.0, (sizes[post], sizes[pre]))
        delay = np.array(int(rng.integers(0, 5)) * DT)
        projections.append(Projection(f"q{k}", pre, post, Dense(weights), Delays(delay)))
    clock = Ticks(DT, LOIHI)
    network = Network(tuple(populations), tuple(projections), ("in",), ("a", "b"), clock)
    return Program(network, LOIHI2, n_ticks=n_ticks)


@settings(max_examples=50)
@given(seeds, st.sampled_from([10, 40, 150]))
def test_inhibition_silences_exactly_the_later_spikes(seed, n_ticks):
    rng = np.random.default_rng(seed)
    program = _chip_network(rng, n_ticks)
    inhibited = OneSpike().apply(program)
    assert not inhibited.violations
    inputs = random_inputs(rng, program.network, 2, n_ticks)
    before, after = answer(program, inputs, n_ticks).spikes, answer(inhibited, inputs, n_ticks).spikes
    for name in ("a", "b"):
        assert same(before[name], after[name])
        assert after[name].counts().max() <= 1


def test_thresholds_below_zero_are_outweighed_too():
    """Such a neuron spikes by itself, without any input to set the inhibition by."""
    rng = np.random.default_rng(0)
    for seed in range(20):
        program = _chip_network(np.random.default_rng(seed), 30, low=-1.0)
        inputs = random_inputs(rng, program.network, 1, 30)
        before, after = (answer(p, inputs, 30).spikes for p in (program, OneSpike().apply(program)))
        assert all(same(before[name], after[name]) for name in before)


def _single(neuron, n_ticks, weights=(0.7, 0.7), one_spike_inputs=True):
    n = neuron.decay_u.size
    network = Network(
        (Population("in", Source(one_spike_inputs), (2,)), Population("out", neuron, (n,))),
        (Projection("q", "in", "out", Dense(np.array([weights] * n))),),
        ("in",),
        ("out",),
        Ticks(DT, LOIHI),
    )
    return Program(network, LOIHI2, n_ticks=n_ticks)


@pytest.mark.parametrize("n_ticks", [100, 4000, 9000])
def test_a_leaking_inhibition_still_holds_when_the_last_input_comes(n_ticks):
    """The first input makes the neuron spike; the second comes at the end, when the inhibition has leaked."""
    program = OneSpike().apply(_single(CubaTicks(1, 0, 0.5, one_spike=True), n_ticks))
    late = from_rows([0, 0], [0.0, (n_ticks - 50) * DT], [0, 1], n_samples=1, n_neurons=2)
    assert answer(program, {"in": late}, n_ticks).spikes["out"].n_events == 1


def test_a_bias_that_lifts_the_membrane_in_every_tick_is_outweighed_for_the_whole_sample():
    neuron = CubaTicks(4096, 0, 1.0, bias=0.3, one_spike=True)
    program = OneSpike().apply(_single(neuron, 500))
    silence = from_rows([], [], [], n_samples=1, n_neurons=2)
    assert answer(program, {"in": silence}, 500).spikes["out"].n_events == 1


@pytest.mark.parametrize(
    ("neuron", "n_ticks", "inputs_once", "got"),
    [
        (CubaTicks(40, 0, 1.0, one_spike=True), None, True, "a current or membrane that fades"),
        (CubaTicks(4096, 1, 1.0, one_spike=True), None, True, "a current or membrane that fades"),
        (CubaTicks([1, 4096], [0, 0], 1.0, one_spike=True), None, True, "a current or membrane that fades"),
        (CubaTicks(4096, 0, 1.0, one_spike=True), None, False, "input from neurons that may spike again"),
        (CubaTicks(4096, 0, 1.0, bias=0.1, one_spike=True), None, True, "a bias that lifts"),
        (CubaTicks(4096, 4000, 1.0, one_spike=True), 500, True, "501 inhibitions must follow"),
    ],
)
def test_promises_that_cannot_be_kept_are_reported(neuron, n_ticks, inputs_once, got):
    program = _single(neuron, n_ticks, one_spike_inputs=inputs_once)
    applied = OneSpike().apply(program)
    (violation,) = applied.violations
    assert violation.where == "out"
    assert got in violation.got
    assert len(applied.network.projections) == 1


def test_unpromised_neurons_and_those_that_nothing_excites_stay_as_they_are():
    program = _single(CubaTicks(40, 7, 1.0), 64)
    assert OneSpike().apply(program).network.projections == program.network.projections
    silent = _single(CubaTicks(1, 0, 1.0, one_spike=True), 64, weights=(-1.0, -0.5), one_spike_inputs=False)
    applied = OneSpike().apply(silent)
    assert not applied.violations
    assert applied.network.projections == silent.network.projections
    assert applied.once == ("out",)


@pytest.mark.parametrize("decay", [1, 60, 900])
def test_inputs_that_spike_again_and_again_are_outweighed_where_the_length_is_known(decay):
    program = OneSpike().apply(
        _single(CubaTicks(decay, 30, 0.5, one_spike=True), 100, one_spike_inputs=False)
    )
    saturated = from_rows(np.zeros(200, int), *_all_ticks(100), n_samples=1, n_neurons=2)
    assert not program.violations
    assert answer(program, {"in": saturated}, 100).spikes["out"].n_events == 1


def _all_ticks(n_ticks):
    """Times and neurons of two sources that spike in every tick."""
    ticks, neurons = np.nonzero(np.ones((n_ticks, 2)))
    return ticks * DT, neurons


def test_every_neuron_reaches_itself_alone():
    program = OneSpike().apply(_chip_network(np.random.default_rng(0), 64, leaks=False))
    for name in ("a", "b"):
        matrix = next(
            q for q in program.network.projections if q.name == f"{name}.once"
        ).connectivity.dense_matrix()
        assert np.all(np.diag(matrix) < 0)
        assert np.count_nonzero(matrix) == len(matrix)
    assert not any(
        getattr(p.neuron, "one_spike", False) for p in program.network.populations if p.name != "in"
    )


def test_who_inhibits_itself_is_written_down():
    program = OneSpike().apply(_chip_network(np.random.default_rng(0), 64))
    assert program.once == ("a", "b")
    assert OneSpike().apply(_single(CubaTicks(40, 7, 1.0), 64)).once == ()


def test_an_inhibition_that_few_bits_would_round_away_is_kept():
    """To share a threshold the first neuron's inhibition grows ninefold; nearest to the second's is none."""
    k = CubaTicks(1, 0, [1.0, 9.0], one_spike=True)
    network = Network(
        (Population("in", Source(True), (1,)), Population("out", k, (2,))),
        (Projection("q", "in", "out", Dense(np.array([[0.5], [4.5]]))),),
        ("in",),
        ("out",),
        Ticks(DT, LOIHI),
    )
    assert not compile_network(network, LOIHI2, CompileOptions(n_ticks=30)).violations
    program = compile_network(network, LOIHI2, CompileOptions(n_ticks=30, bits=1))
    (own,) = (q.connectivity.dense_matrix() for q in program.network.projections if q.name == "out.once")
    assert np.all(np.diag(own) < 0)
    assert "out" in once_spiking(program.network, 30, ())


@pytest.mark.parametrize("n_ticks", [64, 1500])
@pytest.mark.parametrize("make", [Ramp, If])
@pytest.mark.parametrize("cyclic", [False, True])
def test_compiled_promises_are_proven_and_kept(make, cyclic, n_ticks):
    rng = np.random.default_rng(3)
    size = 200.0 if make is Ramp else 1.0
    populations = (
        Population("in", Source(True), (6,)),
        *(Population(n, make(1.0, one_spike=True), (5,)) for n in "ab"),
    )
    weights = {"in-a": (5, 6), "a-b": (5, 5)} | ({"b-a": (5, 5)} if cyclic else {})
    projections = tuple(
        Projection(k, *k.split("-"), Dense(rng.normal(0.4, 1, shape) * size), Delays(np.array(2 * DT)))
        for k, shape in weights.items()
    )
    network = Network(populations, projections, ("in",), ("b",), Continuous())
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=n_ticks))
    assert {"a", "b"} <= once_spiking(program.network, n_ticks)
    spikes = answer(program, random_inputs(rng, network, 20, 64), 64).spikes
    assert spikes["a"].n_events > 50
    assert max(spikes[name].counts().max() for name in "ab") == 1


def _times(rng, n_samples, n_neurons, latest):
    """One spike a neuron: at random, all at once, in two bursts, as late as can be; now and then none."""
    times = rng.uniform(0, latest, (n_samples, n_neurons))
    times[::4] = rng.uniform(0, latest, (len(times[::4]), 1))
    bursts = rng.uniform(0, latest, (len(times[1::4]), 2))
    times[1::4] = np.take_along_axis(bursts, rng.integers(0, 2, times[1::4].shape), axis=1)
    times[2::4] = np.where(rng.random(times[2::4].shape) < 0.5, latest, times[2::4])
    times[rng.random(times.shape) < 0.05] = np.inf
    return times


def _leaky_network(rng, n_ticks, sizes, cyclic):
    """First-spike-time networks: leaking currents and membranes, real delays, weights of either sign."""
    tau_syn = rng.uniform(2, n_ticks) * DT
    neuron = CubaLif(tau_syn * rng.choice([1, 2]), tau_syn, 1.0, one_spike=True)
    names = list(sizes)
    populations = (
        Population("in", Source(True), (sizes["in"],)),
        *(Population(n, neuron, (sizes[n],)) for n in names[1:]),
    )
    pairs = [*pairwise(names), *([(names[-1], names[1])] if cyclic else [])]
    projections = tuple(
        Projection(
            f"{pre}-{post}",
            pre,
            post,
            Dense(rng.normal(0.7, 1.5, (sizes[post], sizes[pre])) * 3 / tau_syn),
            Delays(rng.uniform(0.1, 6, sizes[pre]) * DT, "axonal"),
        )
        for pre, post in pairs
    )
    return Network(populations, projections, ("in",), (names[-1],), Continuous())


@settings(max_examples=25)
@given(seeds)
def test_leaking_neurons_never_spike_again_once_they_are_integers(seed):
    """And they are proven not to, relays included."""
    rng = np.random.default_rng(seed)
    n_ticks = int(rng.integers(12, 150))
    network = _leaky_network(rng, n_ticks, {"in": 6, "a": 5, "b": 4}, rng.random() < 0.3)
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=n_ticks))
    assert {"a", "b"} <= once_spiking(program.network, n_ticks)
    times = _times(rng, 12, 6, (n_ticks - 1) * DT)
    spikes = answer(program, {"in": from_dense_times(times)}, n_ticks).spikes
    assert max(spikes[name].counts().max() for name in ("a", "b")) <= 1


@settings(max_examples=15)
@given(seeds)
def test_first_spikes_are_those_of_the_same_integers_without_inhibition(seed):
    rng = np.random.default_rng(seed)
    n_ticks = int(rng.integers(12, 100))
    network = _leaky_network(rng, n_ticks, {"in": 8, "a": 6}, cyclic=False)
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=n_ticks))
    free = replace(
        program.network,
        projections=tuple(q for q in program.network.projections if q.pre == "in" and q.post == "a"),
    )
    inputs = {"in": from_dense_times(_times(rng, 12, 8, (n_ticks - 1) * DT))}
    kept, unhindered = (
        answer(p, inputs, n_ticks).spikes["a"] for p in (program, replace(program, network=free))
    )
    np.testing.assert_array_equal(kept.first_times(), unhindered.first_times())


def test_the_random_leaking_networks_spike_and_would_spike_again():
    rng = np.random.default_rng(1)
    first, again = 0, 0
    for _ in range(10):
        network = _leaky_network(rng, 80, {"in": 8, "a": 6}, cyclic=False)
        program = DiscretizeTime(DT).apply(Program(network, LOIHI2, n_ticks=80))
        unpromised = replace(
            network.population("a"), neuron=replace(program.network.population("a").neuron, one_spike=False)
        )
        program = replace(program, network=program.network.with_populations({"a": unpromised}))
        spikes = answer(program, {"in": from_dense_times(_times(rng, 12, 8, 79 * DT))}, 80).spikes["a"]
        first, again = first + np.sum(spikes.counts() > 0), again + np.sum(spikes.counts() > 1)
    assert first > 200
    assert again > 50


@pytest.mark.parametrize(
    ("n_ticks", "decay", "n_inhibitions"),
    [
        (64, 1, 1),
        (53, 205, 1),
        (54, 205, 2),  # 0.95 a tick: after 54 ticks less than 1/16 is left
        (107, 205, 2),
        (108, 205, 3),
        (64, 2048, 13),  # a half a tick: after the fourth 1/16, so every fifth
    ],
)
def test_inhibition_is_repeated_before_a_sixteenth_is_left(n_ticks, decay, n_inhibitions):
    program = OneSpike().apply(_single(CubaTicks(decay, 100, 0.5, one_spike=True), n_ticks))
    own = [q for q in program.network.projections if q.pre == "out"]
    assert len(own) == n_inhibitions
    delays = [int(q.delays.values) for q in own]
    assert delays[0] == 0
    left = 1 - decay / 4096
    strength = -float(own[0].connectivity.weights[0])
    for k in range(n_ticks):
        assert sum(strength * left ** (k - d) for d in delays if d <= k) >= 1.4 * 2 - 1e-9


def test_a_delay_that_a_synapse_can_hold_is_preferred_to_a_relay():
    """128 ticks with 64 of memory: a second inhibition at the longest delay lasts to the end."""
    program = OneSpike().apply(_single(CubaTicks(64, 32, 0.5, one_spike=True), 193))
    assert [q.delays.longest for q in program.network.projections if q.pre == "out"] == [0, 62]
    long = _single(CubaTicks(200, 32, 0.5, one_spike=True), 400)
    program = OneSpike().apply(long)
    relays = [p.name for p in program.network.populations if "relay" in p.name]
    assert len(relays) == 5  # 63 ticks each, and the last inhibition comes after 357
    assert program.once == ("out", *relays)
    assert max(q.delays.longest for q in program.network.projections) <= 62
    alone = OneSpike(relays=False).apply(long).network
    assert [p.name for p in alone.populations] == ["in", "out"]
    assert max(q.delays.longest for q in alone.projections) > 300
    inputs = {"in": from_dense_times([[0.0, 399 * DT]])}
    for network in (alone, program.network):
        assert answer(replace(program, network=network), inputs, 400).spikes["out"].n_events == 1


def _answering(neuron, readout=Readout.FIRST, weight=9.0):
    network = Network(
        (Population("in", Source(True), (1,)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense(np.full((1, 1), weight))),),
        ("in",),
        ("out",),
        Continuous(),
        decoding=Decoding("out", readout),
    )
    return network


def test_a_promise_that_nobody_needs_is_dropped_where_it_costs_range():
    neuron = CubaLif(20 * DT, 10 * DT, 1.0, one_spike=True)
    network = _answering(neuron, weight=3 / DT)
    probe = {"in": from_dense_times([[2 * DT], [20 * DT]])}
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=80), probe)
    entry = next(e for e in program.log if e.step == "one-spike")
    assert not entry.lossless
    assert "later spikes of out stay" in entry.summary
    assert program.once == ()
    counted = replace(network, decoding=Decoding("out", Readout.COUNT))
    kept = compile_network(counted, LOIHI2, CompileOptions(dt=DT, n_ticks=80), probe)
    assert next(e for e in kept.log if e.step == "one-spike").figures["out.bits_of_range"] > 0
    assert kept.once == ("out",)
    several, single = (answer(p, probe, 80).spikes["out"] for p in (program, kept))
    assert several.counts().max() > 1
    assert single.counts().max() == 1
    np.testing.assert_array_equal(several.first_times(), single.first_times())


def test_a_promise_that_nobody_needs_is_kept_where_it_is_free_and_dropped_where_it_cannot_be_kept():
    free = compile_network(
        _answering(Ramp(1.0, one_spike=True), weight=0.1 / DT), LOIHI2, CompileOptions(dt=DT, n_ticks=30)
    )
    assert free.once == ("out",)
    fading = _single(CubaTicks(40, 30, 1.0, one_spike=True), None)
    assert OneSpike().apply(fading).violations
    unread = replace(fading, network=replace(fading.network, decoding=Decoding("out", Readout.FIRST)))
    applied = OneSpike().apply(unread)
    assert not applied.violations
    assert applied.network.projections == fading.network.projections


def test_outputs_that_other_neurons_hear_keep_their_promise():
    program = _single(CubaTicks(40, 30, 1.0, one_spike=True), 64)
    assert OneSpike().apply(program).network.projections[1:]
    network = replace(program.network, decoding=Decoding("out", Readout.FIRST))
    assert not OneSpike().apply(replace(program, network=network)).once
    heard = Projection("back", "out", "out", Dense(np.array([[-1.0]])))
    network = replace(network, projections=(*network.projections, heard))
    assert OneSpike().apply(replace(program, network=network)).once == ("out",)


@pytest.mark.parametrize("tau", [5, 20, 300])
def test_membranes_that_leak_are_kept_silent_for_many_time_constants(tau):
    """As long as no inhibition can push them out of their 24 bits, however deep; here it cannot."""
    rng = np.random.default_rng(tau)
    neuron = Lif(tau * DT, 1.0, one_spike=True)
    network = Network(
        (Population("in", Source(True), (20,)), *(Population(n, neuron, (4,)) for n in "ab")),
        (
            Projection("1", "in", "a", Dense(rng.normal(0.2, 0.5, (4, 20)))),
            Projection("2", "a", "b", Dense(np.full((4, 4), 0.6))),
        ),
        ("in",),
        ("b",),
        Continuous(),
    )
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=120))
    assert {"a", "b"} <= once_spiking(program.network, 120)
    spikes = answer(program, {"in": from_dense_times(_times(rng, 20, 20, 118 * DT))}, 120).spikes
    assert spikes["a"].n_events > 40
    assert spikes["a"].counts().max() == 1


def test_chains_of_relays_and_proofs_have_an_end():
    neuron = CubaTicks(decay_u=1, decay_v=0, threshold=1.0, one_spike=True)
    populations = (Population("in", Source(True), (1,)), Population("a", neuron, (1,)))
    q = Projection("q", "in", "a", Dense(np.ones((1, 1))))
    network = Network(populations, (q,), ("in",), ("a",), Ticks(DT, LOIHI))
    (found,) = OneSpike().apply(Program(network, LOIHI2, n_ticks=60_000)).violations
    assert (found.where, found.limit) == ("a", "at most 64")
    wide = replace(q, connectivity=Dense(np.ones((1 << 18, 1))))
    many = (populations[0], replace(populations[1], shape=(1 << 18,)))
    many = replace(network, populations=many, projections=(wide,))
    (found,) = OneSpike().apply(Program(many, LOIHI2, n_ticks=10_000)).violations
    assert found.got == "2.62e+09 neurons times ticks"

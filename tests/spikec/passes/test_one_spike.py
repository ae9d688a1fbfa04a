"""One spike: self-inhibition does what the promise says, for as long as a sample takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import TargetError
from spikec.events import from_rows, same
from spikec.ir.bounds import once_spiking
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, If, Ramp, Source
from spikec.passes.one_spike import OneSpike
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from tests.float_networks import DT, answer, random_inputs

seeds = st.integers(0, 2**32 - 1)
LOIHI2 = load_target("loihi2")


def _chip_network(rng, n_ticks, *, bias=True, low=0.1):
    """Populations that promise one spike, of currents or membranes that stay, connected in any way."""
    sizes = {"in": 3, "a": 3, "b": 2}
    populations = [Population("in", Source(True), (3,))]
    for name in ("a", "b"):
        n = sizes[name]
        ramp = rng.random(n) < rng.choice([0.0, 0.5, 1.0])
        neuron = CubaTicks(
            decay_u=np.where(ramp, 1, 4096),
            decay_v=np.where(ramp, rng.integers(0, 300, n), 0),
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
        (CubaTicks(40, 0, 1.0, one_spike=True), 64, True, "a current or membrane that fades"),
        (CubaTicks(4096, 1, 1.0, one_spike=True), 64, True, "a current or membrane that fades"),
        (CubaTicks([1, 2], [0, 0], 1.0, one_spike=True), 64, True, "a current or membrane that fades"),
        (CubaTicks(1, 0, 1.0, one_spike=True), 64, False, "input from neurons that may spike again"),
        (CubaTicks(4096, 0, 1.0, bias=0.1, one_spike=True), None, True, "a bias that lifts"),
    ],
)
def test_promises_that_cannot_be_kept_are_reported(neuron, n_ticks, inputs_once, got):
    program = _single(neuron, n_ticks, one_spike_inputs=inputs_once)
    applied = OneSpike().apply(program)
    (violation,) = applied.violations
    assert violation.where == "out"
    assert got in violation.got
    assert len(applied.network.projections) == 1


def test_unpromised_neurons_and_free_inhibition_stay_as_they_are():
    program = _single(CubaTicks(40, 7, 1.0), 64)
    assert OneSpike().apply(program).network.projections == program.network.projections
    inhibited = _single(CubaTicks(1, 0, 1.0, one_spike=True), 64, weights=(-1.0, 0.5), one_spike_inputs=False)
    assert OneSpike().apply(inhibited).violations  # the second may excite it again and again
    harmless = _single(
        CubaTicks(1, 0, 1.0, bias=0.1, one_spike=True), 64, weights=(-1.0, -0.5), one_spike_inputs=False
    )
    assert not OneSpike().apply(harmless).violations


def test_every_neuron_reaches_itself_alone():
    program = OneSpike().apply(_chip_network(np.random.default_rng(0), 64))
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


def test_an_inhibition_that_few_bits_round_away_is_reported():
    """To share a threshold the first neuron's inhibition grows ninefold; of the second's nothing is left."""
    k = CubaTicks(1, 0, [1.0, 9.0], one_spike=True)
    network = Network(
        (Population("in", Source(True), (1,)), Population("out", k, (2,))),
        (Projection("q", "in", "out", Dense(np.array([[0.5], [4.5]]))),),
        ("in",),
        ("out",),
        Ticks(DT, LOIHI),
    )
    assert not compile_network(network, LOIHI2, CompileOptions(n_ticks=30)).violations
    with pytest.raises(TargetError, match="an inhibition that rounding made too weak"):
        compile_network(network, LOIHI2, CompileOptions(n_ticks=30, bits=1))


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

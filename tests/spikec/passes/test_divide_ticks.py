"""Divide ticks: the spikes of several neurons for one tell when it would have spiked within a tick."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend, run
from spikec.coding import BinaryEncoding, Decoding, Readout
from spikec.compare import compare
from spikec.errors import EventsError, UsageError
from spikec.events import from_dense_times
from spikec.execute import execute
from spikec.inputs import check_inputs, in_own_time
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, If, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.divide_ticks import MOST_PARTS, DivideTicks, shared_delay
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from tests.float_networks import started

LOIHI2 = load_target("loihi2")
TICK = 1e-3
seeds = st.integers(0, 2**32 - 1)


def _network(rng, n_hidden=5, direct=False, delay=0.0, neuron=None, answers=False):
    hidden = neuron or CubaLif(20e-3, 10e-3, 1.0, one_spike=True)
    populations = (
        Population("in", Source(one_spike=True), (3,)),
        Population("hidden", hidden, (n_hidden,)),
        Population("out", CubaLif(20e-3, 10e-3, 1.0, one_spike=True), (2,)),
    )
    rows = rng.uniform(100, 200, (n_hidden, 3)), rng.uniform(60, 120, (2, n_hidden))
    projections = [
        Projection("in-hidden", "in", "hidden", Dense(rows[0]), Delays(np.array(delay))),
        Projection("hidden-out", "hidden", "out", Dense(rows[1]), Delays(np.array(delay))),
    ]
    if direct:
        projections.append(Projection("in-out", "in", "out", Dense(np.full((2, 3), 10.0))))
    decoding = Decoding("out", Readout.FIRST) if answers else None
    return Network(populations, tuple(projections), ("in",), ("out",), Continuous(), decoding=decoding)


def _compiled(network, parts, target=LOIHI2):
    return compile_network(network, target, CompileOptions(dt=TICK, n_ticks=60, parts=parts))


@given(st.lists(st.floats(0, 50), min_size=1, max_size=20), st.integers(1, 16))
def test_the_neuron_that_spikes_for_a_divided_input_tells_its_time(times, parts):
    events = from_dense_times(np.array(times)[None]).to_ticks(1.0, parts)
    assert events.n_neurons == parts * len(times)
    told = np.full(len(times), np.inf)
    told[events.neurons % len(times)] = events.times + events.neurons // len(times) / parts
    assert np.all(np.abs(told - times) <= 0.5 / parts + 1e-9)
    assert np.all(events.counts().reshape(parts, -1).sum(axis=0) == 1)


@given(st.floats(0, 20), st.integers(1, 8), st.integers(0, 7))
def test_neurons_that_share_a_delay_bring_it_to_a_part_of_a_tick_on_average(delay, parts, early):
    """If n of them spike in tick k and the others in k + 1, they arrive (P - n)/P + delay after k."""
    early = 1 + early % parts
    delays = shared_delay(np.full(parts, delay), np.arange(parts), parts)
    arrive = delays + (np.arange(parts) >= early)
    assert arrive.mean() == pytest.approx(delay + (parts - early) / parts, abs=1e-5)
    assert np.ptp(arrive) <= 1 + 1e-9
    assert np.count_nonzero(np.abs(delays - np.rint(delays)) > 1e-5) <= 1


@settings(max_examples=4)
@given(seeds, st.integers(2, 5), st.floats(0, 3))
def test_finer_parts_bring_first_spikes_nearer_to_the_exact_ones(seed, parts, delay):
    """The mean over a neuron and those added for it is exact to its own part of a tick and the inputs'."""
    rng = np.random.default_rng(seed)
    network = _network(rng, delay=delay * TICK)
    times = rng.uniform(0, 10 * TICK, (20, 3))
    exact = run(find_backend("cpu"), started(network), {"in": from_dense_times(times)}, 60 * TICK)
    program = _compiled(network, parts)
    inputs = in_own_time(program.network, {"in": from_dense_times(times)})
    ticks = run(find_backend("cpu"), program, inputs, program.n_ticks)
    first = ticks.spikes["hidden"].first_times()
    others = ticks.spikes["hidden.parts"].first_times().reshape(20, parts - 1, 5)
    mean = (first + others.sum(axis=1)) / parts
    meant = exact.spikes["hidden"].first_times() / TICK
    both = np.isfinite(mean) & np.isfinite(meant)
    assert both.mean() > 0.9
    late = mean[both] - meant[both] - (program.late["hidden"] + (parts - 1) / (2 * parts))
    assert np.percentile(np.abs(late), 90) < 0.5 / parts + 0.125 / parts + 0.1


@settings(max_examples=5)
@given(seeds, st.integers(1, 4), st.booleans(), st.sampled_from(["loihi1", "loihi2"]), st.booleans())
def test_reference_and_cpu_agree_and_neurons_spike_once(seed, parts, direct, target, far):
    rng = np.random.default_rng(seed)
    delay = float(rng.uniform(60, 70) if far else rng.uniform(0, 5)) * TICK
    network = _network(rng, direct=direct, delay=delay, answers=True)
    program = compile_network(network, load_target(target), CompileOptions(dt=TICK, n_ticks=180, parts=parts))
    inputs = in_own_time(program.network, {"in": from_dense_times(rng.uniform(0, 10 * TICK, (4, 3)))})
    ours = run(find_backend("cpu"), program, inputs, program.n_ticks)
    assert compare(ours, run(ReferenceBackend(), program, inputs, program.n_ticks)).identical
    for name in program.once:
        assert ours.spikes[name].counts().max(initial=0) <= 1, name
    assert {"hidden"} <= set(program.once)


def test_lava_gives_the_same_spikes_too(lava):
    rng = np.random.default_rng(5)
    program = _compiled(_network(rng, delay=2.3 * TICK, answers=True), 3)
    inputs = in_own_time(program.network, {"in": from_dense_times(rng.uniform(0, 10 * TICK, (3, 3)))})
    ours = run(find_backend("cpu"), program, inputs, program.n_ticks)
    assert compare(ours, run(lava, program, inputs, program.n_ticks)).identical


@pytest.fixture
def lava():
    from spikec.errors import BackendUnavailable

    try:
        return find_backend("lava", flavour="fused")
    except BackendUnavailable as error:
        pytest.skip(str(error))


def _started_in_ticks(network):
    return DiscretizeTime(TICK).apply(replace(started(network, LOIHI2), n_ticks=60))


def _input(program):
    p = program.network.population("in")
    return p.neuron.one_spike, p.neuron.parts, p.shape, p.given_shape


def test_the_weights_of_all_parts_add_up():
    program = DivideTicks(4).apply(_started_in_ticks(_network(np.random.default_rng(0))))
    before = _started_in_ticks(_network(np.random.default_rng(0))).network
    given_ = {q.name: np.asarray(q.connectivity.weights) for q in before.projections}
    made = {q.name: np.asarray(q.connectivity.weights) for q in program.network.projections}
    assert made["in-hidden"] == pytest.approx(np.tile(given_["in-hidden"], 16))
    whole = made["hidden-out"] + made["hidden-out.parts"].reshape(2, 3, 5).sum(axis=1)
    assert whole == pytest.approx(given_["hidden-out"])
    assert _input(program) == (True, 16, (16, 3), (3,))
    assert program.copies == {"hidden": "hidden.parts"}
    assert program.log[-1].figures == {"parts": 4, "in.parts": 16, "neurons_added": 15}


def test_what_is_less_late_is_delayed_until_all_meet():
    program = DivideTicks(2).apply(_started_in_ticks(_network(np.random.default_rng(0), direct=True)))
    delays = {q.name: q.delays.values / TICK for q in program.network.projections}
    parts_of_inputs = np.repeat(np.arange(8) / 8, 3)
    assert delays["in-out"] == pytest.approx(0.75 + parts_of_inputs)  # a divided hidden spike is 3/4 late
    assert delays["hidden-out"] == pytest.approx(0)
    assert delays["in-hidden.parts"] == pytest.approx(0.5 + parts_of_inputs)
    assert program.late["out"] == pytest.approx(1.25)
    alone = DivideTicks(1).apply(_started_in_ticks(_network(np.random.default_rng(0), direct=True)))
    delays = {q.name: q.delays.values / TICK for q in alone.network.projections}
    assert delays["in-out"] == pytest.approx(0.5)
    assert not alone.network.population("in").is_divided


def test_neurons_that_answer_by_first_spikes_are_divided_and_answer_together():
    rng = np.random.default_rng(1)
    network = _network(rng, answers=True)
    times = rng.uniform(0, 10 * TICK, (200, 3))
    exact = execute(started(network), find_backend("cpu"), {"in": from_dense_times(times)}, until=60 * TICK)
    same = []
    for parts in (1, 8):
        program = _compiled(network, parts)
        inputs = in_own_time(program.network, {"in": from_dense_times(times)})
        made = execute(program, find_backend("cpu"), inputs)
        same.append(np.mean(np.array(made.meta["predictions"]) == exact.meta["predictions"]))
    assert program.copies == {"hidden": "hidden.parts", "out": "out.parts"}
    assert program.network.outputs == ("out", "out.parts")
    assert same[1] > max(same[0], 0.95)


@pytest.mark.parametrize(
    "change",
    [
        {"neuron": If(1.0, one_spike=True)},  # a membrane that jumps has no course within a tick
        {"neuron": CubaLif(20e-3, 10e-3, 1.0)},  # spikes again
        {"neuron": CubaLif(20e-3, 10e-3, 1.0, bias=1.0, one_spike=True)},
    ],
)
def test_other_neurons_stay_one(change):
    program = DivideTicks(4).apply(_started_in_ticks(_network(np.random.default_rng(0), **change)))
    assert "hidden.parts" not in {p.name for p in program.network.populations}


def test_inputs_that_spike_again_or_at_one_moment_stay_one():
    network = _network(np.random.default_rng(0))
    often = network.with_populations({"in": Population("in", Source(), (3,))})
    assert _input(DivideTicks(2).apply(_started_in_ticks(often))) == (False, 1, (3,), (3,))
    binary = replace(network, encoding=BinaryEncoding("in", 0.5, 2 * TICK, 60 * TICK))
    assert _input(DivideTicks(2).apply(_started_in_ticks(binary))) == (True, 1, (3,), (3,))


def test_spikes_in_ticks_and_of_parts_are_taken_as_they_are_and_two_of_one_input_are_refused():
    program = _compiled(_network(np.random.default_rng(0)), 2)
    whole = from_dense_times(np.array([[0.0, 1.0, 2.0]])).to_ticks(1.0)
    (own,) = in_own_time(program.network, {"in": whole}).values()
    assert own.n_neurons == 24
    assert own.neurons.tolist() == [0, 1, 2]
    assert in_own_time(program.network, {"in": own})["in"] is own
    times = np.full((1, 24), np.inf)
    times[0, [0, 3]] = 1.0  # twice the first input, in two parts
    with pytest.raises(EventsError, match="more than once"):
        check_inputs(program.network, {"in": from_dense_times(times).to_ticks(1.0)})


@pytest.mark.parametrize("parts", [-1, MOST_PARTS + 1])
def test_impossible_parts_are_refused(parts):
    with pytest.raises(UsageError, match="parts of a tick are impossible"):
        DivideTicks(parts).apply(started(_network(np.random.default_rng(0))))

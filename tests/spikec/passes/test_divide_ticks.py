"""Divide ticks: the spikes of several neurons for one tell when it would have spiked within a tick."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend, run
from spikec.compare import compare
from spikec.errors import UsageError
from spikec.events import from_dense_times
from spikec.ir.bounds import once_spiking
from spikec.ir.connectivity import Delays, Dense, one_to_one
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, If, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.divide_ticks import MOST_PARTS, DivideTicks
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import in_own_time
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from tests.float_networks import started

LOIHI2 = load_target("loihi2")
TICK = 1e-3
seeds = st.integers(0, 2**32 - 1)


def _network(rng, n_hidden=5, direct=False, delay=0.0, neuron=None):
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
    return Network(populations, tuple(projections), ("in",), ("out",), Continuous())


def _compiled(network, parts):
    return compile_network(network, LOIHI2, CompileOptions(dt=TICK, n_ticks=60, parts=parts))


@given(st.lists(st.floats(0, 50), min_size=1, max_size=20), st.integers(1, 16))
def test_an_input_spike_of_parts_has_its_mean_at_its_time(times, parts):
    events = from_dense_times(np.array(times)[None]).to_ticks(1.0, parts)
    counts = events.counts()[0]
    assert np.all(counts == parts)
    mean = np.bincount(events.neurons, events.times, len(times)) / parts
    assert np.all(np.abs(mean - times) <= 0.5 / parts + 1e-9)
    spread = [np.ptp(events.times[events.neurons == j]) for j in range(len(times))]
    assert max(spread) <= 1


def test_spikes_that_meet_in_a_tick_are_no_more_than_parts():
    events = from_dense_times(np.array([[3.0]]))
    twice = replace(
        events, times=np.array([3.0, 3.1]), neurons=np.zeros(2, np.int32), sample_starts=np.array([0, 2])
    )
    assert twice.to_ticks(1.0, 4).most_at_once() == 4
    assert twice.to_ticks(1.0).n_events == 1


@settings(max_examples=8)
@given(seeds, st.integers(2, 5))
def test_finer_parts_bring_first_spikes_nearer_to_the_exact_ones(seed, parts):
    """The mean over a neuron and those added for it is exact to its own part of a tick and the inputs'."""
    rng = np.random.default_rng(seed)
    network = _network(rng)
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
    assert np.percentile(np.abs(late), 90) < 0.5 / parts + 0.5 / parts + 0.1


@settings(max_examples=5)
@given(seeds, st.integers(1, 4), st.booleans())
def test_reference_and_cpu_agree_and_neurons_spike_once(seed, parts, direct):
    rng = np.random.default_rng(seed)
    network = _network(rng, direct=direct, delay=float(rng.uniform(0, 5 * TICK)))
    program = _compiled(network, parts)
    inputs = in_own_time(program.network, {"in": from_dense_times(rng.uniform(0, 10 * TICK, (4, 3)))})
    ours = run(find_backend("cpu"), program, inputs, program.n_ticks)
    assert compare(ours, run(ReferenceBackend(), program, inputs, program.n_ticks)).identical
    for name in program.once:
        assert ours.spikes[name].counts().max(initial=0) <= 1, name
    assert {"hidden"} <= set(program.once)


def _started_in_ticks(network):
    return DiscretizeTime(TICK).apply(replace(started(network, LOIHI2), n_ticks=60))


def _source(program):
    neuron = program.network.population("in").neuron
    return neuron.one_spike, neuron.most_at_once, neuron.parts


def test_the_weights_of_all_parts_add_up():
    program = DivideTicks(4).apply(_started_in_ticks(_network(np.random.default_rng(0))))
    before = _started_in_ticks(_network(np.random.default_rng(0))).network
    given_ = {q.name: np.asarray(q.connectivity.weights) for q in before.projections}
    made = {q.name: np.asarray(q.connectivity.weights) for q in program.network.projections}
    assert made["in-hidden"] == pytest.approx(given_["in-hidden"] / 4)
    whole = made["hidden-out"] + made["hidden-out.parts"].reshape(2, 3, 5).sum(axis=1)
    assert whole == pytest.approx(given_["hidden-out"])
    assert _source(program) == (True, 4, 4)
    assert program.log[-1].figures == {"parts": 4, "neurons_added": 15}


def test_what_is_less_late_is_delayed_until_all_meet():
    program = DivideTicks(2).apply(_started_in_ticks(_network(np.random.default_rng(0), direct=True)))
    delays = {q.name: q.delays.values / TICK for q in program.network.projections}
    assert delays["in-out"] == pytest.approx(0.75)  # a divided hidden spike is 1 - 1/4 late on average
    assert delays["hidden-out"] == pytest.approx(0)
    assert delays["in-hidden.parts"] == pytest.approx(0.5)
    assert program.late["out"] == pytest.approx(1.25)
    alone = DivideTicks(1).apply(_started_in_ticks(_network(np.random.default_rng(0), direct=True)))
    delays = {q.name: q.delays.values / TICK for q in alone.network.projections}
    assert delays["in-out"] == pytest.approx(0.5)


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


def test_inputs_of_long_delays_and_of_chips_without_counts_stay_one():
    rng = np.random.default_rng(0)
    far = DivideTicks(2).apply(_started_in_ticks(_network(rng, delay=70 * TICK)))
    assert _source(far) == (True, 1, 1)
    old = DiscretizeTime(TICK).apply(replace(started(_network(rng), load_target("loihi1")), n_ticks=60))
    assert _source(DivideTicks(2).apply(old)) == (True, 1, 1)


def test_a_relay_of_counted_spikes_is_not_taken_to_spike_once():
    network = compile_network(
        Network(
            (Population("in", Source(one_spike=True), (2,)), Population("out", If(0.5), (2,))),
            (Projection("q", "in", "out", one_to_one(2, 1.0)),),
            ("in",),
            ("out",),
            Continuous(),
        ),
        LOIHI2,
        CompileOptions(dt=TICK, n_ticks=20),
    ).network
    memoryless = replace(network.population("out").neuron, du=4095, dv=4095)
    network = network.with_populations({"out": replace(network.population("out"), neuron=memoryless)})
    assert "out" in once_spiking(network, 20)
    counted = replace(network.population("in"), neuron=Source(True, 3, 3))
    assert "out" not in once_spiking(network.with_populations({"in": counted}), 20)


@pytest.mark.parametrize("parts", [-1, MOST_PARTS + 1])
def test_impossible_parts_are_refused(parts):
    with pytest.raises(UsageError, match="parts of a tick are impossible"):
        DivideTicks(parts).apply(started(_network(np.random.default_rng(0))))

"""Quantise delays: a relayed spike arrives in the very tick in which a longer synapse would deliver it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.events import from_rows, same
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Source
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.quantize_delays import QuantizeDelays
from spikec.targets.target import Figure, load_target
from tests.float_networks import DT, answer, random_inputs, random_network, started

seeds = st.integers(0, 2**32 - 1)
LOIHI2 = load_target("loihi2")


def _target(longest):
    return replace(LOIHI2, formats=replace(LOIHI2.formats, delay_max=Figure(longest, "a test")))


@settings(max_examples=40)
@given(seeds, st.integers(1, 4))
def test_every_spike_goes_through_relays_in_its_time(seed, longest):
    rng = np.random.default_rng(seed)
    network = random_network(rng, Ticks(DT, LOIHI), recurrent=True, max_delay=12)
    program = QuantizeDelays().apply(started(network, _target(longest)))
    assert all(q.delays.in_ticks and q.delays.longest <= longest for q in program.network.projections)
    inputs = random_inputs(rng, network, 2, 25)
    before, after = (answer(p, inputs, 25).spikes for p in (started(network), program))
    for p in network.populations:
        assert same(before[p.name], after[p.name]), p.name


@settings(max_examples=40)
@given(seeds)
def test_every_synapse_is_still_there_with_its_whole_delay(seed):
    """Walk all ways through relays, and add up what they take on top of one hop."""
    rng = np.random.default_rng(seed)
    longest = int(rng.integers(1, 4))
    network = random_network(rng, Ticks(DT, LOIHI), recurrent=True, max_delay=9)
    changed = QuantizeDelays().apply(started(network, _target(longest))).network
    known = {p.name for p in network.populations}

    def synapses(network):
        for q in network.projections:
            pre, post = q.connectivity.synapses()
            delay = q.delays.per_synapse(q.connectivity)
            delay = delay if q.delays.in_ticks else np.rint(delay / DT)
            for i, j, w, d in zip(pre, post, np.asarray(q.connectivity.weights).ravel(), delay, strict=True):
                yield q, (q.pre, int(i)), (q.post, int(j)), float(w), int(d)

    onward = {}
    for _, pre, post, w, d in synapses(changed):
        onward.setdefault(pre, []).append((post, w, d))

    def walk(pre, post, w, d):
        if post[0] in known:
            yield (pre, post, w, d)
            return
        for far, weight, delay in onward.get(post, ()):
            yield from walk(pre, far, weight, d + 1 + delay)

    found = sorted(
        row for _, pre, post, w, d in synapses(changed) if pre[0] in known for row in walk(pre, post, w, d)
    )
    assert found == sorted((pre, post, w, d) for _, pre, post, w, d in synapses(network))


@pytest.mark.parametrize("ticks", [1, 2, 62, 63, 64, 126, 127, 200])
def test_a_compiled_delay_takes_exactly_its_ticks(ticks):
    populations = (Population("in", Source(), (1,)), Population("out", If(0.5), (1,)))
    q = Projection("q", "in", "out", Dense(np.ones((1, 1))), Delays(np.array(ticks * DT)))
    network = Network(populations, (q,), ("in",), ("out",), Continuous())
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=ticks + 9))
    inputs = {"in": from_rows([0, 0], [0.0, 3 * DT], [0, 0], n_samples=1, n_neurons=1)}
    assert answer(program, inputs, ticks + 9).spikes["out"].times.tolist() == [ticks, ticks + 3]
    relays = [p for p in program.network.populations if "relay" in p.name]
    assert len(relays) == (ticks - 1) // 63


def _network(delays, connectivity=None):
    connectivity = connectivity or Dense(np.ones((3, 2)))
    populations = (Population("in", Source(), (2,)), Population("out", If(1.0), (3,)))
    q = Projection("q", "in", "out", connectivity, delays)
    return Network(populations, (q,), ("in",), ("out",), Ticks(DT, LOIHI))


def test_the_long_synapses_of_a_neuron_share_one_chain():
    delays = Delays(np.array([[0, 70], [65, 130], [64, 63]]) * DT, "synaptic")
    program = QuantizeDelays().apply(started(_network(delays)))
    relays = {p.name: p.n for p in program.network.populations if "relay" in p.name}
    assert relays == {"q.relay1": 2, "q.relay2": 1}
    assert program.log[-1].figures["q.relay_neurons"] == 3
    assert sum(q.connectivity.n_synapses for q in program.network.incoming("out")) == 6


@pytest.mark.parametrize(("ticks", "relays"), [(65 * 63 - 1, 64), (65 * 63, 0)])
def test_delays_beyond_the_longest_chain_stay_too_long(ticks, relays):
    program = QuantizeDelays().apply(started(_network(Delays(np.array(ticks * DT)))))
    assert sum("relay" in p.name for p in program.network.populations) == relays
    assert max(q.delays.longest for q in program.network.projections) == (62 if relays else ticks)


def test_relays_of_neurons_that_spike_once_spike_once():
    for once, relays in ((True, ("q.relay1", "q.relay2")), (False, ())):
        network = _network(Delays(np.array(130 * DT)))
        network = network.with_populations({"in": Population("in", Source(once), (2,))})
        assert QuantizeDelays().apply(started(network)).once == relays
    hidden = replace(started(_network(Delays(np.array(130 * DT)))), once=("in",))
    assert QuantizeDelays().apply(hidden).once == ("in", "q.relay1", "q.relay2")


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ([[1.1, 0.9], [2.0, 2.2], [3.0, 3.0]], DelayKind.DENDRITIC),
        ([[1.1, 2.0], [0.9, 2.2], [1.0, 1.9]], DelayKind.AXONAL),
        ([[1.1, 0.9], [1.0, 1.2], [0.8, 1.0]], DelayKind.UNIFORM),
        ([[1.1, 0.9], [2.0, 1.2], [0.8, 1.0]], DelayKind.SYNAPTIC),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_rounded_delays_are_written_as_plainly_as_possible(table, kind, listed):
    values = np.array(table) * DT
    connectivity = Dense(np.ones((3, 2)))
    if listed:
        post, pre = np.divmod(np.arange(6), 2)
        connectivity = sparse(2, 3, pre, post, np.ones(6))
        values = values.T.ravel()
    program = QuantizeDelays().apply(started(_network(Delays(values, "synaptic"), connectivity)))
    assert program.network.projections[0].delays.kind is kind
    assert program.log[-1].figures["q.error_ticks"] == pytest.approx(0.2)


def test_whole_ticks_stay_as_they_are():
    network = _network(Delays(np.array([3, 7]), "axonal"))
    program = QuantizeDelays().apply(started(network))
    assert program.network.projections[0].delays.values.tolist() == [3, 7]
    assert program.log[-1].figures["q.error_ticks"] == 0


def test_without_relays_long_delays_stay_for_a_rule_to_find():
    program = QuantizeDelays(relays=False).apply(started(_network(Delays(np.array(100 * DT)))))
    assert program.network.projections[0].delays.longest == 100
    assert len(program.network.populations) == 2


@pytest.mark.parametrize("delays", [Delays(np.zeros(0), "synaptic"), Delays(np.array(100 * DT))])
def test_a_projection_without_synapses_needs_no_relays(delays):
    nothing = sparse(2, 3, [], [], np.zeros(0))
    program = QuantizeDelays().apply(started(_network(delays, nothing)))
    assert len(program.network.populations) == 2
    assert all(q.delays.in_ticks for q in program.network.projections)

"""Prune: what is left computes the same, and nothing that could be left out is left."""

from dataclasses import replace

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.coding import Decoding
from spikec.events import same
from spikec.ir.connectivity import Convolution, Delays, Dense, Sparse, sparse
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, LiReadout, Source
from spikec.passes.prune import Prune, without_zeros
from spikec.program import Program, Shard
from spikec.random.networks import random_inputs as fixed_inputs
from spikec.random.networks import random_program
from spikec.reference import ReferenceBackend
from tests.float_networks import DT, answer, random_inputs, random_network, started

seeds = st.integers(0, 2**32 - 1)


def _thinned(rng, network):
    """The network with many weights, and now and then a whole projection, set to zero."""
    thin = {}
    for q in network.projections:
        weights = np.array(mantissas(q.connectivity.weights))
        weights *= rng.random(weights.shape) < rng.choice([0.0, 0.3, 1.0])
        fixed = q.connectivity.weights
        new = Fixed(weights, fixed.format) if isinstance(fixed, Fixed) else weights
        thin[q.name] = replace(q, connectivity=q.connectivity.with_weights(new))
    return network.with_projections(thin)


def _assert_same_spikes(before, after, kept):
    for p in kept.populations:
        assert same(before[p.name], after[p.name]), p.name


@settings(max_examples=50)
@given(seeds, st.sampled_from([0, 1]))
def test_float_networks_spike_the_same(seed, hop_delay):
    rng = np.random.default_rng(seed)
    clock = Ticks(DT, Convention(hop_delay=hop_delay))
    network = _thinned(
        rng, random_network(rng, clock, recurrent=True, bias=True, max_delay=2, n_populations=3)
    )
    inputs = random_inputs(rng, network, 2, 20)
    pruned = Prune().apply(started(network))
    before, after = answer(started(network), inputs, 20).spikes, answer(pruned, inputs, 20).spikes
    _assert_same_spikes(before, after, pruned.network)


@settings(max_examples=30)
@given(seeds)
def test_fixed_networks_spike_the_same_and_touch_no_zero(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, max_neurons=5, max_delay=4)
    program = replace(program, network=_thinned(rng, program.network))
    inputs = fixed_inputs(rng, program, 2, 20)
    pruned = Prune(dense_above=1.0).apply(program)
    runs = [ReferenceBackend().prepare(p).run(inputs, 20) for p in (program, pruned)]
    _assert_same_spikes(runs[0].spikes, runs[1].spikes, pruned.network)
    counters = runs[1].counters
    kernels = {q.name for q in pruned.network.projections if isinstance(q.connectivity, Convolution)}
    assert not any(c.zero_weight_events for name, c in counters.projections.items() if name not in kernels)
    before = runs[0].counters.projections
    for name, counts in counters.projections.items():
        assert counts.synaptic_events == before[name].synaptic_events
        assert counts.delay_writes == before[name].delay_writes


@settings(max_examples=50)
@given(seeds)
def test_everything_left_reaches_an_output_and_says_something(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, max_neurons=4)
    network = Prune().apply(replace(program, network=_thinned(rng, program.network))).network
    graph = nx.DiGraph(network.to_networkx())
    for p in network.populations:
        wanted = (*network.outputs, *network.inputs)
        assert any(nx.has_path(graph, p.name, name) for name in wanted)
    for q in network.projections:
        assert np.any(mantissas(q.connectivity.weights) != 0)
        if isinstance(q.connectivity, Sparse):
            assert np.all(mantissas(q.connectivity.weights) != 0)


def _chain(decoding=None, **clock):
    names = ("in", "a", "b", "out")
    populations = tuple(
        Population(n, Source() if n == "in" else LiReadout() if n == "out" else If(1.0), (1,)) for n in names
    )
    one = Dense(np.ones((1, 1)))
    projections = (
        Projection("1", "in", "a", one),
        Projection("2", "a", "b", one),
        Projection("3", "a", "out", one),
    )
    return Network(
        populations, projections, ("in",), ("out",), Ticks(DT, Convention(**clock)), decoding=decoding
    )


def _names(network):
    return [p.name for p in network.populations], [q.name for q in network.projections]


def test_a_dead_end_goes():
    assert _names(Prune().apply(started(_chain())).network) == (["in", "a", "out"], ["1", "3"])


def test_who_answers_stays_even_if_it_is_no_output():
    assert "b" in _names(Prune().apply(started(_chain(Decoding("b", "count")))).network)[0]


def test_the_parts_of_who_answers_stay():
    program = started(_chain(Decoding("whole", "count")))
    program = replace(program, shards={"whole": (Shard("b", [0]), Shard("a", [1]))})
    assert "b" in _names(Prune().apply(program).network)[0]


def test_the_parts_of_a_population_stay_or_go_together():
    """Only one of them says anything, but results come back under the name of the whole."""
    populations = (
        Population("in", Source(), (1,)),
        *(Population(n, If(1.0), (1,)) for n in ("h.0", "h.1", "x.0", "x.1", "out")),
    )
    ends = [("in", "h.0"), ("in", "h.1"), ("h.0", "out"), ("in", "x.0"), ("x.0", "x.1")]
    one = Dense(np.ones((1, 1)))
    projections = tuple(Projection(f"{a}-{b}", a, b, one) for a, b in ends)
    network = Network(populations, projections, ("in",), ("out",), Ticks(DT))
    shards = {n: (Shard(f"{n}.0", [0]), Shard(f"{n}.1", [1])) for n in ("h", "x")}
    program = Prune().apply(replace(started(network), shards=shards))
    assert _names(program.network) == (["in", "h.0", "h.1", "out"], ["in-h.0", "in-h.1", "h.0-out"])
    assert set(program.shards) == {"h"}
    inputs = random_inputs(np.random.default_rng(0), network, 1, 10)
    assert set(answer(program, inputs, 10).spikes) == {"in", "h", "out"}


def test_inputs_stay_though_nobody_listens():
    network = replace(_chain(), outputs=("in",))
    assert _names(Prune().apply(started(network)).network) == (["in"], [])


def test_an_empty_projection_stays_while_others_take_their_time_from_it():
    """It closes a cycle, and where hops take no tick, projections within a cycle take one."""
    nothing = Projection("back", "out", "a", Dense(np.zeros((1, 1))))
    for hop_delay, kept in ((0, True), (1, False)):
        network = _chain(hop_delay=hop_delay)
        network = replace(
            network,
            populations=(*network.populations[:3], Population("out", If(1.0), (1,))),
            projections=(*network.projections, nothing),
        )
        pruned = Prune().apply(started(network)).network
        assert ("back" in _names(pruned)[1]) is kept
        assert list(pruned.components())[-1] == (("a", "out") if kept else ("out",))


def test_dense_projections_become_lists_only_below_the_share():
    populations = (Population("in", Source(), (2,)), Population("out", If(1.0), (2,)))
    half = Projection("q", "in", "out", Dense(np.array([[1.0, 0.0], [2.0, 0.0]])))
    network = Network(populations, (half,), ("in",), ("out",), Ticks(DT))
    for share, kind in ((0.25, Dense), (0.5, Dense), (0.75, Sparse)):
        pruned = Prune(dense_above=share).apply(started(network)).network
        assert isinstance(pruned.projections[0].connectivity, kind)


@given(seeds, st.sampled_from(["uniform", "axonal", "dendritic", "synaptic"]), st.booleans())
def test_delays_stay_with_the_synapses_that_are_left(seed, kind, listed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-1, 2, (3, 4)).astype(float)
    c = Dense(weights)
    if listed:
        post, pre = np.nonzero(rng.random((3, 4)) < 0.8)
        c = sparse(4, 3, pre, post, weights[post, pre])
    shape = {"uniform": (), "axonal": (4,), "dendritic": (3,), "synaptic": c.weights.shape}[kind]
    q = Projection("q", "a", "b", c, Delays(rng.integers(0, 9, shape), kind))
    thin = without_zeros(q)

    def table(q):
        pre, post = q.connectivity.synapses()
        delays = q.delays.per_synapse(q.connectivity)
        rows = zip(pre, post, q.connectivity.weights.ravel(), delays, strict=True)
        return {(int(i), int(j)): (w, d) for i, j, w, d in rows if w != 0}

    assert table(thin) == table(q)
    assert thin.connectivity.n_synapses == np.count_nonzero(q.connectivity.weights)


def test_the_log_says_what_went():
    pruned = Prune().apply(Program(_chain(), started(_chain()).target))
    assert pruned.log[-1].step == "prune"
    assert "1 population" in pruned.log[-1].summary

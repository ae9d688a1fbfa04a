"""Networks as graphs: contradictions are refused, and questions about the graph get the right answers."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import (
    LOIHI,
    Continuous,
    Convention,
    Dialect,
    Network,
    Population,
    Projection,
    Reset,
    Ticks,
    scaled_rows,
)
from spikec.ir.neurons import If, LiReadout, Source


def _network(n, edges, clock=None):
    """A source that feeds population 0 of `n`, and edges between these."""
    populations = [Population("in", Source(), (1,)), *(Population(f"p{k}", If(1.0), (1,)) for k in range(n))]
    pairs = [("in", "p0"), *((f"p{i}", f"p{j}") for i, j in edges)]
    projections = [Projection(f"q{k}", *pair, Dense(np.ones((1, 1)))) for k, pair in enumerate(pairs)]
    return Network(populations, projections, ["in"], [f"p{n - 1}"], clock or Continuous())


graphs = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12)
    )
)


@given(graphs)
def test_components_are_the_sets_that_reach_each_other_in_an_order_in_which_spikes_flow(graph):
    network = _network(*graph)
    components = list(network.components())
    reach = dict(nx.all_pairs_shortest_path_length(nx.DiGraph(network.to_networkx())))
    place = {name: k for k, members in enumerate(components) for name in members}
    assert len(place) == sum(map(len, components)) == len(network.populations)
    for a in place:
        for b in place:
            assert (place[a] == place[b]) == (b in reach[a] and a in reach[b])
    for q in network.projections:
        assert place[q.pre] <= place[q.post]


@given(graphs)
def test_a_component_is_recurrent_if_a_spike_can_come_back(graph):
    network = _network(*graph)
    cyclic = {name for cycle in nx.simple_cycles(nx.DiGraph(network.to_networkx())) for name in cycle}
    for component in network.components():
        assert network.is_recurrent(component) == bool(cyclic & set(component))


def test_projections_are_found_by_their_ends():
    network = _network(2, [(0, 1), (1, 0), (1, 1)])
    assert [q.name for q in network.incoming("p1")] == ["q1", "q3"]
    assert [q.name for q in network.outgoing("p1")] == ["q2", "q3"]
    assert network.n_synapses == 4


def test_exchanging_parts_leaves_the_old_network_as_it_was():
    network = _network(1, [])
    changed = network.with_populations({"p0": Population("p0", If(3.0), (1,))})
    assert float(changed.population("p0").neuron.threshold) == 3.0
    assert float(network.population("p0").neuron.threshold) == 1.0


def test_the_clock_and_the_neurons_say_the_dialect():
    q = Projection("q", "in", "out", Dense(Fixed(np.zeros((1, 1)))), Delays(np.array(0)))
    populations = (Population("in", Source(), (1,)), Population("out", CubaFixed(0, 0, 1), (1,)))
    assert Network(populations, (q,), ("in",), ("out",), Ticks(1e-3, LOIHI)).dialect is Dialect.FIXED
    assert _network(1, [], Ticks(1e-3)).dialect is Dialect.TICKS
    assert _network(1, []).dialect is Dialect.CONTINUOUS
    with pytest.raises(NetworkError, match="has no tick"):
        _ = _network(1, []).dt


@pytest.mark.parametrize("listed", [False, True])
def test_scaling_rows_multiplies_what_each_neuron_receives(listed):
    matrix = np.arange(6.0).reshape(3, 2)
    post, pre = np.nonzero(np.ones((3, 2)))
    c = sparse(2, 3, pre, post, matrix.ravel()) if listed else Dense(matrix)
    q = Projection("q", "a", "b", c)
    for factor in (np.array(2.0), np.array([1.0, 10.0, 100.0])):
        expected = matrix * np.broadcast_to(factor, (3,))[:, None]
        np.testing.assert_array_equal(scaled_rows(q, factor).connectivity.dense_matrix(), expected)


def _ends(**changes):
    given = {
        "populations": (Population("in", Source(), (2,)), Population("out", If(1.0), (3,))),
        "projections": (Projection("q", "in", "out", Dense(np.ones((3, 2)))),),
        "inputs": ("in",),
        "outputs": ("out",),
        "clock": Continuous(),
    }
    return Network(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"populations": (Population("in", Source(), (2,)),) * 2}, "population names must be unique.*in"),
        ({"projections": (Projection("q", "in", "out", Dense(np.ones((3, 2)))),) * 2}, "projection names"),
        ({"inputs": ("in", "x")}, "names 'x' as input or output, but has in, out"),
        ({"outputs": ("x",)}, "names 'x'"),
        ({"inputs": ()}, "in must be a Source if, and only if, it is an input"),
        ({"inputs": ("in", "out")}, "out must be a Source"),
        ({"projections": (Projection("q", "in", "x", Dense(np.ones((3, 2)))),)}, "names 'x'"),
        (
            {"projections": (Projection("q", "in", "out", Dense(np.ones((2, 3)))),)},
            "3 to 2 neurons, but in has 2",
        ),
        ({"projections": (Projection("q", "out", "in", Dense(np.ones((2, 3)))),)}, "inputs receive nothing"),
    ],
)
def test_networks_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(NetworkError, match=message):
        _ends(**changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Population("", If(1.0), (1,)), "needs a name"),
        (lambda: Population("p", If(1.0), ()), "needs a name and neurons"),
        (lambda: Population("p", If(1.0), (2, 0)), "needs a name and neurons"),
        (lambda: Population("p", If(np.ones(3)), (2,)), r"has 2 neurons, but threshold has shape \(3,\)"),
        (lambda: Ticks(0.0), "a tick of 0.0 s is impossible"),
        (lambda: Ticks(np.nan), "impossible"),
        (lambda: Ticks(np.inf), "impossible"),
        (lambda: Convention(hop_delay=2), "0 or 1 is possible"),
    ],
)
def test_impossible_parts_are_refused(make, message):
    with pytest.raises(NetworkError, match=message):
        make()


@pytest.mark.parametrize("kind", ["axonal", "dendritic", "synaptic"])
def test_delays_must_have_the_shape_of_their_kind(kind):
    with pytest.raises(NetworkError, match=f"{kind} delays of shape"):
        Projection(
            "q", "a", "b", Dense(np.ones((3, 2))), Delays(np.zeros((4,) * (1 + (kind == "synaptic"))), kind)
        )
    assert Delays(np.zeros(2), "axonal").kind is DelayKind.AXONAL


def test_asking_for_an_unknown_population_names_the_known_ones():
    with pytest.raises(NetworkError, match="no population 'x'; the network has in, out"):
        _ends().population("x")


def test_habits_may_be_given_by_their_names():
    assert Convention("exact", "subtract", 1).reset is Reset.SUBTRACT


def test_a_population_counts_the_neurons_of_its_shape():
    p = Population("p", LiReadout(), (2, 3))
    assert (p.n, p.is_source) == (6, False)

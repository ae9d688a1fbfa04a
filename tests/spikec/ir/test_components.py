"""Components of graphs, as networkx finds them."""

from itertools import pairwise

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from spikec.ir.components import components, feed_themselves

graphs = st.integers(1, 9).flatmap(
    lambda n: st.tuples(
        st.permutations([f"p{k}" for k in range(n)]),
        st.lists(st.tuples(*[st.integers(0, n - 1).map("p{}".format)] * 2), max_size=20),
    )
)


def by_networkx(names, edges):
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(edges)
    return graph


@given(graphs)
def test_components_and_their_order_are_those_of_networkx(graph):
    names, edges = graph
    condensed = nx.condensation(by_networkx(names, edges))
    members = {c: sorted(condensed.nodes[c]["members"], key=names.index) for c in condensed}
    order = nx.lexicographical_topological_sort(condensed, key=lambda c: names.index(members[c][0]))
    assert components(names, edges) == [tuple(members[c]) for c in order]


@given(graphs)
def test_what_feeds_itself_is_what_lies_on_a_circle(graph):
    names, edges = graph
    circles = {name for circle in nx.simple_cycles(by_networkx(names, edges)) for name in circle}
    assert {name for component in feed_themselves(edges) for name in component} == circles


def test_a_long_chain_and_a_long_circle_need_no_deep_recursion():
    names = [str(k) for k in range(5000)]
    chain = list(pairwise(names))
    assert components(names, chain) == [(name,) for name in names]
    assert components(names, [*chain, (names[-1], names[0])]) == [tuple(names)]

"""Costs of placements worked out by hand, and against messages counted one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import UsageError
from spikec.ir.connectivity import sparse
from spikec.placement.cost import cost
from spikec.placement.grid import Grid
from spikec.placement.rules import Assignment, check_cores
from tests.spikec.placement.nets import fixed, hops_by_hand, layers, network, random_network, small_target

GRID = Grid(columns=3, rows=2, cores_per_tile=2)


def _three():
    """An input reaches all of a chain 0 -> 1 -> 2, whose end reaches its own core only."""
    return network(
        {"in": 1, "a": 3},
        {
            "q": ("in", "a", sparse(1, 3, [0, 0, 0], [0, 1, 2], fixed(3))),
            "r": ("a", "a", sparse(3, 3, [0, 1, 2], [1, 2, 2], fixed(3))),
        },
    )


@pytest.mark.parametrize(
    ("core", "place", "message_hops", "messages", "east", "south", "busiest"),
    [
        # all on the first core: one message of the input, three of the neurons to their own core
        ([0, 0, 0], [0], 1, 4, 0, 0, 9),
        # 0, 1 | 2, both in the first tile: two of the input, 1 -> 2 passes a router, the others stay
        ([0, 0, 1], [0, 1], 3, 5, 0, 0, 5),
        # 0 | 1 | 2 in tiles (0, 0), (0, 1), (1, 1): input 1 + 2 + 3, 0 -> 1 two, 1 -> 2 two, 2 -> own
        ([0, 1, 2], [0, 2, 6], 10, 6, 2, 3, 4),
    ],
)  # fmt: skip
def test_three_neurons_cost_what_was_worked_out_by_hand(
    core, place, message_hops, messages, east, south, busiest
):
    a = Assignment(_three(), small_target(), {"a": np.array(core)}, len(place))
    c = cost(a, GRID, np.array(place))
    assert (c.message_hops, c.messages) == (message_hops, messages)
    assert (c.hops_east_west, c.hops_north_south) == (east, south)
    assert c.busiest == busiest
    assert c.bound == 1


def test_rates_weigh_messages_and_events():
    a = Assignment(_three(), small_target(), {"a": np.array([0, 0, 1])}, 2)
    c = cost(a, GRID, np.array([0, 1]), {"in": 0.5, "a": [0.0, 0.25, 1.0]})
    assert c.message_hops == 2 * 0.5 + 0.25
    assert c.messages == 2 * 0.5 + 0.25 + 1.0
    assert c.busiest == 2 + 2 * 0.5  # neurons 0 and 1: two updates, the input twice, neuron 0 never
    with pytest.raises(UsageError, match="rates of a"):
        cost(a, GRID, np.array([0, 1]), {"a": [1.0, 2.0]})


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_costs_are_those_of_messages_counted_one_by_one(seed, n_cores):
    net = random_network(seed)
    rng = np.random.default_rng(seed)
    cores = {p.name: rng.integers(0, n_cores, p.n) for p in net.populations if not p.is_source}
    place = rng.permutation(GRID.n_places)[:n_cores]
    rates = {"in": rng.integers(0, 5, net.population("in").n).astype(float)}
    c = cost(Assignment(net, small_target(), cores, n_cores), GRID, place, rates)
    hops, messages, between = hops_by_hand(net, cores, GRID, place, rates)
    assert (c.message_hops, c.messages) == (hops, messages)
    assert c.hops_east_west + c.hops_north_south == between
    assert c.bound <= c.message_hops


def test_the_bound_of_layers_is_what_their_memory_and_numbers_force():
    # a core holds 4 neurons; 10 hidden ones fill three. An input reaches three cores: 1 + 1 + 2 routers in
    # tiles of two. A hidden neuron reaches two outputs, which may be on its core.
    a = Assignment(layers(5, 10, 2), small_target(neurons_per_core=4), {
        "p1": np.arange(10) // 4, "p2": np.full(2, 2)}, 3)  # fmt: skip
    assert cost(a, GRID, np.arange(3)).bound == 5 * 4
    # 15 axons take a word of 8 bytes each for up to 6 neurons: 10 of them fill two cores of 120 bytes
    b = Assignment(layers(5, 10, recurrent=True), small_target(synapse_bytes_per_core=120), {
        "p1": np.arange(10) // 5}, 2)  # fmt: skip
    assert not list(check_cores(b))
    # an input passes one router to each, a hidden neuron one to the other core
    assert cost(b, GRID, np.arange(2)).bound == 5 * 2 + 10 * 1


def test_the_bound_knows_how_many_neurons_that_are_joined_all_to_all_fit_a_core():
    # 6 x 8 bits and 10 of the header are a word: 7 axons take 56 bytes, by their bits alone 8 neurons fit
    net = layers(7, 12)
    target = small_target(synapse_bytes_per_core=7 * 8)
    a = Assignment(net, target, {"p1": np.arange(12) // 6}, 2)
    assert cost(a, GRID, np.array([0, 1])).bound == cost(a, GRID, np.array([0, 1])).message_hops == 7 * 2

"""Coarser groups hold what their groups hold, whatever is joined."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.connectivity import sparse
from spikec.placement import search, starts
from spikec.placement.grid import Grid
from spikec.placement.groups import groups_of, nets_of
from spikec.placement.kernels import state
from spikec.placement.levels import joined_nets, levels
from spikec.placement.place import place
from spikec.placement.places import ways
from spikec.placement.rules import check_cores
from tests.spikec.placement.nets import fixed, network, program, random_network, small_target

GRID = Grid(columns=3, rows=2, cores_per_tile=2)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_cores_hold_and_cost_the_same_whether_groups_or_joined_groups_are_on_them(seed):
    net = random_network(seed)
    p = program(net)
    groups = groups_of(net, p.target)
    nets = nets_of(net, p.target, groups)
    rng = np.random.default_rng(seed)
    parent = np.unique(rng.integers(0, max(1, groups.n // 2), groups.n), return_inverse=True)[1]
    core = rng.integers(0, 6, parent.max() + 1)
    joined = starts.filled(joined_nets(nets, parent), core, 6)
    single = starts.filled(nets, core[parent], 6)
    assert np.array_equal(joined.use, single.use)
    assert np.array_equal(joined.fan, single.fan)
    way = ways(GRID, np.arange(6))
    assert state.message_hops(joined_nets(nets, parent), joined, *way) == state.message_hops(
        nets, single, *way
    )


def _shuffled_communities(n, size, fan_out, seed=0):
    rng = np.random.default_rng(seed)
    pre = np.repeat(np.arange(n), fan_out)
    near = pre // size * size + rng.integers(0, size, pre.size)
    post = np.where(rng.random(pre.size) < 0.95, near, rng.integers(0, n, pre.size))
    pairs = np.unique(pre * n + post)
    name = rng.permutation(n)
    back = sparse(n, n, name[pairs // n], name[pairs % n], fixed(pairs.size))
    first = sparse(1, n, np.zeros(n, int), np.arange(n), fixed(n))
    return network({"in": 1, "a": n}, {"q": ("in", "a", first), "r": ("a", "a", back)}), name


def test_joined_neurons_are_those_of_one_community():
    net, name = _shuffled_communities(2000, 50, 20)
    p = program(net)
    groups = groups_of(net, p.target)
    last = levels(groups, nets_of(net, p.target, groups), 400, np.random.default_rng(0))[-1]
    assert last.groups.n <= 400
    community = np.empty(2000, int)
    community[name] = np.arange(2000) // 50
    alike = [np.bincount(community[last.groups.of["a"] == k]).max() for k in range(last.groups.n)]
    assert sum(alike) > 0.95 * 2000


def test_a_large_network_placed_level_by_level_keeps_all_rules_and_finds_its_communities(monkeypatch):
    monkeypatch.setattr(search, "FLAT", 500)
    monkeypatch.setattr(search, "COARSE", 200)
    net, _ = _shuffled_communities(2000, 50, 20)
    p = program(net, small_target(neurons_per_core=100))
    found, again = (place(p, seed=1) for _ in range(2))
    assert not list(check_cores(found.assignment))
    assert np.array_equal(found.assignment.cores["a"], again.assignment.cores["a"])
    assert found.cost.message_hops < 0.3 * place(p, "hilbert").cost.message_hops

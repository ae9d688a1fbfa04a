"""Placements: no rule broken, the same for a seed, what the search keeps up equals what is counted anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import TargetError, UsageError
from spikec.ir.connectivity import sparse
from spikec.placement import chunks, metis, starts
from spikec.placement.cost import cost, message_hops
from spikec.placement.grid import Grid, grid_of
from spikec.placement.groups import groups_of, nets_of
from spikec.placement.kernels import moves, state
from spikec.placement.place import METHODS, METIS, assigned, place
from spikec.placement.places import annealed, traffic_of, ways
from spikec.placement.rules import RULES, axons_in, axons_out, check_cores, synapse_bytes, uses
from spikec.targets.target import load_target
from tests.spikec.placement.nets import (
    fixed,
    hops_by_hand,
    images,
    layers,
    network,
    program,
    random_network,
    small_target,
)

GRID = Grid(columns=3, rows=2, cores_per_tile=2)
SMALL = small_target(
    neurons_per_core=8, axons_in_per_core=60, axons_out_per_core=80, synapse_bytes_per_core=600
)


def _state(seed, n_cores=6):
    net = random_network(seed)
    p = program(net)
    groups = groups_of(net, p.target)
    rng = np.random.default_rng(seed)
    rates = {"in": rng.integers(0, 4, net.population("in").n), "p0": 3}
    rates = {name: rate for name, rate in rates.items() if name in {q.name for q in net.populations}}
    nets = nets_of(net, p.target, groups, rates)
    core = rng.integers(0, n_cores, groups.n)
    return p, groups, nets, rates, starts.filled(nets, core, n_cores), rng


def _there(s):
    """Groups that each net reaches on each core, ``(n_nets, n_cores)``."""
    there = np.zeros((s.fan.size, s.use.shape[0]), int)
    for e, fan in enumerate(s.fan):
        here = slice(s.at[e], s.at[e] + fan)
        there[e, s.reached[here]] = s.groups[here]
        assert np.all(s.groups[here] > 0)
    return there


def _but_order(s):
    return [s.core, s.fan, s.use, s.labelled, s.overflowing]


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_what_is_kept_up_while_groups_move_is_what_is_counted_anew(seed):
    p, groups, nets, rates, s, rng = _state(seed)
    where = rng.permutation(GRID.n_places)[:6]
    way = ways(GRID, where)
    for _ in range(10):
        g, to = int(rng.integers(0, groups.n)), int(rng.integers(0, 6))
        before = state.message_hops(nets, s, *way)
        pull, total = moves.no_pull(6), np.empty(6)
        moves.feel(nets, s, g, way, pull)
        moves.weigh(pull, way, s.core[g], total)
        assert total.tolist() == [moves.cost_on(pull, way, c) for c in range(6)]
        expected = before + total[to] - total[s.core[g]]
        state.put(nets, s, g, to)
        assert state.message_hops(nets, s, *way) == expected
    fresh = starts.filled(nets, s.core.copy(), 6)
    assert np.array_equal(_there(s), _there(fresh))
    for one, other in zip(_but_order(s), _but_order(fresh), strict=True):
        assert np.array_equal(one, other)
    cores = {name: s.core[of] for name, of in groups.of.items()}
    hops, _, _ = hops_by_hand(p.network, cores, GRID, where, rates)
    assert state.message_hops(nets, s, *way) == hops


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_the_search_counts_axons_as_the_rules_do_and_memory_never_less(seed):
    p, groups, nets, _, s, _ = _state(seed)
    s = starts.filled(nets, np.unique(s.core, return_inverse=True)[1], 6)
    a = assigned(p, groups, s.core)
    n = a.n_cores
    assert np.array_equal(s.use[:n, state.AXONS_IN], axons_in(a))
    assert np.array_equal(s.use[:n, state.AXONS_OUT], axons_out(a))
    assert np.all(s.use[:n, state.BITS] >= 8 * synapse_bytes(a) - 7)
    for k, rule in enumerate(RULES):
        if rule.name.startswith(("distinct", "synapse formats")):
            assert np.array_equal(s.use[:n, k], rule.use(a)), rule.name


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(METHODS))
def test_a_placed_network_breaks_no_rule_and_has_a_place_for_every_core(seed, method):
    net = random_network(seed)
    p = program(net, SMALL)
    try:
        found = place(p, method, seed=seed)
    except TargetError:
        return
    assert not list(check_cores(found.assignment))
    assert {name: c.size for name, c in found.assignment.cores.items()} == {
        q.name: q.n for q in net.populations if not q.is_source
    }
    used = np.unique(np.concatenate(list(found.assignment.cores.values())))
    assert used.tolist() == list(range(found.n_cores))
    assert np.unique(found.placement.place).size == found.n_cores
    assert found.placement.place.max() < found.grid.n_places
    assert found.cost == cost(found.assignment, found.grid, found.placement.place)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_the_search_is_never_worse_than_the_plain_ways(seed):
    p = program(random_network(seed), small_target(neurons_per_core=8))
    ours = place(p, seed=seed).cost
    for method in ("sequential", "greedy", "hilbert"):
        assert ours.message_hops <= place(p, method, seed=seed).cost.message_hops
    assert ours.bound <= ours.message_hops


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_placement(method):
    p = program(random_network(4), SMALL)
    one, other = (place(p, method, seed=3) for _ in range(2))
    assert np.array_equal(one.placement.place, other.placement.place)
    assert all(np.array_equal(c, other.assignment.cores[name]) for name, c in one.assignment.cores.items())


def test_sequential_gives_every_population_cores_of_its_own_in_equal_chunks():
    a = chunks.sequential(layers(3, 10, 4), small_target(neurons_per_core=4))
    assert a.cores["p1"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert a.cores["p2"].tolist() == [3, 3, 3, 3]


def test_a_placement_on_more_cores_than_all_chips_have_is_none():
    p = program(layers(3, 6, 6), small_target(chips=1, cores=3, neurons_per_core=5))
    with pytest.raises(TargetError) as found:
        place(p, "sequential")
    (v,) = found.value.violations
    assert (v.rule, v.got, v.limit) == ("cores", "4", "at most 3")
    assert place(p).n_cores == 3
    several = program(p.network, small_target(chips=2, cores=2, neurons_per_core=5))
    assert place(several, "sequential").n_cores == 4


def test_sequential_counts_words_of_memory():
    # 1724 axons of 64 synapses: 9 words each, 124128 bytes; with 65 one word more: too much for 131072
    a = chunks.sequential(layers(700, 1024, recurrent=True), load_target("loihi1"))
    assert a.n_cores == 16
    assert not list(check_cores(a))
    assert max(u.use.max() for u in uses(a) if u.rule.name == "synapse bytes") == 1724 * 9 * 8


def test_two_small_layers_share_a_core_where_nengo_takes_two():
    p = program(layers(12, 38, 2, recurrent=True))
    sequential, ours = place(p, "sequential"), place(p)
    assert (sequential.n_cores, ours.n_cores) == (2, 1)
    assert (sequential.cost.message_hops, ours.cost.message_hops) == (12 + 38, 12)
    assert ours.cost.bound == 12


def test_neurons_in_two_rings_that_are_shuffled_come_together_again():
    rng = np.random.default_rng(0)
    n, order = 16, np.random.default_rng(1).permutation(16)
    inner = np.concatenate([[(i + j) % 8 + 8 * ring for i in range(8) for j in (1, 2)] for ring in (0, 1)])
    pre = np.repeat(np.arange(n), 2)
    net = network(
        {"in": 1, "a": n},
        {"q": ("in", "a", sparse(1, n, [0], [0], fixed(1))),
         "r": ("a", "a", sparse(n, n, order[pre], order[inner], fixed(pre.size)))},
    )  # fmt: skip
    found = place(program(net, small_target(neurons_per_core=8)), seed=int(rng.integers(9)))
    assert found.cost.message_hops == found.cost.bound == 1
    assert found.n_cores == 2


def test_a_network_one_neuron_too_large_for_a_core_takes_two():
    for n, cores in ((1024, 1), (1025, 2)):
        assert place(program(layers(2, n)), "sequential").n_cores == cores
        assert place(program(layers(2, n))).n_cores == cores


def test_a_neuron_with_too_many_inputs_is_refused_by_that_rule():
    target = small_target(axons_in_per_core=10)
    assert place(program(layers(10, 3), target)).n_cores == 1
    for method in METHODS:
        with pytest.raises(TargetError) as caught:
            place(program(layers(11, 3), target), method)
        assert {v.rule for v in caught.value.violations} == {"input axons of a core"}


@pytest.mark.parametrize("method", ["sequential", "search"])
def test_cores_with_too_many_axons_out_get_fewer_neurons(method):
    # the second layer fills two cores, so only four neurons of the first may lie on one
    found = place(program(layers(1, 12, 12), small_target(neurons_per_core=8, axons_out_per_core=9)), method)
    assert axons_out(found.assignment).max() <= 9
    assert np.bincount(found.assignment.cores["p1"]).max() <= 4


def test_an_image_is_filled_again_with_fewer_neurons_on_a_core_if_too_many_axons_leave_it():
    target = small_target(neurons_per_core=60, axons_out_per_core=50)
    net = images(np.random.default_rng(0), channels=2, size=12)
    a = place(program(net, target), "hilbert").assignment
    assert not list(check_cores(a))
    groups = groups_of(net, target)
    nets = nets_of(net, target, groups)
    nets.limits[state.AXONS_OUT] = 1 << 40
    free = assigned(program(net, target), groups, starts.packed(groups, nets, starts.by_population(groups)))
    assert axons_out(free).max() > 50


def test_several_chips_lie_side_by_side():
    found = place(program(layers(1, 200), small_target(neurons_per_core=1)), "sequential")
    assert (found.n_cores, found.grid.chips, found.grid.n_places) == (200, 2, 256)


def test_exchanges_of_places_never_make_it_worse():
    rng = np.random.default_rng(2)
    p, _, nets, _, s, _ = _state(5)
    grid = grid_of(p.target)
    t = traffic_of(nets, s)
    first = rng.permutation(grid.n_places)[:6]
    after = annealed(t, grid, first, rng)
    assert np.unique(after).size == 6
    assert message_hops(t, grid, after) <= message_hops(t, grid, first)


def test_wrong_words_are_refused():
    with pytest.raises(UsageError, match="no way 'best'"):
        place(program(layers(1, 1)), "best")
    with pytest.raises(UsageError, match="does not say how its cores lie"):
        place(program(layers(1, 1), load_target("ideal")))


def test_metis_keeps_all_rules_where_it_is_installed():
    pytest.importorskip("pymetis")
    for seed in range(8):
        p = program(random_network(seed), SMALL)
        try:
            one, other = (place(p, METIS, seed=3) for _ in range(2))
        except TargetError:
            continue
        assert not list(check_cores(one.assignment))
        assert np.array_equal(one.placement.place, other.placement.place)
        assert all(np.array_equal(c, other.assignment.cores[k]) for k, c in one.assignment.cores.items())


def test_metis_is_refused_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(metis, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install pymetis"):
        place(program(layers(1, 1)), METIS)


def test_sequential_ends_for_populations_whose_chunks_cannot_get_just_a_little_smaller():
    # ceil(2000 / parts) neurons: from 100 parts on, 2 more are still 20 neurons each
    a = chunks.sequential(layers(1, 2000), small_target(neurons_per_core=1024, axons_out_per_core=None,
                                                        synapse_bytes_per_core=24 * 8))  # fmt: skip
    assert not list(check_cores(a))

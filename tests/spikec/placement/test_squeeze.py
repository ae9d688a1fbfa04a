"""Cores with too many axons are relieved of them, and everything else stays as full as it may be."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.connectivity import sparse
from spikec.placement import starts
from spikec.placement.groups import groups_of, nets_of
from spikec.placement.kernels import squeeze, state
from spikec.placement.place import place
from spikec.placement.rules import check_cores
from tests.spikec.placement.nets import fixed, network, program, small_target

AXONS = [state.AXONS_IN, state.AXONS_OUT]


def _recurrent(rng, n, fan_out):
    """Neurons that each reach some others at random, all of them reached by two inputs."""
    pre = np.repeat(np.arange(n), fan_out)
    pairs = np.unique(pre * n + rng.integers(0, n, pre.size))
    first = sparse(2, n, np.repeat([0, 1], n), np.tile(np.arange(n), 2), fixed(2 * n))
    back = sparse(n, n, pairs // n, pairs % n, fixed(pairs.size))
    return network({"in": 2, "a": n}, {"q": ("in", "a", first), "r": ("a", "a", back)})


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 5))
def test_relief_gives_no_core_more_than_it_holds_and_tells_whether_axons_fit(seed, n_cores, fan_out):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2 * n_cores, 40))
    core = rng.permutation(np.arange(n) % n_cores)
    net = _recurrent(rng, n, fan_out)
    most = -(-n // n_cores)
    target = small_target(neurons_per_core=most, axons_in_per_core=int(rng.integers(2, n + 3)))
    groups = groups_of(net, target)
    nets = nets_of(net, target, groups)
    core = core[np.argsort(groups.of["a"])]
    s = starts.filled(nets, core, n_cores)
    before = s.use.copy()
    relieved = squeeze.relieve(nets, s, rng.integers(0, 1 << 30, 1000))
    over = np.maximum(s.use - nets.limits, 0)
    assert np.array_equal(s.use, starts.filled(nets, s.core, n_cores).use)
    assert relieved == (not over[:, AXONS].any())
    assert not np.delete(over, AXONS, axis=1).any()
    assert s.use[:, state.AXONS_IN].sum() <= before[:, state.AXONS_IN].sum()
    assert np.array_equal(np.bincount(s.core), np.bincount(core))


def test_a_network_without_order_fills_the_fewest_cores_although_every_core_hears_nearly_all():
    # 240 neurons fill four cores of 60; by chance all of them reach every core, and with the two inputs that
    # is two axons more than a core has: at least two neurons must miss each core
    net = _recurrent(np.random.default_rng(0), 240, 24)
    target = small_target(neurons_per_core=60, axons_in_per_core=240)
    plain = place(program(net, target), "sequential")
    found = place(program(net, target))
    assert found.n_cores == 4 < plain.n_cores
    assert not list(check_cores(found.assignment))

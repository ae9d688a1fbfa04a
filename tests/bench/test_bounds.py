"""The proof of currents, attacked: no input that a search finds takes any neuron beyond its bounds."""

import importlib.util
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from spikec.ir.bounds import current_bounds, membrane_bound
from spikec.ir.fixed_neurons import CubaFixed
from spikec.random.networks import random_program

ROOT = Path(__file__).parents[2]
N_TICKS = 14


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(ROOT / "bench"))
    spec = importlib.util.spec_from_file_location("bounds_bench", ROOT / "bench" / "bounds.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]
    sys.path.remove(str(ROOT / "bench"))


def _attack(bench, seed):
    """Push one neuron of a random network; how near the search came to its bound."""
    rng = np.random.default_rng(seed)
    network = random_program(rng, max_neurons=8, max_populations=3, max_delay=4, pairs=False).network
    groups = [p for p in network.populations if isinstance(p.neuron, CubaFixed)]
    p = groups[rng.integers(len(groups))]
    neuron, sign = int(rng.integers(p.n)), int(rng.choice([-1, 1]))
    found = bench.search(network, p, neuron, sign, N_TICKS, rng, n_samples=12, rounds=5)
    for length in (N_TICKS, None):
        for name, bound in current_bounds(network, length).items():
            assert np.all(found.highest[name] <= bound.highest + 1e-6), (seed, name)
            assert np.all(found.lowest[name] >= bound.lowest - 1e-6), (seed, name)
            member = network.population(name)
            reach = membrane_bound(network, member, length)
            below = (reach.highest <= np.asarray(member.neuron.vth) * 64) & (reach.lowest > -bench.M)
            assert np.all(np.where(below, found.v_highest[name] <= reach.highest + 1e-6, True)), (seed, name)
            assert np.all(np.where(below, found.v_lowest[name] >= reach.lowest - 1e-6, True)), (seed, name)
    bound = current_bounds(network, N_TICKS)[p.name]
    limit = (bound.highest if sign > 0 else -bound.lowest)[neuron]
    far = (found.highest if sign > 0 else found.lowest)[p.name][:, neuron]
    return float(np.max(sign * far) / limit) if limit > 0 else 1.0


def test_no_input_that_a_search_finds_leaves_the_bounds(bench):
    near = [_attack(bench, seed) for seed in range(50)]
    assert np.median(near) > 0.5  # the search does push: half the attacks come to half the bound or further


def test_annealing_follows_relays_and_stays_in_the_boxes(bench):
    """Each way at least a third of the bound is found; the shipped network's long delays are relays."""
    network, n_ticks = next(found for name, *found in bench.shipped() if name == "yinyang-ttfs-delays")
    rows = list(bench.rows("", network, n_ticks, bench.Effort(1, 1500, 2, 2000), np.random.default_rng(0)))
    assert [(r["population"], r["way"]) for r in rows] == list(product(("hidden1", "output"), ("up", "down")))
    for row in rows:
        assert 1 <= row["boxed_over_found"] <= row["bound_over_found"] < 3.5
        assert row.get("bound_over_free", 1.0) == pytest.approx(1, abs=0.02)


@pytest.mark.long
def test_no_input_that_a_search_finds_leaves_the_bounds_of_a_thousand_networks(bench):
    near = [_attack(bench, seed) for seed in range(1000, 2000)]
    assert np.median(near) > 0.5

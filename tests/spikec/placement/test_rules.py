"""What a core holds, against counts by hand; each limit breaks where one too many is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.connectivity import Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.network import Population
from spikec.placement.rules import (
    RULES,
    Assignment,
    axon_bits,
    axons_in,
    axons_out,
    check_cores,
    neurons,
    synapse_bytes,
    uses,
)
from tests.spikec.placement.nets import (
    axons_by_hand,
    fixed,
    layers,
    network,
    random_network,
    small_target,
    words_by_hand,
)

LOIHI1 = small_target()


def _three():
    """Neuron 0 of a reaches 1 and 2, 1 reaches 2, one input reaches 0 and 2."""
    return network(
        {"in": 1, "a": 3},
        {
            "q": ("in", "a", sparse(1, 3, [0, 0], [0, 2], fixed(2))),
            "r": ("a", "a", sparse(3, 3, [0, 0, 1], [1, 2, 2], fixed(3))),
        },
    )


def test_three_neurons_on_two_cores_are_counted_as_by_hand():
    a = Assignment(_three(), LOIHI1, {"a": np.array([0, 1, 1])}, 2)
    assert neurons(a).tolist() == [1, 2]
    # input -> core 0 and core 1; neuron 0 -> core 1; neuron 1 -> core 1
    assert axons_in(a).tolist() == [1, 3]
    assert axons_out(a).tolist() == [1, 1]
    # a synapse of a list: 8 bits and 10 of index. Core 0: 1 word. Core 1: input 1, neuron 0 two synapses
    # (36 + 10 bits), neuron 1 one: 3 words
    assert synapse_bytes(a).tolist() == [8, 24]


def test_a_convolution_stores_its_kernel_once_a_core_for_the_channels_there():
    net = random_network(0)
    kernel = net.projections[0].connectivity
    channels = kernel.output_shape[0]
    n = {p.name: p.n for p in net.populations}
    cores = {name: np.zeros(n[name], np.int64) for name in ("a", "b", "c")}
    half = n["a"] // channels  # the first channel alone on core 1
    cores["a"][:half] = 1
    cores["b"][:] = cores["c"][:] = 2
    a = Assignment(net, LOIHI1, cores, 3)
    used = synapse_bytes(a)
    assert used[1] == -(-2 * 9 * 18 // 8)
    assert used[0] == -(-(channels - 1) * 2 * 9 * 18 // 8)


@given(st.integers(0, 500), st.integers(1, 40))
def test_memory_of_an_axon_is_that_of_its_blocks(n, bits):
    assert axon_bits(np.array([n]), bits)[0] == words_by_hand(n, bits)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_axons_are_those_counted_synapse_by_synapse(seed, n_cores):
    net = random_network(seed)
    rng = np.random.default_rng(seed)
    cores = {p.name: rng.integers(0, n_cores, p.n) for p in net.populations if not p.is_source}
    a = Assignment(net, LOIHI1, cores, n_cores)
    into, out = np.zeros(n_cores), np.zeros(n_cores)
    for (name, neuron), reached in axons_by_hand(net, cores).items():
        into[list(reached)] += 1
        if name in cores:
            out[cores[name][neuron]] += len(reached)
    assert np.array_equal(axons_in(a), into)
    assert np.array_equal(axons_out(a), out)


BROKEN = {
    "neurons of a core is 5, at most 4": {"neurons_per_core": 4},
    "input axons of a core is 3, at most 2": {"axons_in_per_core": 2},
    "output axons of a core is 5, at most 4": {"axons_out_per_core": 4},
    "synapse bytes of a core is 24, at most 23": {"synapse_bytes_per_core": 23},
    "distinct thresholds of a core is 5, at most 4": {"thresholds_per_core": 4},
    "distinct decays of a core is 3, at most 2": {"decays_per_core": 2},
    "synapse formats of a core is 1, at most 0": {"synapse_formats_per_core": 0},
}


def _five():
    k = CubaFixed(du=[1, 1, 2, 2, 2], dv=[5, 5, 5, 5, 6], vth=[1, 2, 3, 4, 5])
    return network(
        {"in": 3, "a": Population("a", k, (5,)), "b": 1},
        {"q": ("in", "a", Dense(fixed(5, 3))), "r": ("a", "b", Dense(fixed(1, 5)))},
    )


@pytest.mark.parametrize("said", BROKEN)
def test_a_core_that_holds_one_too_many_is_named_with_what_to_do(said):
    cores = {"a": np.zeros(5, np.int64), "b": np.ones(1, np.int64)}
    limits = dict(BROKEN[said])
    found = list(check_cores(Assignment(_five(), small_target(**limits), cores, 2)))
    v = found[0]
    assert f"{v.rule} is {v.got}, {v.limit}" == said
    assert v.where == "core 0 (a)"
    assert v.advice
    more = {name: value + 1 for name, value in limits.items()}
    assert not [v for v in check_cores(Assignment(_five(), small_target(**more), cores, 2)) if "0" in v.where]


def test_all_faults_of_all_cores_are_named_at_once():
    limits = {name: value for limits in BROKEN.values() for name, value in limits.items()}
    cores = {"a": np.zeros(5, np.int64), "b": np.ones(1, np.int64)}
    found = list(check_cores(Assignment(_five(), small_target(**limits), cores, 2)))
    assert len({v.rule for v in found if v.where == "core 0 (a)"}) == len(RULES) == 7


def test_advice_says_which_layer_how_many_parts_and_bits():
    a = Assignment(layers(100, 30), small_target(synapse_bytes_per_core=1600),
                   {"p1": np.zeros(30, np.int64)}, 1)  # fmt: skip
    (v,) = check_cores(a)
    assert (v.got, v.advice) == ("3200", "split p1 into 2 parts, or compile with --bits 4")


def test_limits_that_a_target_lacks_are_not_checked():
    a = Assignment(layers(3, 4), small_target("loihi2"), {"p1": np.zeros(4, np.int64)}, 1)
    assert {u.rule.name for u in uses(a) if u.limit is None} >= {"synapse bytes", "distinct thresholds"}
    assert not list(check_cores(a))

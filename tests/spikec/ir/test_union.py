"""The disjoint union of networks computes what its parts compute, each for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.counting import count
from spikec.errors import NetworkError
from spikec.events import Events, no_events, same
from spikec.ir.connectivity import Delays, Dense, Sparse, sparse
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import Ramp, Source
from spikec.ir.union import SOURCE, Place, union
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from spikec.targets.target import load_target

N_TICKS = 30


def reference(network: Network, inputs: dict[str, Events]) -> RunResult:
    record = [f"{p.name}.v" for p in network.populations if not p.is_source]
    executable = ReferenceBackend().prepare(Program(network, load_target("loihi2")))
    return executable.run(inputs, N_TICKS, record)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_a_union_computes_what_its_parts_compute(seeds: list[int]) -> None:
    networks, inputs = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng, max_neurons=8)
        networks.append(program.network)
        inputs.append(random_inputs(rng, program, 2, N_TICKS))
    together = union(networks)
    result = reference(verify(together.network), together.join(inputs))
    spikes, membranes = together.split(result.spikes), together.split_traces(result.traces)
    totals = dict.fromkeys(("synaptic_events", "zero_weight_events", "delay_writes", "neuron_updates"), 0)
    for network, given_inputs, s, v in zip(networks, inputs, spikes, membranes, strict=True):
        alone = reference(network, given_inputs)
        for name, events in alone.spikes.items():
            assert same(s[name], events)
        assert set(v) == set(alone.traces)
        for key, membrane in alone.traces.items():
            np.testing.assert_array_equal(v[key], membrane)
        counters = count(network, alone.spikes, 2, N_TICKS)
        totals = {name: n + counters.total(name) for name, n in totals.items()}
    counters = count(together.network, result.spikes, 2, N_TICKS)
    assert {name: counters.total(name) for name in totals} == totals


def net(*projections: Projection) -> Network:
    neuron = CubaFixed(du=4095, dv=4096, vth=1000)
    populations = (
        Population("in", Source(), (2,)),
        Population("also in", Source(), (1,)),
        Population("out", neuron, (2,)),
    )
    return Network(populations, projections, ("in", "also in"), ("out",), Ticks(1e-3, LOIHI))


def one(name: str, exponent: int = 0, bits: int = 8, pre: str = "in", delay: int = 0) -> Projection:
    n_pre = 2 if pre == "in" else 1
    form = FixedFormat(bits, Sign.MIXED, exponent)
    return Projection(name, pre, "out", Dense(Fixed(np.full((2, n_pre), -256), form)), Delays(delay))


def shape(network: Network) -> list[tuple[str, int]]:
    """Each projection's format and number of synapses."""
    found = []
    for q in union([network]).network.projections:
        assert isinstance(q.connectivity.weights, Fixed)
        form = q.connectivity.weights.format
        found.append((f"2^{form.exponent} {form.bits} bits", q.connectivity.n_synapses))
    return found


def test_projections_of_one_exponent_become_one_with_the_widest_format() -> None:
    assert shape(net(one("a", bits=3), one("b", bits=7, pre="also in"))) == [("2^0 7 bits", 6)]
    assert shape(net(one("a", exponent=1), one("b", pre="also in"))) == [("2^0 8 bits", 2), ("2^1 8 bits", 4)]


def test_a_pair_with_two_synapses_needs_two_projections() -> None:
    assert shape(net(one("a"), one("b"))) == [("2^0 8 bits", 4), ("2^0 8 bits", 4)]


def test_sums_that_are_cut_off_stay_apart() -> None:
    network = net(one("a", exponent=-1), one("b", exponent=-1, pre="also in"))
    assert shape(network) == [("2^-1 8 bits", 4), ("2^-1 8 bits", 2)]


def test_delayed_synapses_stay_apart_from_those_without() -> None:
    network = net(one("a", delay=3), one("b", delay=5, pre="also in"), one("c"))
    projections = union([network]).network.projections
    assert [q.delays.longest for q in projections] == [0, 5]


def test_networks_never_disturb_each_other() -> None:
    network = net(one("a", exponent=-1), one("b"))
    together = union([network] * 10)
    assert [q.connectivity.n_synapses for q in together.network.projections] == [40, 40]
    assert [p.n for p in together.network.populations] == [30, 20]
    assert [place["out"] for place in together.places] == [Place("CubaFixed", k) for k in range(0, 20, 2)]


def test_neurons_of_each_type_have_a_population_of_their_own() -> None:
    theta = ThetaFixed(cos=99, sin_a=9, sin_b=[8, 9], a_init=0, b_init=5, shift=3)
    qif = QifFixed(du=0, gain=3, shift=9, turn=40, keep=16000)
    networks = []
    for neuron in (theta, CubaFixed(du=0, dv=0, vth=1), qif, theta):
        plain = net(one("a"), one("b", pre="also in"))
        populations = (*plain.populations[:2], Population("out", neuron, (2,)))
        networks.append(replace(plain, populations=populations))
    together = union(networks)
    whole = together.network
    assert [(p.name, p.n) for p in whole.populations] == [
        (SOURCE, 12), ("CubaFixed", 2), ("ThetaFixed", 4), ("QifFixed", 2),
    ]  # fmt: skip
    assert whole.outputs == ("CubaFixed", "ThetaFixed", "QifFixed")
    assert together.places[3]["out"] == Place("ThetaFixed", 2)
    assert [(q.pre, q.post, q.connectivity.n_synapses) for q in whole.projections] == [
        (SOURCE, "CubaFixed", 6), (SOURCE, "QifFixed", 6), (SOURCE, "ThetaFixed", 12),
    ]  # fmt: skip
    united = whole.population("ThetaFixed").neuron
    assert isinstance(united, ThetaFixed)
    assert np.asarray(united.sin_b).tolist() == [8, 9, 8, 9]


def test_stored_zeros_are_kept() -> None:
    connectivity = sparse(2, 2, [0, 1], [1, 0], Fixed([0, 4]))
    network = net(Projection("a", "in", "out", connectivity, Delays(0)))
    merged = union([network, network]).network.projections[0].connectivity
    assert isinstance(merged, Sparse)
    assert merged.dense_matrix()[merged.synapses()[1], merged.synapses()[0]].tolist() == [0, 4, 0, 4]


def test_what_cannot_be_united_is_refused() -> None:
    populations = (Population("in", Source(), (1,)), Population("out", Ramp(1.0), (1,)))
    continuous = Network(populations, (), ("in",), ("out",), Continuous())
    with pytest.raises(NetworkError, match="network 1 is continuous"):
        union([net(), continuous])
    with pytest.raises(NetworkError, match="0 inputs"):
        union([])
    with pytest.raises(NetworkError, match="different ticks"):
        union([net(), replace(net(), clock=Ticks(2e-3, LOIHI))])
    with pytest.raises(NetworkError, match="different numbers of samples"):
        union([net()] * 2).join([{"in": no_events(1, 2)}, {"in": no_events(2, 2)}])


def test_the_inputs_of_all_parts_are_laid_side_by_side() -> None:
    given_inputs = {"in": Events([3], [1], [0, 1], 2), "also in": Events([2], [0], [0, 1], 1)}
    joined = union([net()] * 2).join([given_inputs] * 2)[SOURCE]
    assert joined.times.tolist() == [2, 2, 3, 3]
    assert joined.neurons.tolist() == [2, 5, 1, 4]

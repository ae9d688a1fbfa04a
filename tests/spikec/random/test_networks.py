"""What the random programs promise: they are legal, repeatable, and reach every corner they name."""

from functools import cache

import numpy as np
import pytest

from spikec.inputs import check_inputs
from spikec.ir.connectivity import Convolution, DelayKind, Dense, Sparse
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Sign
from spikec.ir.network import Dialect
from spikec.ir.verify import verify
from spikec.random.networks import has_pairs, random_inputs, random_program
from spikec.reference import ReferenceBackend

SEEDS = range(140)


@cache
def _drawn(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    return program, random_inputs(rng, program, 3, 40)


@cache
def _result(seed):
    program, inputs = _drawn(seed)
    names = [p.name for p in program.network.populations if not p.is_source]
    return ReferenceBackend().prepare(program).run(inputs, 40, [f"{name}.v" for name in names])


@cache
def _networks():
    return [random_program(np.random.default_rng(seed)).network for seed in range(3 * len(SEEDS))]


def _projections():
    return [q for network in _networks() for q in network.projections]


def _neurons(kind):
    return [p.neuron for network in _networks() for p in network.populations if isinstance(p.neuron, kind)]


def _values(kind, name):
    return {int(v) for k in _neurons(kind) for v in np.ravel(getattr(k, name))}


@pytest.mark.parametrize("seed", SEEDS)
def test_programs_are_legal_and_inputs_fit_them(seed):
    program, inputs = _drawn(seed)
    assert verify(program.network).dialect is Dialect.FIXED
    assert program.target.name == "loihi2"
    assert check_inputs(program.network, inputs) == 3


def test_the_same_seed_gives_the_same_program():
    twins = [random_program(np.random.default_rng(7)).network for _ in range(2)]
    for a, b in zip(*(t.projections for t in twins), strict=True):
        np.testing.assert_array_equal(a.connectivity.dense_matrix(), b.connectivity.dense_matrix())
        np.testing.assert_array_equal(a.delays.values, b.delays.values)


def test_sizes_stay_below_those_asked_for():
    for seed in range(30):
        program = random_program(np.random.default_rng(seed), max_neurons=3, max_populations=2, max_delay=5)
        groups = [p for p in program.network.populations if not p.is_source]
        assert len(groups) <= 2
        assert all(p.n <= 3 for p in program.network.populations)
        assert all(q.delays.longest <= 5 for q in program.network.projections)


def test_every_kind_of_projection_occurs():
    connectivities = [q.connectivity for q in _projections()]
    assert {type(c) for c in connectivities} == {Dense, Sparse, Convolution}
    assert {q.delays.kind for q in _projections()} == set(DelayKind)
    assert {0, 62} <= {int(d) for q in _projections() for d in np.ravel(q.delays.values)}
    formats = [c.weights.format for c in connectivities]
    assert {f.sign for f in formats} == set(Sign)
    assert {f.bits for f in formats} == set(range(1, 9))
    assert {f.exponent for f in formats} == set(range(-8, 8))
    assert any(c.n_synapses == 0 for c in connectivities)
    assert any(
        isinstance(c, Sparse) and np.any(np.diff(c.starts) == 0) and c.n_synapses for c in connectivities
    )
    assert any(isinstance(c, Sparse) and np.any(c.weights.mantissa == 0) for c in connectivities)


def test_every_kind_of_graph_occurs():
    networks = _networks()
    assert any(q.pre == q.post for q in _projections())
    assert any(len(c) > 1 for n in networks for c in n.components())
    assert any(not any(n.is_recurrent(c) for c in n.components()) for n in networks)
    pairs = [[(q.pre, q.post) for q in n.projections] for n in networks]
    assert any(len(set(p)) < len(p) for p in pairs)
    assert {len(n.inputs) for n in networks} == {1, 2}
    assert any(not n.incoming(p.name) for n in networks for p in n.populations if not p.is_source)
    assert any(p.n == 1 for n in networks for p in n.populations)
    assert {p.neuron.one_spike for n in networks for p in n.populations if p.is_source} == {False, True}


@pytest.mark.parametrize("kind", [CubaFixed, ThetaFixed, QifFixed])
def test_every_kind_of_parameter_occurs_and_its_ends_too(kind):
    for name, ends in kind._RANGES.items():
        assert {getattr(k, name).ndim for k in _neurons(kind)} == {0, 1}, name
        if not name.startswith("bias"):
            assert set(ends) <= _values(kind, name), name
    if kind is CubaFixed:
        assert {-1, 0, 1} <= {int(np.sign(v)) for v in _values(kind, "bias_mant")}
        assert {-8, 7} <= _values(kind, "bias_exp")


def test_one_network_in_three_has_pairs_or_as_one_asks():
    assert 0.25 < np.mean([has_pairs(network) for network in _networks()]) < 0.42
    for pairs in (False, True):
        programs = [random_program(np.random.default_rng(seed), pairs=pairs) for seed in range(20)]
        assert {has_pairs(program.network) for program in programs} == {pairs}


def test_pairs_stand_alone_and_beside_other_neurons():
    types = [{type(p.neuron) for p in n.populations if not p.is_source} for n in _networks()]
    assert {ThetaFixed} in types
    assert {QifFixed} in types
    assert any(len(t) > 1 and CubaFixed in t for t in types)
    assert any(q.pre == q.post for n in _networks() if has_pairs(n) for q in n.projections)


def test_activity_reaches_from_silence_to_saturation():
    rates, membranes = {CubaFixed: [], ThetaFixed: [], QifFixed: []}, []
    for seed in SEEDS:
        result = _result(seed)
        for p in _drawn(seed)[0].network.populations:
            if not p.is_source:
                v = result.traces[f"{p.name}.v"]
                rates[type(p.neuron)].append(result.spikes[p.name].n_events / v.size)
                membranes += [np.abs(v).max()] if isinstance(p.neuron, CubaFixed) else []
    assert {min(r) for r in rates.values()} == {0.0}
    assert [max(r) > least for r, least in zip(rates.values(), (0.9, 0.4, 0.1), strict=True)] == [True] * 3
    assert [sum(0.01 < x < 0.5 for x in r) > 10 for r in rates.values()] == [True] * 3
    assert max(membranes) == (1 << 23) - 1


def test_inputs_are_silent_busy_and_saturated():
    shares = [e.counts().mean() / 40 for seed in SEEDS for e in _drawn(seed)[1].values()]
    per_sample = [c / 40 for seed in SEEDS for e in _drawn(seed)[1].values() for c in e.counts().mean(axis=1)]
    assert min(per_sample) == 0.0
    assert max(per_sample) >= 1.0
    assert {e.most_at_once() > 1 for seed in SEEDS for e in _drawn(seed)[1].values()} == {False, True}
    assert any(0.01 < s < 0.5 for s in shares)

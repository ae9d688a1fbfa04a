"""Split decays: the parts together do what the whole did, and come back under its name."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.coding import Decoding, decode
from spikec.events import same
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, If, LiReadout, Source
from spikec.ir.verify import verify
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.split_decays import SplitDecays, decay_groups
from spikec.program import Program
from spikec.targets.target import Figure, load_target
from tests.float_networks import DT, answer, random_inputs, random_network, started

seeds = st.integers(0, 2**32 - 1)
LOIHI2 = load_target("loihi2")


def _target(limit):
    return replace(LOIHI2, limits=replace(LOIHI2.limits, decays_per_population=Figure(limit, "a test")))


def _pairs(p):
    k = p.neuron
    return (
        {tuple(pair) for pair in np.broadcast(k.decay_u, k.decay_v, np.zeros(p.n))}
        if not p.is_source
        else set()
    )


@settings(max_examples=50)
@given(seeds, st.integers(1, 3))
def test_the_parts_do_what_the_whole_did(seed, limit):
    rng = np.random.default_rng(seed)
    kinds = ("lif", "cuba", "cuba", "if")
    network = random_network(rng, Ticks(DT, LOIHI), kinds=kinds, recurrent=True, max_delay=3, bias=True)
    program = DiscretizeTime().apply(started(network, _target(limit)))
    cut = SplitDecays().apply(program)
    verify(cut.network, cut.shards)
    assert all(len(_pairs(p)) <= limit for p in cut.network.populations)
    inputs = random_inputs(rng, network, 2, 20)
    record = [f"{p.name}.v" for p in network.populations if not p.is_source] + ["out.v.last"]
    before, after = answer(program, inputs, 20, record), answer(cut, inputs, 20, record)
    assert set(before.spikes) == set(after.spikes)
    for name in before.spikes:
        assert same(before.spikes[name], after.spikes[name]), name
    for key in record:
        np.testing.assert_allclose(before.traces[key], after.traces[key], rtol=1e-9, atol=1e-12)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=12), st.integers(1, 4))
def test_groups_hold_all_neurons_once_and_no_more_pairs_than_allowed(pairs, limit):
    decay_u, decay_v = np.array(pairs).T
    groups = decay_groups(Population("p", CubaTicks(decay_u, decay_v, 1.0), (len(pairs),)), limit)
    assert sorted(np.concatenate(groups)) == list(range(len(pairs)))
    found = [{pairs[i] for i in g} for g in groups]
    assert all(len(f) <= limit for f in found)
    assert len(set().union(*found)) == sum(map(len, found))
    assert len(groups) == -(-len(set(pairs)) // limit)


def _readout_network(taus, clock=Continuous(), weights=None):  # noqa: B008
    n = len(taus)
    weights = np.arange(1.0, 2 * n + 1).reshape(n, 2) if weights is None else weights
    return Network(
        (Population("in", Source(True), (2,)), Population("out", LiReadout(tau_mem=taus), (n,))),
        (Projection("q", "in", "out", Dense(weights), Delays(np.array(2 * DT))),),
        ("in",),
        ("out",),
        clock,
        decoding=Decoding("out", "membrane"),
    )


def test_a_split_readout_still_answers_and_its_parts_can_be_compared():
    """All parts of an answer share one scale, so the highest integer is the highest membrane."""
    rng = np.random.default_rng(4)
    taus = np.array([0.01, 0.02, 0.05, 0.1, 0.3, np.inf])
    network = _readout_network(
        taus, weights=rng.normal(0, 1, (6, 2)) * np.array([1, 5, 1, 0.2, 3, 1])[:, None]
    )
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=40))
    assert len(program.shards["out"]) == 6
    assert len({float(program.scales[s.population][0]) for s in program.shards["out"]}) == 1
    inputs = random_inputs(rng, network, 60, 40)
    real = answer(started(network), inputs, 39, ["out.v.last"])
    chip = answer(program, inputs, 40, ["out.v.last"])
    answers = [decode(network.decoding, r.spikes["out"], r.traces["out.v.last"]) for r in (real, chip)]
    assert np.mean(answers[0] == answers[1]) > 0.9
    scale = program.scales[program.shards["out"][0].population][0]
    error = chip.traces["out.v.last"] / scale - real.traces["out.v.last"]
    assert np.abs(error).max() < 0.03 * np.abs(real.traces["out.v.last"]).max()


def test_outputs_scales_and_shards_follow_the_neurons():
    k = CubaTicks([5, 7, 5], 0, [1.0, 2.0, 3.0], bias=[0.1, 0.2, 0.3])
    populations = (Population("in", Source(), (1,)), Population("h", k, (3,)))
    q = Projection("q", "in", "h", Dense(np.array([[1.0], [2.0], [3.0]])))
    network = Network(populations, (q,), ("in",), ("in", "h"), Ticks(DT, LOIHI))
    program = Program(network, LOIHI2, scales={"h": np.array([10.0, 20.0, 30.0])}, once=("x", "h"))
    cut = SplitDecays().apply(program)
    assert cut.once == ("x", "h.0", "h.1")
    assert cut.network.outputs == ("in", "h.0", "h.1")
    assert [s.neurons.tolist() for s in cut.shards["h"]] == [[0, 2], [1]]
    assert {name: s.tolist() for name, s in cut.scales.items()} == {"h.0": [10.0, 30.0], "h.1": [20.0]}
    part = cut.network.population("h.0").neuron
    assert (part.decay_u.tolist(), part.threshold.tolist(), part.bias.tolist()) == (5, [1.0, 3.0], [0.1, 0.3])
    assert cut.network.incoming("h.0")[0].connectivity.dense_matrix().tolist() == [[1.0], [3.0]]


def test_names_that_are_taken_are_not_taken_again():
    k = CubaTicks([5, 7], 0, 1.0)
    one = Dense(np.ones((2, 2)))
    populations = (
        Population("h.0", Source(), (2,)),
        Population("h", k, (2,)),
        Population("q.0.0", If(1.0), (2,)),
    )
    projections = (Projection("q", "h.0", "h", one), Projection("r", "h", "q.0.0", one))
    network = Network(populations, projections, ("h.0",), ("q.0.0",), Ticks(DT, LOIHI))
    cut = SplitDecays().apply(started(network)).network
    assert [p.name for p in cut.populations] == ["h.0", "h.02", "h.1", "q.0.0"]
    assert len({q.name for q in cut.projections}) == 4


def test_a_population_whose_name_holds_a_v_comes_back_whole():
    network = _readout_network([0.1, 0.2])
    renamed = replace(
        network,
        populations=(network.populations[0], replace(network.populations[1], name="cortex.v1")),
        projections=(replace(network.projections[0], post="cortex.v1"),),
        outputs=("cortex.v1",),
        decoding=None,
    )
    program = SplitDecays().apply(DiscretizeTime(DT).apply(started(renamed)))
    inputs = random_inputs(np.random.default_rng(0), renamed, 1, 10)
    traces = answer(program, inputs, 10, ["cortex.v1.v", "cortex.v1.v.last"]).traces
    np.testing.assert_array_equal(traces["cortex.v1.v"][:, -1], traces["cortex.v1.v.last"])


def test_within_the_limit_nothing_is_cut():
    program = DiscretizeTime(DT).apply(started(_readout_network([0.1, 0.2]), "loihi1"))
    assert SplitDecays().apply(program).network.populations == program.network.populations
    ideal = started(_readout_network([0.1, 0.2]), "ideal")
    assert not SplitDecays().apply(ideal).shards

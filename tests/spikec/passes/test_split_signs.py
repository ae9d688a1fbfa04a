"""Split signs: the same synapses in two lists, with finer weights."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.events import same
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import LiReadout, Ramp, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.split_signs import SplitSigns
from spikec.targets.target import load_target
from tests.float_networks import DT, answer, random_inputs, random_network, started

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40)
@given(seeds, st.booleans())
def test_it_changes_no_spike_and_no_synapse_but_zeros(seed, recurrent):
    rng = np.random.default_rng(seed)
    network = random_network(rng, Ticks(DT), recurrent=recurrent, max_delay=4)
    program = DiscretizeTime().apply(started(network))
    cut = SplitSigns().apply(program)
    inputs = random_inputs(rng, network, 2, 40)
    before, after = answer(program, inputs, 40).spikes, answer(cut, inputs, 40).spikes
    assert all(same(before[name], after[name]) for name in before)
    for q in cut.network.projections:
        weights = np.asarray(q.connectivity.weights)
        assert not (np.any(weights > 0) and np.any(weights < 0))
    for pre, post in {(q.pre, q.post) for q in network.projections}:
        totals = [
            sum(q.connectivity.dense_matrix() for q in n.projections if (q.pre, q.post) == (pre, post))
            for n in (program.network, cut.network)
        ]
        np.testing.assert_array_equal(*totals)


def _network(weights, delays=None):
    n_post, n_pre = np.shape(weights)
    populations = (
        Population("in", Source(True), (n_pre,)),
        Population("hidden", Ramp(1.0), (n_post,)),
        Population("out", LiReadout(), (1,)),
    )
    projections = (
        Projection("1", "in", "hidden", Dense(np.array(weights, float) / DT), delays or Delays()),
        Projection("2", "hidden", "out", Dense(np.ones((1, n_post)))),
    )
    return Network(populations, projections, ("in",), ("out",), Continuous())


def test_delays_go_with_their_synapses():
    delays = Delays(np.array([[1, 2], [3, 4]]) * DT, "synaptic")
    program = DiscretizeTime(DT).apply(started(_network([[0.5, -0.25], [0.0, 0.75]], delays)))
    cut = {q.name: q for q in SplitSigns().apply(program).network.projections}
    assert set(cut) == {"1.excitatory", "1.inhibitory", "2"}
    up, down = cut["1.excitatory"], cut["1.inhibitory"]
    assert [a.tolist() for a in up.connectivity.synapses()] == [[0, 1], [0, 1]]
    np.testing.assert_allclose(up.delays.per_synapse(up.connectivity), np.array([1, 4]) * DT)
    np.testing.assert_allclose(down.delays.per_synapse(down.connectivity), [2 * DT])


def test_weights_get_finer_and_messages_more():
    rng = np.random.default_rng(0)
    network = _network(rng.normal(0, 0.1, (20, 30)))
    options = CompileOptions(dt=DT, n_ticks=30)
    errors = []
    for split in (False, True):
        options = CompileOptions(dt=DT, n_ticks=30, split_signs=split)
        program = compile_network(network, load_target("loihi2"), options)
        figures = next(e for e in program.log if e.step == "quantize-weights").figures
        errors.append(max(v for k, v in figures.items() if k.startswith("1") and k.endswith("rms_error")))
    assert errors[1] < 0.7 * errors[0]
    entry = next(e for e in program.log if e.step == "split-signs")
    assert entry.figures["1.more_senders"] == 30

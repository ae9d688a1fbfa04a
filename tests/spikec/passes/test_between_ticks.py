"""Delays between two ticks: two synapses leave in every membrane what one arrival in time would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.events import from_dense_times
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.between_ticks import two_weights
from spikec.passes.quantize_delays import QuantizeDelays
from tests.float_networks import DT, answer, started

decays = st.integers(1, 4095)


@settings(max_examples=200)
@given(decays, decays, st.floats(0, 1, exclude_max=True))
def test_two_arrivals_leave_what_a_late_one_does(decay_u, decay_v, late):
    """Against the kernel's two exponentials themselves, at moments between ticks."""
    r, b = 1 - decay_u / 4096, 1 - decay_v / 4096
    now, then = (float(w) for w in two_weights(np.array(r), np.array(b), np.array(late)))
    m = np.arange(1.0, 40)

    def left(moment):
        if decay_u == decay_v:
            return (moment + 1) * r**moment
        return (r ** (moment + 1) - b ** (moment + 1)) / (r - b)

    assert now * left(m) + then * left(m - 1) == pytest.approx(left(m - late), rel=1e-6, abs=1e-12)
    assert now * r**m + then * r ** (m - 1) == pytest.approx(r ** (m - late), rel=1e-6, abs=1e-12)


def _readout(delays, connectivity, decay_u=400, decay_v=100):
    populations = (
        Population("in", Source(), (2,)),
        Population("out", CubaTicks(decay_u, decay_v, np.inf), (3,)),
    )
    q = Projection("q", "in", "out", connectivity, delays)
    return Network(populations, (q,), ("in",), ("out",), Ticks(DT, LOIHI))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(DelayKind)), st.booleans(), st.booleans())
def test_membranes_are_as_late_as_was_meant(seed, kind, listed, short):
    rng = np.random.default_rng(seed)
    weights, ticks = rng.normal(size=(3, 2)), rng.uniform(0, 9, (3, 2))
    table = {
        DelayKind.UNIFORM: np.full((3, 2), ticks[0, 0]),
        DelayKind.AXONAL: np.broadcast_to(ticks[0], (3, 2)),
        DelayKind.DENDRITIC: np.broadcast_to(ticks[:, :1], (3, 2)),
        DelayKind.SYNAPTIC: ticks,
    }[kind]
    values = {
        DelayKind.UNIFORM: table[0, 0],
        DelayKind.AXONAL: table[0],
        DelayKind.DENDRITIC: table[:, 0],
        DelayKind.SYNAPTIC: table,
    }[kind]
    connectivity = Dense(weights)
    if listed:
        post, pre = np.divmod(np.arange(6), 2)
        connectivity = sparse(2, 3, pre, post, weights.ravel())
        values = values.T.ravel() if kind is DelayKind.SYNAPTIC else values
    decay_u, decay_v = (rng.integers(1, 4096, 3), rng.integers(0, 4096, 3)) if short else (400, 100)
    network = _readout(Delays(values * DT, kind), connectivity, decay_u, decay_v)
    program = QuantizeDelays(between=True).apply(started(network))
    first = rng.integers(0, 4, 2)
    inputs = {"in": from_dense_times(first[None] * DT)}
    got = answer(program, {"in": inputs["in"].to_ticks(DT)}, 30, ["out.v"]).traces["out.v"][0]
    r, b = (np.broadcast_to(1 - np.asarray(d) / 4096, (3,))[:, None] for d in (decay_u, decay_v))
    for k in range(30):
        # A hop takes a tick: what leaves in tick j acts in tick j + 1.
        since = k - 1 - first[None, :] - table
        course = (r ** (since + 1) - b ** (since + 1)) / (r - b)
        wanted = np.where(since > -1, weights * course, 0).sum(axis=1)
        assert got[k] == pytest.approx(wanted, rel=1e-6, abs=1e-6), k


def test_whole_ticks_need_one_synapse_and_parts_two():
    delays = Delays(np.array([[1.0, 2.5], [3.0, 0.25], [2.0, 2.0]]) * DT, "synaptic")
    program = QuantizeDelays(between=True).apply(started(_readout(delays, Dense(np.ones((3, 2))))))
    assert [q.connectivity.n_synapses for q in program.network.projections] == [6, 2]
    assert program.log[-1].figures["q.more_synapses"] == 2
    assert program.log[-1].figures["q.error_ticks"] == 0
    assert program.log[-1].summary.endswith("2 synapses more for parts of ticks")


def test_a_current_that_vanishes_within_a_tick_has_its_delays_rounded():
    network = _readout(Delays(np.array(2.4 * DT)), Dense(np.ones((3, 2))), decay_u=4096)
    program = QuantizeDelays(between=True).apply(started(network))
    assert [q.delays.values.tolist() for q in program.network.projections] == [2]
    assert program.log[-1].figures["q.error_ticks"] == pytest.approx(0.4)

"""Counts as several sources, against a neuron whose input is weights times counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikec.conformance.counted import dealt, most_at_once, with_copies
from spikec.events import from_counts
from spikec.ir.connectivity import Dense
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

WEIGHTS = np.array([[0.25, -0.5, 1.0], [0.5, 0.5, 0.75]])
NETWORK = Network(
    (Population("in", Source(), (3,)), Population("out", If(1.0), (2,))),
    (Projection("w", "in", "out", Dense(WEIGHTS)),),
    ("in",),
    ("out",),
    Ticks(1.0),
)


@given(arrays(np.int64, (2, 6, 3), elements=st.integers(0, 3)))
def test_several_spikes_of_a_tick_weigh_as_many_times(counts):
    events = from_counts(counts)
    most = most_at_once(events)
    assert most == max(1, counts.max())
    program = Program(with_copies(NETWORK, "in", most), load_target("ideal"))
    found = ReferenceBackend().prepare(program).run(dealt(events, "in", most), 6, ["out.v"])
    membrane = np.zeros((2, 2))
    for tick in range(6):
        membrane = membrane + counts[:, tick] @ WEIGHTS.T
        membrane = np.where(membrane > 1.0, 0.0, membrane)
        np.testing.assert_array_equal(found.traces["out.v"][:, tick], membrane)


def test_one_source_stays_as_it_is():
    assert with_copies(NETWORK, "in", 1).inputs == ("in",)

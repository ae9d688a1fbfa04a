"""Random networks in float ticks are legal and repeatable, and reach every corner they name."""

from functools import cache

import numpy as np
import pytest

from spikec.container import digest
from spikec.inputs import check_inputs
from spikec.ir.connectivity import Convolution, DelayKind, Dense, Sparse
from spikec.ir.conventions import CHOICES, DELAYS, Convention
from spikec.ir.network import Dialect
from spikec.random.ticks import KINDS, random_convention, random_counts, random_ticks


@cache
def _programs():
    return [random_ticks(np.random.default_rng(seed)) for seed in range(200)]


def _projections():
    return [q for p in _programs() for q in p.network.projections]


def _populations():
    return [p for program in _programs() for p in program.network.populations if not p.is_source]


def test_programs_are_legal_and_inputs_fit_them():
    for seed, program in enumerate(_programs()):
        assert program.network.dialect is Dialect.TICKS
        inputs = random_counts(np.random.default_rng(seed), program, 3, 20)
        assert check_inputs(program.network, inputs) == 3


def test_the_same_seed_gives_the_same_program():
    twins = [digest(random_ticks(np.random.default_rng(7))) for _ in range(2)]
    assert twins[0] == twins[1]


def test_every_neuron_connectivity_and_kind_of_delay_occurs():
    assert {type(p.neuron).__name__ for p in _populations()} == set(KINDS)
    assert any(getattr(p.neuron, "one_spike", False) for p in _populations())
    assert {type(q.connectivity) for q in _projections()} == {Dense, Sparse, Convolution}
    assert {(q.delays.kind, q.delays.in_ticks) for q in _projections()} == {
        (kind, ticks) for kind in DelayKind for ticks in (False, True)
    }


def test_cycles_and_populations_against_the_flow_occur():
    networks = [p.network for p in _programs()]
    assert any(n.is_recurrent(c) and len(c) > 1 for n in networks for c in n.components())
    assert any(n.leads_back(q) for n in networks for q in n.projections)
    assert any([p.name for p in n.populations] != sorted(p.name for p in n.populations) for n in networks)


@pytest.mark.parametrize("name", [*CHOICES, *DELAYS, "multi_spike"])
def test_every_word_of_a_convention_occurs(name):
    drawn = [random_convention(np.random.default_rng(seed)) for seed in range(60)]
    possible = set(CHOICES[name]) if name in CHOICES else {0, 1}
    assert {getattr(habits, name) for habits in drawn} == possible
    assert len({habits.clamp for habits in drawn}) == 4


def test_a_convention_and_neurons_can_be_chosen():
    program = random_ticks(np.random.default_rng(0), convention=Convention(), kinds=["Lif"], max_neurons=3)
    assert program.network.clock.convention == Convention()
    assert {type(p.neuron).__name__ for p in program.network.populations} == {"Source", "Lif"}
    assert all(p.n <= 3 for p in program.network.populations)


def test_inputs_spike_several_times_in_a_tick():
    program = _programs()[0]
    inputs = random_counts(np.random.default_rng(0), program, 20, 10)
    assert inputs["in"].multiple
    assert {0} < set(np.diff(inputs["in"].sample_starts).tolist())

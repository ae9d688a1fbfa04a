"""The constant input of a current, against the closed form and a hand-written loop."""

import numpy as np
import pytest

from spikec.errors import NetworkError
from spikec.events import Events, no_events
from spikec.ir.connectivity import Dense
from spikec.ir.discrete import tick_of
from spikec.ir.network import Continuous, Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, LiReadout, Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

TAU_MEM, TAU_SYN, DRIVE, DT = 20e-3, 5e-3, 300.0, 1e-3


def _network(neuron, clock):
    return Network(
        (Population("in", Source(), (1,)), Population("out", neuron, (1,))),
        (Projection("in_out", "in", "out", Dense(np.ones((1, 1)))),),
        ("in",),
        ("out",),
        clock,
    )


def _membrane(network, until):
    silence = no_events(1, 1)
    if isinstance(network.clock, Continuous):
        silence = Events(np.zeros(0), silence.neurons, silence.sample_starts, 1)
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    return executable.run({"in": silence}, until, ["out.v.last"]).traces["out.v.last"][0, 0]


@pytest.mark.parametrize("time", [1e-3, 7e-3, 60e-3])
def test_a_constant_current_input_charges_synapse_then_membrane(time):
    readout = LiReadout(tau_mem=TAU_MEM, tau_syn=TAU_SYN, current_bias=DRIVE)
    synapse, membrane = np.exp(-time / TAU_SYN), np.exp(-time / TAU_MEM)
    # The step response of two low-passes in a row.
    left = (TAU_MEM * membrane - TAU_SYN * synapse) / (TAU_MEM - TAU_SYN)
    expected = DRIVE * TAU_SYN * TAU_MEM * (1 - left)
    assert _membrane(_network(readout, Continuous()), time) == pytest.approx(expected, rel=1e-12)


def test_euler_ticks_add_the_constant_to_the_current_in_every_tick():
    readout = LiReadout(tau_mem=TAU_MEM, tau_syn=TAU_SYN, current_bias=DRIVE)
    current = membrane = 0.0
    for _ in range(13):
        current += DT * (DRIVE - current / TAU_SYN)
        membrane += DT * (current - membrane / TAU_MEM)
    assert _membrane(_network(readout, Ticks(DT)), 13) == pytest.approx(membrane, rel=1e-12)


def test_exact_ticks_settle_where_the_equations_settle():
    readout = LiReadout(tau_mem=TAU_MEM, tau_syn=TAU_SYN, current_bias=DRIVE)
    network = _network(readout, Ticks(DT, Convention("exact")))
    assert _membrane(network, 1000) == pytest.approx(DRIVE * TAU_SYN * TAU_MEM, rel=1e-12)


def test_chip_decays_add_the_constant_to_the_current_in_every_tick():
    neuron = CubaTicks(decay_u=1024, decay_v=2048, threshold=np.inf, current_bias=3.0)
    current = membrane = 0.0
    for _ in range(5):
        current = 0.75 * current + 3.0
        membrane = 0.5 * membrane + current
    assert _membrane(_network(neuron, Ticks(DT)), 5) == membrane


def test_without_it_nothing_changes():
    neuron = CubaLif(tau_mem=TAU_MEM, tau_syn=TAU_SYN, threshold=1.0, bias=2.0)
    for convention in (Convention(), Convention("exact")):
        tick = tick_of(neuron, DT, convention)
        assert tick.current_bias == 0.0
        assert tick.bias == tick_of(LiReadout(TAU_MEM, TAU_SYN, bias=2.0), DT, convention).bias


def test_a_current_that_would_grow_for_ever_is_refused():
    with pytest.raises(NetworkError, match="infinite tau_syn"):
        CubaLif(tau_mem=TAU_MEM, tau_syn=np.inf, threshold=1.0, current_bias=1.0)
    with pytest.raises(NetworkError, match="infinite tau_syn"):
        LiReadout(current_bias=1.0)

"""Earlier states: run forward again by the reference, they come back to where they began."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.ir.network import Population
from spikec.ir.neurons import QifExp, Theta
from spikec.passes.backdate import backdated
from spikec.reference.quadratic import quadratic_neurons

TAU = 0.01


def _forward(neuron, seconds):
    group = quadratic_neurons(Population("p", neuron, (1,)))
    group.advance(np.arange(1), seconds)
    return group


@given(st.floats(0, 1), st.floats(0, 2))
def test_a_theta_neuron_returns_to_its_phase(share, back):
    k = Theta(TAU, 1.25, phase=share * float(Theta(TAU).period))
    earlier, there = backdated(k, back * TAU)
    assert there == (float(k.phase) >= back * TAU)
    if there:
        assert _forward(earlier, back * TAU).phase[0] == pytest.approx(float(k.phase), abs=1e-12)
    else:
        assert float(earlier.phase) == 0


@given(st.floats(-3, 3), st.floats(-4, 4), st.floats(0, 0.3))
def test_a_qif_neuron_returns_to_its_state(v, i, back):
    earlier, there = backdated(QifExp(TAU, v_init=v, i_init=i), back * TAU)
    if not there:  # it comes from minus infinity within this time
        assert float(earlier.v_init) < -1e6
        return
    group = _forward(earlier, back * TAU)
    assert group.i[0] == pytest.approx(i, rel=1e-9, abs=1e-12)
    assert group.v[0] == pytest.approx(v, rel=1e-6, abs=1e-9)


def test_neurons_of_one_population_go_their_own_ways():
    neuron = QifExp(TAU, v_init=[0.0, -50.0], i_init=[0.0, 1.0])
    earlier, there = backdated(neuron, 0.1 * TAU)
    assert not there
    assert np.asarray(earlier.v_init)[0] == 0.0
    assert np.asarray(earlier.v_init)[1] < -1e6

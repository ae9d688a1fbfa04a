"""Phases of theta neurons: what the reference's membranes say, and the sums of what moved them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikec
from spikec.backend import run
from spikec.causes.arrivals import arrivals_at, place_of
from spikec.causes.diff import diff
from spikec.causes.first import Side
from spikec.causes.phases import jump, theta_course
from spikec.events import from_rows
from spikec.inputs import in_own_time
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Source, Theta
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT = 2e-4
UNTIL = 0.02
seeds = st.integers(0, 2**32 - 1)


def _sides(seed, **options):
    rng = np.random.default_rng(seed)
    hidden = Theta(0.005, phase=rng.uniform(0, 0.004, 4))
    network = Network(
        (Population("in", Source(), (5,)), Population("hidden", hidden, (4,))),
        (Projection("only", "in", "hidden", Dense(rng.normal(0, 1.0, (4, 5)))),),
        ("in",),
        ("hidden",),
        Continuous(),
    )
    rows = np.unique(rng.integers(0, (80, 5), (25, 2)), axis=0)
    inputs = {"in": from_rows(0 * rows[:, 0], rows[:, 0] * DT, rows[:, 1], n_samples=1, n_neurons=5)}
    exact = Program(network, load_target("ideal"))
    program = spikec.compile(network, dt=DT, ticks=100, **options)
    return [
        Side(p, run(ReferenceBackend(), p, in_own_time(p.network, inputs), end).spikes, end)
        for p, end in ((exact, UNTIL), (program, 100))
    ]


def test_an_arrival_moves_a_phase_by_its_weight_in_the_membrane():
    """In the middle V = 1/2; with radius 1 a weight of 1 leads to tan(pi/4), three quarters of the way."""
    assert jump(1.0, 0.5, 1.0) == pytest.approx(0.25)
    assert jump(1.0, 0.5, 0.0) == pytest.approx(0.0)
    assert jump(1.0, 0.3, 2.0) + jump(1.0, 0.3 + jump(1.0, 0.3, 2.0), -2.0) == pytest.approx(0.0)


@given(seeds)
@settings(max_examples=10)
def test_a_neuron_spikes_where_its_phase_is_one(seed):
    side, _ = _sides(seed)
    for neuron in range(4):
        place = place_of(side.program, "hidden", neuron)
        arrivals = arrivals_at(side.program, side.spikes, place)
        k = side.program.network.population("hidden").neuron
        course = theta_course(k, neuron, arrivals, UNTIL)
        events = side.spikes["hidden"]
        for time in events.times[events.neurons == neuron]:
            assert course.at(float(time)) == pytest.approx(1.0, abs=1e-6)
            assert course.at(float(time) + 1e-7) == pytest.approx(0.0, abs=1e-3)


@given(seeds)
@settings(max_examples=10)
def test_what_moved_the_phases_adds_up_to_their_difference(seed):
    exact, program = _sides(seed, bits=3)
    found = diff(exact, program, tolerance=0.5)
    if found.first is None or found.first.population != "hidden":
        return
    assert found.quantity == "phase"
    spiking = found.a if found.first.side == "a" else found.b
    assert spiking.membrane >= 1 - 1e-6
    together = sum(float(v) for v in found.sums().values())
    assert together == pytest.approx(float(found.margin_difference), abs=1e-9)


def test_one_weight_that_differs_is_named_first():
    side, _ = _sides(3)
    q = side.program.network.projections[0]
    weights = np.array(q.connectivity.weights)
    events = side.spikes["hidden"]
    neuron = int(events.neurons[0])
    arrivals = arrivals_at(side.program, side.spikes, place_of(side.program, "hidden", neuron))
    pre = next(a.neuron for a in arrivals if a.time < events.times[0])
    weights[neuron, pre] -= 0.3
    changed = Projection("only", "in", "hidden", Dense(weights))
    other = Program(side.program.network.with_projections({"only": changed}), load_target("ideal"))
    result = run(ReferenceBackend(), other, {"in": side.spikes["in"]}, UNTIL)
    found = diff(side, Side(other, result.spikes, UNTIL))
    assert found.first.neuron == neuron
    blamed = max(found.causes, key=lambda c: abs(c.parts["weights"]))
    assert (blamed.population, blamed.neuron) == ("in", pre)
    assert blamed.weight_b - blamed.weight_a == pytest.approx(-0.3)

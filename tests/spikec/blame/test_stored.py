"""A program's numbers come back to the synapses and neurons of the float network, whatever passes did."""

from dataclasses import replace

import numpy as np
import pytest

import spikec
from spikec.blame.stored import stored
from spikec.blame.synapses import rebuilt
from spikec.errors import UsageError
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.convolution import Axis, Convolution
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, LiReadout, Ramp, Source, Theta
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target

DT = 1e-3


def _network(clock=None, hidden=None, delays=None, first=None):
    rng = np.random.default_rng(1)
    connectivity = Dense(rng.normal(size=(12, 8))) if first is None else first
    waits = Delays() if delays is None else delays
    return Network(
        (
            Population("in", Source(), (8,)),
            Population("hidden", hidden or CubaLif(0.02, 0.005, 5e-3, bias=0.05), (12,)),
            Population("out", LiReadout(0.03, 0.01), (3,)),
        ),
        (
            Projection("first", "in", "hidden", connectivity, waits),
            Projection("again", "in", "hidden", Dense(rng.normal(size=(12, 8)) / 9)),
            Projection("second", "hidden", "out", Dense(rng.normal(size=(3, 12)))),
        ),
        ("in",),
        ("out",),
        clock or Continuous(),
    )


def _close(network, **options):
    """Every weight of the network is back to within half a step of its grid."""
    program = spikec.compile(network, ticks=50, **({"dt": DT} | options))
    both = stored(network, program)
    seen = {q.name: np.zeros(q.connectivity.n_synapses, np.int64) for q in network.projections}
    for s in both.projections:
        real = next(q for q in both.ticks.projections if q.name == s.projection).connectivity.stored()
        step = s.unit * s.format.step
        assert np.all(np.abs(s.weights - real[s.synapses]) <= 0.5001 * step)
        seen[s.projection][s.synapses] += 1
    assert all(np.all(counts <= 1) for counts in seen.values())
    return both, seen


@pytest.mark.parametrize("clock", [Continuous(), Ticks(DT)])
@pytest.mark.parametrize("options", [{}, {"bits": 3}, {"split_signs": True}])
def test_weights_come_back(clock, options):
    _, seen = _close(_network(clock), **options)
    if not options:
        assert all(np.all(counts == 1) for counts in seen.values())


def test_weights_come_back_from_shards_and_rows_of_their_own_scale():
    rng = np.random.default_rng(2)
    hidden = CubaLif(rng.uniform(0.01, 0.03, 12), 0.005, rng.uniform(4e-3, 8e-3, 12))
    network = _network(hidden=hidden)
    both, seen = _close(network, target="loihi1")
    assert all(np.all(counts == 1) for counts in seen.values())
    kept, exact = both.neurons["hidden"], both.exact["hidden"]
    np.testing.assert_allclose(kept.threshold, exact.threshold, rtol=2e-3)
    np.testing.assert_allclose(kept.beta, exact.beta, atol=1.3e-4)
    np.testing.assert_allclose(kept.alpha, np.broadcast_to(exact.alpha, 12), atol=1.3e-4)
    assert np.all(np.isinf(both.neurons["out"].threshold))


def test_biases_come_back():
    both, _ = _close(_network())
    kept, exact = both.neurons["hidden"], both.exact["hidden"]
    np.testing.assert_allclose(kept.bias, np.broadcast_to(exact.bias, 12), rtol=1e-2)


def test_delays_of_relays_come_back_as_one():
    rng = np.random.default_rng(3)
    delays = Delays(rng.uniform(0, 0.15, (12, 8)), DelayKind.SYNAPTIC)
    network = _network(delays=delays)
    both, _ = _close(network)
    assert any(".relay" in p.name for p in both.program.network.populations)
    wanted, kept = both.delays["first"]
    np.testing.assert_array_equal(kept, np.rint(wanted))
    np.testing.assert_allclose(wanted, delays.values.ravel() / DT)


def test_weights_of_a_convolution_come_back():
    kernel = np.random.default_rng(4).normal(size=(2, 1, 3))
    convolution = Convolution(kernel, (Axis(8, 3),))
    _, seen = _close(_network(first=convolution))
    assert np.all(seen["first"] == 1)


def test_weights_of_theta_neurons_come_back():
    network = _network(hidden=Theta(0.01))
    both, _ = _close(network)
    assert "hidden" not in both.neurons


def test_a_rebuilt_convolution_stays_one_where_its_kernel_can_say_so():
    rng = np.random.default_rng(5)
    q = Projection("q", "a", "b", Convolution(rng.normal(size=(2, 1, 3)), (Axis(8, 3),)))
    doubled = rebuilt(q, 2 * q.connectivity.stored(), np.full(q.connectivity.n_synapses, 3))
    assert isinstance(doubled.connectivity, Convolution)
    np.testing.assert_array_equal(doubled.connectivity.weights, 2 * q.connectivity.weights)
    assert doubled.delays.values == 3
    weights = rng.normal(size=q.connectivity.n_synapses)
    delays = rng.integers(0, 5, weights.size)
    listed = rebuilt(q, weights, delays)
    pre, post = q.connectivity.synapses()
    matrix, waits = np.zeros((2, 12, 8))
    matrix[post, pre], waits[post, pre] = weights, delays
    np.testing.assert_array_equal(listed.connectivity.dense_matrix(), matrix)
    pre, post = listed.connectivity.synapses()
    np.testing.assert_array_equal(listed.delays.per_synapse(listed.connectivity), waits[post, pre])


def test_another_network_is_refused():
    program = spikec.compile(_network(), ticks=50, dt=DT)
    other = _network()
    larger = replace(other, populations=(*other.populations, Population("more", Ramp(1.0), (2,))))
    with pytest.raises(UsageError, match="more has 2 neurons in the network, and the program has no such"):
        stored(larger, program)
    with pytest.raises(UsageError, match="no compiled program"):
        stored(other, spikec.api.Program(other, program.target))


def test_two_synapses_for_one_come_back_as_one():
    """A current of 8 bits keeps r w0 + w1, half a tick late; that is r^(1/2) w but for rounding."""
    rng = np.random.default_rng(6)
    delays = Delays(rng.uniform(0, 5 * DT, (12, 8)), DelayKind.SYNAPTIC)
    network = _network(delays=delays)
    program = compile_network(network, load_target("loihi2"), CompileOptions(dt=DT, n_ticks=50, parts=1))
    both = stored(network, program)
    wanted, kept = both.delays["first"]
    np.testing.assert_allclose(wanted, delays.values.ravel() / DT)
    np.testing.assert_array_equal(kept, wanted)
    real = next(q for q in both.ticks.projections if q.name == "first").connectivity.stored()
    steps = {s.name: s.unit.max() * s.format.step for s in both.projections if s.projection == "first"}
    assert len(steps) == 2
    assert np.all(np.abs(both.weights["first"] - real) <= 1.1 * sum(steps.values()))
    for s in both.projections:
        if s.projection == "first":
            assert np.all(np.abs(s.weights - real[s.synapses] * s.share) <= 1.5 * s.unit * s.format.step)


def test_programs_with_several_neurons_for_one_are_refused():
    hidden = CubaLif(0.02, 0.005, 5e-3, one_spike=True)
    program = spikec.compile(_network(hidden=hidden), ticks=50, dt=DT, parts=2)
    with pytest.raises(UsageError, match="has 2 neurons for one"):
        stored(_network(hidden=hidden), program)

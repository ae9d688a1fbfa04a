"""The exact engine against the reference, and against what can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import EventsError, NetworkError, UsageError
from spikec.events import from_rows, same
from spikec.ir.connectivity import Delays, Dense, sparse
from spikec.ir.network import Continuous, Network, Population, Projection, Reset
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, QifExp, Ramp, Source, Theta
from spikec.program import Program
from spikec.random.networks import CONTINUOUS
from spikec.reference import ReferenceBackend
from spikec.reference import continuous as reference
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_cpu.lower_exact import GLIDING, SLICE, kernels_of
from tests import contract


def program(neuron, connectivity, delays=None, loop=None, reset=Reset.VALUE):
    network = Network(
        (
            Population("in", Source(), (connectivity.n_pre,)),
            Population("out", neuron, (connectivity.n_post,)),
        ),
        (Projection("q", "in", "out", connectivity, delays or Delays()), *([loop] if loop else [])),
        ("in",),
        ("out",),
        Continuous(reset),
    )
    return Program(network, load_target("ideal"))


def given_at(times, n=1):
    return {
        "in": from_rows(
            [0] * len(times), np.array(times, float), np.arange(len(times)) % n, n_samples=1, n_neurons=n
        )
    }


@pytest.mark.parametrize("kind", CONTINUOUS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_equals_the_reference_for_every_neuron(kind, seed):
    contract.assert_exact(CpuBackend(threads=2), *contract.drawn_continuous(seed, [kind]))


@given(seed=st.integers(0, 2**32 - 1), n_samples=st.integers(0, 5))
@settings(max_examples=100)
def test_equals_the_reference_where_neurons_are_mixed(seed, n_samples):
    contract.assert_exact(CpuBackend(threads=2), *contract.drawn_continuous(seed, n_samples=n_samples))


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 3000, 100))
def test_equals_the_reference_on_many_networks(first):
    for seed in range(first, first + 100):
        contract.assert_exact(CpuBackend(), *contract.drawn_continuous(seed))


@pytest.mark.parametrize("seed", range(8))
def test_runs_repeat_and_samples_do_not_touch_each_other(seed):
    drawn, inputs = contract.drawn_continuous(seed, n_samples=4)
    executable = CpuBackend(threads=3).prepare(drawn)
    first, again = (executable.run(inputs, 8.0) for _ in range(2))
    for name, events in first.spikes.items():
        assert same(events, again.spikes[name])
        for k in range(4):
            alone = executable.run({n: e.select(k, k + 1) for n, e in inputs.items()}, 8.0)
            assert same(alone.spikes[name], events.select(k, k + 1))


def test_many_samples_in_many_batches_equal_the_reference():
    contract.assert_exact(CpuBackend(threads=2), *contract.drawn_continuous(5, n_samples=200))


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize(("tau_mem", "width"), [(2.0, GLIDING), (np.linspace(1.9, 2.1, 130), SLICE)])
def test_a_layer_of_several_slices_equals_the_reference(once, tau_mem, width):
    """130 neurons: slices of which the last is filled up; more spikes than there is room for at first."""
    assert 2 * width < 130
    assert 130 % width
    rng = np.random.default_rng(1)
    neuron = CubaLif(tau_mem, 1.0, 0.01, one_spike=once)
    drawn = program(neuron, Dense(rng.normal(0.2, 0.5, (130, 6))))
    times = np.sort(rng.uniform(0, 3, 24))
    times[5] = times[4]
    got = contract.assert_exact(CpuBackend(), drawn, given_at(times, 6), 6.0)
    assert np.unique(got.spikes["out"].neurons).size > 100
    assert once or got.spikes["out"].n_events > 1024
    unwatched = CpuBackend().prepare(drawn).run(given_at(times, 6), 6.0)
    assert same(unwatched.spikes["out"], got.spikes["out"])


@pytest.mark.parametrize(
    ("connectivity", "loop", "kernel"),
    [
        (Dense([[1.0]]), None, "run_rows"),
        (sparse(1, 1, [0], [0], np.ones(1)), None, "run_lists"),
        (Dense([[1.0]]), Projection("r", "out", "out", Dense([[1.0]]), Delays(1.0)), "run_recurrent"),
    ],
)
def test_a_network_names_the_kernels_that_will_run_it(connectivity, loop, kernel):
    assert kernels_of(program(Ramp(1.0), connectivity, loop=loop).network) == {kernel}


@pytest.mark.parametrize("neuron", [Ramp(1.0), CubaLif(2.0, 1.0, 0.2), Theta(1.0), QifExp(1.0)])
def test_many_coincident_spikes_come_in_order_of_time_and_neuron(neuron):
    rng = np.random.default_rng(0)
    drawn = program(neuron, Dense(np.repeat(rng.uniform(3, 5, (40, 1)), 2, axis=0)))
    got = contract.assert_exact(CpuBackend(), drawn, given_at([0.5, 0.7]), 9.0)
    assert got.spikes["out"].n_events >= 80


def test_a_spike_that_rounds_to_the_next_arrival_is_ordered_with_those_of_that_moment():
    """Neuron 1 crosses before 2 by less than can be told from it, neuron 0 right after the arrival there."""
    neuron = Ramp(1 - 2.0**-53, one_spike=True)
    steep = program(neuron, Dense(np.array([[0.0, 1e30], [1.0, 0.0]])))
    spikes = CpuBackend().prepare(steep).run(given_at([1.0, 2.0], 2), 3.0).spikes["out"]
    assert spikes.times.tolist() == [2.0, 2.0]
    assert spikes.neurons.tolist() == [0, 1]


def test_arrivals_of_one_moment_act_together_before_any_spike():
    drawn = program(If(1.0), Dense([[2.0, -2.0], [0.7, 0.7]]))
    assert CpuBackend().prepare(drawn).run(given_at([1.0, 1.0], 2), 2.0).spikes["out"].neurons.tolist() == [1]


def test_a_jump_over_several_thresholds_makes_several_spikes_at_one_moment_by_subtraction():
    for loop in (None, Projection("r", "out", "out", sparse(1, 1, [], [], np.zeros(0)), Delays(1.0))):
        drawn = program(If(1.0), Dense([[3.5]]), loop=loop, reset=Reset.SUBTRACT)
        result = CpuBackend().prepare(drawn).run(given_at([1.0]), 2.0, ["out.v.last"])
        assert result.spikes["out"].times.tolist() == [1.0, 1.0, 1.0]
        assert result.traces["out.v.last"].tolist() == [[0.5]]


@pytest.mark.parametrize("connectivity", [Dense([[1.0]]), sparse(1, 1, [0], [0], np.ones(1))])
def test_a_spike_at_the_very_end_counts_and_one_after_it_does_not(connectivity):
    run = CpuBackend().prepare(program(Ramp(1.0), connectivity)).run
    assert run(given_at([1.0]), 2.0).spikes["out"].times.tolist() == [2.0]
    assert run(given_at([1.0]), 1.999999).spikes["out"].n_events == 0
    assert run(given_at([3.0]), 2.0).spikes["in"].n_events == 0


def test_a_network_without_inputs_runs_one_sample():
    alone = Population("out", Lif(1.0, 1.0, bias=2.0), (3,))
    program = Program(Network((alone,), (), (), ("out",), Continuous()), load_target("ideal"))
    result = contract.assert_exact(CpuBackend(), program, {})
    assert result.spikes["out"].n_samples == 1
    assert result.spikes["out"].first_times() == pytest.approx(np.full((1, 3), np.log(2)))


def test_a_readout_holds_its_membrane():
    drawn = program(LiReadout(bias=0.25), Dense([[2.0, -1.0]]))
    result = CpuBackend().prepare(drawn).run(given_at([1.0, 2.0], 2), 4.0, ["out.v.last"])
    assert result.traces["out.v.last"].tolist() == [[1.0 + 6.0 - 2.0]]


@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=lambda b: b.name)
@pytest.mark.parametrize(
    ("neuron", "weight", "until", "maximum"),
    [
        # V = w t e^(-t/tau) from the arrival on: w tau / e, reached tau after it
        (LiReadout(0.5, 0.5), 2.0, 3.0, 2.0 * 0.5 / np.e),
        # V = 2 w (e^(-t/2) - e^(-t)) with time constants 2 and 1: w / 2, reached at 2 ln 2
        (LiReadout(2.0, 1.0), 3.0, 9.0, 1.5),
        (LiReadout(2.0, 1.0), 3.0, 1.5, 6.0 * (np.exp(-0.25) - np.exp(-0.5))),  # the end comes first
        (LiReadout(2.0, 1.0, v_leak=0.25), -3.0, 9.0, 0.25),  # never above where it began
        (LiReadout(), 2.0, 4.0, 6.0),
    ],
)
def test_the_maximum_of_a_readout_is_where_its_slope_vanishes(backend, neuron, weight, until, maximum):
    drawn = program(neuron, Dense([[weight]]))
    result = backend.prepare(drawn).run(given_at([1.0]), until, ["out.v.max"])
    assert result.traces["out.v.max"].tolist() == [[pytest.approx(maximum, rel=1e-12)]]


def test_the_maximum_of_several_readouts_and_arrivals_is_that_of_the_whole_run():
    drawn = program(LiReadout(0.1, 0.1), Dense([[1.0, 3.0, -1.0], [-1.0, 0.0, 2.0]]))
    result = CpuBackend().prepare(drawn).run(given_at([1.0, 3.0, 5.0], 3), 9.0, ["out.v.max"])
    # the kicks lie 20 time constants apart: what is left of the one before is below 1e-8 of it
    np.testing.assert_allclose(result.traces["out.v.max"], [[0.3 / np.e, 0.2 / np.e]], rtol=1e-7)


@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=lambda b: b.name)
def test_maxima_of_neurons_that_spike_and_of_inputs_are_refused(backend):
    executable = backend.prepare(program(Ramp(1.0), Dense([[1.0]])))
    with pytest.raises(NetworkError, match=r"out spikes, and only readouts have maxima; record out\.v\.last"):
        executable.run(given_at([1.0]), 1.0, ["out.v.max"])
    with pytest.raises(NetworkError, match="inputs have no membrane"):
        executable.run(given_at([1.0]), 1.0, ["in.v.max"])


@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=lambda b: b.name)
def test_two_spikes_of_one_input_neuron_at_one_moment_are_refused(backend):
    executable = backend.prepare(program(Ramp(1.0), Dense([[1.0, 1.0]])))
    twice = {"in": from_rows([0, 1, 1], [0.5, 0.5, 0.5], [1, 1, 1], n_samples=2, n_neurons=2)}
    with pytest.raises(EventsError, match=r"neuron 1 of input in spikes twice at 0.5 s in sample 1"):
        executable.run(twice, 1.0)
    # at one moment of two samples, or two neurons of one, is nothing strange
    once = {"in": from_rows([0, 1, 1], [0.5, 0.5, 0.5], [1, 0, 1], n_samples=2, n_neurons=2)}
    assert executable.run(once, 1.0).spikes["in"].n_events == 3


EXPLOSIONS = {
    "a loop": (CubaLif(1.0, 1.0, 0.1), Projection("r", "out", "out", Dense([[9.0]]), Delays(1e-6))),
    "a strong input": (Ramp(1e-6), None),
}


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_an_explosion_stops_with_a_sentence(name, monkeypatch):
    neuron, loop = EXPLOSIONS[name]
    sentence = (
        "^population out spikes more than 500 times in sample 0, until .* the activity explodes; weaken .* "
        "end the run earlier$"
    )
    drawn = program(neuron, Dense([[1.0]]), loop=loop)
    with pytest.raises(NetworkError, match=sentence):
        CpuBackend(max_spikes=500).prepare(drawn).run(given_at([1.0]), 900.0)
    monkeypatch.setattr(reference, "MAX_SPIKES", 500)
    with pytest.raises(NetworkError, match=sentence):
        ReferenceBackend().prepare(drawn).run(given_at([1.0]), 900.0)


def test_as_many_spikes_as_are_allowed_are_no_explosion():
    drawn = program(Ramp(1.0), sparse(1, 1, [0], [0], np.ones(1)))
    assert CpuBackend(max_spikes=7).prepare(drawn).run(given_at([1.0]), 8.5).spikes["out"].n_events == 7
    with pytest.raises(NetworkError, match="more than 6 times"):
        CpuBackend(max_spikes=6).prepare(drawn).run(given_at([1.0]), 8.5)
    with pytest.raises(UsageError, match="0 spikes"):
        CpuBackend(max_spikes=0)


def test_membranes_of_ticks_and_impossible_ends_are_refused():
    drawn = program(Ramp(1.0), Dense([[1.0]]))
    executable = CpuBackend().prepare(drawn)
    with pytest.raises(UsageError, match=r"no ticks to record 'out.v' at; record out.v.last"):
        executable.run(given_at([1.0]), 1.0, ["out.v"])
    for until in (-1.0, np.inf, np.nan):
        with pytest.raises(UsageError, match="seconds is impossible"):
            executable.run(given_at([1.0]), until)

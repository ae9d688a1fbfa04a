"""Loss and gradient of theta networks, against finite differences, the reference and the printed formulas."""

from dataclasses import replace
from math import atan, log, pi, sqrt, tan

import numpy as np
import pytest

from spikec.backend import run as run_backend
from spikec.coding import Decoding, Readout
from spikec.errors import UsageError
from spikec.events import from_rows
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import Source, Theta
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_train import theta_gradient
from spikec_train.blocks import Memory
from spikec_train.theta_gradient import Pulses, ThetaModel, pulses_at, pulses_of, run

TAU = 6 / pi  # a period of 6


def random_case(seed, sizes, duration, scale, current=1.25, n_samples=4):
    """Parameters, general input spikes and labels."""
    rng = np.random.default_rng(seed)
    model = ThetaModel(sizes, TAU, current, duration, 0.01)
    parameters = model.initial(scale, rng)
    parameters[model.n_weights :] = rng.uniform(0, model.period, model.n_neurons)
    per_sample = 2 * sizes[0]
    samples = np.repeat(np.arange(n_samples), per_sample)
    times = rng.uniform(0, duration, samples.size)
    events = from_rows(
        samples, times, rng.integers(0, sizes[0], samples.size), n_samples=n_samples, n_neurons=sizes[0]
    )
    return model, parameters, events, rng.integers(0, sizes[-1], n_samples)


def central_differences(loss, at, h=1e-5):
    found = np.empty_like(at)
    for i in range(at.size):
        up, down = at.copy(), at.copy()
        up[i] += h
        down[i] -= h
        found[i] = (loss(up) - loss(down)) / (2 * h)
    return found


def assert_near(found, expected):
    """To 1e-6 of the largest, and to the rounding of a difference of losses over 2e-5."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max() + 2e-10)


CASES = [
    pytest.param((5, 6, 7, 3), 2.0, 3.0, 1.25, id="three layers"),
    pytest.param((4, 3), 2.0, 2.0, 1.25, id="one layer"),
    pytest.param((5, 8, 3), 2.0, 0.1, 0.6, id="other neurons, hardly driven"),
    pytest.param((4, 6, 5, 4), 9.0, 3.0, 1.25, id="several spikes a neuron"),
    pytest.param((3, 5, 4, 4, 3), 14.0, 1.0, 1.25, id="four layers, more than two periods"),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sizes", "duration", "scale", "current"), CASES)
def test_gradients_are_those_of_central_differences(sizes, duration, scale, current, seed):
    model, parameters, events, labels = random_case(seed, sizes, duration, scale, current)
    pulses = pulses_of(events)
    found = run(model, parameters, pulses, labels, gradient=True)
    expected = central_differences(lambda p: run(model, p, pulses, labels).losses.sum(), parameters)
    assert_near(found.gradient, expected)
    expected = central_differences(
        lambda t: run(model, parameters, replace(pulses, times=t), labels).losses.sum(), pulses.times
    )
    assert_near(found.d_pulses, expected)


def test_the_cases_have_neurons_that_spike_several_times_and_outputs_that_do_not_spike():
    model, parameters, events, labels = random_case(0, (4, 6, 5, 4), 9.0, 3.0)
    assert run(model, parameters, pulses_of(events), labels).counts.max() > 4
    model, parameters, events, labels = random_case(0, (5, 6, 7, 3), 2.0, 3.0)
    found = run(model, parameters, pulses_of(events), labels)
    assert 0 < np.count_nonzero(found.spiked) < found.spiked.size
    assert np.any(found.counts == 0)


def test_a_network_that_is_silent_altogether_has_a_gradient_in_every_layer():
    rng = np.random.default_rng(1)
    model = ThetaModel((6, 5, 4, 3), TAU, 1.25, 2.0, 0.01)
    parameters = model.initial(0.5, rng)
    pulses = pulses_at(rng.random((8, 6)) < 0.5, 0.02)
    found = run(model, parameters, pulses, rng.integers(0, 3, 8), gradient=True)
    assert found.counts.sum() == 0
    assert all(np.abs(w).max() > 1e-6 for w in model.weights(found.gradient))
    assert all(np.abs(p).max() > 1e-6 for p in model.phases(found.gradient))


def reference_times(model, parameters, events, unit):
    """First spikes of the outputs, and spikes of all neurons, by the reference interpreter in seconds."""
    names = ["in", *(f"layer{k}" for k in range(1, len(model.sizes)))]
    phases, weights = model.phases(parameters), model.weights(parameters)
    neurons = [Theta(model.tau * unit, model.current, p * unit) for p in phases]
    network = Network(
        (
            Population("in", Source(), model.sizes[:1]),
            *(Population(n, k, (p.size,)) for n, k, p in zip(names[1:], neurons, phases, strict=True)),
        ),
        tuple(
            Projection(f"to {post}", pre, post, Dense(w.T))
            for pre, post, w in zip(names[:-1], names[1:], weights, strict=True)
        ),
        ("in",),
        (names[-1],),
        Continuous(),
        decoding=Decoding(names[-1], Readout.FIRST),
    )
    program = Program(verify(network), load_target("ideal"))
    in_seconds = replace(events, times=events.times * unit)
    spikes = run_backend(ReferenceBackend(), program, {"in": in_seconds}, model.duration * unit).spikes
    counts = np.concatenate([spikes[n].counts().sum(axis=0) for n in names[1:]])
    return spikes[names[-1]].first_times() / unit, counts


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sizes", "duration", "scale", "current"), CASES)
def test_spikes_are_those_of_the_reference(sizes, duration, scale, current, seed):
    model, parameters, events, labels = random_case(seed, sizes, duration, scale, current)
    found = run(model, parameters, pulses_of(events), labels)
    times, counts = reference_times(model, parameters, events, 0.01)
    np.testing.assert_array_equal(found.spiked, np.isfinite(times))
    np.testing.assert_allclose(found.times[found.spiked], times[found.spiked], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.counts, counts)


def test_phases_at_both_ends_of_the_period_are_those_of_the_reference():
    """A neuron that starts at the period spikes at once."""
    model, parameters, events, labels = random_case(7, (4, 6, 5, 4), 9.0, 2.0)
    parameters[model.n_weights :: 2] = 0.0
    parameters[model.n_weights + 1 :: 3] = model.period
    found = run(model, parameters, pulses_of(events), labels, gradient=True)
    times, counts = reference_times(model, parameters, events, 1.0)
    np.testing.assert_allclose(np.where(found.spiked, found.times, np.inf), times, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.counts, counts)
    assert np.isfinite(found.gradient).all()


def test_silent_outputs_answer_with_pseudospikes_by_the_papers_formulas():
    """One input, one hidden neuron, one output; all formulas with tan and arctan, as printed."""
    w, u, phase_1, phase_2, t_in, duration, current = 0.4, -0.7, 2.5, 3.1, 0.3, 2.0, 1.0
    r = sqrt(current - 0.25)
    period = pi * TAU / r

    def kicked(phase, weight):
        v = r * tan(phase * r / TAU - pi / 2) + 0.5
        return TAU / r * (atan((v + weight - 0.5) / r) + pi / 2)

    hidden = kicked(phase_1 + t_in, w) + duration - t_in
    rate = hidden / period
    expected = duration + period - kicked(phase_2 + duration, u * rate)
    model = ThetaModel((1, 1, 1), TAU, current, duration, 0.0)
    parameters = np.array([w, u, phase_1, phase_2])
    found = run(model, parameters, pulses_at(np.ones((1, 1), bool), t_in), np.zeros(1, int))
    assert not found.spiked.any()
    assert found.times[0, 0] == pytest.approx(expected, abs=1e-12)


def test_an_answer_moves_on_smoothly_where_the_spike_is_lost_at_the_trials_end():
    """Kicked at 0.5 from phase 2 to phase 4.5, the neuron spikes just at T = 2 (r = 1, period 6)."""
    model = ThetaModel((1, 1), TAU, 1.25, 2.0, 0.0)
    weight = tan(4.5 * pi / 6 - pi / 2) - tan(2.0 * pi / 6 - pi / 2)
    pulses = pulses_at(np.ones((1, 1), bool), 0.5)
    more, less = (
        run(model, np.array([w, 1.5]), pulses, np.zeros(1, int)) for w in (weight + 1e-9, weight - 1e-9)
    )
    assert more.spiked.item()
    assert not less.spiked.item()
    assert more.times.item() == pytest.approx(2.0, abs=1e-8)
    assert less.times.item() == pytest.approx(2.0, abs=1e-8)
    assert more.times.item() < 2.0 < less.times.item()


def test_the_loss_is_the_formula():
    model, parameters, events, labels = random_case(3, (5, 6, 7, 3), 2.0, 3.0)
    found = run(model, parameters, pulses_of(events), labels)
    for loss, t, label in zip(found.losses, found.times, labels, strict=True):
        share = np.exp(-t[label]) / np.exp(-t).sum()
        assert loss == pytest.approx(-log(share) + 0.01 * (np.exp(t[label] / 2.0) - 1), abs=1e-13)


def test_classes_with_and_without_pseudospikes():
    never = np.zeros(0)
    times = np.array([[3.0, 1.5, 2.5], [2.2, 2.1, 2.3], [1.0, 1.0, 0.5]])
    spiked = np.array([[False, True, False], [False, False, False], [True, True, False]])
    answers = theta_gradient.Answers(never, times, spiked, np.zeros(0, int), None, None)
    assert answers.classes(pseudospikes=True).tolist() == [1, 1, 2]
    assert answers.classes(pseudospikes=False).tolist() == [1, -1, 0]


def test_spikes_of_one_moment_are_one_pulse_and_binary_input_is_the_same_thing():
    rng = np.random.default_rng(2)
    model, parameters, _, _ = random_case(2, (6, 5, 3), 2.0, 3.0)
    on, labels = rng.random((7, 6)) < 0.5, rng.integers(0, 3, 7)
    samples, neurons = np.nonzero(on)
    events = from_rows(samples, np.full(samples.size, 0.3), neurons, n_samples=7, n_neurons=6)
    merged = pulses_of(events)
    assert np.diff(merged.sample_starts).max() == 1
    a = run(model, parameters, merged, labels, gradient=True)
    b = run(model, parameters, pulses_at(on, 0.3), labels, gradient=True)
    np.testing.assert_array_equal(a.gradient, b.gradient)
    split = Pulses(  # each spike a pulse of its own
        np.concatenate([[0], np.cumsum(on.sum(axis=1))]),
        np.full(samples.size, 0.3),
        np.arange(samples.size + 1),
        neurons,
        6,
    )
    c = run(model, parameters, split, labels, gradient=True)
    np.testing.assert_allclose(a.gradient, c.gradient, rtol=0, atol=1e-12)


def test_seconds_become_units():
    events = from_rows([0, 0, 1], [0.01, 0.02, 0.02], [0, 1, 1], n_samples=2, n_neurons=2)
    assert pulses_of(events, unit=0.01).times.tolist() == [1.0, 2.0, 2.0]


@pytest.mark.parametrize("n_samples", [1, 3, 8, 37])
def test_the_number_of_threads_changes_no_bit(n_samples):
    model, parameters, events, labels = random_case(4, (5, 6, 7, 3), 2.0, 3.0, n_samples=n_samples)
    one, two, five = (
        run(model, parameters, pulses_of(events), labels, gradient=True, n_threads=n) for n in (1, 2, 5)
    )
    for other in (two, five):
        for name in ("losses", "times", "spiked", "counts", "gradient", "d_pulses"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_memory_of_an_earlier_call_changes_no_bit():
    memory = Memory()
    for seed, n_samples in ((4, 37), (5, 3), (6, 20)):
        case = (5, 6, 7, 3), 9.0, 3.0
        model, parameters, events, labels = random_case(seed, *case, n_samples=n_samples)
        given = model, parameters, pulses_of(events), labels
        fresh = run(*given, gradient=True)
        for again in (run(*given, gradient=True, n_threads=2, memory=memory), run(*given, memory=memory)):
            np.testing.assert_array_equal(again.losses, fresh.losses)
            if again.gradient is not None:
                np.testing.assert_array_equal(again.gradient, fresh.gradient)


def test_undisturbed_neurons_spike_once_a_period_however_many_spikes_that_are():
    """More than the memory that is there at first."""
    duration = 100.0
    model = ThetaModel((2, 50, 1), TAU, 1.25, duration, 0.0)
    phases = np.random.default_rng(0).uniform(0, 6, 51)
    parameters = np.concatenate([np.zeros(model.n_weights), phases])
    found = run(model, parameters, pulses_at(np.zeros((3, 2), bool), 0.0), np.zeros(3, int), gradient=True)
    np.testing.assert_array_equal(found.counts, 3 * np.floor((duration + phases) / 6).astype(int))
    np.testing.assert_allclose(found.times[:, 0], 6 - phases[-1], atol=1e-12)
    last = found.gradient[-1]
    assert last == pytest.approx(0.0, abs=1e-12)  # one output alone is always the right one


def test_a_network_that_explodes_is_stopped():
    model = ThetaModel((1, 8, 1), TAU, 1.25, 1e5, 0.0)
    parameters = np.concatenate([np.zeros(model.n_weights), np.zeros(9)])
    with pytest.raises(UsageError, match="explodes: in sample 0"):
        run(model, parameters, pulses_at(np.zeros((1, 1), bool), 0.0), np.zeros(1, int))


def test_no_samples_give_no_gradient():
    model, parameters, _, _ = random_case(0, (4, 3), 2.0, 1.0)
    found = run(model, parameters, pulses_at(np.zeros((0, 4), bool), 0.1), np.zeros(0, int), gradient=True)
    assert found.losses.size == 0
    assert not found.gradient.any()


def test_what_does_not_fit_is_refused():
    model, parameters, _, _ = random_case(0, (4, 3), 2.0, 1.0)
    on, labels = np.ones((2, 4), bool), np.zeros(2, int)
    for changed, message in (
        ((parameters[1:], pulses_at(on, 0.1), labels), "15 parameters"),
        ((parameters * np.nan, pulses_at(on, 0.1), labels), "NaN"),
        ((parameters, pulses_at(on[:, :3], 0.1), labels), "4 inputs"),
        ((parameters, pulses_at(on, 0.1), labels[:1]), "needs one"),
        ((parameters, pulses_at(on, 0.1), labels + 3), "3 outputs"),
        ((parameters, pulses_at(on, 2.1), labels), "from 0 to 2"),
    ):
        with pytest.raises(UsageError, match=message):
            run(model, *changed)


@pytest.mark.parametrize(
    ("sizes", "tau", "current", "duration"),
    [((3,), 1, 1, 1), ((3, 0), 1, 1, 1), ((3, 2), 0, 1, 1), ((3, 2), 1, 0.25, 1), ((3, 2), 1, 1, np.inf)],
)
def test_impossible_models_are_refused(sizes, tau, current, duration):
    with pytest.raises(UsageError):
        ThetaModel(sizes, tau, current, duration, 0.0)

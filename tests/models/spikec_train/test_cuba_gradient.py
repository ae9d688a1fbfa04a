"""Networks of one spike a neuron, against finite differences, the exact engine and the printed formulas."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import lambertw

from spikec.backend import run as run_backend
from spikec.errors import UsageError
from spikec.events import from_dense_times
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Source
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_train.blocks import Memory
from spikec_train.cuba_gradient import Answers, CubaModel, Delayed, run

TAU_S = 0.005
"""Seconds."""


def random_case(seed, ratio, delays, sizes=(5, 8, 6, 3), n_samples=6):
    """Parameters, input spikes, some of which are missing, and labels; a third of the spikes inhibits."""
    rng = np.random.default_rng(seed)
    model = CubaModel(sizes, ratio, 8.0, delays, temperature=0.2, gamma=0.01, wake=0.05)
    weights = [rng.normal(2 / np.sqrt(n), 3 / np.sqrt(n), n * m) for n, m in pairwise(sizes)]
    parameters = np.concatenate([*weights, rng.uniform(0, 1.5, model.n_delays)])
    inputs = rng.uniform(0, 2, (n_samples, sizes[0]))
    inputs[rng.random(inputs.shape) < 0.1] = np.inf
    return model, parameters, inputs, rng.integers(0, sizes[-1], n_samples)


def central_differences(loss, at, h=1e-6):
    found = np.zeros_like(at)
    for i in zip(*np.nonzero(np.isfinite(at)), strict=True):
        up, down = at.copy(), at.copy()
        up[i] += h
        down[i] -= h
        found[i] = (loss(up) - loss(down)) / (2 * h)
    return found


def assert_differentiated(model, parameters, inputs, labels):
    """Gradients for parameters and input times, to 1e-6 of the largest."""
    found = run(model, parameters, inputs, labels, gradient=True)
    expected = central_differences(lambda p: run(model, p, inputs, labels).losses.sum(), parameters)
    np.testing.assert_allclose(found.gradient, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    expected = central_differences(lambda t: run(model, parameters, t, labels).losses.sum(), inputs)
    np.testing.assert_allclose(found.d_inputs, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("delays", Delayed)
@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
def test_gradients_are_those_of_central_differences(ratio, delays, seed):
    found = assert_differentiated(*random_case(seed, ratio, delays))
    assert np.abs(found.gradient).max() > 1e-2


def test_the_cases_have_silent_neurons_among_hidden_ones_and_outputs():
    for ratio in (1.0, 2.0):
        spikes = np.concatenate(
            [run(*random_case(seed, ratio, Delayed.SYNAPTIC)).spikes for seed in range(4)]
        )
        shares = np.isfinite(spikes).mean(axis=0)
        assert 0.3 < shares[:14].mean() < 0.95
        assert 0.3 < shares[14:].mean() < 0.95


@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize(
    ("weights", "times"),
    [
        pytest.param([0.9, 0.8], [0.3, 0.7], id="between arrivals"),
        pytest.param([0.9, 0.8, -2.0], [0.3, 0.7, 1.0], id="where inhibition arrives"),
        pytest.param([0.9, 0.8, -0.1], [0.3, 0.7, 0.5], id="after inhibition"),
        pytest.param([-0.9, -0.8], [0.3, 0.7], id="at the start, for nothing excites"),
        pytest.param([0.9, 0.8], [7.3, 7.7], id="where the trial ends"),
        pytest.param([0.9, 0.1], [0.3, 9.0], id="one arrives too late"),
    ],
)
def test_silent_neurons_are_differentiated_wherever_their_highest_membrane_is(ratio, weights, times):
    n = len(weights)
    model = CubaModel((n, 2, 1), ratio, 8.0, Delayed.SYNAPTIC, 0.2, 0.0, wake=0.7)
    rng = np.random.default_rng(0)
    delays = rng.uniform(0, 0.05, model.n_delays)
    parameters = np.concatenate([weights, weights[::-1], [0.1, 0.2], delays])
    found = assert_differentiated(model, parameters, np.array([times]), np.zeros(1, int))
    assert np.isinf(found.spikes).all()


def network_of(model, parameters):
    """The network in seconds, made here from the definitions alone."""
    names = [f"layer{k}" for k in range(len(model.sizes))]
    neuron = CubaLif(model.ratio * TAU_S, TAU_S, 1.0, one_spike=True)
    populations = [Population(names[0], Source(), (model.sizes[0],))]
    populations += [Population(n, neuron, (k,)) for n, k in zip(names[1:], model.sizes[1:], strict=True)]
    weights, delays = model.layer_weights(parameters), model.layer_delays(parameters)
    projections = [
        Projection(
            f"to {post}",
            pre,
            post,
            Dense(weights[k] / TAU_S),
            Delays(delays[k] * TAU_S, DelayKind(model.delays.value)) if delays else Delays(),
        )
        for k, (pre, post) in enumerate(pairwise(names))
    ]
    return Network(tuple(populations), tuple(projections), (names[0],), (names[-1],), Continuous())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("delays", Delayed)
@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
def test_spikes_are_those_of_the_exact_engine(ratio, delays, seed):
    model, parameters, inputs, labels = random_case(seed, ratio, delays, n_samples=40)
    program = Program(verify(network_of(model, parameters)), load_target("ideal"))
    given = {"layer0": from_dense_times(inputs * TAU_S)}
    result = run_backend(CpuBackend(), program, given, model.duration * TAU_S)
    layers = [result.spikes[f"layer{k}"].first_times() / TAU_S for k in range(1, len(model.sizes))]
    found = run(model, parameters, inputs, labels)
    np.testing.assert_allclose(found.spikes, np.concatenate(layers, axis=1), rtol=0, atol=1e-9)
    assert 0.3 < np.isfinite(found.spikes).mean() < 1


@pytest.mark.parametrize("ratio", [1, 2])
def test_a_spike_comes_when_the_published_closed_forms_say(ratio):
    """Two arrivals before the spike; Goeltz et al. 2021 with tau_s = 1 and c, the threshold, 1 / ratio."""
    w, t = np.array([1.9, 1.4]), np.array([0.2, 0.5])
    a1, a2, b = (w * np.exp(t)).sum(), (w * np.exp(t / 2)).sum(), (w * t * np.exp(t)).sum()
    c = 1.0 / ratio
    if ratio == 1:
        expected = b / a1 - lambertw(-c / a1 * np.exp(b / a1)).real
    else:
        expected = 2 * np.log(2 * a1 / (a2 + np.sqrt(a2 * a2 - 4 * a1 * c)))
    model = CubaModel((2, 1), ratio, 8.0, Delayed.NONE, 1.0, 0.0, 0.0)
    found = run(model, w, t[None], np.zeros(1, int))
    assert expected > 0.5
    assert found.spikes[0, 0] == pytest.approx(expected, abs=1e-13)


def test_a_spike_comes_however_near_the_maximum_is_to_the_threshold():
    """One arrival at ratio 2: V = 2 w (exp(-t/2) - exp(-t)) is w/2 at most, at t = 2 ln 2."""
    model = CubaModel((1, 1), 2.0, 8.0, Delayed.NONE, 1.0, 0.0, 0.0)
    for margin in (1e-3, 1e-9, 1e-13):
        more, less = (
            run(model, np.array([2.0 * (1 + s)]), np.zeros((1, 1)), np.zeros(1, int))
            for s in (margin, -margin)
        )
        assert more.spikes.item() == pytest.approx(2 * np.log(2), abs=5 * np.sqrt(margin))
        assert np.isinf(less.spikes).item()


def test_the_loss_is_the_formula():
    model, parameters, inputs, labels = random_case(1, 2.0, Delayed.SYNAPTIC, sizes=(5, 8, 3), n_samples=12)
    found = run(model, parameters, inputs, labels)
    weights, delays = model.layer_weights(parameters), model.layer_delays(parameters)

    def highest(sample, layer, i):
        before = inputs[sample] if layer == 0 else found.spikes[sample, :8]
        arrivals = before + delays[layer][i]

        def membrane(t):
            age = np.maximum(t - arrivals, 0.0)
            return (weights[layer][i] * 2 * (np.exp(-age / 2) - np.exp(-age))).sum()

        grid = np.linspace(0, 8, 4001)
        best = grid[np.argmax([membrane(t) for t in grid])]
        around = (max(best - 0.002, 0.0), min(best + 0.002, 8.0))
        return max(-minimize_scalar(lambda t: -membrane(t), bounds=around, method="bounded").fun, 0.0)

    n_silent = 0
    for s, label in enumerate(labels):
        silent = np.flatnonzero(np.isinf(found.spikes[s]))
        heights = {int(i): highest(s, int(i >= 8), int(i % 8)) for i in silent}
        n_silent += len(heights)
        t = found.outputs[s].copy()
        for i in silent[silent >= 8]:
            t[i - 8] = 8.0 + 2.0 * (1 - heights[int(i)])
        np.testing.assert_allclose(found.times[s], t, rtol=0, atol=1e-5)
        late = np.exp(-np.append(t, 8.0) / 0.2)
        expected = -np.log(late[label] / late.sum()) + 0.01 * (np.exp(t[label] / 8.0) - 1)
        expected += 0.05 * sum(1 - heights[int(i)] for i in silent[silent < 8])
        assert found.losses[s] == pytest.approx(expected, abs=1e-4)
    assert n_silent > 10


def test_a_network_that_is_silent_altogether_has_a_gradient_in_every_layer_but_unreached_ones():
    model, parameters, inputs, labels = random_case(2, 2.0, Delayed.SYNAPTIC)
    parameters[: model.n_weights] *= 0.05
    found = run(model, parameters, inputs, labels, gradient=True)
    assert np.isinf(found.spikes).all()
    weights = model.layer_weights(found.gradient)
    assert np.abs(weights[0]).min() > 0
    assert not weights[1].any()
    assert (found.classes() == -1).all()


def test_a_floor_under_slopes_bounds_derivatives_and_leaves_steeper_spikes_alone():
    just = np.array([2.0 * (1 + 1e-10)])
    model = CubaModel((1, 2), 2.0, 8.0, Delayed.NONE, 1.0, 0.0, 0.0)
    parameters = np.concatenate([just, [5.0]])
    given = parameters, np.zeros((1, 1)), np.zeros(1, int)
    exact = run(model, *given, gradient=True).gradient
    bounded = run(replace(model, flattest=0.1), *given, gradient=True).gradient
    assert abs(exact[0]) > 1e3
    assert abs(bounded[0]) < 10
    assert bounded[1] == exact[1] != 0


def test_axonal_delays_are_synaptic_ones_that_a_neuron_shares():
    model, parameters, inputs, labels = random_case(3, 2.0, Delayed.AXONAL)
    same = replace(model, delays=Delayed.SYNAPTIC)
    spread = np.concatenate([parameters[: model.n_weights], model.synapse_delays(parameters)])
    a, b = (run(m, p, inputs, labels, gradient=True) for m, p in ((model, parameters), (same, spread)))
    np.testing.assert_array_equal(a.losses, b.losses)
    summed = [layer.sum(axis=0) for layer in same.layer_delays(b.gradient)]
    np.testing.assert_allclose(a.gradient[model.n_weights :], np.concatenate(summed), rtol=0, atol=1e-12)


def test_all_orders_of_arrivals_are_sorted():
    """More inputs than the longest distance of the sorting, against a network without delays."""
    rng = np.random.default_rng(0)
    n = 700
    given = CubaModel((n, 3), 2.0, 12.0, Delayed.SYNAPTIC, 1.0, 0.0, 0.0)
    weights, delays = rng.normal(0.02, 0.2, (3, n)), rng.uniform(0, 5, (3, n))
    found = run(given, np.concatenate([weights.ravel(), delays.ravel()]), np.zeros((1, n)), np.zeros(1, int))
    alone = replace(given, sizes=(n, 1), delays=Delayed.NONE)
    expected = [
        run(alone, w, d[None], np.zeros(1, int)).times[0, 0] for w, d in zip(weights, delays, strict=True)
    ]
    np.testing.assert_allclose(found.times[0], expected, rtol=0, atol=1e-12)


def test_classes_are_the_first_spikes():
    spikes = np.array([[9.0, 3.0, 1.5, np.inf], [9.0, np.inf, np.inf, np.inf], [9.0, 2.0, 2.0, 2.5]])
    answers = Answers(np.zeros(3), np.zeros((3, 3)), spikes, None, None)
    assert answers.classes().tolist() == [1, -1, 0]


@pytest.mark.parametrize("n_samples", [1, 3, 8, 37])
def test_the_number_of_threads_changes_no_bit(n_samples):
    given = random_case(4, 2.0, Delayed.SYNAPTIC, n_samples=n_samples)
    one, two, five = (run(*given, gradient=True, n_threads=n) for n in (1, 2, 5))
    for other in (two, five):
        for name in ("losses", "times", "spikes", "gradient", "d_inputs"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_memory_of_an_earlier_call_changes_no_bit():
    memory = Memory()
    for seed, n_samples in ((4, 37), (5, 3), (6, 20)):
        given = random_case(seed, 1.0, Delayed.AXONAL, n_samples=n_samples)
        fresh = run(*given, gradient=True)
        again = run(*given, gradient=True, n_threads=2, memory=memory)
        np.testing.assert_array_equal(again.losses, fresh.losses)
        np.testing.assert_array_equal(again.gradient, fresh.gradient)


def test_no_samples_give_no_gradient():
    model, parameters, inputs, labels = random_case(0, 2.0, Delayed.AXONAL)
    found = run(model, parameters, inputs[:0], labels[:0], gradient=True)
    assert found.losses.size == 0
    assert not found.gradient.any()


def test_what_does_not_fit_is_refused():
    model, parameters, inputs, labels = random_case(0, 2.0, Delayed.AXONAL)
    negative = parameters.copy()
    negative[-1] = -0.1
    for changed, message in (
        ((parameters[1:], inputs, labels), "125 parameters"),
        ((parameters * np.nan, inputs, labels), "NaN"),
        ((negative, inputs, labels), "a delay is negative"),
        ((parameters, inputs[:, :3], labels), r"\(n_samples, 5\)"),
        ((parameters, inputs, labels[:1]), "each needs one"),
        ((parameters, inputs - 3, labels), "before 0"),
        ((parameters, inputs * np.nan, labels), "at no time"),
        ((parameters, inputs, labels + 3), "3 outputs"),
    ):
        with pytest.raises(UsageError, match=message):
            run(model, *changed)


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": (3,)},
        {"sizes": (3, 0)},
        {"ratio": 0.5},
        {"duration": 0.0},
        {"temperature": -1.0},
        {"gamma": -0.1},
        {"wake": -0.1},
        {"flattest": -0.1},
    ],
)
def test_impossible_models_are_refused(change):
    with pytest.raises(UsageError):
        replace(CubaModel((3, 2), 2.0, 8.0, Delayed.NONE, 1.0, 0.0, 0.0), **change)

"""Loss and gradient of recurrent QIF networks, against differences, other engines and printed formulas."""

from dataclasses import replace
from math import atan, cos, exp, log, pi, sqrt, tan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.backend import run as run_backend
from spikec.errors import UsageError
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_train import qif_gradient
from spikec_train.qif_gradient import Memory, Parts, QifModel, Targets, run
from spikec_train.qif_training import input_spikes, qif_network
from spikec_train.spike_time_tasks import Task

NO_TARGETS = Targets(*np.zeros((5, 0)))


def random_case(seed, n=8, duration=8.0, spread=1.5, strength=5.0, rate=1.0, drive=0.5):
    """A recurrent network with Poisson inputs, half of them inhibitory, and targets for all its neurons."""
    rng = np.random.default_rng(seed)
    sources = np.repeat(np.arange(2 * n), rng.poisson(rate * duration, 2 * n))
    model = QifModel(n, np.arange(2 * n) % n, sources, duration)
    parameters = np.zeros(model.n_parameters)
    parts = model.split(parameters)
    parts.weights[:] = rng.normal(0, spread, (n, n))
    parts.v[:] = rng.normal(0, 0.5, n)
    parts.current[:] = rng.normal(0, drive, n)
    parts.input_weights[:] = strength * rng.uniform(0.7, 1.3, 2 * n) * np.repeat([1, -1], n)
    parts.times[:] = rng.uniform(0, duration, sources.size)
    k = 3 * n
    times, factors = rng.uniform(0, 1.2 * duration, k), rng.uniform(0.5, 1, k) / 500
    targets = Targets(rng.integers(0, n, k), rng.integers(0, 5, k), times, factors, rng.random(k) < 0.3)
    return model, parameters, targets


def central_differences(loss, at, h=2e-5):
    """Of fourth order."""
    found = np.empty_like(at)
    for i in range(at.size):
        values = []
        for step in (h, -h, 2 * h, -2 * h):
            moved = at.copy()
            moved[i] += step
            values.append(loss(moved))
        found[i] = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
    return found


def assert_parts_near(model, found, expected):
    """Each part to 1e-6 of its largest value, and to the rounding of a difference of losses."""
    for name in Parts._fields:
        one, other = (getattr(model.split(x), name) for x in (found, expected))
        largest = np.abs(other).max(initial=0.0)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * largest + 2e-10, err_msg=name)


CASES = [
    pytest.param({}, id="several spikes a neuron"),
    pytest.param({"n": 5, "duration": 14.0, "spread": 2.5, "rate": 0.7}, id="long and strongly coupled"),
    pytest.param({"n": 6, "spread": 0.3, "strength": 1.5}, id="silent neurons"),
    pytest.param({"n": 3, "drive": 150.0, "duration": 3.0, "rate": 0.5}, id="several spikes in one interval"),
    pytest.param({"n": 1, "rate": 2.0}, id="one neuron"),
    pytest.param({"n": 4, "rate": 0.0, "spread": 5.0}, id="no inputs"),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", CASES)
def test_gradients_are_those_of_central_differences(options, seed):
    model, parameters, targets = random_case(seed, **options)
    found = run(model, parameters, targets, gradient=True)
    expected = central_differences(lambda p: run(model, p, targets).loss, parameters)
    assert_parts_near(model, found.gradient, expected)
    assert not np.diagonal(model.split(found.gradient).weights).any()


def test_the_cases_have_what_they_say():
    model, parameters, targets = random_case(0)
    found = run(model, parameters, targets)
    counts = np.bincount(found.spike_neurons, minlength=8)
    assert counts.max() > 2
    assert 0 < np.count_nonzero(found.spiked) < found.spiked.size
    model, parameters, targets = random_case(0, n=6, spread=0.3, strength=1.5)
    assert run(model, parameters, targets).spike_times.size == 0
    assert any(spikes_twice_in_an_interval(*random_case(s, **CASES[3].values[0])) for s in range(3))


def spikes_twice_in_an_interval(model, parameters, targets):
    """Whether some neuron does while nothing else happens."""
    found = run(model, parameters, targets)
    times = np.concatenate([model.split(parameters).times, found.spike_times])
    spiking = np.concatenate([np.full(model.sources.size, -1), found.spike_neurons])[np.argsort(times)]
    return bool(np.any((spiking[1:] == spiking[:-1]) & (spiking[1:] >= 0)))


def test_silent_neurons_have_gradients():
    model, parameters, targets = random_case(0, n=6, spread=0.3, strength=1.5)
    gradient = model.split(run(model, parameters, targets, gradient=True).gradient)
    off_diagonal = gradient.weights[~np.eye(6, dtype=bool)]
    for part in (off_diagonal, gradient.v, gradient.current, gradient.input_weights, gradient.times):
        assert np.abs(part).max() > 1e-6


@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=["cpu", "reference"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", CASES)
def test_spikes_are_those_of_other_engines(options, seed, backend):
    model, parameters, targets = random_case(seed, **options)
    task = Task(model, targets, parameters, np.zeros(0, int))
    program = Program(qif_network(task, 0.02, parameters), load_target("ideal"))
    inputs = input_spikes(task, 0.02, parameters)
    spikes = run_backend(backend, program, inputs, 0.02 * model.duration).spikes["neurons"]
    found = run(model, parameters, targets)
    np.testing.assert_array_equal(spikes.neurons, found.spike_neurons)
    np.testing.assert_allclose(spikes.times / 0.02, found.spike_times, rtol=0, atol=1e-9)


def alone(v, current, arrivals, weights, duration, alpha=10.0):
    """One neuron with an input for each arrival."""
    model = QifModel(1, np.zeros(len(arrivals)), np.arange(len(arrivals)), duration, alpha)
    return model, np.concatenate([[0.0, v, current], weights, arrivals])


def target(rank, time=0.0, one_sided=False):
    return Targets([0], [rank], [time], [1.0], [one_sided])


@given(
    v=st.floats(-50, 50),
    current=st.one_of(st.floats(-400, 400), st.floats(-1e-2, 1e-2)),
    looks=st.lists(st.floats(0, 3), max_size=5),
    rank=st.integers(0, 4),
)
def test_spikes_and_gradients_do_not_depend_on_where_we_look(v, current, looks, rank):
    """Inputs of weight 0 only look."""
    model, parameters = alone(v, current, [], [], 3.0)
    free = run(model, parameters, target(rank), gradient=True)
    model, parameters = alone(v, current, looks, np.zeros(len(looks)), 3.0)
    seen = run(model, parameters, target(rank), gradient=True)
    np.testing.assert_allclose(seen.spike_times, free.spike_times, rtol=0, atol=1e-9)
    assert seen.loss == pytest.approx(free.loss, rel=1e-9, abs=1e-12)
    largest = np.abs(free.gradient).max()
    np.testing.assert_allclose(seen.gradient[:3], free.gradient, rtol=0, atol=1e-7 * largest + 1e-12)
    np.testing.assert_array_equal(model.split(seen.gradient).times, 0.0)


def test_all_spikes_of_a_strong_current_are_those_of_the_closed_form():
    """From V = 0: q s = pi/2, 3 pi/2, ... with s = 1 - exp(-t)."""
    model, parameters = alone(0.0, 900.0, [], [], 2.0)
    found = run(model, parameters, NO_TARGETS)
    s = (np.arange(20) + 0.5) * pi / 30
    times = -np.log1p(-s[s < 1])
    np.testing.assert_allclose(found.spike_times, times[times <= 2.0], rtol=0, atol=1e-12)
    assert found.spike_times.size == 8


def test_from_rest_a_kick_makes_a_spike_if_it_is_above_pi_squared_over_four():
    for weight, n in ((pi**2 / 4 * 0.999, 0), (pi**2 / 4 * 1.001, 1)):
        model, parameters = alone(0.0, 0.0, [1.0], [weight], 30.0)
        assert run(model, parameters, NO_TARGETS).spike_times.size == n


def test_pseudospikes_of_one_neuron_are_those_of_the_papers_formulas():
    """Kicked at 0.5, it does not spike before T = 2; all formulas with tan and arctan, as printed."""
    v, w, kick, duration, alpha = 0.2, 1.5, 0.5, 2.0, 10.0
    q, s = sqrt(w), 1 - exp(-(duration - kick))
    before = v * exp(-kick) / (1 - v * (1 - exp(-kick)))
    end = exp(-(duration - kick)) * q * tan(atan(before / q) + q * s)
    j = alpha * log(1 + exp(w * exp(-2 * (duration - kick)) / alpha))
    phase, period = (atan((end - 0.5) / sqrt(j)) + pi / 2) / sqrt(j), pi / sqrt(j)
    model, parameters = alone(v, 0.0, [kick], [w], duration, alpha)
    for rank in (0, 1, 5):
        found = run(model, parameters, target(rank))
        assert not found.spiked[0]
        assert found.answers[0] == pytest.approx(duration + (rank + 1) * period - phase, abs=1e-12)


def test_pseudospikes_of_connected_neurons_are_kicked_by_the_rates():
    """Two neurons without input that do not spike: the second reaches the first with weight w."""
    w, duration, alpha, starts = 2.0, 1.5, 7.0, (0.3, 0.6)
    left, s = exp(-duration), 1 - exp(-duration)
    ends = [v * left / (1 - v * s) for v in starts]
    free = sqrt(alpha * log(2))
    rate = (atan((ends[1] - 0.5) / free) + pi / 2) / pi
    root = sqrt(alpha * log(1 + exp(w * rate / alpha)))
    phase = (atan((ends[0] - 0.5) / root) + pi / 2) / root
    model = QifModel(2, np.zeros(0), np.zeros(0), duration, alpha)
    parameters = np.array([0, 0, w, 0, *starts, 0, 0])
    found = run(model, parameters, target(0))
    assert found.answers[0] == pytest.approx(duration + pi / root - phase, abs=1e-12)


def test_an_answer_moves_on_smoothly_where_the_spike_is_lost_at_the_trials_end():
    """V is infinite at T = 1 if q s = pi/2."""
    current = (pi / 2 / (1 - exp(-1))) ** 2
    answers = []
    for change, spikes in ((1e-9, True), (-1e-9, False)):
        model, parameters = alone(0.0, current + change, [], [], 1.0)
        found = run(model, parameters, target(0))
        assert found.spiked[0] == spikes
        answers.append(found.answers[0])
    assert answers == pytest.approx([1.0, 1.0], abs=1e-8)
    assert answers[0] < 1.0 < answers[1]


def test_the_spike_time_of_one_neuron_has_the_derivatives_of_the_formula():
    """With q s* = pi/2 - arctan(V / q): ds*/dV = -1 / (V^2 + I), dt*/ds* = 1 / (1 - s*)."""
    v, current = 0.3, 9.0
    s = (pi / 2 - atan(v / 3)) / 3
    model, parameters = alone(v, current, [], [], 2.0)
    found = run(model, parameters, target(0, time=-0.5), gradient=True)  # the loss has the slope 2 (t + 1/2)
    t = -log(1 - s)
    d_v = -1 / (v**2 + current) / (1 - s)
    d_i = -(s - v / (v**2 + current)) / (2 * current) / (1 - s)
    assert found.answers[0] == pytest.approx(t, abs=1e-14)
    slope = 2 * (t + 0.5)
    np.testing.assert_allclose(found.gradient, [0, slope * d_v, slope * d_i], rtol=1e-12)


def test_the_loss_is_the_formula_and_one_sided_targets_cost_nothing_when_the_spike_is_late():
    model, parameters, targets = random_case(1)
    found = run(model, parameters, targets)
    late = found.answers - targets.times
    counted = np.where(targets.one_sided & (late > 0), 0.0, late)
    assert np.any(counted != late)
    assert np.any(targets.one_sided & (late < 0))
    assert found.loss == pytest.approx(np.sum(targets.factors * counted**2), rel=1e-12)
    for neuron, rank, answer, spiked in zip(
        targets.neurons, targets.ranks, found.answers, found.spiked, strict=True
    ):
        own = found.spike_times[found.spike_neurons == neuron]
        assert spiked == (rank < own.size)
        assert answer == own[rank] if spiked else answer > model.duration


def test_several_targets_may_want_the_same_spike():
    model, parameters, _ = random_case(2)
    one = Targets([0, 1], [0, 1], [1.0, 2.0], [1.0, 1.0], [False, False])
    twice = Targets([0, 0, 1], [0, 0, 1], [1.0, 1.0, 2.0], [0.5, 0.5, 1.0], [False] * 3)
    a, b = (run(model, parameters, t, gradient=True) for t in (one, twice))
    np.testing.assert_allclose(a.gradient, b.gradient, rtol=1e-10, atol=1e-12)


def test_the_order_in_which_input_spikes_are_listed_changes_nothing():
    model, parameters, targets = random_case(3)
    order = np.random.default_rng(0).permutation(model.sources.size)
    other = replace(model, sources=model.sources[order])
    moved = parameters.copy()
    other.split(moved).times[:] = model.split(parameters).times[order]
    a, b = run(model, parameters, targets, gradient=True), run(other, moved, targets, gradient=True)
    assert a.loss == b.loss
    np.testing.assert_array_equal(model.split(a.gradient).times[order], other.split(b.gradient).times)
    np.testing.assert_array_equal(model.split(a.gradient).weights, other.split(b.gradient).weights)


def test_the_diagonal_of_the_weights_is_not_looked_at():
    model, parameters, targets = random_case(4)
    other = parameters.copy()
    np.fill_diagonal(model.split(other).weights, 100.0)
    a, b = run(model, parameters, targets, gradient=True), run(model, other, targets, gradient=True)
    np.testing.assert_array_equal(a.gradient, b.gradient)


def test_memory_of_an_earlier_call_changes_no_bit():
    model, first, targets = random_case(5)
    second = random_case(6)[1][: model.n_parameters]
    second = np.concatenate([second[: model.n_parameters - model.sources.size], model.split(first).times])
    memory = Memory()
    for parameters in (first, second, first):
        fresh, again = (run(model, parameters, targets, gradient=True, memory=m) for m in (Memory(), memory))
        assert again.loss == fresh.loss
        for name in ("answers", "spiked", "spike_times", "spike_neurons", "gradient"):
            np.testing.assert_array_equal(getattr(again, name), getattr(fresh, name))


def test_more_spikes_than_the_memory_holds_at_first_are_all_there():
    current = (200 * pi) ** 2
    model, parameters = alone(0.0, current, [], [], 5.0)
    found = run(model, parameters, target(150, time=1.0), gradient=True)
    s = (np.arange(200) + 0.5) / 200
    times = -np.log1p(-s)
    np.testing.assert_allclose(found.spike_times, times[times <= 5.0], rtol=0, atol=1e-9)
    d_s = -(s[150]) / (2 * current)  # s is proportional to one over the root of the current
    expected = 2 * (times[150] - 1.0) * d_s / (1 - s[150])
    assert found.gradient[2] == pytest.approx(expected, rel=1e-9)


def test_a_network_that_explodes_is_stopped():
    model, parameters = alone(0.0, 1e12, [], [], 5.0)
    with pytest.raises(UsageError, match=f"explodes: it has more than {qif_gradient.MAX_SPIKES} spikes"):
        run(model, parameters, NO_TARGETS)


def test_very_strong_inhibition_is_no_trouble():
    model, parameters = alone(0.3, -1e5, [0.5], [1e4], 4.0)
    found = run(model, parameters, target(0, time=1.0), gradient=True)
    assert found.spike_times.size == 0
    assert np.isfinite(found.answers).all()
    assert np.isfinite(found.gradient).all()


def test_a_resting_neuron_turns_as_the_equations_say():
    """Without currents V' = V (V - 1): the angle's own derivative, worked out by hand."""
    v, duration = 0.4, 1.2
    left = exp(-duration)
    end = v * left / (1 - v * (1 - left))
    d_end = left / (1 - v * (1 - left)) ** 2
    model, parameters = alone(v, 0.0, [], [], duration)
    found = run(model, parameters, target(0), gradient=True)
    root = sqrt(10 * log(2))
    angle = atan((end - 0.5) / root)
    t = duration + (pi / 2 - angle) / root
    d_t = -(cos(angle) ** 2) / root**2 * d_end
    assert found.gradient[1] == pytest.approx(2 * t * d_t, rel=1e-12)


def test_what_does_not_fit_is_refused():
    model, parameters, targets = random_case(0)
    late = parameters.copy()
    late[-1] = 8.1
    for changed, message in (
        ((parameters[1:], targets), f"{model.n_parameters} parameters"),
        ((parameters * np.nan, targets), "NaN"),
        ((parameters * 1e200, targets), "huge"),
        ((late, targets), "from 0 to 8"),
        ((parameters, replace(targets, neurons=targets.neurons + 8)), "there are 8"),
    ):
        with pytest.raises(UsageError, match=message):
            run(model, *changed)


@pytest.mark.parametrize(
    ("n", "receivers", "sources", "duration", "alpha"),
    [
        (0, [], [], 1, 1),
        (1, [0], [0], np.inf, 1),
        (1, [0], [0], 1, 0),
        (1, [1], [0], 1, 1),
        (1, [0], [1], 1, 1),
        (1, [0], [-1], 1, 1),
    ],
)
def test_impossible_models_are_refused(n, receivers, sources, duration, alpha):
    with pytest.raises(UsageError):
        QifModel(n, np.array(receivers), np.array(sources), duration, alpha)


@pytest.mark.parametrize("change", [{"ranks": [-1]}, {"times": [np.inf]}, {"factors": [1.0, 2.0]}])
def test_impossible_targets_are_refused(change):
    with pytest.raises(UsageError, match="targets"):
        replace(target(0), **change)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import NetworkError, UsageError
from spikec_train.energy_systems import SYSTEMS, energy_system, gradients_of, turned
from spikec_train.gradient_equations import solve_gradients
from spikec_train.hamiltonian import (
    VARIANTS,
    HamiltonianNetwork,
    SampledHamiltonian,
    between_pairs,
    draw_state_pairs,
    fit_hamiltonian,
)
from spikec_train.hamiltonian_adam import HamiltonianProblem, adam_curve
from spikec_train.hamiltonian_recipes import (
    HamiltonianRecipe,
    hamiltonian_recipe_names,
    hamiltonian_task,
    load_hamiltonian_recipe,
    train_hamiltonian,
)
from spikec_train.roll_out import drift, roll_out

SMALL = HamiltonianRecipe("small", "pendulum", 100, 500, 0, 1e-13, (1.0, 0.0), 0.1)


def central(energy, states, step=1e-6):
    moves = step * np.eye(states.shape[1])
    return np.stack([(energy(states + m) - energy(states - m)) / (2 * step) for m in moves], axis=1)


def fit(states, velocities, variant="uniform-pairs", hidden=20):
    anchor = np.zeros(states.shape[-1])
    options = SampledHamiltonian(variant, hidden)
    return fit_hamiltonian(states, velocities, anchor, 0.0, options, np.random.default_rng(0))


def pendulum(n=100):
    system = energy_system("pendulum")
    states = system.draw(n, np.random.default_rng(3))
    return states, system.velocities(states)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.name)
def test_gradients_of_the_systems_are_those_of_their_energies(system):
    states = 0.6 * system.draw(40, np.random.default_rng(1))
    assert np.allclose(central(system.energy, states), system.gradient(states), atol=1e-6)


def test_the_double_pendulum_is_that_of_two_unit_masses():
    """Its kinetic energy from angular velocities, with both points' velocities written out."""
    rng = np.random.default_rng(2)
    q, w = rng.uniform(-3, 3, 2), rng.uniform(-1, 1, 2)
    first = w[0] * np.array([np.cos(q[0]), np.sin(q[0])])
    second = first + w[1] * np.array([np.cos(q[1]), np.sin(q[1])])
    height = -2 * np.cos(q[0]) - np.cos(q[1])
    c = np.cos(q[0] - q[1])
    momenta = np.array([2 * w[0] + c * w[1], c * w[0] + w[1]])
    state = np.concatenate([q, momenta])[None]
    system = energy_system("double-pendulum")
    assert system.energy(state)[0] == pytest.approx((first @ first + second @ second) / 2 + height)
    assert np.allclose(system.velocities(state)[0, :2], w)


def test_turning_is_undone():
    gradient = np.random.default_rng(0).normal(size=(5, 6))
    assert np.array_equal(gradients_of(turned(gradient)), gradient)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([2, 4]), st.integers(2, 300))
def test_the_sketch_and_its_steps_give_the_solution_of_all_rows_at_once(seed, m, d, n):
    rng = np.random.default_rng(seed)
    slopes, weights, gradients = rng.normal(size=(n, m)), rng.normal(size=(m, d)), rng.normal(size=(n, d))
    rows = np.concatenate([slopes * weights[:, k] for k in range(d)])
    best, *_ = np.linalg.lstsq(rows, gradients.T.ravel())
    least = np.linalg.norm(rows @ best - gradients.T.ravel()) / np.linalg.norm(gradients)
    found = solve_gradients(slopes, gradients, weights, 1e-13, np.random.default_rng(0))
    left = np.linalg.norm(rows @ found.coefficients - gradients.T.ravel()) / np.linalg.norm(gradients)
    assert found.residual == pytest.approx(left, abs=1e-9)
    assert least - 1e-9 <= left <= least * (1 + 1e-5) + 1e-9


def test_of_coefficients_that_do_equally_well_the_shortest_are_taken():
    """Two features that are the same share what one of them would have had."""
    rng = np.random.default_rng(0)
    slopes, weights = rng.normal(size=(50, 3)), rng.normal(size=(3, 2))
    gradients = (slopes * [1.0, 2.0, 3.0]) @ weights
    twice, twice_weights = slopes[:, [0, 1, 2, 2]], weights[[0, 1, 2, 2]]
    found = solve_gradients(twice, gradients, twice_weights, 1e-10, rng)
    assert np.allclose(found.coefficients, [1.0, 2.0, 1.5, 1.5], atol=1e-5)


def test_neurons_are_minus_and_plus_a_half_at_their_pair():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 7, 4))
    weights, biases = between_pairs(first, second)
    assert np.allclose(np.tanh(np.sum(first * weights, axis=1) - biases), -0.5)
    assert np.allclose(np.tanh(np.sum(second * weights, axis=1) - biases), 0.5)


def test_a_networks_gradient_is_that_of_its_energy():
    rng = np.random.default_rng(0)
    network = HamiltonianNetwork(rng.normal(size=(9, 4)), rng.normal(size=9), rng.normal(size=9), 2.0)
    states = rng.normal(size=(6, 4))
    assert np.allclose(central(network.energy, states), network.gradient(states), atol=1e-8)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_small_pendulum_is_learned_and_its_anchor_kept(variant):
    many = [train_hamiltonian(SMALL, variant, seed) for seed in range(10)]
    assert np.mean([m.energy_error for m in many]) < (0.05 if variant == "random" else 2e-3)
    made = many[0]
    network = made.fitted.network
    assert network.energy(np.zeros((1, 2)))[0] == pytest.approx(0.0, abs=1e-9)
    assert 0 < made.fitted.residual < 0.1
    assert made.fitted.notes == ()


def test_one_seed_is_one_network_and_another_seed_another():
    a, b, c = (train_hamiltonian(SMALL, "approximate-swim", seed).energy_error for seed in (0, 0, 1))
    assert a == b != c


def test_fewer_samples_than_neurons_are_said_to_be_so():
    made = fit(*pendulum(12), hidden=30)
    assert made.residual < 1e-6
    assert made.notes == ("24 equations do not decide 30 coefficients; the shortest are taken",)


def test_an_energy_that_is_the_same_everywhere_draws_pairs_evenly_and_says_so():
    states, _ = pendulum()
    made = fit(states, np.zeros_like(states), "approximate-swim")
    assert made.notes == ("too few pairs of states differ in energy; pairs were drawn evenly",)
    assert np.allclose(made.network.energy(states), 0.0)


def test_steep_pairs_are_favoured():
    states = np.arange(40.0)[:, None] * np.ones(2)
    energies = np.where(np.arange(40) < 20, 0.0, 1.0)
    a, b, decided = draw_state_pairs(states, energies, 5, np.random.default_rng(0))
    assert decided
    assert np.all(energies[a] != energies[b])


def test_repeated_states_do_no_harm_as_long_as_pairs_differ():
    states, velocities = pendulum(60)
    twice = fit(np.repeat(states, 2, axis=0), np.repeat(velocities, 2, axis=0))
    assert np.isfinite(twice.network.coefficients).all()


def test_states_that_are_all_the_same_are_refused():
    with pytest.raises(UsageError, match="value 0 is the same in all states"):
        fit(np.ones((10, 2)), np.ones((10, 2)))


def test_too_few_different_states_are_refused():
    states = np.array([[0.0, 0.0], [1.0, 1.0]] * 3)
    with pytest.raises(UsageError, match="20 hidden neurons need as many pairs of different states, but"):
        fit(states, states)


@pytest.mark.parametrize(
    ("states", "velocities", "message"),
    [
        (np.zeros((5, 3)), np.zeros((5, 3)), "as many momenta as positions"),
        (np.zeros(4), np.zeros(4), "as many momenta as positions"),
        (np.zeros((5, 2)), np.zeros((4, 2)), r"come with velocities \(4, 2\)"),
        (np.zeros((1, 2)), np.zeros((1, 2)), "make no pair"),
    ],
)
def test_samples_of_a_wrong_shape_are_refused(states, velocities, message):
    with pytest.raises(UsageError, match=message):
        fit(states, velocities)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value):
    states, velocities = pendulum()
    wrong = states.copy()
    wrong[7, 1] = value
    with pytest.raises(NetworkError, match="states has 1 values that are NaN or infinite"):
        fit(wrong, velocities)
    with pytest.raises(NetworkError, match="velocities has 1 values"):
        fit(states, wrong)


def test_neurons_that_are_flat_where_the_samples_are_are_refused():
    with pytest.raises(UsageError, match="no feature changes"):
        solve_gradients(np.zeros((9, 3)), np.ones((9, 2)), np.ones((3, 2)), 1e-13, np.random.default_rng(0))


def test_adams_gradient_is_that_of_its_loss():
    states, velocities = pendulum(30)
    problem = HamiltonianProblem(states, gradients_of(velocities), 5)
    rng = np.random.default_rng(0)
    at, samples = problem.initial(rng), np.arange(30)
    _, gradient = problem.gradient(at, samples, rng)
    for i in range(at.size):
        step = 1e-6 * (np.arange(at.size) == i)
        up, down = (problem.gradient(at + s, samples, rng)[0] for s in (step, -step))
        assert gradient[i] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-5)


def test_the_midpoint_rule_turns_an_oscillator_by_its_known_angle():
    """For H = (q^2 + p^2) / 2 each step turns by 2 arctan(h / 2) and keeps the energy."""
    h, n = 0.1, 500
    path = roll_out(lambda x: x, np.array([1.0, 0.0]), h, n)
    angle = 2 * np.arctan(h / 2) * np.arange(n + 1)
    assert np.allclose(path, np.stack([np.cos(angle), -np.sin(angle)], axis=1), atol=1e-10)
    assert drift(np.sum(path**2, axis=1) / 2, 1.0).largest < 1e-12


def test_a_gradient_whose_coefficients_cancel_is_followed_as_far_as_its_rounding_goes():
    """1e9 times two features that differ by 1e-9 of a shift are one slope, with seven digits of 16 left."""
    weights, biases = np.full((2, 2), 0.5), np.array([0.0, 1e-9])
    network = HamiltonianNetwork(weights, biases, np.array([1e9, -1e9]), 0.0)
    start = np.array([1.0, 0.5])
    assert 1e-7 < network.rounding < 1e-6
    path = roll_out(network.gradient, start, 0.1, 100, network.rounding)
    assert drift(network.energy(path), 1.0).largest < 1e-5
    with pytest.raises(UsageError, match="make the step smaller"):
        roll_out(network.gradient, start, 0.1, 100, 0.0)


def test_steps_that_are_too_long_are_refused():
    with pytest.raises(UsageError, match="make the step smaller"):
        roll_out(lambda x: 100 * x, np.array([1.0, 0.0]), 1.0, 3)


def test_recipes_have_the_published_sizes_and_one_is_small():
    sizes = {
        n: (r.hidden, r.samples) for n in hamiltonian_recipe_names() for r in [load_hamiltonian_recipe(n)]
    }
    assert sizes == {
        "pendulum-300": (300, 1500),
        "pendulum": (1000, 10_000),
        "lotka-volterra": (1000, 10_000),
        "double-pendulum": (5000, 20_000),
        "henon-heiles": (5000, 20_000),
    }


@pytest.mark.parametrize("name", ["pendulum-300", "lotka-volterra"])
def test_recipes_keep_what_they_promise(name):
    recipe = load_hamiltonian_recipe(name)
    promised = recipe.expected
    assert train_hamiltonian(recipe, promised.variant, recipe.seed).energy_error <= promised.energy_error


def test_states_of_a_task_lie_in_the_box_and_none_is_tested_that_was_seen():
    task = hamiltonian_task(SMALL, 0)
    assert np.all(np.abs(task.states) <= task.system.reach)
    assert not np.isin(task.test[:, 0], task.states[:, 0]).any()


def test_a_recipe_of_a_wrong_dimension_or_of_no_known_system_is_refused():
    with pytest.raises(UsageError, match="start has 3 values, but pendulum has 2"):
        HamiltonianRecipe("t", "pendulum", 10, 10, 0, 1e-13, (1.0, 0.0, 0.0), 0.1)
    with pytest.raises(UsageError, match="there is no system 'kepler'"):
        HamiltonianRecipe("t", "kepler", 10, 10, 0, 1e-13, (1.0, 0.0), 0.1)
    with pytest.raises(UsageError, match="there is no recipe of a Hamiltonian network 'kepler'"):
        load_hamiltonian_recipe("kepler")


def test_adam_learns_and_counts_its_time():
    curve = adam_curve(hamiltonian_task(SMALL, 0), 20, 150, 3e-3)
    seconds, errors = zip(*curve, strict=True)
    assert list(seconds) == sorted(seconds)
    assert seconds[0] > 0
    assert len(seconds) == 50
    assert errors[-1] < 0.95 * errors[0]

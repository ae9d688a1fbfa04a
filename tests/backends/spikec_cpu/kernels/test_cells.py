"""Next spikes of random states against brute force: small Runge-Kutta steps, then halving."""

import math

import numpy as np
import pytest
from numba import njit

from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, QifExp, Ramp, Source, Theta
from spikec_cpu.kernels import cells as neuron
from spikec_cpu.kernels import cuba_lif, lambert
from spikec_cpu.lower_cells import START, THRESHOLD
from spikec_cpu.lower_exact import lower_exact

SPAN, STEP = 4.0, 2e-3


def from_python(inner):
    """What otherwise only kernels can call."""

    @njit
    def call(*arguments):
        return inner(*arguments)

    return call


crossing, kick, lambert_w = (from_python(f) for f in (neuron.crossing, neuron.kick, lambert.lambert))
crossing_equal, crossing_double, crossing_any, extremum = (
    from_python(f)
    for f in (cuba_lif.crossing_equal, cuba_lif.crossing_double, cuba_lif.crossing_any, cuba_lif.extremum)
)


def cells_of(kind, n):
    network = Network(
        (Population("in", Source(), (1,)), Population("out", kind, (n,))),
        (Projection("q", "in", "out", Dense(np.zeros((n, 1)))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    return lower_exact(network)[0].cells.values


def linear(rng, n, a, c, jumps=False):
    """A neuron type's draw: its parameters, its equations, its state, and the function that tells a spike."""
    b = np.where(rng.random(n) < 0.5, 0.0, rng.normal(0, 0.7, n))
    rest, threshold = rng.normal(0, 0.3, n), rng.uniform(0.3, 1.5, n)
    v = threshold - rng.uniform(0, 2, n) ** 2
    i = np.zeros(n) if jumps else rng.normal(0, 2, n)
    slope = lambda v, i: (b - a * (v - rest) + i, -c * i)  # noqa: E731
    return slope, v, i, threshold, (rest, b)


def quadratic(tau, drive, decay):
    """tau V' = V (V - 1) + drive in y = arctan V: tau y' = sin^2 y - sin y cos y + drive cos^2 y."""

    def move(y, i):
        current = drive(i)
        slope = 0.5 * (1 + current) + 0.5 * (current - 1) * np.cos(2 * y) - 0.5 * np.sin(2 * y)
        return slope / tau, -decay * i

    return move


def drawn(kind, rng, n):
    """Cells, their state ``(3, n)``, and the same as equations, start and end of an integration."""
    tau, other = rng.uniform(0.3, 3, n), rng.uniform(0.3, 3, n)
    x = np.zeros((3, n))
    if kind == "Theta":
        tau, current, angle = rng.uniform(0.5, 3, n), rng.uniform(0.3, 2, n), rng.uniform(-1.5, 1.5, n)
        x[0], x[1] = (np.tan(angle) - 0.5) / np.sqrt(current - 0.25), 1.0
        move = quadratic(tau, lambda i: current, 0.0)
        return cells_of(Theta(tau, current), n), x, move, angle, np.zeros(n), np.full(n, np.pi / 2)
    if kind == "QifExp":
        tau, angle, i = rng.uniform(1, 3, n), rng.uniform(-1.57, 1.57, n), rng.normal(1, 4, n)
        i[rng.random(n) < 0.1] = 0.0
        x[0], x[1], x[2] = np.tan(angle), 1.0, i
        move = quadratic(tau, lambda i: i, 2 / tau)
        return cells_of(QifExp(tau), n), x, move, angle, i, np.full(n, np.pi / 2)
    rates = {
        "Ramp": (0.0, 0.0),
        "If": (0.0, 0.0),
        "Lif": (1 / tau, 0.0),
        "IfExp": (0.0, 1 / other),
        "CubaLif equal": (1 / tau, 1 / tau),
        "CubaLif double": (1 / tau, 2 / tau),
        "CubaLif any": (1 / tau, 1 / other),
    }[kind]
    move, v, i, threshold, (rest, b) = linear(rng, n, *rates, jumps=kind in ("If", "Lif"))
    if kind in ("Ramp", "If", "IfExp"):  # no leak, so no rest
        move = lambda v, i: (b + i + 0 * v, -rates[1] * i)  # noqa: E731
    made = {
        "Ramp": lambda: Ramp(threshold, b),
        "If": lambda: If(threshold, b),
        "Lif": lambda: Lif(tau, threshold, rest, b),
        "IfExp": lambda: IfExp(other, threshold, b),
        "CubaLif equal": lambda: CubaLif(tau, tau, threshold, rest, b),
        "CubaLif double": lambda: CubaLif(tau, tau / 2, threshold, rest, b),
        "CubaLif any": lambda: CubaLif(tau, other, threshold, rest, b),
    }[kind]()
    x[0], x[1] = v, i
    return cells_of(made, n), x, move, v, i, threshold


def step(move, y, i, h):
    """One step of the classical Runge-Kutta method."""
    k1 = move(y, i)
    k2 = move(y + h / 2 * k1[0], i + h / 2 * k1[1])
    k3 = move(y + h / 2 * k2[0], i + h / 2 * k2[1])
    k4 = move(y + h * k3[0], i + h * k3[1])
    return tuple(
        s + h / 6 * (p + 2 * q + 2 * r + w) for s, p, q, r, w in zip((y, i), k1, k2, k3, k4, strict=True)
    )


def brute_force(move, y, i, end):
    """When `y` first exceeds `end`, its slope then, and how near it came before."""
    found, nearest = np.full(y.size, np.inf), y - end
    y_before, i_before = y, i  # of the step in which each crosses
    for k in range(round(SPAN / STEP)):
        after = step(move, y, i, STEP)
        crossing = np.isinf(found) & (after[0] > end)
        nearest = np.where(np.isinf(found) & ~crossing, np.maximum(nearest, after[0] - end), nearest)
        y_before, i_before = np.where(crossing, y, y_before), np.where(crossing, i, i_before)
        found[crossing] = k * STEP
        y, i = after
    low, high = np.zeros(y.size), np.full(y.size, STEP)
    for _ in range(45):
        middle = (low + high) / 2
        above = step(move, y_before, i_before, middle)[0] > end
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    slope = move(*step(move, y_before, i_before, high))[0]
    return found + high, slope, nearest


KINDS = ["Ramp", "If", "Lif", "IfExp", "CubaLif equal", "CubaLif double", "CubaLif any", "Theta", "QifExp"]


def assert_brute_force_agrees(kind, seed, n):
    rng = np.random.default_rng(seed)
    cells, x, move, y, i, end = drawn(kind, rng, n)
    with np.errstate(over="ignore"):
        expected, slope, nearest = brute_force(move, y, i, end)
    limit = cells[THRESHOLD]
    got = np.array([crossing(cells, j, x, limit[j], SPAN) for j in range(n)])
    got[got > SPAN] = np.inf
    clear = (np.abs(expected - SPAN) > 1e-6) & (np.abs(got - SPAN) > 1e-6)
    clear &= np.isfinite(expected) | (nearest < -1e-5)  # what peaks within a step, brute force does not see
    both = clear & np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(got[clear]), np.isfinite(expected[clear]))
    accuracy = 1e-7 if kind == "QifExp" else 1e-9  # of Runge-Kutta, next to the separatrix
    assert np.all(np.abs(got[both] - expected[both]) < accuracy + 1e-10 / np.abs(slope[both]))
    assert clear.mean() > 0.99
    assert both.mean() > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_spike_is_where_brute_force_finds_it(kind):
    assert_brute_force_agrees(kind, 0, 2000)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_the_next_spike_is_where_brute_force_finds_it_100_000_times(kind):
    for seed in range(1, 11):
        assert_brute_force_agrees(kind, seed, 10_000)


def test_closed_forms_meet_the_general_one_next_to_their_ratios():
    rng = np.random.default_rng(0)
    met = 0
    for _ in range(2000):
        rest, b, threshold = rng.normal(0, 0.2), rng.normal(0, 0.5), rng.uniform(0.4, 1.5)
        v, i = threshold - rng.uniform(0, 2), rng.normal(1, 3)
        for ratio, closed in ((1, crossing_equal), (2, crossing_double)):
            exact = closed(1.0, rest, b, v, i, threshold)
            for near in (1 - 1e-9, 1 + 1e-9):
                other = crossing_any(1.0, ratio * near, rest, b, v, i, threshold, 5.0)
                if math.isfinite(other) and exact < 5:
                    top = extremum(1.0, float(ratio), rest, b, v, i)
                    near_top = abs(top - exact) < 1e-2
                    assert other == pytest.approx(exact, abs=1e-4 if near_top else 1e-6)
                    met += 1
    assert met > 1000


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
def test_a_membrane_that_only_touches_its_threshold_does_not_spike(ratio):
    # from V = 0 and I = 1 the peak is at ln(ratio)/(ratio - 1), its height below
    height = (
        math.exp(-1)
        if ratio == 1
        else (ratio ** (-1 / (ratio - 1)) - ratio ** (-ratio / (ratio - 1))) / (ratio - 1)
    )
    kind = {1.0: CubaLif(1.0, 1.0, 1.0), 2.0: CubaLif(1.0, 0.5, 1.0), 3.0: CubaLif(1.0, 1 / 3, 1.0)}[ratio]
    cells, x = cells_of(kind, 1), np.array([[0.0], [1.0], [0.0]])
    peak = 1.0 if ratio == 1 else math.log(ratio) / (ratio - 1)
    assert crossing(cells, 0, x, height * (1 + 1e-14), 9.0) == math.inf
    assert crossing(cells, 0, x, height * (1 - 1e-12), 9.0) == pytest.approx(peak, abs=1e-5)


def test_ratio_one_by_hand():
    # V = t e^-t with threshold 1/e^2 * 2 ... crosses where t e^-t = 0.2: -W0(-0.2)
    assert crossing_equal(1.0, 0.0, 0.0, 0.0, 1.0, 0.2) == pytest.approx(0.2591711018190738, rel=1e-14)


def test_ratio_two_by_hand():
    # V = 4 (y - y^2), y = 1 - e^-t: V = 0.75 at y = 1/4
    assert crossing_double(1.0, 0.0, 0.0, 0.0, 4.0, 0.75) == pytest.approx(math.log(4 / 3), rel=1e-15)


def test_lambert_solves_its_equation_on_both_branches():
    for log_z in (-700.0, -30.0, -1.0, 0.0, 1.0, 5.0, 800.0):
        w = lambert_w(log_z, True, False)
        if log_z > -700:
            assert w + math.log(w) == pytest.approx(log_z, rel=1e-13, abs=1e-13)
    for log_z in (-1.0 - 1e-6, -1.1, -2.0, -2.5, -5.0, -300.0):
        for lower in (False, True):
            w = lambert_w(log_z, False, lower)
            assert (w <= -1) == lower
            assert w + math.log(-w) == pytest.approx(log_z, rel=1e-12)


def test_a_qif_neuron_that_was_kicked_from_rest_spikes_above_a_quarter_of_pi_squared():
    cells = cells_of(QifExp(1.0), 1)
    limit = math.pi**2 / 4
    for current, spikes in ((limit * (1 - 1e-13), False), (limit * (1 + 1e-13), True)):
        x = np.array([[0.0], [1.0], [current]])
        assert math.isfinite(crossing(cells, 0, x, 0.0, 99.0)) == spikes


def test_a_kick_moves_a_theta_neuron_as_the_transfer_function_says():
    cells = cells_of(Theta(6 / np.pi, phase=3.0), 1)
    x = cells[START:].copy()
    assert crossing(cells, 0, x, 0.0, 9.0) == pytest.approx(3.0, rel=1e-14)
    kick(cells, 0, x, 0.7)
    moved = 6 / np.pi * (np.arctan(0.7) + np.pi / 2)  # V = 1/2 at half the period
    assert crossing(cells, 0, x, 0.0, 9.0) == pytest.approx(6.0 - moved, rel=1e-14)

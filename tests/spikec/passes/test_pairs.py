"""`Theta` and `QifExp` in integers: what the integers stand for is what was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend, run
from spikec.errors import TargetError
from spikec.events import from_rows
from spikec.inputs import in_own_time
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_neurons import QifFixed, ThetaFixed
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import QifExp, Source, Theta
from spikec.passes.pairs import coefficients, fixed_pair, pair_of, widest_scale
from spikec.passes.pipelines import CompileOptions, compile_network, try_compile
from spikec.program import Program
from spikec.targets.target import load_target

LOIHI2 = load_target("loihi2")
TAU = 0.06 / np.pi


def _network(neuron, weights, clock=None, recurrent=None):
    weights = np.atleast_2d(np.asarray(weights, float))
    n, n_in = weights.shape
    projections = [Projection("in-p", "in", "p", Dense(weights), Delays(0.0))]
    if recurrent is not None:
        projections.append(Projection("p-p", "p", "p", Dense(np.asarray(recurrent, float)), Delays(0.0)))
    populations = (Population("in", Source(), (n_in,)), Population("p", neuron, (n,)))
    return Network(populations, tuple(projections), ("in",), ("p",), clock or Continuous())


@given(st.floats(1e-4, 3), st.floats(0.6, 1.6))
def test_coefficients_have_the_wanted_ratios(slope, stretch):
    one, a, b = coefficients(np.array(slope * stretch), np.array(slope / stretch))
    assert 1 <= one <= 32767
    assert 1 <= a <= 32767
    assert 1 <= b <= 32767
    # At the least as good as the largest denominator alone.
    wanted = np.array([slope * stretch, slope / stretch])
    error = np.abs(np.array([a, b]) / one / wanted - 1)
    assert error.max() <= 0.5 / (int(32767 / max(1, *wanted)) * wanted.min()) + 1e-9


def test_a_pair_keeps_its_ratio():
    a, b = pair_of(np.array([-3.0, 0.5, 0.0]), np.array([1.0, 1.0, 0.2]))
    assert b.tolist() == [5461, 16384, 16384]
    assert a.tolist() == [-16384, 8192, 0]


@given(st.floats(0.3, 5), st.floats(0.05, 0.95), st.floats(20, 2000), st.integers(4, 400))
@settings(deadline=None)
def test_theta_integers_stand_for_angle_phase_and_kick(current, share, scale, ticks):
    k = Theta(TAU, current, phase=share * float(Theta(TAU, current).period))
    dt = float(k.period) / ticks
    fixed = fixed_pair(Population("p", k, (1,)), scale, dt)
    assert isinstance(fixed, ThetaFixed)
    cos, up, down = (float(np.asarray(x)) for x in (fixed.cos, fixed.sin_a, fixed.sin_b))
    assert np.arctan2(np.sqrt(up * down), cos) == pytest.approx(np.pi / ticks, rel=3e-3)
    stretch = np.sqrt(up / down)
    a, b = float(np.asarray(fixed.a_init)), float(np.asarray(fixed.b_init))
    assert np.arctan2(b, -a / stretch) == pytest.approx(np.pi * share, abs=5e-3)
    kick = scale / 2.0 ** float(np.asarray(fixed.shift))  # of one unit of V, in units of a/b
    assert kick == pytest.approx(stretch / float(k.radius), rel=6e-3)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(20, 2000), st.integers(20, 1000))
@settings(deadline=None)
def test_qif_integers_stand_for_current_and_membrane(v, i, scale, ticks):
    k, dt = QifExp(TAU, v_init=v, i_init=i), TAU / ticks
    fixed = fixed_pair(Population("p", k, (1,)), scale, dt)
    assert isinstance(fixed, QifFixed)
    values = {n: float(np.asarray(getattr(fixed, n))) for n in ("gain", "shift", "turn", "a_init", "b_init")}
    unit = values["gain"] / 2 ** values["shift"] * 64 * scale  # 2^14 lambda s, for a current of one
    s = 1 - np.exp(-1 / ticks)
    assert unit * values["turn"] / 2**28 == pytest.approx(s**2, rel=1e-3)
    stretch = 2**14 * s / values["turn"]
    assert values["a_init"] / values["b_init"] / stretch == pytest.approx(v, abs=2e-3 * (1 + v * v))
    started = float(np.asarray(fixed.u_init)) * (1 - (float(np.asarray(fixed.du)) + 1) / 4096)
    assert started / (64 * scale) == pytest.approx(i, abs=1e-3)


def test_the_widest_projection_fills_its_mantissas_and_the_narrowest_is_not_cut_off():
    one = Projection("a", "in", "p", Dense(np.array([[2.0, -1.0]])))
    other = Projection("b", "in", "p", Dense(np.array([[0.3, -0.1]])))
    assert widest_scale((one,), LOIHI2.formats, 8) == pytest.approx(127.0)
    assert widest_scale((one, other), LOIHI2.formats, 8) == pytest.approx(127.0 * 8)
    assert widest_scale((), LOIHI2.formats, 8) == 1.0


def _spikes(program, inputs, n_ticks):
    return run(find_backend("reference"), program, in_own_time(program.network, inputs), n_ticks).spikes["p"]


@pytest.mark.parametrize("kind", ["theta", "qif"])
@pytest.mark.parametrize("seed", range(4))
def test_compiled_spikes_are_where_the_exact_ones_are(kind, seed):
    """As many spikes, recurrent networks included, and all within 0.05 of the time constant.

    Where neurons pass slowly by a point at which they could turn back, they magnify what rounding does:
    so fine ticks alone do not bring all errors down to a tick.
    """
    rng = np.random.default_rng(seed)
    n, n_in, until, dt = 5, 6, 0.08, 2.5e-5
    neuron = Theta(TAU, phase=rng.uniform(0.01, 0.05, n)) if kind == "theta" else QifExp(TAU)
    size = 1.0 if kind == "theta" else 3.0
    recurrent = rng.normal(0, 0.3 * size, (n, n)) * (1 - np.eye(n))
    network = _network(neuron, rng.normal(0.3 * size, size, (n, n_in)), recurrent=recurrent)
    counts = rng.poisson(4, n_in)
    rows = [(0, t, i) for i in range(n_in) for t in np.sort(rng.uniform(0, until, counts[i]))]
    samples, times, neurons = (np.array(column) for column in zip(*rows, strict=True))
    inputs = {"in": from_rows(samples, times, neurons, n_samples=1, n_neurons=n_in)}
    exact = run(find_backend("reference"), Program(network, load_target("ideal")), inputs, until).spikes["p"]
    program = compile_network(network, LOIHI2, CompileOptions(dt=dt, n_ticks=round(until / dt) + 4))
    found = _spikes(program, inputs, program.n_ticks)
    errors: list[float] = []
    for j in range(n):
        wanted = exact.times[exact.neurons == j]
        wanted = wanted[wanted < until - 0.01]  # what is later may fall beyond the end
        got = (found.times[found.neurons == j] - program.late["p"]) * dt
        assert got.size >= wanted.size
        errors.extend(np.abs(got[: wanted.size] - wanted))
    assert len(errors) >= 4
    assert np.median(errors) < 2e-4
    assert np.max(errors) < 1e-3


def test_ticks_have_the_same_spikes_with_hardly_rounded_weights():
    """The same network in float ticks and in integers: all that is lost is rounding."""
    rng = np.random.default_rng(3)
    clock = Ticks(1e-3, LOIHI)
    network = _network(Theta(TAU, phase=0.02), rng.normal(0.5, 0.5, (8, 4)), clock)
    rows = [(0, int(t), i) for i in range(4) for t in np.unique(rng.integers(0, 100, 12))]
    samples, ticks, neurons = (np.array(column) for column in zip(*sorted(rows), strict=True))
    inputs = {"in": from_rows(samples, ticks, neurons, n_samples=1, n_neurons=4)}
    real = run(find_backend("reference"), Program(network, LOIHI2), inputs, 110).spikes["p"]
    program = compile_network(network, LOIHI2, CompileOptions(n_ticks=110))
    found = run(find_backend("reference"), program, inputs, 110).spikes["p"]
    assert real.n_events > 10
    assert found.counts().tolist() == real.counts().tolist()
    for j in range(8):
        assert np.abs(found.times[found.neurons == j] - real.times[real.neurons == j]).max(initial=0) <= 1


def test_what_has_no_integer_form_is_named():
    broken = [
        (
            _network(Theta(TAU, one_spike=True), [[1.0]]),
            "loihi2",
            1e-3,
            "one spike a sample is neurons that go on",
        ),
        (
            _network(Theta(TAU), [[1.0]]),
            "loihi2",
            0.04,
            "tick is 0.04 s, allowed is less than 0.03 s, half the",
        ),
        (_network(QifExp(TAU), [[1.0]]), "loihi2", 0.04, "tick is 0.04 s, allowed is less than 0.019"),
        (_network(QifExp(TAU), [[1.0]]), "loihi1", 1e-3, "neuron is QifFixed, allowed is Loihi's own"),
    ]
    for network, target, dt, message in broken:
        program = try_compile(network, load_target(target), CompileOptions(dt=dt, n_ticks=10))
        assert message in " ".join(str(v) for v in program[1])


def test_a_violation_stops_the_compilation():
    with pytest.raises(TargetError):
        compile_network(_network(Theta(TAU), [[1.0]]), load_target("loihi1"), CompileOptions(dt=1e-3))


@pytest.mark.parametrize(
    ("neuron", "what", "ticks"), [(Theta(TAU, 1.0), "angle", 300_000), (QifExp(0.02), "decay", 20_000)]
)
def test_ticks_so_short_that_rounding_is_seen_do_not_fit(neuron, what, ticks):
    whole = float(neuron.period) if isinstance(neuron, Theta) else 0.02
    for dt, fits in ((whole / ticks, False), (whole / 100, True)):
        _, found = try_compile(_network(neuron, [[0.1]]), LOIHI2, CompileOptions(dt=dt, n_ticks=10))
        assert [v.rule for v in found] == ([] if fits else [f"{what} of a tick"])
        assert fits or found[0].advice == "use a coarser --dt"

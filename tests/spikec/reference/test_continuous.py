"""The reference of the continuous dialect against closed forms and against an ODE solver."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import lambertw

from spikec.errors import NetworkError, UsageError
from spikec.events import from_rows
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, Ramp, Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

TAU = 10e-3
EXACT = {"rel": 1e-12, "abs": 1e-15}


class TestRamp:
    def test_spikes_where_the_line_meets_the_threshold(self):
        # 2 (t - 1) + 3 (t - 2) = 4 at t = 12 / 5
        assert spikes(Ramp(threshold=4.0), [2.0, 3.0], [1.0, 2.0], 3.0) == pytest.approx([2.4], **EXACT)

    def test_a_bias_tilts_from_the_beginning(self):
        # t + 2 (t - 1) = 4 at t = 2
        assert spikes(Ramp(threshold=4.0, bias=1.0), [2.0], [1.0], 2.5) == pytest.approx([2.0], **EXACT)

    def test_goes_on_with_its_slope_after_the_reset(self):
        assert spikes(Ramp(threshold=4.0, v_reset=2.0), [2.0], [1.0], 5.5) == pytest.approx([3.0, 4.0, 5.0])

    def test_does_not_spike_if_inhibition_comes_first(self):
        assert spikes(Ramp(threshold=4.0), [2.0, -2.0], [1.0, 2.9], 100.0) == []

    @given(
        st.lists(st.tuples(st.floats(-1, 2), st.floats(0, 5)), min_size=1, max_size=12), st.floats(-0.5, 0.5)
    )
    def test_the_causal_set_gives_the_first_spike(self, inputs, bias):
        weights, times = (list(column) for column in zip(*inputs, strict=True))
        expected = first_spike_of_ramp(weights, times, bias, threshold=1.0)
        got = spikes(Ramp(threshold=1.0, bias=bias, one_spike=True), weights, times, 50.0)
        # Where the line only grazes the threshold, rounding may decide either way.
        if expected is None:
            assert all(grazes(weights, times, bias, t) for t in got)
        elif expected < 49.0 and not grazes(weights, times, bias, expected):
            assert got == pytest.approx([expected], rel=1e-9)


class TestIf:
    def test_counts_to_its_threshold_and_must_exceed_it(self):
        times = [1.0, 2.0, 3.0, 4.0, 5.0]
        assert spikes(If(threshold=2.0), [1.0] * 5, times) == [3.0]
        assert spikes(If(threshold=1.9), [1.0] * 5, times) == [2.0, 4.0]

    def test_arrivals_of_one_moment_act_together_before_any_spike(self):
        assert spikes(If(threshold=1.0), [2.0, -2.0], [1.0, 1.0]) == []
        assert spikes(If(threshold=1.0), [0.7, 0.7], [1.0, 1.0]) == [1.0]


class TestLif:
    def test_a_constant_input_makes_it_tick(self):
        drive, threshold = 250.0, 1.0
        period = -TAU * np.log(1 - threshold / (TAU * drive))
        got = spikes(Lif(tau=TAU, threshold=threshold, bias=drive), [0.0], [0.0], 4.5 * period)
        assert got == pytest.approx([period, 2 * period, 3 * period, 4 * period], **EXACT)

    def test_a_constant_input_from_a_resting_value_to_another_reset(self):
        # V(t) = V_inf + (V_0 - V_inf) exp(-t / tau)
        neuron = Lif(tau=TAU, threshold=2.0, v_leak=1.0, bias=200.0, v_reset=-1.0)
        end = 1.0 + TAU * 200.0
        first = TAU * np.log((end - 1.0) / (end - 2.0))
        then = TAU * np.log((end + 1.0) / (end - 2.0))
        assert spikes(neuron, [0.0], [0.0], first + 1.5 * then) == pytest.approx(
            [first, first + then], **EXACT
        )

    @pytest.mark.parametrize(("gap", "spiking"), [(0.999, True), (1.001, False)])
    def test_forgets_between_two_inputs(self, gap, spiking):
        # 1 + exp(-t / tau) = 1.5 at t = tau ln 2
        second = gap * TAU * np.log(2)
        got = spikes(Lif(tau=TAU, threshold=1.5), [1.0, 1.0], [0.0, second])
        assert got == ([second] if spiking else [])


class TestCubaLif:
    @pytest.mark.parametrize("threshold", [0.3, 0.9, 0.999999])
    def test_with_equal_time_constants_the_first_spike_is_a_lambert_w(self, threshold):
        # V = w t exp(-t / tau), at most w tau / e
        theta = threshold * TAU / np.e
        expected = -TAU * lambertw(-theta / TAU, 0).real
        assert spikes(CubaLif(TAU, TAU, theta), [1.0], [2.0])[0] - 2.0 == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("threshold", [0.3, 0.9, 0.999999])
    def test_with_time_constants_two_to_one_it_is_the_root_of_a_square(self, threshold):
        # V = 2 tau_s w (x - x^2) with x = exp(-t / tau_m), at most tau_s w / 2
        theta = threshold * TAU / 2
        x = (1 + np.sqrt(1 - 2 * theta / TAU)) / 2
        got = spikes(CubaLif(2 * TAU, TAU, theta), [1.0], [2.0])
        assert got[0] - 2.0 == pytest.approx(-2 * TAU * np.log(x), rel=1e-9)

    def test_a_peak_at_the_threshold_does_not_exceed_it(self):
        peak = TAU / np.e
        assert spikes(CubaLif(TAU, TAU, peak * (1 + 1e-9)), [1.0], [0.0]) == []
        assert len(spikes(CubaLif(TAU, TAU, peak * (1 - 1e-9)), [1.0], [0.0])) == 1

    @pytest.mark.parametrize("neuron", [Lif(TAU, 1.0, v_leak=0.5), CubaLif(TAU, 2 * TAU, 1.0, v_leak=0.5)])
    def test_rests_after_a_silence_of_ten_thousand_time_constants(self, neuron):
        result = run(neuron, [0.1, 2 / TAU], [0.0, 1e4 * TAU], 3e4 * TAU)
        assert result.traces["out.v.last"][0, 0] == pytest.approx(0.5, **EXACT)
        assert result.spikes["out"].n_events >= 1

    def test_the_current_survives_the_reset(self):
        # With currents and membranes that stay, it is a ramp.
        neuron = CubaLif(np.inf, np.inf, threshold=1.0)
        assert spikes(neuron, [2.0], [1.0], 2.75) == pytest.approx([1.5, 2.0, 2.5], **EXACT)

    @pytest.mark.parametrize("tau_mem", [TAU, 2 * TAU, 0.7 * TAU])
    @pytest.mark.parametrize("seed", range(4))
    def test_equals_an_ode_solver(self, tau_mem, seed):
        rng = np.random.default_rng(seed)
        weights, times = rng.normal(100.0, 250.0, 12), rng.uniform(0, 5 * TAU, 12)
        neuron = CubaLif(tau_mem, TAU, threshold=1.0, v_leak=0.2, bias=30.0, v_reset=-0.3)
        expected, end = solve(neuron, weights, times, 8 * TAU)
        result = run(neuron, weights, times, 8 * TAU)
        assert result.spikes["out"].times.tolist() == pytest.approx(expected, rel=1e-7, abs=1e-9)
        assert result.traces["out.v.last"][0, 0] == pytest.approx(end, rel=1e-6, abs=1e-8)


class TestReadout:
    def test_without_leak_it_adds_up_how_long_ago_inputs_came(self):
        result = run(LiReadout(bias=0.5), [2.0, -3.0], [1.0, 2.0], 4.0)
        assert result.traces["out.v.last"][0, 0] == pytest.approx(0.5 * 4 + 2 * 3 - 3 * 2, **EXACT)
        assert result.spikes["out"].n_events == 0

    def test_with_leaks_it_is_the_difference_of_two_exponentials(self):
        tau_mem, tau_syn, t = 20e-3, 5e-3, 13e-3
        result = run(LiReadout(tau_mem, tau_syn), [3.0], [0.0], t)
        factor = tau_mem * tau_syn / (tau_mem - tau_syn)
        expected = 3.0 * factor * (np.exp(-t / tau_mem) - np.exp(-t / tau_syn))
        assert result.traces["out.v.last"][0, 0] == pytest.approx(expected, **EXACT)


class TestNetworks:
    @pytest.mark.parametrize(
        ("delays", "expected"),
        [
            (Delays(0.5), [[1.5, 2.5], [1.5, 2.5]]),
            (Delays([0.5, 0.25], DelayKind.AXONAL), [[1.5, 2.25], [1.5, 2.25]]),
            (Delays([0.5, 0.25], DelayKind.DENDRITIC), [[1.5, 2.5], [1.25, 2.25]]),
            (Delays([[0.5, 0.25], [0.0, 1.0]], DelayKind.SYNAPTIC), [[1.5, 2.25], [1.0, 3.0]]),
        ],
        ids=["uniform", "axonal", "dendritic", "synaptic"],
    )
    def test_delays_belong_to_what_they_are_named_after(self, delays, expected):
        network = chain(If(threshold=0.5), Dense(np.ones((2, 2))), delays)
        out = simulate(network, [1.0, 2.0], 5.0).spikes["out"]
        assert [out.times[out.neurons == j].tolist() for j in range(2)] == expected

    def test_a_neuron_that_feeds_itself_repeats_its_delay(self):
        network = chain(
            If(threshold=0.5),
            Dense(np.ones((1, 1))),
            loops=[Projection("loop", "out", "out", Dense(np.ones((1, 1))), Delays(0.25))],
        )
        assert simulate(network, [1.0], 2.0).spikes["out"].times.tolist() == [1.0, 1.25, 1.5, 1.75, 2.0]

    def test_two_populations_pass_a_spike_back_and_forth(self):
        other = Population("other", If(threshold=0.5), (1,))
        one = Dense(np.ones((1, 1)))
        network = chain(
            If(threshold=0.5),
            one,
            loops=[
                Projection("there", "out", "other", one, Delays(0.25)),
                Projection("back", "other", "out", one, Delays(0.5)),
            ],
            others=[other],
        )
        result = simulate(network, [1.0], 3.0)
        assert result.spikes["out"].times.tolist() == [1.0, 1.75, 2.5]
        assert result.spikes["other"].times.tolist() == [1.25, 2.0, 2.75]

    def test_inhibition_from_a_rival_arrives_before_the_loser_spikes(self):
        # Both ramps would reach 1, at 1.0 and 1.2; the winner silences the other after 0.1.
        network = chain(
            Ramp(threshold=1.0, one_spike=True),
            Dense([[1.0], [1 / 1.2]]),
            loops=[Projection("loop", "out", "out", Dense([[0.0, -5.0], [-5.0, 0.0]]), Delays(0.1))],
        )
        out = simulate(network, [0.0], 3.0).spikes["out"]
        assert (out.times.tolist(), out.neurons.tolist()) == ([1.0], [0])

    def test_samples_do_not_touch_each_other(self):
        network = chain(CubaLif(TAU, TAU, threshold=1e-3), Dense(np.ones((1, 1))))
        executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
        given = from_rows([0, 0, 1], [0.01, 0.02, 0.015], [0, 0, 0], n_samples=2, n_neurons=1)
        together = executable.run({"in": given}, 1.0, ["out.v.last"])
        for k in range(2):
            alone = executable.run({"in": given.select(k, k + 1)}, 1.0, ["out.v.last"])
            assert (
                together.spikes["out"].select(k, k + 1).times.tolist() == alone.spikes["out"].times.tolist()
            )
            assert together.traces["out.v.last"][k] == alone.traces["out.v.last"][0]

    def test_the_last_moment_belongs_to_the_run_and_nothing_after_it(self):
        network = chain(If(threshold=0.5), Dense(np.ones((1, 1))))
        result = simulate(network, [1.0, 2.0, 2.5], 2.0)
        assert result.spikes["out"].times.tolist() == [1.0, 2.0]
        assert result.spikes["in"].times.tolist() == [1.0, 2.0]

    def test_only_the_first_spike_leaves_a_neuron_that_may_spike_once(self):
        assert spikes(If(threshold=0.5, one_spike=True), [1.0, 1.0], [1.0, 2.0]) == [1.0]

    def test_there_are_no_ticks_to_record_at(self):
        with pytest.raises(UsageError, match=r"out\.v\.last"):
            run(If(threshold=0.5), [1.0], [1.0], 2.0, record="out.v")

    def test_inputs_have_no_membrane(self):
        with pytest.raises(NetworkError, match="input"):
            run(If(threshold=0.5), [1.0], [1.0], 2.0, record="in.v.last")


def chain(neuron, connectivity, delays=None, loops=(), others=()):
    """A source "in", a population "out", and what else there is."""
    projection = Projection("in_out", "in", "out", connectivity, delays or Delays(0.0))
    populations = (
        Population("in", Source(), (connectivity.n_pre,)),
        Population("out", neuron, (connectivity.n_post,)),
        *others,
    )
    return Network(populations, (projection, *loops), ("in",), ("out",), Continuous())


def simulate(network, times, until, record="out.v.last"):
    """Run one sample in which input k spikes at time k (or the only input at all of them)."""
    n = network.population("in").n
    neurons = np.arange(len(times)) % n
    events = from_rows([0] * len(times), np.asarray(times, np.float64), neurons, n_samples=1, n_neurons=n)
    return (
        ReferenceBackend()
        .prepare(Program(network, load_target("ideal")))
        .run({"in": events}, until, [record])
    )


def run(neuron, weights, times, until, record="out.v.last"):
    """Run one neuron with one input spike a weight."""
    return simulate(chain(neuron, Dense(np.array([weights], np.float64))), times, until, record)


def spikes(neuron, weights, times, until=10.0):
    return run(neuron, weights, times, until).spikes["out"].times.tolist()


def first_spike_of_ramp(weights, times, bias, threshold):
    """The first time at which ``b t + sum of w (t - t_i)`` over all earlier inputs is the threshold."""
    order = np.argsort(times, kind="stable")
    w, t = np.asarray(weights)[order], np.asarray(times)[order]
    for k in range(len(t) + 1):
        slope = bias + w[:k].sum()
        begin, end = (t[k - 1] if k else 0.0), (t[k] if k < len(t) else np.inf)
        if slope > 0:
            time = (threshold + (w[:k] * t[:k]).sum()) / slope
            if begin <= time < end:
                return time
    return None


def grazes(weights, times, bias, time):
    """Whether the slope at a time is so small, or an input so near, that rounding decides."""
    w, t = np.asarray(weights), np.asarray(times)
    slopes = [bias + w[t <= time + d].sum() for d in (-1e-6, 1e-6)]
    return min(np.abs(slopes)) < 1e-6 or np.abs(t - time).min() < 1e-6


def solve(neuron, weights, times, until):
    """Spike times and last membrane from scipy, interval by interval."""

    def slope(_, y):
        v, i = y
        return [-(v - neuron.v_leak) / neuron.tau_mem + i + neuron.bias, -i / neuron.tau_syn]

    def gap(_, y):
        return y[0] - neuron.threshold

    gap.terminal, gap.direction = True, 1
    found, now, y = [], 0.0, np.array([float(neuron.v_leak), 0.0])
    arrivals = sorted(zip(times, weights, strict=True))
    for stop, weight in [*arrivals, (until, 0.0)]:
        while now < stop:
            step = solve_ivp(
                slope, (now, stop), y, events=gap, rtol=1e-10, atol=1e-12, max_step=TAU / 20, method="DOP853"
            )
            now, y = step.t[-1], step.y[:, -1]
            if step.status == 1:
                found.append(now)
                y = np.array([float(neuron.v_reset), y[1]])
        y = y + np.array([0.0, weight])
    return found, y[0]

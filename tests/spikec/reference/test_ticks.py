"""The reference of the float-tick dialect against closed forms and against loops over plain floats."""

from itertools import pairwise

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec.events import from_rows
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import LOIHI, Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, Lif, LiReadout, Ramp, Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT = 1e-3
TAU = 8e-3
EULER, EXACT = Convention("euler"), Convention("exact")


class TestOneNeuron:
    def test_euler_is_the_difference_equation(self):
        inputs = {0: 400.0, 3: -150.0, 4: 600.0}
        neuron = CubaLif(2 * TAU, TAU, threshold=1.0, v_leak=0.1, bias=5.0, v_reset=-0.2)
        current, membrane, expected, spiking = 0.0, 0.1, [], []
        for tick in range(40):
            current += -current * DT / TAU + DT * inputs.get(tick, 0.0)
            membrane += -(membrane - 0.1) * DT / (2 * TAU) + current + DT * 5.0
            if membrane > 1.0:
                membrane = -0.2
                spiking.append(tick)
            expected.append(membrane)
        result = run(neuron, EULER, inputs, 40)
        assert result.traces["out.v"][0, :, 0] == pytest.approx(expected, rel=1e-12, abs=1e-14)
        assert result.spikes["out"].times.tolist() == spiking
        assert len(spiking) > 2

    @pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
    def test_exact_ticks_lie_on_the_solution(self, ratio):
        # V = w (exp(-t / tau_m) - exp(-t / tau_s)) tau_m tau_s / (tau_m - tau_s), w t exp(-t / tau) if equal;
        # an input of tick k acts from the beginning of that tick, and the membrane is that at its end.
        tau_mem, t = ratio * TAU, DT * np.arange(1, 31)
        expected = 3.0 * t * np.exp(-t / TAU)
        if ratio != 1.0:
            apart = np.exp(-t / tau_mem) - np.exp(-t / TAU)
            expected = 3.0 * apart * tau_mem * TAU / (tau_mem - TAU)
        result = run(LiReadout(tau_mem, TAU), EXACT, {0: 3.0}, 30)
        assert result.traces["out.v"][0, :, 0] == pytest.approx(expected, rel=1e-12)

    def test_a_leaky_membrane_jumps_and_decays(self):
        result = run(Lif(TAU, threshold=9.0), EXACT, {2: 1.0}, 10)
        ticks = np.arange(10)
        expected = np.where(ticks < 2, 0.0, np.exp(-(ticks - 2) * DT / TAU))
        assert result.traces["out.v"][0, :, 0] == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("convention", [EULER, EXACT])
    def test_a_ramp_keeps_its_slope(self, convention):
        result = run(Ramp(threshold=99.0, bias=2.0), convention, {1: 3.0}, 6)
        expected = DT * (2.0 * np.arange(1, 7) + 3.0 * np.array([0, 1, 2, 3, 4, 5]))
        assert result.traces["out.v"][0, :, 0] == pytest.approx(expected, rel=1e-12)

    def test_chip_decays_are_parts_of_4096(self):
        neuron = CubaTicks(decay_u=1024, decay_v=2048, threshold=np.inf, bias=0.5)
        result = run(neuron, LOIHI, {0: 8.0}, 5)
        # The input of tick 0 arrives in tick 1: u is 8, 6, 4.5, 3.375.
        v = [0.5]
        for u in (8.0, 6.0, 4.5, 3.375):
            v.append(0.5 * v[-1] + u + 0.5)
        assert result.traces["out.v"][0, :, 0].tolist() == v

    def test_the_threshold_must_be_exceeded(self):
        assert run(If(threshold=2.0), EULER, {0: 1.0, 1: 1.0, 2: 0.5}, 4).spikes["out"].times.tolist() == [2]

    @pytest.mark.parametrize(
        ("reset", "expected"),
        [("value", [2.0, -0.5, 1.5]), ("subtract", [2.0, 4.0 - 2.25, 3.75 - 2.25])],
    )
    def test_a_spike_sets_the_membrane_or_takes_the_threshold_off(self, reset, expected):
        neuron = If(threshold=2.25, v_reset=-0.5)
        result = run(neuron, Convention(reset=reset), {0: 2.0, 1: 2.0, 2: 2.0}, 3)
        assert result.traces["out.v"][0, :, 0].tolist() == expected

    def test_only_the_first_spike_leaves_a_neuron_that_may_spike_once(self):
        result = run(If(threshold=0.5, one_spike=True), EULER, {1: 1.0, 2: 1.0}, 4)
        assert result.spikes["out"].times.tolist() == [1]


class TestNetworks:
    @pytest.mark.parametrize(("hop", "expected"), [(0, [[2], [2], [2]]), (1, [[3], [4], [5]])])
    def test_a_hop_takes_the_ticks_the_convention_says(self, hop, expected):
        # The populations are listed against the flow, which must not matter.
        names = ["in", "a", "b", "c"]
        one = Dense(np.ones((1, 1)))
        network = Network(
            (*(Population(n, If(threshold=0.5), (1,)) for n in "cba"), Population("in", Source(), (1,))),
            tuple(Projection(f"{x}{y}", x, y, one) for x, y in pairwise(names)),
            ("in",),
            ("c",),
            Ticks(DT, Convention(hop_delay=hop)),
        )
        result = simulate(network, [2], 9)
        assert [result.spikes[n].times.tolist() for n in "abc"] == expected

    @pytest.mark.parametrize(
        ("delays", "expected"),
        [
            (Delays(1.6e-3), [[3, 4], [3, 4]]),
            (Delays([3e-3, 0.4e-3], DelayKind.AXONAL), [[2, 4], [2, 4]]),
            (Delays([3e-3, 1e-3], DelayKind.DENDRITIC), [[4, 5], [2, 3]]),
            (Delays([[3e-3, 0.0], [0.0, 5e-3]], DelayKind.SYNAPTIC), [[2, 4], [1, 7]]),
        ],
        ids=["uniform", "axonal", "dendritic", "synaptic"],
    )
    def test_delays_are_rounded_to_ticks(self, delays, expected):
        out = simulate(pair(If(threshold=0.5), Dense(np.ones((2, 2))), delays), [1, 2], 9).spikes["out"]
        assert [out.times[out.neurons == j].tolist() for j in range(2)] == expected

    @pytest.mark.parametrize(("delay", "expected"), [(0.0, [1, 2, 3, 4, 5]), (1e-3, [1, 3, 5])])
    def test_a_loop_takes_a_tick_at_least(self, delay, expected):
        loop = Projection("loop", "out", "out", Dense(np.ones((1, 1))), Delays(delay))
        network = pair(If(threshold=0.5), Dense(np.ones((1, 1))), loops=[loop])
        assert simulate(network, [1], 6).spikes["out"].times.tolist() == expected

    def test_what_arrives_together_is_added_before_anything_spikes(self):
        network = pair(If(threshold=0.5), Dense(np.array([[1.0, -1.0], [0.3, 0.3]])))
        out = simulate(network, [2, 2], 5).spikes["out"]
        assert (out.times.tolist(), out.neurons.tolist()) == ([2], [1])

    def test_no_samples_give_no_spikes(self):
        network = pair(If(threshold=0.5), Dense(np.ones((1, 1))))
        empty = from_rows([], np.zeros(0, np.int64), [], n_samples=0, n_neurons=1)
        result = ReferenceBackend().prepare(_program(network)).run({"in": empty}, 5, ["out.v", "out.v.last"])
        assert result.spikes["out"].n_samples == 0
        assert result.traces["out.v"].shape == (0, 5, 1)
        assert result.traces["out.v.last"].shape == (0, 1)

    @pytest.mark.parametrize("n_ticks", [0, -3])
    def test_a_run_without_ticks_is_refused(self, n_ticks):
        with pytest.raises(UsageError, match=f"{n_ticks} ticks"):
            simulate(pair(If(threshold=0.5), Dense(np.ones((1, 1)))), [1], n_ticks)


def pair(neuron, connectivity, delays=None, loops=(), convention=EULER):
    """A source "in" and a population "out"."""
    projection = Projection("in_out", "in", "out", connectivity, delays or Delays(0.0))
    populations = (
        Population("in", Source(), (connectivity.n_pre,)),
        Population("out", neuron, (connectivity.n_post,)),
    )
    return Network(populations, (projection, *loops), ("in",), ("out",), Ticks(DT, convention))


def simulate(network, ticks, n_ticks, record=()):
    """Run one sample in which input k spikes in tick k."""
    n = network.population("in").n
    events = from_rows([0] * n, np.asarray(ticks, np.int64), np.arange(n), n_samples=1, n_neurons=n)
    return ReferenceBackend().prepare(_program(network)).run({"in": events}, n_ticks, record)


def run(neuron, convention, inputs, n_ticks):
    """Run one neuron with inputs by tick, each through a synapse of its own."""
    network = pair(neuron, Dense(np.array([list(inputs.values())])), convention=convention)
    return simulate(network, list(inputs), n_ticks, ["out.v"])


def _program(network):
    return Program(network, load_target("ideal"))

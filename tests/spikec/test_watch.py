"""Membranes of continuous networks looked at in the course of time, against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import run
from spikec.errors import SpikecError, UsageError
from spikec.events import from_rows
from spikec.execute import execute
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import If, Lif, LiReadout, Ramp, Source, Theta
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.reference.continuous import watch_continuous
from spikec.targets.target import load_target
from spikec.watch import to_watch, watch
from spikec_cpu.backend import CpuBackend
from tests import contract


def program(neuron, weight=1.0, clock=Continuous(), loop=()):  # noqa: B008
    network = Network(
        (Population("in", Source(), (1,)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense([[weight]])), *loop),
        ("in",),
        ("out",),
        clock,
    )
    return Program(network, load_target("ideal"))


def at(*times):
    return {"in": from_rows([0] * len(times), np.array(times), [0] * len(times), n_samples=1, n_neurons=1)}


def seen(drawn, inputs, until, every):
    result = execute(drawn, CpuBackend(), inputs, until=until, record=["out.v"], every=every)
    assert result.meta["every"] == every
    return result.traces["out.v"][0, :, 0]


def test_a_ramp_rises_along_its_line_and_falls_at_its_spikes():
    # slope 2 from 0.5 on: at threshold 1 at 1.0, 1.5, 2.0, and before the reset of that very moment
    got = seen(program(Ramp(1.0), 2.0), at(0.5), 2.0, 0.25)
    np.testing.assert_allclose(got[:4], [0, 0, 0, 0.5])
    np.testing.assert_allclose(got[[5, 7]], [0.5, 0.5])


def test_a_readout_follows_its_closed_form():
    got = seen(program(LiReadout(0.5, 0.5), 3.0), at(0.25), 2.0, 0.125)
    t = np.maximum(np.arange(17) * 0.125 - 0.25, 0)
    np.testing.assert_allclose(got, 3 * t * np.exp(-t / 0.5), atol=1e-12)


def test_a_theta_neuron_goes_round():
    # from phase 0: V = 0.5 + r tan(pi t / T - pi / 2)
    neuron = Theta(1.0, 1.25)
    got = seen(program(neuron), at(), 1.0, 0.25)
    r = neuron.radius
    expected = 0.5 + r * np.tan(r * (0.25 * np.arange(1, 5)) - np.pi / 2)
    assert got[0] == -np.inf or got[0] < -1e15
    np.testing.assert_allclose(got[1:], expected, rtol=1e-9)


def test_a_kick_shows_before_the_spike_that_it_causes():
    got = seen(program(If(1.0), 3.0), at(1.0), 2.0, 0.5)
    assert got.tolist() == [0, 0, 3.0, 0, 0]
    subtracted = seen(program(If(1.0), 3.5, Continuous(Reset.SUBTRACT)), at(1.0), 2.0, 0.5)
    assert subtracted.tolist() == [0, 0, 3.5, 0.5, 0.5]


def test_neurons_that_feed_themselves_without_delay_reset_before_they_are_fed():
    loop = (Projection("r", "out", "out", Dense([[0.25]]), Delays(0.0)),)
    got = seen(program(If(1.0), 3.0, loop=loop), at(1.0), 2.0, 0.5)
    assert got.tolist() == [0, 0, 3.0, 0.25, 0.25]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_last_look_is_the_membrane_at_the_end_for_every_neuron(seed):
    drawn, inputs = contract.drawn_continuous(seed)
    until = 6.28125  # at which no spike falls
    names = [p.name for p in drawn.network.populations if not p.is_source]
    result = run(ReferenceBackend(), drawn, inputs, until, [f"{name}.v.last" for name in names])
    got = watch_continuous(drawn.network, result.spikes, names, [0.0, 3.0, until])
    for name in names:
        last = result.traces[f"{name}.v.last"]
        np.testing.assert_allclose(np.arctan(got[name][:, -1]), np.arctan(last), atol=1e-7)


def test_the_engines_spikes_give_the_same_membranes_as_the_references():
    drawn, inputs = contract.drawn_continuous(3, n_samples=2)
    names = [p.name for p in drawn.network.populations if not p.is_source]
    keys = [f"{name}.v" for name in names]
    a, b = (
        execute(drawn, backend, inputs, until=6.0, record=keys, every=0.1)
        for backend in (CpuBackend(), ReferenceBackend())
    )
    for key in keys:
        assert a.traces[key].shape == (2, 61, drawn.network.population(key[:-2]).n)
        np.testing.assert_allclose(np.arctan(a.traces[key]), np.arctan(b.traces[key]), atol=1e-6)


def test_what_makes_no_sense_is_one_sentence():
    continuous, ticks = program(Ramp(1.0)).network, program(Lif(1.0, 1.0), clock=Ticks(1e-3, LOIHI)).network
    assert to_watch(continuous, ["out.v.last"], None) == ()
    assert to_watch(ticks, ["out.v"], None) == ()
    assert to_watch(continuous, ["out.v", "out.v.last"], 0.1) == ("out.v",)
    for network, record, every, message in (
        (continuous, ["foo.v"], None, "foo"),
        (continuous, ["out.v"], None, r"no ticks to record 'out.v' at; .*--every .* record out.v.last"),
        (ticks, ["out.v"], 0.1, "--every is for continuous networks"),
        (continuous, ["out.v.last"], 0.1, "say which with --record"),
        (continuous, ["out.v"], 0.0, "every 0 s; give a time above 0"),
        (continuous, ["out.v"], np.nan, "give a time above 0"),
    ):
        with pytest.raises(SpikecError, match=message):
            to_watch(network, record, every)
    with pytest.raises(UsageError, match="--every 2 is longer than the samples, 1 s"):
        to_watch(continuous, ["out.v"], 2.0, 1.0)
    with pytest.raises(UsageError, match="fewer samples"):
        watch(continuous, at(0.5), ["out.v"], 1e-9, 1.0)


def test_the_end_is_looked_at_where_the_grid_meets_it():
    assert seen(program(Ramp(9.0)), at(0.125), 0.3, 0.1).size == 4
    assert seen(program(Ramp(9.0)), at(0.25), 0.35, 0.1).size == 4

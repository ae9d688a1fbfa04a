"""Discretise time: where decays can be exact, so are all spikes; elsewhere errors are small and logged."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.coding import Decoding, LatencyEncoding
from spikec.errors import UsageError
from spikec.events import from_rows
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import LOIHI, Continuous, Convention, Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, Ramp, Source
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.lateness import late_ticks
from tests.float_networks import DT, answer, random_inputs, random_network, rasters, started

seeds = st.integers(0, 2**32 - 1)


def _assert_shifted(network, inputs, n_ticks):
    """On the chip every population spikes as before, late by what `late_ticks` says."""
    shift = late_ticks(network, DT)
    longer = n_ticks + max(shift.values())
    program = DiscretizeTime(DT).apply(started(network))
    before = answer(started(network), inputs, n_ticks).spikes
    after = rasters(answer(program, inputs, longer), longer)
    for p in network.populations:
        spikes = before[p.name].to_ticks(DT)
        late = after[p.name][:, shift[p.name] : shift[p.name] + n_ticks]
        np.testing.assert_array_equal(late, spikes.raster(n_ticks), err_msg=p.name)
        assert not after[p.name][:, : shift[p.name]].any()
        if not p.is_source:
            assert program.log[-1].figures[f"{p.name}.late_ticks"] == shift[p.name]


@settings(max_examples=40)
@given(seeds, st.sampled_from([0, 1]), st.sampled_from([0, 3]), st.booleans())
def test_networks_in_ticks_spike_the_same_only_later(seed, hop_delay, max_delay, recurrent):
    """Around a cycle of several populations, a chip's hops take longer than those of a torch framework."""
    rng = np.random.default_rng(seed)
    clock = Ticks(DT, Convention(hop_delay=hop_delay))
    kinds = ("if", "lif", "cuba")
    shape = {"recurrent": recurrent, "n_populations": 1 if recurrent and not hop_delay else None}
    network = random_network(rng, clock, kinds=kinds, max_delay=max_delay, **shape)
    _assert_shifted(network, random_inputs(rng, network, 2, 25), 25)


@settings(max_examples=30)
@given(seeds, st.sampled_from([0, 3]), st.booleans())
def test_continuous_spikes_that_fall_on_ticks_stay_there_only_later(seed, max_delay, recurrent):
    """Of several populations in a cycle, one might spike twice in a moment, which no tick can hold."""
    rng = np.random.default_rng(seed)
    shape = {"recurrent": recurrent, "n_populations": 1 if recurrent else None}
    network = random_network(rng, Continuous(), kinds=("if",), max_delay=max_delay, **shape)
    inputs = random_inputs(rng, network, 1, 15)
    _assert_shifted(network, inputs, 15)


def test_nothing_is_late_where_hops_take_a_tick_anyway():
    rng = np.random.default_rng(0)
    network = random_network(rng, Ticks(DT, LOIHI), recurrent=True)
    assert set(late_ticks(network, DT).values()) == {0}


def _layers(post, clock, delay=0.0, pre=None):
    populations = (
        Population("in", Source(), (1,)),
        Population("h", pre or If(0.5), (1,)),
        Population("out", post, (1,)),
    )
    one = Dense(np.ones((1, 1)))
    projections = (Projection("1", "in", "h", one), Projection("2", "h", "out", one, Delays(np.array(delay))))
    return Network(populations, projections, ("in",), ("out",), clock)


@pytest.mark.parametrize(("delay", "late"), [(0.0, 2), (1.0, 1), (2.0, 0), (5.0, 0), (0.4, 2), (0.6, 1)])
def test_a_delay_makes_up_for_lateness(delay, late):
    shift = late_ticks(_layers(If(0.5), Continuous(), delay * DT), DT)
    assert (shift["h"], shift["out"]) == (1, late)


@pytest.mark.parametrize("post", [Ramp(0.5), CubaLif(0.1, 0.1, 0.5), LiReadout()])
def test_currents_are_never_late(post):
    shift = late_ticks(_layers(post, Continuous(), pre=Ramp(0.5)), DT)
    assert (shift["h"], shift["out"]) == (0, 0)


def test_a_cycle_faster_than_its_hops_is_late_and_says_so():
    network = _layers(If(0.5), Continuous())
    back = Projection("back", "out", "h", Dense(np.array([[-0.1]])), Delays(np.array(0.5 * DT)))
    program = DiscretizeTime(DT).apply(started(replace(network, projections=(*network.projections, back))))
    figures = program.log[-1].figures
    assert any(name.endswith("too_late_ticks") and value > 0 for name, value in figures.items())


@pytest.mark.parametrize(("decay_u", "decay_v"), [(200, 100), (4000, 17), (50, 50), (1, 900)])
def test_membranes_are_right_at_every_tick_where_decays_can_be(decay_u, decay_v):
    """Time constants whose decays are whole shares of 4096, and input on ticks."""
    tau_syn, tau_mem = (-DT / np.log1p(-d / 4096) for d in (decay_u, decay_v))
    network = _layers(LiReadout(tau_mem, tau_syn), Continuous())
    inputs = {"in": from_rows([0, 0], [2 * DT, 5 * DT], [0, 0], n_samples=1, n_neurons=1)}
    chip = answer(DiscretizeTime(DT).apply(started(network, n_ticks=40)), inputs, 40, ["out.v"]).traces[
        "out.v"
    ][0, :, 0]
    shift = late_ticks(network, DT)["out"]
    for tick in (3, 4, 7, 20, 39):
        times = np.array([2, 5]) * DT
        since = np.maximum((tick - shift) * DT - times, 0.0)
        a, c = 1 / tau_mem, 1 / tau_syn
        fade = since * np.exp(-a * since) if a == c else (np.exp(-c * since) - np.exp(-a * since)) / (a - c)
        assert chip[tick] == pytest.approx(float(fade.sum()), rel=1e-9, abs=1e-15)


def test_a_current_that_should_stay_leaks_the_least_there_is():
    populations = (Population("in", Source(), (1,)), Population("out", LiReadout(), (1,)))
    q = Projection("q", "in", "out", Dense(np.ones((1, 1))))
    program = DiscretizeTime(DT).apply(started(Network(populations, (q,), ("in",), ("out",), Continuous())))
    assert program.log[-1].figures["out.decay_error"] == 1 / 4096
    inputs = {"in": from_rows([0], [0.0], [0], n_samples=1, n_neurons=1)}
    membrane = answer(program, inputs, 60, ["out.v"]).traces["out.v"][0, :, 0]
    leaking = np.cumsum((4095 / 4096) ** np.arange(59))  # it would be the number of the tick
    np.testing.assert_allclose(membrane, DT * np.concatenate([[0.0], leaking]), rtol=1e-12)


@settings(max_examples=40)
@given(st.floats(1e-5, 10.0), st.floats(1e-5, 10.0), st.sampled_from(["euler", "exact"]))
def test_decays_are_rounded_to_the_nearest_that_exist(tau_mem, tau_syn, integration):
    network = _layers(CubaLif(tau_mem, tau_syn, 1.0), Ticks(DT, Convention(integration)))
    program = DiscretizeTime().apply(started(network))
    k = program.network.population("out").neuron
    figure = program.log[-1].figures["out.decay_error"]
    left = np.array([1 - DT / t if integration == "euler" else np.exp(-DT / t) for t in (tau_syn, tau_mem)])
    on_chip = np.array([1 - int(k.decay_u) / 4096, 1 - int(k.decay_v) / 4096])
    assert figure == pytest.approx((np.abs(left - on_chip) / np.maximum(left, 1 / 4096)).max(), abs=1e-12)
    nearest = np.abs(left[:, None] - (1 - np.arange(4097) / 4096)).min(axis=1)
    at_ends = np.array([on_chip[0] >= 4095 / 4096, on_chip[1] <= 1 / 4096])
    assert np.all((np.abs(left - on_chip) <= nearest + 1e-12) | at_ends)


def _coded(post, window=1.0, duration=2.0, decoding=None, pre=None):
    encoding = LatencyEncoding("in", window, 1.0, True, None, duration)
    return replace(_layers(post, Continuous(), pre=pre), encoding=encoding, decoding=decoding)


@pytest.mark.parametrize(
    ("max_ticks", "dt", "n_ticks"), [(64, 1 / 16, 33), (65, 1 / 32, 65), (3, 1.0, 3), (1000, 1 / 256, 513)]
)
def test_the_tick_is_the_shortest_with_which_a_sample_fits(max_ticks, dt, n_ticks):
    program = DiscretizeTime(max_ticks=max_ticks).apply(started(_coded(LiReadout(), pre=Ramp(1.0))))
    assert program.network.dt == dt
    assert program.n_ticks == n_ticks


@pytest.mark.parametrize(
    ("neuron", "readout", "window", "dt"),
    [
        (Ramp(1.0, one_spike=True), "first", 1.0, 1 / 64),
        (Ramp(1.0, one_spike=True), "first", 1 / 8, 1 / 8 / 64),
        (Ramp(1.0, one_spike=True), "first", 1e-3, 1e-3 / 2),  # no more ticks than time constants can have
        (Ramp(1.0), "count", 1 / 8, 1 / 8 / 2),
        (If(0.5), "count", 1.0, 1 / 16),
    ],
)
def test_nothing_said_first_spikes_get_64_ticks_to_the_window(neuron, readout, window, dt):
    network = _coded(neuron, window, decoding=Decoding("out", readout), pre=Ramp(1.0))
    assert DiscretizeTime().apply(started(network)).network.dt == pytest.approx(dt)


def test_the_sample_ends_when_the_answer_is_there():
    for decoding, late in ((None, 2), (Decoding("out", "count"), 2), (Decoding("h", "count"), 1)):
        program = DiscretizeTime(1 / 8).apply(started(_coded(If(0.5), decoding=decoding)))
        assert program.n_ticks == 2 * 8 + 1 + late


def test_a_given_length_stays_where_no_encoding_says_another():
    assert DiscretizeTime(DT).apply(started(_layers(If(0.5), Continuous()), n_ticks=7)).n_ticks == 7


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (_layers(If(0.5), Continuous()), {}, "give --dt SECONDS"),
        (_layers(If(0.5), Continuous()), {"dt": 0.0}, "a tick of 0 s is impossible"),
        (_layers(If(0.5), Continuous()), {"dt": -1.0}, "impossible"),
        (_layers(If(0.5), Continuous()), {"dt": np.nan}, "impossible"),
        (_layers(If(0.5), Continuous()), {"dt": np.inf}, "impossible"),
        (_layers(If(0.5), Ticks(1e-9)), {"dt": 2e-9}, "ticks of 1e-09 s and cannot be put on 2e-09 s"),
        (_coded(If(0.5)), {"max_ticks": 2}, "needs at least 3 ticks, but 2 are allowed"),
        (_coded(If(0.5)), {"max_ticks": 0}, "needs at least 3 ticks"),
        (_coded(If(0.5)), {"dt": 1e-9}, r"2 s are 2e\+09 ticks of 1e-09 s, but 1048576 are allowed"),
        (_coded(If(0.5)), {"dt": 5e-324}, "use a coarser --dt"),
        (_layers(If(0.5), Continuous(), delay=1.0), {"dt": 1e-9}, "use a coarser --dt"),
    ],
)
def test_impossible_ticks_are_refused(network, options, message):
    with pytest.raises(UsageError, match=message):
        DiscretizeTime(**options).apply(started(network))


def test_a_sample_of_too_many_ticks_is_refused():
    with pytest.raises(UsageError, match="a sample of 2000000 ticks is too long"):
        DiscretizeTime(DT).apply(started(_layers(If(0.5), Continuous()), n_ticks=2_000_000))


@pytest.mark.parametrize(
    ("neuron", "shortest"),
    [
        (CubaLif(5e-3, 10e-3, 1.0), "tau_mem"),
        (CubaLif(10e-3, 5e-3, 1.0), "tau_syn"),
        (IfExp(5e-3, 1.0), "tau_syn"),
        (Lif(5e-3, 1.0), "tau"),
    ],
)
def test_time_constants_shorter_than_a_third_of_a_tick_do_not_fit(neuron, shortest):
    network = _layers(neuron, Continuous())
    found = DiscretizeTime(16e-3).apply(started(network)).violations
    assert [(v.rule, v.where, v.got) for v in found] == [(shortest, "out", "0.005 s")]
    assert DiscretizeTime(15e-3).apply(started(network)).violations == ()


def test_networks_in_ticks_keep_the_decays_that_they_were_trained_with():
    network = _layers(CubaLif(1e-4, 1e-4, 1.0), Ticks(1e-3, LOIHI))
    assert DiscretizeTime().apply(started(network)).violations == ()


def test_a_window_shorter_than_a_tick_does_not_fit():
    assert DiscretizeTime(1.0).apply(started(_coded(If(0.5)))).violations == ()
    (found,) = DiscretizeTime(1.1).apply(started(_coded(If(0.5)))).violations
    assert (found.rule, found.where) == ("window of the encoding", "in")


def test_delays_may_be_in_ticks_or_in_seconds():
    for delays in (Delays(np.array(3)), Delays(np.array(3 * DT)), Delays(np.array(2.9 * DT))):
        network = _layers(If(0.5), Ticks(DT))
        network = network.with_projections({"2": replace(network.projections[1], delays=delays)})
        found = DiscretizeTime().apply(started(network)).network.projections[1].delays.values
        assert found == 1 * DT  # the first hop's lateness and the second's own tick are taken off


def test_half_ticks_are_rounded_as_the_network_itself_rounds_them():
    for halves in (0.5, 1.5, 2.5, 3.5):
        network = _layers(If(0.5), Ticks(DT), delay=halves * DT, pre=If(0.5))
        inputs = {"in": from_rows([0], [0.0], [0], n_samples=1, n_neurons=1)}
        _assert_shifted(network, inputs, 12)


@pytest.mark.parametrize(
    ("neuron", "clock", "n_broken"),
    [
        (Lif(0.1, 1.0, v_reset=0.5), Ticks(DT), 1),
        (Lif(0.1, 1.0), Ticks(DT), 0),
        (Lif(0.1, 1.0), Ticks(DT, Convention(reset=Reset.SUBTRACT)), 2),
        (Lif(0.1, 1.0), Continuous(Reset.SUBTRACT), 2),
        (Ramp(1.0, v_reset=0.5, one_spike=True), Ticks(DT), 0),
        (LiReadout(), Ticks(DT, Convention(reset=Reset.SUBTRACT)), 1),
    ],
)
def test_resets_a_chip_does_not_have_are_reported(neuron, clock, n_broken):
    violations = DiscretizeTime(DT).apply(started(_layers(neuron, clock))).violations
    assert [v.rule for v in violations] == ["reset"] * n_broken
    if n_broken == 1:
        assert violations[0].where == ("h" if isinstance(neuron, LiReadout) else "out")


def test_chip_decays_pass_through_unchanged():
    k = CubaTicks([1, 4096, 77], [0, 4095, 123], [1.0, 2.0, np.inf], bias=0.5, current_bias=0.25)
    populations = (Population("in", Source(), (1,)), Population("out", k, (3,)))
    q = Projection("q", "in", "out", Dense(np.ones((3, 1))), Delays(np.array(3)))
    network = Network(populations, (q,), ("in",), ("out",), Ticks(DT, LOIHI))
    changed = DiscretizeTime().apply(started(network)).network
    for name in ("decay_u", "decay_v", "threshold", "bias", "current_bias"):
        np.testing.assert_array_equal(getattr(changed.population("out").neuron, name), getattr(k, name))
    np.testing.assert_array_equal(changed.projections[0].connectivity.weights, q.connectivity.weights)
    assert changed.projections[0].delays.values == 3 * DT

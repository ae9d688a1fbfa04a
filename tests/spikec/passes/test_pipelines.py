"""The whole way to integers: what comes out behaves like what went in, or the user is told why it cannot."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import TargetError, UsageError
from spikec.ir.bounds import current_bounds
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Convention, Dialect, Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, Ramp, Source
from spikec.passes.lateness import late_ticks
from spikec.passes.pipelines import CompileOptions, compile_network, loihi, try_compile
from spikec.targets.rules import check_all
from spikec.targets.target import load_target
from tests.float_networks import (
    DT,
    answer,
    first_times,
    random_inputs,
    random_network,
    random_neuron,
    started,
)

seeds = st.integers(0, 2**32 - 1)
LOIHI1, LOIHI2 = load_target("loihi1"), load_target("loihi2")
N_TICKS = 50


def _layer(rng, kind):
    """A source and one layer; the currents of ramps do not cancel, for these leak a little on a chip."""
    n_in, n = 12, 8
    neuron = random_neuron(rng, kind, n, bias=kind in ("lif", "cuba"), v_leak=True)
    size = 0.7 if kind in ("if", "lif") else 0.1 / DT
    weights = rng.normal(0.3, 1.0, (n, n_in)) if kind != "ramp" else rng.uniform(0, 0.2, (n, n_in))
    q = Projection("q", "in", "out", Dense(weights * size), Delays(np.array(2 * DT)))
    populations = (Population("in", Source(True), (n_in,)), Population("out", neuron, (n,)))
    return Network(populations, (q,), ("in",), ("out",), Continuous())


def _with_thresholds(network, factor):
    p = network.population("out")
    rest = np.asarray(getattr(p.neuron, "v_leak", 0.0))
    neuron = replace(p.neuron, threshold=rest + (p.neuron.threshold - rest) * factor)
    return network.with_populations({"out": replace(p, neuron=neuron)})


@settings(max_examples=20)
@given(seeds, st.sampled_from(["ramp", "if", "lif", "cuba"]), st.sampled_from([LOIHI1, LOIHI2]))
def test_first_spikes_lie_where_thresholds_a_little_lower_and_higher_would_put_them(seed, kind, target):
    """Between the continuous spike times at thresholds 5 % lower and higher, give or take two ticks."""
    rng = np.random.default_rng(seed)
    network = _layer(rng, kind)
    inputs = random_inputs(rng, network, 1, N_TICKS - 10)
    program = compile_network(network, target, CompileOptions(dt=DT, n_ticks=N_TICKS))
    chip = first_times(answer(program, inputs, N_TICKS).spikes["out"])
    early, late = (
        answer(started(_with_thresholds(network, f)), inputs, N_TICKS - 1).spikes["out"].first_times()
        for f in (0.95, 1.05)
    )
    assert np.all(chip >= early - 2 * DT - 1e-9)
    assert np.all((chip <= late + 2 * DT + 1e-9) | (late > (N_TICKS - 4) * DT))


@pytest.mark.parametrize("kind", ["ramp", "if", "lif", "cuba"])
def test_the_thresholds_of_that_test_are_reached(kind):
    rng = np.random.default_rng(0)
    network = _layer(rng, kind)
    spikes = answer(started(network), random_inputs(rng, network, 10, N_TICKS - 10), N_TICKS).spikes["out"]
    assert 0.2 < np.isfinite(spikes.first_times()).mean()


def test_readouts_follow_the_float_membrane():
    rng = np.random.default_rng(1)
    populations = (Population("in", Source(True), (20,)), Population("out", LiReadout(0.02, 0.01), (5,)))
    weights = rng.normal(0, 1, (5, 20))
    network = Network(
        populations, (Projection("q", "in", "out", Dense(weights)),), ("in",), ("out",), Continuous()
    )
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=40))
    inputs = random_inputs(rng, network, 10, 39)
    real = answer(started(network), inputs, 39, ["out.v.last"]).traces["out.v.last"]
    chip = answer(program, inputs, 40, ["out.v.last"]).traces["out.v.last"] / program.scales["out"]
    assert np.abs(chip - real).max() < 0.02 * np.abs(real).max()


@settings(max_examples=25)
@given(seeds, st.sampled_from([0, 1, None]), st.booleans(), st.booleans())
def test_any_network_becomes_integers_that_no_rule_objects_to(seed, hop_delay, recurrent, one_spike):
    rng = np.random.default_rng(seed)
    clock = Continuous() if hop_delay is None else Ticks(DT, Convention(hop_delay=hop_delay))
    kinds = ("ramp", "if") if one_spike else ("ramp", "if", "lif", "cuba")
    network = random_network(
        rng,
        clock,
        kinds=kinds,
        recurrent=recurrent,
        one_spike=one_spike,
        max_delay=90,
        bias=True,
        v_leak=True,
    )
    dt = DT if hop_delay is None else None
    for target in (LOIHI1, LOIHI2):
        program = compile_network(network, target, CompileOptions(dt=dt, n_ticks=100))
        assert program.is_compiled
        assert program.network.dialect is Dialect.FIXED
        assert not check_all(program)
        assert max((b.share for b in current_bounds(program.network, 100).values()), default=0) < 1
        inputs = random_inputs(rng, network, 1, 20)
        spikes = answer(program, inputs, 30).spikes
        assert set(spikes) >= {p.name for p in network.populations if p.is_source or p.name == "out"}
        if one_spike:
            assert all(e.counts().max(initial=0) <= 1 for name, e in spikes.items() if "relay" not in name)


def test_a_current_that_would_wrap_is_scaled_until_it_cannot():
    """The largest weights there are, from so many neurons that their sum leaves 24 bits unless it shrinks."""
    weights = np.full((1, 3000), 1.0)
    populations = (Population("in", Source(), (3000,)), Population("out", Ramp(1.0), (1,)))
    network = Network(
        populations, (Projection("q", "in", "out", Dense(weights)),), ("in",), ("out",), Ticks(DT)
    )
    program = compile_network(network, LOIHI2, CompileOptions(n_ticks=20))
    assert 0.2 < current_bounds(program.network, 20)["out"].share < 1


def test_a_current_that_no_scale_can_hold_is_refused():
    """Nothing says how often inputs spike, and the weakest have to be told from the strongest."""
    weights = np.full((1, 4000), 1.0)
    populations = (Population("in", Source(), (4000,)), Population("out", Ramp(1.0), (1,)))
    network = Network(
        populations, (Projection("q", "in", "out", Dense(weights)),), ("in",), ("out",), Ticks(DT)
    )
    with pytest.raises(TargetError, match="current") as caught:
        compile_network(network, LOIHI2)
    assert caught.value.exit_code == 1
    assert {v.where for v in caught.value.violations} == {"out"}


def test_everything_that_is_wrong_is_said_at_once():
    one = Dense(np.ones((1, 1)))
    populations = (
        Population("in", Source(), (1,)),
        Population("a", Lif(0.1, 1.0, v_reset=0.5), (1,)),
        Population("b", CubaLif(0.1, 0.1, 1.0, one_spike=True), (1,)),
        Population("out", LiReadout(), (1,)),
    )
    projections = (
        Projection("1", "in", "a", one, Delays(np.array(100 * DT))),
        Projection("2", "a", "b", one),
        Projection("3", "b", "out", one),
    )
    network = Network(populations, projections, ("in",), ("out",), Ticks(DT))
    program, violations = try_compile(network, LOIHI2, CompileOptions(relays=False))
    found = {(v.rule, v.where) for v in violations}
    assert {
        ("reset", "a"),
        ("one spike a sample", "b"),
        ("delay", "1"),
        ("membrane of a readout", "out"),
    } <= found
    assert program.violations == ()
    with pytest.raises(TargetError) as caught:
        compile_network(network, LOIHI2, CompileOptions(relays=False))
    assert set(caught.value.violations) == set(violations)
    assert all(str(v) in str(caught.value) for v in violations)


def test_the_same_is_said_with_a_probe():
    network = Network(
        (
            Population("in", Source(True), (1,)),
            Population("out", CubaLif(0.1, 0.1, 1.0, one_spike=True), (1,)),
        ),
        (Projection("q", "in", "out", Dense(np.full((1, 1), 9.0 / DT))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    probe = random_inputs(np.random.default_rng(0), network, 2, 20)
    with pytest.raises(TargetError, match="one spike a sample"):
        compile_network(network, LOIHI2, CompileOptions(dt=DT), probe)


def _plain(clock=Continuous()):  # noqa: B008
    populations = (Population("in", Source(), (1,)), Population("out", If(1.0), (1,)))
    return Network(
        populations, (Projection("q", "in", "out", Dense(np.ones((1, 1)))),), ("in",), ("out",), clock
    )


def test_networks_in_integers_and_targets_without_them_are_refused():
    program = compile_network(_plain(), LOIHI2, CompileOptions(dt=DT))
    with pytest.raises(UsageError, match="in integers already"):
        compile_network(program.network, LOIHI2)
    with pytest.raises(UsageError, match="compile for loihi1 or loihi2"):
        compile_network(_plain(), load_target("ideal"))
    with pytest.raises(UsageError, match="give --dt"):
        compile_network(_plain(), LOIHI2)
    for n_ticks in (0, -3):
        with pytest.raises(UsageError, match=f"a sample of {n_ticks} ticks is impossible"):
            compile_network(_plain(), LOIHI2, CompileOptions(dt=DT, n_ticks=n_ticks))


def test_resets_by_subtraction_are_refused_in_either_kind_of_time():
    for clock, dt in ((Ticks(DT, Convention(reset=Reset.SUBTRACT)), None), (Continuous(Reset.SUBTRACT), DT)):
        with pytest.raises(TargetError, match="subtraction of the threshold"):
            compile_network(_plain(clock), LOIHI2, CompileOptions(dt=dt))


def test_options_reach_their_passes():
    options = CompileOptions(dt=1.0, max_ticks=7, bits=3, relays=False)
    passes = {p.name: p for p in loihi(options)}
    assert (passes["discretize-time"].dt, passes["discretize-time"].max_ticks) == (1.0, 7)
    assert passes["quantize-weights"].bits == 3
    assert passes["quantize-delays"].relays is False


def test_the_record_of_a_program_is_kept():
    network = _plain()
    program = compile_network(network, LOIHI2, CompileOptions(dt=DT, n_ticks=9), source={"file": "x.nir"})
    assert program.source == {"file": "x.nir"}
    assert program.n_ticks == 9
    assert program.violations == ()
    assert late_ticks(network, DT)["out"] == 1

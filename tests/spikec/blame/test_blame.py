"""Blame: networks of which one part is quantised, and the one that was built to be the culprit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikec
from spikec.answers import discordant
from spikec.backend import run
from spikec.blame.blame import blame
from spikec.blame.figures import figures
from spikec.blame.stored import stored
from spikec.blame.variants import DECAYS, DELAYS, NEURONS, TIME, parts_of, variant, weights_of
from spikec.coding import Decoding, Readout
from spikec.events import from_rows, same
from spikec.inputs import in_own_time
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, If, LiReadout, Source
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT = 1e-3
N_TICKS = 40


def _network(rng, clock, hidden, delays=None):
    return Network(
        (
            Population("in", Source(), (6,)),
            Population("hidden", hidden, (5,)),
            Population("out", hidden, (4,)),
        ),
        (
            Projection("first", "in", "hidden", Dense(rng.normal(0.4, 0.5, (5, 6))), delays or Delays()),
            Projection("second", "hidden", "out", Dense(rng.normal(0.4, 0.6, (4, 5)))),
        ),
        ("in",),
        ("out",),
        clock,
    )


def _spikes(rng, n_samples=3, n=6):
    rows = rng.integers(0, (n_samples, 20, n), (12 * n_samples, 3))
    sample, tick, neuron = np.unique(rows, axis=0).T
    return {"in": from_rows(sample, tick * DT, neuron, n_samples=n_samples, n_neurons=n)}


def _run(program, inputs, end):
    return run(ReferenceBackend(), program, in_own_time(program.network, inputs), end)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_all_parts_in_real_numbers_are_the_program_where_nothing_decays(seed):
    """The chip cuts off what decays leave; neurons that only add up do what real numbers do."""
    rng = np.random.default_rng(seed)
    network = _network(rng, Ticks(DT), If(1.0))
    program = spikec.compile(network, ticks=N_TICKS, bits=int(rng.integers(2, 9)))
    both = stored(network, program)
    inputs = _spikes(rng)
    real = _run(variant(both, parts_of(both)), inputs, N_TICKS)
    integers = _run(program, inputs, N_TICKS)
    for name in ("hidden", "out"):
        assert same(real.spikes[name], integers.spikes[name])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=5)
def test_with_nothing_quantised_it_is_the_network(seed):
    rng = np.random.default_rng(seed)
    delays = Delays(rng.uniform(0, 5 * DT, (5, 6)), DelayKind.SYNAPTIC)
    network = _network(rng, Continuous(), CubaLif(0.02, 0.005, 8e-3, bias=0.01), delays)
    program = spikec.compile(network, ticks=N_TICKS, dt=DT)
    both = stored(network, program)
    inputs = _spikes(rng, n_samples=1)
    a = _run(Program(network, load_target("ideal")), inputs, 0.03)
    b = _run(variant(both, ()), inputs, 0.03)
    for name in ("hidden", "out"):
        assert same(a.spikes[name], b.spikes[name])


def test_a_network_in_ticks_is_itself_on_the_chips_clock_but_for_whole_ticks():
    rng = np.random.default_rng(1)
    network = _network(rng, Ticks(DT), CubaLif(0.02, 0.005, 1e-3))
    program = spikec.compile(network, ticks=N_TICKS)
    both = stored(network, program)
    inputs = _spikes(rng)
    a = _run(Program(network, load_target("ideal")), inputs, 30)
    b = _run(variant(both, ()), inputs, 34)
    for name, late in (("hidden", 1), ("out", 2)):
        kept = b.spikes[name].keep(b.spikes[name].times < 30 + late)
        np.testing.assert_array_equal(kept.times - late, a.spikes[name].times)
        np.testing.assert_array_equal(kept.neurons, a.spikes[name].neurons)


def test_parts_are_what_differs():
    rng = np.random.default_rng(2)
    delays = Delays(rng.uniform(0, 5 * DT, (5, 6)), DelayKind.SYNAPTIC)
    weights = [weights_of("first"), weights_of("second")]
    network = _network(rng, Continuous(), CubaLif(0.02, 0.005, 1e-3), delays)
    both = stored(network, spikec.compile(network, ticks=N_TICKS, dt=DT))
    assert parts_of(both) == (*weights, DELAYS, NEURONS, DECAYS, TIME)
    network = _network(rng, Ticks(DT), CubaLif(0.02, 0.005, 1e-3))
    both = stored(network, spikec.compile(network, ticks=N_TICKS))
    assert parts_of(both) == (*weights, NEURONS, DECAYS)


def test_only_delays_moves_spikes_by_what_rounding_moved_them():
    """One spike through one synapse whose delay is rounded by 0.4 ticks comes 0.4 ticks earlier."""
    network = Network(
        (Population("in", Source(), (1,)), Population("out", CubaLif(0.1, 0.1, 1e-3), (1,))),
        (Projection("only", "in", "out", Dense(np.ones((1, 1))), Delays(np.array(3.4 * DT))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    both = stored(network, spikec.compile(network, ticks=N_TICKS, dt=DT))
    inputs = {"in": from_rows([0], [2 * DT], [0], n_samples=1, n_neurons=1)}
    a, b = (_run(variant(both, parts), inputs, 0.03) for parts in ((), (DELAYS,)))
    assert b.spikes["out"].times[0] - a.spikes["out"].times[0] == pytest.approx(-0.4 * DT)


def test_delays_that_are_not_quantised_lie_between_ticks():
    """On ticks a spike through a delay of 3.5 ticks counts half in one tick and half in the next."""
    network = Network(
        (Population("in", Source(), (1,)), Population("out", CubaLif(0.1, 0.1, 1e-3), (1,))),
        (Projection("only", "in", "out", Dense(np.ones((1, 1))), Delays(np.array(3.5 * DT))),),
        ("in",),
        ("out",),
        Continuous(),
    )
    both = stored(network, spikec.compile(network, ticks=N_TICKS, dt=DT))
    early, late = variant(both, (TIME,)).network.projections
    assert [int(q.delays.values) for q in (early, late)] == [3, 4]
    np.testing.assert_allclose(early.connectivity.weights, late.connectivity.weights)


def _culprit():
    """Two projections, one of which has a weight so large that its grid leaves nothing of the others.

    That weight leads from an input that never spikes. The other projection's weights are on any grid. The
    readout adds up what reaches it, whenever it does.
    """
    rng = np.random.default_rng(4)
    guilty = rng.normal(0, 1.0, (4, 6))
    guilty[:, 5] = 60.0
    innocent = rng.choice([-1.0, 0.0, 1.0], (4, 6))
    network = Network(
        (
            Population("a", Source(), (6,)),
            Population("b", Source(), (6,)),
            Population("out", LiReadout(tau_syn=DT), (4,)),
        ),
        (
            Projection("guilty", "a", "out", Dense(guilty)),
            Projection("innocent", "b", "out", Dense(0.2 * innocent)),
        ),
        ("a", "b"),
        ("out",),
        Ticks(DT),
        decoding=Decoding("out", Readout.MEMBRANE),
    )
    rows = rng.integers(0, (60, 20, 5), (500, 3))
    sample, tick, neuron = np.unique(rows, axis=0).T
    spikes = {name: from_rows(sample, tick, neuron, n_samples=60, n_neurons=6) for name in ("a", "b")}
    exact = Program(network, load_target("ideal")).run(spikes, ticks=35)
    return network, spikes, exact.predictions


def test_everything_but_the_culprit_recovers_what_was_lost():
    network, spikes, labels = _culprit()
    program = spikec.compile(network, ticks=35, bits=4)
    found, exact, compiled = blame(network, program, lambda n: in_own_time(n, spikes), labels, ticks=35)
    assert found.exact.accuracy == 1
    assert found.compiled.accuracy < 0.8
    by_part = {x.part: x for x in found.lines}
    assert by_part["all weights"].all_but.accuracy == 1
    assert found.culprit() == weights_of("guilty")
    assert by_part[weights_of("guilty")].all_but.accuracy == 1
    assert by_part[weights_of("guilty")].only.accuracy < 0.8
    assert by_part[weights_of("innocent")].only.accuracy == 1
    assert by_part[weights_of("innocent")].all_but.accuracy == pytest.approx(found.real.accuracy, abs=0.1)
    numbers = figures(stored(network, program), (exact, compiled), found)
    lines = {q.name: q for q in numbers.projections}
    assert lines["guilty"].to_zero > 0.5
    assert lines["innocent"].error_rms < 0.1
    assert numbers.discordant.only_compiled == 0
    assert numbers.discordant.only_float == round(60 * (1 - found.compiled.accuracy))
    assert numbers.discordant.p_value < 0.01


def test_mcnemars_test_counts_what_only_one_has_right():
    """Of 10 samples that only one of the two has right, 1 and 9: p = 2 (1 + 10) / 2^10."""
    labels = [0] * 20
    a = [0] * 19 + [1]
    b = [1] * 9 + [0] * 11
    found = discordant(a, b, labels)
    assert (found.only_float, found.only_compiled) == (9, 1)
    assert found.p_value == pytest.approx(22 / 1024)
    assert discordant(a, a, labels).p_value == 1

"""Every field of a convention, against membranes and spikes worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest

from spikec.errors import NetworkError, UsageError
from spikec.events import from_rows
from spikec.ir.connectivity import Dense
from spikec.ir.conventions import CHOICES, DELAYS, LOIHI, Comparison, Convention, Gain, Reset, ResetTime
from spikec.ir.discrete import taken_up, tick_of
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, Source
from spikec.program import Program
from spikec.rasters import from_counts, from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT = 1.0
HALF = 2 * DT
"""A time constant of which half is left after a tick (Euler)."""


def _chain(neurons, weights, extra=(), **habits):
    names = ["in", *neurons]
    populations = [Population("in", Source(), (1,))]
    populations += [Population(name, k, (1,)) for name, k in neurons.items()]
    pairs = [*zip(pairwise(names), weights, strict=True), *extra]
    projections = [Projection(f"{a}-{b}", a, b, Dense(np.array([[w]]))) for (a, b), w in pairs]
    return Network(
        tuple(populations), tuple(projections), ("in",), (names[-1],), Ticks(DT, Convention(**habits))
    )


def _run(network, ticks, n_ticks, record=()):
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    return executable.run({"in": from_rows(*_rows(ticks), n_samples=1, n_neurons=1)}, n_ticks, record)


def _rows(ticks):
    return [0] * len(ticks), np.array(ticks, int), [0] * len(ticks)


def _alone(neuron, weight, ticks, n_ticks, **habits):
    """Membranes and spike ticks of one neuron that gets a weight at some ticks."""
    result = _run(_chain({"n": neuron}, [weight], **habits), ticks, n_ticks, ["n.v"])
    return result.traces["n.v"][0, :, 0].tolist(), result.spikes["n"].times.tolist()


@pytest.mark.parametrize(
    ("habits", "membranes"),
    [
        # 3 in every tick, half is left; threshold 4: 3, 4.5 (a spike), then what the habit says.
        ({"reset": "value"}, [3, 0.25, 3.125, 0.25]),
        ({"reset": "subtract"}, [3, 0.5, 3.25, 0.625]),
        ({"reset": "value", "reset_time": "next"}, [3, 4.5, 3.125, 4.5625]),
        ({"reset": "subtract", "reset_time": "next"}, [3, 4.5, 1.25, 3.625]),
    ],
)
def test_a_reset_is_a_value_or_a_subtraction_at_once_or_in_the_next_tick(habits, membranes):
    neuron = Lif(HALF, threshold=4.0, v_reset=0.25)
    found, spikes = _alone(neuron, 3.0, [0, 1, 2, 3], 4, **habits)
    assert found == membranes
    assert spikes == ([1] if habits == {"reset": "subtract", "reset_time": "next"} else [1, 3])


@pytest.mark.parametrize("reset", list(Reset))
def test_without_a_leak_a_later_reset_gives_the_same_spikes(reset):
    now, next_ = (
        _alone(If(2.5), 1.0, range(20), 20, reset=reset, reset_time=t)[1] for t in (ResetTime.NOW, "next")
    )
    assert now == next_
    assert len(now) > 4


def test_a_threshold_must_be_exceeded_or_only_reached():
    assert _alone(If(2.0), 1.0, [0, 1, 2, 3], 4, comparison="above")[1] == [2]
    assert _alone(If(2.0), 1.0, [0, 1, 2, 3], 4, comparison="reach")[1] == [1, 3]


@pytest.mark.parametrize(
    ("comparison", "weight", "times", "left"),
    [
        ("reach", 5.0, 2, 1.0),
        ("above", 5.0, 2, 1.0),
        ("reach", 4.0, 2, 0.0),
        ("above", 4.0, 1, 2.0),
        ("reach", 1.5, 0, 1.5),
        ("reach", -5.0, 0, -5.0),
    ],
)
def test_a_membrane_of_several_thresholds_spikes_several_times_in_a_tick(comparison, weight, times, left):
    network = _chain(
        {"n": If(2.0), "m": If(100.0)},
        [weight, 1.0],
        multi_spike=True,
        reset="subtract",
        comparison=comparison,
    )
    result = _run(network, [1], 3, ["n.v", "m.v"])
    assert result.spikes["n"].times.tolist() == [1] * times
    assert result.spikes["n"].counts().tolist() == [[times]]
    assert result.traces["n.v"][0, :, 0].tolist()[1] == left
    assert result.traces["m.v"][0, -1, 0] == times  # each spike brings its weight
    assert result.counters.populations["n"].spikes == times
    assert result.counters.projections["n-m"].synaptic_events == times


def test_of_several_spikes_of_a_tick_only_one_leaves_a_neuron_that_may_spike_once():
    network = _chain({"n": If(1.0, one_spike=True)}, [5.0], multi_spike=True, reset="subtract")
    assert _run(network, [0, 1], 3).spikes["n"].times.tolist() == [0]


def test_an_explosion_of_spikes_is_refused_by_name():
    network = _chain({"n": If(1e-9)}, [1.0], multi_spike=True, reset="subtract")
    with pytest.raises(UsageError, match=r"population n would spike 1e\+09 times in one tick"):
        _run(network, [0], 1)


def test_a_membrane_stops_at_a_multiple_of_its_threshold_and_a_readout_does_not():
    assert _alone(If(2.0), -3.0, [0, 1], 3, clamp=-1.0)[0] == [-2, -2, -2]
    assert _alone(If(2.0), -3.0, [0, 1], 3, clamp=0.0)[0] == [0, 0, 0]
    assert _alone(If(2.0), -3.0, [0, 1], 3)[0] == [-3, -6, -6]
    assert _alone(LiReadout(), -3.0, [0, 1], 3, clamp=-1.0)[0] == [-3, -9, -15]


@pytest.mark.parametrize(("hop", "late", "n", "m"), [(0, 0, 2, 2), (1, 0, 3, 4), (0, 1, 3, 4), (1, 1, 4, 6)])
def test_hops_and_spikes_take_the_ticks_they_say(hop, late, n, m):
    network = _chain({"n": If(0.5), "m": If(0.5)}, [1.0, 1.0], hop_delay=hop, spike_delay=late)
    result = _run(network, [2], 8, ["n.v"])
    assert result.spikes["n"].times.tolist() == [n]
    assert result.spikes["m"].times.tolist() == [m]


@pytest.mark.parametrize(
    ("habits", "n", "m"),
    [
        # n -> m -> n, each repeats every spike. Only m -> n leads back.
        ({"recurrent_delay": 1}, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ({"hop_delay": 1}, [1, 3], [2, 4]),
        ({"recurrent_delay": 0, "spike_delay": 1}, [1, 3], [2, 4]),
    ],
)
def test_in_a_cycle_only_what_leads_back_takes_the_recurrent_delay(habits, n, m):
    back = [(("m", "n"), 1.0)]
    result = _run(_chain({"n": If(0.5), "m": If(0.5)}, [1.0, 1.0], back, **habits), [0], 5)
    assert (result.spikes["n"].times.tolist(), result.spikes["m"].times.tolist()) == (n, m)


def test_the_order_of_the_populations_says_what_leads_back():
    network = _chain({"n": If(0.5), "m": If(0.5)}, [1.0, 1.0], [(("m", "n"), 1.0), (("n", "n"), 0.0)])
    assert [q.name for q in network.projections if network.leads_back(q)] == ["m-n", "n-n"]
    source, n, m = network.populations
    turned = Network((source, m, n), network.projections, ("in",), ("m",), network.clock)
    assert [q.name for q in turned.projections if turned.leads_back(q)] == ["n-m", "n-n"]
    assert _run(turned, [0], 4).spikes["m"].times.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("integration", "gain", "share"),
    [
        ("euler", "held", 0.5),
        ("euler", "euler", 0.5),
        ("euler", "step", 1.0),
        ("exact", "held", 1 - np.exp(-0.5)),
        ("exact", "euler", 0.5),
        ("exact", "step", 1.0),
    ],
)
def test_a_low_pass_takes_up_its_share_of_a_ticks_input(integration, gain, share):
    found = taken_up(np.array([HALF]), DT, Convention(integration), Gain(gain))
    np.testing.assert_allclose(found, [share], rtol=1e-12)


def test_a_membrane_takes_up_its_synapses_current_as_the_convention_says():
    neuron = CubaLif(2.0, 4.0, 1.0)
    for gain, expected in (("held", 1.0), ("euler", 1.0), ("step", 2.0)):  # dt, dt, tau_mem
        assert tick_of(neuron, DT, Convention("euler", input_gain=gain)).gain == expected
        if gain != "held":
            assert tick_of(neuron, DT, Convention("exact", input_gain=gain)).gain == expected


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        ({"hop_delay": 2}, "a hop takes 2 ticks"),
        ({"recurrent_delay": -1}, "recurrent_delay is -1 ticks"),
        ({"spike_delay": 3}, "spike_delay is 3 ticks"),
        ({"recurrent_delay": 0}, "could cause itself"),
        ({"clamp": 0.5}, "clamp of 0.5 thresholds"),
        ({"clamp": float("nan")}, "clamp of nan"),
    ],
)
def test_an_impossible_convention_is_refused(habits, words):
    with pytest.raises(NetworkError, match=words):
        Convention(**habits)


def test_fields_are_words_or_numbers_and_their_differences_are_named():
    convention = Convention(comparison="reach", clamp=-1.0)
    assert convention.comparison is Comparison.REACH
    assert Convention().differences(convention) == {"comparison": "reach", "clamp": -1.0}
    assert set(CHOICES) | set(DELAYS) | {"multi_spike", "clamp"} == set(Convention.__dataclass_fields__)
    assert LOIHI.hop(leads_back=True) == LOIHI.hop(leads_back=False) == 1


def test_a_raster_of_counts_keeps_all_spikes():
    counts = np.array([[[0, 2], [1, 0]], [[0, 0], [0, 3]]])
    events = from_counts(counts)
    assert events.multiple
    np.testing.assert_array_equal(events.counts(), counts.sum(axis=1))
    assert events.select(1, 2).times.tolist() == [1, 1, 1]
    assert not from_counts(counts > 0).multiple
    np.testing.assert_array_equal(events.raster(2), from_raster(counts).raster(2))

"""What the dialects forbid, each rule broken once."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.coding import Decoding, LatencyEncoding
from spikec.errors import NetworkError
from spikec.ir.connectivity import Delays, Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, QifExp, Ramp, Source, Theta
from spikec.ir.verify import verify


def _network(neuron, clock, weights=None, delays=None, extra=()):
    weights = np.ones((1, 1)) if weights is None else weights
    return Network(
        (Population("in", Source(), (1,)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense(weights), delays or Delays()), *extra),
        ("in",),
        ("out",),
        clock,
    )


def _self(weights, delay):
    return Projection("self", "out", "out", Dense(np.array([[weights]])), Delays(np.array(delay)))


ONE = Fixed(np.zeros((1, 1)))
TICKS, WHOLE = Ticks(1e-3, LOIHI), Delays(np.array(0))


@pytest.mark.parametrize(
    "network",
    [
        _network(If(1.0), Continuous()),
        _network(CubaTicks(1, 0, 1.0), TICKS),
        _network(CubaTicks(1, 0, 1.0), TICKS, delays=Delays(np.array(3))),
        _network(CubaFixed(0, 0, 1), TICKS, ONE, WHOLE),
        _network(If(1.0), Continuous(), delays=WHOLE),
        _network(If(1.0), Continuous(), extra=(_self(1.0, 1e-3),)),
        _network(Ramp(1.0), Continuous(), extra=(_self(1.0, 0.0),)),
        _network(If(1.0), TICKS, extra=(_self(1.0, 0.0),)),
        _network(Ramp(-1.0, one_spike=True), Continuous()),
        _network(If(-1.0), TICKS),
        _network(IfExp(1.0, 1.0), Continuous()),
        _network(IfExp(1.0, 1.0), TICKS),
        _network(Theta(1.0), Continuous(), extra=(_self(1.0, 0.0),)),
        _network(QifExp(1.0), Continuous(), extra=(_self(1.0, 0.0),)),
        _network(If(1.0, v_reset=2.0), Continuous(Reset.SUBTRACT)),
    ],
)
def test_sound_networks_pass_and_come_back(network):
    assert verify(network) is network


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (_network(CubaTicks(1, 0, 1.0), Continuous()), "out is a CubaTicks, which needs ticks"),
        (_network(CubaFixed(0, 0, 1), Continuous(), ONE, WHOLE), "out is a CubaFixed"),
        (
            _network(CubaFixed(0, 0, 1), Ticks(1e-3), ONE, WHOLE),
            "out is in a chip's integers, where every hop",
        ),
        (_network(CubaFixed(0, 0, 1), TICKS), "q needs fixed-point weights, as its network is fixed"),
        (_network(If(1.0), TICKS, ONE), "q needs real weights, as its network is ticks"),
        (_network(CubaFixed(0, 0, 1), TICKS, ONE), "q has delays in seconds"),
        (_network(If(1.0), Continuous(), delays=Delays(np.array(3))), "q has delays in ticks"),
        (_network(If(1.0), Continuous(), extra=(_self(1.0, 0.0),)), "out feed each other without delay"),
        (_network(Lif(1.0, 1.0), Continuous(), extra=(_self(1.0, 0.0),)), "without delay"),
        (_network(Ramp(0.0), Continuous()), "out resets neuron 0 to its threshold or above"),
        (_network(CubaLif(1.0, 1.0, 1.0, v_reset=2.0), Continuous()), "out resets neuron 0"),
        (_network(IfExp(1.0, 1.0, v_reset=2.0), Continuous()), "out resets neuron 0"),
        (_network(If([0.0]), Continuous(Reset.SUBTRACT)), "out subtracts thresholds down to 0"),
    ],
)
def test_what_a_dialect_forbids_is_refused(network, message):
    with pytest.raises(NetworkError, match=message):
        verify(network)


def test_integers_beside_real_numbers_are_refused():
    network = _network(CubaFixed(0, 0, 1), TICKS, ONE, WHOLE)
    mixed = replace(network, populations=(*network.populations, Population("x", If(1.0), (1,))))
    with pytest.raises(NetworkError, match="out is in integers, but others are not"):
        verify(mixed)


def test_one_synapse_without_delay_is_enough_to_close_a_cycle_at_once():
    extra = Projection("self", "out", "out", sparse(1, 1, [], [], np.zeros(0)))
    verify(_network(If(1.0), Continuous(), extra=(extra,)))
    populations = tuple(Population(n, Source() if n == "in" else If(1.0), (2,)) for n in ("in", "a", "b"))
    late = Delays(np.array([[1e-3, 1e-3], [0.0, 1e-3]]), "synaptic")
    projections = (
        Projection("there", "a", "b", Dense(np.ones((2, 2))), late),
        Projection("back", "b", "a", Dense(np.ones((2, 2)))),
    )
    with pytest.raises(NetworkError, match="a, b feed each other"):
        verify(Network(populations, projections, ("in",), ("b",), Continuous()))


def test_many_populations_that_all_feed_each_other_are_verified_quickly():
    names = [f"p{k}" for k in range(30)]
    populations = (
        Population("in", Source(), (1,)),
        *(Population(n, CubaLif(1.0, 1.0, 1.0), (1,)) for n in names),
    )
    projections = tuple(Projection(f"{a}-{b}", a, b, Dense(np.ones((1, 1)))) for a in names for b in names)
    verify(Network(populations, projections, ("in",), ("p0",), Continuous()))


def test_codings_must_name_what_is_there():
    network = _network(LiReadout(), Continuous())
    latency = LatencyEncoding("in", 1.0, 1.0, True, None, 1.0)
    verify(replace(network, encoding=latency, decoding=Decoding("out", "membrane")))
    with pytest.raises(
        NetworkError, match=r"the encoding feeds \['clock', 'in'\], but the inputs are \['in'\]"
    ):
        verify(replace(network, encoding=replace(latency, clock="clock")))
    elsewhere = replace(network, decoding=Decoding("x", "membrane"))
    with pytest.raises(NetworkError, match="no population 'x'"):
        verify(elsewhere)
    assert verify(elsewhere, split=["x"]) is elsewhere

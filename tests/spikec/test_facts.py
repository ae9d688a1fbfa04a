"""The facts of small networks, counted by hand."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from spikec.container import digest
from spikec.facts import _FIXED_BYTES, facts
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.fixed_neurons import FIXED, CubaFixed, FixedNeuron, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import Lif, LiReadout, Source


def fixed_network(*, recurrent: bool = False) -> Network:
    """3 inputs, 2 hidden neurons by a dense projection with delays, 2 readouts by a list of 3 synapses."""
    first = Dense(Fixed(np.array([[2, 0, -4], [0, 6, 0]])))
    second = sparse(2, 2, [0, 0, 1], [0, 1, 1], Fixed(np.array([2, 0, 4])))
    loop = Projection("loop", "hidden", "hidden", Dense(Fixed(np.array([[0, 2], [2, 0]]))))
    return Network(
        populations=(
            Population("in", Source(), (3,)),
            Population("hidden", CubaFixed(4095, 10, [5, 6]), (2,)),
            Population("out", CubaFixed(4095, 0, 131071), (2,)),
        ),
        projections=(
            Projection(
                "first", "in", "hidden", first, Delays(np.array([[0, 1, 2], [3, 0, 5]]), DelayKind.SYNAPTIC)
            ),
            Projection("second", "hidden", "out", second),
            *((loop,) if recurrent else ()),
        ),
        inputs=("in",),
        outputs=("out",),
        clock=Ticks(1e-3, LOIHI),
    )


def float_network() -> Network:
    return Network(
        populations=(
            Population("in", Source(), (3,)),
            Population("hidden", Lif(0.01, 1.0), (2,)),
            Population("out", LiReadout(), (1,)),
        ),
        projections=(
            Projection("first", "in", "hidden", Dense(np.ones((2, 3)))),
            Projection("second", "hidden", "out", Dense(np.ones((1, 2)))),
        ),
        inputs=("in",),
        outputs=("out",),
        clock=Continuous(),
    )


def test_synapses_are_counted_as_stored_and_zeros_among_them() -> None:
    found = facts(fixed_network(), "loihi2")
    assert (found["n_synapses"], found["n_nonzero"]) == (9, 5)
    assert found["connection_sparsity"] == pytest.approx(4 / 9)
    assert found["density"] == pytest.approx(5 / 10)
    assert [(q["name"], q["n_synapses"], q["n_nonzero"]) for q in found["projections"]] == [
        ("first", 6, 3),
        ("second", 3, 2),
    ]


def test_the_dense_macs_of_a_list_are_the_synapses_it_lists() -> None:
    assert facts(fixed_network())["dense_macs"] == 6 + 3


def test_the_footprint_of_a_fixed_network_counts_the_chips_bytes() -> None:
    weights, delays = 6 + 3, 6 * 1
    hidden = 2 + 2 + 2 * 4 + 2 + 1  # du, dv, two thresholds, bias mantissa and exponent
    out = 2 + 2 + 4 + 2 + 1
    assert facts(fixed_network())["footprint_bytes"] == weights + delays + hidden + out


def test_the_footprint_of_pairs_counts_every_parameter_in_its_width() -> None:
    plain = fixed_network()
    theta = ThetaFixed(cos=99, sin_a=[9, 8], sin_b=9, a_init=[0, 5], b_init=5, shift=3)
    qif = QifFixed(du=0, gain=3, shift=9, turn=40, keep=16000, u_init=[7, 8])
    neurons = (plain.populations[0].neuron, theta, qif)
    populations = tuple(replace(p, neuron=k) for p, k in zip(plain.populations, neurons, strict=True))
    found = facts(replace(plain, populations=populations))
    weights, delays = 6 + 3, 6 * 1
    hidden = 2 + 2 * 2 + 2 + 2 * 2 + 2 + 1  # cos, two sin_a, sin_b, two a_init, b_init, shift
    out = 2 + 2 + 1 + 2 + 2 + 2 + 2 + 2 * 3  # du, gain, shift, turn, keep, the pair, two u_init
    assert found["footprint_bytes"] == weights + delays + hidden + out
    assert [(p["neuron"], p["spikes"]) for p in found["populations"][1:]] == [
        ("ThetaFixed", True),
        ("QifFixed", True),
    ]


@pytest.mark.parametrize("kind", FIXED)
def test_every_parameter_of_a_fixed_neuron_has_a_width(kind: type[FixedNeuron]) -> None:
    assert [name for name, width in _FIXED_BYTES.items() if not width] == ["inclusive"]
    for name, (low, high) in kind._RANGES.items():
        if name == "inclusive":
            continue
        assert -(1 << 8 * _FIXED_BYTES[name] - 1) <= low
        assert high < 1 << 8 * _FIXED_BYTES[name]


def test_the_footprint_of_a_float_network_counts_what_is_stored() -> None:
    numbers = [f.name for neuron in (Lif, LiReadout) for f in fields(neuron) if f.name != "one_spike"]
    assert facts(float_network())["footprint_bytes"] == 8 * (6 + 2 + len(numbers))


def test_populations_tell_inputs_and_readouts_from_neurons_that_spike() -> None:
    for network in (fixed_network(), float_network()):
        found = {p["name"]: (p["input"], p["spikes"]) for p in facts(network)["populations"]}
        assert found == {"in": (True, True), "hidden": (False, True), "out": (False, False)}


def test_dialect_clock_and_sizes_are_told() -> None:
    fixed, real = facts(fixed_network(), "loihi2"), facts(float_network())
    assert (fixed["dialect"], fixed["dt"], fixed["target"]) == ("fixed", 1e-3, "loihi2")
    assert (real["dialect"], real["dt"], real["target"]) == ("continuous", None, "")
    assert (fixed["n_populations"], fixed["n_neurons"], fixed["n_inputs"]) == (3, 4, 3)


def test_a_network_that_feeds_itself_is_recurrent() -> None:
    assert not facts(fixed_network())["recurrent"]
    assert facts(fixed_network(recurrent=True))["recurrent"]


def test_neurons_that_reach_only_themselves_make_no_recurrent_network_and_no_macs() -> None:
    network = fixed_network()
    once = Projection("once", "hidden", "hidden", sparse(2, 2, [0, 1], [0, 1], Fixed(np.array([-8, -8]))))
    found = facts(replace(network, projections=(*network.projections, once)))
    assert not found["recurrent"]
    assert (found["n_synapses"], found["dense_macs"]) == (11, 9)


def test_a_way_back_without_weight_makes_no_recurrent_network() -> None:
    network = fixed_network()
    back = Projection("back", "out", "hidden", Dense(Fixed(np.zeros((2, 2), np.int64))))
    assert not facts(replace(network, projections=(*network.projections, back)))["recurrent"]


def test_the_digest_is_the_programs_if_given_else_the_networks() -> None:
    network = fixed_network()
    assert facts(network, digest="abc")["digest"] == "abc"
    assert facts(network)["digest"] == digest(network)


def test_facts_are_plain_json() -> None:
    found = facts(fixed_network(recurrent=True), "loihi2")
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_weights_and_delays_of_a_projection_are_told_from_the_least_to_the_largest() -> None:
    first, second = facts(fixed_network())["projections"]
    assert (first["bits"], first["weights"]) == (8, [-4, 6])
    assert first["delays"] == {"kind": "synaptic", "ends": [0, 5], "unit": "ticks"}
    assert second["delays"]["ends"] == [0, 0]
    real = facts(float_network())["projections"][0]
    assert (real["bits"], real["weights"], real["delays"]["unit"]) == (None, [1.0, 1.0], "s")
    assert [p["shape"] for p in facts(float_network())["populations"]] == [[3], [2], [1]]

"""The neurons that a package brings along compute what the reference does, whatever their parameters are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.fixed_neurons import FIXED, CubaFixed, FixedNeuron, QifFixed, ThetaFixed, word
from spikec.ir.neurons import parameters
from spikec.random.neurons import random_neuron
from spikec.reference.fixed_neurons import fixed_neurons
from spikec_lava.deployed.neurons import NEURONS, Neurons


def brought(neuron: FixedNeuron, n: int, rows: int = 1) -> Neurons:
    """The same neurons out of a package."""
    neurons = NEURONS[type(neuron).__name__](n, parameters(neuron))
    neurons.begin(rows)
    return neurons


def test_every_neuron_of_the_fixed_dialect_is_there_under_its_name() -> None:
    assert list(NEURONS) == [kind.__name__ for kind in FIXED]


@pytest.mark.parametrize("kind", FIXED)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_neurons_compute_what_the_reference_does(kind: type[FixedNeuron], seed: int) -> None:
    rng = np.random.default_rng(seed)
    drive = float(2.0 ** rng.uniform(0, 20))
    neuron = random_neuron(rng, kind, 8, drive, storm=bool(rng.random() < 0.2))
    expected, got = fixed_neurons(neuron, 3, 8), brought(neuron, 8, 3)
    for _ in range(30):
        scale = drive * rng.choice([0.3, 1.0, 4096.0], p=[0.5, 0.45, 0.05])
        x = np.rint(scale * rng.normal(0, 1, (3, 8)) * (rng.random((3, 8)) < 0.3)).astype(np.int64)
        np.testing.assert_array_equal(got.update(x), expected.update(x))
        np.testing.assert_array_equal(got.membrane, expected.membrane)


def test_a_theta_neuron_turns_by_hand() -> None:
    neurons = brought(ThetaFixed(cos=3, sin_a=4, sin_b=4, a_init=[0, 8192], b_init=[8192, 8192], shift=1), 2)
    # with input 1 a becomes a + b / 2; then (4096, 8192) -> (45056, 8192), (12288, 8192) -> (69632, -24576)
    assert neurons.update(np.array([[1, 1]])).tolist() == [[False, True]]
    assert neurons.membrane.tolist() == word([[11264, -8704]], [[2048, 3072]]).tolist()


def test_a_quadratic_neuron_turns_by_hand() -> None:
    neuron = QifFixed(du=4095, gain=1, shift=6, turn=16384, keep=8192, a_init=[0, 16384], b_init=16384)
    neurons = brought(neuron, 2)
    # with input 6000 p = 6000, c = 16384 - round(21845 * 6000 / 2**16) = 14384; the second's b changes sign:
    # c b - turn a = 16384 (14384 - 16384)
    assert neurons.update(np.array([[6000, 6000]])).tolist() == [[False, True]]
    halved = [8192 * 6000 * 16384, 8192 * (14384 + 6000) * 16384]
    turned = [16384 * 14384 * 16384, 16384 * -2000 * 16384]
    # the larger number of each has 42 bits: 14384 * 2**28 and 20384 * 2**27
    assert neurons.membrane.tolist() == [
        word([halved[0] >> 28, -halved[1] >> 28], [turned[0] >> 28, -turned[1] >> 28]).tolist()
    ]


def test_samples_begin_anew() -> None:
    neuron = QifFixed(du=10, gain=4000, shift=20, turn=300, keep=16000, a_init=[5, -7], u_init=[900, 0])
    neurons = brought(neuron, 2)
    first = [neurons.update(np.full((1, 2), 40)) | neurons.membrane for _ in range(5)]
    neurons.begin(3)
    assert neurons.membrane.tolist() == word([[5, -7]] * 3, 16384).tolist()
    again = [neurons.update(np.full((3, 2), 40)) | neurons.membrane for _ in range(5)]
    np.testing.assert_array_equal(np.repeat(first, 3, axis=1), again)


def test_a_lif_neuron_rests_at_first() -> None:
    assert brought(CubaFixed(du=0, dv=0, vth=1), 3, 2).membrane.tolist() == [[0] * 3] * 2

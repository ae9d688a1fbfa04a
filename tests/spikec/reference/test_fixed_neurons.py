"""Neurons that keep pairs: what holds for all of them, and how near they are to what they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import run
from spikec.events import from_rows
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed, pair, word
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import QifExp, Source, Theta
from spikec.passes.pairs import quantize_pairs
from spikec.passes.weight_fit import Rounding, WeightFit
from spikec.program import Program
from spikec.random.neurons import random_neuron
from spikec.reference import ReferenceBackend
from spikec.reference.fixed_neurons import fixed_neurons
from spikec.targets.target import load_target
from tests import plain_neurons

SEEDS = st.integers(0, 2**32 - 1)
LOIHI2 = load_target("loihi2")
N = 6


@settings(max_examples=150)
@given(SEEDS, st.sampled_from([ThetaFixed, QifFixed]))
def test_pairs_stay_pairs_and_no_integer_overflows(seed, kind):
    rng = np.random.default_rng(seed)
    p = Population("p", random_neuron(rng, kind, N, 2.0 ** rng.uniform(0, 24), storm=False), (N,))
    neurons = fixed_neurons(p.neuron, 1, N)
    plain = [plain_neurons.neuron_of(p, j) for j in range(N)]
    states = [plain_neurons.begin(*k) for k in plain]
    size = int(rng.choice([1, 1 << 8, 1 << 16, (1 << 31) - 1]))
    for _ in range(25):
        x = rng.choice([0, -size, size, rng.integers(-size, size, endpoint=True)], (1, N))
        spiking = neurons.update(x)
        a, b = pair(neurons.membrane[0])
        largest = np.maximum(np.abs(a), b)
        assert b.min() >= 0
        assert ((largest >= 1 << 13) & (largest <= 1 << 14)).all()
        for j, (k, values) in enumerate(plain):
            states[j], spikes = plain_neurons.update(k, states[j], int(x[0, j]), values)
            assert (states[j][-2:], spikes) == ((a[j], b[j]), spiking[0, j])


@given(st.integers(-(1 << 14), 1 << 14), st.integers(0, 1 << 14))
def test_a_word_holds_a_pair(a, b):
    assert pair(word(a, b)) == (a, b)
    assert abs(int(word(a, b))) < 1 << 31


CIRCLE = st.tuples(st.integers(0, 2000), st.integers(60, 2000)).filter(lambda c: c[0] + c[1] > 1000)
COUNT = 150


@settings(max_examples=30)
@given(CIRCLE, st.integers(0, 1 << 14), st.sampled_from([2, 4, 8, 16]))
def test_coefficients_twice_as_large_turn_the_same(circle, a, double):
    states = [_angles(factor * circle[0], factor * circle[1], a) for factor in (1, double)]
    np.testing.assert_array_equal(*states)


@settings(max_examples=30)
@given(CIRCLE, st.integers(0, 1 << 14), st.integers(3, 15))
def test_only_the_ratios_of_coefficients_count(circle, a, factor):
    one, other = (_angles(f * circle[0], f * circle[1], a) for f in (1, factor))
    apart = np.abs((one - other + np.pi / 2) % np.pi - np.pi / 2)
    # Each tick rounds both by half a unit of 2**13 at most.
    assert (apart <= 2 * np.sqrt(0.5) / 2**13 * np.arange(1, COUNT + 1)).all()


def _angles(cos, sin, a):
    neurons = fixed_neurons(ThetaFixed(cos, sin, sin, a, 1 << 14, 0), 1, 1)
    found = []
    for _ in range(COUNT):
        neurons.update(np.zeros((1, 1), np.int64))
        first, second = pair(neurons.membrane)
        found.append(float(np.arctan2(second[0, 0], first[0, 0])))
    return np.array(found)


@settings(max_examples=30)
@given(st.integers(100, 32767), st.floats(0.02, 1.4), st.floats(0.6, 1.6), st.integers(-(1 << 14), 1 << 14))
def test_an_undisturbed_theta_spikes_once_a_period(top, angle, stretch, a):
    cos = round(top * np.cos(angle))
    sin_a, sin_b = (max(1, min(32767, round(top * np.sin(angle) * s))) for s in (stretch, 1 / stretch))
    neurons = fixed_neurons(ThetaFixed(cos, sin_a, sin_b, a, 1 << 14, 0), 1, 1)
    n_ticks = 400
    n_spikes = sum(int(neurons.update(np.zeros((1, 1), np.int64))[0, 0]) for _ in range(n_ticks))
    period = np.pi / np.arctan2(np.sqrt(sin_a * sin_b), cos)
    drift = n_ticks * np.sqrt(0.5) / 2**13 * max(sin_a / sin_b, sin_b / sin_a) / np.pi
    assert n_spikes == pytest.approx(n_ticks / period, abs=1 + drift)


@pytest.mark.parametrize("kind", [Theta, QifExp])
def test_integers_of_8_bits_spike_when_real_numbers_do(kind):
    near = total = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        real = _network(rng, kind)
        fixed, nearest = real, WeightFit(LOIHI2.formats, 8, Rounding.NEAREST, {}, 100)
        for p in real.populations[1:]:
            fixed, _ = quantize_pairs(fixed, p, nearest)
        assert not any(isinstance(p.neuron, CubaFixed | kind) for p in fixed.populations)
        spikes = [_spikes(network, seed) for network in (real, fixed)]
        for one, other in (spikes, reversed(spikes)):
            near += sum(any((j, t + d) in other for d in (-1, 0, 1)) for j, t in one)
            total += len(one)
    assert total > 400
    assert near / total > 0.97, f"{near} of {total}"


def _network(rng, kind):
    """Two populations that feed each other with delays; half a second is a period or a time constant."""

    def neuron(n):
        if kind is Theta:
            return Theta(0.5 / np.pi, 1.25, rng.uniform(0, 0.45, n))
        return QifExp(0.5, rng.uniform(-1, 0.5, n), rng.uniform(0, 4, n))

    def projection(pre, post, n_pre, n_post, delay):
        mean, spread = (0.0, 0.5) if kind is Theta else (1.5, 3.0)
        weights = rng.normal(mean, spread, (n_post, n_pre))
        return Projection(f"{pre}-{post}", pre, post, Dense(weights), Delays(np.asarray(delay)))

    return Network(
        (
            Population("in", Source(), (5,)),
            Population("p", neuron(8), (8,)),
            Population("q", neuron(6), (6,)),
        ),
        (
            projection("in", "p", 5, 8, 0),
            projection("p", "q", 8, 6, 2),
            projection("q", "p", 6, 8, 5),
        ),
        ("in",),
        ("q",),
        Ticks(0.5 / 24, LOIHI),
    )


def _spikes(network, seed):
    rng = np.random.default_rng([seed, 1])
    n_ticks = 72
    rows = np.unique(np.stack([rng.integers(0, n_ticks, 20), rng.integers(0, 5, 20)]), axis=1)
    events = from_rows(np.zeros(rows.shape[1], int), *rows, n_samples=1, n_neurons=5)
    result = run(ReferenceBackend(), Program(network, LOIHI2), {"in": events}, n_ticks)
    return {
        ((name, int(j)), int(t))
        for name in ("p", "q")
        for t, j in zip(result.spikes[name].times, result.spikes[name].neurons, strict=True)
    }

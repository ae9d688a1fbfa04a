from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from spikec.backend import find_backend
from spikec.coding import decode
from spikec.container import digest
from spikec.errors import UsageError
from spikec.inputs import encode_samples
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.pairs import draw_pairs, pair_weights
from spikec_train.ramp_layer import earliness, spike_times
from spikec_train.ramp_network import REST, hidden_features
from spikec_train.sampling import SampledRamp, sampled_network

T = 0.016


def blobs(n=60, width=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return Dataset(
        "blobs",
        "train",
        np.clip(rng.normal(3 + 2 * labels[:, None], 1.5, (n, width)), 0, 10),
        labels,
        (2, width // 2),
        10.0,
        3,
    )


def run(network, samples):
    """The reference interpreter's result, read where the network's encoding says."""
    program = Program(network, load_target("ideal"))
    executable = ReferenceBackend().prepare(program)
    inputs = encode_samples(network, samples)
    return executable.run(inputs, network.encoding.duration, ("readout.v.last",))


def assert_same_first_spikes(result, trained, samples, x_max):
    """Equal but for rounding; a spike in the very moment of the answer, 2 T, counts as none."""
    expected = spike_times(trained.layers[0], earliness(samples, x_max, T))
    found = result.spikes["hidden"].first_times()
    np.testing.assert_allclose(np.minimum(found, 2 * T), np.minimum(expected, 2 * T), rtol=0, atol=1e-9 * T)


def test_the_weight_of_a_pair_is_one_over_its_distance():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [3.0, 4.0]])
    labels = np.array([0, 1, 0, 2])
    first, second = np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3])
    # at distance 5; same class; at distance sqrt(9 + 9); two classes at one place
    np.testing.assert_allclose(pair_weights(points, labels, first, second), [0.2, 0.0, 18**-0.5, 0.0])


def test_near_pairs_are_drawn_in_proportion_to_one_over_their_distance():
    points = np.array([[1.0], [2.0], [5.0]])
    labels = np.array([0, 1, 2])
    rng = np.random.default_rng(1)
    seen = np.zeros((3, 3))
    for _ in range(3000):
        low, high = draw_pairs(points, labels, 1, 50, rng)
        seen[low, high] += 1
    expected = np.array([1 / 1, 1 / 4, 1 / 3])
    counts = np.array([seen[0, 1], seen[0, 2], seen[1, 2]])
    assert counts.sum() == 3000
    assert chisquare(counts, 3000 * expected / expected.sum()).pvalue > 1e-3


@given(seed=st.integers(0, 10**6), n_pairs=st.integers(1, 30))
@settings(deadline=None, max_examples=50)
def test_pairs_differ_in_class_and_value_and_none_comes_twice(seed, n_pairs):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 3, (40, 3)).astype(float)
    labels = rng.integers(0, 4, 40)
    low, high = draw_pairs(points, labels, n_pairs, 8, rng)
    assert np.all(labels[low] != labels[high])
    assert np.all(np.any(points[low] != points[high], axis=1))
    assert np.all(np.sum(points[low] ** 2, axis=1) <= np.sum(points[high] ** 2, axis=1))
    assert len({frozenset(p) for p in zip(low.tolist(), high.tolist(), strict=True)}) == n_pairs


def test_samples_that_make_too_few_pairs_are_refused():
    rng = np.random.default_rng(0)
    points = np.arange(6.0)[:, None]
    with pytest.raises(UsageError, match="all 6 training samples are of class 2"):
        draw_pairs(points, np.full(6, 2), 1, 4, rng)
    with pytest.raises(UsageError, match="0 were found"):
        draw_pairs(np.ones((6, 1)), np.arange(6) % 2, 1, 4, rng)
    with pytest.raises(UsageError, match="use fewer neurons"):
        draw_pairs(points, np.arange(6) % 2, 100, 4, rng)
    with pytest.raises(UsageError, match="make no pair"):
        draw_pairs(points[:1], np.zeros(1, int), 1, 4, rng)


def test_the_network_obeys_its_dialect_and_says_what_it_is_made_of():
    data = blobs()
    network = verify(sampled_network(data, SampledRamp(hidden=20), np.random.default_rng(0)).network)
    assert [(p.name, p.shape) for p in network.populations] == [
        ("pixels", (2, 3)), ("clock", (1,)), ("hidden", (20,)), ("readout", (3,)),
    ]  # fmt: skip
    assert network.n_synapses == 6 * 20 + 20 + 20 * 3
    slope = sum(q.connectivity.weights.sum(axis=1) for q in network.incoming("hidden"))
    np.testing.assert_allclose(slope, 1.0, rtol=1e-12)


@pytest.mark.parametrize("gain", [0.5, 2.5])
def test_the_reference_interpreter_sees_the_spikes_and_scores_of_the_training(gain):
    data = blobs()
    trained = sampled_network(data, SampledRamp(hidden=30, gain=gain), np.random.default_rng(2))
    result = run(trained.network, data.samples[:12])
    assert_same_first_spikes(result, trained, data.samples[:12], data.x_max)
    np.testing.assert_allclose(result.traces["readout.v.last"], trained.scores(data.samples[:12]), atol=1e-9)
    assert trained.early_share > 0.2 or gain < 1


def test_the_network_of_digits_runs_in_the_reference_interpreter_as_it_was_trained():
    trained = sampled_network(load_dataset("digits:train"), SampledRamp(), np.random.default_rng(0))
    test = load_dataset("digits:test:3")
    result = run(trained.network, test.samples)
    assert_same_first_spikes(result, trained, test.samples, test.x_max)
    scores = trained.scores(test.samples)
    np.testing.assert_allclose(result.traces["readout.v.last"], scores, atol=1e-9)
    answers = decode(trained.network.decoding, result.spikes["readout"], result.traces["readout.v.last"])
    assert np.array_equal(answers, scores.argmax(axis=1))


@pytest.mark.parametrize("hidden", [(20, 15), (12, 10, 8)])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_deep_networks_run_in_the_engines_as_they_were_trained(hidden, backend):
    data = blobs()
    trained = sampled_network(data, SampledRamp(hidden=hidden, gain=1.5), np.random.default_rng(4))
    network = verify(trained.network)
    assert len(network.populations) == 3 + len(hidden)
    engine = find_backend(backend).prepare(Program(network, load_target("ideal")))
    end = network.encoding.duration
    result = engine.run(encode_samples(network, data.samples[:12]), end, ("readout.v.last",))
    early = earliness(data.samples[:12], data.x_max, T)
    hop = T * (1 + REST)
    for k, found in enumerate(hidden_features(trained.layers, early)):
        times = result.spikes[f"hidden{k + 1}"].first_times()
        last = k == len(hidden) - 1
        expected = np.where((found > 0) | (not last), 2 * T + hop * k - found, np.inf)
        np.testing.assert_allclose(np.minimum(times, end), np.minimum(expected, end), rtol=0, atol=1e-9 * T)
    np.testing.assert_allclose(result.traces["readout.v.last"], trained.scores(data.samples[:12]), atol=1e-9)


def test_samples_taken_piece_by_piece_give_the_same_network_but_for_rounding(monkeypatch):
    data, options = blobs(), SampledRamp(hidden=25, penalties=(1e-3,))
    whole = sampled_network(data, options, np.random.default_rng(3))
    monkeypatch.setattr("spikec_train.sampling._FEATURES", 25 * 7)
    pieces = sampled_network(data, options, np.random.default_rng(3))
    np.testing.assert_array_equal(whole.layers[0].weights, pieces.layers[0].weights)
    np.testing.assert_allclose(whole.readout.weights, pieces.readout.weights, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(whole.scores(data.samples), pieces.scores(data.samples), atol=1e-7)
    assert (whole.spike_share, whole.early_share) == (pieces.spike_share, pieces.early_share)


def test_more_neurons_than_samples_and_samples_that_come_twice_are_fitted_all_the_same():
    data = blobs(n=24)
    twice = replace(data, samples=np.repeat(data.samples, 2, axis=0), labels=np.repeat(data.labels, 2))
    trained = sampled_network(twice, SampledRamp(hidden=60), np.random.default_rng(0))
    right = trained.scores(twice.samples).argmax(axis=1) == twice.labels
    assert right.mean() > 0.8


def test_spike_shares_are_those_of_the_training_samples():
    data = blobs()
    trained = sampled_network(data, SampledRamp(hidden=30, gain=2.5), np.random.default_rng(2))
    times = run(trained.network, data.samples).spikes["hidden"].first_times()
    assert trained.spike_share == pytest.approx(np.isfinite(times).mean())
    assert trained.early_share == pytest.approx((times < T).sum() / np.isfinite(times).sum())


def test_one_seed_gives_one_network():
    data, options = blobs(), SampledRamp(hidden=25)
    first, again, other = (
        digest(sampled_network(data, options, np.random.default_rng(s)).network) for s in (3, 3, 4)
    )
    assert first == again != other


def test_the_networks_time_follows_the_window():
    data = blobs()
    short, long = (
        sampled_network(data, SampledRamp(hidden=25, window=w), np.random.default_rng(0)) for w in (T, 2.0)
    )
    np.testing.assert_allclose(short.scores(data.samples), long.scores(data.samples), atol=1e-9)
    assert long.network.encoding.duration == 4.0


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": 0},
        {"hidden": ()},
        {"hidden": (5, 0)},
        {"hidden": (5, 5, 5, 5)},
        {"candidates": 0},
        {"window": 0.0},
        {"window": float("inf")},
        {"gain": -1.0},
        {"gain": float("nan")},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(UsageError, match="must be"):
        SampledRamp(**options)

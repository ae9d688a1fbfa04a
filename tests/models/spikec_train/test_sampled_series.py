"""Networks for signals, on melodies that are made here: bands whose peaks come in one of several orders."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.coding import encode
from spikec.container import digest
from spikec.errors import UsageError
from spikec.inputs import encode_samples
from spikec.ir.verify import verify
from spikec.passes.pipelines import compile_network
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_train import sampled_series as sampled_series_module
from spikec_train.datasets import Dataset
from spikec_train.recipes import load_recipe
from spikec_train.sampled_series import SampledSeries, n_ticks_of, sampled_series
from spikec_train.series_layer import LEAST, Constants, series_layers, traces

FRAMES, N_BANDS = 20, 3
ORDERS = np.array([[3, 8, 13], [13, 8, 3], [8, 13, 3]])
OPTIONS = SampledSeries(hidden=40, longest_delay=0.1, penalties=(1e-3, 1e-2, 1e-1))


def melodies(n=90, seed=0):
    """Each band has one peak; the class says which comes when."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    peaks = ORDERS[labels] + rng.integers(-1, 2, (n, 1)) + rng.normal(0, 0.5, (n, N_BANDS))
    values = np.exp(-(((np.arange(FRAMES)[None, :, None] - peaks[:, None]) / 1.5) ** 2))
    return Dataset("melodies", "train", values.reshape(n, -1), labels, (FRAMES, N_BANDS), 1.0, 3)


@pytest.fixture(scope="module")
def trained():
    return sampled_series(melodies(), OPTIONS, np.random.default_rng(1))


def test_melodies_of_the_same_notes_are_told_apart_by_their_order(trained):
    test = melodies(seed=9)
    assert np.mean(trained.scores(test.samples).argmax(axis=1) == test.labels) > 0.95


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_the_engines_see_the_scores_of_the_training(trained, backend):
    samples, network = melodies(seed=5).samples[:6], verify(trained.network)
    engine = find_backend(backend).prepare(Program(network, load_target("ideal")))
    result = engine.run(encode_samples(network, samples), n_ticks_of(network.encoding), ("readout.v.last",))
    np.testing.assert_allclose(
        result.traces["readout.v.last"], trained.scores(samples), rtol=1e-9, atol=1e-12
    )
    assert result.spikes["hidden1"].n_events > 0


def test_it_compiles_to_integers_that_answer_alike_on_reference_and_cpu(trained):
    test = melodies(seed=9)
    program = compile_network(trained.network, load_target("loihi2"))
    assert not program.violations
    inputs = encode_samples(program.network, test.samples[:30])
    answers = []
    for backend in ("reference", "cpu"):
        executable = find_backend(backend).prepare(program)
        answers.append(executable.run(inputs, program.n_ticks, ("readout.v.last",)).traces["readout.v.last"])
    np.testing.assert_array_equal(*answers)
    assert np.mean(answers[1].argmax(axis=1) == test.labels[:30]) > 0.9


def test_one_seed_gives_one_network(trained):
    again, other = (sampled_series(melodies(), OPTIONS, np.random.default_rng(s)) for s in (1, 2))
    assert digest(again.network) == digest(trained.network) != digest(other.network)


def test_figures_count_spikes(trained):
    data = melodies()
    given = encode(trained.network.encoding, data.samples)["bands"]
    assert trained.figures["input_spikes"] == given.n_events / data.n_samples
    assert 0 < trained.figures["hidden_spikes"] < 60


def test_a_trace_is_what_a_membrane_without_threshold_does():
    c = Constants.of(0.02, 0.01, 0.005)
    raster = (np.random.default_rng(0).random((30, 2)) < 0.2).astype(float)
    u, v, expected = np.zeros(2), np.zeros(2), []
    for x in raster:
        u = u - u * c.decay_u / 4096 + x
        v = v - v * c.decay_v / 4096 + u
        expected.append(v.copy())
    np.testing.assert_allclose(traces(raster, c), expected, rtol=1e-12)
    assert (c.decay_u, c.decay_v) == (round(4096 * (1 - np.exp(-0.5))), round(4096 * (1 - np.exp(-0.25))))


def test_a_neuron_parts_its_pair_at_some_moment_with_delays_in_reach():
    rng = np.random.default_rng(3)
    first, second = (rng.random((2, 12, 40, 5)) < 0.1).astype(float)
    choices = [Constants.of(0.02, 0.01, 0.005), Constants.of(0.1, 0.05, 0.005)]
    groups = series_layers(first, second, choices, 7, rng)
    assert sum(len(g.weights) for g in groups) == 12
    for g in groups:
        assert 0 <= g.delays.min() and g.delays.max() <= 7  # noqa: PT018
        assert np.all(np.abs(g.weights).max(axis=1) > 0)
    (alone,) = series_layers(first[:1], second[:1], choices[:1], 7, rng)
    membranes = [
        max(sum(alone.weights[0, c] * x[k - alone.delays[0, c], c] for c in range(5)) for k in range(7, 40))
        for x in (traces(first[0], choices[0]), traces(second[0], choices[0]))
    ]
    assert max(membranes) > 1.0
    assert LEAST < 0.5


def test_delays_are_where_the_two_samples_differ_most_before_some_moment():
    rng = np.random.default_rng(5)
    first, second = (rng.random((2, 1, 30, 4)) < 0.15).astype(float)
    constants, longest = Constants.of(0.05, 0.02, 0.005), 6
    (neuron,) = series_layers(first, second, [constants], longest, rng)
    step = traces(second[0], constants) - traces(first[0], constants)
    expected = []
    for k in range(30):
        heard = [[step[k - d, c] if d <= k else 0.0 for d in range(longest + 1)] for c in range(4)]
        delays = np.abs(heard).argmax(axis=1)
        weights = np.array([heard[c][delays[c]] for c in range(4)])
        expected.append((delays, weights / np.linalg.norm(weights) if weights.any() else weights))
    unit = neuron.weights[0] / np.linalg.norm(neuron.weights[0])
    assert any(np.array_equal(neuron.delays[0], d) and np.isclose(abs(w @ unit), 1.0) for d, w in expected)


def test_delays_are_those_of_the_compiled_program(trained):
    program = compile_network(trained.network, load_target("loihi2"))
    before, after = (
        {q.name: np.asarray(q.delays.values) for q in network.projections if q.pre == "bands"}
        for network in (trained.network, program.network)
    )
    assert before.keys() == after.keys()
    for name, delays in before.items():
        np.testing.assert_array_equal(delays, after[name])
    assert np.unique(np.concatenate([d.ravel() for d in before.values()])).size > 5


def test_of_many_signals_some_are_drawn_from_and_all_are_fitted_to(monkeypatch):
    monkeypatch.setattr(sampled_series_module, "_DRAWN", 60)
    monkeypatch.setattr(sampled_series_module, "_PIECE", 16)
    made = sampled_series(melodies(), OPTIONS, np.random.default_rng(1))
    assert made.readout.held_out == 90
    test = melodies(seed=9)
    assert np.mean(made.scores(test.samples).argmax(axis=1) == test.labels) > 0.9


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (replace(melodies(), shape=(60,)), "frames by bands"),
        (replace(melodies(), labels=np.zeros(90, int)), "of class 0"),
        (replace(melodies(), samples=np.zeros((90, 60))), "0 were found"),
        (melodies(n=6), "use fewer neurons"),
    ],
)
def test_signals_that_tell_nothing_are_refused(data, message):
    with pytest.raises(UsageError, match=message):
        sampled_series(data, OPTIONS, np.random.default_rng(0))


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": 0}, {"candidates": 0}, {"dt": 0.0}, {"dt": 0.02}, {"change": -1.0}, {"memory": 0.0},
     {"time_constants": ()}, {"time_constants": ((0.1, 0.0),)}, {"longest_delay": -0.1},
     {"tail": float("inf")}],
)  # fmt: skip
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError):
        SampledSeries(**wrong)


def test_the_recipe_ships():
    recipe = load_recipe("fsdd-sampled")
    assert recipe.data == "fsdd"
    assert isinstance(recipe.training, SampledSeries)

"""What holds for the training of all layered networks, of theta neurons and of ones that spike once."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from spikec.container import digest, load, save
from spikec.errors import UsageError
from spikec_train.cuba_gradient import Delayed
from spikec_train.cuba_training import ExactCuba
from spikec_train.datasets import Dataset, load_dataset
from spikec_train.first_spike import ExactLayers, TrainedLayers, train_layers
from spikec_train.optimisers import AdaBelief, Adam
from spikec_train.theta_training import ExactTheta

THETA = ExactTheta(
    hidden=(12, 10), optimiser=AdaBelief(rate=0.02), epochs=4, batch=100, weight_scale=2.0, flips=0.02
)
CUBA = ExactCuba(
    hidden=(9, 8),
    optimiser=Adam(rate=0.02),
    epochs=4,
    batch=100,
    weight_means=(6.0, 8.0, 8.0),
    weight_spreads=(1.6, 2.0, 2.0),
    delays=Delayed.SYNAPTIC,
    jitter=1e-4,
)


@dataclass
class Case:
    options: ExactLayers
    data: Dataset
    trained: TrainedLayers
    changes: tuple[dict, ...]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((THETA, "digits:train", ({"gamma": 0.02}, {"flips": 0.03})), id="theta"),
        pytest.param((CUBA, "yinyang:train:600", ({"wake": 0.02}, {"delays": Delayed.AXONAL})), id="cuba"),
    ],
)
def case(request):
    options, name, changes = request.param
    data = load_dataset(name)
    return Case(options, data, train_layers(data, options, seed=3), changes)


def test_training_lowers_the_loss(case):
    assert case.trained.training.losses[-1] < 0.8 * case.trained.training.losses[0]


def test_a_saved_network_comes_back_as_it_was(case, tmp_path):
    save(case.trained.network, tmp_path / "net.npz")
    assert digest(load(tmp_path / "net.npz")) == digest(case.trained.network)


def test_one_seed_is_one_network_on_any_number_of_threads(case, monkeypatch):
    monkeypatch.setattr("spikec_train.first_spike.processors", lambda: 3)
    again = train_layers(case.data, case.options, seed=3)
    assert digest(again.network) == digest(case.trained.network)
    np.testing.assert_array_equal(again.training.losses, case.trained.training.losses)
    other = train_layers(case.data, replace(case.options, epochs=1), seed=4)
    assert other.training.losses[0] != again.training.losses[0]


@pytest.mark.parametrize("stop", [1, 3])
def test_an_interrupted_training_gives_the_same_network(case, tmp_path, stop):
    def interrupt(sentence):
        if sentence.startswith(f"epoch {stop} "):
            raise KeyboardInterrupt

    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        train_layers(case.data, case.options, 3, path, interrupt)
    again = train_layers(case.data, case.options, 3, path)
    assert digest(again.network) == digest(case.trained.network)


def test_a_checkpoint_of_other_data_options_or_seed_is_refused(case, tmp_path):
    path, once = tmp_path / "state.npz", replace(case.options, epochs=1)
    train_layers(case.data, once, 3, path)
    others = [(case.data.first(500), once, 3), (case.data, once, 4)]
    others += [(case.data, replace(once, **change), 3) for change in case.changes]
    for data, options, seed in others:
        with pytest.raises(UsageError, match="another training"):
            train_layers(data, options, seed, path)


@pytest.mark.parametrize("change", [{"hidden": (0,)}, {"epochs": 0}, {"batch": 0}])
def test_impossible_sizes_are_refused(case, change):
    with pytest.raises(UsageError, match="1 or more"):
        replace(case.options, **change)

import numpy as np
import pytest

from spikec.container import digest
from spikec.errors import UsageError
from spikec.ir.verify import verify
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, parse_recipe, recipe_names, train
from spikec_train.sampling import sampled_network

SMALL = """
title: A small one
data: digits
seed: 7
training: {method: sampled-ramp, hidden: 16, window: 0.016, gain: 1.0, candidates: 2, penalties: [0.01]}
expected: {accuracy: 0.7, tolerance: 0.2, seconds: 1}
"""


def test_the_recipe_of_digits_ships():
    assert "digits-sampled" in recipe_names()
    assert load_recipe("digits-sampled").training.hidden == 512


def test_every_recipe_that_ships_can_be_read():
    known = {"digits-sampled", "mnist-sampled", "yinyang-sampled", "digits-theta", "mnist-theta"}
    assert known <= set(recipe_names())
    for name in recipe_names():
        assert load_recipe(name).title


def test_the_recipe_of_mnist_is_the_published_one():
    """Sizes, times in units of 10 ms, loss and optimiser of the authors' notebook mnist.ipynb."""
    training = load_recipe("mnist-theta").training
    model = training.model(784, 10)
    assert model.sizes == (784, 100, 100, 10)
    assert (model.n_weights, model.n_neurons) == (89400, 210)
    assert model.tau == pytest.approx(6 / np.pi, rel=1e-15)
    assert (model.period, model.duration, model.gamma) == (pytest.approx(6.0), 2.0, 0.01)
    assert training.input_time / training.unit == pytest.approx(2 * np.log(1 / 0.99), rel=1e-14)
    steps_an_epoch = 60000 / training.batch
    assert training.optimiser.decay_steps == training.epochs * steps_an_epoch == 6000
    assert (training.optimiser.method, training.optimiser.rate) == ("adabelief", 4e-3)


def test_digits_are_read_as_well_as_the_recipe_says():
    recipe = load_recipe("digits-sampled")
    trained = sampled_network(
        load_dataset(f"{recipe.data}:train"), recipe.training, np.random.default_rng(recipe.seed)
    )
    test = load_dataset(f"{recipe.data}:test")
    accuracy = np.mean(trained.scores(test.samples).argmax(axis=1) == test.labels)
    assert accuracy >= 0.975
    assert accuracy == pytest.approx(recipe.expected.accuracy, abs=recipe.expected.tolerance)


def test_yinyang_is_told_apart_as_well_as_the_recipe_says():
    recipe = load_recipe("yinyang-sampled")
    result = train(recipe)
    accuracy = result.measure(load_dataset("yinyang:test"))["accuracy"]
    assert accuracy >= 0.96
    assert recipe.expected.shortfall(accuracy, None) is None


def test_training_takes_the_recipes_seed_or_another():
    recipe = parse_recipe(SMALL, "small")
    own, same, other = train(recipe), train(recipe, seed=7), train(recipe, seed=8)
    assert (own.seed, same.seed, other.seed) == (7, 7, 8)
    assert digest(own.network) == digest(same.network) != digest(other.network)
    verify(own.network)


def test_training_tells_what_it_does_and_how_it_went():
    told = []
    result = train(parse_recipe(SMALL, "small"), progress=told.append)
    assert told == ["loading digits:train", "training 16 hidden neurons on 1347 samples"]
    assert result.figures["penalty"] == 0.01
    assert 0.5 < result.figures["train_accuracy"] < 1
    assert 0 < result.figures["held_out_error"] < 0.1
    assert 0 < result.figures["hidden_spike_share"] < 1
    assert result.seconds > 0


THETA = """
title: A small theta network
data: digits
seed: 0
training:
  method: exact-theta
  hidden: [8]
  optimiser: {method: adam, rate: 0.01}
  epochs: 2
  batch: 200
expected: {accuracy: 0.1, tolerance: 0.1, seconds: 1}
"""


def test_theta_networks_are_trained_by_recipe_too(tmp_path):
    told = []
    result = train(parse_recipe(THETA, "small"), progress=told.append, checkpoint=tmp_path / "state.npz")
    assert told[:2] == ["loading digits:train", "training 8 hidden neurons on 1347 samples"]
    assert told[-1].startswith("epoch 2 of 2: loss ")
    assert result.score == -result.figures["train_loss"]
    assert set(result.measure(load_dataset("digits:test:20"))) >= {"accuracy", "accuracy_with_pseudospikes"}
    again = train(parse_recipe(THETA, "small"), checkpoint=tmp_path / "state.npz")
    assert digest(again.network) == digest(result.network)
    verify(result.network)


def test_a_training_in_one_step_has_no_checkpoints(tmp_path):
    with pytest.raises(UsageError, match="leave out --checkpoint"):
        train(parse_recipe(SMALL, "small"), checkpoint=tmp_path / "state.npz")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("method: adam", "method: newton", r"training.optimiser: .*'adam', 'adabelief', 'sgd'"),
        ("rate: 0.01", "rte: 0.01", r"training.optimiser.rte: Unexpected"),
        ("rate: 0.01", "rate: -1", "rate -1"),
        ("hidden: [8]", "hidden: 8", r"training.hidden: .*tuple"),
        ("epochs: 2", "", r"training.epochs: Field required"),
        ("batch: 200", "batch: 0", "1 or more"),
    ],
)
def test_faults_of_a_theta_recipe_are_named(old, new, message):
    with pytest.raises(UsageError, match=message):
        parse_recipe(THETA.replace(old, new), "mine.yaml")


SPIKE_TIMES = """
title: A few steps of one neuron
seed: 3
training: {method: exact-qif-neuron, optimiser: {method: sgd, rate: 0.1}, epochs: 2, steps: 20}
expected: {loss: 100, seconds: 1}
"""


def test_spike_times_are_trained_by_recipe_without_data(tmp_path):
    told = []
    result = train(parse_recipe(SPIKE_TIMES, "small"), progress=told.append)
    assert told[0] == "training 40 steps"
    assert told[-1].startswith("epoch 2 of 2: loss ")
    assert result.score == -result.figures["loss"]
    assert result.measure is None
    assert set(result.inputs) == set(result.network.inputs)
    verify(result.network)
    other = train(parse_recipe(SPIKE_TIMES, "small"), seed=4)
    assert digest(other.inputs["inputs"]) != digest(result.inputs["inputs"])


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (SPIKE_TIMES, "seed: 3", "seed: 3\ndata: digits", "names a data set, but exact-qif-neuron draws"),
        (SPIKE_TIMES, "loss: 100", "accuracy: 1", "a loss and no accuracy"),
        (SPIKE_TIMES, "loss: 100", "loss: 100, accuracy: 1", "a loss and no accuracy"),
        (SPIKE_TIMES, "rate: 0.1", "rate: 0.1, clip: 0", "clip 0"),
        (SPIKE_TIMES, "steps: 20", "steps: 20, targets: [1.0]", "within the duration"),
        (SPIKE_TIMES, "exact-qif-neuron", "exact-qif-rnn, neurons: 1", "2 of 1 neurons have a target rate"),
        (THETA, "data: digits", "", "names no data set, but exact-theta needs one"),
        (THETA, "accuracy: 0.1, ", "", "an accuracy and no loss"),
        (THETA, "accuracy: 0.1", "accuracy: 0.1, loss: 1", "an accuracy and no loss"),
    ],
)
def test_recipes_with_and_without_data_are_told_apart(text, old, new, message):
    with pytest.raises(UsageError, match=message):
        parse_recipe(text.replace(old, new), "mine.yaml")


def test_a_sampled_network_is_measured_on_other_samples():
    result = train(parse_recipe(SMALL, "small"))
    assert 0.5 < result.measure(load_dataset("digits:test"))["accuracy"] < 1
    assert result.score < 0


def test_a_recipe_of_ones_own_is_read_from_its_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL)
    assert load_recipe(str(path)).title == "A small one"


@pytest.mark.parametrize("name", ["digit-sampled", "no/such.yaml", "../recipes/digits-sampled", ""])
def test_an_unknown_recipe_is_told_what_exists(name):
    with pytest.raises(UsageError, match="digits-sampled"):
        load_recipe(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden: 16", "hiden: 16", r"training.hiden: Unexpected"),
        ("hidden: 16", "hidden: many", r"training.hidden: .*integer"),
        ("hidden: 16", "hidden: 0", "1 or more"),
        ("sampled-ramp", "magic", r"training: .*'magic'.*'sampled-ramp', 'sampled-cuba', 'sampled-series'"),
        ("seed: 7", "seed: -1", "seed is -1"),
        ("seed: 7", "", "seed: Field required"),
        ("seed: 7", "seed: 7\nepochs: 3", "epochs: Unexpected"),
        ("accuracy: 0.7", "accuracy: 70", "between 0 and 1"),
        ("title:", "title: [", "not valid YAML"),
    ],
)
def test_a_recipe_with_a_fault_is_refused_by_name(old, new, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_recipe(SMALL.replace(old, new), "mine.yaml")
    assert "recipe mine.yaml" in str(caught.value)


def test_all_faults_of_a_recipe_are_told_at_once():
    text = SMALL.replace("seed: 7", "seed: x").replace("gain: 1.0", "gain: high")
    with pytest.raises(UsageError, match=r"seed: .*training.gain: "):
        parse_recipe(text, "mine.yaml")


def test_a_recipe_that_is_no_table_is_refused():
    with pytest.raises(UsageError, match="no table"):
        parse_recipe("- 1", "mine.yaml")


def test_unknown_data_are_refused_when_the_training_starts():
    with pytest.raises(UsageError, match="digits:train"):
        train(parse_recipe(SMALL.replace("data: digits", "data: letters"), "mine.yaml"))

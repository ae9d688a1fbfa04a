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
    for name in recipe_names():
        assert load_recipe(name).title


def test_digits_are_read_as_well_as_the_recipe_says():
    recipe = load_recipe("digits-sampled")
    trained = sampled_network(
        load_dataset(f"{recipe.data}:train"), recipe.training, np.random.default_rng(recipe.seed)
    )
    test = load_dataset(f"{recipe.data}:test")
    accuracy = np.mean(trained.scores(test.samples).argmax(axis=1) == test.labels)
    assert accuracy >= 0.975
    assert accuracy == pytest.approx(recipe.expected.accuracy, abs=recipe.expected.tolerance)


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
    assert 0.5 < result.figures["held_out_accuracy"] < 1
    assert 0 < result.figures["hidden_spike_share"] < 1
    assert result.seconds > 0


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
        ("sampled-ramp", "magic", r"training.method: .*'sampled-ramp'"),
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

"""`spikec train` as a user meets it: seeds, checkpoints, data folders, errors."""

import json

import numpy as np
import pytest

from spikec.container import digest, load
from spikec.events import Events
from spikec.ir.network import Network
from spikec.report.plots import curves
from spikec.result import RunResult
from spikec_train.qif_gradient import run
from spikec_train.qif_training import train_qif
from spikec_train.recipes import load_recipe, train

RECIPE = """
title: A small theta network
data: digits
seed: 5
training:
  method: exact-theta
  hidden: [8]
  optimiser: {method: adabelief, rate: 0.02}
  epochs: 2
  batch: 200
expected: {accuracy: 0.1, tolerance: 0.1, seconds: 1}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    return path


def test_what_a_training_lacks_of_its_promise_is_told(spikec_says, recipe, tmp_path):
    recipe.write_text(RECIPE.replace("accuracy: 0.1, tolerance: 0.1", "accuracy: 1.0, tolerance: 0.01"))
    found = json.loads(spikec_says("train", recipe, "-o", tmp_path / "net.npz", "--json"))
    got = 100 * found["accuracy"]["test"]
    assert found["shortfall"] == f"the recipe promises 99.00 % right or more, but this is {got:.2f} %"
    assert "promises 99.00 %" in " ".join(spikec_says("train", recipe, "-o", tmp_path / "net.npz").split())


def test_one_seed_gives_its_figures_and_its_network(spikec_says, recipe, tmp_path):
    found = json.loads(spikec_says("train", recipe, "-o", tmp_path / "net.npz", "--json"))
    assert found["seed"] == 5
    assert {"seconds", "loss", "accuracy", "output"} <= set(found)
    assert set(found["accuracy"]) == set(found["loss"]) == {"train", "test"}
    assert found["seconds"]["train"] > 0
    assert "mean" not in found
    assert found["shortfall"] is None
    expected = train(load_recipe(str(recipe)))
    assert digest(load(tmp_path / "net.npz", Network)) == digest(expected.network)


def test_without_an_output_there_are_figures_and_no_file(spikec_says, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = json.loads(spikec_says("train", recipe, "--json"))
    assert found["output"] is None
    assert 0 <= found["accuracy"]["test"] <= 1
    assert [p.name for p in tmp_path.iterdir()] == [recipe.name]


def test_of_several_seeds_the_one_with_the_lowest_training_loss_is_kept(spikec_says, recipe, tmp_path):
    out = tmp_path / "net.npz"
    found = json.loads(spikec_says("train", recipe, "-o", out, "--seed", 2, "--seeds", 3, "--json"))
    assert [r["seed"] for r in found["seeds"]] == [2, 3, 4]
    losses = [r["loss"]["train"] for r in found["seeds"]]
    best = int(np.argmin(losses))
    assert found["seed"] == 2 + best
    assert found["loss"]["train"] == losses[best]
    accuracies = [r["accuracy"]["test"] for r in found["seeds"]]
    assert found["mean"]["accuracy"]["test"] == pytest.approx(np.mean(accuracies), rel=1e-12)
    expected = train(load_recipe(str(recipe)), seed=2 + best)
    assert digest(load(out)) == digest(expected.network)


def test_a_table_shows_each_seed_and_the_mean(spikec_says, recipe, tmp_path):
    out = spikec_says("train", recipe, "-o", tmp_path / "net.npz", "--seeds", 2)
    for word in ("figure", "mean", "seed 5", "seed 6", "accuracy.test"):
        assert word in out


def test_each_seed_has_a_checkpoint_of_its_own(spikec_says, recipe, tmp_path):
    state = tmp_path / "state.npz"
    first = json.loads(
        spikec_says("train", recipe, "-o", tmp_path / "a.npz", "--seeds", 2, "--checkpoint", state, "--json")
    )
    assert not state.exists()
    assert (tmp_path / "state.5.npz").exists()
    assert (tmp_path / "state.6.npz").exists()
    again = json.loads(
        spikec_says("train", recipe, "-o", tmp_path / "b.npz", "--seeds", 2, "--checkpoint", state, "--json")
    )
    first.pop("output")
    again.pop("output")
    assert first == again
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_checkpoint_of_another_seed_is_refused_in_one_line(spikec_says, recipe, tmp_path):
    state = tmp_path / "state.npz"
    spikec_says("train", recipe, "-o", tmp_path / "a.npz", "--checkpoint", state)
    told = spikec_says(
        "train", recipe, "-o", tmp_path / "b.npz", "--seed", 6, "--checkpoint", state, code=2
    ).strip()
    assert told.startswith("spikec: checkpoint")
    assert "another training" in told
    assert "\n" not in told
    assert not (tmp_path / "b.npz").exists()


def test_data_that_do_not_ship_are_asked_for_in_one_line(spikec_says, tmp_path, monkeypatch):
    monkeypatch.delenv("SPIKEC_DATA", raising=False)
    told = spikec_says("train", "mnist-theta", "-o", tmp_path / "n.npz", code=2)
    assert "in SPIKEC_DATA, or to `spikec train` with --data-dir" in told
    assert "put mnist.npz, or train-images-idx3-ubyte and train-labels-idx1-ubyte" in told
    told = spikec_says("train", "mnist-theta", "-o", tmp_path / "n.npz", "--data-dir", tmp_path, code=2)
    assert f"there is no MNIST in {tmp_path}" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seeds", 0), "0 seeds"),
        (("--seed", -1), "seed is -1"),
        (("-o", "no/such/folder/net.npz"), "there is no folder"),
    ],
)
def test_what_cannot_work_is_refused_before_the_training(spikec_says, recipe, tmp_path, words, message):
    assert message in spikec_says("train", recipe, "-o", tmp_path / "net.npz", *words, code=2)
    assert not (tmp_path / "net.npz").exists()


SPIKE_TIMES = """
title: A few steps of the recurrent task
seed: 3
training:
  method: exact-qif-rnn
  optimiser: {method: adabelief, rate: 0.01}
  epochs: 2
  steps: 20
expected: {loss: 1, seconds: 1}
"""


@pytest.fixture
def spike_times(tmp_path):
    path = tmp_path / "times.yaml"
    path.write_text(SPIKE_TIMES)
    return path


def test_input_spikes_are_written_beside_a_network_that_has_no_data_and_run_replays_the_training(
    spikec_says, spike_times, tmp_path
):
    out, result = tmp_path / "rnn.npz", tmp_path / "result.npz"
    found = json.loads(spikec_says("train", spike_times, "-o", out, "--json"))
    assert found["inputs"] == str(tmp_path / "rnn.inputs.npz")
    assert {"loss", "targets", "targets_matched", "largest_error", "mean_error", "seconds"} <= set(found)
    assert not any(name.startswith("test_") for name in found)
    spikec_says("run", out, "--input", found["inputs"], "-o", result)
    replayed = load(result, RunResult).spikes["neurons"]
    expected = train_qif(load_recipe(str(spike_times)).training, 3)
    trial = run(expected.task.model, expected.parameters, expected.task.targets)
    assert replayed.n_events == found["spikes"] > 0
    np.testing.assert_array_equal(replayed.neurons, trial.spike_neurons)
    np.testing.assert_allclose(replayed.times, 0.01 * trial.spike_times, rtol=1e-9)


def test_of_several_seeds_the_inputs_of_the_best_are_kept(spikec_says, spike_times, tmp_path):
    out = tmp_path / "rnn.npz"
    found = json.loads(spikec_says("train", spike_times, "-o", out, "--seeds", 3, "--json"))
    losses = [r["loss"] for r in found["seeds"]]
    assert found["seed"] == 3 + int(np.argmin(losses))
    assert found["mean"]["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    kept = load(tmp_path / "rnn.inputs.npz")["inputs"]
    assert isinstance(kept, Events)
    expected = train_qif(load_recipe(str(spike_times)).training, found["seed"]).inputs["inputs"]
    assert digest(kept) == digest(expected)


def test_a_table_of_several_seeds_says_where_the_inputs_are(spikec_says, spike_times, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = spikec_says("train", spike_times, "-o", "rnn.npz", "--seeds", 2)
    for word in ("rnn.inputs.npz", "targets_matched", "seed 4"):
        assert word in out


def test_spike_times_have_checkpoints_and_no_data_folder(spikec_says, spike_times, tmp_path):
    state = tmp_path / "state.npz"
    spikec_says("train", spike_times, "-o", tmp_path / "a.npz", "--checkpoint", state)
    spikec_says("train", spike_times, "-o", tmp_path / "b.npz", "--checkpoint", state)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    told = spikec_says("train", spike_times, "-o", tmp_path / "c.npz", "--data-dir", tmp_path, code=2)
    assert "leave out --data-dir" in told


def test_training_curves_are_drawn_a_line_a_seed(spikec_says, recipe, tmp_path, monkeypatch):
    from spikec.commands import train as command

    drawn = []
    monkeypatch.setattr(
        command, "curves", lambda losses, *rest: drawn.append(losses) or curves(losses, *rest)
    )
    spikec_says(
        "train", recipe, "-o", tmp_path / "net.npz", "--seeds", "2", "--plot", tmp_path / "curves.png"
    )
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    ((first, second),) = drawn
    assert (first[0], second[0]) == ("seed 5", "seed 6")
    np.testing.assert_array_equal(first[1], train(load_recipe(str(recipe))).losses)
    assert first[1].shape == (2,)


def test_curves_that_cannot_be_drawn_leave_nothing_behind(spikec_says, recipe, tmp_path):
    net, plot = tmp_path / "net.npz", tmp_path / "curves.png"
    assert "one step" in spikec_says("train", "digits-sampled", "-o", net, "--plot", plot, code=2)
    assert ".png, .svg, .pdf" in spikec_says("train", recipe, "-o", net, "--plot", "curves.jpg", code=2)
    assert "no folder" in spikec_says("train", recipe, "-o", net, "--plot", tmp_path / "no" / "c.png", code=2)
    assert list(tmp_path.iterdir()) == [recipe]


def test_a_checkpoint_without_a_folder_is_refused_before_any_training(spikec_says, recipe, tmp_path):
    message = spikec_says(
        "train", recipe, "-o", tmp_path / "net.npz", "--checkpoint", tmp_path / "none" / "c.npz", code=2
    )
    assert "to write c.npz to; make it first" in message


def test_other_data_can_be_named_and_nothing_is_promised_of_them(spikec_says, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((300, 4), np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.uint8)
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=x[:200], y_train=y[:200], x_test=x[200:], y_test=y[200:])
    found = json.loads(
        spikec_says("train", "yinyang-sampled", "--data", path, "-o", tmp_path / "net.npz", "--json")
    )
    assert found["accuracy"]["test"] > 0.9
    assert found["shortfall"] is None
    shown = spikec_says("train", "yinyang-sampled", "--data", path)
    assert "mine.npz" in shown
    assert "as expected" not in shown
    ran = json.loads(spikec_says("run", tmp_path / "net.npz", "--data", f"{path}:test", "--json"))
    assert ran["accuracy"] == pytest.approx(found["accuracy"]["test"])
    assert "leave out --data" in spikec_says("train", "single-neuron", "--data", path, code=2)
    assert "there is no data set" in spikec_says("train", "yinyang-sampled", "--data", "mine", code=2)
    assert f"give {path}:train or" in spikec_says("run", tmp_path / "net.npz", "--data", path, code=2)
    assert "no array x_train" in spikec_says("train", "yinyang-sampled", "--data", f"{tmp_path}/", code=2)

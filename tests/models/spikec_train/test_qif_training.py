"""Spike times from a recipe to a `Network` that other engines run."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.backend import run as run_backend
from spikec.container import digest
from spikec.errors import UsageError
from spikec.inputs import default_until
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_train.exact_gradient import train
from spikec_train.optimisers import AdaBelief, Sgd
from spikec_train.qif_gradient import run
from spikec_train.qif_training import SpikeTimeProblem, train_qif
from spikec_train.recipes import load_recipe
from spikec_train.recipes import train as train_recipe
from spikec_train.spike_time_tasks import ExactQifNeuron, ExactQifRnn

NEURON = ExactQifNeuron(optimiser=Sgd(rate=0.1, clip=0.02), epochs=4, steps=50)
RNN = ExactQifRnn(optimiser=AdaBelief(rate=0.01, decay_steps=2000), epochs=6, steps=50)


@pytest.fixture(scope="module", params=[NEURON, RNN], ids=["neuron", "rnn"])
def trained(request):
    return train_qif(request.param, seed=0)


def engine_spikes(made, backend):
    """What `spikec run` does, without saying how long to run."""
    program = Program(made.network, load_target("ideal"))
    result = run_backend(backend, program, made.inputs, default_until(program, made.inputs))
    return result.spikes["neurons"]


def test_training_lowers_the_loss(trained):
    losses = trained.training.losses
    assert losses.shape == (trained.options.epochs,)
    assert trained.figures()["loss"] < losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=["cpu", "reference"])
def test_other_engines_replay_the_spikes_that_the_training_saw(trained, backend):
    spikes = engine_spikes(trained, backend)
    found = run(trained.task.model, trained.parameters, trained.task.targets)
    assert spikes.n_events > 0
    np.testing.assert_array_equal(spikes.neurons, found.spike_neurons)
    np.testing.assert_allclose(spikes.times, found.spike_times * trained.options.tau, rtol=1e-9)


def test_the_input_lasts_as_long_as_the_trial(trained):
    program = Program(trained.network, load_target("ideal"))
    assert default_until(program, trained.inputs) == pytest.approx(0.1, rel=1e-15)


def test_the_network_is_what_was_trained(trained):
    network = verify(trained.network)
    parts = trained.task.model.split(trained.parameters)
    neuron = network.population("neurons").neuron
    assert float(neuron.tau) == 0.01
    np.testing.assert_array_equal(neuron.v_init, parts.v)
    np.testing.assert_array_equal(neuron.i_init, parts.current)
    weights = network.projections[0].connectivity.dense_matrix()
    np.testing.assert_array_equal(weights.T.sum(axis=1), parts.input_weights)
    assert network.projections[0].connectivity.n_synapses == parts.input_weights.size
    if trained.task.model.n_neurons > 1:
        recurrent = network.projections[1].connectivity
        np.testing.assert_array_equal(recurrent.dense_matrix().T, parts.weights)
        assert recurrent.n_synapses == 90
        assert np.count_nonzero(parts.weights) > 80
    assert network.outputs == ("neurons",)


def test_figures_are_those_of_the_spikes_of_another_engine(trained):
    spikes = engine_spikes(trained, ReferenceBackend())
    figures, targets = trained.figures(), trained.task.targets
    matched = surplus = n_targets = 0
    for neuron in np.unique(targets.neurons):
        wanted = targets.times[(targets.neurons == neuron) & ~targets.one_sided] * 0.01
        own = spikes.times[spikes.neurons == neuron]
        n = min(own.size, wanted.size)
        matched += np.count_nonzero(np.abs(own[:n] - wanted[:n]) < 0.001)
        surplus += max(own.size - wanted.size, 0)
        n_targets += wanted.size
    assert figures["targets"] == n_targets
    assert figures["targets_matched"] == matched
    assert figures["surplus_spikes"] == surplus
    assert figures["spikes"] == spikes.n_events
    assert 0 < figures["mean_error"] <= figures["largest_error"]


@pytest.mark.parametrize("options", [NEURON, RNN])
def test_an_interrupted_training_gives_the_same_network(options, tmp_path):
    def interrupt(sentence):
        if sentence.startswith("epoch 2 "):
            raise KeyboardInterrupt

    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        train_qif(options, 3, path, interrupt)
    again, through = train_qif(options, 3, path), train_qif(options, 3)
    assert digest(again.network) == digest(through.network)
    for name, events in through.inputs.items():
        assert digest(again.inputs[name]) == digest(events)
    np.testing.assert_array_equal(again.training.losses, through.training.losses)


def test_a_checkpoint_of_another_task_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    once = replace(RNN, epochs=1)
    train_qif(once, 3, path)
    for options, seed in ((once, 4), (replace(once, offset=0.03), 3), (replace(once, steps=51), 3)):
        with pytest.raises(UsageError, match="another training"):
            train_qif(options, seed, path)
    train_qif(replace(once, epochs=2), 3, path)  # more of the same


def test_trained_input_spikes_stay_in_the_trial():
    options = replace(NEURON, optimiser=Sgd(rate=1000.0, clip=0.02), epochs=1)
    made = train_qif(options, 1)
    times = made.task.model.split(made.parameters).times
    assert 0 <= times.min() <= times.max() <= 10
    assert np.isin(times[-2:], [0.0, 10.0]).any()


def test_the_gradient_is_that_of_what_may_change():
    problem = SpikeTimeProblem(RNN, RNN.task(np.random.default_rng(0)))
    parameters = problem.initial(np.random.default_rng(0))
    loss, gradient = problem.gradient(parameters, np.zeros(1, int), np.random.default_rng(0))
    for i in (0, 37, 91, 105):
        h = np.zeros(parameters.size)
        h[i] = 1e-5
        up, down = (problem.gradient(parameters + d, np.zeros(1, int), None)[0] for d in (h, -h))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-8)
    assert loss == problem.gradient(parameters, np.zeros(1, int), None)[0]


def test_a_training_that_diverges_says_so():
    wild = replace(RNN, optimiser=Sgd(rate=1e9))
    with pytest.raises(UsageError, match=r"explodes|the loss is|diverged"):
        train_qif(wild, 0)


def test_the_state_of_a_training_holds_only_what_may_change():
    done = train(SpikeTimeProblem(NEURON, NEURON.task(np.random.default_rng(1))), NEURON.optimiser, 1, 1, 1)
    assert done.parameters.shape == (4,)


@pytest.mark.parametrize("name", ["single-neuron", "rnn-spike-times"])
def test_the_recipes_do_what_they_promise(name):
    """Both in full, for they take two seconds."""
    recipe = load_recipe(name)
    made = train_recipe(recipe)
    assert made.figures["loss"] <= recipe.expected.loss
    assert made.figures["targets_matched"] == made.figures["targets"] > 1
    assert made.figures["surplus_spikes"] == 0


def test_the_recipes_are_the_published_ones():
    """Of the authors' notebooks single.ipynb and rnn.ipynb, their unit of time taken as 10 ms."""
    one, rnn = (load_recipe(n).training for n in ("single-neuron", "rnn-spike-times"))
    assert replace(one, epochs=4, steps=50) == NEURON
    assert replace(rnn, epochs=6, steps=50) == RNN
    assert (one.epochs * one.steps, rnn.epochs * rnn.steps) == (3000, 10000)
    assert (rnn.optimiser.b1, rnn.optimiser.b2) == (0.9, 0.999)

"""Layers behind others, fitted to the spikes that integers give, come nearer; proofs and promises stay."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.calibration import calibrate
from spikec.compare import compare
from spikec.execute import execute
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.bounds import current_bounds, once_spiking
from spikec.passes.base import run_pipeline
from spikec.passes.correct_bias import biased
from spikec.passes.crossings import crossings
from spikec.passes.pipelines import CompileOptions, compile_network, loihi
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.refit_layers import RefitLayers
from spikec.passes.replay import held_out, replay
from spikec.program import Program
from spikec.targets.rules import check_all
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

LOIHI2, CPU = load_target("loihi2"), find_backend("cpu")


@cache
def _trained(*hidden):
    recipe = load_recipe("digits-sampled")
    network = train(replace(recipe, training=replace(recipe.training, hidden=hidden)), 0).network
    data = load_dataset("digits:train:500")
    return network, *(
        calibrate(network, CPU, encode_samples(network, data.samples[part]), data.labels[part])
        for part in (slice(0, 400), slice(400, 500))
    )


def _before_and_after_weights(network, found, bits):
    passes = loihi(CompileOptions(bits=bits, calibration=found))
    at = next(k for k, p in enumerate(passes) if isinstance(p, QuantizeWeights))
    real = run_pipeline(Program(network, LOIHI2), passes[:at])
    return real, run_pipeline(real, passes[at : at + 1])


def _late(program, name, ticks):
    """A population that spikes about so many ticks late where its membrane rises by 1/16 of its threshold."""
    p = program.network.population(name)
    neuron = biased(p.neuron, np.full(p.n, -ticks / 16), program.n_ticks, LOIHI2.formats)
    return replace(program, network=program.network.with_populations({name: replace(p, neuron=neuron)}))


def _misses(program, fresh, name):
    """By how many ticks first spikes of a population are off on unseen samples, root mean square."""
    run = replay(program, fresh, CPU)
    wanted = fresh.first_times(name) / program.network.dt + program.late[name]
    off = np.minimum(run.spikes[name].first_times(), run.n_ticks) - np.minimum(wanted, run.n_ticks)
    return np.sqrt(np.mean(off**2))


def test_a_layer_makes_up_for_one_before_it_that_spikes_late():
    network, found, fresh = _trained(32, 24)
    real, program = _before_and_after_weights(network, found, 6)
    spoilt = _late(program, "hidden1", 2)
    assert _misses(spoilt, fresh, "hidden2") > 2 * _misses(program, fresh, "hidden2")
    repaired = RefitLayers(real, found, CPU).apply(spoilt)
    assert _misses(repaired, fresh, "hidden2") < 0.6 * _misses(spoilt, fresh, "hidden2")
    figures = repaired.log[-1].figures
    assert figures["hidden2.rows_refitted"] > 12
    assert figures["hidden2.error_after"] < 0.9 * figures["hidden2.error_before"]
    assert repaired.network.population("hidden1").neuron is spoilt.network.population("hidden1").neuron


def test_of_three_layers_each_is_fitted_behind_the_ones_that_were():
    network, found, fresh = _trained(24, 24, 24)
    real, program = _before_and_after_weights(network, found, 2)
    repaired = RefitLayers(real, found, CPU).apply(program)
    for name in ("hidden2", "hidden3"):
        assert _misses(repaired, fresh, name) < _misses(program, fresh, name)


def test_limits_proofs_and_promises_are_kept():
    network, found, _ = _trained(32, 24)
    real, program = _before_and_after_weights(network, found, 2)
    repaired = RefitLayers(real, found, CPU).apply(program)
    assert "hidden2.rows_refitted" in repaired.log[-1].figures
    assert not check_all(repaired)
    assert {"hidden1", "hidden2"} <= set(once_spiking(repaired.network, repaired.n_ticks))
    assert max(b.share for b in current_bounds(repaired.network, repaired.n_ticks).values()) < 1


def test_behind_the_input_alone_there_is_nothing_to_fit():
    network, found, _ = _trained(16)
    real, program = _before_and_after_weights(network, found, 2)
    kept = RefitLayers(real, found, CPU).apply(program)
    assert kept.network is program.network
    assert kept.log[-1].lossless


def test_arrivals_are_those_of_the_integers_where_there_are_any():
    network, found, _ = _trained(16, 12)
    real, program = _before_and_after_weights(network, found, 3)
    run = replay(program, found, CPU)
    seen = crossings(real, real.network.population("hidden2"), found, run.spikes)
    first = run.spikes["hidden1"].first_times()
    at = seen.names.index("hidden1-hidden2")
    before = sum(real.network.projection(name).connectivity.n_pre for name in seen.names[:at])
    arrived = seen.arrivals[:, before : before + 16]
    np.testing.assert_array_equal(arrived, np.minimum(first + 1, real.n_ticks))


@pytest.mark.parametrize("bits", [2, 3])
def test_deep_repaired_networks_are_the_same_everywhere(bits):
    network, found, _ = _trained(32, 24)
    program = compile_network(network, LOIHI2, CompileOptions(bits=bits, calibration=found, repair=CPU))
    steps = [e.step for e in program.log]
    assert steps.index("correct-bias") < steps.index("refit-layers") < steps.index("refit-readout")
    assert any("rows_refitted" in key for e in program.log for key in e.figures)
    inputs = {name: e.select(0, 10) for name, e in found.inputs.items()}
    inputs = in_own_time(program.network, inputs)
    runs = [execute(program, find_backend(name), inputs) for name in ("reference", "cpu", "lava")]
    assert compare(runs[0], runs[1]).identical
    assert compare(runs[1], runs[2]).identical


def test_what_it_says_of_held_out_samples_is_what_they_do():
    network, found, _ = _trained(32, 24)
    real, program = _before_and_after_weights(network, found, 2)
    repaired = RefitLayers(real, found, CPU).apply(program)
    decides = np.flatnonzero(held_out(found.n_samples))
    wanted = found.first_times("hidden2") / real.network.dt + real.late["hidden2"]
    for key, p in (("hidden2.error_before", program), ("hidden2.error_after", repaired)):
        run = replay(p, found, CPU)
        off = np.minimum(run.spikes["hidden2"].first_times(), run.n_ticks) - np.minimum(wanted, run.n_ticks)
        assert repaired.log[-1].figures[key] == pytest.approx(np.sqrt(np.mean(off[decides] ** 2)))

"""Certificates: no certified class changes, on real weights, on integers, or on the way between them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend, run
from spikec.calibration import calibrate
from spikec.certificate import certify
from spikec.coding import Decoding, LatencyEncoding, Readout, decode
from spikec.errors import UsageError
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.connectivity import Dense, one_to_one
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaTicks, LiReadout, Ramp, Source
from spikec.passes.base import run_pipeline
from spikec.passes.pipelines import CompileOptions, compile_network, loihi
from spikec.passes.quantize_and_repair import QuantizeAndRepair
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe, train

NETS = Path(__file__).parents[2] / "models" / "nets"
WINDOW = 0.01
RECIPE = load_recipe("digits-sampled")


def _both(network, bits, rounding=Rounding.FEEDBACK, dt=None):
    passes = loihi(CompileOptions(dt=dt))
    at = next(i for i, p in enumerate(passes) if isinstance(p, QuantizeWeights))
    real = run_pipeline(Program(network, load_target("loihi2")), passes[:at])
    return real, QuantizeWeights(bits, rounding).apply(real)


def _answers(program, inputs):
    decoding = program.network.decoding
    record = () if decoding.record is None else (decoding.record,)
    found = run(find_backend("reference"), program, inputs, program.n_ticks, record)
    membrane = found.traces[decoding.record] if decoding.record else None
    return decode(decoding, found.spikes[decoding.population], membrane), found


def _between(real, program, part):
    """The real network with weights, thresholds and biases a part of the way to the integers."""
    network = real.network
    for p in network.populations:
        if not isinstance(p.neuron, CubaTicks):
            continue
        before = np.broadcast_to(real.scales.get(p.name, np.ones(())), (p.n,))[0]
        scale = program.scales[p.name][0] / before / 64
        fixed = program.network.population(p.name).neuron
        bias = np.floor(np.ldexp(np.asarray(fixed.bias_mant, float), fixed.bias_exp)) / 64 / scale
        threshold = np.asarray(p.neuron.threshold)
        if np.isfinite(threshold).all():
            threshold = threshold * (1 - part) + part * np.asarray(fixed.vth) / scale
        neuron = replace(
            p.neuron,
            bias=np.asarray(p.neuron.bias) * (1 - part) + part * bias,
            threshold=threshold,
        )
        network = network.with_populations({p.name: replace(p, neuron=neuron)})
        for q in real.network.incoming(p.name):
            other = next(f for f in program.network.projections if f.name == q.name)
            goal = other.connectivity.weights.value / scale
            weights = np.asarray(q.connectivity.weights) * (1 - part) + part * goal
            moved = replace(q, connectivity=q.connectivity.with_weights(weights))
            network = network.with_projections({q.name: moved})
    return replace(real, network=network)


def _assert_sound(real, program, inputs):
    found = certify(real, program, inputs)
    certain = found.classes >= 0
    parts = [program, real, _between(real, program, 0.4), _between(real, program, 1.0)]
    for other in parts:
        answers, result = _answers(other, inputs)
        np.testing.assert_array_equal(answers[certain], found.classes[certain])
        for name, earliest in found.earliest.items():
            first = np.minimum(result.spikes[name].first_times(), program.n_ticks)
            assert np.all((earliest <= first) & (first <= found.latest[name])), name
    return found


@pytest.mark.parametrize(("bits", "least"), [(8, 0.95), (6, 0.8), (4, 0.4)])
def test_no_certified_digit_changes_its_class(bits, least):
    recipe = load_recipe("digits-sampled")
    network = train(replace(recipe, training=replace(recipe.training, hidden=64))).network
    real, program = _both(network, bits)
    inputs = encode_samples(real.network, load_dataset("digits:test").samples[:40])
    assert _assert_sound(real, program, inputs).share >= least


@pytest.mark.parametrize("name", ["yinyang-ttfs", "yinyang-ttfs-delays"])
@pytest.mark.parametrize("bits", [8, 5])
def test_no_certified_point_of_yinyang_changes_its_class(name, bits):
    from spikec.frontends import open_trained

    real, program = _both(open_trained(NETS / f"{name}.npz"), bits)
    inputs = encode_samples(real.network, load_dataset("yinyang:test").samples[:30])
    assert _assert_sound(real, program, inputs).share > 0.3


def _random_network(rng, readout):
    """Ramps that spike once, in one or two layers, and a readout or more ramps that answer."""
    sizes = [int(rng.integers(2, 9)), *rng.integers(2, 8, int(rng.integers(1, 3))), int(rng.integers(2, 5))]
    populations = [Population("in", Source(one_spike=True), (sizes[0],))]
    projections = []
    for k, n in enumerate(sizes[1:], 1):
        last = k == len(sizes) - 1
        name, before = f"p{k}", populations[-1]
        if last and readout is Readout.MEMBRANE:
            neuron = LiReadout(bias=rng.normal(0, 1, n))
        else:
            neuron = Ramp(rng.uniform(0.002, 0.03, n), one_spike=True)
        populations.append(Population(name, neuron, (n,)))
        weights = rng.normal(0.5, 1.0, (n, before.n))
        projections.append(Projection(f"q{k}", before.name, name, Dense(weights)))
    return Network(
        populations=tuple(populations),
        projections=tuple(projections),
        inputs=("in",),
        outputs=(populations[-1].name,),
        clock=Continuous(),
        encoding=LatencyEncoding("in", WINDOW, 1.0, True, None, 3 * WINDOW),
        decoding=Decoding(populations[-1].name, readout),
    )


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from([Readout.MEMBRANE, Readout.FIRST]), st.integers(3, 8))
def test_no_certified_sample_of_a_random_network_changes_its_class(seed, readout, bits):
    rng = np.random.default_rng(seed)
    network = _random_network(rng, readout)
    rounding = list(Rounding)[rng.integers(3)]
    real, program = _both(network, bits, rounding, dt=WINDOW / float(rng.integers(5, 20)))
    if program.violations:
        return
    inputs = encode_samples(real.network, rng.random((5, network.populations[0].n)))
    _assert_sound(real, program, inputs)


def test_what_is_exact_in_integers_is_always_certain():
    rng = np.random.default_rng(0)
    network = _random_network(rng, Readout.MEMBRANE)
    real, program = _both(network, 8)
    inputs = encode_samples(real.network, rng.random((20, network.populations[0].n)))
    whole = _between(real, program, 1.0)
    assert certify(whole, program, inputs).share > 0.9


def test_other_networks_are_refused():
    rng = np.random.default_rng(1)
    network = _random_network(rng, Readout.FIRST)
    real, program = _both(network, 8)
    inputs = encode_samples(real.network, rng.random((2, network.populations[0].n)))
    with pytest.raises(UsageError, match="integers"):
        certify(real, real, inputs)
    counts = replace(
        real, network=replace(real.network, decoding=replace(real.network.decoding, readout="count"))
    )
    with pytest.raises(UsageError, match="first spike or by a membrane"):
        certify(counts, program, inputs)
    n = real.network.population("p1").n
    back = Projection("back", "p1", "p1", Dense(np.full((n, n), 0.01)), real.network.projections[0].delays)
    around = replace(real, network=replace(real.network, projections=(*real.network.projections, back)))
    with pytest.raises(UsageError, match="recurrent"):
        certify(around, program, inputs)
    often = real.network.with_populations({"in": replace(real.network.population("in"), neuron=Source())})
    with pytest.raises(UsageError, match="several times"):
        certify(replace(real, network=often), program, inputs)


def test_neurons_that_feed_each_other_are_refused_though_one_by_one():
    rng = np.random.default_rng(2)
    network = _random_network(rng, Readout.FIRST)
    real, program = _both(network, 8)
    p = real.network.population("p1")
    twin = replace(p, name="twin")
    delays = real.network.projections[0].delays
    first = real.network.incoming("p1")[0]
    extra = (
        replace(first, name="also", post="twin"),
        Projection("there", "p1", "twin", one_to_one(p.n, 0.1), delays),
        Projection("back", "twin", "p1", one_to_one(p.n, 0.1), delays),
    )
    both = replace(
        real.network,
        populations=(*real.network.populations, twin),
        projections=(*real.network.projections, *extra),
    )
    inputs = encode_samples(real.network, rng.random((2, network.populations[0].n)))
    with pytest.raises(UsageError, match="feed each other"):
        certify(replace(real, network=both), program, inputs)


def test_compiling_with_data_says_how_many_samples_are_certified():
    network = train(replace(RECIPE, training=replace(RECIPE.training, hidden=32))).network
    inputs = encode_samples(network, load_dataset("digits:test").samples[:30])
    found = calibrate(network, find_backend("cpu"), inputs)
    target = load_target("loihi2")
    program = compile_network(network, target, CompileOptions(calibration=found, certified=20))
    entry = next(e for e in program.log if e.step == "quantize-weights")
    assert 0.8 <= entry.figures["certified_share"] <= 1
    with pytest.raises(UsageError, match="--calibrate"):
        compile_network(network, target, CompileOptions(certified=20))


def test_what_is_certified_after_repair_is_the_repaired_program():
    network = train(replace(RECIPE, training=replace(RECIPE.training, hidden=32))).network
    data, cpu = load_dataset("digits:train:200"), find_backend("cpu")
    found = calibrate(network, cpu, encode_samples(network, data.samples), data.labels)
    passes = loihi(CompileOptions(bits=4, calibration=found, repair=cpu, certified=30))
    at, step = next((k, p) for k, p in enumerate(passes) if isinstance(p, QuantizeAndRepair))
    real = run_pipeline(Program(network, load_target("loihi2")), passes[:at])
    program = step.apply(real)
    inputs = in_own_time(program.network, {name: e.select(0, 30) for name, e in found.inputs.items()})
    right = certify(real, program, inputs).classes == found.predictions[:30]
    told = [(e.step, e.figures["certified_share"]) for e in program.log if "certified_share" in e.figures]
    assert told == [("refit-readout", right.mean())]
    assert right.any()

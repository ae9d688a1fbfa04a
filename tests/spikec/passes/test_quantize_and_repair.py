"""Rounding and repair are judged together: the best that was tried is kept, never less than the weights."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.calibration import calibrate
from spikec.coding import Decoding, LatencyEncoding
from spikec.inputs import encode_samples
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import If, LiReadout, Source
from spikec.passes.base import run_pipeline
from spikec.passes.judgement import same_answers
from spikec.passes.pipelines import CompileOptions, loihi
from spikec.passes.quantize_and_repair import QuantizeAndRepair
from spikec.passes.replay import held_out, replay
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.targets.rules import check_all
from spikec.targets.target import load_target

LOIHI2, CPU = load_target("loihi2"), find_backend("cpu")


def _network(seed=0, readout="first", n=20):
    rng = np.random.default_rng(seed)
    neuron = If(3.0) if readout == "first" else LiReadout(0.03, 0.01)
    return Network(
        (
            Population("in", Source(True), (16,)),
            Population("hidden", If(2.0), (n,)),
            Population("out", neuron, (4,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(rng.uniform(-0.5, 1.0, (n, 16)))),
            Projection("b", "hidden", "out", Dense(rng.uniform(-0.3, 1.0, (4, n)))),
        ),
        ("in",),
        ("out",),
        Continuous(),
        LatencyEncoding("in", 0.008, 1.0, True, None, 0.024),
        Decoding("out", readout),
    )


def _repaired(network, bits, rounding=None, n=160):
    """The step, the program before it, its ways of rounding, what the weights alone are, and what is kept."""
    samples = np.random.default_rng(1).uniform(size=(n, 16))
    found = calibrate(network, CPU, encode_samples(network, samples))
    passes = loihi(CompileOptions(bits=bits, calibration=found, repair=CPU, rounding=rounding))
    at, step = next((k, p) for k, p in enumerate(passes) if isinstance(p, QuantizeAndRepair))
    real = run_pipeline(Program(network, LOIHI2), passes[:at])
    ways = step.weights.ways(real)
    kept = step.weights.chosen(ways)
    return found, kept, step.repaired(real, ways, *kept)


def _same(program, found):
    return same_answers(replay(program, found, CPU), found)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bits", [2, 4])
def test_repair_is_never_below_the_weights_alone(seed, bits):
    found, (_, weights), repaired = _repaired(_network(seed), bits)
    alone, after = _same(weights, found), _same(repaired, found)
    decides = held_out(found.n_samples)
    assert after[decides].sum() >= alone[decides].sum()
    assert after.sum() >= alone.sum()
    assert len(check_all(repaired)) <= len(check_all(weights))


def test_what_is_kept_has_the_share_that_it_is_said_to_have():
    found, _, repaired = _repaired(_network(), 2)
    entry = repaired.log[-1]
    assert entry.step == "quantize-and-repair"
    kept = entry.figures["kept"]
    shares = {key: v for key, v in entry.figures.items() if key.endswith(".same_answers")}
    assert shares[f"{kept}.same_answers"] == pytest.approx(_same(repaired, found).mean())
    assert {f"{r.value}.same_answers" for r in Rounding} <= set(shares)


def test_a_way_of_rounding_that_was_asked_for_is_the_only_one():
    _, _, repaired = _repaired(_network(), 2, Rounding.CLIPPED)
    tried = {key for key in repaired.log[-1].figures if key.endswith(".same_answers")}
    assert tried == {f"{name}.same_answers" for name in ("weights alone", "clipped", "clipped, shifted")}


def test_where_others_cannot_be_clearly_better_none_is_tried():
    """Four samples and no more may be wrong."""
    _, _, repaired = _repaired(_network(), 8, n=4)
    tried = [key for key in repaired.log[-1].figures if key.endswith(".same_answers")]
    assert tried == ["feedback, shifted.same_answers", "weights alone.same_answers"]


def test_a_readout_that_is_solved_anew_judges_itself():
    _, (_, weights), repaired = _repaired(_network(readout="membrane"), 2)
    steps = [e.step for e in repaired.log[len(weights.log) :]]
    assert steps == ["correct-bias", "refit-layers", "refit-readout"]


def test_a_network_that_does_not_say_how_it_answers_is_repaired_without_a_choice():
    _, (_, weights), repaired = _repaired(replace(_network(), decoding=None), 3)
    steps = [e.step for e in repaired.log[len(weights.log) :]]
    assert steps == ["correct-bias", "refit-layers", "refit-readout"]

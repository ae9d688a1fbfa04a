"""Which of several programs is kept: the first, unless another is clearly nearer to the float network."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.backend import find_backend
from spikec.calibration import calibrate
from spikec.coding import Decoding, LatencyEncoding
from spikec.errors import Violation
from spikec.inputs import encode_samples
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import LiReadout, Source
from spikec.passes.judgement import clearly_more, nearest, unexplained
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target

LOIHI2 = load_target("loihi2")


def _network(seed=0):
    weights = np.random.default_rng(seed).normal(0, 1, (3, 8))
    return Network(
        (Population("in", Source(True), (8,)), Population("out", LiReadout(0.03, 0.01), (3,))),
        (Projection("a", "in", "out", Dense(weights)),),
        ("in",),
        ("out",),
        Continuous(),
        LatencyEncoding("in", 0.008, 1.0, True, None, 0.016),
        Decoding("out", "membrane"),
    )


def _found(network, n=200):
    samples = np.random.default_rng(1).uniform(size=(n, 8))
    return calibrate(network, find_backend("cpu"), encode_samples(network, samples))


def _right(n, *wrong):
    return ~np.isin(np.arange(n), wrong)


def test_one_sample_more_is_chance_and_ten_are_not():
    assert not clearly_more(_right(20), _right(20, 3))
    assert clearly_more(_right(20), _right(20, *range(10)))


@given(st.integers(0, 2**32 - 1))
def test_of_two_ways_at_most_one_is_clearly_better(seed):
    a, b = np.random.default_rng(seed).random((2, 60)) < 0.7
    assert not (clearly_more(a, b) and clearly_more(b, a))
    assert not clearly_more(a, a)


def test_a_way_that_changes_more_answers_gives_place_and_one_as_good_does_not():
    network = _network()
    found = _found(network)
    good, other = (compile_network(network, LOIHI2, CompileOptions(bits=b)) for b in (8, 7))
    spoilt = compile_network(_network(5), LOIHI2, CompileOptions(bits=8))
    kept, program, shares = nearest({"spoilt": lambda: spoilt, "good": lambda: good}, found)
    assert kept == "good"
    assert program is good
    assert shares["good"] > shares["spoilt"]
    assert nearest({"other": lambda: other, "good": lambda: good}, found)[0] == "other"


def test_a_program_that_breaks_a_limit_is_left_out():
    network = _network()
    program = compile_network(network, LOIHI2, CompileOptions(bits=8))
    broken = replace(program, violations=(Violation("weights", "a", "2", "1", "none"),))
    kept, _, shares = nearest({"broken": lambda: broken, "whole": lambda: program}, _found(network))
    assert kept == "whole"
    assert list(shares) == ["whole"]


def test_compiling_with_data_says_which_rounding_was_kept_and_why():
    network = _network()
    program = compile_network(network, LOIHI2, CompileOptions(bits=3, calibration=_found(network)))
    (entry,) = (e for e in program.log if e.step == "quantize-weights")
    kept = entry.figures["rounding"]
    shares = [entry.figures[f"rounding.{r}.same_answers"] for r in (kept, "feedback")]
    assert shares[0] >= shares[1]
    assert "kept" in entry.summary


def test_scores_explain_their_multiples_and_not_their_opposites():
    scores = np.random.default_rng(0).normal(size=(30, 4))
    assert unexplained(scores, 3 * scores + 5) == pytest.approx(0)
    assert unexplained(scores, -scores) == pytest.approx(1)

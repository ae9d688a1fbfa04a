"""How bench/growing.py reads its curves, on curves that are made here, and one small run."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikec_train.datasets import load_dataset
from spikec_train.recipes import load_recipe

PATH = Path(__file__).parents[2] / "bench" / "growing.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("growing_bench", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_seed_that_never_was_as_accurate_counts_with_all_it_spent(bench):
    found = [
        [bench.Point(1.0, 10.0, 0.5), bench.Point(2.0, 20.0, 0.9), bench.Point(3.0, 30.0, 0.8)],
        [bench.Point(1.0, 10.0, 0.5), bench.Point(4.0, 40.0, 0.6), bench.Point(6.0, 60.0, 0.7)],
    ]
    told = bench.goal(found, 0.9)
    assert told["reached"] == 1
    assert told["seconds"] == [4.0, 2.0]
    assert told["events"] == [40.0, 20.0]


@pytest.fixture(scope="module")
def small():
    options = replace(load_recipe("yinyang-theta").training, epochs=4, hidden=(8,))
    return options, load_dataset("yinyang:train:300"), load_dataset("yinyang:test:100")


def test_events_are_spikes_at_synapses_there_and_back(bench, small):
    options, data, test = small
    points = bench.trained(options, data, test, "plain", 0)
    assert len(points) == 4
    assert np.all(np.diff([p.events for p in points]) > 0)
    least = 2 * 300 * 8 * 4  # four inputs spike in every sample and reach all hidden neurons
    assert least <= points[0].events <= least + 2 * 300 * 8 * 3  # each of which spikes up to once here


def test_narrow_epochs_cost_less(bench, small):
    plain, grown = (bench.trained(*small, way, 0) for way in ("plain", "growing"))
    assert grown[0].events < 0.5 * plain[0].events
    spent = np.diff([p.events for p in grown])
    assert spent[-1] == pytest.approx(np.diff([p.events for p in plain])[-1], rel=0.3)


def test_judging_costs_something_before_the_first_epoch(bench, small):
    plain, ordered = (bench.trained(*small, way, 0) for way in ("plain", "easy first"))
    assert ordered[0].events - plain[0].events == pytest.approx(300 * 32 * 8, rel=0.2)

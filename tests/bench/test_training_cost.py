"""How bench/training_cost.py reads its curves, on curves that are made here, and one small run."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "bench" / "training_cost.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("training_cost_bench", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_ratio_is_that_of_the_first_point_as_accurate_as_the_goal(bench):
    curve = [bench.Point(1.0, 10.0, 0.5), bench.Point(4.0, 60.0, 0.9), bench.Point(5.0, 70.0, 0.95)]
    assert bench.ratios(curve, bench.Point(2.0, 20.0, 0.9)) == {"seconds": 2.0, "events": 3.0}
    assert bench.ratios(curve, bench.Point(2.0, 20.0, 0.99)) == {"seconds": None, "events": None}
    without_events = [bench.Point(4.0, None, 0.9)]
    assert bench.ratios(without_events, bench.Point(2.0, 20.0, 0.9)) == {"seconds": 2.0, "events": None}


def test_of_two_rates_the_faster_to_the_goal_counts_and_else_the_more_accurate(bench):
    fast = [bench.Point(1.0, None, 0.8), bench.Point(2.0, None, 0.85)]
    good = [bench.Point(1.5, None, 0.8), bench.Point(2.0, None, 0.95)]
    assert bench.rank(fast, 0.8) < bench.rank(good, 0.8)
    assert bench.rank(good, 0.99) < bench.rank(fast, 0.99)


def test_the_mean_of_curves_is_taken_point_by_point(bench):
    (point,) = bench.mean([[bench.Point(1.0, 4.0, 0.5)], [bench.Point(3.0, 8.0, 0.7)]])
    assert (point.seconds, point.events, point.accuracy) == (2.0, 6.0, pytest.approx(0.6))


def test_a_small_run_has_a_row_for_each_method(bench, monkeypatch):
    load = bench.load_dataset
    monkeypatch.setattr(bench, "load_dataset", lambda spec: load(f"{spec}:200"))
    rows = bench.of_task("yinyang", range(1), 1, [1e-2])
    assert [r["method"] for r in rows] == ["sampled", "gradient", "gradient after sampling", "mlp"]
    assert all(0 < r["seconds"] and 0 < r["best"] <= 1 for r in rows)
    start = rows[0]["points"][-1]
    assert rows[2]["points"][0][1:] == start[1:]

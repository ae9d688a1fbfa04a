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


def curve(bench, method, *points):
    return {"task": "yinyang", "method": method, "points": [list(p) for p in points]}


def test_ratios_are_those_of_the_first_points_that_are_as_accurate(bench):
    widths = curve(bench, "sampled", (1.0, 10.0, 0.8), (2.0, 20.0, 0.9))
    gradient = curve(bench, "gradient", (1.0, 10.0, 0.5), (4.0, 60.0, 0.9), (5.0, 70.0, 0.95))
    perceptron = curve(bench, "mlp", (3.0, None, 0.8), (6.0, None, 0.85), (9.0, None, 0.83))
    sampled, descended, mlp = bench.with_ratios([widths, gradient, perceptron])
    assert descended["ratio"] == descended["ratio_at_best"] == {"seconds": 2.0, "events": 3.0}
    assert mlp["ratio"] == {"seconds": None, "events": None}
    assert mlp["ratio_at_best"] == {"seconds": 3.0, "events": None}
    assert (mlp["best"], mlp["accuracy"]) == (0.85, 0.83)
    assert "ratio" not in sampled
    assert sampled["as_gradient"] is None
    assert descended["as_gradient"] == {"seconds": 5.0, "events": 70.0}


def test_any_width_is_that_of_the_first_sampled_network_as_accurate(bench):
    widths = curve(bench, "sampled", (1.0, 10.0, 0.8), (2.0, 20.0, 0.9))
    _, mlp = bench.with_ratios([widths, curve(bench, "mlp", (3.0, None, 0.7), (6.0, None, 0.8))])
    assert mlp["any_width"]["seconds"] == 6.0
    assert mlp["ratio_at_best"]["seconds"] == 3.0


def test_of_two_rates_the_faster_to_the_goal_counts_and_else_the_more_accurate(bench):
    fast = [bench.Point(1.0, None, 0.8), bench.Point(2.0, None, 0.85)]
    good = [bench.Point(1.5, None, 0.8), bench.Point(2.0, None, 0.95)]
    assert bench.rank(fast, 0.8) < bench.rank(good, 0.8)
    assert bench.rank(good, 0.99) < bench.rank(fast, 0.99)


def test_the_mean_of_curves_is_taken_point_by_point(bench):
    (point,) = bench.mean([[bench.Point(1.0, 4.0, 0.5)], [bench.Point(3.0, 8.0, 0.7)]])
    assert (point.seconds, point.events, point.accuracy) == (2.0, 6.0, pytest.approx(0.6))


def test_a_small_run_has_a_curve_for_each_method(bench, monkeypatch):
    load = bench.load_dataset
    monkeypatch.setattr(bench, "load_dataset", lambda spec: load(f"{spec}:200"))
    task = bench.Task("yinyang", 1, 2)
    curves = []
    for method in bench.COLOURS:
        curves.append(bench.curve_of(task, method, range(1), [1e-2, 1e-3], curves))
    rows = bench.with_ratios(curves)
    assert [r["method"] for r in rows] == [
        "sampled", "gradient", "gradient after sampling", "mlp", "mlp, defaults",
    ]  # fmt: skip
    assert [r["rate"] is None for r in rows] == [True, False, False, False, True]
    assert all(0 < r["seconds"] and 0 < r["best"] <= 1 for r in rows)
    begins, start = rows[2]["points"][0], rows[0]["points"][-1]
    assert begins[2] == start[2]
    assert begins[1] == 2 * start[1]  # its sharpness was found with all 200 samples

"""Pictures of runs: what the axes hold, counted from the rows that went in."""

from __future__ import annotations

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec.events import Events, from_rows, no_events
from spikec.report import raster as module
from spikec.report import shown as common
from spikec.report.plots import to_bytes
from spikec.report.raster import raster
from spikec.report.shown import Shown
from spikec.result import RunResult

FACTS = {
    "populations": [
        {"name": "in", "input": True, "spikes": True},
        {"name": "hid", "input": False, "spikes": True},
        {"name": "out", "input": False, "spikes": False},
    ]
}


def events(rows: list[tuple[int, float, int]], n: int, kind: type = float) -> Events:
    samples, times, neurons = zip(*rows, strict=True) if rows else ((), (), ())
    return from_rows(samples, np.array(times, kind), neurons, n_samples=2, n_neurons=n)


def exact(**meta: object) -> RunResult:
    spikes = {
        "in": events([(0, 0.0, 0), (0, 0.001, 1), (1, 0.002, 1)], 2),
        "hid": events([(0, 0.0105, 2), (0, 0.0115, 5), (1, 0.02, 0), (1, 0.03, 0)], 6),
        "out": events([], 3),
    }
    return RunResult(spikes, meta={"until": 0.04, "facts": FACTS, **meta})


def fixed(traces: bool = False, **meta: object) -> RunResult:
    spikes = {
        "in": events([(0, 0, 0), (0, 1, 1), (1, 2, 1)], 2, int),
        "hid": events([(0, 12, 2), (1, 22, 0)], 6, int),
        "out": no_events(2, 3),
    }
    ticks = np.arange(2 * 40 * 6).reshape(2, 40, 6)
    held = {"hid.v": ticks, "out.v": 7 * ticks[..., :3], "out.v.last": ticks[:, -1, :3]} if traces else {}
    told = {"dt": 1e-3, "until": 40, "late_ticks": {"in": 0.0, "hid": 1.5, "out": 1.5}, "facts": FACTS}
    return RunResult(spikes, held, meta={**told, **meta})


def marks(figure, place: int) -> list[np.ndarray]:
    """Positions of the spikes in one strip, a list for each run."""
    return [np.asarray(c.get_offsets()) for c in figure.axes[place].collections]


def names(figure) -> list[str]:
    return [a.texts[-1].get_text() for a in figure.axes]


def test_each_population_has_a_strip_with_the_spikes_of_its_sample_in_milliseconds() -> None:
    figure = raster(Shown(exact()), sample=0)
    assert names(figure) == ["in", "hid", "out"]
    assert [len(marks(figure, k)[0]) for k in range(3)] == [2, 2, 0]
    np.testing.assert_allclose(marks(figure, 1)[0], [[10.5, 2], [11.5, 5]])
    assert len(marks(raster(Shown(exact()), sample=1), 1)[0]) == 2
    assert figure.axes[-1].get_xlabel() == "time (ms)"


def test_ticks_are_drawn_at_the_times_they_stand_for() -> None:
    np.testing.assert_allclose(marks(raster(Shown(fixed())), 1)[0], [[10.5, 2]])
    ticks = raster(Shown(fixed(dt=None)))
    np.testing.assert_allclose(marks(ticks, 1)[0], [[12, 2]])
    assert ticks.axes[-1].get_xlabel() == "tick"


def test_another_run_is_drawn_beside_in_another_colour_and_named() -> None:
    figure = raster(Shown(exact(), "exact.npz"), Shown(fixed(), "fixed.npz"))
    a, b = marks(figure, 1)
    assert (len(a), len(b)) == (2, 1)
    assert a[0, 0] == pytest.approx(b[0, 0])  # 10.5 ms and tick 12, which is 1.5 ticks late
    colours = {tuple(c.get_edgecolor()[0]) for c in figure.axes[1].collections}
    assert len(colours) == 2
    legend = figure.axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["exact.npz", "fixed.npz"]


def test_membranes_are_lines_below_the_spikes() -> None:
    figure = raster(Shown(fixed(traces=True)), sample=1)
    assert names(figure) == ["in", "hid", "hid\nmembrane", "out\nmembrane"]
    lines = [line for line in figure.axes[2].lines if len(line.get_xdata()) == 40]
    assert len(lines) == 6
    np.testing.assert_allclose(lines[4].get_ydata(), np.arange(480).reshape(2, 40, 6)[1, :, 4])
    np.testing.assert_allclose(lines[4].get_xdata(), np.arange(40) - 1.5)


def test_neurons_can_be_chosen() -> None:
    figure = raster(Shown(fixed(traces=True)), neurons={"hid": [3, 1]})
    assert names(figure) == ["in", "hid", "out", "hid\nmembrane"]
    assert [t.get_text() for t in figure.axes[3].get_legend().get_texts()] == ["3", "1"]


def test_membranes_of_continuous_time_lie_on_their_grid() -> None:
    held = {"out.v": np.zeros((2, 5, 3))}
    figure = raster(Shown(RunResult(exact().spikes, held, meta={**exact().meta, "every": 0.01})))
    np.testing.assert_allclose(figure.axes[-1].lines[0].get_xdata(), [0, 10, 20, 30, 40])


def test_what_goes_through_infinity_does_not_flatten_the_rest() -> None:
    v = np.tan(np.linspace(-1.55, 1.55, 101))[None, :, None] * np.ones((2, 1, 3))
    v[0, 0, 0] = -np.inf
    figure = raster(Shown(RunResult(exact().spikes, {"out.v": v}, meta={**exact().meta, "every": 4e-4})))
    low, high = figure.axes[-1].get_ylim()
    assert -40 < low < -5 < 5 < high < 40  # tan 1.55 is 48


def test_the_answer_is_marked_where_it_is_given() -> None:
    meta = {"predictions": [2, 0], "labels": [2, 1], "decoding": {"population": "out", "readout": "count"}}
    figure = raster(Shown(exact(**meta)), sample=0)
    assert "answer 2" in figure.axes[0].get_title(loc="left")
    assert "right is 2" in figure.axes[0].get_title(loc="left")
    assert "2" in [t.get_text() for t in figure.axes[2].texts]
    assert len(figure.axes[2].patches) == 1
    assert not figure.axes[1].patches
    told = {**exact(**meta).meta, "every": 0.01}
    with_membrane = RunResult(exact().spikes, {"out.v": np.zeros((2, 5, 3))}, meta=told)
    legend = raster(Shown(with_membrane), sample=1).axes[-1].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["0, answer", "1", "2"]


def test_what_cannot_be_drawn_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="no sample 2 to draw; the run has samples 0 to 1"):
        raster(Shown(exact()), sample=2)
    with pytest.raises(UsageError, match="no samples"):
        raster(Shown(RunResult({"in": no_events(0, 2)})))
    with pytest.raises(UsageError, match=r"no membrane of in .* only of hid, out; run with --record in\.v"):
        raster(Shown(fixed(traces=True)), neurons={"in": [0]})
    with pytest.raises(UsageError, match=r"no neuron 6 of hid to draw; it has neurons 0 to 5"):
        raster(Shown(fixed(traces=True)), neurons={"hid": [1, 6]})
    with pytest.raises(UsageError, match="unknown length"):
        raster(Shown(exact()), Shown(fixed(dt=None)))


def test_of_very_many_populations_and_spikes_some_are_drawn_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common, "MAX_STRIPS", 1)
    monkeypatch.setattr(module, "MAX_MARKS", 1)
    figure = raster(Shown(exact()))
    assert len(figure.axes) == 1
    assert "2 more populations are not drawn" in figure.axes[0].get_title(loc="left")
    assert len(marks(figure, 0)[0]) == 1


def test_what_the_compiler_added_is_not_drawn_and_that_is_said() -> None:
    run = fixed()
    spikes = {**run.spikes, "hid.relay1": events([(0, 9, 0)], 2, int), "hid.bias": no_events(2, 1)}
    figure = raster(Shown(RunResult(spikes, meta=run.meta)))
    assert names(figure) == ["in", "hid", "out"]
    assert "2 more populations are not drawn" in figure.axes[0].get_title(loc="left")
    unknown = RunResult(spikes, meta={**run.meta, "late_ticks": {}})
    assert names(raster(Shown(unknown))) == list(spikes)
    beside = raster(Shown(unknown, "a"), Shown(exact(), "b"))
    assert names(beside) == ["in", "hid", "out"]
    assert "2 more populations are not drawn" in beside.axes[0].get_title(loc="left")


def test_runs_of_other_networks_are_not_drawn_beside_each_other() -> None:
    other = RunResult({**exact().spikes, "hid": events([(0, 0.0105, 2)], 7)}, meta=exact().meta)
    with pytest.raises(UsageError, match="hid has 6 neurons in one run and 7 in the one beside it"):
        raster(Shown(exact()), Shown(other))
    with pytest.raises(UsageError, match="no population in common"):
        raster(Shown(exact()), Shown(RunResult({"x": events([], 3)})))


def test_names_of_any_kind_are_drawn() -> None:
    nasty = {"$x$ \x1b[31m" * 9: events([(0, 0.1, 0)], 1), "": events([], 1)}
    assert to_bytes(raster(Shown(RunResult(nasty), "a"), Shown(RunResult(nasty), "$b")), "svg")

"""What a sample of benchmark A costs as the work grows: samples, hidden neurons, inputs, ticks, activity.

From 784-256-10 with 5 % activity, 100 ticks and 250 samples one number is changed at a time. Figures are
processor time on one thread, from the raster; every point's output counts are those of plain numpy.

    python bench/curves.py | python bench/table.py
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

from cpu_ticks import program_of
from harness import Case, Work, main
from workloads import TickLayers, tick_layers

AXES: dict[str, tuple[float, ...]] = {
    "samples": (125, 250, 500, 1000),
    "hidden neurons": (64, 128, 256, 512, 1024),
    "inputs": (196, 392, 784, 1568),
    "ticks": (25, 50, 100, 200),
    "activity": (0.01, 0.02, 0.05, 0.1, 0.2),
}
"""A sample has inputs times hidden neurons synapses, and ten for each hidden neuron."""

SAMPLES, QUICK_SAMPLES = 250, 40


def work_at(axis: str, x: float, n_samples: int) -> TickLayers:
    """The network and its input where one number is changed."""
    n_in, n_hidden = (int(x) if axis == name else usual for name, usual in USUAL_SIZES.items())
    samples = round(x * n_samples / SAMPLES) if axis == "samples" else n_samples
    p, ticks = x if axis == "activity" else 0.05, int(x) if axis == "ticks" else 100
    return tick_layers((n_in, n_hidden, 10), p, samples, ticks)


USUAL_SIZES = {"inputs": 784, "hidden neurons": 256}


def prepared(axis: str) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        from spikec.backend import find_backend
        from spikec.rasters import from_raster

        works = [work_at(axis, x, QUICK_SAMPLES if quick else SAMPLES) for x in AXES[axis]]
        engines = [find_backend("cpu", threads=1).prepare(program_of(work)) for work in works]

        def run() -> list[tuple[float, Any]]:
            answers = []
            for work, engine in zip(works, engines, strict=True):
                began = process_time()
                result = engine.run(
                    {"in": from_raster(work.raster)}, work.raster.shape[1] + len(work.weights)
                )
                answers.append((process_time() - began, result.spikes["layer2"]))
            return answers

        def check(answers: list[tuple[float, Any]]) -> dict[str, Any]:
            pairs = zip(works, answers, strict=True)
            exact = [w.agreement(spikes.counts())["exact_samples"] for w, (_, spikes) in pairs]
            return {"answer_ok": min(exact) == 1, "axis": axis, "points": list(AXES[axis])}

        def cost(k: int) -> Callable[[float, Any], float]:
            whole = axis == "samples"  # all of them; else a sample
            return lambda _, answers: 1e6 * answers[k][0] / (1 if whole else works[k].n_samples)

        per = "" if axis == "samples" else "/sample"
        return Work(run, check, {f"us{per} at {x:g} {axis}": cost(k) for k, x in enumerate(AXES[axis])})

    return prepare


CASES = [Case("A", f"curve of {axis}", prepared(axis)) for axis in AXES]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

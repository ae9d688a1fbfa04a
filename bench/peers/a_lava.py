"""Benchmark A in Lava: its own processes (`lava stock`), and our network process in one (`lava fused`).

Both run the package that spikec deploys, in a child process. Its start is not counted: figures are what a run
of many samples took longer than a run of one, wall time by whatever clock. Every spike is the CPU engine's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cpu_ticks import program_of
from harness import Case, Missing, Work, main, per_second
from workloads import N_TICKS, TICK_CASES, tick_layers

N_SAMPLES = {"stock": 11, "fused": 501}
QUICK_SAMPLES = {"stock": 3, "fused": 101}


def prepared(flavour: str) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        from spikec.backend import find_backend
        from spikec.events import same
        from spikec.rasters import from_raster

        n = (QUICK_SAMPLES if quick else N_SAMPLES)[flavour]
        work = tick_layers(*TICK_CASES["784-256-10/5%"], n)
        program, ticks = program_of(work), N_TICKS + len(work.weights)
        inputs = from_raster(work.raster)
        expected = find_backend("cpu", threads=1).prepare(program).run({"in": inputs}, ticks).spikes
        backend = find_backend("lava", flavour=flavour)
        if reason := backend.unavailable():
            raise Missing(reason)
        executable = backend.prepare(program)

        def run() -> tuple[Any, float]:
            one = executable.run({"in": inputs.select(0, 1)}, ticks)
            many = executable.run({"in": inputs}, ticks)
            return many, many.meta["lava_seconds"] - one.meta["lava_seconds"]

        def check(answer: tuple[Any, float]) -> dict[str, Any]:
            spikes = answer[0].spikes
            agreement = work.agreement(spikes[program.network.outputs[0]].counts())
            identical = all(same(spikes[name], e) for name, e in expected.items())
            return {"answer_ok": identical and agreement["exact_samples"] == 1, **agreement}

        return Work(
            run=run,
            check=check,
            figures={"samples/s": lambda _, answer: per_second(n - 1)(answer[1], answer)},
            facts={"samples": n},
        )

    return prepare


CASES = [
    Case("A", "784-256-10/5%", prepared(flavour), simulator=f"lava {flavour}", packages=("numpy", "lava-nc"))
    for flavour in ("stock", "fused")
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

"""Benchmark A: samples a second of feed-forward networks in Loihi arithmetic, on the CPU engine.

The work is that of `workloads.tick_layers`, from its raster; cases `from bits` take what ``numpy.packbits``
made of it before. A hop takes a tick on the chip, so a sample runs as many ticks longer as there are hops. An
answer is right if the output counts of the first 100 samples are those of plain numpy, and every spike of the
first four is that of the reference interpreter.

    python bench/cpu_ticks.py --only A:784-256-10/5%
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from harness import Case, Work, main, per_second
from workloads import N_TICKS, TICK_CASES, TickLayers, tick_layers

if TYPE_CHECKING:
    from spikec.events import Events
    from spikec.program import Program
    from spikec.result import RunResult

COMPARED_SAMPLES = 4


def prepared(name: str, threads: int, from_bits: bool = False) -> Callable[[bool], Work]:
    """A case of `TICK_CASES`, with the given number of threads."""

    def prepare(quick: bool) -> Work:
        from rooflines import tick_floor

        from spikec.backend import find_backend
        from spikec.rasters import from_packed, from_raster

        sizes, p = TICK_CASES[name]
        work = tick_layers(sizes, p, (100 if len(sizes) == 3 else 20) if quick else 1000)
        program, ticks = program_of(work), N_TICKS + len(work.weights)
        executable = find_backend("cpu", threads=threads).prepare(program)
        compared = from_raster(work.raster[: 1 if quick else COMPARED_SAMPLES])
        expected = reference(program, compared, ticks)
        rows = np.packbits(work.raster, axis=2, bitorder="little") if from_bits else None

        def run() -> RunResult:
            spikes = from_raster(work.raster, copy=False)
            if rows is not None:
                spikes = from_packed(rows, work.raster.shape[2], bitorder="little")
            return executable.run({"in": spikes}, ticks)

        return Work(
            run=run,
            check=lambda result: check(work, result, expected),
            figures={"samples/s": per_second(work.n_samples)},
            floor=tick_floor(
                work.weights,
                work.n_samples * work.synaptic_events,
                work.n_samples * work.neuron_updates,
            ),
            facts={
                "samples": work.n_samples,
                "synaptic_events_per_sample": work.synaptic_events,
                "neuron_updates_per_sample": work.neuron_updates,
            },
        )

    return prepare


def program_of(work: TickLayers) -> Program:
    """The network as the engine takes it."""
    from spikec.ir.connectivity import Delays, Dense
    from spikec.ir.fixed_neurons import CubaFixed
    from spikec.ir.fixed_point import Fixed
    from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
    from spikec.ir.neurons import Source
    from spikec.program import Program
    from spikec.targets.target import load_target

    names = ["in", *(f"layer{k}" for k in range(1, len(work.weights) + 1))]
    populations = [Population("in", Source(), (work.weights[0].shape[1],))]
    projections = []
    for pre, name, weights, vth in zip(names, names[1:], work.weights, work.thresholds, strict=False):
        populations.append(Population(name, CubaFixed(du=1023, dv=512, vth=vth), (len(weights),)))
        projections.append(Projection(f"to {name}", pre, name, Dense(Fixed(weights)), Delays(0)))
    network = Network(populations, projections, ("in",), (names[-1],), Ticks(1e-3, LOIHI))
    return Program(network, load_target("loihi2"))


def reference(program: Program, inputs: Events, ticks: int) -> Mapping[str, Events]:
    """Every spike of some samples in the reference interpreter."""
    from spikec.backend import find_backend

    return find_backend("reference").prepare(program).run({"in": inputs}, ticks).spikes


def check(work: TickLayers, result: RunResult, expected: Mapping[str, Events]) -> dict[str, Any]:
    """Whether all counts and spikes that are known are the engine's."""
    from spikec.events import same

    (output,) = (result.spikes[name] for name in list(result.spikes)[-1:])
    agreement = work.agreement(output.counts())
    exact = all(same(result.spikes[name].select(0, e.n_samples), e) for name, e in expected.items())
    return {"answer_ok": exact and agreement["exact_samples"] == 1, **agreement}


CASES = [
    Case("A", name, prepared(name, threads), threads)
    for name in TICK_CASES
    for threads in ((1, 2) if name.endswith("/5%") else (1,))
] + [Case("A", f"{name} from bits", prepared(name, 1, True)) for name in ("784-256-10/5%", "784-256-10/1%")]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

"""Benchmark H: runs in chunks beside the same runs at once, and their peaks at ten times the samples.

The network is benchmark A's 784-256-10 at 5 %, its raster a file. *compute* ends with counts, *to disk* with
all spikes in a result file or folder: files of runs at once are compressed, parts are not. An answer is right
if the output counts of the first 100 samples are those of plain numpy.

    python bench/streaming.py --clock cpu
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from cpu_ticks import program_of
from harness import Case, Work, main, per_second
from workloads import N_CHECKED, N_TICKS, TICK_CASES, tick_layers

if TYPE_CHECKING:
    from spikec.program import Program
    from spikec.result import RunResult

SIZES, RATE = TICK_CASES["784-256-10/5%"]
N_SAMPLES, QUICK_SAMPLES = 1000, 50
CHUNKS = 10
"""Of so many samples; ten times the samples are ten times as many chunks."""

Run = Callable[["Program", Path, int, int, Path], "Iterator[RunResult]"]


def at_once(program: Program, raster: Path, ticks: int, chunk: int, output: Path) -> Iterator[RunResult]:
    """All samples together."""
    yield program.run(raster, ticks=ticks, threads=1)


def in_chunks(program: Program, raster: Path, ticks: int, chunk: int, output: Path) -> Iterator[RunResult]:
    """So many samples at a time."""
    yield from program.stream(raster, ticks=ticks, chunk=chunk, threads=1)


def at_once_to_disk(
    program: Program, raster: Path, ticks: int, chunk: int, output: Path
) -> Iterator[RunResult]:
    """All samples together, and their result as a file."""
    from spikec.container import save

    for result in at_once(program, raster, ticks, chunk, output):
        save(result, output)
        yield result


def in_chunks_to_disk(
    program: Program, raster: Path, ticks: int, chunk: int, output: Path
) -> Iterator[RunResult]:
    """So many samples at a time, and their results as parts of a folder, all hashes included."""
    from shutil import rmtree

    from spikec.container import digest
    from spikec.streaming.inputs import open_events
    from spikec.streaming.store import Identity, ResultFolder

    source, first = open_events(raster, program.network), 0
    rmtree(output, ignore_errors=True)
    folder = ResultFolder(output, Identity(digest(program), source.identity(), {}, source.n_samples))
    for result in in_chunks(program, raster, ticks, chunk, output):
        folder.append(first, result)
        first += result.spikes["in"].n_samples
        yield result
    folder.close()


def prepared(run: Run, times: int = 1) -> Callable[[bool], Work]:
    """A way to run the samples, so many times over."""

    def prepare(quick: bool) -> Work:
        n = QUICK_SAMPLES if quick else N_SAMPLES
        work = tick_layers(SIZES, RATE, n)
        program, ticks = program_of(work), N_TICKS + len(work.weights)
        folder = TemporaryDirectory(prefix="spikec-bench-streaming-")
        raster = Path(folder.name, "raster.npy")
        stored = np.lib.format.open_memmap(raster, "w+", np.uint8, (times * n, *work.raster.shape[1:]))
        for k in range(times):
            stored[k * n : (k + 1) * n] = work.raster
        stored.flush()
        del stored

        def outputs() -> tuple[int, Any]:
            """How many samples ran, and the output counts of the first."""
            done, counts = 0, []
            for result in run(program, raster, ticks, n // CHUNKS, Path(folder.name, "result")):
                output = list(result.spikes.values())[-1]
                if done < N_CHECKED:
                    counts.append(output.counts())
                done += output.n_samples
            return done, np.concatenate(counts)

        def check(answer: tuple[int, Any]) -> dict[str, Any]:
            agreement = work.agreement(answer[1])
            return {"answer_ok": answer[0] == times * n and agreement["exact_samples"] == 1, **agreement}

        return Work(outputs, check, {"samples/s": per_second(times * n)}, facts={"samples": times * n})

    return prepare


CASES = [
    Case("H", "compute", prepared(in_chunks)),
    Case("H", "compute", prepared(at_once), simulator="at once"),
    Case("H", "to disk", prepared(in_chunks_to_disk)),
    Case("H", "to disk", prepared(at_once_to_disk), simulator="at once"),
    Case("H", "ten times the samples", prepared(in_chunks, 10)),
    Case("H", "ten times the samples", prepared(at_once, 10), simulator="at once"),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)

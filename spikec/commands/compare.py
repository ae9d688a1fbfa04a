"""Compare results, of which one may be a folder that an interrupted run left: `compare`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spikec.commands.files import open_run
from spikec.compare import Comparison
from spikec.result import RunResult
from spikec.spike_times import SpikeTimes, spike_times
from spikec.streaming.compare import compare_runs
from spikec.streaming.read import Run


def compare_files(a: Path, b: Path, tolerance: float, counts: bool) -> tuple[Comparison, str | None]:
    """Compare two results, spike for spike.

    Args:
        a: One result.
        b: The other.
        tolerance: How far apart spikes may lie, in ticks or seconds.
        counts: Whether counts are compared, too.

    Returns:
        The comparison of what there is, and which run is not finished, in a sentence; None if both are.

    Raises:
        UsageError: What `spikec.compare.compare` refuses.
    """
    runs = open_run(a), open_run(b)
    return compare_runs(*runs, tolerance, counts), _unfinished((a, b), runs)


def times_of_files(a: Path, b: Path) -> SpikeTimes:
    """Measure how far apart the spikes of two results lie; a run that is not finished stands in the notes.

    Raises:
        UsageError: What `spikec.spike_times.spike_times` refuses.
    """
    runs = open_run(a), open_run(b)
    found = spike_times(*(run if isinstance(run, RunResult) else run.whole() for run in runs))
    unfinished = _unfinished((a, b), runs)
    return found if unfinished is None else replace(found, notes=(*found.notes, unfinished))


def _unfinished(paths: tuple[Path, Path], runs: tuple[Run, Run]) -> str | None:
    parts = [
        f"{path} is not finished: {run.n_missing} of {run.n_samples + run.n_missing} samples are missing"
        for path, run in zip(paths, runs, strict=True)
        if not isinstance(run, RunResult) and run.n_missing
    ]
    if not parts:
        return None
    return f"{' and '.join(parts)}; only what there is was compared: run its program again to go on"

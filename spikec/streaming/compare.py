"""Compare two runs of which at least one lies in parts: piece by piece, as `spikec.compare` does at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from spikec.compare import Comparison, compare, first_counter_difference
from spikec.outcome import Outcome
from spikec.result import RunResult
from spikec.streaming.read import Run, StoredResult, outcome_of_run


def compare_runs(a: Run, b: Run, tolerance: float = 0.0, counts: bool = True) -> Comparison:
    """Compare two runs; see `spikec.compare.compare`, which says all of it."""
    if isinstance(a, RunResult) and isinstance(b, RunResult):
        return compare(a, b, tolerance, counts)
    in_a, in_b = outcome_of_run(a), outcome_of_run(b)
    notes: list[str] = []
    pieces_a, pieces_b = _in_one_time(a, b, notes)
    n_a, n_b = in_a.n_samples or 0, in_b.n_samples or 0
    found: list[Comparison] = []
    for first, last in _spans(a, b, min(n_a, n_b)):
        here = compare(pieces_a.samples(first, last), pieces_b.samples(first, last), tolerance, counts=False)
        if here.first is not None:
            here = replace(here, first=replace(here.first, sample=here.first.sample + first))
        found.append(here)
    notes += dict.fromkeys(note for here in found for note in here.notes)
    if n_a != n_b:
        notes.append(f"one run has {n_a} samples, the other {n_b}; the first {min(n_a, n_b)} are compared")
    identical, worst = None, None
    of_a, of_b = in_a.counters, in_b.counters
    comparable = counts and n_a == n_b
    if comparable and of_a is not None and of_b is not None and of_a.n_ticks == of_b.n_ticks:
        worst = first_counter_difference(of_a, of_b, notes)
        identical = worst is None
    first_spike = next((here.first for here in found if here.first is not None), None)
    return Comparison(
        identical=first_spike is None and worst is None,
        first=first_spike,
        populations=found[0].populations,
        n_samples=min(n_a, n_b),
        n_events_a=sum(here.n_events_a for here in found),
        n_events_b=sum(here.n_events_b for here in found),
        counters_identical=identical,
        first_counter_difference=worst,
        accuracy_a=in_a.meta.get("accuracy"),
        accuracy_b=in_b.meta.get("accuracy"),
        notes=tuple(notes),
    )


class _Pieces:
    """Samples of a run, one part in memory at a time.

    Args:
        run: The run.
        dt: Length of the ticks that its times are rounded to, seconds; None to leave them.
    """

    def __init__(self, run: Run, dt: float | None) -> None:
        self._run, self._dt = run, dt
        self._first, self._last = 0, 0
        self._held: RunResult | None = None

    def samples(self, first: int, last: int) -> RunResult:
        """Samples `first` to `last` (exclusive), which lie in one part."""
        if self._held is None or not self._first <= first < self._last:
            self._held = None  # before the next is read
            self._first, self._held = (
                (0, self._run) if isinstance(self._run, RunResult) else self._run.part_of(first)
            )
            self._last = self._first + next(e.n_samples for e in self._held.spikes.values())
        a, b = first - self._first, last - self._first
        spikes = {name: e.select(a, b) for name, e in self._held.spikes.items()}
        if self._dt is not None:
            spikes = {name: e.to_ticks(self._dt) for name, e in spikes.items()}
        return RunResult(spikes, counters=self._held.counters, meta={"dt": self._held.meta.get("dt")})


def _in_one_time(a: Run, b: Run, notes: list[str]) -> tuple[_Pieces, _Pieces]:
    """Both runs in ticks if one is, whether or not a piece has a spike to tell by."""
    in_a, in_b = outcome_of_run(a), outcome_of_run(b)
    dt = in_a.meta.get("dt") or in_b.meta.get("dt")
    if _in_ticks(in_a) == _in_ticks(in_b) or not dt:
        return _Pieces(a, None), _Pieces(b, None)
    rounded = "b" if _in_ticks(in_a) else "a"
    notes.append(f"the times of {rounded} were rounded to ticks of {dt:g} s")
    return _Pieces(a, dt if rounded == "a" else None), _Pieces(b, dt if rounded == "b" else None)


def _in_ticks(run: Outcome) -> bool:
    return run.counters is not None


def _spans(a: Run, b: Run, n_samples: int) -> Iterator[tuple[int, int]]:
    """The samples that both runs have, cut where either is."""
    cuts = {0, n_samples}
    for run in (a, b):
        if isinstance(run, StoredResult):
            cuts |= {part.last for part in run.parts if part.last < n_samples}
    ordered = sorted(cuts) if n_samples else [0, 0]
    yield from pairwise(ordered)

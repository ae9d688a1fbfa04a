"""Results of some samples put together: what a run of all of them at once would have given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from spikec.arrays import AnyArray
from spikec.errors import UsageError
from spikec.events import join_events
from spikec.outcome import Outcome, Size
from spikec.result import CoreCounts, Counters, PopulationCounts, ProjectionCounts, RunResult

_ADDED = ("seconds", "lava_seconds")
_JOINED = ("predictions", "labels")
_OF_THE_CHIP = ("mesh", "place", "neurons")

Counts = TypeVar("Counts", PopulationCounts, ProjectionCounts)


def join(parts: Iterable[RunResult]) -> RunResult:
    """The results of chunks of samples, in their order, as one; also as `Program.stream` gives them.

    Raises:
        UsageError: There is none, or they are not of one program and one length.
    """
    results = list(parts)
    if not results:
        raise UsageError("there is no result to join; a run of no samples gives none")
    first = results[0]
    _check_alike([r.meta for r in results])
    return RunResult(
        {name: join_events([r.spikes[name] for r in results]) for name in first.spikes},
        {key: np.concatenate([r.traces[key] for r in results]) for key in first.traces},
        join_counters([r.counters for r in results]),
        join_meta([r.meta for r in results]),
        join_cores([r.cores for r in results]),
    )


def join_outcomes(outcomes: Sequence[Outcome]) -> Outcome:
    """What runs of chunks of samples, in their order, amount to together.

    Raises:
        UsageError: There is none, or they are not of one program and one length.
    """
    if not outcomes:
        raise UsageError("there is no result to join; a run of no samples gives none")
    _check_alike([x.meta for x in outcomes])
    sizes = {
        name: Size(size.n_neurons, sum(x.sizes[name].n_events for x in outcomes))
        for name, size in outcomes[0].sizes.items()
    }
    return Outcome(
        sum(x.n_samples or 0 for x in outcomes),
        sizes,
        join_counters([x.counters for x in outcomes]),
        join_meta([x.meta for x in outcomes]),
        join_cores([x.cores for x in outcomes]),
    )


def join_counters(parts: Sequence[Counters | None]) -> Counters | None:
    """Counts of chunks, added; None if one has none."""
    counted = [c for c in parts if c is not None]
    if len(counted) < len(parts):
        return None
    first = counted[0]
    return Counters(
        sum(c.n_samples for c in counted),
        first.n_ticks,
        {name: _added([c.populations[name] for c in counted]) for name in first.populations},
        {name: _added([c.projections[name] for c in counted]) for name in first.projections},
    )


def join_cores(parts: Sequence[CoreCounts | None]) -> CoreCounts | None:
    """Counts of every core, added; None if a chunk has none."""
    counted = [c for c in parts if c is not None]
    if len(counted) < len(parts):
        return None
    first = counted[0]
    counts = [f.name for f in fields(CoreCounts) if f.name not in _OF_THE_CHIP]
    names = [name for name in counts if getattr(first, name) is not None]
    return replace(first, **{name: _sum([getattr(c, name) for c in counted]) for name in names})


def join_meta(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of a run, from those of its chunks: times added, answers in a row."""
    meta = dict(parts[0])
    for key in _ADDED:
        if key in meta:
            meta[key] = sum(part[key] for part in parts)
    for key in _JOINED:
        if key in meta:
            meta[key] = [value for part in parts for value in part[key]]
    if "labels" in meta:
        meta["accuracy"] = float(np.mean(np.equal(meta["predictions"], meta["labels"])))
    return meta


def _check_alike(metas: Sequence[Mapping[str, Any]]) -> None:
    for key, what in (("program", "programs"), ("until", "lengths"), ("backend", "backends")):
        if len({str(meta.get(key)) for meta in metas}) > 1:
            raise UsageError(f"results of different {what} cannot be joined; join chunks of one run")


def _added(counts: Sequence[Counts]) -> Counts:
    kind = type(counts[0])
    return kind(**{f.name: sum(getattr(c, f.name) for c in counts) for f in fields(kind)})


def _sum(values: Sequence[Any]) -> Any:
    """The sum of numbers, of arrays, or of mappings to them."""
    if isinstance(values[0], Mapping):
        return {key: _sum([v[key] for v in values]) for key in values[0]}
    total: AnyArray | int = sum(values[1:], start=values[0])
    return total

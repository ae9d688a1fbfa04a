"""Rows of benchmarks: cases that repeat in turns, and figures of each with their spread."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers import Processes, Worker

if TYPE_CHECKING:
    from harness import Case

OURS = "spikec"
ROOFLINE = "roofline"


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        value: Median over the repetitions; none if the answer is wrong or the simulator is missing.
        roofline_share: Share of the machine's limit that was reached.
        peak_mb: Peak of resident memory of the process, MB.
        ratio: How many times better ours is in the same run; of ours on more threads, how many times better
            than on the fewest.
        spread: Distance of the quartiles of the repetitions' seconds, divided by their median.
        clock: `wall`, or `cpu` for processor time of all threads.
        load: Of the machine over the last minute.
        note: Why there is no value.
    """

    bench: str
    case: str
    simulator: str
    threads: int
    value: float | None
    unit: str
    answer_ok: bool | None
    roofline_share: float | None = None
    peak_mb: float | None = None
    ratio: float | None = None
    spread: float | None = None
    repetitions: int = 0
    median_s: float | None = None
    clock: str = "wall"
    load: float = 0.0
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)


def to_json(row: Row) -> str:
    """The row as one line, figures to six digits."""
    return json.dumps({k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in asdict(row).items()})


def more_is_better(unit: str) -> bool:
    """Whether the unit is a rate."""
    return unit.endswith("/s")


def measure(
    group: Sequence[tuple[Sequence[str], Case]], processes: Processes, repetitions: int, clock: str
) -> Iterator[Row]:
    """Rows of cases that do the same work, timed in turns; ratios are to the first.

    Args:
        group: For each case the command that serves it, without its options.
        processes: Where they run.
        repetitions: How often each is timed.
        clock: Which time counts, `wall` or `cpu`.
    """
    workers = [Worker(processes.of(command, case), case) for command, case in group]
    for _ in range(repetitions):
        for worker in workers:
            worker.repeat()
    for worker in workers:
        worker.close()
    processes.done()
    first: dict[str, float] = {}
    for worker in workers:
        rows = list(_rows(worker, clock, first))
        yield from rows
        if worker is workers[0]:
            first = {r.unit: r.value for r in rows if r.value is not None and r.simulator != ROOFLINE}


def _rows(worker: Worker, clock: str, first: Mapping[str, float]) -> Iterator[Row]:
    case, told = worker.case, worker.told
    what = {"bench": case.bench, "case": case.name, "threads": case.threads, "clock": clock}
    where = {"load": os.getloadavg()[0], "machine": machine(), "versions": worker.first.get("versions", {})}
    if worker.trouble:
        yield Row(
            simulator=case.simulator,
            value=None,
            unit="",
            answer_ok=None if worker.missing else False,
            note=worker.trouble,
            facts=worker.first.get("facts", {}),
            **what,
            **where,
        )
        return
    seconds = [t["seconds"][clock] for t in told]
    floors = [t["floors"][clock] for t in told if t["floors"][clock]]
    for unit in told[0]["values"][clock]:
        value = statistics.median(t["values"][clock][unit] for t in told)
        yield Row(
            simulator=case.simulator,
            value=value,
            unit=unit,
            answer_ok=True,
            roofline_share=statistics.median(floors) / statistics.median(seconds) if floors else None,
            peak_mb=told[-1]["peak_mb"],
            ratio=_ratio(unit, first, value, case.simulator),
            spread=_spread(seconds),
            repetitions=len(told),
            median_s=statistics.median(seconds),
            facts={**worker.first["facts"], "first_s": worker.first["first_s"]},
            **what,
            **where,
        )
        if floors:
            yield Row(
                simulator=ROOFLINE,
                value=statistics.median(t["limits"][clock][unit] for t in told),
                unit=unit,
                answer_ok=True,
                spread=_spread(floors),
                repetitions=len(floors),
                median_s=statistics.median(floors),
                **what,
                **where,
            )


def _spread(seconds: Sequence[float]) -> float:
    if len(seconds) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(seconds, n=4)
    return (high - low) / middle


def _ratio(unit: str, first: Mapping[str, float], value: float, simulator: str) -> float | None:
    """How many times better the first is; of ours, how many times better than the first."""
    if unit not in first or not value:
        return None
    better = first[unit] / value if more_is_better(unit) else value / first[unit]
    return 1 / better if simulator == OURS else better


def machine() -> dict[str, Any]:
    """What runs this."""
    processor, cpuinfo = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        processor = next(
            (x.partition(":")[2].strip() for x in lines if x.startswith("model name")), processor
        )
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.system()}

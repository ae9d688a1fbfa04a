"""What benchmarks share: a process for each case, repetitions in turns, answers before times.

A script describes its work as `Case`s and gives them to `main`. Each case runs in a *worker*, a process of
its own, so that its peak of memory is its own and a peer can live in another environment. A worker makes its
work ready, runs it once and checks the answer; only then is it timed. Workers of the same work repeat in
turns, so that what else the machine does hits all of them alike, and ratios are of one run. Every figure is a
row (`rows.py`), one JSON line.

Only the standard library: peers' environments have no spikec.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from rows import OURS, measure, to_json

REPETITIONS = 5
QUICK_REPETITIONS = 3

Figure = Callable[[float, Any], float]
"""Seconds of a run and its answer to a figure."""


class Missing(Exception):
    """What a case needs is not here: files that are no part of this project, or a simulator."""


@dataclass(frozen=True)
class Work:
    """Work that is ready: everything that is not to be timed is done.

    Attributes:
        run: What is timed, conversion of raw inputs included. Gives its answer.
        check: Facts about an answer; `answer_ok` among them says whether it is right.
        figures: What a run is worth, by unit. More is better where the unit ends in `/s`, else less.
        floor: Processor seconds that the micro-kernels of the machine's limit need for the same work,
            measured when it is called (`rooflines.py`).
        facts: More to say about the work, such as its synaptic events.
    """

    run: Callable[[], Any]
    check: Callable[[Any], Mapping[str, Any]]
    figures: Mapping[str, Figure]
    floor: Callable[[], float] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One piece of work of a benchmark, on one simulator.

    Attributes:
        bench: Letter of the benchmark.
        name: Of the work; cases of the same bench and name do the same work.
        prepare: Makes the work ready, at a smaller size if it is called with true.
        threads: How many it runs on.
        simulator: Who does it.
        packages: Those whose versions matter.
    """

    bench: str
    name: str
    prepare: Callable[[bool], Work]
    threads: int = 1
    simulator: str = OURS
    packages: tuple[str, ...] = ("numpy", "numba")

    @property
    def key(self) -> str:
        """What names it on a command line."""
        return f"{self.bench}:{self.name}:{self.threads}:{self.simulator}"


def per_second(amount: float) -> Figure:
    """So many things a second."""
    return lambda seconds, _: amount / seconds


def main(text: str, cases: Sequence[Case]) -> None:
    """A benchmark's command line: its rows, or the work of one worker."""
    made = parser(text)
    made.add_argument("--worker", nargs=2, metavar=("CASE", "PIPE"), help=argparse.SUPPRESS)
    args = made.parse_args()
    if args.worker:
        key, pipe = args.worker
        with os.fdopen(int(pipe), "w", encoding="utf-8") as say:
            serve(next(c for c in cases if c.key == key), args.quick, say)
        return
    command = (sys.executable, sys.argv[0])
    work = ([(command, case) for case in group] for group in groups(cases, args.only))
    raise SystemExit(0 if print_rows(work, args) else 1)


def print_rows(work: Iterable[Sequence[tuple[Sequence[str], Case]]], args: argparse.Namespace) -> bool:
    """Print what groups of cases give; whether every answer of ours is right.

    Args:
        work: Groups that repeat in turns, each case with the command that serves it.
        args: Of `parser`.
    """
    repetitions, right = args.repetitions or (QUICK_REPETITIONS if args.quick else REPETITIONS), True
    for group in work:
        for row in measure(group, args.quick, repetitions, args.clock):
            print(to_json(row), flush=True)
            right &= row.simulator != OURS or row.answer_ok is not False
    return right


def parser(text: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=text.splitlines()[0])
    made.add_argument("--quick", action="store_true", help="every row at a smaller size")
    made.add_argument("--only", default="", metavar="TEXT", help="cases whose bench:name starts so")
    made.add_argument(
        "--repetitions", type=int, help=f"timed runs ({REPETITIONS}; quick {QUICK_REPETITIONS})"
    )
    made.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: if the machine is shared"
    )
    return made


def groups(cases: Iterable[Case], only: str) -> list[list[Case]]:
    """The cases whose key begins so, those of the same work together."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        if case.key.lower().startswith(only.lower()):
            found.setdefault((case.bench, case.name), []).append(case)
    return list(found.values())


def serve(case: Case, quick: bool, say: TextIO) -> None:
    """Do a case's work whenever a line comes in, and tell what it took."""
    try:
        began = perf_counter()
        work = case.prepare(quick)
        facts = dict(work.check(work.run()))
        first = {"first_s": perf_counter() - began, "versions": _versions(case)}
    except (ImportError, Missing) as error:
        _tell(say, {"missing": str(error)})
        return
    except Exception as error:
        traceback.print_exc()
        _tell(say, {"failed": f"{type(error).__name__}: {error}"})
        return
    _tell(say, {**first, "facts": {**work.facts, **facts}})
    _forget_peak()
    if facts["answer_ok"]:
        for _ in sys.stdin:
            _tell(say, _once(work, case.threads))


def _once(work: Work, threads: int) -> dict[str, Any]:
    cpu, wall = _cpu_seconds(), perf_counter()
    answer = work.run()
    seconds = {"wall": perf_counter() - wall, "cpu": _cpu_seconds() - cpu}
    peak = _peak_mb()
    floor = work.floor() if work.floor else 0.0
    floors = {"wall": floor / threads, "cpu": floor}
    return {
        "seconds": seconds,
        "values": {clock: _figures(work, s, answer) for clock, s in seconds.items()},
        "floors": floors,
        "limits": {clock: _figures(work, s, answer) for clock, s in floors.items() if s},
        "answer_ok": bool(work.check(answer)["answer_ok"]),
        "peak_mb": peak,
    }


def _figures(work: Work, seconds: float, answer: Any) -> dict[str, float]:
    return {unit: float(figure(seconds, answer)) for unit, figure in work.figures.items()}


def _cpu_seconds() -> float:
    """Processor time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _forget_peak() -> None:
    """Let the peak of memory be that of the runs, not of making networks and right answers."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mb() -> float:
    """Peak of resident memory of this process or of the largest of its children, MB.

    Linux hands a parent's `ru_maxrss` on to its child, but not the high-water mark of its memory map.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="utf-8").splitlines()
        mine = next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    else:
        mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return max(mine, children)


def _versions(case: Case) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in case.packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _tell(say: TextIO, what: Mapping[str, Any]) -> None:
    say.write(json.dumps(what, default=lambda scalar: scalar.item()) + "\n")  # numpy's scalars
    say.flush()

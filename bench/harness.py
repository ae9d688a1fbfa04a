"""What benchmarks share: a process for each case, repetitions in turns, answers before times.

A script describes its work as `Case`s and gives them to `main`. Each case runs in a process of its own, so
that its peak of memory is its own and a peer can live in another environment; quick runs share a process
among the cases of a command. Work is made ready, done once and its answer checked; only then is it timed.
Cases of the same work repeat in turns, so that what else the machine does hits all of them alike, and ratios
are of one run. Every figure is a row (`rows.py`), one JSON line.

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
from workers import Processes

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
        slow: Whether quick runs time only the first run.
    """

    run: Callable[[], Any]
    check: Callable[[Any], Mapping[str, Any]]
    figures: Mapping[str, Figure]
    floor: Callable[[], float] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    slow: bool = False


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
    args = parser(text).parse_args()
    if args.worker is not None:
        serve(cases, args)
    else:
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
    with Processes(args.quick) as processes:
        for group in work:
            for row in measure(group, processes, repetitions, args.clock):
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
    made.add_argument("--worker", type=int, metavar="PIPE", help=argparse.SUPPRESS)
    return made


def groups(cases: Iterable[Case], only: str) -> list[list[Case]]:
    """The cases whose key begins so, those of the same work together."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        if case.key.lower().startswith(only.lower()):
            found.setdefault((case.bench, case.name), []).append(case)
    return list(found.values())


def serve(cases: Iterable[Case], args: argparse.Namespace) -> None:
    """Open, repeat and close cases as lines of standard input ask for it, and tell what became of it."""
    with os.fdopen(args.worker, "w", encoding="utf-8") as say:
        _serve(list(cases), args.quick, say)


def _serve(cases: Sequence[Case], quick: bool, say: TextIO) -> None:
    by_key, works = {case.key: case for case in cases}, dict[str, Work]()
    for line in sys.stdin:
        order, key = line.rstrip("\n").split(" ", 1)
        if order == "open":
            _tell(say, _open(by_key[key], quick, works))
            _forget_peak()
        elif order == "again":
            _tell(say, _once(works[key], by_key[key].threads))
        else:
            works.pop(key, None)
            _tell(say, {})


def _open(case: Case, quick: bool, works: dict[str, Work]) -> dict[str, Any]:
    """Make a case's work ready, and do it for the first time."""
    try:
        began = perf_counter()
        works[case.key] = work = case.prepare(quick)
        first = _once(work, case.threads)
    except (ImportError, Missing) as error:
        return {"missing": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}
    slow, took = quick and work.slow, perf_counter() - began
    return {**first, "first_s": took, "slow": slow, "versions": _versions(case)}


def _once(work: Work, threads: int) -> dict[str, Any]:
    cpu, wall = _cpu_seconds(), perf_counter()
    answer = work.run()
    seconds = {"wall": perf_counter() - wall, "cpu": _cpu_seconds() - cpu}
    peak, facts = _peak_mb(), {**work.facts, **work.check(answer)}
    if not facts["answer_ok"]:
        return {"answer_ok": False, "facts": facts}
    floor = work.floor() if work.floor else 0.0
    floors = {"wall": floor / threads, "cpu": floor}
    return {
        "seconds": seconds,
        "values": {clock: _figures(work, s, answer) for clock, s in seconds.items()},
        "floors": floors,
        "limits": {clock: _figures(work, s, answer) for clock, s in floors.items() if s},
        "answer_ok": True,
        "facts": facts,
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

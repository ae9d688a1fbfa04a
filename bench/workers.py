"""Processes that do the work of cases, a line in and a line out (`harness.serve` is the other end)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness import Case

BENCH = Path(__file__).resolve().parent


class Process:
    """One process of a script."""

    def __init__(self, command: Sequence[str], threads: int, quick: bool) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.missing = ""
        answers, pipe = os.pipe()
        self._answers = os.fdopen(answers, encoding="utf-8")
        try:
            self._process = subprocess.Popen(
                [*command, "--worker", str(pipe), *(["--quick"] if quick else [])],
                stdin=subprocess.PIPE,
                stdout=2,  # what libraries print is no answer
                pass_fds=(pipe,),
                text=True,
                env=_environment(threads),
            )
        except OSError as error:
            self.missing = f"{command[0]}: {error.strerror}"
        finally:
            os.close(pipe)

    def ask(self, order: str) -> dict[str, Any]:
        """What the process answers."""
        if self._process is None:
            return {"missing": self.missing}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"failed": f"the process ended with code {self._process.wait()}"}

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()
        self._answers.close()


class Processes:
    """Where cases find their process: one each, or in quick runs one for a command on so many threads."""

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        self._open: dict[tuple[Any, ...], Process] = {}

    def of(self, command: Sequence[str], case: Case) -> Process:
        """The process of a case."""
        key = (*command, case.threads, "" if self.quick else case.key)
        if key not in self._open:
            self._open[key] = Process(command, case.threads, self.quick)
        return self._open[key]

    def done(self) -> None:
        """The cases so far are done: end what only they needed."""
        if not self.quick:
            self.__exit__(None, None, None)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._open.values():
            process.close()
        self._open.clear()


class Worker:
    """A case in its process, ready once it is made.

    Attributes:
        case: The work.
        first: What the process told about itself and its first run.
        told: What it told after each repetition.
    """

    def __init__(self, process: Process, case: Case) -> None:
        self.case = case
        self._process = process
        self.first = process.ask(f"open {case.key}")
        self.told = [self.first] if self.first.get("slow") else []

    @property
    def trouble(self) -> str:
        """Why there are no times."""
        for told in (self.first, *self.told):
            if "missing" in told or "failed" in told:
                return str(told.get("missing") or told.get("failed"))
            if not told["answer_ok"]:
                return "the answer is wrong"
        return ""

    @property
    def missing(self) -> bool:
        """Whether the simulator is not there."""
        return "missing" in self.first

    def repeat(self) -> None:
        """One repetition, if all went well so far and one is not enough."""
        if not self.trouble and not self.first.get("slow"):
            self.told.append(self._process.ask(f"again {self.case.key}"))

    def close(self) -> None:
        """Let go of what the work holds."""
        self._process.ask(f"close {self.case.key}")


def _environment(threads: int) -> dict[str, str]:
    """The modules of this folder, and the threads of libraries that have pools of their own."""
    pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    path = os.pathsep.join([str(BENCH), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **{name: str(threads) for name in pools}}

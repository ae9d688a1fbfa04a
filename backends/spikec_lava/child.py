"""Runs a deployed network in a child process that can neither hang nor leave anything behind.

The child leads a process group of its own. Whatever happens - it ends, dies, runs out of time, the user
presses Ctrl-C - afterwards no process of the group is alive and no shared memory of it is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from spikec.errors import BackendFailed, UsageError
from spikec_lava.deployed.runtime import TOKEN

GRACE = 3.0
"""Seconds between asking the child's processes to end and ending them."""

_POLL = 0.02
_SHARED_MEMORY = Path("/dev/shm")

ADVICE = "allow more time, or run fewer samples at once"
"""What helps where time ran out."""

NOISE = ("resource_tracker", "warnings.warn")
"""Marks of what Python itself says when its processes are killed."""


def run_child(package: Path, arguments: Sequence[str], *, timeout: float, log: Path | None = None) -> None:
    """Run a package's ``run.py`` and wait for it.

    Args:
        package: A folder that `spikec_lava.emit.deploy` wrote.
        arguments: For its command line.
        timeout: Wall time it may take, seconds.
        log: Where its output goes; None for a temporary file, which is removed if all goes well.

    Raises:
        UsageError: It found something that the user can put right, or the log cannot be written.
        BackendFailed: It failed, died or took too long.
    """
    path = log if log is not None else _temporary(".log")
    keep = log is not None
    try:
        code = _wait_for_child([str(package / "run.py"), *arguments], package, timeout, path)
        if code == 2:
            raise UsageError(last_words(path))
        if code != 0:
            keep = True
            why = ADVICE if code is None else last_words(path)
            raise BackendFailed(f"Lava {_fate(code, timeout)}: {why} (its log is {path})")
    finally:
        if not keep:
            path.unlink(missing_ok=True)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End every process of a child's group, gently at first, and wait until they are gone."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if not _signalled(child.pid, sign):
            break
        deadline = time.monotonic() + GRACE
        while group_members(child.pid) and time.monotonic() < deadline:
            child.poll()
            time.sleep(_POLL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE)


def group_members(group: int) -> list[int]:
    """The living processes of a process group; where there is no ``/proc``, its leader stands for them."""
    if not Path("/proc/self/stat").exists():
        return [group] if _signalled(group, 0) else []
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state not in "ZX":
                members.append(int(stat.parent.name))
    return members


def remove_shared_memory(ledger: Path) -> None:
    """Remove what is left of the shared memory that a run noted, and the note."""
    with contextlib.suppress(FileNotFoundError):
        for name in ledger.read_text().split():
            (_SHARED_MEMORY / name.lstrip("/")).unlink(missing_ok=True)
        ledger.unlink()


def last_words(log: Path) -> str:
    """The line of a log that says most: the last one meant for people, else the last one at all."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    lines = [line for line in lines if not any(noise in line for noise in NOISE)]
    meant = [line.removeprefix(TOKEN) for line in lines if line.startswith(TOKEN)]
    return (meant or lines or ["it said nothing"])[-1]


def _wait_for_child(arguments: Sequence[str], folder: Path, timeout: float, log: Path) -> int | None:
    """Run Python in a process group of its own; return its exit code, or None if it took too long."""
    try:
        output = log.open("wb")
    except OSError as error:
        raise UsageError(
            f"cannot write the log {log}: {error.strerror or error}; choose another place"
        ) from error
    ledger = _temporary(".ledger")
    supervision = ["--ledger", str(ledger), "--owner", str(os.getpid())]
    with output:
        child = subprocess.Popen(
            [sys.executable, *arguments, *supervision],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(child)
            remove_shared_memory(ledger)


def _fate(code: int | None, timeout: float) -> str:
    if code is None:
        return f"did not end within {timeout:.0f} s"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _signalled(group: int, sign: int) -> bool:
    try:
        os.killpg(group, sign)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _temporary(suffix: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="spikec-lava-", suffix=suffix)
    os.close(handle)
    return Path(name)

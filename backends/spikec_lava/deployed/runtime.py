"""Runs Lava processes so that nothing can hang and nothing stays behind.

Lava waits for ever if one of its processes raises or dies while others wait for its spikes. Here a thread
looks after the processes: as soon as one is gone it says why, ends the others and leaves with exit code 1.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

LOOK_EVERY = 0.2
"""Seconds between two looks at the processes."""

TOKEN = "spikec-lava: "
"""Begins every line of output that is meant for people."""


class Runtime:
    """A compiled and started group of Lava processes; made by `started`."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def run(self, n_steps: int) -> None:
        """Advance all processes by some steps."""
        from lava.magma.core.run_conditions import RunSteps

        self._process.run(condition=RunSteps(num_steps=n_steps))


@contextmanager
def started(
    process: Any, run_cfg: Any, ledger: Path | None = None, owner: int | None = None
) -> Iterator[Runtime]:
    """Compile and start a process and all that are connected to it, and stop them in the end.

    Args:
        process: Any Lava process of the group.
        run_cfg: Lava's run configuration.
        ledger: A file that the names of all shared memory are written to, for whoever must clean up.
        owner: Process id of the parent; if it vanishes, everything ends.
    """
    if ledger is not None:
        _note_shared_memory(ledger)
    process.create_runtime(run_cfg=run_cfg)
    over = threading.Event()
    actors = process.runtime._messaging_infrastructure.actors
    watch = threading.Thread(target=_watch, args=(actors, over, owner), daemon=True)
    watch.start()
    yield Runtime(process)
    over.set()
    watch.join()
    process.stop()


def leave(message: str, code: int = 1) -> NoReturn:
    """End this program and every process it started, at once and whatever they wait for."""
    for child in multiprocessing.active_children():
        child.kill()
    sys.stdout.flush()
    print(f"{TOKEN}{message}", file=sys.stderr, flush=True)
    os._exit(code)


def _watch(actors: list[Any], over: threading.Event, owner: int | None) -> None:
    while not over.wait(LOOK_EVERY):
        if owner is not None and os.getppid() != owner:
            leave("the program that started this run is gone")
        for actor in actors:
            if actor.exception:
                error, trace = actor.exception
                print(trace, file=sys.stderr)
                leave(f"a process of Lava raised {type(error).__name__}: {error}")
            if not actor.is_alive():
                leave(f"a process of Lava died with exit code {actor.exitcode}")


def _note_shared_memory(ledger: Path) -> None:
    """Make Lava write the name of each piece of shared memory to a file when it is created."""
    from lava.magma.runtime.message_infrastructure.shared_memory_manager import SharedMemoryManager

    create = SharedMemoryManager.create_shared_memory

    def create_and_note(self: Any, size: int) -> Any:
        memory = create(self, size)
        with ledger.open("a") as names:
            names.write(f"{memory.name}\n")
        return memory

    SharedMemoryManager.create_shared_memory = create_and_note

"""Memory: how much there is, how much a run needs whatever happens, and how many samples fit."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikec.backend import Backend, KeepsRasters
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.network import Continuous
from spikec.program import Program
from spikec.records import split_key
from spikec.units import several

CHUNK_BYTES = 512 << 20
"""What a chunk may take, at most: enough that starting one costs nothing, few samples to lose."""

SHARE = 4
"""A chunk takes no more than the free memory through this."""

EVENT_BYTES = 12
"""Of one spike: its time and its neuron."""

COPIES = 6
"""Bytes that a byte of spikes takes while they are checked, put together and written.

Measured are 1.4 (events of benchmark A, 400 samples a chunk) and 1.7 (its raster); the rest is for samples
that spike more often than those before.
"""

RASTER_COPIES = 4
"""The same of rasters and membranes; numpy's own temporaries among them."""

_NUMBER_BYTES = 8


@dataclass(frozen=True)
class Need:
    """What a sample takes, bytes.

    Attributes:
        surely: Whatever happens in it.
        at_most: If every neuron spiked in every tick; of continuous time, where nobody knows, 16 times.
    """

    surely: int
    at_most: int


def need_of(
    program: Program,
    backend: Backend,
    until: float,
    record: Sequence[str] = (),
    every: float | None = None,
    input_bytes: float = 0.0,
) -> Need:
    """What a sample of a run takes.

    Args:
        program: What runs.
        backend: Where.
        until: Ticks, or seconds for a continuous network.
        record: Membranes to keep.
        every: How often to keep ``name.v`` of a continuous network, seconds.
        input_bytes: What the input spikes of a sample take.
    """
    network = program.network
    continuous = isinstance(network.clock, Continuous)
    n_times = int(until) if not continuous else int(until / every) + 1 if every else 1
    surely = 0
    for key in dict.fromkeys(record):
        name, what = split_key(key)
        in_course = what == ".v" or (what == ".v.max" and not continuous)
        surely += _NUMBER_BYTES * network.population(name).n * (n_times if in_course else 1)
    if isinstance(backend, KeepsRasters):
        surely += backend.sample_bytes(program, until)
    spikes = sum(p.n for p in network.populations if not p.is_source) * (16 if continuous else n_times)
    return Need(surely, RASTER_COPIES * surely + COPIES * (EVENT_BYTES * spikes + int(input_bytes)))


def check_room(need: Need, n_samples: int, advice: str) -> None:
    """Refuse, before it starts, a run of samples that memory surely cannot hold.

    Args:
        need: Of a sample.
        n_samples: How many are run at once.
        advice: What to do about it.

    Raises:
        UsageError: It is one.
    """
    free = free_bytes()
    if free is not None and n_samples * need.surely > free:
        raise UsageError(
            f"{several(n_samples, 'sample')} at once would take {bytes_text(n_samples * need.surely)} of "
            f"memory, and {bytes_text(free)} are free; {advice}"
        )


def check_file(path: Path, n_bytes: int) -> None:
    """Refuse, before it is read, a file whose contents memory cannot hold.

    Raises:
        UsageError: It is one.
    """
    free = free_bytes()
    if free is not None and n_bytes > free:
        raise UsageError(
            f"{path} holds {bytes_text(n_bytes)}, and {bytes_text(free)} of memory are free; make a smaller "
            "network, or take a machine with more memory"
        )


def chunk_room() -> int:
    """What a chunk may take now, bytes."""
    free = free_bytes()
    return CHUNK_BYTES if free is None else max(1, min(CHUNK_BYTES, free // SHARE))


def bytes_of(events: Mapping[str, Events]) -> int:
    """What spikes take in memory."""
    return sum(e.times.nbytes + e.neurons.nbytes + e.sample_starts.nbytes for e in events.values())


def free_bytes() -> int | None:
    """What this process may still take, by the machine, its group and its own limit; None if unknown."""
    found = [size for size in (_of_machine(), _of_group(), _of_process()) if size is not None]
    return max(0, min(found)) if found else None


def bytes_text(n: float) -> str:
    """``1.5 GB``."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n:.0f} B"


def _of_machine() -> int | None:
    """Free memory, and what the system could free."""
    lines = _lines("/proc/meminfo")
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_group() -> int | None:
    """What the control group (a container, a job) leaves."""
    limit, used = _lines("/sys/fs/cgroup/memory.max"), _lines("/sys/fs/cgroup/memory.current")
    if not limit or not used or not limit[0].isdecimal():
        return None
    return int(limit[0]) - int(used[0])


def _of_process() -> int | None:
    """What ``ulimit -v`` leaves."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _lines("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return limit - int(pages[0].split()[0]) * resource.getpagesize()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except OSError:
        return []

"""What a backend is, and where backends are found.

A backend is a class with the three members below, named in the entry point group ``spikec.backends`` of its
package. The built-in ones come in through the same door. It runs programs exactly as `spikec.reference`
defines, spike for spike and count for count; ``tests/contract.py`` checks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.metadata import entry_points
from math import inf
from pathlib import Path
from typing import Protocol, runtime_checkable

from spikec.errors import BackendUnavailable, TargetError, UsageError, Violation
from spikec.events import Events
from spikec.inputs import check_inputs
from spikec.program import Program
from spikec.result import RunResult
from spikec.shards import gather, gather_counters, gather_membrane, record_keys

GROUP = "spikec.backends"


class Executable(Protocol):
    """A program made ready."""

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """Run all samples, each from rest.

        Args:
            inputs: For each input population its spikes, in the network's own kind of time.
            until: Ticks to run (the tick dialects), or seconds (continuous).
            record: Membranes to return: ``"name.v"`` for every tick (not in continuous time),
                ``"name.v.last"`` for the last one; ``"name.v.max"`` for the maximum over a continuous run.
        """
        ...

    def close(self) -> None:
        """Give back what the executable holds (processes, files)."""
        ...


class Backend(Protocol):
    """Something that runs programs."""

    name: str

    def unavailable(self) -> str | None:
        """Why the backend cannot work here, in one sentence; None if it can. Cheap: imports nothing heavy."""
        ...

    def unsupported(self, program: Program) -> list[Violation]:
        """What in the program this backend cannot run; empty if it can."""
        ...

    def prepare(self, program: Program) -> Executable:
        """Do the slow part once: lower, compile, start."""
        ...


@runtime_checkable
class Deploys(Backend, Protocol):
    """A backend that can also write a package for a platform of its own."""

    def deploy(self, program: Program, directory: str | Path) -> Path:
        """Write the package and return its folder."""
        ...


@runtime_checkable
class StartsSlowly(Backend, Protocol):
    """A backend whose first start on a machine takes so long that its user should know why."""

    def slow_start(self, program: Program) -> str | None:
        """What will take long when this program is prepared, in one sentence; None if nothing."""
        ...


@runtime_checkable
class KeepsRasters(Backend, Protocol):
    """A backend that keeps more of a sample than its spikes until a run is over."""

    def sample_bytes(self, program: Program, until: float) -> int:
        """What that is, whatever happens in the sample, bytes."""
        ...


def backend_names() -> list[str]:
    """Names of all installed backends."""
    return sorted({e.name for e in entry_points(group=GROUP)})


def find_backend(name: str, **options: object) -> Backend:
    """Make a backend that can run here, by name.

    Args:
        name: As in `backend_names`.
        options: Passed to the backend's constructor, for instance ``flavour="stock"`` for Lava.

    Raises:
        UsageError: There is none of this name, or it does not know an option.
        BackendUnavailable: It cannot work here.
    """
    backend = _make(name, **options)
    reason = backend.unavailable()
    if reason is not None:
        raise BackendUnavailable(f"backend {name} cannot run here: {reason}")
    return backend


def availability(name: str) -> str | None:
    """Why a backend cannot run here, in one sentence; None if it can."""
    return _make(name).unavailable()


def deploy(name: str, program: Program, directory: str | Path, **options: object) -> Path:
    """Have a backend write a package that runs a program by itself, wherever the backend's platform is.

    Args:
        name: As in `backend_names`; the backend need not be able to run here.
        program: What to deploy.
        directory: A folder that does not exist yet.
        options: Passed to the backend's constructor.

    Raises:
        UsageError: The backend has nothing to deploy to.
        TargetError: It cannot run the program.
    """
    if not isinstance(_make(name), Deploys):
        raise UsageError(f"backend {name} runs programs here only and has nothing to deploy to; use lava")
    backend = _make(name, **options)
    assert isinstance(backend, Deploys)
    violations = backend.unsupported(program)
    if violations:
        raise TargetError(f"backend {name}", violations)
    return backend.deploy(program, directory)


def _make(name: str, **options: object) -> Backend:
    found = [e for e in entry_points(group=GROUP) if e.name == name]
    if not found:
        raise UsageError(f"there is no backend {name!r}; installed are {', '.join(backend_names())}")
    try:
        made = found[0].load()
    except (ImportError, AttributeError) as error:
        raise BackendUnavailable(f"backend {name} cannot be loaded: {error}") from error
    try:
        backend: Backend = made(**options)
    except TypeError as error:
        unknown = ", ".join(f"{k} {v}" for k, v in options.items())
        raise UsageError(f"backend {name} has no such option ({unknown}); leave it out") from error
    return backend


class Prepared:
    """A program on a backend, made ready when its first batch comes; split populations come back whole.

    Args:
        backend: Where it runs.
        program: What runs.
    """

    def __init__(self, backend: Backend, program: Program) -> None:
        self._backend, self._program = backend, program
        self._executable: Executable | None = None

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """Run a batch of samples, each from rest.

        Raises:
            TargetError: The backend cannot run the program.
            EventsError: The inputs do not fit the program.
            UsageError: `until` is negative or endless.
        """
        program = self._program
        if not 0 <= until < inf:
            raise UsageError(f"a run cannot take {until:g} ticks or seconds; give a number that is 0 or more")
        if self._executable is None:
            violations = self._backend.unsupported(program)
            if violations:
                raise TargetError(f"backend {self._backend.name}", violations)
        check_inputs(program.network, inputs)
        if self._executable is None:
            self._executable = self._backend.prepare(program)
        result = self._executable.run(inputs, until, record_keys(program, record))
        return replace(
            result,
            spikes=gather(program, result.spikes),
            traces=gather_membrane(program, result.traces, record),
            counters=gather_counters(program, result.counters),
        )

    def close(self) -> None:
        """Give back what the backend holds."""
        if self._executable is not None:
            self._executable.close()


def run(
    backend: Backend, program: Program, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()
) -> RunResult:
    """Prepare, run and close in one go; see `Prepared.run`."""
    with closing(Prepared(backend, program)) as prepared:
        return prepared.run(inputs, until, record)

"""A search's memory: what every program that was tried costs, in a file, so that none is tried twice.

What is tried next follows from what was tried before. So a search that finds its trials in the file goes the
same way as it did, without their runs, and on from where it ended. The budget is no part of the file's key:
another budget for the same network, options and samples uses the same trials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from spikec.container import digest, write_atomically
from spikec.errors import FileFormatError, UsageError
from spikec.ir.network import Network
from spikec.passes.pipelines import CompileOptions
from spikec.program import Program
from spikec.search.candidates import Measured
from spikec.targets.target import Target

_KIND = "spikec search"


@dataclass(frozen=True)
class Trial:
    """What was asked for, and what came of it.

    Attributes:
        asked_dt: Length of a tick, seconds, as asked for; None for the network's own.
        asked_bits: Bits of projections, as asked for.
        dt: The program's.
        n_ticks: Ticks of a sample, if known.
        synapse_bytes: Memory of the synapses.
        measured: What it costs; None if it does not fit the target.
    """

    asked_dt: float | None
    asked_bits: Mapping[str, int]
    dt: float
    n_ticks: int | None
    synapse_bytes: int
    measured: Measured | None


@dataclass
class Trials:
    """All trials of a search so far.

    Attributes:
        path: Where they are kept; None for nowhere.
        key: What they are of.
        known: The trials.
    """

    path: Path | None = None
    key: str = ""
    known: list[Trial] = field(default_factory=list)

    def find(self, dt: float | None, bits: Mapping[str, int]) -> Trial | None:
        """The trial of these ticks and bits, if there was one."""
        return next((t for t in self.known if t.asked_dt == dt and t.asked_bits == bits), None)

    def add(self, trial: Trial) -> None:
        """Remember a trial, and write all of them down.

        Raises:
            FileFormatError: The file cannot be written.
        """
        self.known.append(trial)
        if self.path is not None:
            content = {"kind": _KIND, "key": self.key, "trials": [asdict(t) for t in self.known]}
            write_atomically(self.path, json.dumps(content, indent=1, allow_nan=False).encode())


def open_trials(path: Path | None, key: str) -> Trials:
    """The trials of a file, or none if it is not there yet.

    Args:
        path: The file; None for no memory.
        key: From `search_key`.

    Raises:
        FileFormatError: It is damaged.
        UsageError: It is of another search, or of none.
    """
    if path is None or not path.exists():
        return Trials(path, key)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"checkpoint {path} is damaged; delete it to begin anew") from error
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise UsageError(f"{path} is no checkpoint of a search; name another file")
    if content.get("key") != key:
        raise UsageError(
            f"checkpoint {path} is of another search (network, target, options, samples or spikec's version "
            "differ); name another file, or delete it"
        )
    try:
        known = TypeAdapter(list[Trial]).validate_python(content.get("trials"))
    except ValidationError as error:
        raise FileFormatError(f"checkpoint {path} is damaged; delete it to begin anew") from error
    return Trials(path, key, known)


def search_key(network: Network, target: Target, options: CompileOptions) -> str:
    """What trials depend on: network, target, options, samples, and the compiler's version."""
    given, engine = options.calibration, options.repair
    samples = None if given is None else digest(dict(given.inputs))
    labels = None if given is None or given.labels is None else given.labels.tolist()
    plain = replace(options, calibration=None, repair=None, bits_of={})
    parts = (
        version("spikec"),
        digest(Program(network, target)),
        repr(plain),
        sorted(options.bits_of.items()),
        None if engine is None else engine.name,
        samples,
        labels,
    )
    return sha256(repr(parts).encode()).hexdigest()
